//! Channels over real sockets, each reply beside what Redis answers.

use meridian_proxy::Settings;

use crate::{memory::Running, oracle::Oracle};

/// What subscriber and publisher do by turns: `s` and `p` lines are calls, a number says how many more replies the
/// subscriber reads.
const TURNS: &[&str] = &[
    "s SUBSCRIBE a",
    "s SUBSCRIBE a",
    "s GET x",
    "s CLIENT ID",
    "s PING",
    "s PING hello",
    "p PUBLISH a one",
    "1",
    "p PUBLISH b one",
    "s PSUBSCRIBE a*",
    "p PUBLISH a two",
    "2",
    "p PUBLISH abc three",
    "1",
    "s SSUBSCRIBE a",
    "p SPUBLISH a four",
    "1",
    "p PUBSUB CHANNELS",
    "p PUBSUB CHANNELS x*",
    "p PUBSUB NUMSUB a b",
    "p PUBSUB NUMSUB",
    "p PUBSUB NUMPAT",
    "p PUBSUB SHARDCHANNELS",
    "p PUBSUB SHARDNUMSUB a b",
    "s UNSUBSCRIBE nope",
    "s UNSUBSCRIBE",
    "s UNSUBSCRIBE",
    "s PUNSUBSCRIBE",
    "s GET x",
    "s SUNSUBSCRIBE",
    "p PUBLISH a five",
    "p PUBSUB CHANNELS",
    "s GET x",
    "s SUBSCRIBE c",
    "s RESET",
    "p PUBLISH c six",
    "s GET x",
    "s SUBSCRIBE",
    "s PUBLISH a",
    "s PUBSUB",
    "s PUBSUB NOPE",
    "s SUBSCRIBE c",
    "s QUIT",
    "p PUBLISH c six",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_and_publishers_are_answered_as_by_redis() {
    let oracle = Oracle::start().await;
    let running = Running::start(Settings::default()).await;
    for hello in ["HELLO 2", "HELLO 3"] {
        let (mut their_s, mut their_p) = (oracle.connect().await, oracle.connect().await);
        let (mut our_s, mut our_p) = (running.connect().await, running.connect().await);
        their_s.call(hello).await;
        our_s.call(hello).await;
        for turn in TURNS {
            let (theirs, ours) = match turn.split_once(' ') {
                Some(("s", call)) => (vec![their_s.call(call).await], vec![our_s.call(call).await]),
                Some((_, call)) => (vec![their_p.call(call).await], vec![our_p.call(call).await]),
                None => {
                    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
                    for _ in 0..turn.parse().unwrap() {
                        theirs.push(their_s.reply().await);
                        ours.push(our_s.reply().await);
                    }
                    (theirs, ours)
                }
            };
            let shown = |replies: &[Option<Vec<u8>>]| -> Vec<String> {
                replies
                    .iter()
                    .map(|reply| reply.as_deref().unwrap_or(b"closed").escape_ascii().to_string())
                    .collect()
            };
            if *turn != "s CLIENT ID" || hello == "HELLO 2" {
                assert_eq!(shown(&ours), shown(&theirs), "{hello}: {turn}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_gets_its_own_message_behind_the_reply() {
    let running = Running::start(Settings::default()).await;
    let mut client = running.connect().await;
    client.call("HELLO 3").await;
    client.call("SUBSCRIBE a").await;
    assert_eq!(client.call("PUBLISH a x").await.unwrap(), b":1\r\n");
    assert_eq!(client.reply().await.unwrap(), b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_does_not_read_is_closed_and_holds_up_nobody() {
    let running = Running::start(Settings::default()).await;
    let mut admin = running.connect().await;
    admin.call("CONFIG SET client-output-buffer-limit pubsub=1").await;
    admin.call("PING").await;
    let mut set = Vec::new();
    meridian_resp::write_command(
        &mut set,
        [&b"CONFIG"[..], b"SET", b"client-output-buffer-limit", b"pubsub 1mb 0 0"].into_iter(),
    );
    admin.send(&set).await;
    assert_eq!(admin.reply().await.unwrap(), b"+OK\r\n");
    let mut slow = running.connect().await;
    slow.call("SUBSCRIBE a").await;
    let mut quick = running.connect().await;
    quick.call("SUBSCRIBE a").await;
    let payload = "x".repeat(100_000);
    let publish = format!("PUBLISH a {payload}");
    let mut alone = 0;
    for _ in 0..1000 {
        let reply = admin.call(&publish).await.unwrap();
        quick.reply().await.unwrap();
        if reply == b":1\r\n" {
            alone += 1;
            break;
        }
        assert_eq!(reply, b":2\r\n");
    }
    assert_eq!(alone, 1, "the slow one is gone");
}
