//! What `COMMAND DOCS` tells of a command: sentences and the grammar of its arguments. Nothing here drives behaviour.

use bitflags::bitflags;

/// The documentation of a row.
#[derive(Clone, Copy, Debug)]
pub struct Docs {
    /// One sentence, ours.
    pub summary: &'static str,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// Order of growth, as in `O(N)`, with what N is.
    pub complexity: &'static str,
    /// Since when it is deprecated, and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// For internal use.
    pub system: bool,
    /// The grammar of its arguments.
    pub args: &'static [Arg],
}

impl Docs {
    /// Nothing said yet.
    pub const EMPTY: Docs =
        Docs { summary: "", since: "", complexity: "", deprecated: None, system: false, args: &[] };
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    String,
    Integer,
    Double,
    /// A key, of the row's key specification with that index.
    Key(u8),
    Pattern,
    /// A pattern of keys, of the row's key specification with that index.
    KeyPattern(u8),
    UnixTime,
    /// A keyword alone.
    PureToken,
    /// Exactly one of the parts.
    OneOf,
    /// All of the parts, in order.
    Block,
}

impl ArgKind {
    /// As `COMMAND DOCS` prints it.
    pub const fn redis(self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key(_) => "key",
            ArgKind::Pattern | ArgKind::KeyPattern(_) => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf => "oneof",
            ArgKind::Block => "block",
        }
    }
}

bitflags! {
    /// How often an argument may stand.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ArgFlags: u8 {
        /// May be missing.
        const OPTIONAL = 1 << 0;
        /// May stand several times.
        const MULTIPLE = 1 << 1;
        /// Its token is repeated with it.
        const MULTIPLE_TOKEN = 1 << 2;
    }
}

impl ArgFlags {
    /// The names as `COMMAND DOCS` prints them.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        let named = [
            (ArgFlags::OPTIONAL, "optional"),
            (ArgFlags::MULTIPLE, "multiple"),
            (ArgFlags::MULTIPLE_TOKEN, "multiple_token"),
        ];
        named.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

/// One argument, or a group of them.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    pub name: &'static str,
    pub kind: ArgKind,
    /// The keyword before it.
    pub token: Option<&'static str>,
    /// The version of Redis that brought it, if later than the command.
    pub since: Option<&'static str>,
    /// Since when it is deprecated.
    pub deprecated_since: Option<&'static str>,
    pub flags: ArgFlags,
    /// Of a [`ArgKind::OneOf`] or [`ArgKind::Block`].
    pub parts: &'static [Arg],
}

impl Arg {
    const fn new(name: &'static str, kind: ArgKind) -> Arg {
        let flags = ArgFlags::empty();
        Arg { name, kind, token: None, since: None, deprecated_since: None, flags, parts: &[] }
    }

    /// A text.
    pub const fn string(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::String)
    }

    /// A 64-bit integer.
    pub const fn integer(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Integer)
    }

    /// A float.
    pub const fn double(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Double)
    }

    /// A glob pattern.
    pub const fn pattern(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Pattern)
    }

    /// A pattern of keys of the row's key specification number `spec`.
    pub const fn key_pattern(name: &'static str, spec: u8) -> Arg {
        Arg::new(name, ArgKind::KeyPattern(spec))
    }

    /// Seconds or milliseconds since 1970.
    pub const fn unix_time(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::UnixTime)
    }

    /// A key of the row's key specification number `spec`.
    pub const fn key(name: &'static str, spec: u8) -> Arg {
        Arg::new(name, ArgKind::Key(spec))
    }

    /// A keyword alone.
    pub const fn word(name: &'static str, token: &'static str) -> Arg {
        Arg::new(name, ArgKind::PureToken).token(token)
    }

    /// Exactly one of `parts`.
    pub const fn one_of(name: &'static str, parts: &'static [Arg]) -> Arg {
        let mut arg = Arg::new(name, ArgKind::OneOf);
        arg.parts = parts;
        arg
    }

    /// All of `parts`, in order.
    pub const fn block(name: &'static str, parts: &'static [Arg]) -> Arg {
        let mut arg = Arg::new(name, ArgKind::Block);
        arg.parts = parts;
        arg
    }

    /// After a keyword.
    pub const fn token(mut self, token: &'static str) -> Arg {
        self.token = Some(token);
        self
    }

    /// Later than the command itself.
    pub const fn since(mut self, version: &'static str) -> Arg {
        self.since = Some(version);
        self
    }

    /// Out of use since a version.
    pub const fn deprecated(mut self, version: &'static str) -> Arg {
        self.deprecated_since = Some(version);
        self
    }

    /// May be missing.
    pub const fn optional(mut self) -> Arg {
        self.flags = self.flags.union(ArgFlags::OPTIONAL);
        self
    }

    /// May stand several times.
    pub const fn multiple(mut self) -> Arg {
        self.flags = self.flags.union(ArgFlags::MULTIPLE);
        self
    }

    /// Its token is repeated with it.
    pub const fn multiple_token(mut self) -> Arg {
        self.flags = self.flags.union(ArgFlags::MULTIPLE_TOKEN);
        self
    }
}
