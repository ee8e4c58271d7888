//! Errors that a client sees. Every text stands here and nowhere else.
//!
//! An error is one line of bytes, code first: Redis quotes what the client sent, and that need not be UTF-8.

mod scripting;
mod users;

use std::{borrow::Cow, fmt};

use crate::CommandSpec;

/// An error reply: a code and Redis' exact text.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyError(Cow<'static, [u8]>);

impl ReplyError {
    /// From the whole line without `-`, code first: `ERR syntax error`.
    pub const fn new(line: &'static str) -> ReplyError {
        ReplyError(Cow::Borrowed(line.as_bytes()))
    }

    /// From a line made at run time. Line breaks become spaces, so that a reply stays one line.
    pub fn from_text(line: impl Into<String>) -> ReplyError {
        ReplyError::from_bytes(line.into().into_bytes())
    }

    /// As [`ReplyError::from_text`], from bytes. Line breaks at the end are dropped, as Redis does.
    pub fn from_bytes(mut line: Vec<u8>) -> ReplyError {
        while line.last().is_some_and(|byte| is_break(*byte)) {
            line.pop();
        }
        for byte in &mut line {
            if is_break(*byte) {
                *byte = b' ';
            }
        }
        ReplyError(Cow::Owned(line))
    }

    /// The line without `-` and line end.
    pub fn line(&self) -> &[u8] {
        &self.0
    }

    /// The line for people; what is not UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The first word: `ERR`, `WRONGTYPE`, `MOVED`.
    pub fn code(&self) -> &str {
        let word = self.0.split(|byte| *byte == b' ').next().unwrap_or_default();
        std::str::from_utf8(word).unwrap_or_default()
    }

    /// Appends the error as RESP.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        buffer.push(b'-');
        buffer.extend_from_slice(&self.0);
        buffer.extend_from_slice(b"\r\n");
    }
}

impl fmt::Debug for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyError({:?})", self.text())
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for ReplyError {}

fn is_break(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

/// How much of what a client sent is quoted back.
const QUOTED_MAX: usize = 128;

/// What C's `%.*s` prints: up to `limit` bytes, or to the first NUL.
fn quoted(bytes: &[u8], limit: usize) -> &[u8] {
    let end = bytes.iter().take(limit).position(|byte| *byte == 0).unwrap_or(bytes.len().min(limit));
    &bytes[..end]
}

/// Errors made for one call.
impl ReplyError {
    /// No command has that name; the first arguments are quoted.
    pub fn unknown_command(call: &[&[u8]]) -> ReplyError {
        let mut line = b"ERR unknown command '".to_vec();
        line.extend_from_slice(quoted(call.first().copied().unwrap_or_default(), QUOTED_MAX));
        line.extend_from_slice(b"', with args beginning with: ");
        let start = line.len();
        for arg in call.iter().skip(1) {
            let used = line.len() - start;
            if used >= QUOTED_MAX {
                break;
            }
            line.push(b'\'');
            line.extend_from_slice(quoted(arg, QUOTED_MAX - used));
            line.extend_from_slice(b"' ");
        }
        ReplyError::from_bytes(line)
    }

    /// A container has no such subcommand.
    pub fn unknown_subcommand(sub: &[u8], container: &[u8]) -> ReplyError {
        let container = container.to_ascii_uppercase();
        let parts = [
            b"ERR unknown subcommand '",
            quoted(sub, QUOTED_MAX),
            b"'. Try ",
            quoted(&container, usize::MAX),
        ];
        ReplyError::from_bytes([&parts.concat(), &b" HELP."[..]].concat())
    }

    /// A command that reads its own subcommands (DEBUG) does not know this one, or not with these arguments.
    pub fn subcommand_syntax(sub: &[u8], command: &str) -> ReplyError {
        let mut line = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
        line.extend_from_slice(quoted(sub, QUOTED_MAX));
        line.extend_from_slice(format!("'. Try {command} HELP.").as_bytes());
        ReplyError::from_bytes(line)
    }

    /// Too few or too many arguments. `EXEC` says that the transaction is gone with them.
    pub fn wrong_arity(spec: &CommandSpec) -> ReplyError {
        let prefix = if spec.name == "EXEC" { "EXECABORT Transaction discarded because of:" } else { "ERR" };
        ReplyError::from_text(format!(
            "{prefix} wrong number of arguments for '{}' command",
            spec.name.to_ascii_lowercase()
        ))
    }

    /// An expiry that is not positive or too far away.
    pub fn invalid_expire(spec: &CommandSpec) -> ReplyError {
        ReplyError::from_text(format!(
            "ERR invalid expire time in '{}' command",
            spec.name.to_ascii_lowercase()
        ))
    }

    /// An argument that HSETEX does not have.
    pub fn unknown_argument(argument: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR unknown argument: ", quoted(argument, usize::MAX)].concat())
    }

    /// An option that EXPIRE and its like do not have.
    pub fn unsupported_option(option: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Unsupported option ", quoted(option, usize::MAX)].concat())
    }

    /// A connection that subscribes and speaks RESP2 may do little else.
    pub fn only_subscribes(spec: &CommandSpec) -> ReplyError {
        ReplyError::from_text(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
             context",
            spec.name.to_ascii_lowercase()
        ))
    }

    /// The slot is served elsewhere (cluster mode).
    pub fn moved(slot: u16, address: &str) -> ReplyError {
        ReplyError::from_text(format!("MOVED {slot} {address}"))
    }

    /// The slot is being moved, and this key is already elsewhere (cluster mode).
    pub fn ask(slot: u16, address: &str) -> ReplyError {
        ReplyError::from_text(format!("ASK {slot} {address}"))
    }

    /// The bytes on the connection are no request; the connection is closed after it.
    pub fn protocol(reason: &str) -> ReplyError {
        ReplyError::from_text(format!("ERR Protocol error: {reason}"))
    }

    /// CONFIG SET of a parameter that does not exist.
    pub fn unknown_setting(name: &[u8]) -> ReplyError {
        let text = b"ERR Unknown option or number of arguments for CONFIG SET - '";
        ReplyError::from_bytes([text, quoted(name, usize::MAX), b"'"].concat())
    }

    /// CONFIG SET of a value that does not fit.
    pub fn setting_refused(name: &[u8], reason: &str) -> ReplyError {
        let text = b"ERR CONFIG SET failed (possibly related to argument '";
        ReplyError::from_bytes([text, quoted(name, usize::MAX), b"') - ", reason.as_bytes()].concat())
    }
}

