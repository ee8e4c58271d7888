//! The command line.

use std::path::PathBuf;

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    config::{self, Config, Settings},
    dev,
    failure::Failure,
    init, output, start, status,
};

/// A Redis-compatible key-value store, replicated over regions by Raft.
#[derive(Debug, Parser)]
#[command(name = "meridian", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a whole cluster in this process
    Dev(dev::Arguments),
    /// Run one process of a cluster
    #[command(after_help = AFTER_START)]
    Start(StartArguments),
    /// Make a new cluster of a running process that belongs to none
    Init(init::Arguments),
    /// Show nodes, shards, leaders and how far replicas are behind
    Status(status::Arguments),
    /// Show settings
    Config(ConfigArguments),
}

const AFTER_START: &str = "Every setting is also a key of the file (client_listen) and an environment variable \
     (MERIDIAN_CLIENT_LISTEN). Flags count over the environment, that over the file, that over the defaults.";

#[derive(Debug, clap::Args)]
struct StartArguments {
    /// File with settings, in TOML
    #[arg(long, value_name = "FILE", env = "MERIDIAN_CONFIG", hide_env = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, clap::Args)]
struct ConfigArguments {
    #[command(subcommand)]
    verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Print the settings that `start` would run with
    #[command(after_help = AFTER_START)]
    Print(StartArguments),
}

/// Does what the arguments say.
pub(crate) fn run() -> Result<(), Failure> {
    let command = Cli::command()
        .mut_subcommand("start", config::with_environment)
        .mut_subcommand("config", |command| command.mut_subcommand("print", config::with_environment));
    let cli = match command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    match cli.command {
        Verb::Dev(arguments) => dev::run(&arguments),
        Verb::Start(arguments) => {
            let config = Config::load(arguments.settings, arguments.config.as_deref())?;
            start::run(&config, arguments.config.as_deref())
        }
        Verb::Init(arguments) => init::run(&arguments),
        Verb::Status(arguments) => status::run(&arguments),
        Verb::Config(ConfigArguments { verb: ConfigVerb::Print(arguments) }) => {
            let config = Config::load(arguments.settings, arguments.config.as_deref())?;
            output::print(&config.to_toml()?)
        }
    }
}

/// Help and version are what was asked for; anything else becomes one line.
fn refused(error: &clap::Error) -> Result<(), Failure> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return output::print(&error.render().to_string());
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Failure::usage("say what to do: meridian --help lists the commands"));
    }
    let text = error.render().to_string();
    // What is wrong and what was probably meant, without the usage.
    let said = text.split("\n\nUsage:").next().unwrap_or_default();
    let said = said.split("\n\nFor more information").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    Err(Failure::usage(match variable_of(error) {
        Some((flag, variable)) => said.replace(flag, &variable),
        None => said.to_owned(),
    }))
}

/// The flag that an error is about, and the environment variable that its value came from.
fn variable_of(error: &clap::Error) -> Option<(&str, String)> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let name = flag.split_whitespace().next()?;
    let given = std::env::args().any(|arg| arg.split('=').next() == Some(name));
    let key = name.trim_start_matches('-').replace('-', "_");
    let variable = format!("{}{}", config::ENVIRONMENT, key.to_ascii_uppercase());
    (!given && std::env::var_os(&variable).is_some()).then_some((flag.as_str(), variable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().mut_subcommand("start", config::with_environment).debug_assert();
    }

    #[test]
    fn a_wrong_flag_is_answered_in_one_line() {
        let error = Cli::try_parse_from(["meridian", "dev", "--prot", "1"]).unwrap_err();
        let line = refused(&error).unwrap_err().to_string();
        assert!(line.starts_with("unexpected argument '--prot' found"), "{line}");
        assert!(line.contains("--port") && !line.contains('\n'), "{line}");
    }
}
