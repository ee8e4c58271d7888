//! Settings of Redis that clients, tools and tests set or ask for and that change nothing here.
//!
//! A value is checked and normalised as Redis does it, kept while the process runs and shown again, so that nobody's
//! set-up fails. Each group of [`KEPT`] says why there is nothing that it could change.

use std::collections::BTreeMap;

use meridian_command::number::{parse_i64, parse_memory};

use super::table::{INT_MAX, Setting, text, within};

/// Values of kept settings that differ from what they are by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept(BTreeMap<&'static str, String>);

/// What values a kept setting takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Bool,
    Number {
        least: i64,
        most: i64,
    },
    /// Brought within bounds instead of refused.
    Clamped {
        least: i64,
        most: i64,
    },
    Memory {
        least: i64,
    },
    /// An amount of memory, or so many per cent.
    MemoryOrShare,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Several of these words.
    ShutdownWords,
    /// Pairs of seconds and changes.
    SavePoints,
    /// Three numbers.
    OomScores,
    Text,
}

/// One kept setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The name that the value is kept under: an older name shares that of the newer one.
    key: &'static str,
    default: &'static str,
    shape: Shape,
}

impl Row {
    pub(super) fn value(&self, kept: &Kept) -> String {
        kept.0.get(self.key).cloned().unwrap_or_else(|| self.default.to_owned())
    }

    pub(super) fn set(&self, kept: &mut Kept, value: &[u8]) -> Result<(), String> {
        let value = self.shape.normalised(value)?;
        if value == self.default {
            kept.0.remove(self.key);
        } else {
            kept.0.insert(self.key, value);
        }
        Ok(())
    }

    /// The name that the value is kept under.
    pub(super) fn key(&self) -> &'static str {
        self.key
    }
}

const fn kept(name: &'static str, default: &'static str, shape: Shape) -> Setting {
    Setting::kept(name, Row { key: name, default, shape })
}

/// An older name of `key`.
const fn alias(name: &'static str, key: &'static str, default: &'static str, shape: Shape) -> Setting {
    Setting::kept(name, Row { key, default, shape })
}

const COUNT: Shape = Shape::Number { least: 0, most: INT_MAX };
const LONG_COUNT: Shape = Shape::Number { least: 0, most: i64::MAX };
const POSITIVE: Shape = Shape::Number { least: 1, most: INT_MAX };
const THOUSANDTHS: Shape = Shape::Number { least: 0, most: 1000 };
const PORT: Shape = Shape::Number { least: 0, most: 65_535 };
const MEMORY: Shape = Shape::Memory { least: 0 };

