//! Settings that `CONFIG GET` shows and `CONFIG SET` changes while the process runs.
//!
//! One table of what has an effect ([`table`]), and one of what is only kept because clients and tools set it
//! ([`kept`]). A change of several is made on a copy that then replaces the settings, so it is all or nothing.

mod kept;
mod table;

use std::{net::SocketAddr, sync::Arc};

use meridian_command::{ReplyError, glob_match};
use parking_lot::{Mutex, RwLock};

pub use kept::Kept;
use table::Setting;

/// When a connection that does not read its replies is closed. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// At so many unsent bytes at once.
    pub hard: usize,
    /// At so many, if it lasts.
    pub soft: usize,
    /// How long it must last.
    pub soft_seconds: u64,
}

/// The limits by the kind of connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    pub normal: OutputLimit,
    pub replica: OutputLimit,
    pub pubsub: OutputLimit,
}

/// What can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Connections at the same time.
    pub max_clients: u64,
    /// Seconds after which a silent client is closed; 0 is never.
    pub timeout_seconds: u64,
    /// Seconds after which a silent peer is asked whether it is there; 0 is never.
    pub tcp_keepalive_seconds: u64,
    /// Bytes of one argument.
    pub max_bulk: u64,
    /// Bytes of a request under way.
    pub query_buffer_limit: u64,
    pub output_limits: OutputLimits,
    /// Password of the user `default` until somebody changes that user; later that which this process was told last. Empty
    /// is none.
    pub password: String,
    /// Whether a user may use all channels before its first rule.
    pub new_users_have_channels: bool,
    /// Refusals that are kept.
    pub refusals_length: u64,
    /// Calls of so many microseconds are slow; -1: none is.
    pub slow_log_slower_than: i64,
    /// Slow calls that are kept.
    pub slow_log_length: u64,
    /// Milliseconds from which latencies are noted; 0 is never.
    pub latency_threshold_ms: u64,
    /// Whether the latency of every command is counted.
    pub latency_tracking: bool,
    /// Shares of calls, in per cent, that INFO latencystats tells the latency of.
    pub latency_percentiles: String,
    /// Seconds that connections get to finish when the process stops.
    pub shutdown_timeout_seconds: u64,
    /// Keys of which it is known who has cached them; 0 is no limit.
    pub tracking_table_max_keys: u64,
    /// Settings that change nothing.
    pub kept: Kept,
}

/// What one argument may have whatever is configured: more could not be told to a client.
const BULK_MAX: u64 = 512 << 20;
/// What a request may have whatever is configured: it becomes one entry of a log, whose records end at 1 GB.
const REQUEST_MAX: u64 = (1 << 30) - (1 << 20);

impl Settings {
    /// Bytes of one argument, as they are enforced.
    pub(crate) fn bulk_limit(&self) -> usize {
        usize::try_from(self.max_bulk.min(BULK_MAX)).unwrap_or(usize::MAX)
    }

    /// Bytes of a request under way, as they are enforced.
    pub(crate) fn request_limit(&self) -> u64 {
        self.query_buffer_limit.min(REQUEST_MAX)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let limit = |hard, soft, soft_seconds| OutputLimit { hard, soft, soft_seconds };
        Settings {
            max_clients: 10_000,
            timeout_seconds: 0,
            tcp_keepalive_seconds: 300,
            max_bulk: 64 << 20,
            query_buffer_limit: 1 << 30,
            output_limits: OutputLimits {
                normal: limit(0, 0, 0),
                replica: limit(256 << 20, 64 << 20, 60),
                pubsub: limit(32 << 20, 8 << 20, 60),
            },
            password: String::new(),
            new_users_have_channels: false,
            refusals_length: 128,
            slow_log_slower_than: 10_000,
            slow_log_length: 128,
            latency_threshold_ms: 0,
            latency_tracking: true,
            latency_percentiles: "50 99 99.9".to_owned(),
            shutdown_timeout_seconds: 10,
            tracking_table_max_keys: 1_000_000,
            kept: Kept::default(),
        }
    }
}

/// The settings in force.
#[derive(Debug)]
pub(crate) struct Config {
    current: RwLock<Arc<Settings>>,
    /// Held while settings are changed, so that two changes do not undo each other.
    changing: Mutex<()>,
    /// Where clients connect to.
    listens: SocketAddr,
}