/// Any command.
impl ReplyError {
    /// An operation against a key that holds another type.
    pub const WRONG_TYPE: ReplyError =
        ReplyError::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// Options that do not go together, or are unknown.
    pub const SYNTAX: ReplyError = ReplyError::new("ERR syntax error");
    /// A text that is no 64-bit integer.
    pub const NOT_AN_INTEGER: ReplyError = ReplyError::new("ERR value is not an integer or out of range");
    /// A text that is no 32-bit integer where one is wanted.
    pub const NOT_AN_I32: ReplyError =
        ReplyError::new("ERR value is out of range, value must between -2147483648 and 2147483647");
    /// A text that is no float.
    pub const NOT_A_FLOAT: ReplyError = ReplyError::new("ERR value is not a valid float");
    /// A number that is negative where none may be.
    pub const NOT_POSITIVE: ReplyError = ReplyError::new("ERR value is out of range, must be positive");
    /// The key does not exist.
    pub const NO_SUCH_KEY: ReplyError = ReplyError::new("ERR no such key");
    /// The index is past either end.
    pub const INDEX_OUT_OF_RANGE: ReplyError = ReplyError::new("ERR index out of range");
    /// A numbered database that does not exist.
    pub const DB_OUT_OF_RANGE: ReplyError = ReplyError::new("ERR DB index is out of range");
    /// Source and destination are one.
    pub const SAME_OBJECT: ReplyError = ReplyError::new("ERR source and destination objects are the same");
    /// A cursor that is no number.
    pub const INVALID_CURSOR: ReplyError = ReplyError::new("ERR invalid cursor");
    /// Memory is full and the command would need more.
    pub const OUT_OF_MEMORY: ReplyError = ReplyError::new(ReplyError::OUT_OF_MEMORY_TEXT);
    /// The words of it.
    pub const OUT_OF_MEMORY_TEXT: &'static str = "OOM command not allowed when used memory > 'maxmemory'.";
    /// Memory is full, and a script does not say that it may run then.
    pub const SCRIPT_OUT_OF_MEMORY: ReplyError = ReplyError::new(
        "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
    );
    /// Memory is full, and a command of a transaction would need more.
    pub const EXEC_OUT_OF_MEMORY: ReplyError = ReplyError::new(
        "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.",
    );
    /// A timeout that is no number.
    pub const TIMEOUT_NOT_AN_INTEGER: ReplyError =
        ReplyError::new("ERR timeout is not an integer or out of range");
    /// A timeout below zero.
    pub const TIMEOUT_NEGATIVE: ReplyError = ReplyError::new("ERR timeout is negative");
}

