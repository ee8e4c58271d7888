//! The case files of `compat/`, on a cluster of three behind its proxies.

use anyhow::{Result, anyhow, ensure};
use meridian_command::Protocol;
use meridian_testkit::{Cluster, Setup};
use meridian_tests_compat::{
    Bare, Client,
    case::{Target as _, one_shard, run},
    files::{difference, each},
};

/// When the engine's cases take place; none depends on it.
const START_MS: u64 = 1_790_000_000_000;

/// What replies say that tell of keys with several owners.
const APART: [&str; 3] = ["-CROSSSLOT ", "denied in cluster mode", "key of another shard"];

/// In RESP2 through a proxy that has every command to forward, in RESP3 at the leader.
#[test]
fn a_cluster_answers_every_case() {
    Setup::new(3).run(|cluster| {
        let leader = cluster.busiest()?;
        every_case(cluster, (leader + 1) % 3, Protocol::Resp2, |wanted, _| wanted.to_owned())?;
        every_case(cluster, leader, Protocol::Resp3, |wanted, _| {
            run(wanted, &mut Bare::new(Protocol::Resp3, START_MS)).unwrap_or_else(|fault| fault)
        })
    });
}

/// Keys of a case have several owners here: it holds until a command that would need them in one place. Files that say
/// `@one-shard` are left out.
#[test]
fn four_shards_answer_every_case_as_one_does() {
    Setup::new(3).shards(4).run(|cluster| {
        every_case(cluster, 0, Protocol::Resp2, |wanted, came| {
            if one_shard(wanted) {
                return came.to_owned();
            }
            let apart = came.lines().position(|line| APART.iter().any(|text| line.contains(text)));
            let lines =
                |text: &str, count| text.lines().take(count).map(|line| format!("{line}\n")).collect();
            apart.map_or_else(
                || wanted.to_owned(),
                |at| {
                    let (same, rest): (String, Vec<&str>) =
                        (lines(wanted, at), came.lines().skip(at).collect());
                    same + &rest.join("\n") + "\n"
                },
            )
        })
    });
}

/// Runs all files at one node. What is `wanted` may depend on what is written and on what came.
fn every_case(
    cluster: &Cluster,
    node: usize,
    protocol: Protocol,
    wanted: impl Fn(&str, &str) -> String,
) -> Result<()> {
    let address = cluster.client_addresses()[node];
    let mut differences = Vec::new();
    each(|_, path, text| {
        let came = || -> Result<String> {
            let mut client = Client::connect(address)?;
            client.call(&[b"FLUSHALL"]);
            if protocol == Protocol::Resp3 {
                client.use_resp3();
            }
            run(text, &mut client).map_err(|fault| anyhow!(fault))
        };
        match came() {
            Ok(came) => differences.extend(difference(path, &wanted(text, &came), &came)),
            Err(error) => differences.push(format!("{}: {error:#}", path.display())),
        }
    });
    ensure!(
        differences.is_empty(),
        "{protocol:?}: {} cases differ\n{}",
        differences.len(),
        differences.join("\n")
    );
    Ok(())
}
