//! Disks that are full.

use anyhow::{Result, ensure};
use meridian_testkit::{Setup, Tmpfs, until};

use crate::{WITHIN, read_back, write};

/// A disk on which a node starts, and soon finds no more room.
const DISK_BYTES: u64 = 40 << 20;
const ROOMY_BYTES: u64 = 2 << 30;
const VALUE_BYTES: usize = 256 << 10;

#[test]
fn a_node_alone_on_a_full_disk_refuses_writes_until_there_is_room() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = Tmpfs::mount(&folder.path().join("disk"), DISK_BYTES)? else {
        eprintln!("SKIPPED: file systems cannot be mounted here");
        return Ok(());
    };
    Setup::new(1).run_unformed(|cluster| {
        cluster.node(0).kill();
        cluster.node(0).set_data(disk.path().join("data"));
        cluster.start_node(0)?;
        cluster.init()?;
        cluster.wait_ready()?;
        let mut client = cluster.client(0)?;
        let value = "f".repeat(VALUE_BYTES / 16);
        let mut written = 0;
        let error = loop {
            match client.call(&["SET", &format!("fill:{written}"), &value]) {
                Ok(_) => written += 1,
                Err(error) => break error.to_string(),
            }
            ensure!(written < DISK_BYTES as usize / value.len(), "a full disk is not noticed");
        };
        ensure!(error.starts_with("MISCONF No space left on the disk"), "{error}");
        // Reads go on, and nothing is lost, neither now nor by a restart.
        let last = format!("fill:{}", written - 1);
        ensure!(client.call(&["STRLEN", &last])?.as_integer() == i64::try_from(value.len()).ok(), "{last}");
        ensure!(client.call(&["SET", "more", "1"]).is_err(), "there is no room yet");
        disk.resize(ROOMY_BYTES)?;
        until(WITHIN, "writes", || client.call(&["SET", "more", "1"]).is_ok())?;
        cluster.node(0).kill();
        cluster.start_node(0)?;
        cluster.wait_ready()?;
        let kept = cluster.client(0)?.call(&["DBSIZE"])?.as_integer();
        ensure!(kept == i64::try_from(written + 1).ok(), "{kept:?} keys of {written} and one");
        Ok(())
    });
    Ok(())
}

#[test]
fn a_full_disk_on_one_node_stops_only_that_node() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = Tmpfs::mount(&folder.path().join("disk"), DISK_BYTES)? else {
        eprintln!("SKIPPED: file systems cannot be mounted here");
        return Ok(());
    };
    // What the node says when its log has failed, and what Raft says.
    let setup = Setup::new(3).expect_error("os error 28").expect_error(" openraft::");
    setup.run_unformed(|cluster| {
        cluster.node(2).kill();
        cluster.node(2).set_data(disk.path().join("data"));
        cluster.start_node(2)?;
        cluster.init()?;
        cluster.wait_ready()?;
        let mut client = cluster.client(0)?;
        write(&mut client, "a", 100)?;
        let value = "f".repeat(VALUE_BYTES);
        let filling = 2 * DISK_BYTES / VALUE_BYTES as u64;
        for index in 0..filling {
            // The value is overwritten: it is the log that fills the disk.
            client.call(&["SET", &format!("fill:{}", index % 8), &value])?;
        }
        write(&mut client, "b", 100)?;
        // With room again it begins anew by itself, and catches up.
        disk.resize(ROOMY_BYTES)?;
        cluster.wait_ready()?;
        until(WITHIN, "the node to catch up", || {
            let shards = cluster.status(0).and_then(|status| status.shards());
            shards.is_ok_and(|shards| {
                shards.iter().all(|shard| shard.voters.values().all(|lag| *lag == Some(0)))
            })
        })?;
        cluster.node(0).kill();
        let mut client = cluster.client(2)?;
        read_back(&mut client, "a", 100)?;
        read_back(&mut client, "b", 100)?;
        ensure!(
            client.call(&["STRLEN", "fill:0"])?.as_integer() == i64::try_from(VALUE_BYTES).ok(),
            "fill:0"
        );
        Ok(())
    });
    Ok(())
}
