//! What a crash or a bad disk has done to the files of a node that starts again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use meridian_testkit::{Cluster, Setup};

use crate::{WITHIN, read_back, write};

/// The segments of a node's log, the newest last.
fn segments(data: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(data.join("log"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "log") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// How much of a segment is written; the rest is zeroes.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Changes the newest segment of a node that does not run, and yields its path.
fn change(cluster: &mut Cluster, node: usize, how: impl FnOnce(&mut Vec<u8>)) -> Result<PathBuf> {
    let path = segments(cluster.node(node).data())?.pop().context("the log has no segment")?;
    let mut bytes = fs::read(&path)?;
    how(&mut bytes);
    fs::write(&path, bytes)?;
    Ok(path)
}

/// Starts a node, which has to refuse with one line that says all of `says`.
fn refused(cluster: &mut Cluster, node: usize, says: &[&str]) -> Result<()> {
    cluster.start_node(node)?;
    let exit = cluster.node(node).wait_exit(WITHIN)?;
    let complaints: Vec<&str> = exit.log.lines().filter(|line| line.starts_with("meridian: ")).collect();
    ensure!(exit.code == Some(2) && complaints.len() == 1, "exit code {:?}\n{}", exit.code, exit.log);
    for part in says {
        ensure!(complaints[0].contains(part), "`{part}` is not in {}", complaints[0]);
    }
    Ok(())
}

#[test]
fn a_torn_end_of_the_log_is_cut() {
    Setup::new(3).run(|cluster| {
        write(&mut cluster.client(0)?, "a", 200)?;
        cluster.node(0).kill();
        // As if the last batch had not all come to the disk.
        change(cluster, 0, |bytes| {
            let end = written(bytes);
            bytes[end - 4..end].fill(0);
        })?;
        write(&mut cluster.client(1)?, "b", 200)?;
        cluster.start_node(0)?;
        cluster.wait_ready()?;
        // And with something behind the end that is no record.
        cluster.node(0).kill();
        change(cluster, 0, |bytes| {
            let end = written(bytes).next_multiple_of(8);
            bytes[end + 64..end + 96].fill(0xa5);
        })?;
        cluster.start_node(0)?;
        cluster.wait_ready()?;
        let mut client = cluster.client(0)?;
        read_back(&mut client, "a", 200)?;
        read_back(&mut client, "b", 200)
    });
}

#[test]
fn damage_elsewhere_is_refused_with_the_name_of_the_file() {
    Setup::new(3).run(|cluster| {
        let mut client = cluster.client(1)?;
        for round in 0..10 {
            write(&mut client, &format!("a{round}"), 50)?;
        }
        cluster.node(0).kill();
        let path = change(cluster, 0, |bytes| {
            let middle = written(bytes) / 2;
            bytes[middle] ^= 1;
        })?;
        refused(cluster, 0, &[&path.display().to_string()])?;
        // Twice: nothing was cut the first time.
        refused(cluster, 0, &[&path.display().to_string()])?;
        change(cluster, 0, |bytes| {
            let middle = written(bytes) / 2;
            bytes[middle] ^= 1;
        })?;
        cluster.start_node(0)?;
        cluster.wait_ready()?;
        read_back(&mut cluster.client(0)?, "a9", 50)
    });
}

#[test]
fn a_directory_of_a_newer_version_is_refused() {
    Setup::new(1).run(|cluster| {
        write(&mut cluster.client(0)?, "a", 10)?;
        cluster.node(0).kill();
        let identity = cluster.node(0).data().join("identity");
        let text = fs::read_to_string(&identity)?;
        fs::write(&identity, text.replace("format 1", "format 2"))?;
        refused(cluster, 0, &[&identity.display().to_string(), "format 2"])?;
        fs::write(&identity, text)?;
        cluster.start_node(0)?;
        cluster.wait_ready()?;
        read_back(&mut cluster.client(0)?, "a", 10)
    });
}
