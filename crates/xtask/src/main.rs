//! The project's own tasks: `cargo xtask ci|fix|tidy|test|sim|bench`.
//!
//! `ci` is what the CI runs, and it never writes to a source file; `fix` is its writing twin. Everything here works
//! without network once the dependencies are there.

mod bench;
mod ci;
mod process;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Checks, tests and measurements of meridian")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything the CI checks: format, style, lints, tests, simulation. Changes no source file.
    Ci(ci::Options),
    /// Formats, and applies what clippy can mend by itself.
    Fix,
    /// Style rules that no other tool knows: file sizes, module docs, layers, leftovers.
    Tidy {
        /// Also lists the files that are long enough to think about.
        #[arg(long)]
        verbose: bool,
    },
    /// Builds the binary and runs the tests; further arguments go to the test runner.
    Test {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Whole clusters in simulated time, one run per seed.
    Sim(ci::SimOptions),
    /// How fast a cluster is, against a plain redis-server.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Ci(options) => ci::run(&options),
        Task::Fix => ci::fix(),
        Task::Tidy { verbose } => tidy::run(verbose),
        Task::Test { args } => ci::test(&args),
        Task::Sim(options) => ci::sim(&options),
        Task::Bench(options) => bench::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