/// All of them.
pub(super) const KEPT: &[Setting] = &[
    // Every write is in a replicated log and synced before it is acknowledged, whatever this says; there is no
    // append-only file beside it.
    kept("appendfsync", "always", Shape::Word(&["everysec", "always", "no"])),
    kept("appendonly", "yes", Shape::Bool),
    kept("aof-disable-auto-gc", "no", Shape::Bool),
    kept("aof-load-truncated", "yes", Shape::Bool),
    kept("aof-rewrite-incremental-fsync", "yes", Shape::Bool),
    kept("aof-timestamp-enabled", "no", Shape::Bool),
    kept("aof-use-rdb-preamble", "yes", Shape::Bool),
    kept("auto-aof-rewrite-min-size", "67108864", MEMORY),
    kept("auto-aof-rewrite-percentage", "100", COUNT),
    kept("no-appendfsync-on-rewrite", "no", Shape::Bool),
    // Snapshots follow the length of the log, not a timetable, and always carry a checksum.
    kept("save", "", Shape::SavePoints),
    kept("rdb-del-sync-files", "no", Shape::Bool),
    kept("rdb-save-incremental-fsync", "yes", Shape::Bool),
    kept("rdbcompression", "yes", Shape::Bool),
    kept("sanitize-dump-payload", "yes", Shape::Word(&["no", "yes", "clients"])),
    kept("stop-writes-on-bgsave-error", "yes", Shape::Bool),
    kept("shutdown-on-sigint", "default", Shape::ShutdownWords),
    kept("shutdown-on-sigterm", "default", Shape::ShutdownWords),
    // Eviction is part of the log (see the replicated settings), and clients are bounded one by one.
    kept("maxmemory-clients", "0", Shape::MemoryOrShare),
    kept("maxmemory-eviction-tenacity", "10", Shape::Number { least: 0, most: 100 }),
    // Memory is freed where it is cheap, timers run by themselves, and the allocator compacts on its own.
    kept("activedefrag", "no", Shape::Bool),
    kept("active-defrag-cycle-max", "25", Shape::Number { least: 1, most: 99 }),
    kept("active-defrag-cycle-min", "1", Shape::Number { least: 1, most: 99 }),
    kept("active-defrag-ignore-bytes", "104857600", Shape::Memory { least: 1 }),
    kept("active-defrag-max-scan-fields", "1000", Shape::Number { least: 1, most: i64::MAX }),
    kept("active-defrag-threshold-lower", "10", THOUSANDTHS),
    kept("active-defrag-threshold-upper", "100", THOUSANDTHS),
    kept("active-expire-effort", "1", Shape::Number { least: 1, most: 10 }),
    kept("activerehashing", "yes", Shape::Bool),
    kept("dynamic-hz", "yes", Shape::Bool),
    kept("hz", "10", Shape::Clamped { least: 1, most: 500 }),
    kept("jemalloc-bg-thread", "yes", Shape::Bool),
    kept("lazyfree-lazy-eviction", "no", Shape::Bool),
    kept("lazyfree-lazy-expire", "no", Shape::Bool),
    kept("lazyfree-lazy-server-del", "no", Shape::Bool),
    kept("lazyfree-lazy-user-del", "no", Shape::Bool),
    kept("lazyfree-lazy-user-flush", "no", Shape::Bool),
    kept("replica-lazy-flush", "no", Shape::Bool),
    // Replicas are placed, filled and elected by the cluster itself.
    kept("masterauth", "", Shape::Text),
    kept("masteruser", "", Shape::Text),
    kept("min-replicas-max-lag", "10", COUNT),
    kept("min-replicas-to-write", "0", COUNT),
    alias("min-slaves-max-lag", "min-replicas-max-lag", "10", COUNT),
    alias("min-slaves-to-write", "min-replicas-to-write", "0", COUNT),
    kept("propagation-error-behavior", "ignore", Shape::Word(&["ignore", "panic", "panic-on-replicas"])),
    kept("repl-backlog-size", "1048576", Shape::Memory { least: 1 }),
    kept("repl-backlog-ttl", "3600", LONG_COUNT),
    kept("repl-disable-tcp-nodelay", "no", Shape::Bool),
    kept("repl-diskless-load", "disabled", Shape::Word(&["disabled", "on-empty-db", "swapdb"])),
    kept("repl-diskless-sync", "yes", Shape::Bool),
    kept("repl-diskless-sync-delay", "5", COUNT),
    kept("repl-diskless-sync-max-replicas", "0", COUNT),
    kept("repl-ping-replica-period", "10", POSITIVE),
    kept("repl-timeout", "60", POSITIVE),
    kept("replica-announce-ip", "", Shape::Text),
    kept("replica-announce-port", "0", PORT),
    kept("replica-announced", "yes", Shape::Bool),
    kept("replica-ignore-disk-write-errors", "no", Shape::Bool),
    kept("replica-ignore-maxmemory", "yes", Shape::Bool),
    kept("replica-priority", "100", COUNT),
    kept("replica-read-only", "yes", Shape::Bool),
    kept("replica-serve-stale-data", "yes", Shape::Bool),
    // Slots, leaders and addresses are the cluster map's.
    kept("cluster-allow-pubsubshard-when-down", "yes", Shape::Bool),
    kept("cluster-allow-reads-when-down", "no", Shape::Bool),
    kept("cluster-allow-replica-migration", "yes", Shape::Bool),
    kept("cluster-announce-hostname", "", Shape::Text),
    kept("cluster-announce-ip", "", Shape::Text),
    kept("cluster-announce-port", "0", PORT),
    kept("cluster-link-sendbuf-limit", "0", MEMORY),
    kept("cluster-migration-barrier", "1", COUNT),
    kept("cluster-node-timeout", "15000", LONG_COUNT),
    kept("cluster-require-full-coverage", "yes", Shape::Bool),
    // Logging, crashes and the memory the system grants are matters of how the process is started.
    kept("crash-log-enabled", "yes", Shape::Bool),
    kept("crash-memcheck-enabled", "yes", Shape::Bool),
    kept("loglevel", "notice", Shape::Word(&["debug", "verbose", "notice", "warning"])),
    kept("oom-score-adj", "no", Shape::Word(&["no", "yes", "relative", "absolute"])),
    kept("oom-score-adj-values", "0 200 800", Shape::OomScores),
    kept("protected-mode", "no", Shape::Bool),
    // A script is bounded by what it may do, not by how long others have waited for it.
    kept("busy-reply-threshold", "5000", LONG_COUNT),
    alias("lua-time-limit", "busy-reply-threshold", "5000", LONG_COUNT),
    // Certificates are given at the start.
    kept("tls-client-key-file-pass", "", Shape::Text),
    kept("tls-key-file-pass", "", Shape::Text),
];

