//! What clients do: few keys, unique values, and a record of everything.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use meridian_command::EngineCommand;
use meridian_node::Follower;
use meridian_resp::Value;
use meridian_router::{Router, RouterOptions};
use meridian_rt::net::Dialer;
use meridian_testkit::{Operation, Recorded};

use crate::{
    client::{self, Client, NoReply},
    history::{Fate, Ticket},
    invariants::{atomic_pairs, expiry::Expiring},
    scenario::client_name,
    world::{World, address, now},
};

/// Registers that hold text, registers that hold numbers; journals; pairs. Some of each on every shard.
const TEXTS: [&str; 4] = ["text-a", "text-b", "text-c", "text-d"];
const COUNTERS: [&str; 3] = ["counter-a", "counter-b", "counter-c"];
const JOURNALS: [&str; 3] = ["journal-a", "journal-b", "journal-c"];
const PAIRS: [(&str, &str); 2] = [("{pair-a}1", "{pair-a}2"), ("{pair-b}1", "{pair-b}2")];

/// A host with clients and no replicas: lives until they have finished.
pub(crate) async fn client_host(world: Arc<World>, number: u64) -> turmoil::Result {
    let host = client_name(number);
    // Counted from the beginning, so that nobody believes that all have finished.
    let at_work = world.at_work();
    let mut follower = None;
    let map = if world.scenario.managed {
        let disk = world.client_disk(&host).mount();
        let seeds = world.scenario.node_ids().map(address).collect();
        let started = Follower::start(disk, Path::new("/data"), seeds, Dialer::direct()).await?;
        started.ready().await;
        follower.insert(started).map()
    } else {
        world.map()
    };
    let router = Router::new(RouterOptions {
        map,
        local: None,
        dialer: Dialer::direct(),
        deadline: world.scenario.deadline,
    });
    client::start(&world, &host, &router);
    drop(at_work);
    world.all_finished().await;
    if number == 1 {
        audit(Client::new(&world, &host, &router)).await;
    }
    Ok(())
}

/// Reads every register and journal once more.
async fn audit(client: Client) {
    for key in TEXTS.into_iter().chain(COUNTERS) {
        let key = Bytes::from(key);
        let ticket = client.world.history.begin(client.number, &key, Operation::Get, now());
        finish(&client, &ticket, until_answered(&client, &key).await);
    }
    for key in JOURNALS {
        let key = Bytes::from(key);
        let contents = match until_answered(&client, &key).await {
            Value::Bulk(contents) => contents,
            _ => Bytes::new(),
        };
        client.world.history.set_contents(&key, contents);
    }
    client.world.note("audited");
}

async fn until_answered(client: &Client, key: &Bytes) -> Value {
    loop {
        if let Ok(value) = client.call(EngineCommand::Get, &[key]).await {
            return value;
        }
    }
}

impl Client {
    async fn think(&mut self) {
        let longest = *self.draw.pick(&[5, 50, 200]);
        tokio::time::sleep(Duration::from_millis(self.draw.between(1, longest))).await;
    }

    fn unique(&self) -> String {
        format!("v{}", self.world.number())
    }
}

/// Reads and changes registers.
pub(crate) async fn registers(mut client: Client) {
    // What this client knows to have stood in a register.
    let mut seen: BTreeMap<&str, Bytes> = BTreeMap::new();
    while !client.world.finishing() {
        client.think().await;
        let counts = client.draw.percent(40);
        let key = *if counts { client.draw.pick(&COUNTERS[..]) } else { client.draw.pick(&TEXTS[..]) };
        let operation =
            if counts { number_operation(&mut client) } else { text_operation(&mut client, seen.get(key)) };
        if let Some(value) = perform(&client, &Bytes::from(key), operation).await {
            seen.insert(key, value);
        }
    }
}

fn text_operation(client: &mut Client, seen: Option<&Bytes>) -> Operation {
    let value = Bytes::from(client.unique());
    match client.draw.between(0, 99) {
        0..30 => Operation::Get,
        30..50 => Operation::Set(value),
        50..60 => Operation::Append(value),
        60..75 => Operation::CompareAndSet { expected: seen.cloned(), new: Some(value) },
        75..83 => Operation::CompareAndSet { expected: None, new: Some(value) },
        83..91 => Operation::Swap(Some(value)),
        _ => Operation::Swap(None),
    }
}

fn number_operation(client: &mut Client) -> Operation {
    match client.draw.between(0, 99) {
        0..25 => Operation::Get,
        25..85 => Operation::Increment(client.draw.between(1, 5) as i64),
        85..95 => Operation::Set((client.world.number() * 1000).to_string().into()),
        _ => Operation::Swap(None),
    }
}

