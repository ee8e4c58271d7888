//! Clients: commands through a router, their replies as values, their outcomes as facts.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use meridian_command::{EngineCommand, Protocol, ReplyError, wire};
use meridian_resp::{Value, decode};
use meridian_router::Router;
use meridian_topology::{DatabaseId, slot_of};

use crate::{
    draw::Draw,
    invariants::Violation,
    workload,
    world::{AtWork, World, now},
};

/// Why a command has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// It surely was not applied.
    NotApplied,
    /// It may have been applied, or be applied yet.
    Unknown,
}

/// One client of a router.
pub(crate) struct Client {
    pub(crate) world: Arc<World>,
    pub(crate) number: u32,
    pub(crate) draw: Draw,
    host: String,
    router: Arc<Router>,
    _at_work: AtWork,
}

/// Starts the clients of a host.
pub(crate) fn start(world: &Arc<World>, host: &str, router: &Arc<Router>) {
    let client = || Client::new(world, host, router);
    tokio::spawn(workload::registers(client()));
    tokio::spawn(workload::registers(client()));
    tokio::spawn(workload::journal(client()));
    tokio::spawn(workload::pairs(client()));
    tokio::spawn(workload::expiring(client()));
}

impl Client {
    pub(crate) fn new(world: &Arc<World>, host: &str, router: &Arc<Router>) -> Client {
        let number = world.number();
        Client {
            world: Arc::clone(world),
            number: number as u32,
            draw: Draw::new(world.scenario.seed, 1000 + number),
            host: host.to_owned(),
            router: Arc::clone(router),
            _at_work: world.at_work(),
        }
    }

    /// Sends a command; its first argument is the key that says where to.
    pub(crate) async fn call(&self, command: EngineCommand, args: &[&[u8]]) -> Result<Value, NoReply> {
        let called = now();
        let table = self.router.table();
        let owner = table.owner(DatabaseId::DEFAULT, slot_of(args[0])).expect("the map has the database");
        let link = table.link(owner);
        let head = wire::Head { command, protocol: Protocol::Resp3, numbered: 0 };
        let mut record = Vec::new();
        wire::encode(&mut record, head, args.iter().copied());
        let logged = !matches!(command, EngineCommand::Get | EngineCommand::Mget);
        let result = self.router.call(link, DatabaseId::DEFAULT, logged, 1, record.into()).await;
        self.world.note(format!(
            "{} client {} {command:?} {} -> {}",
            self.host,
            self.number,
            args[0].escape_ascii(),
            match &result {
                Ok(reply) => reply.escape_ascii().to_string(),
                Err(error) => error.code().to_owned(),
            }
        ));
        let outcome = self.judge(command, result);
        if outcome.is_ok() {
            self.world.progress.lock().made(&self.host, link.shard(), called);
        }
        outcome
    }

    fn judge(&self, command: EngineCommand, result: Result<Bytes, ReplyError>) -> Result<Value, NoReply> {
        let strange = |what: String| {
            let what = format!("{} client {}: {command:?}: {what}", self.host, self.number);
            self.world.demand(Err(Violation::new("errors are honest", what)));
        };
        match result {
            Ok(reply) => match single(reply) {
                Some(Value::Error(text)) => {
                    strange(text);
                    Err(NoReply::Unknown)
                }
                Some(value) => Ok(value),
                None => {
                    strange("the reply is no reply".to_owned());
                    Err(NoReply::Unknown)
                }
            },
            Err(error) if error == ReplyError::NOT_APPLIED_NO_LEADER => Err(NoReply::NotApplied),
            Err(error) if error == ReplyError::OUTCOME_UNKNOWN => Err(NoReply::Unknown),
            Err(error) => {
                strange(error.text().into_owned());
                Err(NoReply::Unknown)
            }
        }
    }
}

/// The only reply in a part's replies.
fn single(mut replies: Bytes) -> Option<Value> {
    let length = replies.try_get_u32_le().ok()? as usize;
    if length != replies.len() {
        return None;
    }
    let (value, read) = decode(&replies).ok()??;
    (read == length).then_some(value)
}
