//! `meridian init`: makes a new cluster of a running process.

use std::time::Duration;

use meridian_proto::{
    admin::{InitRequest, admin_service_client::AdminServiceClient},
    convert::u128_of_bytes,
};
use meridian_rt::net;
use meridian_topology::ClusterId;

use crate::{failure::Failure, output, process};

/// How long the process may take.
const ANSWER: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address (`listen`) of the process that becomes the first node
    #[arg(long, value_name = "HOST:PORT", default_value = process::DEFAULT_ADDRESS)]
    address: String,
    /// Shards over which the database's slots are spread
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    shards: u32,
    /// Voters that a shard has once there are so many nodes
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = replication)]
    replication: u32,
}

fn replication(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(count @ (1 | 3 | 5 | 7)) => Ok(count),
        _ => Err("voters are 1, 3, 5 or 7: an even number survives no more failures".to_owned()),
    }
}

/// Asks the process, and prints the id of the new cluster.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    process::client_runtime()?.block_on(async {
        let channel = net::channel(&arguments.address)
            .map_err(|error| Failure::usage(format!("address {}: {error}", arguments.address)))?;
        let request = InitRequest { shards: arguments.shards, replication: arguments.replication };
        let mut client = AdminServiceClient::new(channel);
        let answer = tokio::time::timeout(ANSWER, client.init(request))
            .await
            .map_err(|_| Failure::running(format!("{} does not answer", arguments.address)))?
            .map_err(|status| process::failed(&arguments.address, &status))?
            .into_inner();
        let cluster = u128_of_bytes(&answer.cluster).map(ClusterId).unwrap_or_default();
        output::print(&format!("cluster {cluster}: node {} holds all shards; others may join\n", answer.node))
    })
}
