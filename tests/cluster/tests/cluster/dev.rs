//! `meridian dev`, as a newcomer meets it.

use std::time::Duration;

use anyhow::{Result, ensure};
use meridian_testkit::{Dev, Value, binary, until};

use crate::{WITHIN, read_back, write};

#[test]
fn a_cluster_in_one_process_serves_and_leaves_nothing_behind() -> Result<()> {
    let mut dev = Dev::start(&["--shards", "2"])?;
    let data = dev.data()?.to_owned();
    ensure!(data.is_dir(), "{} is no directory", data.display());
    let mut client = dev.client()?;
    write(&mut client, "a", 100)?;
    read_back(&mut client, "a", 100)?;
    let node = dev.greeting().lines().find(|line| line.trim_start().starts_with("node")).unwrap_or_default();
    let address = node.split_whitespace().nth(2).unwrap_or_default();
    let status = std::process::Command::new(binary()?).args(["status", "--address", address]).output()?;
    let table = String::from_utf8(status.stdout)?;
    ensure!(status.status.success() && table.contains("us-east"), "{table}");
    let exit = dev.interrupt(WITHIN)?;
    ensure!(exit.code == Some(0) && exit.log.is_empty(), "exit code {:?}\n{}", exit.code, exit.log);
    ensure!(!data.exists(), "{} is still there", data.display());
    Ok(())
}

#[test]
fn shards_that_nobody_has_used_are_known_too() -> Result<()> {
    let dev = Dev::start(&["--shards", "6"])?;
    let mut client = dev.client()?;
    let replicas = client.call(&["WAIT", "2", "0"])?;
    ensure!(replicas == Value::Integer(2), "WAIT: {replicas:?}");
    until(WITHIN, "a cluster that is ok", || {
        let info = client.call(&["CLUSTER", "INFO"]);
        info.is_ok_and(|info| info.as_str().is_some_and(|text| text.contains("cluster_state:ok")))
    })
}

#[test]
fn kept_data_is_there_the_next_time() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("kept").display().to_string();
    let arguments = ["--data", &data, "--regions", "here,there", "--nodes", "3"];
    let mut dev = Dev::start(&arguments)?;
    ensure!(dev.greeting().contains("there"), "{}", dev.greeting());
    write(&mut dev.client()?, "a", 100)?;
    ensure!(dev.interrupt(WITHIN)?.code == Some(0), "a graceful end");
    let mut dev = Dev::start(&arguments)?;
    let mut client = dev.client()?;
    read_back(&mut client, "a", 100)?;
    write(&mut client, "b", 100)?;
    // A power cut.
    dev.kill();
    let dev = Dev::start(&arguments)?;
    read_back(&mut dev.client()?, "b", 100)
}

#[test]
fn emulated_distance_is_felt() -> Result<()> {
    let arguments = ["--regions", "a,b,c", "--shards", "1", "--wan", "a:b=60ms,b:c=60ms,a:c=60ms"];
    let dev = Dev::start(&arguments)?;
    let mut client = dev.client()?;
    client.call(&["SET", "a", "1"])?;
    let begun = std::time::Instant::now();
    client.call(&["SET", "a", "2"])?;
    // A majority is in two regions: one round trip at least, wherever the leader is.
    ensure!(begun.elapsed() >= Duration::from_millis(60), "a write took {:?}", begun.elapsed());
    Ok(())
}
