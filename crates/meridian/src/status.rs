//! `meridian status`: the cluster as its nodes see it.

mod table;
mod view;

use std::{collections::BTreeMap, io::IsTerminal, time::Duration};

use futures_util::future::join_all;
use meridian_proto::admin::{StatusRequest, StatusResponse, admin_service_client::AdminServiceClient};
use meridian_rt::net;
use meridian_topology::{ClusterMap, NodeId};

use crate::{failure::Failure, output, process, signals};

use view::View;

/// How long a node may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How often `--watch` looks.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// Clears the screen of a terminal and begins at its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address (`listen`) of any process of the cluster
    #[arg(long, value_name = "HOST:PORT", default_value = process::DEFAULT_ADDRESS, env = "MERIDIAN_ADDRESS", hide_env = true)]
    address: String,
    /// Print JSON, one object for every look
    #[arg(long)]
    json: bool,
    /// Look again every second
    #[arg(long)]
    watch: bool,
}

/// Prints the status once, or until a signal ends it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    process::client_runtime()?.block_on(async {
        let stop = signals::watch().map_err(Failure::running)?;
        let mut known = vec![arguments.address.clone()];
        let mut shown = false;
        loop {
            match gather(&known).await {
                Ok(view) => {
                    show(arguments, &view)?;
                    if !arguments.watch {
                        return Ok(());
                    }
                    shown = true;
                    known.truncate(1);
                    known.extend(view.addresses().filter(|address| **address != arguments.address).cloned());
                }
                // Whoever watches does so while nodes stop and start: only the first look has to succeed.
                Err(failure) if shown => output::complain(&failure),
                Err(failure) => return Err(failure),
            }
            tokio::select! {
                () = tokio::time::sleep(WATCH_INTERVAL) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    })
}

fn show(arguments: &Arguments, view: &View) -> Result<(), Failure> {
    let text = if arguments.json { view.to_json()? } else { table::render(view) };
    let clear = arguments.watch && !arguments.json && std::io::stdout().is_terminal();
    output::print(&format!("{}{text}", if clear { CLEAR } else { "" }))
}

/// Asks the first of the processes that answers for the map, and then every node for its replicas.
async fn gather(addresses: &[String]) -> Result<View, Failure> {
    let mut first = map_of(&addresses[0]).await;
    for address in &addresses[1..] {
        if first.is_ok() {
            break;
        }
        first = map_of(address).await.or(first);
    }
    let map = first?;
    let others = join_all(map.nodes.values().map(|node| async {
        // A node that does not answer is shown as such.
        (node.id, ask(&node.address).await.ok().filter(|status| status.node == node.id.0))
    }));
    let statuses: BTreeMap<NodeId, Option<StatusResponse>> = others.await.into_iter().collect();
    Ok(View::new(&map, &statuses))
}

async fn map_of(address: &str) -> Result<ClusterMap, Failure> {
    let map = ask(address).await?.map.ok_or_else(|| {
        Failure::running(format!(
            "the process at {address} belongs to no cluster yet: meridian init makes one"
        ))
    })?;
    ClusterMap::try_from(map).map_err(Failure::running)
}

async fn ask(address: &str) -> Result<StatusResponse, Failure> {
    let channel =
        net::channel(address).map_err(|error| Failure::usage(format!("address {address}: {error}")))?;
    let mut client = AdminServiceClient::new(channel).max_decoding_message_size(64 << 20);
    let answer = tokio::time::timeout(ANSWER, client.status(StatusRequest {})).await;
    let answer = answer.map_err(|_| Failure::running(format!("{address} does not answer")))?;
    Ok(answer.map_err(|status| process::failed(address, &status))?.into_inner())
}
