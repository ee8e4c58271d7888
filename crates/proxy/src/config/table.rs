//! The table of settings: how each is read and written as text.

use std::net::SocketAddr;

use meridian_command::number::{parse_i64, parse_memory};

use super::{
    OutputLimit, OutputLimits, Settings,
    kept::{KEPT, Row},
};
use crate::session::NUMBERED_DATABASES;

/// One setting.
pub(super) struct Setting {
    pub(super) name: &'static str,
    kind: Kind,
}

enum Kind {
    /// A number within bounds.
    Number { least: i64, most: i64, field: fn(&mut Settings) -> &mut u64 },
    /// A number that may be -1, which stands for none.
    Signed { field: fn(&mut Settings) -> &mut i64 },
    /// `yes` or `no`.
    Bool { field: fn(&mut Settings) -> &mut bool },
    /// One of two words.
    Either { off: &'static str, on: &'static str, field: fn(&mut Settings) -> &mut bool },
    /// Numbers from 0 to 100.
    Percentiles { field: fn(&mut Settings) -> &mut String },
    /// An amount of memory of at least so many bytes.
    Memory { least: i64, field: fn(&mut Settings) -> &mut u64 },
    /// Anything.
    Text { field: fn(&mut Settings) -> &mut String },
    /// The limits of output buffers.
    OutputLimits,
    /// Kept, without effect.
    Kept(Row),
    /// Fixed by how the system is built; shown because clients and tools ask.
    Constant(fn() -> String),
    /// Given when the process starts: it can be set to what it is, as tools do that put all settings back.
    AtStart(fn(listens: SocketAddr) -> String),
}

/// What is wrong with another value of a [`Kind::AtStart`].
pub(super) const SET_AT_START: &str = "it is set when the process starts";

pub(super) const INT_MAX: i64 = i32::MAX as i64;
const MIB: i64 = 1 << 20;

/// The settings that have an effect, and what cannot be changed; by name.
const SETTINGS: &[Setting] = &[
    Setting {
        name: "acl-pubsub-default",
        kind: Kind::Either {
            off: "resetchannels",
            on: "allchannels",
            field: |settings| &mut settings.new_users_have_channels,
        },
    },
    // Users are kept by the cluster.
    Setting { name: "aclfile", kind: Kind::Constant(String::new) },
    Setting {
        name: "acllog-max-len",
        kind: Kind::Number { least: 0, most: i64::MAX, field: |settings| &mut settings.refusals_length },
    },
    Setting { name: "bind", kind: Kind::AtStart(|listens| listens.ip().to_string()) },
    Setting { name: "client-output-buffer-limit", kind: Kind::OutputLimits },
    Setting {
        name: "client-query-buffer-limit",
        kind: Kind::Memory { least: MIB, field: |settings| &mut settings.query_buffer_limit },
    },
    Setting { name: "cluster-enabled", kind: Kind::Constant(|| "no".to_owned()) },
    // Processes are started by whatever supervises them.
    Setting { name: "daemonize", kind: Kind::Constant(|| "no".to_owned()) },
    Setting { name: "databases", kind: Kind::Constant(|| NUMBERED_DATABASES.to_string()) },
    Setting {
        name: "latency-monitor-threshold",
        kind: Kind::Number { least: 0, most: i64::MAX, field: |settings| &mut settings.latency_threshold_ms },
    },
    Setting {
        name: "latency-tracking",
        kind: Kind::Bool { field: |settings| &mut settings.latency_tracking },
    },
    Setting {
        name: "latency-tracking-info-percentiles",
        kind: Kind::Percentiles { field: |settings| &mut settings.latency_percentiles },
    },
    Setting {
        name: "maxclients",
        kind: Kind::Number { least: 1, most: u32::MAX as i64, field: |settings| &mut settings.max_clients },
    },
    Setting { name: "port", kind: Kind::AtStart(|listens| listens.port().to_string()) },
    Setting {
        name: "proto-max-bulk-len",
        kind: Kind::Memory { least: MIB, field: |settings| &mut settings.max_bulk },
    },
    // Nobody is another's replica as a whole process.
    Setting { name: "replicaof", kind: Kind::Constant(String::new) },
    Setting { name: "requirepass", kind: Kind::Text { field: |settings| &mut settings.password } },
    Setting {
        name: "shutdown-timeout",
        kind: Kind::Number {
            least: 0,
            most: INT_MAX,
            field: |settings| &mut settings.shutdown_timeout_seconds,
        },
    },
    Setting { name: "slaveof", kind: Kind::Constant(String::new) },
    Setting {
        name: "slowlog-log-slower-than",
        kind: Kind::Signed { field: |settings| &mut settings.slow_log_slower_than },
    },
    Setting {
        name: "slowlog-max-len",
        kind: Kind::Number { least: 0, most: i64::MAX, field: |settings| &mut settings.slow_log_length },
    },
    Setting {
        name: "tcp-keepalive",
        kind: Kind::Number { least: 0, most: INT_MAX, field: |settings| &mut settings.tcp_keepalive_seconds },
    },
    Setting {
        name: "timeout",
        kind: Kind::Number { least: 0, most: INT_MAX, field: |settings| &mut settings.timeout_seconds },
    },
    Setting {
        name: "tracking-table-max-keys",
        kind: Kind::Number {
            least: 0,
            most: i64::MAX,
            field: |settings| &mut settings.tracking_table_max_keys,
        },
    },
];

