//! `cargo xtask bench`: how fast a cluster of real processes is, against a plain redis-server on the same machine.
//!
//! Three processes on loopback with fsync on, one endpoint; two thirds of the commands are forwarded. Figures are
//! ratios within one round, medians over rounds that alternate between the two servers, because a machine's speed
//! drifts more between rounds than a change of ours matters. What is written is read back: errors buy no speed.

mod expiry;
mod faults;
mod memory;
mod open_loop;
mod table;
mod throughput;
mod types;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use meridian_testkit::{Cluster, RedisServer, Setup};

use crate::process::{cargo, output, root, step};
use table::{Goal, Table};
use throughput::{Endpoint, Workload};

/// Parts of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// SET against redis, at every depth.
    Set,
    /// GET against redis, at every depth.
    Get,
    /// Commands of every data type, scripts and transactions, against redis.
    Types,
    /// SET over 64 shards against 4.
    Shards,
    /// Latency at 1000 SET/s.
    OpenLoop,
    /// Memory per key, of strings and of small collections.
    Memory,
    /// Memory and latency while keys and fields of hashes fall due.
    Expiry,
    /// Gaps around a kill and around a graceful stop.
    Failover,
    /// Restart of a node with many keys.
    Restart,
    /// CPU of an idle cluster.
    Idle,
}

/// What `cargo xtask bench` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Rounds of every measurement; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Short runs and few keys: to see that it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// The binary to measure, instead of a release build of this checkout.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Also writes the table to this file, as Markdown.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// How long and how often things are measured.
#[derive(Clone, Copy, Debug)]
struct Effort {
    rounds: usize,
    /// Seconds that one run takes.
    seconds: f64,
    /// Keys of the memory and restart measurements.
    keys: u64,
}

/// Measures, prints the table.
///
/// # Errors
/// If something cannot be started, or a server answers wrongly.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.rounds > 0, "at least one round is needed");
    let binary = match &options.binary {
        Some(path) => path.canonicalize().with_context(|| path.display().to_string())?,
        None => build()?,
    };
    let effort = match options.quick {
        true => Effort { rounds: options.rounds.min(2), seconds: 0.3, keys: 100_000 },
        false => Effort { rounds: options.rounds, seconds: 1.5, keys: 1_000_000 },
    };
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let mut table = Table::default();
    if [Part::Set, Part::Get, Part::Shards, Part::OpenLoop].into_iter().any(wanted) {
        under_load(&binary, effort, wanted, &mut table)?;
    }
    if wanted(Part::Types) {
        types::measure(&binary, effort, &mut table)?;
    }
    if wanted(Part::Memory) {
        memory::measure(&binary, effort, &mut table)?;
    }
    if wanted(Part::Expiry) {
        expiry::measure(&binary, effort, &mut table)?;
    }
    if wanted(Part::Failover) {
        faults::failover(&binary, effort, &mut table)?;
    }
    if wanted(Part::Restart) {
        faults::restart(&binary, effort, &mut table)?;
    }
    if wanted(Part::Idle) {
        faults::idle(&binary, effort, &mut table)?;
    }
    let text = format!("{}\n{}", conditions(options, effort), table.markdown());
    table::print(&text)?;
    if let Some(path) = &options.write {
        fs::write(path, &text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// What is measured on one running cluster.
fn under_load(binary: &Path, effort: Effort, wanted: impl Fn(Part) -> bool, table: &mut Table) -> Result<()> {
    let cluster = setup(binary, 3, 4).start()?;
    let mut ours = endpoint("meridian", &cluster);
    if wanted(Part::Set) || wanted(Part::Get) {
        let Some(redis) = RedisServer::start(&[])? else { bail!("redis-server is not on PATH") };
        let mut redis = Endpoint::new("redis", redis.address(), vec![redis.process_id()], Some(redis));
        for goals in throughput::GOALS {
            if wanted(if goals.workload.is_write() { Part::Set } else { Part::Get }) {
                let pair = throughput::compare(&mut ours, &mut redis, goals.workload, effort)?;
                table.ratio(&goals.workload.to_string(), goals.ratio, &pair);
                if let Some(goal) = goals.cpu {
                    table.add(&format!("{}, CPU µs per request", goals.workload), goal, pair.cpu_micros());
                }
            }
        }
    }
    if wanted(Part::OpenLoop) {
        let [median, tail] = open_loop::measure(cluster.client_addresses()[0], effort)?;
        table.add("open loop, 1000 SET/s: p50 ms", Goal::at_most(0.65, 0.45), median);
        table.add("open loop, 1000 SET/s: p99 ms", Goal::at_most(8.0, 4.0), tail);
    }
    if wanted(Part::Shards) {
        let many = setup(binary, 3, 64).start()?;
        let mut many = endpoint("64 shards", &many).keeping(many);
        let pair = throughput::compare(&mut many, &mut ours, Workload::set(50, 16), effort)?;
        table.ratio("SET at 16, 64 shards against 4", Goal::at_least(0.35, 0.50), &pair);
    }
    Ok(())
}

fn setup(binary: &Path, nodes: usize, shards: u32) -> Setup {
    Setup::new(nodes).binary(binary.to_owned()).shards(shards).setting("log = \"warn\"")
}

/// Clients connect to the first node.
fn endpoint(name: &'static str, cluster: &Cluster) -> Endpoint<()> {
    Endpoint::new(name, cluster.client_addresses()[0], cluster.process_ids(), ())
}

/// Builds the binary as it is shipped.
fn build() -> Result<PathBuf> {
    step("build", &mut cargo(&["build", "--locked", "--release", "--package", "meridian"])?)?;
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"])?)?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let target = metadata["target_directory"].as_str().context("cargo metadata: no target directory")?;
    Ok(Path::new(target).join("release/meridian"))
}

/// Where and how it was measured.
fn conditions(options: &Options, effort: Effort) -> String {
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        let said = root().and_then(|root| output(command.args(arguments).current_dir(root)));
        said.map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Commit {}, {cores} cores, everything on one machine, {} rounds{}.\n",
        git(&["describe", "--always", "--dirty"]),
        effort.rounds,
        if options.quick { ", quick: no measure of speed" } else { "" },
    )
}