impl Config {
    pub(crate) fn new(settings: Settings, listens: SocketAddr) -> Config {
        Config { current: RwLock::new(Arc::new(settings)), changing: Mutex::new(()), listens }
    }

    /// The settings as they are now.
    pub(crate) fn load(&self) -> Arc<Settings> {
        Arc::clone(&self.current.read())
    }

    /// Names and values of the settings that match any of the patterns, each once, in the table's order. A name that
    /// was asked for without wildcards comes back as it was written.
    pub(crate) fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, String)> {
        let settings = self.load();
        let found = table::all().filter_map(|setting| {
            let name = patterns.iter().find_map(|pattern| {
                let literal = !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
                let hit = if literal {
                    pattern.eq_ignore_ascii_case(setting.name.as_bytes())
                } else {
                    glob_match(pattern, setting.name.as_bytes(), true)
                };
                hit.then(|| if literal { pattern.to_vec() } else { setting.name.as_bytes().to_vec() })
            })?;
            Some((name, setting.value(&settings, self.listens)))
        });
        found.collect()
    }

    /// Sets all of the named settings, or none.
    ///
    /// # Errors
    /// As Redis: the first name that is unknown, read-only, given twice, or whose value does not fit.
    pub(crate) fn set(&self, pairs: &[(&[u8], &[u8])]) -> Result<(), ReplyError> {
        let mut changes: Vec<(&'static Setting, &[u8], &[u8])> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let setting = table::find(name).ok_or_else(|| ReplyError::unknown_setting(name))?;
            if setting.is_constant() {
                return Err(ReplyError::setting_refused(name, "can't set immutable config"));
            }
            if changes.iter().any(|(known, _, _)| known.key() == setting.key()) {
                return Err(ReplyError::setting_refused(name, "duplicate parameter"));
            }
            changes.push((setting, name, value));
        }
        let _changing = self.changing.lock();
        let mut next = Settings::clone(&self.load());
        for (setting, name, value) in changes {
            if setting.at_start(self.listens).is_some_and(|own| own.as_bytes() == value) {
                continue;
            }
            setting.set(&mut next, value).map_err(|reason| ReplyError::setting_refused(name, &reason))?;
        }
        *self.current.write() = Arc::new(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new(Settings::default(), "127.0.0.1:6379".parse().expect("an address"))
    }

    #[test]
    fn several_are_set_or_none() {
        let config = config();
        let error = config.set(&[(b"timeout", b"5"), (b"maxclients", b"0")]).expect_err("out of range");
        assert!(error.text().contains("'maxclients'"), "{error}");
        assert_eq!(config.load().timeout_seconds, 0);
        config.set(&[(b"timeout", b"5"), (b"MAXCLIENTS", b"7")]).expect("fits");
        assert_eq!((config.load().timeout_seconds, config.load().max_clients), (5, 7));
    }

    #[test]
    fn every_setting_that_can_be_set_takes_back_its_own_value() {
        let config = config();
        let all = config.get(&[b"*"]);
        assert_eq!(all.len(), table::all().count());
        for (name, value) in all {
            let setting = table::find(&name).expect("known");
            if !setting.is_constant() {
                config.set(&[(&name, value.as_bytes())]).expect("its own value");
                assert_eq!(config.get(&[&name]), [(name, value)]);
            }
        }
        assert_eq!(*config.load(), Settings::default());
    }

    #[test]
    fn what_is_set_at_the_start_can_only_be_set_to_what_it_is() {
        let config = config();
        config.set(&[(b"port", b"6379"), (b"bind", b"127.0.0.1"), (b"timeout", b"5")]).expect("as it is");
        let error = config.set(&[(b"timeout", b"6"), (b"port", b"6380")]).expect_err("another");
        assert!(error.text().contains("'port'") && error.text().ends_with(table::SET_AT_START), "{error}");
        assert_eq!(config.load().timeout_seconds, 5);
    }

    #[test]
    fn names_match_once_in_any_case() {
        let config = config();
        assert_eq!(config.get(&[b"TimeOut", b"timeout", b"time*"]), [(b"TimeOut".to_vec(), "0".to_owned())]);
        assert!(config.get(&[b"nope", b"x*y"]).is_empty());
    }
}