/// Strings, counters and expiry.
impl ReplyError {
    /// A value would grow over the limit of one value.
    pub const STRING_TOO_LONG: ReplyError =
        ReplyError::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    /// An offset before the beginning or past the limit.
    pub const OFFSET_OUT_OF_RANGE: ReplyError = ReplyError::new("ERR offset is out of range");
    /// A counter would leave the range of 64 bits.
    pub const OVERFLOW: ReplyError = ReplyError::new("ERR increment or decrement would overflow");
    /// DECRBY of the smallest integer.
    pub const DECREMENT_OVERFLOW: ReplyError = ReplyError::new("ERR decrement would overflow");
    /// INCRBYFLOAT would leave the numbers.
    pub const NAN_OR_INFINITY: ReplyError = ReplyError::new("ERR increment would produce NaN or Infinity");
    /// A digest of another length.
    pub const DIGEST_LENGTH: ReplyError = ReplyError::new("ERR must be exactly 16 hexadecimal characters");
    /// DELEX with a condition on something else than a string.
    pub const DELEX_NO_STRING: ReplyError =
        ReplyError::new("ERR Key should be of string type if conditions are specified");
    /// DELEX with a condition that it does not know.
    pub const DELEX_CONDITION: ReplyError =
        ReplyError::new("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
    /// MSETEX with a number of keys that is none.
    pub const MSETEX_COUNT: ReplyError = ReplyError::new("ERR invalid numkeys value");
    /// MSETEX with fewer keys and values than it says.
    pub const MSETEX_PAIRS: ReplyError = ReplyError::new("ERR wrong number of key-value pairs");
    /// LCS with both LEN and IDX.
    pub const LCS_LEN_AND_IDX: ReplyError =
        ReplyError::new("ERR If you want both the length and indexes, please just use IDX.");
    /// LCS over something else than strings.
    pub const LCS_NOT_STRINGS: ReplyError =
        ReplyError::new("ERR The specified keys must contain string values");
    /// LCS of strings whose table would not fit in memory.
    pub const LCS_TOO_LONG: ReplyError =
        ReplyError::new("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    /// EXPIRE with options that exclude each other.
    pub const EXPIRE_NX_WITH_OTHERS: ReplyError =
        ReplyError::new("ERR NX and XX, GT or LT options at the same time are not compatible");
    /// EXPIRE with both GT and LT.
    pub const EXPIRE_GT_AND_LT: ReplyError =
        ReplyError::new("ERR GT and LT options at the same time are not compatible");
    /// OBJECT FREQ without a policy that counts.
    pub const FREQ_NOT_TRACKED: ReplyError = ReplyError::new(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
         between policies at runtime LRU and LFU data will take some time to adjust.",
    );
    /// To OBJECT IDLETIME.
    pub const IDLE_NOT_TRACKED: ReplyError = ReplyError::new(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
         policies at runtime LRU and LFU data will take some time to adjust.",
    );
}

/// Lists, sorted sets and places.
impl ReplyError {
    /// A timeout that is no number of seconds.
    pub const TIMEOUT_NOT_A_FLOAT: ReplyError = ReplyError::new("ERR timeout is not a float or out of range");
    /// A timeout that ends after all time.
    pub const TIMEOUT_OUT_OF_RANGE: ReplyError = ReplyError::new("ERR timeout is out of range");
    /// A number of keys that is none.
    pub const NUMKEYS_NOT_POSITIVE: ReplyError = ReplyError::new("ERR numkeys should be greater than 0");
    /// CLIENT UNBLOCK has ended the waiting with an error.
    pub const UNBLOCKED: ReplyError = ReplyError::new("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    /// A number of elements to pop that is none.
    pub const COUNT_NOT_POSITIVE: ReplyError = ReplyError::new("ERR count should be greater than 0");
    /// LPOS of the smallest rank, which has no opposite.
    pub const RANK_OUT_OF_RANGE: ReplyError = ReplyError::new(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    /// LPOS with a rank of 0.
    pub const RANK_ZERO: ReplyError = ReplyError::new(
        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start \
         from the end of the list",
    );
    /// LPOS with a negative count.
    pub const COUNT_NEGATIVE: ReplyError = ReplyError::new("ERR COUNT can't be negative");
    /// LPOS with a negative length.
    pub const MAXLEN_NEGATIVE: ReplyError = ReplyError::new("ERR MAXLEN can't be negative");
    /// A limit below zero.
    pub const LIMIT_NEGATIVE: ReplyError = ReplyError::new("ERR LIMIT can't be negative");
    /// A bound that is no score.
    pub const BOUND_NOT_A_FLOAT: ReplyError = ReplyError::new("ERR min or max is not a float");
    /// A bound that is no member.
    pub const BOUND_NOT_A_MEMBER: ReplyError = ReplyError::new("ERR min or max not valid string range item");
    /// ZADD with options that exclude each other.
    pub const ZADD_XX_AND_NX: ReplyError =
        ReplyError::new("ERR XX and NX options at the same time are not compatible");
    /// ZADD with options that exclude each other.
    pub const ZADD_GT_LT_NX: ReplyError =
        ReplyError::new("ERR GT, LT, and/or NX options at the same time are not compatible");
    /// ZADD INCR of several members.
    pub const ZADD_INCR_ONE: ReplyError =
        ReplyError::new("ERR INCR option supports a single increment-element pair");
    /// Infinities of both signs added.
    pub const SCORE_NAN: ReplyError = ReplyError::new("ERR resulting score is not a number (NaN)");
    /// ZRANGE with a limit but by rank.
    pub const LIMIT_NEEDS_BOUNDS: ReplyError = ReplyError::new(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
    /// ZRANGE BYLEX with scores.
    pub const WITHSCORES_BYLEX: ReplyError =
        ReplyError::new("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    /// A weight that is no number.
    pub const WEIGHT_NOT_A_FLOAT: ReplyError = ReplyError::new("ERR weight value is not a float");
    /// A random count that has no opposite, or twice of which is too many.
    pub const OUT_OF_RANGE: ReplyError = ReplyError::new("ERR value is out of range");
    /// A unit of length that is none.
    pub const GEO_UNIT: ReplyError =
        ReplyError::new("ERR unsupported unit provided. please use M, KM, FT, MI");
    /// A radius that is no number.
    pub const GEO_RADIUS: ReplyError = ReplyError::new("ERR need numeric radius");
    /// A width that is no number.
    pub const GEO_WIDTH: ReplyError = ReplyError::new("ERR need numeric width");
    /// A height that is no number.
    pub const GEO_HEIGHT: ReplyError = ReplyError::new("ERR need numeric height");
    /// A radius below zero.
    pub const GEO_RADIUS_NEGATIVE: ReplyError = ReplyError::new("ERR radius cannot be negative");
    /// A box with a side below zero.
    pub const GEO_BOX_NEGATIVE: ReplyError = ReplyError::new("ERR height or width cannot be negative");
    /// A search around a member that is not there.
    pub const GEO_NO_MEMBER: ReplyError = ReplyError::new("ERR could not decode requested zset member");
    /// ANY without a count.
    pub const GEO_ANY_NEEDS_COUNT: ReplyError =
        ReplyError::new("ERR the ANY argument requires COUNT argument");
    /// COUNT of nothing.
    pub const GEO_COUNT: ReplyError = ReplyError::new("ERR COUNT must be > 0");
    /// GEORADIUS that stores, with options that return more than members.
    pub const GEORADIUS_STORE: ReplyError = ReplyError::new(
        "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
    );
    /// GEOSEARCHSTORE with options that return more than members.
    pub const GEOSEARCHSTORE_WITH: ReplyError =
        ReplyError::new("ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options");

    /// No key to put together.
    pub fn no_input_keys(spec: &CommandSpec) -> ReplyError {
        ReplyError::from_text(format!(
            "ERR at least 1 input key is needed for '{}' command",
            spec.name.to_ascii_lowercase()
        ))
    }

    /// A place that is not on the map.
    pub fn geo_invalid_place(longitude: f64, latitude: f64) -> ReplyError {
        ReplyError::from_text(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"))
    }

    /// GEOSEARCH without one of the options of which it needs exactly one.
    pub fn geo_exactly_one(options: &str, spec: &CommandSpec) -> ReplyError {
        let name = spec.name.to_ascii_lowercase();
        ReplyError::from_text(format!("ERR exactly one of {options} can be specified for {name}"))
    }
}

/// Hashes, and counts of any collection.
impl ReplyError {
    /// HINCRBY of a field that holds something else.
    pub const HASH_NOT_AN_INTEGER: ReplyError = ReplyError::new("ERR hash value is not an integer");
    /// HINCRBYFLOAT of a field that holds something else.
    pub const HASH_NOT_A_FLOAT: ReplyError = ReplyError::new("ERR hash value is not a float");
    /// HINCRBYFLOAT by something infinite.
    pub const VALUE_NAN_OR_INFINITY: ReplyError = ReplyError::new("ERR value is NaN or Infinity");
    /// An expiry of fields below zero.
    pub const EXPIRE_NEGATIVE: ReplyError = ReplyError::new("ERR invalid expire time, must be >= 0");
    /// A command about fields without FIELDS.
    pub const FIELDS_MISSING: ReplyError =
        ReplyError::new("ERR Mandatory argument FIELDS is missing or not at the right position");
    /// FIELDS with another number of fields than it says.
    pub const NUMFIELDS_MISMATCH: ReplyError =
        ReplyError::new("ERR The `numfields` parameter must match the number of arguments");
    /// FIELDS of no fields (HEXPIRE and its like).
    pub const NUMFIELDS_NOT_POSITIVE: ReplyError =
        ReplyError::new("ERR Parameter `numFields` should be greater than 0");
    /// FIELDS of no fields (the other commands).
    pub const FIELD_COUNT_NOT_POSITIVE: ReplyError =
        ReplyError::new("ERR Number of fields must be a positive integer");
    /// FIELDS of no fields (HSETEX).
    pub const INVALID_FIELD_COUNT: ReplyError = ReplyError::new("ERR invalid number of fields");
    /// HSETEX with more than one condition.
    pub const HSETEX_CONDITIONS: ReplyError =
        ReplyError::new("ERR Only one of FXX or FNX arguments can be specified");
    /// HSETEX with more than one expiry.
    pub const HSETEX_EXPIRIES: ReplyError =
        ReplyError::new("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    /// NOVALUES of a walk over something without values.
    pub const NOVALUES_OF_NO_HASH: ReplyError =
        ReplyError::new("ERR NOVALUES option can only be used in HSCAN");
    /// The smallest integer as a count.
    pub const COUNT_OUT_OF_RANGE: ReplyError = ReplyError::new(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    /// More keys than arguments.
    pub const NUMKEYS_TOO_LARGE: ReplyError =
        ReplyError::new("ERR Number of keys can't be greater than number of args");
    /// A reply that would grow beyond bounds; the command was executed, if it writes.
    pub const REPLY_TOO_LONG: ReplyError =
        ReplyError::new("ERR the reply is longer than 512 MB: ask for less at a time");
}

/// Bits.
impl ReplyError {
    /// A bit offset that is none, or too large.
    pub const BIT_OFFSET: ReplyError = ReplyError::new("ERR bit offset is not an integer or out of range");
    /// A bit that is neither 0 nor 1 (SETBIT).
    pub const BIT_VALUE: ReplyError = ReplyError::new("ERR bit is not an integer or out of range");
    /// A bit that is neither 0 nor 1 (BITPOS).
    pub const BIT_ARGUMENT: ReplyError = ReplyError::new("ERR The bit argument must be 1 or 0.");
    /// BITOP of too few keys for an operation between the first and the rest.
    pub fn bitop_needs_two(operation: &str) -> ReplyError {
        ReplyError::from_text(format!("ERR BITOP {operation} must be called with at least two source keys."))
    }

    /// BITOP NOT of several keys.
    pub const BITOP_NOT: ReplyError =
        ReplyError::new("ERR BITOP NOT must be called with a single source key.");
    /// A width or sign that BITFIELD does not know.
    pub const BITFIELD_TYPE: ReplyError = ReplyError::new(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    /// An OVERFLOW that BITFIELD does not know.
    pub const BITFIELD_OVERFLOW: ReplyError = ReplyError::new("ERR Invalid OVERFLOW type specified");
    /// BITFIELD_RO that would write.
    pub const BITFIELD_RO: ReplyError = ReplyError::new("ERR BITFIELD_RO only supports the GET subcommand");
}

/// Streams.
impl ReplyError {
    /// A key or a group that does not exist; `after` says where.
    pub fn no_group(key: &[u8], group: &[u8], after: &str) -> ReplyError {
        let parts = [b"NOGROUP No such key '", quoted(key, usize::MAX), b"' or consumer group '"];
        let line = [&parts.concat(), quoted(group, usize::MAX), b"'", after.as_bytes()].concat();
        ReplyError::from_bytes(line)
    }

    /// A group that does not exist, of a key that does.
    pub fn no_group_of_key(key: &[u8], group: &[u8]) -> ReplyError {
        let parts = [b"NOGROUP No such consumer group '", quoted(group, usize::MAX), b"' for key name '"];
        ReplyError::from_bytes([&parts.concat(), quoted(key, usize::MAX), b"'"].concat())
    }

    /// Keys and ids of XREAD or XREADGROUP that do not pair up.
    pub fn unbalanced_streams(spec: &CommandSpec, special: &str) -> ReplyError {
        ReplyError::from_text(format!(
            "ERR Unbalanced '{}' list of streams: for each stream key an ID{special} must be specified.",
            spec.name.to_ascii_lowercase()
        ))
    }

    /// An option that XCLAIM does not have.
    pub fn xclaim_option(option: &[u8]) -> ReplyError {
        let text = b"ERR Unrecognized XCLAIM option '";
        ReplyError::from_bytes([text, quoted(option, usize::MAX), b"'"].concat())
    }

    /// A text that is no id of a stream.
    pub const STREAM_ID: ReplyError =
        ReplyError::new("ERR Invalid stream ID specified as stream command argument");
    /// XADD of the id that comes before all.
    pub const STREAM_ID_ZERO: ReplyError =
        ReplyError::new("ERR The ID specified in XADD must be greater than 0-0");
    /// XADD of an id that is not behind the last one.
    pub const STREAM_ID_TOO_SMALL: ReplyError =
        ReplyError::new("ERR The ID specified in XADD is equal or smaller than the target stream top item");
    /// XADD to a stream that has given the last id there is.
    pub const STREAM_EXHAUSTED: ReplyError =
        ReplyError::new("ERR The stream has exhausted the last possible ID, unable to add more items");
    /// XADD of fields and values that are too large together.
    pub const STREAM_ENTRY_TOO_LARGE: ReplyError = ReplyError::new("ERR Elements are too large to be stored");
    /// Both MAXLEN and MINID.
    pub const STREAM_TWO_STRATEGIES: ReplyError =
        ReplyError::new("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    /// MAXLEN below zero.
    pub const STREAM_LENGTH_NEGATIVE: ReplyError = ReplyError::new("ERR The MAXLEN argument must be >= 0.");
    /// LIMIT below zero.
    pub const STREAM_LIMIT_NEGATIVE: ReplyError = ReplyError::new("ERR The LIMIT argument must be >= 0.");
    /// LIMIT without MAXLEN or MINID.
    pub const STREAM_LIMIT_ALONE: ReplyError =
        ReplyError::new("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    /// LIMIT of an exact trim.
    pub const STREAM_LIMIT_EXACT: ReplyError =
        ReplyError::new("ERR syntax error, LIMIT cannot be used without the special ~ option");
    /// XTRIM without MAXLEN and MINID.
    pub const STREAM_NO_STRATEGY: ReplyError =
        ReplyError::new("ERR syntax error, XTRIM must be called with a trimming strategy");
    /// A range that would begin behind the last id there is.
    pub const STREAM_START: ReplyError = ReplyError::new("ERR invalid start ID for the interval");
    /// A range that would end before the first id there is.
    pub const STREAM_END: ReplyError = ReplyError::new("ERR invalid end ID for the interval");
    /// XREAD with GROUP.
    pub const XREAD_GROUP: ReplyError =
        ReplyError::new("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
    /// XREAD with NOACK.
    pub const XREAD_NOACK: ReplyError =
        ReplyError::new("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
    /// XREADGROUP without GROUP.
    pub const XREADGROUP_NO_GROUP: ReplyError = ReplyError::new("ERR Missing GROUP option for XREADGROUP");
    /// XREADGROUP of `$`.
    pub const XREADGROUP_LAST: ReplyError = ReplyError::new(
        "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
         consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return \
         an empty result set.",
    );
    /// XREADGROUP of `+`.
    pub const XREADGROUP_PLUS: ReplyError = ReplyError::new(
        "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this \
         consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return \
         an empty result set.",
    );
    /// XREAD of `>`.
    pub const XREAD_NEW: ReplyError = ReplyError::new(
        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
         option.",
    );
    /// XGROUP of a key that does not exist.
    pub const XGROUP_NO_KEY: ReplyError = ReplyError::new(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
         MKSTREAM option to create an empty stream automatically.",
    );
    /// A group of that name exists.
    pub const XGROUP_BUSY: ReplyError = ReplyError::new("BUSYGROUP Consumer Group name already exists");
    /// ENTRIESREAD below -1.
    pub const XGROUP_ENTRIES_READ: ReplyError =
        ReplyError::new("ERR value for ENTRIESREAD must be positive or -1");
    /// ENTRIESADDED below zero.
    pub const XSETID_ADDED_NEGATIVE: ReplyError = ReplyError::new("ERR entries_added must be positive");
    /// XSETID of an id below its MAXDELETEDID.
    pub const XSETID_BELOW_GIVEN_DELETED: ReplyError =
        ReplyError::new("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
    /// XSETID of an id below the largest deleted one.
    pub const XSETID_BELOW_DELETED: ReplyError =
        ReplyError::new("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
    /// XSETID of an id below the last entry's.
    pub const XSETID_BELOW_LAST: ReplyError =
        ReplyError::new("ERR The ID specified in XSETID is smaller than the target stream top item");
    /// ENTRIESADDED below the stream's length.
    pub const XSETID_ADDED_TOO_FEW: ReplyError =
        ReplyError::new("ERR The entries_added specified in XSETID is smaller than the target stream length");
    /// XCLAIM of an idle time that is no number.
    pub const XCLAIM_MIN_IDLE: ReplyError = ReplyError::new("ERR Invalid min-idle-time argument for XCLAIM");
    /// XCLAIM with an IDLE that is no number.
    pub const XCLAIM_IDLE: ReplyError = ReplyError::new("ERR Invalid IDLE option argument for XCLAIM");
    /// XCLAIM with a TIME that is no number.
    pub const XCLAIM_TIME: ReplyError = ReplyError::new("ERR Invalid TIME option argument for XCLAIM");
    /// XCLAIM with a RETRYCOUNT that is no number.
    pub const XCLAIM_RETRY_COUNT: ReplyError =
        ReplyError::new("ERR Invalid RETRYCOUNT option argument for XCLAIM");
    /// XAUTOCLAIM of an idle time that is no number.
    pub const XAUTOCLAIM_MIN_IDLE: ReplyError =
        ReplyError::new("ERR Invalid min-idle-time argument for XAUTOCLAIM");
    /// XAUTOCLAIM with a COUNT that is not positive or far too large.
    pub const XAUTOCLAIM_COUNT: ReplyError = ReplyError::new("ERR COUNT must be > 0");
    /// A number of ids that is none.
    pub const ID_COUNT: ReplyError = ReplyError::new("ERR Number of IDs must be a positive integer");
    /// More ids announced than given.
    pub const ID_COUNT_MISMATCH: ReplyError =
        ReplyError::new("ERR The `numids` parameter must match the number of arguments");
}

/// HyperLogLogs.
impl ReplyError {
    /// A subcommand that PFDEBUG does not have.
    pub fn pfdebug_subcommand(name: &[u8]) -> ReplyError {
        let text = b"ERR Unknown PFDEBUG subcommand '";
        ReplyError::from_bytes([text, quoted(name, usize::MAX), b"'"].concat())
    }

    /// A string that is no HyperLogLog.
    pub const NOT_A_HYPERLOGLOG: ReplyError =
        ReplyError::new("WRONGTYPE Key is not a valid HyperLogLog string value.");
    /// A HyperLogLog whose bytes do not add up.
    pub const CORRUPT_HYPERLOGLOG: ReplyError = ReplyError::new("INVALIDOBJ Corrupted HLL object detected");
    /// PFDEBUG of a key that does not exist.
    pub const PFDEBUG_NO_KEY: ReplyError = ReplyError::new("ERR The specified key does not exist");
    /// PFDEBUG DECODE of a dense HyperLogLog.
    pub const PFDEBUG_NOT_SPARSE: ReplyError = ReplyError::new("ERR HLL encoding is not sparse");
    /// PFSELFTEST found an error.
    pub const PFSELFTEST_FAILED: ReplyError =
        ReplyError::new("ERR TESTFAILED the registers do not count what was added");
}

/// Connections.
impl ReplyError {
    /// A protocol that is neither 2 nor 3.
    pub const NO_PROTO: ReplyError = ReplyError::new("NOPROTO unsupported protocol version");
    /// A protocol that is no number.
    pub const PROTO_NOT_AN_INTEGER: ReplyError =
        ReplyError::new("ERR Protocol version is not an integer or out of range");
    /// Too many connections.
    pub const MAX_CLIENTS: ReplyError = ReplyError::new("ERR max number of clients reached");
    /// A name with characters that would break CLIENT LIST.
    pub const CLIENT_NAME: ReplyError =
        ReplyError::new("ERR Client names cannot contain spaces, newlines or special characters.");
    /// CLIENT KILL of an address that nobody has.
    pub const NO_SUCH_CLIENT: ReplyError = ReplyError::new("ERR No such client");
    /// An id of a client that is not positive.
    pub const CLIENT_ID: ReplyError = ReplyError::new("ERR client-id should be greater than 0");
    /// An id of a client that is no number.
    pub const CLIENT_ID_INVALID: ReplyError = ReplyError::new("ERR Invalid client ID");
}

/// The commands about commands and settings.
impl ReplyError {
    /// COMMAND GETKEYS of something that is no command.
    pub const INVALID_COMMAND: ReplyError = ReplyError::new("ERR Invalid command specified");
    /// COMMAND GETKEYS of a command that has none.
    pub const NO_KEY_ARGUMENTS: ReplyError = ReplyError::new("ERR The command has no key arguments");
    /// COMMAND GETKEYS with too few or too many arguments.
    pub const INVALID_ARITY: ReplyError =
        ReplyError::new("ERR Invalid number of arguments specified for command");
    /// A call whose keys cannot be found.
    pub const INVALID_KEYS: ReplyError = ReplyError::new("ERR Invalid arguments specified for command");
    /// CONFIG REWRITE of a process that was started without a file.
    pub const NO_CONFIG_FILE: ReplyError = ReplyError::new("ERR The server is running without a config file");
}

/// Payloads of DUMP, and SORT.
impl ReplyError {
    /// RESTORE of a key that is there.
    pub const BUSY_KEY: ReplyError = ReplyError::new("BUSYKEY Target key name already exists.");
    /// RESTORE of a time before now.
    pub const RESTORE_TTL: ReplyError = ReplyError::new("ERR Invalid TTL value, must be >= 0");
    /// RESTORE of an idle time that is none.
    pub const RESTORE_IDLE_TIME: ReplyError = ReplyError::new("ERR Invalid IDLETIME value, must be >= 0");
    /// RESTORE of a frequency that is none.
    pub const RESTORE_FREQUENCY: ReplyError =
        ReplyError::new("ERR Invalid FREQ value, must be >= 0 and <= 255");
    /// A payload that is damaged, or of a later version.
    pub const PAYLOAD_FOOTER: ReplyError = ReplyError::new("ERR DUMP payload version or checksum are wrong");
    /// A payload that does not hold a value.
    pub const PAYLOAD: ReplyError = ReplyError::new("ERR Bad data format");
    /// SORT by something that is no number.
    pub const SORT_SCORES: ReplyError =
        ReplyError::new("ERR One or more scores can't be converted into double");
    /// SORT by keys of other shards.
    pub const SORT_BY: ReplyError = ReplyError::new(
        "ERR BY option of SORT denied in cluster mode when keys formed by the pattern may be in different slots.",
    );
    /// SORT that gets keys of other shards.
    pub const SORT_GET: ReplyError = ReplyError::new(
        "ERR GET option of SORT denied in cluster mode when keys formed by the pattern may be in different slots.",
    );
}

/// JSON, in the words of RedisJSON; those without a code have none there either.
impl ReplyError {
    /// The key holds something else than a document.
    pub const JSON_WRONG_TYPE: ReplyError = ReplyError::new("Existing key has wrong Redis type");
    /// An argument is not UTF-8.
    pub const JSON_NOT_UTF8: ReplyError = ReplyError::new("Couldn't parse as UTF-8 string");
    /// An argument is no integer.
    pub const JSON_NOT_AN_INTEGER: ReplyError = ReplyError::new("Couldn't parse as integer");
    /// `FORMAT` of JSON.GET to a client that speaks RESP2.
    pub const JSON_FORMAT_IN_RESP2: ReplyError =
        ReplyError::new("ERR FORMAT argument is not supported on RESP2");
    /// An unknown `FORMAT` of JSON.GET.
    pub const JSON_FORMAT: ReplyError = ReplyError::new("ERR wrong reply format");
    /// A command that needs a document got a key that does not exist.
    pub const JSON_NO_KEY: ReplyError =
        ReplyError::new("ERR could not perform this operation on a key that doesn't exist");
    /// A new document can only be set as a whole.
    pub const JSON_NOT_AT_ROOT: ReplyError = ReplyError::new("ERR new objects must be created at the root");
    /// A path that may lead to many places, but leads to none where something could be set.
    pub const JSON_DYNAMIC_PATH: ReplyError = ReplyError::new("Err wrong static path");
    /// An element that is not there cannot be set.
    pub const JSON_ARRAY_INDEX: ReplyError = ReplyError::new("ERR array index out of range");
    /// An index to insert at that is past either end.
    pub const JSON_INDEX: ReplyError = ReplyError::new("ERR index out of bounds");
    /// The operand is no number.
    pub const JSON_NOT_A_NUMBER: ReplyError = ReplyError::new("bad input number");
    /// The result is infinite or none.
    pub const JSON_RESULT: ReplyError = ReplyError::new("ERR result is not a number");
    /// The document would become too deep.
    pub const JSON_TOO_DEEP: ReplyError = ReplyError::new("ERR recursion limit exceeded");
    /// The path leads to more values than one command may look at.
    pub const JSON_TOO_MUCH: ReplyError = ReplyError::new("ERR the path leads to too many values");

    /// Nothing stands where the path leads.
    pub fn json_no_path(path: &str) -> ReplyError {
        ReplyError::from_text(format!("ERR Path '{path}' does not exist"))
    }

    /// Nothing of a kind stands where the path leads: `or` is `not an array` or the like.
    pub fn json_no_path_or(path: &str, or: &str) -> ReplyError {
        ReplyError::from_text(format!("ERR Path '{path}' does not exist or {or}"))
    }

    /// A value of another kind stands where the path leads, or was given.
    pub fn json_wrong_kind(expected: &str, found: &str) -> ReplyError {
        ReplyError::from_text(format!(
            "WRONGTYPE wrong type of path value - expected {expected} but found {found}"
        ))
    }
}

/// The cluster.
impl ReplyError {
    /// Keys of one command that live on several shards.
    pub const CROSS_SLOT: ReplyError =
        ReplyError::new("CROSSSLOT Keys in request don't hash to the same slot");
    /// A slot of CLUSTER that is none.
    pub const INVALID_SLOT: ReplyError = ReplyError::new("ERR Invalid slot");
    /// A slot that is none, or less than no keys.
    pub const INVALID_SLOT_OR_COUNT: ReplyError = ReplyError::new("ERR Invalid slot or number of keys");
    /// The slot has no owner. The command was not applied.
    pub const SLOT_NOT_SERVED: ReplyError = ReplyError::new("CLUSTERDOWN Hash slot not served");
    /// The keys are moving. The command was not applied.
    pub const TRY_AGAIN: ReplyError =
        ReplyError::new("TRYAGAIN Multiple keys request during rehashing of slot");
    /// A write at a replica that may not take any. The command was not applied.
    pub const READ_ONLY: ReplyError =
        ReplyError::new("READONLY You can't write against a read only replica.");
    /// The node still loads its data. The command was not applied.
    pub const LOADING: ReplyError = ReplyError::new("LOADING Redis is loading the dataset in memory");
}

/// What only a cluster can answer. The first word tells clients whether to try again.
impl ReplyError {
    /// Nothing was executed: the shard had no leader until the command ran out of time. Safe to send again.
    pub const NOT_APPLIED_NO_LEADER: ReplyError =
        ReplyError::new("CLUSTERDOWN The shard of the key has no leader now, nothing was applied");
    /// The disk of the node that leads the shard has no room for further writes.
    pub const DISK_FULL: ReplyError =
        ReplyError::new("MISCONF No space left on the disk of the shard's leader, nothing was applied");
    /// The command was sent and no answer came in time: it may or may not be applied.
    pub const OUTCOME_UNKNOWN: ReplyError =
        ReplyError::new("TIMEOUT No answer from the shard in time, the command may or may not be applied");
    /// No map of the cluster, or none of the database.
    pub const NO_MAP: ReplyError =
        ReplyError::new("CLUSTERDOWN The cluster is not initialised, nothing was applied");
    /// Keys of a command that cannot be cut up live on several shards.
    pub const CROSS_SHARD: ReplyError = ReplyError::new(
        "CROSSSLOT Keys in request don't hash to the same slot and live on several shards, give them one hash tag",
    );
    /// A message between processes does not add up.
    pub const INTERNAL_MALFORMED: ReplyError =
        ReplyError::new("ERR internal error: malformed message between nodes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_whatever_the_client_sent() {
        let error = ReplyError::unknown_command(&[b"a\r\nb", b"x\0y", b"\xff"]);
        assert_eq!(error.line(), b"ERR unknown command 'a  b', with args beginning with: 'x' '\xff' ");
        assert_eq!(ReplyError::from_text("ERR x\r\n").line(), b"ERR x");
        assert_eq!(error.code(), "ERR");
    }

    #[test]
    fn what_is_quoted_is_bounded() {
        let long = [b'x'; 1000];
        let line = ReplyError::unknown_command(&[&long, &long, &long]).line().len();
        assert!(line < 128 * 2 + 64, "{line}");
        assert!(ReplyError::unknown_subcommand(&long, b"client").line().len() < 128 + 64);
    }
}