/// All settings.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().chain(KEPT)
}

/// The setting of that name, in any case.
pub(super) fn find(name: &[u8]) -> Option<&'static Setting> {
    all().find(|setting| setting.name.as_bytes().eq_ignore_ascii_case(name))
}

impl Setting {
    pub(super) const fn kept(name: &'static str, row: Row) -> Setting {
        Setting { name, kind: Kind::Kept(row) }
    }

    /// The name that its value belongs to: names of one setting share it.
    pub(super) fn key(&self) -> &'static str {
        if let Kind::Kept(row) = &self.kind { row.key() } else { self.name }
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self.kind, Kind::Constant(_))
    }

    /// The value that it keeps while the process runs, if it does so.
    pub(super) fn at_start(&self, listens: SocketAddr) -> Option<String> {
        if let Kind::AtStart(value) = self.kind { Some(value(listens)) } else { None }
    }

    pub(super) fn value(&self, settings: &Settings, listens: SocketAddr) -> String {
        let mut settings = settings.clone();
        match self.kind {
            Kind::Number { field, .. } | Kind::Memory { field, .. } => field(&mut settings).to_string(),
            Kind::Signed { field } => field(&mut settings).to_string(),
            Kind::Either { off, on, field } => if *field(&mut settings) { on } else { off }.to_owned(),
            Kind::Bool { field } => if *field(&mut settings) { "yes" } else { "no" }.to_owned(),
            Kind::Text { field } | Kind::Percentiles { field } => field(&mut settings).clone(),
            Kind::Kept(row) => row.value(&settings.kept),
            Kind::OutputLimits => format_limits(&settings.output_limits),
            Kind::Constant(value) => value(),
            Kind::AtStart(value) => value(listens),
        }
    }

    /// Sets the value from its text, or says what is wrong with it.
    pub(super) fn set(&self, settings: &mut Settings, value: &[u8]) -> Result<(), String> {
        match self.kind {
            Kind::Number { least, most, field } => {
                let number = parse_i64(value).ok_or("argument couldn't be parsed into an integer")?;
                *field(settings) = within(number, least, most)?;
            }
            Kind::Signed { field } => {
                let number = parse_i64(value).ok_or("argument couldn't be parsed into an integer")?;
                if number < -1 {
                    return Err(format!("argument must be between -1 and {} inclusive", i64::MAX));
                }
                *field(settings) = number;
            }
            Kind::Bool { field } => {
                *field(settings) = match value.to_ascii_lowercase().as_slice() {
                    b"yes" => true,
                    b"no" => false,
                    _ => return Err("argument must be 'yes' or 'no'".to_owned()),
                };
            }
            Kind::Either { off, on, field } => {
                *field(settings) = match std::str::from_utf8(value).unwrap_or_default() {
                    word if word.eq_ignore_ascii_case(on) => true,
                    word if word.eq_ignore_ascii_case(off) => false,
                    _ => return Err(format!("argument(s) must be one of the following: {on}, {off}")),
                };
            }
            Kind::Percentiles { field } => *field(settings) = percentiles(value)?,
            Kind::Memory { least, field } => {
                let bytes = text(value).and_then(parse_memory).ok_or("argument must be a memory value")?;
                // Redis counts in signed 64 bits: what exceeds them counts as negative.
                *field(settings) = within(i64::try_from(bytes).unwrap_or(-1), least, i64::MAX)?;
            }
            Kind::Text { field } => {
                *field(settings) = text(value).ok_or("argument must be UTF-8")?.to_owned();
            }
            Kind::Kept(row) => row.set(&mut settings.kept, value)?,
            Kind::OutputLimits => settings.output_limits = parse_limits(value, settings.output_limits)?,
            Kind::Constant(_) => return Err("can't set immutable config".to_owned()),
            Kind::AtStart(_) => return Err(SET_AT_START.to_owned()),
        }
        Ok(())
    }
}