impl Shape {
    /// The value as it is shown again, or what is wrong with it.
    fn normalised(self, value: &[u8]) -> Result<String, String> {
        let number = || parse_i64(value).ok_or("argument couldn't be parsed into an integer");
        let memory = || text(value).and_then(parse_memory).and_then(|bytes| i64::try_from(bytes).ok());
        Ok(match self {
            Shape::Bool => match value.to_ascii_lowercase().as_slice() {
                b"yes" => "yes".to_owned(),
                b"no" => "no".to_owned(),
                _ => return Err("argument must be 'yes' or 'no'".to_owned()),
            },
            Shape::Number { least, most } => within(number()?, least, most)?.to_string(),
            Shape::Clamped { least, most } => number()?.clamp(least, most).to_string(),
            Shape::Memory { least } => {
                within(memory().ok_or("argument must be a memory value")?, least, i64::MAX)?.to_string()
            }
            Shape::MemoryOrShare => memory_or_share(value, memory())?,
            Shape::Word(words) => {
                let word = words.iter().find(|word| value.eq_ignore_ascii_case(word.as_bytes()));
                (*word.ok_or_else(|| one_of(words))?).to_owned()
            }
            Shape::ShutdownWords => shutdown_words(value)?,
            Shape::SavePoints => save_points(value)?,
            Shape::OomScores => oom_scores(value)?,
            Shape::Text => text(value).ok_or("argument must be UTF-8")?.to_owned(),
        })
    }
}

fn one_of(words: &[&str]) -> String {
    format!("argument(s) must be one of the following: {}", words.join(", "))
}

fn words(value: &[u8]) -> Vec<&str> {
    text(value).unwrap_or("?").split(' ').filter(|word| !word.is_empty()).collect()
}

fn memory_or_share(value: &[u8], memory: Option<i64>) -> Result<String, String> {
    let share = value.strip_suffix(b"%").map(|share| parse_i64(share).filter(|share| *share >= 0));
    match (share, memory) {
        (Some(Some(share)), _) if share <= 100 => Ok(format!("{share}%")),
        (Some(Some(_)), _) => Err("percentage argument must be less or equal to 100".to_owned()),
        (None, Some(bytes)) => Ok(bytes.to_string()),
        _ => Err("argument must be a memory or percent value".to_owned()),
    }
}

