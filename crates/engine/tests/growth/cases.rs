//! The commands that are looked at, and the collections that they are called on.

/// How the time of a command may grow with its collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Not, or with the logarithm.
    Flat,
    /// With the number of elements, as Redis documents.
    Linear,
}

type Words = Vec<Vec<u8>>;

/// A command, or a few that belong together.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) growth: Growth,
    /// The call takes everything out.
    pub(crate) frees: bool,
    /// What makes collections of so many elements.
    pub(crate) fill: fn(usize) -> Box<dyn Iterator<Item = Words>>,
    /// The n-th call on collections of so many elements.
    pub(crate) call: fn(usize, usize) -> Words,
}

const fn flat(
    name: &'static str,
    fill: fn(usize) -> Box<dyn Iterator<Item = Words>>,
    call: fn(usize, usize) -> Words,
) -> Case {
    Case { name, growth: Growth::Flat, frees: false, fill, call }
}

const fn linear(
    name: &'static str,
    fill: fn(usize) -> Box<dyn Iterator<Item = Words>>,
    call: fn(usize, usize) -> Words,
) -> Case {
    Case { name, growth: Growth::Linear, frees: false, fill, call }
}

const fn frees(
    name: &'static str,
    fill: fn(usize) -> Box<dyn Iterator<Item = Words>>,
    call: fn(usize, usize) -> Words,
) -> Case {
    Case { name, growth: Growth::Flat, frees: true, fill, call }
}

fn words(line: String) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// An element that the n-th call looks at: all over the collection.
fn pick(size: usize, n: usize) -> usize {
    n * 7_368_787 % size
}

/// Elements of one command.
const CHUNK: usize = 1000;

/// `command` with the words of all elements, some at a time.
fn filled(
    command: &'static str,
    size: usize,
    element: fn(usize) -> String,
) -> Box<dyn Iterator<Item = Words>> {
    let chunk = move |from: usize| {
        let elements: Vec<String> = (from..size.min(from + CHUNK)).map(element).collect();
        words(format!("{command} {}", elements.join(" ")))
    };
    Box::new((0..size).step_by(CHUNK).map(chunk))
}

fn zset(size: usize) -> Box<dyn Iterator<Item = Words>> {
    filled("ZADD z", size, |n| format!("{n} member:{n}"))
}

/// All of one score: in the order of their bytes.
fn lexical(size: usize) -> Box<dyn Iterator<Item = Words>> {
    filled("ZADD z", size, |n| format!("0 {n:08}"))
}

fn list(size: usize) -> Box<dyn Iterator<Item = Words>> {
    filled("RPUSH l", size, |n| format!("element:{n}"))
}

fn set(size: usize) -> Box<dyn Iterator<Item = Words>> {
    filled("SADD s", size, |n| format!("member:{n}"))
}

fn sets(size: usize) -> Box<dyn Iterator<Item = Words>> {
    Box::new(set(size).chain(filled("SADD t", size, |n| format!("member:{n}"))))
}

fn hash(size: usize) -> Box<dyn Iterator<Item = Words>> {
    filled("HSET h", size, |n| format!("field:{n} {n}"))
}

/// Every field of it expires.
fn expiring(size: usize) -> Box<dyn Iterator<Item = Words>> {
    let expire = |n: usize| words(format!("HPEXPIREAT h {} FIELDS 1 field:{n}", 1_000_000_000_000 + n));
    Box::new(hash(size).chain((0..size).map(expire)))
}

fn stream(size: usize) -> Box<dyn Iterator<Item = Words>> {
    Box::new((0..size).map(|n| words(format!("XADD x {}-0 field {n}", n + 1))))
}

/// With a group to which everything was delivered.
fn delivered(size: usize) -> Box<dyn Iterator<Item = Words>> {
    let read = ["XGROUP CREATE x g 0", "XREADGROUP GROUP g c STREAMS x >"];
    Box::new(stream(size).chain(read.into_iter().map(|line| words(line.to_owned()))))
}

fn string(size: usize) -> Box<dyn Iterator<Item = Words>> {
    Box::new([vec![b"SET".to_vec(), b"k".to_vec(), vec![b'x'; size * 10]]].into_iter())
}

