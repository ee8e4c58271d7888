//! Replies that must equal Redis' to the byte, and names of fields that must be Redis'.

use std::collections::BTreeSet;

use meridian_proxy::Settings;

use crate::{memory::Running, oracle::Oracle};

/// Each block is sent on a fresh connection, line by line.
const SAME: &str = "
HELLO abc
HELLO 4
HELLO 1
HELLO 99999999999999999999
HELLO 3 FOO
HELLO 3 AUTH a
HELLO 3 AUTH a b
HELLO 3 SETNAME
HELLO 3 SETNAME a\tb
HELLO 3 SETNAME ok AUTH x y
AUTH
AUTH a
AUTH a b
AUTH default anything
AUTH a b c

PING
ping hello
PING a b
ECHO
ECHO x
ECHO x y
SELECT
SELECT x
SELECT 16
SELECT -1
SELECT 99999999999
SELECT 15
SELECT 0
RESET x
RESET
NOPE
NOPE a b c
GET
SET k

MULTI x
EXEC
DISCARD
UNWATCH
WATCH
MULTI
MULTI
WATCH a
PING
EXEC
MULTI
SET a 1
GET a
SELECT 3
SET a 2
GET a
SELECT x
ECHO b
CLIENT GETNAME
CLIENT SETNAME me
CLIENT GETNAME
UNWATCH
EXEC
GET a
SELECT 0
GET a
MULTI
NOPE
SET a 5
EXEC
GET a
MULTI
SET a
EXEC
MULTI
SET a 7
DISCARD
GET a
EXEC
MULTI
EXEC x
EXEC
MULTI
EXEC
MULTI
HELLO 3
GET none
HELLO 2
GET none
EXEC x
DISCARD
MULTI
GET none
GET none
EXEC
WATCH a b
MULTI
GET a
EXEC
WATCH a
UNWATCH
MULTI
RESET
EXEC

CLIENT
CLIENT FOO
CLIENT ID x
CLIENT LIST TYPE
CLIENT LIST TYPE x
CLIENT LIST TYPE master
CLIENT LIST TYPE pubsub
CLIENT LIST ID
CLIENT LIST ID x
CLIENT LIST ID 99999
CLIENT LIST FOO
CLIENT KILL
CLIENT KILL 1.2.3.4:5
CLIENT KILL ID 0
CLIENT KILL ID x
CLIENT KILL ID -1
CLIENT KILL ID 99999
CLIENT KILL TYPE x
CLIENT KILL TYPE replica
CLIENT KILL USER nope
CLIENT KILL SKIPME maybe
CLIENT KILL ID 5 6
CLIENT KILL FOO bar
CLIENT KILL ADDR 1.2.3.4:5 LADDR 1.2.3.4:6 TYPE normal USER default SKIPME no
CLIENT SETNAME
CLIENT SETNAME a\tb
CLIENT SETNAME me
CLIENT GETNAME
CLIENT SETNAME 
CLIENT GETNAME
CLIENT REPLY
CLIENT REPLY x
CLIENT REPLY on
CLIENT NO-EVICT
CLIENT NO-EVICT x
CLIENT NO-EVICT on
CLIENT NO-EVICT OFF

CLIENT TRACKING
CLIENT TRACKING x
CLIENT TRACKING on FOO
CLIENT TRACKING on REDIRECT
CLIENT TRACKING on REDIRECT x
CLIENT TRACKING on REDIRECT 99999
CLIENT TRACKING on REDIRECT 0
CLIENT TRACKING on PREFIX a
CLIENT TRACKING on PREFIX
CLIENT TRACKING on OPTIN OPTOUT
CLIENT TRACKING on BCAST OPTIN
CLIENT TRACKING on BCAST PREFIX foo PREFIX fo
CLIENT TRACKING off FOO
CLIENT CACHING
CLIENT CACHING yes
CLIENT GETREDIR
CLIENT GETREDIR x
CLIENT TRACKINGINFO
CLIENT TRACKINGINFO x
CLIENT TRACKING on
CLIENT GETREDIR
CLIENT TRACKINGINFO
CLIENT CACHING yes
CLIENT CACHING no
CLIENT CACHING x
CLIENT TRACKING on BCAST
CLIENT TRACKING on OPTIN NOLOOP
CLIENT TRACKINGINFO
CLIENT CACHING yes
CLIENT TRACKINGINFO
PING
CLIENT TRACKINGINFO
CLIENT CACHING yes
MULTI
CLIENT TRACKINGINFO
EXEC
CLIENT TRACKINGINFO
CLIENT TRACKING on OPTOUT
CLIENT TRACKING off
CLIENT TRACKING on OPTOUT
CLIENT CACHING no
CLIENT TRACKINGINFO
CLIENT TRACKING off
CLIENT TRACKING on BCAST PREFIX foo PREFIX bar
CLIENT TRACKING on
CLIENT TRACKING on BCAST PREFIX fo
CLIENT TRACKING on BCAST PREFIX foox
CLIENT TRACKING on BCAST PREFIX x
CLIENT TRACKINGINFO
RESET
CLIENT TRACKINGINFO
CONFIG GET tracking-table-max-keys
CONFIG SET tracking-table-max-keys -1
CONFIG SET tracking-table-max-keys x

