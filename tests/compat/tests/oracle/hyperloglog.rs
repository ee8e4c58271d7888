//! HyperLogLogs against a real Redis: the same elements into both, and the same bytes in the end.

use meridian_command::Protocol;
use meridian_tests_compat::{Bare, Client, Redis};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const ROUNDS: usize = 300;
const KEYS: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
const LIMIT: &[u8] = b"hll-sparse-max-bytes";

/// Ours and theirs.
struct Pair {
    bare: Bare,
    redis: Client,
}

impl Pair {
    fn call(&mut self, call: &[&[u8]]) {
        let (ours, theirs) = (self.bare.call(call), self.redis.call(call));
        // The whole of a dense one is too much to read.
        assert!(
            ours == theirs,
            "{}\nours:   {:.2000}\ntheirs: {:.2000}",
            shown(&call.join(&b' ')),
            shown(&ours),
            shown(&theirs)
        );
    }

    fn set_limit(&mut self, limit: &str) {
        self.bare.set(LIMIT, limit.as_bytes());
        self.redis.call(&[b"CONFIG", b"SET", LIMIT, limit.as_bytes()]);
    }
}

fn shown(bytes: &[u8]) -> String {
    format!("{:.2000}", bytes.escape_ascii().to_string())
}

/// Small numbers come again; others hardly do.
fn elements(random: &mut StdRng) -> Vec<Vec<u8>> {
    let count = [1, 5, 60, 900][random.random_range(0..4)];
    let range = [20, 2000, u64::MAX][random.random_range(0..3)];
    (0..count).map(|_| random.random_range(0..range).to_string().into_bytes()).collect()
}

#[test]
fn hyperloglogs_are_those_of_redis_to_the_byte() {
    let Some(redis) = Redis::start("HyperLogLogs") else { return };
    let mut pair = Pair { bare: Bare::new(Protocol::Resp2, 1_790_000_000_000), redis: redis.connect() };
    let mut random = StdRng::seed_from_u64(5);
    for _ in 0..ROUNDS {
        let key = KEYS[random.random_range(0..KEYS.len())];
        let other = KEYS[random.random_range(0..KEYS.len())];
        pair.bare.read_outside = random.random_bool(0.5);
        match random.random_range(0..12) {
            0 => pair.set_limit(["0", "30", "3000", "16000", "1000000"][random.random_range(0..5)]),
            1 => pair.call(&[b"DEL", key]),
            2 => pair.call(&[b"PFMERGE", key, other]),
            3 => pair.call(&[b"PFMERGE", key, KEYS[0], KEYS[1]]),
            4 => pair.call(&[b"PFCOUNT", key, other]),
            5 => pair.call(&[b"PFCOUNT", key]),
            6 => pair.call(&[b"PFDEBUG", b"DECODE", key]),
            _ => {
                let elements = elements(&mut random);
                let call: Vec<&[u8]> =
                    [b"PFADD", key].into_iter().chain(elements.iter().map(Vec::as_slice)).collect();
                pair.call(&call);
            }
        }
        pair.call(&[b"PFDEBUG", b"ENCODING", key]);
        pair.call(&[b"GET", key]);
    }
    pair.set_limit("3000");
    pair.bare.check_determinism();
}
