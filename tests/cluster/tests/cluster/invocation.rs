//! Wrong flags, files and surroundings: exit code 2 and one line that says what is wrong.

use std::{
    fs,
    net::TcpListener,
    process::{Command, Output},
};

use anyhow::{Result, ensure};
use meridian_testkit::{Addresses, binary};

/// Runs the binary without settings of whoever runs the tests.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Output> {
    let mut command = Command::new(binary()?);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MERIDIAN_") {
            command.env_remove(name);
        }
    }
    Ok(command.args(arguments).envs(environment.iter().copied()).output()?)
}

/// Checks that it ends with code 2, nothing on standard output, and one line that contains all of `says`.
fn refused(arguments: &[&str], environment: &[(&str, &str)], says: &[&str]) -> Result<()> {
    let output = run(arguments, environment)?;
    let line = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(2), "{arguments:?}: {}: {line}", output.status);
    ensure!(output.stdout.is_empty(), "{arguments:?}: {:?}", String::from_utf8_lossy(&output.stdout));
    ensure!(line.lines().count() == 1 && line.ends_with('\n'), "{arguments:?}: not one line: {line}");
    for part in says {
        ensure!(line.contains(part), "{arguments:?}: `{part}` is not in {line}");
    }
    Ok(())
}

#[test]
fn a_wrong_flag_is_named_with_the_one_that_was_meant() -> Result<()> {
    refused(&["start", "--client-lisen", "127.0.0.1:1"], &[], &["--client-lisen", "--client-listen"])?;
    refused(&["dev", "--prot", "1"], &[], &["--prot", "--port"])?;
    refused(&["strat"], &[], &["strat", "start"])?;
    refused(&["dev", "--nodes", "many"], &[], &["many"])?;
    refused(&["init", "--replication", "2"], &[], &["1, 3, 5 or 7"])?;
    refused(&[], &[], &["--help"])
}

#[test]
fn a_wrong_file_is_named_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("node.toml");
    let path = file.display().to_string();
    let start = ["start", "--config", path.as_str()];
    refused(&start, &[], &[&path])?;
    fs::write(&file, "region = \"a\"\nclient_lisen = \"127.0.0.1:1\"\n")?;
    refused(&start, &[], &[&path, "client_lisen", "client_listen"])?;
    fs::write(&file, "region = \"a\"\n\nmax_clients = \"many\"\n")?;
    refused(&start, &[], &[&path, "line 3"])?;
    fs::write(&file, "region = \n")?;
    refused(&start, &[], &[&path, "line 1"])?;
    fs::write(&file, "idle_timeout = \"5\"\n")?;
    refused(&start, &[], &[&path, "5s"])
}

#[test]
fn a_wrong_variable_is_refused() -> Result<()> {
    refused(&["start"], &[("MERIDIAN_MAX_VALUE", "64")], &["'64'", "MERIDIAN_MAX_VALUE"])?;
    refused(&["start", "--max-value", "63"], &[("MERIDIAN_MAX_VALUE", "64MB")], &["'63'", "--max-value"])?;
    refused(
        &["start"],
        &[("MERIDIAN_CLIENT_LISEN", "127.0.0.1:1")],
        &["MERIDIAN_CLIENT_LISEN", "MERIDIAN_CLIENT_LISTEN"],
    )
}

#[test]
fn a_port_in_use_and_a_directory_that_is_none_are_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut addresses = Addresses::new()?;
    let taken = addresses.take();
    let _owner = TcpListener::bind(taken)?;
    let [taken, listen, clients] =
        [taken, addresses.take(), addresses.take()].map(|address| address.to_string());
    let data = folder.path().join("data").display().to_string();
    let start = |listen: &str, clients: &str, data: &str, says: &str| {
        refused(
            &["start", "--log", "error", "--data", data, "--listen", listen, "--client-listen", clients],
            &[],
            &[says],
        )
    };
    start(&taken, &clients, &data, &taken)?;
    start(&listen, &taken, &data, &taken)?;
    let file = folder.path().join("file");
    fs::write(&file, "")?;
    let file = file.display().to_string();
    start(&listen, &clients, &file, &file)
}

#[test]
fn what_is_asked_for_goes_to_standard_output() -> Result<()> {
    for arguments in [&["--help"][..], &["--version"], &["start", "--help"], &["config", "print"]] {
        let output = run(arguments, &[])?;
        ensure!(
            output.status.success() && output.stderr.is_empty() && !output.stdout.is_empty(),
            "{arguments:?}"
        );
    }
    let printed = String::from_utf8(run(&["config", "print"], &[("MERIDIAN_REGION", "eu")])?.stdout)?;
    ensure!(printed.contains("region = \"eu\""), "{printed}");
    Ok(())
}
