//! Standard output and standard error.

use std::io::{self, Write};

use crate::failure::Failure;

/// Writes data to standard output.
///
/// # Errors
/// If nobody reads it any more.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::running(format!("standard output: {error}")))
}

/// Tells the user why the program ends.
pub(crate) fn complain(failure: &Failure) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(io::stderr().lock(), "meridian: {failure}");
}
