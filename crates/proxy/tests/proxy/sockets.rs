//! Connections from accept to close.

use std::time::Duration;

use meridian_proxy::{OutputLimit, Settings};
use meridian_resp::{Value, write_command};
use tokio::net::TcpStream;

use crate::memory::Running;

async fn start() -> Running {
    Running::start(Settings::default()).await
}

#[tokio::test]
async fn a_pipeline_is_answered_in_order_wherever_it_is_cut() {
    let running = start().await;
    let mut bytes = Vec::new();
    for words in [&["SET", "a", "1"][..], &["PING"], &["GET", "a"], &["ECHO", "x"], &["GET", "none"]] {
        write_command(&mut bytes, words.iter().map(|word| word.as_bytes()));
    }
    let expected = b"+OK\r\n+PONG\r\n$1\r\n1\r\n$1\r\nx\r\n$-1\r\n";
    for cut in 0..bytes.len() {
        let mut peer = running.connect().await;
        peer.send(&bytes[..cut]).await;
        tokio::task::yield_now().await;
        peer.send(&bytes[cut..]).await;
        assert_eq!(peer.rest().await, expected, "cut at {cut}");
    }
}

#[tokio::test]
async fn hello_3_is_answered_in_resp3_and_reset_goes_back() {
    let running = start().await;
    let mut peer = running.connect().await;
    let Value::Map(pairs) = peer.value("HELLO 3 SETNAME me").await else { panic!("a map") };
    let keys: Vec<&str> = pairs.iter().filter_map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["server", "version", "proto", "id", "mode", "role", "modules"]);
    assert_eq!(peer.call("GET none").await.unwrap(), b"_\r\n");
    assert_eq!(peer.text("CLIENT GETNAME").await, "me");
    assert!(peer.call("CLIENT INFO").await.unwrap().starts_with(b"="));
    peer.call("SELECT 5").await;
    assert!(
        peer.text("CLIENT INFO").await.contains(" name=me ")
            && peer.text("CLIENT INFO").await.contains(" db=5 ")
    );
    assert_eq!(peer.text("RESET").await, "RESET");
    assert_eq!(peer.call("GET none").await.unwrap(), b"$-1\r\n");
    let line = peer.text("CLIENT INFO").await;
    assert!(line.contains(" name= ") && line.contains(" db=0 ") && line.contains(" resp=2 "), "{line}");
}

#[tokio::test]
async fn replies_are_silenced_on_demand() {
    let running = start().await;
    let mut peer = running.connect().await;
    peer.send(b"CLIENT REPLY SKIP\r\nPING\r\nECHO a\r\n").await;
    assert_eq!(peer.reply().await.unwrap(), b"$1\r\na\r\n");
    peer.send(b"CLIENT REPLY OFF\r\nPING\r\nSET k v\r\nNOPE\r\nCLIENT REPLY ON\r\nGET k\r\n").await;
    assert_eq!(peer.reply().await.unwrap(), b"+OK\r\n");
    assert_eq!(peer.reply().await.unwrap(), b"$1\r\nv\r\n");
}

#[tokio::test]
async fn clients_beyond_the_limit_are_told_so() {
    let running = Running::start(Settings { max_clients: 2, ..Settings::default() }).await;
    let (mut first, mut second) = (running.connect().await, running.connect().await);
    first.call("PING").await;
    second.call("PING").await;
    assert_eq!(running.connect().await.rest().await, b"-ERR max number of clients reached\r\n");
    assert_eq!(first.call("CONFIG SET maxclients 3").await.unwrap(), b"+OK\r\n");
    assert_eq!(running.connect().await.text("PING").await, "PONG");
    assert!(first.text("INFO stats").await.contains("rejected_connections:1\r\n"));
}

#[tokio::test]
async fn silent_clients_are_closed() {
    let running = Running::start(Settings { timeout_seconds: 1, ..Settings::default() }).await;
    let mut peer = running.connect().await;
    peer.call("PING").await;
    assert_eq!(peer.reply().await, None);
}