pub(super) fn within(number: i64, least: i64, most: i64) -> Result<u64, String> {
    let fits = (least..=most).contains(&number);
    let number = u64::try_from(number).ok().filter(|_| fits);
    number.ok_or_else(|| format!("argument must be between {least} and {most} inclusive"))
}

/// The shares as they are shown again.
fn percentiles(value: &[u8]) -> Result<String, String> {
    let shares = text(value).unwrap_or("?").split_ascii_whitespace().map(|share| {
        let number: f64 =
            share.parse().map_err(|_| "Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&number) {
            return Err("latency-tracking-info-percentiles parameters must be between 0.0 and 100.0");
        }
        Ok(number.to_string())
    });
    let shares: Vec<String> = shares.collect::<Result<_, &str>>()?;
    Ok(shares.join(" "))
}

pub(super) fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn format_limits(limits: &OutputLimits) -> String {
    let classes = [("normal", limits.normal), ("slave", limits.replica), ("pubsub", limits.pubsub)];
    let texts = classes.map(|(name, limit)| {
        let OutputLimit { hard, soft, soft_seconds } = limit;
        format!("{name} {hard} {soft} {soft_seconds}")
    });
    texts.join(" ")
}

fn parse_limits(value: &[u8], mut limits: OutputLimits) -> Result<OutputLimits, String> {
    let value = text(value).unwrap_or_default();
    let words: Vec<&str> = value.split(' ').collect();
    let (classes, []) = words.as_chunks::<4>() else {
        return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
    };
    for [class, hard, soft, seconds] in classes {
        let class = match class.to_ascii_lowercase().as_str() {
            "normal" => &mut limits.normal,
            "slave" | "replica" => &mut limits.replica,
            "pubsub" => &mut limits.pubsub,
            _ => return Err("Invalid client class specified in buffer limit configuration.".to_owned()),
        };
        let size = |text: &str| parse_memory(text).and_then(|bytes| usize::try_from(bytes).ok());
        let (Some(hard), Some(soft), Ok(soft_seconds)) = (size(hard), size(soft), seconds.parse()) else {
            let reason = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
            return Err(reason.to_owned());
        };
        *class = OutputLimit { hard, soft, soft_seconds };
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_lower_case() {
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.name));
        assert!(all().all(|setting| setting.name == setting.name.to_ascii_lowercase()));
        let mut names: Vec<&str> = all().map(|setting| setting.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|one, next| one < next), "a name twice");
    }

    #[test]
    fn limits_of_one_class_leave_the_others() {
        let before = Settings::default().output_limits;
        let after = parse_limits(b"pubsub 1mb 10 5 normal 1k 0 0", before).expect("well formed");
        assert_eq!(after.pubsub, OutputLimit { hard: 1 << 20, soft: 10, soft_seconds: 5 });
        assert_eq!(after.normal, OutputLimit { hard: 1000, soft: 0, soft_seconds: 0 });
        assert_eq!(after.replica, before.replica);
        assert!(parse_limits(b"normal 1 2", before).is_err());
        assert!(parse_limits(b"master 1 2 3", before).is_err());
    }
}