fn shutdown_words(value: &[u8]) -> Result<String, String> {
    const WORDS: [&str; 5] = ["default", "save", "nosave", "now", "force"];
    let given: Vec<String> = words(value).iter().map(|word| word.to_ascii_lowercase()).collect();
    if given.is_empty() || given.iter().any(|word| !WORDS.contains(&word.as_str())) {
        return Err(one_of(&WORDS));
    }
    let has = |word: &str| given.iter().any(|known| known == word);
    if has("save") && has("nosave") {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".to_owned());
    }
    let shown: Vec<&str> = WORDS[1..].iter().copied().filter(|word| has(word)).collect();
    // `default` is the absence of the others.
    Ok(if shown.is_empty() { "default".to_owned() } else { shown.join(" ") })
}

fn save_points(value: &[u8]) -> Result<String, String> {
    if value.is_empty() {
        return Ok(String::new());
    }
    let invalid = || "Invalid save parameters".to_owned();
    let given = text(value).ok_or_else(invalid)?;
    let numbers = given.split(' ').map(|word| parse_i64(word.as_bytes()));
    let numbers = numbers.collect::<Option<Vec<i64>>>().ok_or_else(invalid)?;
    let (pairs, []) = numbers.as_chunks::<2>() else { return Err(invalid()) };
    if pairs.iter().any(|[seconds, changes]| *seconds < 1 || *changes < 0) {
        return Err(invalid());
    }
    Ok(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))
}

fn oom_scores(value: &[u8]) -> Result<String, String> {
    let given = words(value);
    if given.len() != 3 {
        return Err("wrong number of arguments".to_owned());
    }
    let scores = given.iter().map(|word| parse_i64(word.as_bytes()).filter(|score| score.abs() <= 2000));
    let scores = scores.collect::<Option<Vec<i64>>>();
    let scores = scores.ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
    Ok(scores.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(shape: Shape, value: &str) -> Result<String, String> {
        shape.normalised(value.as_bytes())
    }

    #[test]
    fn values_are_shown_as_redis_shows_them() {
        assert_eq!(shown(Shape::Bool, "YES").as_deref(), Ok("yes"));
        assert_eq!(shown(Shape::Clamped { least: 1, most: 500 }, "100000").as_deref(), Ok("500"));
        assert_eq!(shown(MEMORY, "10mb").as_deref(), Ok("10485760"));
        assert_eq!(shown(Shape::MemoryOrShare, "5%").as_deref(), Ok("5%"));
        assert_eq!(shown(Shape::ShutdownWords, "NOW nosave").as_deref(), Ok("nosave now"));
        assert_eq!(shown(Shape::SavePoints, "3600 1 300 100").as_deref(), Ok("3600 1 300 100"));
        assert_eq!(shown(Shape::SavePoints, "").as_deref(), Ok(""));
        assert_eq!(shown(Shape::OomScores, "10 5 3").as_deref(), Ok("10 5 3"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let too_much = shown(Shape::MemoryOrShare, "200%").expect_err("more than all");
        assert_eq!(too_much, "percentage argument must be less or equal to 100");
        for (shape, value) in [
            (Shape::Bool, "maybe"),
            (MEMORY, "-1"),
            (Shape::MemoryOrShare, "-1"),
            (Shape::MemoryOrShare, "x%"),
            (Shape::ShutdownWords, ""),
            (Shape::ShutdownWords, "save nosave"),
            (Shape::SavePoints, "0 1"),
            (Shape::SavePoints, "3600"),
            (Shape::SavePoints, "  "),
            (Shape::OomScores, "1 2"),
            (Shape::OomScores, "1 2 3000"),
        ] {
            shown(shape, value).expect_err(value);
        }
    }

    #[test]
    fn an_older_name_shows_the_same_value() {
        let find = |name| KEPT.iter().find(|setting| setting.name == name).expect("kept");
        let mut settings = crate::Settings::default();
        find("lua-time-limit").set(&mut settings, b"100").expect("a number");
        assert_eq!(
            find("busy-reply-threshold").value(&settings, "127.0.0.1:1".parse().expect("an address")),
            "100"
        );
    }
}