CONFIG
CONFIG FOO
CONFIG GET
CONFIG GET nope
CONFIG GET TIMEOUT timeout
CONFIG GET tcp-keepaliv*
CONFIG GET maxclient[s]
CONFIG GET client-output-buffer-limit
CONFIG GET client-query-buffer-limit
CONFIG GET databases
CONFIG GET save
CONFIG SET
CONFIG SET foo bar
CONFIG SET maxclients
CONFIG SET maxclients 10 timeout
CONFIG SET maxclients x
CONFIG SET maxclients 0
CONFIG SET maxclients 4294967296
CONFIG SET maxclients 10 maxclients 11
CONFIG SET maxclients 10 nope 11
CONFIG SET databases 3
CONFIG SET timeout -1
CONFIG SET timeout 1.5
CONFIG SET tcp-keepalive -1
CONFIG SET tcp-keepalive 2147483648
CONFIG SET proto-max-bulk-len 10
CONFIG SET proto-max-bulk-len x
CONFIG SET proto-max-bulk-len 1tb
CONFIG SET proto-max-bulk-len -1
CONFIG SET client-query-buffer-limit 5
CONFIG SET client-output-buffer-limit x
CONFIG SET timeout 7 maxclients x
CONFIG GET timeout
CONFIG SET timeout 0 tcp-keepalive 301
CONFIG GET tcp-keepalive
CONFIG SET tcp-keepalive 300
CONFIG RESETSTAT
CONFIG REWRITE

