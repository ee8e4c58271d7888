//! Users: what is refused to them, when, and where that is written down.

use meridian_proxy::Settings;
use meridian_resp::Value;
use tokio::net::TcpStream;

use crate::{memory::Running, peer::Peer};

async fn says(peer: &mut Peer<TcpStream>, calls: &[(&str, &str)]) {
    for (call, reply) in calls {
        let came = peer.call(call).await.expect("a reply");
        assert_eq!(String::from_utf8_lossy(&came), *reply, "{call}");
    }
}

const OK: &str = "+OK\r\n";
const QUEUED: &str = "+QUEUED\r\n";
const NO_KEY: &str = "-NOPERM No permissions to access a key\r\n";

#[tokio::test]
async fn a_restricted_user_does_only_what_it_may() {
    let running = Running::start(Settings::default()).await;
    let (mut admin, mut bob) = (running.connect().await, running.connect().await);
    says(
        &mut admin,
        &[
            ("ACL SETUSER bob on >pw +get +multi +exec +subscribe +acl|whoami ~k* &c (+set ~s*)", OK),
            ("ACL DRYRUN bob get k", OK),
        ],
    )
    .await;
    says(
        &mut bob,
        &[
            ("AUTH bob pw", OK),
            ("ACL WHOAMI", "$3\r\nbob\r\n"),
            ("GET k", "$-1\r\n"),
            ("SET s1 v", OK),
            ("SET k v", NO_KEY),
            ("GET s1", NO_KEY),
            ("DEL k", "-NOPERM User bob has no permissions to run the 'del' command\r\n"),
            ("ACL LIST", "-NOPERM User bob has no permissions to run the 'acl|list' command\r\n"),
            ("SUBSCRIBE c d", "-NOPERM No permissions to access a channel\r\n"),
            ("MULTI", OK),
            ("GET x", NO_KEY),
            ("EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n"),
        ],
    )
    .await;
    assert_eq!(admin.text("ACL DRYRUN bob get x").await, "User bob has no permissions to access the 'x' key");
    assert_eq!(
        admin.text("ACL DRYRUN bob del x").await,
        "User bob has no permissions to run the 'del' command"
    );
    let info = admin.text("INFO stats").await;
    for line in ["acl_access_denied_cmd:2\r", "acl_access_denied_key:3\r", "acl_access_denied_channel:1\r"] {
        assert!(info.contains(line), "{line} is missing: {info}");
    }
    let clients = admin.text("CLIENT LIST").await;
    assert!(clients.contains(" user=bob "), "{clients}");
}

#[tokio::test]
async fn exec_does_not_execute_what_is_no_longer_permitted() {
    let running = Running::start(Settings::default()).await;
    let (mut admin, mut bob) = (running.connect().await, running.connect().await);
    says(&mut admin, &[("ACL SETUSER bob on nopass +@all ~*", OK)]).await;
    let queue =
        [("AUTH bob x", OK), ("MULTI", OK), ("SET a 1", QUEUED), ("SET b 2", QUEUED), ("GET a", QUEUED)];
    says(&mut bob, &queue).await;
    says(&mut admin, &[("ACL SETUSER bob resetkeys ~a", OK)]).await;
    let denied = "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. \
                  This command is no longer allowed for the following reason: no permission to touch the specified \
                  keys\r\n";
    says(&mut bob, &[("EXEC", &format!("*3\r\n+OK\r\n{denied}$1\r\n1\r\n"))]).await;
    let Value::Array(log) = admin.value("ACL LOG").await else { panic!("an array") };
    let Value::Array(entry) = &log[0] else { panic!("an array") };
    let shown: Vec<_> = entry.iter().take(10).filter_map(Value::as_str).collect();
    assert_eq!(shown, ["count", "reason", "key", "context", "multi", "object", "b", "username", "bob"]);
}

