//! What scripts and functions answer with where they fail.

use super::{QUOTED_MAX, ReplyError, quoted};

/// Scripts and functions.
impl ReplyError {
    /// EVALSHA of a script that is not known.
    pub const NO_SCRIPT: ReplyError = ReplyError::new("NOSCRIPT No matching script. Please use EVAL.");
    /// SCRIPT KILL and FUNCTION KILL when nothing runs.
    pub const NOT_BUSY: ReplyError = ReplyError::new("NOTBUSY No scripts in execution right now.");
    /// More keys than arguments.
    pub const SCRIPT_KEYS_MANY: ReplyError =
        ReplyError::new("ERR Number of keys can't be greater than number of args");
    /// Fewer than no keys.
    pub const SCRIPT_KEYS_NEGATIVE: ReplyError = ReplyError::new("ERR Number of keys can't be negative");
    /// FCALL with a number of keys that is none.
    pub const FUNCTION_KEYS: ReplyError = ReplyError::new("ERR Bad number of keys provided");
    /// A script returned something that is too deep.
    pub const SCRIPT_STACK: ReplyError = ReplyError::new("ERR reached lua stack limit");
    /// A script returned a map with keys that have no order.
    pub const SCRIPT_UNORDERED: ReplyError = ReplyError::new(
        "ERR a map or set with tables or functions as keys has no order that all replicas share",
    );
    /// SCRIPT FLUSH with an unknown mode.
    pub const SCRIPT_FLUSH_MODE: ReplyError =
        ReplyError::new("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    /// SCRIPT DEBUG with an unknown mode.
    pub const SCRIPT_DEBUG_MODE: ReplyError = ReplyError::new("ERR Use SCRIPT DEBUG YES/SYNC/NO");
    /// SCRIPT DEBUG that would stop every replica.
    pub const SCRIPT_DEBUG: ReplyError =
        ReplyError::new("ERR scripts run on every replica and cannot be stepped through");
    /// A shebang without an end.
    pub const SHEBANG_INVALID: ReplyError = ReplyError::new("ERR Invalid script shebang");
    /// A shebang whose quotes do not match.
    pub const SHEBANG_ENGINE_INVALID: ReplyError = ReplyError::new("ERR Invalid engine in script shebang");
    /// FCALL_RO or EVAL_RO of something that may write.
    pub const SCRIPT_RO_WRITES: ReplyError =
        ReplyError::new("ERR Can not execute a script with write flag using *_ro command.");
    /// A script handed over more values at once than there is room for.
    pub const SCRIPT_VALUES: ReplyError =
        ReplyError::new("ERR Error running script: too many values in one call");
    /// FCALL of a function that is not known.
    pub const FUNCTION_NOT_FOUND: ReplyError = ReplyError::new("ERR Function not found");
    /// FUNCTION DELETE of a library that is not known.
    pub const LIBRARY_NOT_FOUND: ReplyError = ReplyError::new("ERR Library not found");
    /// A library without a shebang.
    pub const LIBRARY_NO_METADATA: ReplyError = ReplyError::new("ERR Missing library metadata");
    /// A library whose shebang has no end.
    pub const LIBRARY_INVALID_METADATA: ReplyError = ReplyError::new("ERR Invalid library metadata");
    /// A library without a name.
    pub const LIBRARY_NO_NAME: ReplyError = ReplyError::new("ERR Library name was not given");
    /// A library with two names.
    pub const LIBRARY_NAME_TWICE: ReplyError =
        ReplyError::new("ERR Invalid metadata value, name argument was given multiple times");
    /// A name that is none.
    pub const LIBRARY_NAME: ReplyError = ReplyError::new(
        "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character \
         long",
    );
    /// A library that registers nothing.
    pub const LIBRARY_EMPTY: ReplyError = ReplyError::new("ERR No functions registered");
    /// FUNCTION LIST LIBRARYNAME without a name.
    pub const LIBRARY_NAME_MISSING: ReplyError = ReplyError::new("ERR library name argument was not given");
    /// FUNCTION FLUSH with an unknown mode.
    pub const FUNCTION_FLUSH_MODE: ReplyError =
        ReplyError::new("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    /// FUNCTION RESTORE with an unknown policy.
    pub const FUNCTION_POLICY: ReplyError =
        ReplyError::new("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
    /// FUNCTION RESTORE of a payload that was damaged or made by a newer version.
    pub const FUNCTION_PAYLOAD: ReplyError =
        ReplyError::new("ERR DUMP payload version or checksum are wrong");
    /// FUNCTION RESTORE of a payload that holds something else.
    pub const FUNCTION_NOT_IN_PAYLOAD: ReplyError = ReplyError::new("ERR given type is not a function");

    /// A key of a script lives on another shard than the script runs on.
    pub fn script_key_elsewhere(key: &[u8]) -> ReplyError {
        let text = b"ERR Script attempted to access a key of another shard that it did not declare: '";
        ReplyError::from_bytes([text, quoted(key, QUOTED_MAX), b"'"].concat())
    }

    /// A script that may write asks for what differs from replica to replica.
    pub fn script_own(name: &str) -> ReplyError {
        let name = name.replace('|', " ");
        ReplyError::from_text(format!(
            "ERR {name} differs from replica to replica: only scripts that do not write can call it"
        ))
    }

    /// A script that Lua does not understand.
    pub fn script_syntax(problem: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Error compiling script (new function): ", problem].concat())
    }

    /// A shebang of another language.
    pub fn shebang_engine(engine: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Unexpected engine in script shebang: ", engine].concat())
    }

    /// A word in a shebang that is no option.
    pub fn shebang_option(option: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Unknown lua shebang option: ", option].concat())
    }

    /// A flag in a shebang that does not exist.
    pub fn shebang_flag(flag: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Unexpected flag in script shebang: ", flag].concat())
    }

    /// A library in another language.
    pub fn library_engine(engine: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Engine '", engine, b"' not found"].concat())
    }

    /// A word in a library's shebang that is no option.
    pub fn library_metadata(word: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Invalid metadata value given: ", word].concat())
    }

    /// A library of that name is there already.
    pub fn library_exists(name: &str) -> ReplyError {
        ReplyError::from_text(format!("ERR Library '{name}' already exists"))
    }

    /// The same, as FUNCTION RESTORE says it.
    pub fn restored_library_exists(name: &str) -> ReplyError {
        ReplyError::from_text(format!("ERR Library {name} already exists"))
    }

    /// A function of that name is there already.
    pub fn function_exists(name: &str) -> ReplyError {
        ReplyError::from_text(format!("ERR Function {name} already exists"))
    }

    /// FUNCTION LIST with an unknown option.
    pub fn function_list_argument(word: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Unknown argument ", word].concat())
    }

    /// FUNCTION LOAD with an unknown option.
    pub fn unknown_option_given(word: &[u8]) -> ReplyError {
        ReplyError::from_bytes([b"ERR Unknown option given: ", word].concat())
    }
}