#[tokio::test]
async fn clients_are_killed_by_id_by_address_and_last_of_all_themselves() {
    let running = start().await;
    let mut killer = running.connect().await;
    let mut named = running.connect().await;
    let id = named.value("CLIENT ID").await.as_integer().unwrap();
    assert_eq!(killer.value(&format!("CLIENT KILL ID {id}")).await, Value::Integer(1));
    assert_eq!(named.reply().await, None);

    let mut placed = running.connect().await;
    let line = placed.text("CLIENT INFO").await;
    let address = line.split(' ').find_map(|field| field.strip_prefix("addr=")).unwrap().to_owned();
    assert_eq!(killer.text(&format!("CLIENT KILL {address}")).await, "OK");
    assert_eq!(placed.reply().await, None);

    let mut waiting = running.connect().await;
    waiting.send(b"GET gate\r\n").await;
    let mut other = running.connect().await;
    other.call("PING").await;
    assert_eq!(killer.value("CLIENT KILL TYPE normal").await, Value::Integer(2));
    assert_eq!(waiting.reply().await, None);
    assert_eq!(other.reply().await, None);
    assert_eq!(killer.value("CLIENT KILL TYPE normal SKIPME no").await, Value::Integer(1));
    assert_eq!(killer.reply().await, None);
}

#[tokio::test]
async fn who_is_gone_is_not_listed() {
    let running = start().await;
    let mut watcher = running.connect().await;
    let mut leaving = running.connect().await;
    leaving.call("CLIENT SETNAME leaving").await;
    leaving.call("CLIENT SETINFO lib-name redis-py").await;
    leaving.call("CLIENT SETINFO LIB-VER 5.0").await;
    let listed = watcher.text("CLIENT LIST").await;
    assert_eq!(listed.lines().count(), 2);
    assert!(listed.contains("name=leaving") && listed.contains("lib-name=redis-py lib-ver=5.0"), "{listed}");
    assert_eq!(leaving.text("QUIT").await, "OK");
    assert_eq!(leaving.reply().await, None);
    while watcher.text("CLIENT LIST").await.lines().count() > 1 {}
}