WAIT
WAIT x 0
WAIT 0 x
WAIT 0 -1
WAIT 0 1.5
DEBUG
DEBUG FOO
DEBUG SLEEP
DEBUG SLEEP 0
DEBUG SLEEP x
DEBUG PROTOCOL
DEBUG PROTOCOL a b
DEBUG PROTOCOL string
DEBUG PROTOCOL integer
DEBUG PROTOCOL double
DEBUG PROTOCOL null
DEBUG PROTOCOL array
DEBUG PROTOCOL set
DEBUG PROTOCOL map
DEBUG PROTOCOL attrib
DEBUG PROTOCOL push
DEBUG PROTOCOL bignum
DEBUG PROTOCOL verbatim
DEBUG PROTOCOL true
DEBUG PROTOCOL FALSE
DEBUG PROTOCOL none
CLUSTER
CLUSTER KEYSLOT
TIME x
ACL SETUSER bob reset on >p ~k* %R~r* &c* +@hash +config|get (+get ~s*)
ACL GETUSER bob
ACL USERS
ACL SETUSER bob +nope
ACL SETUSER bob -@nope
ACL SETUSER bob %x~a
ACL SETUSER bob allkeys ~a
ACL SETUSER bob allchannels &a
ACL SETUSER bob <nope
ACL SETUSER bob #abc
ACL SETUSER bob +config|get|x
ACL SETUSER bob (+get
ACL GETUSER bob
ACL DRYRUN bob hget k y
ACL DRYRUN bob get s1
ACL DRYRUN bob config get x
ACL DELUSER bob bob nope
ACL GETUSER nope
ACL DELUSER default
ACL DELUSER nope nope2
ACL DRYRUN default get x
ACL DRYRUN nope get x
ACL DRYRUN default nope x
ACL DRYRUN default get
ACL DRYRUN default client
ACL GENPASS 0
ACL GENPASS 4097
ACL GENPASS x
ACL GENPASS 1 2
ACL LOG x
ACL LOG 1 2
ACL SAVE
ACL LOAD
CONFIG SET requirepass secret
INFO nope
QUIT x
PING
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_equal_those_of_redis() {
    let oracle = Oracle::start().await;
    let running = Running::start(Settings::default()).await;
    for block in SAME.split("\n\n") {
        let mut theirs = oracle.connect().await;
        let mut ours = running.connect().await;
        for line in block.lines().filter(|line| !line.is_empty()) {
            let expected = theirs.call(line).await;
            let got = ours.call(line).await;
            let shown =
                |reply: &Option<Vec<u8>>| reply.as_deref().map(|bytes| bytes.escape_ascii().to_string());
            assert_eq!(shown(&got), shown(&expected), "{line:?}");
            if got.is_none() {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_of_replies_are_those_of_redis() {
    let oracle = Oracle::start().await;
    let running = Running::start(Settings::default()).await;
    let (mut theirs, mut ours) = (oracle.connect().await, running.connect().await);
    // The reply names the server.
    assert!(theirs.call("HELLO 3").await.is_some() && ours.call("HELLO 3").await.is_some());
    for kind in [
        "string", "integer", "double", "null", "array", "set", "map", "attrib", "bignum", "verbatim", "true",
        "FALSE", "none",
    ] {
        let line = format!("DEBUG PROTOCOL {kind}");
        assert_eq!(theirs.call(&line).await, ours.call(&line).await, "{line:?}");
    }
    // Redis 7.0 sends the message first, 8.0 the reply.
    let message = theirs.call("DEBUG PROTOCOL push").await;
    let reply = theirs.reply().await;
    assert_eq!((ours.call("DEBUG PROTOCOL push").await, ours.reply().await), (reply, message));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_as_in_redis() {
    let oracle = Oracle::start().await;
    let running = Running::start(Settings::default()).await;
    let (mut theirs, mut ours) = (oracle.connect().await, running.connect().await);
    assert_eq!(theirs.call("CONFIG SET requirepass pw").await, ours.call("CONFIG SET requirepass pw").await);
    assert_eq!(theirs.call("PING").await, ours.call("PING").await);
    let (mut theirs, mut ours) = (oracle.connect().await, running.connect().await);
    for line in [
        "PING",
        "NOPE",
        "GET",
        "CLIENT ID",
        "AUTH no",
        "AUTH default no",
        "AUTH other pw",
        "HELLO 3 AUTH default no",
        "CONFIG GET requirepass",
        "AUTH pw",
        "CONFIG GET requirepass",
        "RESET",
        "PING",
        "AUTH default pw",
        "PING",
    ] {
        assert_eq!(theirs.call(line).await, ours.call(line).await, "{line:?}");
    }
    let reply = running.connect().await.text("HELLO 3").await;
    assert!(reply.starts_with("NOAUTH HELLO must be called with the client already authenticated"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_a_client_are_those_of_redis_in_their_order() {
    let oracle = Oracle::start().await;
    let running = Running::start(Settings::default()).await;
    let names = |line: &str| -> Vec<String> {
        let fields =
            line.trim_end().split(' ').map(|field| field.split('=').next().unwrap_or(field).to_owned());
        fields.collect()
    };
    let mut expected = names(&oracle.connect().await.text("CLIENT INFO").await);
    // Since 7.4.
    let multi = expected.iter().position(|name| name == "multi").expect("shown");
    expected.insert(multi + 1, "watch".to_owned());
    // Since 7.2.
    expected.extend(["lib-name".to_owned(), "lib-ver".to_owned()]);
    assert_eq!(names(&running.connect().await.text("CLIENT INFO").await), expected);
}

/// Fields that Redis does not have.
const OWN_FIELDS: &[&str] = &[
    "meridian_version",
    "meridian_epoch",
    "meridian_nodes",
    "meridian_shards",
    "meridian_shards_led",
    // Since 7.2.
    "client_query_buffer_limit_disconnections",
    "acl_access_denied_auth",
    "acl_access_denied_cmd",
    "acl_access_denied_key",
    "acl_access_denied_channel",
    "client_output_buffer_limit_disconnections",
    "total_blocking_keys",
    "total_blocking_keys_on_nokey",
    // Since 7.4.
    "expired_subkeys",
    "pubsub_clients",
    "watching_clients",
    "total_watched_keys",
    // Shown by Redis only when its append-only file is on.
    "aof_last_rewrite_time_sec",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sections_and_fields_of_info_are_those_of_redis_in_their_order() {
    let oracle = Oracle::start().await;
    let running = Running::start(Settings::default()).await;
    let fields = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.is_empty());
        let names = lines.map(|line| line.split(':').next().unwrap_or(line).to_owned());
        names.filter(|name| !name.starts_with("cmdstat_") && !name.starts_with("db")).collect()
    };
    for sections in ["INFO", "INFO default", "INFO server", "INFO CPU clients nope"] {
        let theirs = fields(oracle.connect().await.text(sections).await);
        let ours = fields(running.connect().await.text(sections).await);
        let shared: BTreeSet<&String> = ours.iter().collect();
        let expected: Vec<&String> = theirs.iter().filter(|name| shared.contains(name)).collect();
        let ours: Vec<&String> = ours.iter().filter(|name| !OWN_FIELDS.contains(&name.as_str())).collect();
        let expected: Vec<&String> =
            expected.into_iter().filter(|name| !OWN_FIELDS.contains(&name.as_str())).collect();
        assert_eq!(ours, expected, "{sections}");
    }
}
