//! Connections to the admin services of other nodes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use meridian_proto::admin::admin_service_client::AdminServiceClient;
use meridian_rt::net::Dialer;
use meridian_topology::NodeId;
use parking_lot::Mutex;
use tonic::{Status, transport::Channel};

use crate::known::Known;

/// A map with thousands of shards fits.
const MESSAGE_BYTES: usize = 64 << 20;

/// One channel for every node, and for addresses of which no node is known yet.
#[derive(Debug)]
pub(crate) struct Peers {
    known: Arc<Known>,
    dialer: Dialer,
    channels: Mutex<BTreeMap<String, Channel>>,
}

pub(crate) type Client = AdminServiceClient<Channel>;

impl Peers {
    pub(crate) fn new(known: Arc<Known>, dialer: Dialer) -> Peers {
        Peers { known, dialer, channels: Mutex::default() }
    }

    /// The admin service of a node.
    pub(crate) fn node(&self, node: NodeId) -> Result<Client, Status> {
        let map = self.known.map();
        let node = map
            .nodes
            .get(&node)
            .ok_or_else(|| Status::not_found(format!("node {node} is not known here")))?;
        self.at(&node.address)
    }

    /// The admin service at `host:port`.
    pub(crate) fn at(&self, address: &str) -> Result<Client, Status> {
        let mut channels = self.channels.lock();
        let channel = match channels.get(address) {
            Some(channel) => channel.clone(),
            None => {
                let made = self.dialer.channel(address);
                let channel =
                    made.map_err(|error| Status::invalid_argument(format!("address {address:?}: {error}")))?;
                // Nodes that have moved leave their old address behind.
                let map = self.known.map();
                channels.retain(|address, _| map.nodes.values().any(|node| node.address == *address));
                channels.insert(address.to_owned(), channel.clone());
                channel
            }
        };
        Ok(AdminServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES))
    }
}

/// Waits for the answer to a call, but not for ever.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Status> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!("no answer within {limit:?}"))),
    }
}