#[tokio::test]
async fn a_drain_answers_what_is_under_way_and_closes_the_rest() {
    let mut running = start().await;
    let mut idle = running.connect().await;
    let mut busy = running.connect().await;
    idle.call("PING").await;
    busy.send(b"SET k v\r\nGET gate\r\nGET k\r\n").await;
    while !idle.text("CLIENT LIST").await.contains("cmd=get") {}
    running.drain.cancel();
    assert_eq!(idle.reply().await, None);
    assert!(!running.task.is_finished());
    running.gate.add_permits(1);
    assert_eq!(busy.rest().await, b"+OK\r\n$-1\r\n$1\r\nv\r\n");
    (&mut running.task).await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn whoever_is_not_done_in_time_is_cut_off() {
    let mut running = Running::start(Settings { shutdown_timeout_seconds: 0, ..Settings::default() }).await;
    let mut stuck = running.connect().await;
    stuck.send(b"GET gate\r\n").await;
    let mut watcher = running.connect().await;
    while !watcher.text("CLIENT LIST").await.contains("cmd=get") {}
    running.drain.cancel();
    assert_eq!(stuck.reply().await, None);
    tokio::time::timeout(Duration::from_secs(5), &mut running.task).await.expect("ends").unwrap();
}

#[tokio::test]
async fn a_client_that_lets_replies_pile_up_is_closed() {
    let mut settings = Settings::default();
    settings.output_limits.normal = OutputLimit { hard: 100_000, soft: 0, soft_seconds: 0 };
    let running = Running::start(settings).await;
    let mut peer = running.connect().await;
    let value = "x".repeat(1000);
    assert_eq!(peer.text(&format!("SET k {value}")).await, "OK");
    // Far more than the buffers of both sockets take while nobody reads.
    let count = 30_000;
    peer.send(&b"GET k\r\n".repeat(count)).await;
    let mut watcher = running.connect().await;
    while !watcher.text("INFO stats").await.contains("client_output_buffer_limit_disconnections:1\r\n") {}
    let rest = peer.rest().await;
    assert!(rest.len() < count * value.len(), "{}", rest.len());
}

#[tokio::test]
async fn a_browser_gets_nothing() {
    let running = start().await;
    let mut peer = running.connect().await;
    peer.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n").await;
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn counters_count_what_clients_did() {
    let running = start().await;
    let mut peer = running.connect().await;
    peer.call("CONFIG RESETSTAT").await;
    for line in ["SET k v", "GET k", "GET k", "GET", "NOPE", "INCR k", "SELECT 99"] {
        peer.call(line).await;
    }
    let info = peer.text("INFO commandstats errorstats").await;
    let count = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or_default();
        let plain = line.split(',').filter(|field| !field.starts_with("usec")).collect::<Vec<_>>().join(",");
        let (calls, rest) = plain.split_once(",rejected").unwrap_or((&plain, ""));
        format!("{} {rest}", calls.split(':').next_back().unwrap_or_default())
    };
    assert_eq!(count("cmdstat_get"), "calls=2 _calls=1,failed_calls=0");
    assert_eq!(count("cmdstat_set"), "calls=1 _calls=0,failed_calls=0");
    assert_eq!(count("cmdstat_incr"), "calls=1 _calls=0,failed_calls=1");
    assert_eq!(count("cmdstat_select"), "calls=1 _calls=0,failed_calls=1");
    assert_eq!(count("errorstat_ERR"), "count=3 ");
    assert_eq!(count("errorstat_WRONGTYPE"), "count=1 ");
    assert!(peer.text("INFO keyspace").await.ends_with("db3:keys=5,expires=2,avg_ttl=1500,subexpiry=1\r\n"));
    assert!(peer.text("CLUSTER INFO").await.contains("cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"));
    assert_eq!(peer.value("CLUSTER KEYSLOT 123456789").await, Value::Integer(12_739));
}

#[tokio::test]
async fn wait_answers_how_many_have_it() {
    let running = start().await;
    let mut peer = running.connect().await;
    for line in ["WAIT 1 0", "WAIT 2 1000", "WAIT 3 20", "WAIT 0 0", "WAIT -5 0"] {
        assert_eq!(peer.value(line).await, Value::Integer(2), "{line}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_is_gone() {
    let running = start().await;
    let mut watcher = running.connect().await;
    let mut waiting = running.connect().await;
    waiting.send(b"WAIT 3 0\r\nPING\r\n").await;
    while !watcher.text("INFO clients").await.contains("blocked_clients:1\r\n") {}
    drop(waiting);
    while watcher.text("CLIENT LIST").await.lines().count() > 1 {}
    assert!(watcher.text("INFO clients").await.contains("blocked_clients:0\r\n"));
}

#[tokio::test]
async fn whoever_has_nothing_more_to_send_still_gets_its_replies() {
    let running = start().await;
    let mut peer = running.connect().await;
    peer.send(b"DEBUG SLEEP 0.01\r\nPING\r\nINFO keyspace\r\nGET k\r\n").await;
    let rest = peer.rest().await;
    assert!(
        rest.starts_with(b"+OK\r\n+PONG\r\n$") && rest.ends_with(b"\r\n$-1\r\n"),
        "{}",
        rest.escape_ascii()
    );
}

#[tokio::test]
async fn help_lists_the_subcommands() {
    let running = start().await;
    let mut peer = running.connect().await;
    for container in ["CLIENT", "CONFIG", "COMMAND", "CLUSTER", "OBJECT", "DEBUG"] {
        let help = peer.value(&format!("{container} HELP")).await;
        let lines = help.as_array().unwrap();
        let first = lines[0].as_str().unwrap();
        assert!(first.starts_with(&format!("{container} <subcommand> ")), "{first}");
        assert!(lines.len() > 4);
    }
}
