//! The case files of `cases/`: on the engine alone, and on a real Redis, which also writes the replies.
//!
//! `MERIDIAN_BLESS=1` lets Redis write them anew, and the engine those of commands that this Redis does not have.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use meridian_command::{CommandSpec, EngineCommand, Flags, Protocol};
use meridian_tests_compat::{
    Client, Redis,
    case::{Target, run, since},
};

use crate::{bare::Bare, redis_knows};

/// When the engine's cases take place.
const START_MS: u64 = 1_790_000_000_000;

impl Target for Bare {
    fn call(&mut self, call: &[&[u8]]) -> Vec<u8> {
        match call {
            [name, number] if name.eq_ignore_ascii_case(b"SELECT") => {
                let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
                self.numbered = number.expect("the number of a numbered database");
                b"+OK\r\n".to_vec()
            }
            call => Bare::call(self, call),
        }
    }

    fn use_resp3(&mut self) {
        self.protocol = Protocol::Resp3;
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now_ms += milliseconds;
    }
}

struct Live(Client);

impl Target for Live {
    fn call(&mut self, call: &[&[u8]]) -> Vec<u8> {
        self.0.call(call)
    }

    fn use_resp3(&mut self) {
        self.0.call(&[b"HELLO", b"3"]);
    }

    fn wait(&mut self, milliseconds: u64) {
        let end = Instant::now() + Duration::from_millis(milliseconds);
        while Instant::now() < end {
            std::thread::yield_now();
        }
    }
}

fn path_of(command: EngineCommand) -> PathBuf {
    let spec = command.spec();
    let file = spec.name.to_ascii_lowercase().replace('|', "-") + ".case";
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(spec.group.redis()).join(file)
}

fn each_case(mut each: impl FnMut(&CommandSpec, &Path, &str)) {
    let internal = |command: &EngineCommand| command.spec().flags.contains(Flags::INTERNAL);
    for command in EngineCommand::ALL.iter().filter(|command| !internal(command)) {
        let path = path_of(*command);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        each(command.spec(), &path, &text);
    }
}

/// Every line of a failed case, the first that differs marked.
fn compare(path: &Path, wanted: &str, came: &str) {
    let differing = wanted.lines().zip(came.lines()).position(|(wanted, came)| wanted != came);
    if let Some(at) = differing {
        let line = |text: &str, at: usize| text.lines().nth(at).unwrap_or_default().to_owned();
        let before = line(wanted, at.saturating_sub(1));
        let (wanted, came) = (line(wanted, at), line(came, at));
        panic!("{}:{}: after {before}\nwanted: {wanted}\ncame:   {came}", path.display(), at + 1);
    }
    assert_eq!(wanted, came, "{}", path.display());
}

#[test]
fn the_engine_answers_every_case() {
    let bless = env::var_os("MERIDIAN_BLESS").is_some();
    for read_outside in [false, true] {
        each_case(|spec, path, text| {
            let mut bare = Bare::new(Protocol::Resp2, START_MS);
            bare.read_outside = read_outside;
            let came = run(text, &mut bare).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
            if bless && !redis_knows(spec) {
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
    each_case(|spec, path, text| {
        if !redis_knows(spec) || since(text).is_some_and(|since| version_of(since) > version) {
            return;
        }
        let mut live = Live(redis.connect());
        live.call(&[b"FLUSHALL"]);
        let came = run(text, &mut live).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        if bless {
            fs::write(path, came).expect("a case file can be written");
        } else {
            compare(path, text, &came);
        }
    });
}
