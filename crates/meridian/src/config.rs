//! Settings of `meridian start`, each declared once.
//!
//! A field of [`Settings`] is a key of the file, a flag and an environment variable: `client_listen` is
//! `--client-listen` and `MERIDIAN_CLIENT_LISTEN`; its comment is the help text. Flags count over the environment, that
//! over the file, that over the defaults.

mod environment;
mod file;
mod units;

use std::path::PathBuf;

use clap::{Args, Command};
use serde::{Deserialize, Serialize};

use crate::{failure::Failure, logging::LogFormat};

pub(crate) use units::{Size, Span};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Stores data.
    Node,
    /// Serves Redis clients.
    Proxy,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $(#[arg($($arg:tt)*)])? $name:ident: $type:ty = $default:expr;)+) => {
        /// The settings as one source gives them; what it does not mention is `None`.
        #[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct Settings {
            $($(#[doc = $doc])+ #[arg(long, $($($arg)*)?)] pub(crate) $name: Option<$type>,)+
        }

        /// The settings in force.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub(crate) struct Config {
            $($(#[doc = $doc])+ pub(crate) $name: $type,)+
        }

        impl Settings {
            /// These settings, and from `weaker` what they do not mention.
            fn over(self, weaker: Settings) -> Settings {
                Settings { $($name: self.$name.or(weaker.$name),)+ }
            }

            /// These settings, and the defaults for what they do not mention.
            fn or_default(self) -> Config {
                Config { $($name: self.$name.unwrap_or_else(|| $default),)+ }
            }
        }
    };
}

settings! {
    /// What this process does [default: node,proxy]
    #[arg(value_delimiter = ',', value_name = "ROLE")]
    roles: Vec<Role> = vec![Role::Node, Role::Proxy];

    /// Directory of the data; belongs to one node for ever [default: data]
    #[arg(value_name = "DIR")]
    data: PathBuf = PathBuf::from("data");

    /// Where other processes of the cluster are listened to [default: 127.0.0.1:7400]
    #[arg(value_name = "HOST:PORT")]
    listen: String = "127.0.0.1:7400".to_owned();

    /// How other processes reach `listen`, if that is not the address itself
    #[arg(value_name = "HOST:PORT")]
    advertise: String = String::new();

    /// Where Redis clients are listened to [default: 127.0.0.1:6379]
    #[arg(value_name = "HOST:PORT")]
    client_listen: String = "127.0.0.1:6379".to_owned();

    /// How clients reach `client_listen`, if that is not the address itself
    #[arg(value_name = "HOST:PORT")]
    client_advertise: String = String::new();

    /// Where this process stands: what fails together [default: local]
    #[arg(value_name = "NAME")]
    region: String = "local".to_owned();

    /// Failure domain inside the region [default: a]
    #[arg(value_name = "NAME")]
    zone: String = "a".to_owned();

    /// Addresses of other processes of the cluster; none: wait for `meridian init`
    #[arg(value_delimiter = ',', value_name = "HOST:PORT")]
    join: Vec<String> = Vec::new();

    /// Longest usual round trip between nodes; failure detection allows for it. The same on all nodes [default: 0ms]
    #[arg(value_name = "DURATION")]
    round_trip: Span = Span(std::time::Duration::ZERO);

    /// How long a command may wait for its shard before the client gets an error [default: 10s]
    #[arg(value_name = "DURATION")]
    command_timeout: Span = Span(std::time::Duration::from_secs(10));

    /// Clients at the same time [default: 10000]
    #[arg(value_name = "COUNT")]
    max_clients: u64 = 10_000;

    /// Close clients that are silent for so long; 0ms: never [default: 0ms]
    #[arg(value_name = "DURATION")]
    idle_timeout: Span = Span(std::time::Duration::ZERO);

    /// Largest argument of a command [default: 64MB]
    #[arg(value_name = "SIZE")]
    max_value: Size = Size(64 << 20);

    /// Password of the user `default` until that user is first changed (ACL SETUSER, CONFIG SET requirepass), from when on
    /// the cluster keeps it; empty: none
    #[arg(value_name = "TEXT", hide_env_values = true)]
    password: String = String::new();

    /// How long clients get to finish when the process stops [default: 10s]
    #[arg(value_name = "DURATION")]
    drain_timeout: Span = Span(std::time::Duration::from_secs(10));

    /// Threads that run the process; 0: as many as the machine has cores [default: 0]
    #[arg(value_name = "COUNT")]
    threads: usize = 0;

    /// What is logged: info, warn, or finer, like info,meridian_raft=debug [default: info]
    #[arg(value_name = "FILTER")]
    log: String = "info".to_owned();

    /// How a line of the log looks [default: text]
    #[arg(value_name = "FORMAT")]
    log_format: LogFormat = LogFormat::Text;
}

/// What `max_value` may be.
const VALUE_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=512 << 20;

/// Prefix of the environment variables.
pub(crate) const ENVIRONMENT: &str = "MERIDIAN_";

/// Lets every setting of a command be given by its environment variable too.
pub(crate) fn with_environment(command: Command) -> Command {
    let keys = keys();
    command.mut_args(|arg| {
        let key = arg.get_id().to_string();
        if !keys.contains(&key) {
            return arg;
        }
        arg.env(format!("{ENVIRONMENT}{}", key.to_ascii_uppercase())).hide_env(true)
    })
}

/// The names of all settings.
fn keys() -> Vec<String> {
    let command = Settings::augment_args(Command::new("settings"));
    command.get_arguments().map(|arg| arg.get_id().to_string()).collect()
}

impl Config {
    /// Puts together what flags and environment say, the file, and the defaults.
    pub(crate) fn load(given: Settings, file: Option<&std::path::Path>) -> Result<Config, Failure> {
        let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        environment::check(variables, &keys())?;
        let in_file = file.map(|path| file::read(path, &keys())).transpose()?.unwrap_or_default();
        let config = given.over(in_file).or_default();
        config.check()?;
        Ok(config)
    }

    pub(crate) fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    fn check(&self) -> Result<(), Failure> {
        let refuse = |line: &str| Err(Failure::usage(line));
        if self.roles.is_empty() {
            return refuse("roles: a process is a node, a proxy or both");
        }
        if !self.has_role(Role::Node) && self.join.is_empty() {
            return refuse("join: a proxy without a node needs the address of a node");
        }
        if self.region.is_empty() || self.zone.is_empty() {
            return refuse("region and zone must have names");
        }
        if !VALUE_BYTES.contains(&self.max_value.0) {
            return refuse("max_value: between 1MB and 512MB");
        }
        if self.max_clients == 0 {
            return refuse("max_clients: at least one client is needed");
        }
        Ok(())
    }

    /// The settings in force as a file.
    pub(crate) fn to_toml(&self) -> Result<String, Failure> {
        toml::to_string(self).map_err(Failure::running)
    }
}

#[cfg(test)]
mod tests;
