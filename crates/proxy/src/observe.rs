//! What commands took: the slow ones, how latency is distributed, and who watches.

mod histogram;
mod latency;
mod monitors;
mod pause;
mod refusals;
mod slow_log;

use std::time::Duration;

use meridian_command::{Command, Flags, ProxyCommand};

use crate::{Settings, clients::Client};

pub(crate) use histogram::Histogram;
pub(crate) use latency::{Latency, Series};
pub(crate) use monitors::{Monitoring, Monitors};
pub(crate) use pause::Pause;
pub(crate) use refusals::{Place, Reason, Refusals, Subject};
pub(crate) use slow_log::SlowLog;

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) slow_log: SlowLog,
    pub(crate) latency: Latency,
    pub(crate) monitors: Monitors,
    pub(crate) pause: Pause,
    pub(crate) refusals: Refusals,
}

impl Observed {
    /// Whether a command that took so long is noted anywhere, so that its words are needed.
    pub(crate) fn is_slow(settings: &Settings, took: Duration) -> bool {
        let micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        let slow = settings.slow_log_slower_than >= 0 && micros >= settings.slow_log_slower_than;
        let threshold = settings.latency_threshold_ms;
        slow || threshold > 0 && took.as_millis() >= u128::from(threshold)
    }

    /// Notes a command that took long.
    pub(crate) fn note_slow<'a>(
        &self,
        settings: &Settings,
        client: &Client,
        command: Command,
        took: Duration,
        words: impl ExactSizeIterator<Item = &'a [u8]>,
    ) {
        let micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
        if settings.slow_log_slower_than >= 0 && micros >= settings.slow_log_slower_than {
            let hidden = Hidden::of(command);
            self.slow_log.add(client, micros, words, hidden, settings.slow_log_length);
        }
        let threshold = settings.latency_threshold_ms;
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if threshold > 0 && millis >= threshold {
            let fast = command.spec().flags.contains(Flags::FAST);
            self.latency.add(if fast { "fast-command" } else { "command" }, millis);
        }
    }
}

/// Which words of a command are secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    None,
    /// All behind the name.
    All,
    /// All behind a name of two words.
    BehindSubcommand,
    /// Those that follow the word AUTH.
    BehindAuth,
    /// Values of settings that are passwords.
    Passwords,
}

impl Hidden {
    pub(crate) fn of(command: Command) -> Hidden {
        use ProxyCommand as C;
        match command {
            Command::Proxy(ProxyCommand::Auth) => Hidden::All,
            // The name is two words.
            Command::Proxy(C::AclSetuser | C::AclDeluser | C::AclGetuser) => Hidden::BehindSubcommand,
            Command::Proxy(ProxyCommand::Hello) => Hidden::BehindAuth,
            Command::Proxy(ProxyCommand::ConfigSet) => Hidden::Passwords,
            _ => Hidden::None,
        }
    }

    /// Whether the word at `at` is secret; `before` are the words before it.
    pub(crate) fn hides(self, at: usize, before: &[Vec<u8>]) -> bool {
        const PASSWORDS: [&[u8]; 5] =
            [b"masteruser", b"masterauth", b"requirepass", b"tls-key-file-pass", b"tls-client-key-file-pass"];
        let back = |steps: usize| at.checked_sub(steps).and_then(|place| before.get(place));
        let is_auth = |word: Option<&Vec<u8>>| word.is_some_and(|word| word.eq_ignore_ascii_case(b"auth"));
        match self {
            Hidden::None => false,
            Hidden::All => at > 0,
            Hidden::BehindSubcommand => at > 1,
            Hidden::BehindAuth => at > 1 && (is_auth(back(1)) || is_auth(back(2))),
            Hidden::Passwords => {
                at % 2 == 1
                    && back(1)
                        .is_some_and(|name| PASSWORDS.iter().any(|known| name.eq_ignore_ascii_case(known)))
            }
        }
    }
}
