//! Client-side caching where a test decides when a change is heard of and when a reply comes.

use meridian_proxy::Settings;
use meridian_resp::{Value, decode};
use tokio::net::TcpStream;

use crate::{memory::Running, peer::Peer};

async fn tracking(running: &Running, options: &str) -> Peer<TcpStream> {
    let mut client = running.connect().await;
    client.value("HELLO 3").await;
    assert_eq!(client.text(&format!("CLIENT TRACKING ON{options}")).await, "OK");
    client
}

async fn next(client: &mut Peer<TcpStream>) -> Value {
    let reply = client.reply().await.expect("a reply");
    decode(&reply.into()).expect("RESP").expect("complete").0
}

fn invalid(key: &'static str) -> Value {
    Value::Push(vec![bulk("invalidate"), Value::Array(vec![bulk(key)])])
}

fn all_invalid() -> Value {
    Value::Push(vec![bulk("invalidate"), Value::Null])
}

fn bulk(text: &'static str) -> Value {
    Value::Bulk(text.as_bytes().into())
}

#[tokio::test]
async fn what_changes_while_its_reply_is_under_way_is_told_again_behind_it() {
    let running = Running::start(Settings::default()).await;
    let mut client = tracking(&running, "").await;
    // The reply to GET k waits for that of the gate.
    client.send(b"GET k\r\nGET gate\r\n").await;
    let mut other = running.connect().await;
    loop {
        let info = other.text("INFO stats").await;
        if info.contains("tracking_total_keys:2\r") {
            break;
        }
    }
    running.touch("k");
    running.touch("other");
    assert_eq!(next(&mut client).await, invalid("k"));
    running.gate.add_permits(1);
    assert_eq!([next(&mut client).await, next(&mut client).await], [Value::Null, Value::Null]);
    assert_eq!(next(&mut client).await, invalid("k"));
    assert_eq!(client.text("PING").await, "PONG");
}

#[tokio::test]
async fn so_is_the_loss_of_a_leader_and_none_is_told_twice_to_who_has_read_nothing() {
    let running = Running::start(Settings::default()).await;
    let mut client = tracking(&running, "").await;
    client.send(b"GET k\r\nGET gate\r\n").await;
    let mut other = running.connect().await;
    while !other.text("INFO stats").await.contains("tracking_total_keys:2\r") {}
    running.end_tracking();
    assert_eq!(next(&mut client).await, all_invalid());
    while running.tracker_count() == 0 {
        tokio::task::yield_now().await;
    }
    running.end_tracking();
    running.gate.add_permits(3);
    // The gate's read is sent again to the new leader.
    let mut replies = vec![next(&mut client).await];
    while replies.last() != Some(&all_invalid()) || replies.len() < 3 {
        replies.push(next(&mut client).await);
    }
    assert_eq!(replies.iter().filter(|reply| **reply == Value::Null).count(), 2, "{replies:?}");
    assert_eq!(replies.last(), Some(&all_invalid()));
    assert_eq!(client.text("PING").await, "PONG");
}

#[tokio::test]
async fn own_changes_come_behind_the_reply_or_not_at_all() {
    let running = Running::start(Settings::default()).await;
    let mut client = tracking(&running, "").await;
    client.value("GET k").await;
    assert_eq!(client.text("SET k 1").await, "OK");
    assert_eq!(next(&mut client).await, invalid("k"));
    let mut quiet = tracking(&running, " NOLOOP").await;
    quiet.value("GET k").await;
    assert_eq!(quiet.text("SET k 2").await, "OK");
    assert_eq!(quiet.text("PING").await, "PONG");
    // Its own change has ended it, as in Redis; a read behind the change in one go has not.
    quiet.send(b"SET k 3\r\nGET k\r\n").await;
    assert_eq!(next(&mut quiet).await.as_str(), Some("OK"));
    assert_eq!(next(&mut quiet).await.as_str(), Some("3"));
    running.touch("k");
    assert_eq!(next(&mut quiet).await, invalid("k"));
}

#[tokio::test]
async fn a_table_that_is_full_lets_keys_go_and_says_so() {
    let running = Running::start(Settings::default()).await;
    let mut client = tracking(&running, "").await;
    for key in 0..10 {
        client.value(&format!("GET k{key}")).await;
    }
    let mut other = running.connect().await;
    other.value("CONFIG SET tracking-table-max-keys 3").await;
    for _ in 0..7 {
        assert!(matches!(next(&mut client).await, Value::Push(_)));
    }
    assert!(other.text("INFO stats").await.contains("tracking_total_keys:3\r"));
    assert_eq!(client.text("PING").await, "PONG");
}

#[tokio::test]
async fn nothing_is_heard_once_the_last_client_is_gone() {
    let running = Running::start(Settings::default()).await;
    assert_eq!(running.tracker_count(), 0);
    let mut one = tracking(&running, "").await;
    let mut other = tracking(&running, " BCAST").await;
    assert_eq!(running.tracker_count(), 1);
    other.value("RESET").await;
    assert_eq!(running.tracker_count(), 1);
    let mut watching = running.connect().await;
    assert!(watching.text("CLIENT LIST").await.contains(" flags=t "));
    assert!(watching.text("INFO clients").await.contains("tracking_clients:1\r"));
    one.rest().await;
    while running.tracker_count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_target_that_is_gone_breaks_the_redirection() {
    let running = Running::start(Settings::default()).await;
    let mut target = running.connect().await;
    let Value::Integer(id) = target.value("CLIENT ID").await else { panic!("an id") };
    target.value("SUBSCRIBE __redis__:invalidate").await;
    let mut client = tracking(&running, &format!(" REDIRECT {id}")).await;
    client.value("GET k").await;
    running.touch("k");
    let message = next(&mut target).await;
    let expected = [bulk("message"), bulk("__redis__:invalidate"), Value::Array(vec![bulk("k")])];
    assert_eq!(message.as_array(), Some(&expected[..]));
    running.flush();
    let message = next(&mut target).await;
    assert_eq!(message.as_array().and_then(<[Value]>::last), Some(&Value::Null));
    target.value("QUIT").await;
    client.value("GET k").await;
    running.touch("k");
    assert_eq!(next(&mut client).await, Value::Push(vec![bulk("tracking-redir-broken"), Value::Integer(id)]));
    assert!(client.text("CLIENT INFO").await.contains(" flags=tR "));
    assert!(client.text("CLIENT INFO").await.contains(&format!(" redir={id} ")));
}
