//! Random calls from the grammar in the table's documentation, so that a new row is tried without a line here.
//!
//! Most calls are well formed; some are then damaged: an argument dropped, doubled, moved, or replaced by something that
//! does not fit. Times are either long past or far ahead, because two servers' clocks differ by a little; keys that
//! expire while one looks are a matter of [`crate::engine`].

use meridian_command::{
    CommandSpec,
    doc::{Arg, ArgFlags, ArgKind},
};
use rand::{RngExt, rngs::StdRng};

pub(crate) type Call = Vec<Vec<u8>>;

/// Few keys, so that commands meet.
pub(crate) const KEYS: [&str; 10] =
    ["a", "b", "c", "d", "e", "{tag}1", "{tag}2", "", "key with space", "k\u{e9}y"];

/// Nothing is set to expire closer to now than this.
const FAR_MS: i64 = 2_000_000;

pub(crate) struct Generator<'a> {
    pub(crate) random: &'a mut StdRng,
    pub(crate) now_ms: i64,
    /// Also what later versions of Redis brought.
    pub(crate) newer: bool,
}

impl Generator<'_> {
    /// A call of a command.
    pub(crate) fn call(&mut self, spec: &CommandSpec) -> Call {
        let mut call: Call = spec.name.split('|').map(|word| self.any_case(word)).collect();
        let name_len = call.len();
        self.args(spec.docs.args, &mut call);
        if self.random.random_bool(0.12) {
            self.damage(&mut call, name_len);
        }
        // Nobody waits here.
        for at in name_len + 1..call.len() {
            if call[at - 1].eq_ignore_ascii_case(b"BLOCK") && call[at][..].iter().all(u8::is_ascii_digit) {
                call[at] = b"1".to_vec();
            }
        }
        for arg in &mut call[name_len..] {
            if self.is_soon(arg) && takes_time(spec.docs.args) {
                *arg = self.far_span();
            }
        }
        call
    }

    fn args(&mut self, args: &[Arg], call: &mut Call) {
        for arg in args {
            let optional = arg.flags.contains(ArgFlags::OPTIONAL);
            let unknown = arg.since.is_some_and(|since| !self.newer && !crate::is_of_redis(since));
            if optional && (unknown || self.random.random_bool(0.6)) {
                continue;
            }
            let times =
                if arg.flags.contains(ArgFlags::MULTIPLE) { self.random.random_range(1..4) } else { 1 };
            for time in 0..times {
                if time == 0 || arg.flags.contains(ArgFlags::MULTIPLE_TOKEN) || arg.kind == ArgKind::OneOf {
                    call.extend(arg.token.map(|token| self.any_case(token)));
                }
                self.value(arg, call);
            }
        }
    }

    fn value(&mut self, arg: &Arg, call: &mut Call) {
        let text = match arg.kind {
            // Its own clock would give each server an id of its own.
            ArgKind::PureToken if arg.token == Some("*") => {
                call.pop();
                self.choose(&["3-*", "5-*", "9-*", "20-*"]).into()
            }
            ArgKind::PureToken => return,
            ArgKind::Block => return self.args(arg.parts, call),
            ArgKind::OneOf => {
                let newer = self.newer;
                let known = |part: &&Arg| newer || part.since.is_none_or(crate::is_of_redis);
                let known: Vec<Arg> = arg.parts.iter().filter(known).copied().collect();
                let one = self.random.random_range(0..known.len());
                return self.args(&known[one..=one], call);
            }
            ArgKind::KeyPattern(_) => self.choose(&KEY_PATTERNS).as_bytes().to_vec(),
            ArgKind::Key(_) => self.choose(&KEYS).as_bytes().to_vec(),
            ArgKind::Integer => self.integer(arg.name),
            ArgKind::UnixTime => self.unix_time(arg.name),
            ArgKind::Double if matches!(arg.name, "longitude" | "latitude") => self
                .choose(&["13.361389", "38.115556", "15.087269", "37.502669", "0", "-0.5", "85", "181", "x"])
                .into(),
            ArgKind::Double if matches!(arg.name, "radius" | "width" | "height") => {
                self.choose(&["1", "200", "1000", "100000", "0", "-1", "1.5", "x"]).into()
            }
            ArgKind::Double => self.choose(&FLOATS).as_bytes().to_vec(),
            ArgKind::Pattern => {
                self.choose(&["*", "?", "[a-c]", "k*", "{tag}*", "[^a]", "*\\*", "nothing"]).into()
            }
            ArgKind::String => self.string(arg.name),
        };
        call.push(text);
    }

    fn string(&mut self, name: &str) -> Vec<u8> {
        match name {
            "operation" => {
                let name = self.choose(&["AND", "OR", "XOR", "NOT"]);
                self.any_case(name)
            }
            "encoding" => {
                self.choose(&["u1", "i8", "u8", "i16", "u31", "i64", "u63", "i63", "i5", "u64", "x"]).into()
            }
            // Few, so that they meet.
            "element" | "pivot" | "member" | "member1" | "member2" => {
                self.choose(&["a", "b", "c", "d", "1", "2", "10", "01", "", "x y"]).into()
            }
            "start" if self.random.random_bool(0.5) => self.choose(&BOUNDS).into(),
            "min" | "max" | "stop" => self.choose(&BOUNDS).into(),
            "id" => self
                .choose(&["0", "0", "1-1", "3", "5-1", "9-0", "9-2", "20-0", "30", "-", "$", ">", ">", "x"])
                .into(),
            "start" | "end" | "threshold" | "last-id" | "max_deleted_entry_id" => self
                .choose(&["0", "1-1", "3", "5-1", "9-0", "9-2", "20-0", "30", "-", "+", "$", ">", "(5", "x"])
                .into(),
            // Of PFDEBUG.
            "subcommand" => self.choose(&["getreg", "DECODE", "ENCODING", "TODENSE", "x"]).into(),
            "group" | "groupname" => self.choose(&["g", "g", "h"]).into(),
            "consumer" | "consumername" => self.choose(&["c", "d"]).into(),
            "field" => self.choose(&["f", "g", "1"]).into(),
            "min-idle-time" => self.choose(&["0", "0", "0", "-1", "100000000", "x"]).into(),
            "type" => self.choose(&["string", "STRING", "hash", "nothing"]).into(),
            _ => match self.random.random_range(0..10) {
                0..4 => self.choose(&INTEGERS).into(),
                4..6 => self.choose(&FLOATS).into(),
                6 => vec![b'x'; self.random.random_range(0..60)],
                7 => (0..self.random.random_range(0..24)).map(|_| self.random.random()).collect(),
                8 => vec![self.random.random(); self.random.random_range(0..600)],
                _ => self
                    .choose(&[
                        "hello",
                        "foobar",
                        "",
                        "a\r\nb",
                        "\0",
                        "ohmytext",
                        "mynewtext",
                        "-0",
                        "00",
                        " 1",
                    ])
                    .into(),
            },
        }
    }

    fn integer(&mut self, name: &str) -> Vec<u8> {
        match name {
            "seconds" | "milliseconds" if self.random.random_bool(0.6) => self.far_span(),
            "seconds" | "milliseconds" => self.choose(&SPANS).into(),
            // Large offsets that are permitted would make strings of half a gigabyte.
            "offset" => self.choose(&OFFSETS).into(),
            "bit" => self.choose(&["0", "1", "2", "x"]).into(),
            "value" => {
                self.choose(&["0", "1", "0", "1", "0", "1", "-1", "255", "9223372036854775807", "x"]).into()
            }
            "numkeys" => self.choose(&["1", "1", "2", "2", "3", "0", "-1", "x"]).into(),
            "start" | "stop" | "index" | "rank" | "len" | "limit" => self
                .choose(&["0", "0", "1", "-1", "2", "-2", "5", "100", "-100", "9223372036854775807", "x"])
                .into(),
            "cursor" => self.choose(&["0", "0", "0", "0", "0", "x", "-1", "01"]).into(),
            "count" => self.choose(&["1000", "1000", "1000", "100000", "0", "-1", "x"]).into(),
            _ => self.choose(&INTEGERS).into(),
        }
    }

    /// Hardly ever the same twice: which of two equal spans ends later is up to the clock.
    fn far_span(&mut self) -> Vec<u8> {
        self.random.random_range(FAR_MS..1000 * FAR_MS).to_string().into_bytes()
    }

    fn unix_time(&mut self, name: &str) -> Vec<u8> {
        let per_second = if name.ends_with("milliseconds") { 1 } else { 1000 };
        let ahead = FAR_MS * self.random.random_range(2..5);
        let far = (self.now_ms + ahead) / per_second;
        let text = far.to_string();
        self.choose(&[&text, &text, &text, "1", "0", "-1", "9223372036854775807", "9223372036854775", "x"])
            .into()
    }

    /// Whether a text taken for a time, absolute or not, in either unit, would be neither past nor far.
    fn is_soon(&self, text: &[u8]) -> bool {
        let Some(value) = meridian_command::number::parse_i64(text) else { return false };
        let close = |ms: i128| (1..i128::from(FAR_MS)).contains(&ms);
        let value = i128::from(value);
        let close_to_now = |ms: i128| close((ms - i128::from(self.now_ms)).abs());
        close(value) || close(value * 1000) || close_to_now(value) || close_to_now(value * 1000)
    }

    fn damage(&mut self, call: &mut Call, name_len: usize) {
        let junk = self.choose(&JUNK).as_bytes().to_vec();
        let count = call.len() - name_len;
        let at = name_len + if count == 0 { 0 } else { self.random.random_range(0..count) };
        match self.random.random_range(0..5) {
            0 if count > 0 => drop(call.remove(at)),
            1 if count > 0 => call[at] = junk,
            2 if count > 0 => call.insert(at, call[at].clone()),
            3 if count > 1 => call.swap(at, name_len),
            _ => call.push(junk),
        }
    }

    fn choose<'t>(&mut self, pool: &[&'t str]) -> &'t str {
        pool[self.random.random_range(0..pool.len())]
    }

    fn any_case(&mut self, word: &str) -> Vec<u8> {
        match self.random.random_range(0..3) {
            0 => word.to_ascii_lowercase().into_bytes(),
            _ => word.to_owned().into_bytes(),
        }
    }
}