/// Returns the value that the register had at the end, where that is known.
async fn perform(client: &Client, key: &Bytes, operation: Operation) -> Option<Bytes> {
    let ticket = client.world.history.begin(client.number, key, operation.clone(), now());
    let result = match &operation {
        Operation::Get => client.call(EngineCommand::Get, &[key]).await,
        Operation::Set(value) => client.call(EngineCommand::Set, &[key, value]).await,
        Operation::Append(value) => client.call(EngineCommand::Append, &[key, value]).await,
        Operation::Increment(by) => {
            client.call(EngineCommand::Incrby, &[key, by.to_string().as_bytes()]).await
        }
        Operation::Swap(Some(value)) => client.call(EngineCommand::Getset, &[key, value]).await,
        Operation::Swap(None) => client.call(EngineCommand::Getdel, &[key]).await,
        Operation::CompareAndSet { expected, new } => {
            let value = new.as_ref().expect("only written with a value");
            let reply = match expected {
                Some(expected) => client.call(EngineCommand::Set, &[key, value, b"IFEQ", expected]).await,
                None => client.call(EngineCommand::Set, &[key, value, b"NX"]).await,
            };
            reply.map(|reply| Value::Boolean(reply != Value::Null))
        }
    };
    match result {
        Ok(value) => {
            let known = known_value(&operation, &value);
            finish(client, &ticket, value);
            known
        }
        Err(NoReply::NotApplied) => {
            client.world.history.withdraw(&ticket);
            None
        }
        Err(NoReply::Unknown) => None,
    }
}

fn known_value(operation: &Operation, reply: &Value) -> Option<Bytes> {
    match (operation, reply) {
        (Operation::Get, Value::Bulk(value)) => Some(value.clone()),
        (Operation::Set(value), _) => Some(value.clone()),
        (Operation::CompareAndSet { new, .. }, Value::Boolean(true)) => new.clone(),
        _ => None,
    }
}

fn finish(client: &Client, ticket: &Ticket, value: Value) {
    let recorded = match value {
        Value::Null => Recorded::Value(None),
        Value::Bulk(value) => Recorded::Value(Some(value)),
        Value::Integer(number) => Recorded::Number(number),
        Value::Boolean(held) => Recorded::Held(held),
        _ => Recorded::Done,
    };
    client.world.history.end(ticket, now(), recorded);
}

/// Appends unique tokens.
pub(crate) async fn journal(mut client: Client) {
    while !client.world.finishing() {
        client.think().await;
        let key = Bytes::from(*client.draw.pick(&JOURNALS));
        let token = client.unique();
        let ticket = client.world.history.begin_append(&key, token.clone(), now());
        let fate = match client.call(EngineCommand::Append, &[&key, format!("{token};").as_bytes()]).await {
            Ok(_) => Fate::Done(now()),
            Err(NoReply::NotApplied) => Fate::NotDone,
            Err(NoReply::Unknown) => Fate::Unknown,
        };
        client.world.history.end_append(&ticket, fate);
    }
}

/// Writes two keys at once, reads two keys at once.
pub(crate) async fn pairs(mut client: Client) {
    while !client.world.finishing() {
        client.think().await;
        let (first, second) = *client.draw.pick(&PAIRS);
        let (first, second) = (first.as_bytes(), second.as_bytes());
        if client.draw.percent(50) {
            let value = client.unique();
            // Whether it is applied does not matter here.
            let _ =
                client.call(EngineCommand::Mset, &[first, value.as_bytes(), second, value.as_bytes()]).await;
        } else if let Ok(Value::Array(values)) = client.call(EngineCommand::Mget, &[first, second]).await {
            let value = |index: usize| match values.get(index) {
                Some(Value::Bulk(value)) => Some(&value[..]),
                _ => None,
            };
            client.world.demand(atomic_pairs::judge(&first.escape_ascii().to_string(), value(0), value(1)));
        }
    }
}

/// Writes keys that expire and looks at them until they are gone, and a little longer.
pub(crate) async fn expiring(mut client: Client) {
    while !client.world.finishing() {
        client.think().await;
        let key = format!("expiring-{}", client.world.number());
        let ttl = client.draw.between(1, 1500);
        let called = now();
        let set =
            client.call(EngineCommand::Set, &[key.as_bytes(), b"x", b"PX", ttl.to_string().as_bytes()]).await;
        if set.is_err() {
            continue;
        }
        let (answered, exact) = (now(), !client.world.scenario.skewed);
        let mut seen = Expiring { key, called, answered, ttl: ttl * 1000, exact, gone_at: None };
        let until = answered + ttl * 1000 + client.draw.between(0, 1_500_000);
        while now() < until && !client.world.finishing() {
            let called = now();
            let reply = client.call(EngineCommand::Get, &[seen.key.as_bytes()]).await;
            if let Ok(value) = reply {
                client.world.demand(seen.read(called, now(), value != Value::Null));
            }
            let pause = client.draw.between(1, 300);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}
