//! Runs one seed: `meridian-sim SEED TRACE-FILE`.
//!
//! One process per run, because tokio numbers all tasks of a process and lets the numbers decide in which order the
//! tasks of a crashing host are dropped. `RUST_LOG` shows what the cluster logs.

use std::{io::Write, process::ExitCode};

use meridian_tests_sim::{Scenario, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, path] = &arguments[..] else { return refuse("usage: meridian-sim SEED TRACE-FILE") };
    let Ok(seed) = seed.parse() else { return refuse("the seed is a number") };
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_default_env() {
        let log = tracing_subscriber::fmt().with_env_filter(filter).without_time();
        log.with_writer(std::io::stderr).init();
    }
    let (text, trace, code) = match run(Scenario::new(seed)) {
        Ok(report) => (report.to_string(), report.trace, ExitCode::SUCCESS),
        Err(failure) => (failure.to_string(), failure.trace, ExitCode::FAILURE),
    };
    let whole = format!("{text}\n{:#?}\n{}\n", Scenario::new(seed), trace.events().join("\n"));
    let written = std::fs::write(path, whole).and_then(|()| writeln!(std::io::stdout(), "{text}"));
    match written {
        Ok(()) => code,
        Err(error) => refuse(&format!("{path}: {error}")),
    }
}

fn refuse(why: &str) -> ExitCode {
    // Nobody is left to tell if that fails too.
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(2)
}
