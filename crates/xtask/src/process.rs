//! Other programs, and where the workspace is.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
///
/// # Errors
/// If the task runs neither under cargo nor inside the checkout.
pub(crate) fn root() -> Result<PathBuf> {
    let start = env::current_dir().context("no working directory")?;
    start
        .ancestors()
        .find(|folder| folder.join("crates/xtask/Cargo.toml").is_file())
        .map(PathBuf::from)
        .context("not inside a checkout of meridian")
}

/// Cargo itself, in the workspace's root.
///
/// # Errors
/// If there is no workspace.
pub(crate) fn cargo(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root()?).stdin(Stdio::null());
    Ok(command)
}

/// Runs one step to its end, saying what and how long.
///
/// # Errors
/// If it cannot be started or fails.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    eprintln!("=== {name}");
    let began = Instant::now();
    let status = command.status().with_context(|| format!("{name}: cannot run {command:?}"))?;
    eprintln!(
        "=== {name}: {} after {:.0} s",
        if status.success() { "ok" } else { "FAILED" },
        began.elapsed().as_secs_f64()
    );
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// What a program prints.
///
/// # Errors
/// If it cannot be started, fails, or prints something else than text.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed something else than text"))
}
