//! What clients of Redis' cluster and administrators are told.

use meridian_proxy::Settings;
use meridian_resp::Value;

use crate::memory::Running;

const OWN: &str = "0000000000000000000000000000000000000001";
const OTHER: &str = "0000000000000000000000000000000000000002";
const HIDDEN: &str = "0000000000000000000000000000000000000003";

#[tokio::test]
async fn clients_of_a_cluster_find_the_leaders_that_they_can_reach() {
    let running = Running::start(Settings::default()).await;
    let mut peer = running.connect().await;
    let other = format!("*4\r\n$8\r\n10.0.0.2\r\n:7000\r\n$40\r\n{OTHER}\r\n*0\r\n");
    let own = format!("*4\r\n$8\r\n10.0.0.1\r\n:7000\r\n$40\r\n{OWN}\r\n*0\r\n");
    // Nobody can reach the leader of the second shard, so this process stands for it.
    let slots = format!(
        "*3\r\n*4\r\n:0\r\n:8000\r\n{other}{own}*4\r\n:8001\r\n:16382\r\n{own}{other}*4\r\n:16383\r\n:16383\r\n{other}{own}"
    );
    let came = peer.call("CLUSTER SLOTS").await.expect("a reply");
    assert_eq!(String::from_utf8_lossy(&came), slots);
    let nodes = peer.text("CLUSTER NODES").await;
    assert_eq!(
        nodes.lines().collect::<Vec<_>>(),
        [
            format!("{OWN} 10.0.0.1:7000@0 myself,master - 0 0 7 connected 8001-16382"),
            format!("{OTHER} 10.0.0.2:7000@0 master - 0 0 7 connected 0-8000 16383"),
            format!("{HIDDEN} :7000@0 slave,noaddr {OTHER} 0 0 7 connected"),
        ]
    );
    let Value::Array(shards) = peer.value("CLUSTER SHARDS").await else { panic!("an array") };
    assert_eq!(shards.len(), 2);
    assert_eq!(peer.text("CLUSTER MYSHARDID").await, "a".repeat(40));
    let replicas = peer.call(&format!("CLUSTER REPLICAS {OWN}")).await.expect("a reply");
    assert!(replicas.starts_with(b"*1\r\n"), "{}", replicas.escape_ascii());
    for (call, reply) in [
        (format!("CLUSTER REPLICAS {HIDDEN}"), "-ERR The specified node is not a master\r\n"),
        ("CLUSTER SLAVES x".to_owned(), "-ERR Unknown node x\r\n"),
        (format!("CLUSTER COUNT-FAILURE-REPORTS {OTHER}"), ":0\r\n"),
        ("CLUSTER COUNT-FAILURE-REPORTS x".to_owned(), "-ERR Unknown node x\r\n"),
        ("CLUSTER LINKS".to_owned(), "*0\r\n"),
        ("CLUSTER SAVECONFIG".to_owned(), "+OK\r\n"),
        ("ASKING".to_owned(), "+OK\r\n"),
        ("READONLY".to_owned(), "+OK\r\n"),
        ("READWRITE".to_owned(), "+OK\r\n"),
    ] {
        let came = peer.call(&call).await.expect("a reply");
        assert_eq!(String::from_utf8_lossy(&came), reply, "{call}");
    }
}

#[tokio::test]
async fn what_the_cluster_does_itself_is_refused_in_a_sentence() {
    let running = Running::start(Settings::default()).await;
    let mut peer = running.connect().await;
    for call in [
        "CLUSTER ADDSLOTS 1",
        "CLUSTER ADDSLOTSRANGE 1 2",
        "CLUSTER BUMPEPOCH",
        "CLUSTER DELSLOTS 1",
        "CLUSTER DELSLOTSRANGE 1 2",
        "CLUSTER FAILOVER",
        "CLUSTER FLUSHSLOTS",
        "CLUSTER FORGET x",
        "CLUSTER MEET 127.0.0.1 1",
        "CLUSTER REPLICATE x",
        "CLUSTER RESET HARD",
        "CLUSTER SET-CONFIG-EPOCH 1",
        "CLUSTER SETSLOT 1 STABLE",
        "MODULE LOADEX x",
        "SYNC",
        "PSYNC x 1",
        "REPLCONF",
        "MIGRATE h 1 k 0 1",
        "RESTORE-ASKING k 0 x",
    ] {
        let reply = peer.call(call).await.expect("a reply");
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.starts_with("-ERR ") && !reply.contains("unknown"), "{call}: {reply}");
    }
}

#[tokio::test]
async fn refused_authentications_are_in_the_log() {
    let running = Running::start(Settings::default()).await;
    let mut peer = running.connect().await;
    assert_eq!(peer.call("ACL LOG").await.expect("a reply"), b"*0\r\n");
    for _ in 0..2 {
        peer.call("AUTH nobody x").await;
    }
    peer.call("HELLO 3 AUTH nobody x").await;
    let Value::Array(entries) = peer.value("ACL LOG").await else { panic!("an array") };
    assert_eq!(entries.len(), 2);
    let log = peer.call("ACL LOG 1").await.expect("a reply");
    let log = String::from_utf8_lossy(&log);
    assert!(log.starts_with("*1\r\n*20\r\n$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$4\r\nauth\r\n"), "{log}");
    assert!(log.contains("nobody") && log.contains("hello"), "{log}");
    assert_eq!(peer.text("ACL LOG RESET").await, "OK");
    assert_eq!(peer.call("ACL LOG").await.expect("a reply"), b"*0\r\n");
    let (first, second) = (peer.text("ACL GENPASS").await, peer.text("ACL GENPASS").await);
    assert!(first.len() == 64 && first != second, "{first} {second}");
    assert_eq!(peer.text("ACL GENPASS 5").await.len(), 2);
}
