//! The one binary. `dev` runs a whole cluster in this process, `start` one process of a real one; everything else is an
//! administrator's client.
//!
//! Only here are arguments, environment, signals and exit codes. Data goes to standard output, logs and complaints to
//! standard error. Exit codes: 0 done, 1 failed while running, 2 not started because of how it was called: an argument,
//! a setting, an address in use, a directory that belongs to somebody else.

mod cli;
mod config;
mod dev;
mod failure;
mod init;
mod logging;
mod output;
mod process;
mod serve;
mod signals;
mod start;
mod status;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure);
            failure.code()
        }
    }
}
