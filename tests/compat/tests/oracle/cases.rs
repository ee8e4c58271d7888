//! The case files of `cases/`: on the engine alone, and on a real Redis, which also writes the replies.
//!
//! `MERIDIAN_BLESS=1` lets Redis write them anew, and the engine those of commands that this Redis does not have.

use std::{env, fs};

use meridian_command::{CommandSpec, Group, Protocol};
use meridian_tests_compat::{
    Bare, Redis,
    case::{run, since},
    files::{compare, each},
};

use crate::redis_knows;

/// When the engine's cases take place.
const START_MS: u64 = 1_790_000_000_000;

/// Whether the installed Redis has a command; it is no cluster.
fn has(spec: &CommandSpec) -> bool {
    redis_knows(spec) && spec.group != Group::Cluster
}

#[test]
fn the_engine_answers_every_case() {
    let bless = env::var_os("MERIDIAN_BLESS").is_some();
    for read_outside in [false, true] {
        each(|spec, path, text| {
            let mut bare = Bare::new(Protocol::Resp2, START_MS);
            bare.read_outside = read_outside;
            let came = run(text, &mut bare).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
            if bless && !has(spec) {
                fs::write(path, came).expect("a case file can be written");
            } else {
                compare(path, text, &came);
            }
        });
    }
}

/// The first two numbers of a version.
fn version_of(text: &str) -> [u32; 2] {
    let mut parts = text.split('.').map(|part| part.trim().parse().unwrap_or(0));
    [parts.next().unwrap_or(0), parts.next().unwrap_or(0)]
}

#[test]
fn redis_answers_every_case() {
    let Some(redis) = Redis::start("the case files") else { return };
    let bless = env::var_os("MERIDIAN_BLESS").is_some();
    let info = redis.connect().call(&[b"INFO", b"server"]);
    let info = String::from_utf8_lossy(&info);
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:")).map(version_of);
    let version = version.expect("a server tells its version");
    each(|spec, path, text| {
        if !has(spec) || since(text).is_some_and(|since| version_of(since) > version) {
            return;
        }
        let mut live = redis.connect();
        live.call(&[b"FLUSHALL"]);
        let came = run(text, &mut live).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        if bless {
            fs::write(path, came).expect("a case file can be written");
        } else {
            compare(path, text, &came);
        }
    });
}