#[tokio::test]
async fn rules_that_change_hold_for_whoever_is_connected() {
    let running = Running::start(Settings::default()).await;
    let (mut admin, mut bob, mut listener) =
        (running.connect().await, running.connect().await, running.connect().await);
    says(&mut admin, &[("ACL SETUSER bob on nopass +@all ~* &*", OK)]).await;
    says(&mut bob, &[("AUTH bob x", OK), ("SET a 1", OK)]).await;
    says(&mut listener, &[("AUTH bob x", OK)]).await;
    listener.call("SUBSCRIBE c").await.expect("a reply");
    says(&mut admin, &[("ACL SETUSER bob -set resetchannels", OK)]).await;
    assert_eq!(listener.reply().await, None, "closed");
    says(
        &mut bob,
        &[
            ("GET a", "$1\r\n1\r\n"),
            ("SET a 2", "-NOPERM User bob has no permissions to run the 'set' command\r\n"),
        ],
    )
    .await;
    says(&mut admin, &[("ACL DELUSER bob", ":1\r\n"), ("ACL DELUSER bob", ":0\r\n")]).await;
    assert_eq!(bob.call("PING").await, None, "closed");
    says(&mut admin, &[("ACL SETUSER bob on nopass +@all", OK)]).await;
    let mut bob = running.connect().await;
    says(&mut bob, &[("AUTH bob x", OK), ("ACL DELUSER bob", ":1\r\n")]).await;
    assert_eq!(bob.reply().await, None, "closed behind the reply");
}

#[tokio::test]
async fn the_password_is_that_of_the_default_user() {
    let running = Running::start(Settings { password: "first".into(), ..Settings::default() }).await;
    let mut peer = running.connect().await;
    says(
        &mut peer,
        &[
            ("PING", "-NOAUTH Authentication required.\r\n"),
            ("AUTH first", OK),
            ("CONFIG GET requirepass", "*2\r\n$11\r\nrequirepass\r\n$5\r\nfirst\r\n"),
            ("CONFIG SET requirepass second", OK),
            ("CONFIG GET requirepass", "*2\r\n$11\r\nrequirepass\r\n$6\r\nsecond\r\n"),
            ("AUTH first", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
            ("AUTH second", OK),
            ("ACL SETUSER default resetpass >third", OK),
        ],
    )
    .await;
    // Only its hash is known.
    let Value::Array(shown) = peer.value("CONFIG GET requirepass").await else { panic!("an array") };
    assert!(shown[1].as_str().is_some_and(|hash| hash.starts_with('#') && hash.len() == 65), "{shown:?}");
    says(
        &mut running.connect().await,
        &[("AUTH third", OK), ("CONFIG SET requirepass ", OK), ("ACL SETUSER default off", OK)],
    )
    .await;
    says(&mut running.connect().await, &[("PING", "-NOAUTH Authentication required.\r\n")]).await;
}

#[tokio::test]
async fn settings_of_users_have_an_effect() {
    let running = Running::start(Settings::default()).await;
    let mut peer = running.connect().await;
    says(
        &mut peer,
        &[
            ("CONFIG SET acl-pubsub-default allchannels", OK),
            ("ACL SETUSER bob", OK),
            ("CONFIG SET acl-pubsub-default resetchannels", OK),
            ("ACL SETUSER eve", OK),
            ("CONFIG SET acllog-max-len 1", OK),
            ("AUTH eve x", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
            ("AUTH bob x", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
        ],
    )
    .await;
    let Value::Array(list) = peer.value("ACL LIST").await else { panic!("an array") };
    let list: Vec<_> = list.iter().filter_map(Value::as_str).collect();
    assert_eq!(
        list,
        [
            "user bob off sanitize-payload &* -@all",
            "user default on nopass sanitize-payload ~* &* +@all",
            "user eve off sanitize-payload resetchannels -@all"
        ]
    );
    let Value::Array(log) = peer.value("ACL LOG").await else { panic!("an array") };
    assert_eq!(log.len(), 1);
}