/// Whether one of its arguments may be a time.
fn takes_time(args: &[Arg]) -> bool {
    args.iter()
        .filter(|arg| arg.token != Some("BLOCK"))
        .any(|arg| arg.kind == ArgKind::UnixTime || arg.name.ends_with("seconds") || takes_time(arg.parts))
}

const INTEGERS: [&str; 20] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "5",
    "10",
    "-5",
    "100",
    "-100",
    "9999",
    "10000",
    "1234567890",
    "2147483648",
    "9223372036854775807",
    "9223372036854775806",
    "-9223372036854775808",
    "9223372036854775808",
    "abc",
    "1.5",
];

const FLOATS: [&str; 22] = [
    "0",
    "-0",
    "1",
    "1.5",
    "-1.5",
    "0.1",
    "0.2",
    "3.0e2",
    "1e-5",
    "1e17",
    "1e20",
    "-1e-20",
    "1.7976931348623157e308",
    "1e4000",
    "inf",
    "-inf",
    "nan",
    "0x1p3",
    "+2",
    ".5",
    "5.",
    "1e",
];

const BOUNDS: [&str; 18] =
    ["-inf", "+inf", "0", "1", "(1", "2", "(2", "-1", "100", "-", "+", "[a", "(b", "[c", "(", "[", "x", ""];

const OFFSETS: [&str; 20] = [
    "0",
    "1",
    "2",
    "7",
    "8",
    "9",
    "15",
    "63",
    "64",
    "100",
    "1000",
    "-1",
    "4294967296",
    "536870912",
    "9223372036854775807",
    "x",
    "",
    "#0",
    "#1",
    "#9",
];

/// Of SORT.
const KEY_PATTERNS: [&str; 7] = ["*", "#", "none", "{tag}*", "*->1", "a*", "*->"];

const SPANS: [&str; 6] = ["0", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854776", "x"];

const JUNK: [&str; 16] = [
    "",
    "NX",
    "XX",
    "GT",
    "LT",
    "GET",
    "KEEPTTL",
    "EX",
    "REPLACE",
    "0",
    "-1",
    "9223372036854775807",
    "junk",
    "BIT",
    "a",
    "IDX",
];
