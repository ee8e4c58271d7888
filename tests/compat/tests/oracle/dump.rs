//! Payloads of every type and encoding, there and back: Redis dumps a value, the engine restores and dumps it, Redis
//! restores that and must have the value that it began with.

use meridian_command::Protocol;
use meridian_tests_compat::{Bare, Client, Redis};

/// What makes the key `k` and, before the bar, the settings under which Redis chooses another encoding for it.
const VALUES: &[&str] = &[
    "|SET k text",
    "|SET k 12",
    "|SET k -129",
    "|SET k 70000",
    "|SET k 12345678901234",
    "|SET k aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "rdbcompression no|SET k aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "|SETBIT k 800000 1",
    "|SADD k 1 2 3",
    "|SADD k 1 70000 -3",
    "|SADD k 1 7000000000 -3",
    "|SADD k a b c 12",
    "|HSET k a 1 b -70000 c text d 4095 e -4096 f 8000000 g 123456789012",
    "hash-max-listpack-entries 0|HSET k a 1 b -70000 c text",
    "list-max-listpack-size -2|RPUSH k a 1 -70000 text 4095 -4096 8000000 123456789012",
    "list-max-listpack-size 2|RPUSH k a 1 -70000 text 4095 -4096 8000000 123456789012",
    "|ZADD k 1 a 2.5 b -inf c inf d 1e300 e 0.1 f",
    "zset-max-listpack-entries 0|ZADD k 1 a 2.5 b -inf c inf d 1e300 e 0.1 f",
    "|XADD k 1-1 f v",
    "|XADD k 1-1 f v g 2;XADD k 1-2 f -70000 g w;XADD k 3-1 other x;XADD k 18446744073709551615-7 f v g 3",
    "|XADD k 5-1 f v;XADD k 5-2 f v;XADD k 5-3 f v;XDEL k 5-2;XDEL k 5-3",
    "|XGROUP CREATE k g $ MKSTREAM",
    "|XADD k 1-1 f v;XADD k 1-2 f w;XADD k 2-1 f x;XGROUP CREATE k g 0;XGROUP CREATE k h 1-1 ENTRIESREAD 1;\
     XREADGROUP GROUP g c COUNT 2 STREAMS k >;XREADGROUP GROUP g d STREAMS k >;XGROUP CREATECONSUMER k h idle;\
     XACK k g 1-1;XDEL k 1-2;XCLAIM k g d 0 2-1 RETRYCOUNT 7 TIME 12345",
    "stream-node-max-entries 2|XADD k 1-1 f v;XADD k 1-2 f w;XADD k 2-1 f x;XADD k 2-2 g x;XTRIM k MAXLEN 3",
];

fn call(client: &mut Client, line: &str) -> Vec<u8> {
    let call: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    client.call(&call)
}

/// The bytes of a bulk string.
fn bulk(reply: &[u8]) -> &[u8] {
    let header = reply.iter().position(|byte| *byte == b'\n').expect("a header") + 1;
    assert_eq!(reply[0], b'$', "{}", reply.escape_ascii());
    &reply[header..reply.len() - 2]
}

fn check_there_and_back(client: &mut Client, bare: &mut Bare, what: &str) {
    let payload = client.call(&[b"DUMP", b"k"]);
    let restored = bare.call(&[b"RESTORE", b"k", b"0", bulk(&payload), b"REPLACE"]);
    assert_eq!(restored, b"+OK\r\n", "{what}: {}", restored.escape_ascii());
    let ours = bare.call(&[b"DUMP", b"k"]);
    let restored = client.call(&[b"RESTORE", b"back", b"0", bulk(&ours), b"REPLACE"]);
    assert_eq!(restored, b"+OK\r\n", "{what}: {}", restored.escape_ascii());
    let digests = client.call(&[b"DEBUG", b"DIGEST-VALUE", b"k", b"back"]);
    let digests = String::from_utf8(digests).expect("hexadecimal");
    let digests: Vec<&str> = digests.split("\r\n").filter(|line| line.len() == 41).collect();
    assert!(matches!(digests.as_slice(), [a, b] if a == b), "{what}: {digests:?}");
    let encodings = [b"k".as_slice(), b"back"].map(|key| client.call(&[b"OBJECT", b"ENCODING", key]));
    assert_eq!(encodings[0], encodings[1], "{what}");
    if encodings[0].ends_with(b"stream\r\n") {
        // The digest knows the entries only.
        for about in ["STREAM", "GROUPS"] {
            let told = ["k", "back"].map(|key| call(client, &format!("XINFO {about} {key}")));
            let [there, back] = told.map(|told| without_nodes(&told.escape_ascii().to_string()));
            assert_eq!(there, back, "{what}");
        }
        for group in ["g", "h"] {
            let told = ["k", "back"].map(|key| call(client, &format!("XPENDING {key} {group}")));
            assert_eq!(told[0].starts_with(b"-"), told[1].starts_with(b"-"), "{what}");
            if !told[0].starts_with(b"-") {
                assert_eq!(told[0].escape_ascii().to_string(), told[1].escape_ascii().to_string(), "{what}");
            }
        }
    }
}

/// What XINFO STREAM tells but for how many nodes there are: payloads are cut anew.
fn without_nodes(told: &str) -> String {
    match (told.split_once("radix-tree-keys"), told.split_once("last-generated-id")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => told.to_owned(),
    }
}

#[test]
fn payloads_are_those_of_redis() {
    let Some(redis) = Redis::start("DUMP and RESTORE") else { return };
    let mut client = redis.connect();
    let mut bare = Bare::new(Protocol::Resp2, 1_790_000_000_000);
    for value in VALUES {
        let (setting, calls) = value.split_once('|').expect("settings before a bar");
        client.call(&[b"FLUSHALL"]);
        let before = setting.split_once(' ').map(|(name, value)| {
            let old = call(&mut client, &format!("CONFIG GET {name}"));
            let old = String::from_utf8(old).expect("text");
            call(&mut client, &format!("CONFIG SET {name} {value}"));
            (name, old.split("\r\n").nth(4).expect("the value").to_owned())
        });
        for line in calls.split(';') {
            let reply = call(&mut client, line);
            assert_ne!(reply[0], b'-', "{line}: {}", reply.escape_ascii());
        }
        check_there_and_back(&mut client, &mut bare, value);
        if let Some((name, old)) = before {
            call(&mut client, &format!("CONFIG SET {name} {old}"));
        }
    }
    // Collections of a thousand, whose nodes and tables are many.
    for (verb, length) in
        [("RPUSH", 1000), ("SADD", 1000), ("HSET", 1000), ("ZADD", 1000), ("PFADD", 1000), ("XADD", 1000)]
    {
        client.call(&[b"FLUSHALL"]);
        for number in 0..length {
            let (number, name) = (number.to_string(), format!("some longer text {number}"));
            match verb {
                "RPUSH" | "SADD" | "PFADD" => client.call(&[verb.as_bytes(), b"k", name.as_bytes()]),
                "XADD" => {
                    let id = format!("{number}-1");
                    client.call(&[b"XADD", b"k", id.as_bytes(), b"field", name.as_bytes()])
                }
                _ => client.call(&[verb.as_bytes(), b"k", number.as_bytes(), name.as_bytes()]),
            };
        }
        check_there_and_back(&mut client, &mut bare, verb);
    }
    bare.check_determinism();
}