fn document(size: usize) -> Box<dyn Iterator<Item = Words>> {
    let members: Vec<String> = (0..size).map(|n| format!("\"m{n}\":{n}")).collect();
    let elements: Vec<String> = (0..size).map(|n| n.to_string()).collect();
    let text = format!("{{\"o\":{{{}}},\"a\":[{}]}}", members.join(","), elements.join(","));
    Box::new([words(format!("JSON.SET j $ {text}"))].into_iter())
}

fn keys(size: usize) -> Box<dyn Iterator<Item = Words>> {
    Box::new((0..size).map(|n| words(format!("SET key:{n} {n} PX {}", 1_000_000_000_000 + n))))
}

pub(crate) const CASES: &[Case] = &[
    flat("ZADD, new score", zset, |size, n| words(format!("ZADD z {n}.5 member:{}", pick(size, n)))),
    flat("ZADD, new member", zset, |size, n| words(format!("ZADD z {} new:{n}", pick(size, n)))),
    flat("ZREM", zset, |size, n| words(format!("ZREM z member:{}", pick(size, n)))),
    flat("ZRANK", zset, |size, n| words(format!("ZRANK z member:{}", pick(size, n)))),
    flat("ZRANGE, 10", zset, |size, n| {
        let first = pick(size - 10, n);
        words(format!("ZRANGE z {first} {}", first + 9))
    }),
    flat("ZRANGE BYSCORE, 10", zset, |size, n| {
        words(format!("ZRANGE z {} +inf BYSCORE LIMIT 0 10", pick(size, n)))
    }),
    flat("ZRANGE BYLEX, 10", lexical, |size, n| {
        words(format!("ZRANGE z [{:08} + BYLEX LIMIT 0 10", pick(size, n)))
    }),
    flat("ZCOUNT", zset, |size, n| words(format!("ZCOUNT z {} +inf", pick(size, n)))),
    flat("ZPOPMIN", zset, |_, _| words("ZPOPMIN z".to_owned())),
    flat("ZRANDMEMBER", zset, |_, _| words("ZRANDMEMBER z".to_owned())),
    flat("ZSCAN", zset, |size, n| words(format!("ZSCAN z {}", pick(size, n) * 4000))),
    flat("LPUSH", list, |_, n| words(format!("LPUSH l new:{n}"))),
    flat("RPOP", list, |_, _| words("RPOP l".to_owned())),
    flat("LRANGE, last 10", list, |_, _| words("LRANGE l -10 -1".to_owned())),
    flat("LLEN", list, |_, _| words("LLEN l".to_owned())),
    flat("LTRIM, by one", list, |_, _| words("LTRIM l 1 -1".to_owned())),
    linear("LINDEX", list, |size, n| words(format!("LINDEX l {}", pick(size, n)))),
    linear("LSET", list, |size, n| words(format!("LSET l {} changed", pick(size, n)))),
    linear("LINSERT", list, |size, n| words(format!("LINSERT l BEFORE element:{} new", pick(size, n)))),
    linear("LREM", list, |size, n| words(format!("LREM l 1 element:{}", pick(size, n)))),
    flat("SADD", set, |_, n| words(format!("SADD s new:{n}"))),
    flat("SREM", set, |size, n| words(format!("SREM s member:{}", pick(size, n)))),
    flat("SPOP, SADD", set, |_, n| {
        words(if n % 2 == 0 { "SPOP s".into() } else { format!("SADD s new:{n}") })
    }),
    flat("SRANDMEMBER", set, |_, _| words("SRANDMEMBER s".to_owned())),
    flat("SRANDMEMBER, 10", set, |_, _| words("SRANDMEMBER s 10".to_owned())),
    flat("SSCAN", set, |size, n| words(format!("SSCAN s {}", pick(size, n) * 4000))),
    flat("SINTERCARD LIMIT 10", sets, |_, _| words("SINTERCARD 2 s t LIMIT 10".to_owned())),
    flat("HSET", hash, |size, n| words(format!("HSET h field:{} changed", pick(size, n)))),
    flat("HDEL", hash, |size, n| words(format!("HDEL h field:{}", pick(size, n)))),
    flat("HRANDFIELD, 10", hash, |_, _| words("HRANDFIELD h 10".to_owned())),
    flat("HSCAN", hash, |size, n| words(format!("HSCAN h {}", pick(size, n) * 4000))),
    flat("HLEN, fields expire", expiring, |_, _| words("HLEN h".to_owned())),
    flat("HPEXPIREAT", expiring, |size, n| {
        words(format!("HPEXPIREAT h {} FIELDS 1 field:{}", 2_000_000_000_000 + n, pick(size, n)))
    }),
    flat("HGET, fields expire", expiring, |size, n| words(format!("HGET h field:{}", pick(size, n)))),
    flat("XADD", stream, |size, n| words(format!("XADD x {}-0 field {n}", size + n + 1))),
    flat("XADD MAXLEN ~", stream, |size, n| {
        words(format!("XADD x MAXLEN ~ {size} {}-0 field {n}", size + n + 1))
    }),
    flat("XRANGE, 10", stream, |size, n| words(format!("XRANGE x {} + COUNT 10", pick(size, n)))),
    flat("XREVRANGE, 10", stream, |size, n| words(format!("XREVRANGE x {} - COUNT 10", pick(size, n)))),
    flat("XDEL", stream, |size, n| words(format!("XDEL x {}-0", pick(size, n) + 1))),
    flat("XACK", delivered, |size, n| words(format!("XACK x g {}-0", pick(size, n) + 1))),
    flat("XPENDING, 10", delivered, |size, n| words(format!("XPENDING x g {} + 10", pick(size, n)))),
    flat("XCLAIM", delivered, |size, n| words(format!("XCLAIM x g d 0 {}-0 JUSTID", pick(size, n) + 1))),
    flat("APPEND", string, |_, _| words("APPEND k 0123456789".to_owned())),
    flat("SETRANGE", string, |size, n| words(format!("SETRANGE k {} abc", pick(size * 10 - 3, n)))),
    flat("GETRANGE, 10", string, |size, n| {
        let first = pick(size * 10 - 10, n);
        words(format!("GETRANGE k {first} {}", first + 9))
    }),
    flat("SETBIT", string, |size, n| words(format!("SETBIT k {} 1", pick(size * 80, n)))),
    flat("JSON.GET", document, |size, n| words(format!("JSON.GET j $.o.m{}", pick(size, n)))),
    flat("JSON.NUMINCRBY", document, |size, n| words(format!("JSON.NUMINCRBY j $.a[{}] 1", pick(size, n)))),
    flat("JSON.SET", document, |size, n| words(format!("JSON.SET j $.o.m{} 1", pick(size, n)))),
    flat("JSON.ARRAPPEND", document, |_, n| words(format!("JSON.ARRAPPEND j $.a {n}"))),
    flat("JSON.ARRPOP", document, |_, _| words("JSON.ARRPOP j $.a".to_owned())),
    flat("JSON.OBJLEN", document, |_, _| words("JSON.OBJLEN j $.o".to_owned())),
    flat("GET", keys, |size, n| words(format!("GET key:{}", pick(size, n)))),
    flat("SET PX", keys, |size, n| {
        words(format!("SET key:{} x PX {}", pick(size, n), 2_000_000_000_000 + n))
    }),
    flat("PERSIST", keys, |size, n| words(format!("PERSIST key:{}", pick(size, n)))),
    flat("DEL", keys, |size, n| words(format!("DEL key:{}", pick(size, n)))),
    flat("RANDOMKEY", keys, |_, _| words("RANDOMKEY".to_owned())),
    flat("SCAN", keys, |_, _| words("SCAN 0".to_owned())),
    frees("DEL of a set", set, |_, _| words("DEL s".to_owned())),
    frees("UNLINK of a sorted set", zset, |_, _| words("UNLINK z".to_owned())),
    frees("SET over a hash", hash, |_, _| words("SET h x".to_owned())),
    frees("SUNIONSTORE over a list", list, |_, _| words("SUNIONSTORE l nothing".to_owned())),
    frees("PEXPIREAT of a stream", stream, |_, _| words("PEXPIREAT x 1".to_owned())),
    frees("JSON.DEL", document, |_, _| words("JSON.DEL j".to_owned())),
    frees("FLUSHALL", keys, |_, _| words("FLUSHALL".to_owned())),
];
