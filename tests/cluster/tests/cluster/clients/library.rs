//! Client libraries of other languages, by scripts beside this test that `scripts/setup` installs the libraries for.
//!
//! A script checks what it can by itself, then writes through one connection until it is told to stop by a file, and
//! reads everything back. It exits with zero only if all is well.

use std::{env, fs, path::Path, process::Command};

use anyhow::{Result, bail, ensure};
use meridian_testkit::{Cluster, External, Setup, client_folder, until};

use crate::WITHIN;

/// Says that a client is not there. Where the CI runs it must be.
pub(super) fn missing(name: &str) -> Result<()> {
    if env::var_os("CI").is_some() {
        bail!("{name} is not installed, although scripts/setup installs it");
    }
    eprintln!("SKIPPED: {name} is not installed; scripts/setup installs it");
    Ok(())
}

#[test]
fn redis_py() -> Result<()> {
    let python = client_folder()?.join("python/bin/python");
    if !python.exists() {
        return missing("redis-py");
    }
    Setup::new(3).shards(2).run(|cluster| through_a_failover(cluster, &python, "redis_py.py"));
    Ok(())
}

#[test]
fn ioredis() -> Result<()> {
    let modules = client_folder()?.join("node/node_modules");
    if !modules.exists() {
        return missing("ioredis");
    }
    Setup::new(3).shards(2).run(|cluster| through_a_failover(cluster, Path::new("node"), "ioredis.cjs"));
    Ok(())
}

/// The client talks to one node. First another node dies, which it must not notice; then its own does, and comes back.
fn through_a_failover(cluster: &mut Cluster, program: &Path, script: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let leader = cluster.busiest()?;
    let own = (leader + 1) % 3;
    let address = cluster.client_addresses()[own];
    let mut command = Command::new(program);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script));
    command.arg(address.ip().to_string()).arg(address.port().to_string()).arg(folder.path());
    command.env("NODE_PATH", client_folder()?.join("node/node_modules"));
    let mut client = External::start(&mut command)?;
    let written =
        |name: &str| fs::read_to_string(file(name)).ok().and_then(|text| text.trim().parse::<u64>().ok());
    // How far it has got; it ends early only with an error, which finish() shows.
    let go_on = |client: &mut External| -> Result<()> {
        let wanted = written("acknowledged").unwrap_or(0) + 200;
        until(WITHIN, "writes of the client", || {
            client.has_ended() || written("acknowledged").is_some_and(|count| count >= wanted)
        })
    };
    go_on(&mut client)?;
    cluster.node(leader).kill();
    go_on(&mut client)?;
    cluster.start_node(leader)?;
    cluster.wait_ready()?;
    let errors = written("errors");
    ensure!(client.has_ended() || errors == Some(0), "the death of another node was noticed: {errors:?}");
    cluster.node(own).kill();
    cluster.start_node(own)?;
    cluster.wait_ready()?;
    go_on(&mut client)?;
    fs::write(file("stop"), "")?;
    eprintln!("{script}: {}", client.finish(WITHIN)?.trim());
    Ok(())
}
