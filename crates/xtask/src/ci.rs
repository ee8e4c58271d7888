//! The steps of the CI, and their writing twin.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    process::{cargo, root, step},
    tidy,
};

/// Private items are documented too, so links to them lead somewhere.
const DOC_FLAGS: &str = "--deny warnings --allow rustdoc::private_intra_doc_links";

/// How code is linted, in both workspaces.
const LINT: [&str; 7] = ["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"];

/// Seeds of the simulation that the CI runs.
const CI_SEEDS: u32 = 50;

/// What `cargo xtask ci` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Only the checks, no tests.
    #[arg(long)]
    no_tests: bool,
    /// Seeds of the simulation.
    #[arg(long, default_value_t = CI_SEEDS)]
    seeds: u32,
}

/// What `cargo xtask sim` takes.
#[derive(Args)]
pub(crate) struct SimOptions {
    /// How many seeds to run.
    #[arg(long, default_value_t = CI_SEEDS)]
    pub(crate) seeds: u32,
    /// The first of them: with `--seeds 1` it repeats one run.
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u64,
    /// Further arguments for the test runner.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

/// Everything the CI checks, in the order of what fails fastest.
///
/// # Errors
/// If a step fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    step("format", &mut cargo(&["fmt", "--all", "--check"])?)?;
    step("format of the simulation", &mut in_sim(&["fmt", "--check"])?)?;
    tidy::run(true)?;
    step("clippy", &mut cargo(&LINT)?)?;
    // Right after the workspace: a signature that the simulation uses has changed more often than anything else breaks.
    step("clippy of the simulation", &mut in_sim(&LINT)?)?;
    let mut doc =
        cargo(&["doc", "--locked", "--workspace", "--no-deps", "--document-private-items", "--quiet"])?;
    step("doc", doc.env("RUSTDOCFLAGS", DOC_FLAGS))?;
    if options.no_tests {
        return Ok(());
    }
    sim(&SimOptions { seeds: options.seeds, first: 0, args: Vec::new() })?;
    test(&[])
}

/// Formats and lets clippy mend what it can.
///
/// # Errors
/// If a step fails.
pub(crate) fn fix() -> Result<()> {
    let clippy = ["clippy", "--fix", "--allow-dirty", "--allow-staged", "--workspace", "--all-targets"];
    step("clippy --fix", &mut cargo(&clippy)?)?;
    step("clippy --fix of the simulation", &mut in_sim(&clippy)?)?;
    step("format", &mut cargo(&["fmt", "--all"])?)?;
    step("format of the simulation", &mut in_sim(&["fmt"])?)
}

/// Builds the binaries that the process tests start, then runs all tests of the workspace.
///
/// Binaries and tests share the `test` profile and the features of the whole workspace, so nothing is compiled twice.
///
/// # Errors
/// If something does not build or a test fails.
pub(crate) fn test(args: &[String]) -> Result<()> {
    step("build", &mut cargo(&["build", "--locked", "--workspace", "--bins", "--profile", "test"])?)?;
    let mut runner = if nextest()? {
        cargo(&["nextest", "run", "--locked", "--workspace"])?
    } else {
        cargo(&["test", "--locked", "--workspace", "--lib", "--bins", "--tests"])?
    };
    step("tests", runner.args(args))
}

/// Runs the simulation's own workspace, which is built with other flags in its own target directory.
///
/// # Errors
/// If it does not build or a seed fails.
pub(crate) fn sim(options: &SimOptions) -> Result<()> {
    let mut runner = if nextest()? {
        in_sim(&["nextest", "run", "--locked", "--no-fail-fast"])?
    } else {
        in_sim(&["test", "--locked", "--no-fail-fast"])?
    };
    runner.env("MERIDIAN_SIM_SEEDS", options.seeds.to_string());
    runner.env("MERIDIAN_SIM_FIRST", options.first.to_string());
    step("sim", runner.args(&options.args))
}

/// Cargo in the simulation's workspace.
///
/// Cargo reads the simulation's flags from the folder it is started in; a variable would override them, and its own
/// target directory keeps the two builds from evicting each other.
fn in_sim(args: &[&str]) -> Result<Command> {
    let mut command = cargo(args)?;
    command.current_dir(root()?.join("tests/sim")).env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
    Ok(command)
}

/// Whether the test runner of choice is installed.
fn nextest() -> Result<bool> {
    let status = cargo(&["nextest", "--version"])?.stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(status.context("cannot run cargo")?.success())
}
