use std::{fs, path::Path, time::Duration};

use clap::FromArgMatches;

use super::*;

/// The settings that a command line gives.
fn flags(line: &[&str]) -> Settings {
    let command = Settings::augment_args(Command::new("test").no_binary_name(true));
    Settings::from_arg_matches(&command.get_matches_from(line)).unwrap()
}

fn with_file<T>(text: &str, run: impl FnOnce(&Path) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("node.toml");
    fs::write(&path, text).unwrap();
    run(&path)
}

fn refused(text: &str) -> String {
    with_file(text, |path| Config::load(Settings::default(), Some(path)).unwrap_err().to_string())
}

#[test]
fn flags_count_over_the_file_and_the_file_over_defaults() {
    let file = "region = \"eu-west\"\nround_trip = \"80ms\"\nroles = [\"node\"]\njoin = [\"a:1\", \"b:1\"]\n";
    let given = flags(&["--region", "us-east", "--max-value", "1MB"]);
    let config = with_file(file, |path| Config::load(given, Some(path)).unwrap());
    assert_eq!(config.region, "us-east");
    assert_eq!(config.round_trip, Span(Duration::from_millis(80)));
    assert_eq!(config.roles, [Role::Node]);
    assert_eq!(config.join, ["a:1", "b:1"]);
    assert_eq!(config.max_value, Size(1 << 20));
    assert_eq!(config.zone, "a");
}

#[test]
fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    let line = refused("regoin = \"eu-west\"\n");
    assert!(line.ends_with("node.toml: unknown key `regoin`; did you mean `region`?"), "{line}");
    let line = refused("client-listen = \"a:1\"\n");
    assert!(line.ends_with("unknown key `client-listen`; did you mean `client_listen`?"), "{line}");
    let line = refused("xyzzy = 1\n");
    assert!(line.ends_with("unknown key `xyzzy`"), "{line}");
}

#[test]
fn a_wrong_value_is_refused_with_its_line() {
    let line = refused("region = \"a\"\nround_trip = \"80\"\n");
    assert!(line.contains("node.toml, line 2: ") && line.contains("\"80\" is no duration"), "{line}");
    assert!(refused("region = \n").contains("line 1"));
    assert!(refused("max_value = \"1GB\"\n").starts_with("max_value: "));
    assert!(refused("roles = []\n").starts_with("roles: "));
    assert!(refused("roles = [\"proxy\"]\n").starts_with("join: "));
}

#[test]
fn every_setting_has_its_variable_and_its_default_in_the_help() {
    let command = with_environment(Settings::augment_args(Command::new("test")));
    for arg in command.get_arguments().filter(|arg| arg.get_long() != Some("help")) {
        let key = arg.get_id().as_str();
        let variable = arg.get_env().unwrap().to_str().unwrap();
        assert_eq!(variable, format!("MERIDIAN_{}", key.to_uppercase()));
        assert_eq!(arg.get_long(), Some(key.replace('_', "-").as_str()));
        assert!(arg.get_help().is_some(), "{key} has a help text");
    }
}

#[test]
fn defaults_in_the_help_are_those_in_force() {
    let toml: toml::Table = toml::from_str(&Settings::default().or_default().to_toml().unwrap()).unwrap();
    for arg in Settings::augment_args(Command::new("test")).get_arguments() {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let Some((_, stated)) = help.split_once("[default: ") else { continue };
        let value = match &toml[arg.get_id().as_str()] {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(items) => {
                items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        assert_eq!(stated.trim_end_matches(']'), value, "{}", arg.get_id());
    }
}

#[test]
fn what_is_printed_can_be_read_again() {
    let config = Config::load(flags(&["--region", "eu-west", "--join", "a:1"]), None).unwrap();
    let again =
        with_file(&config.to_toml().unwrap(), |path| Config::load(Settings::default(), Some(path)).unwrap());
    assert_eq!(again, config);
}
