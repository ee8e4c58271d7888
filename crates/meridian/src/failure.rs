//! Why the program ends otherwise than well.

use std::{fmt, process::ExitCode};

/// One line for the user, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    line: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usage,
    Running,
}

impl Failure {
    /// It was called in a way in which it cannot start.
    pub(crate) fn usage(line: impl fmt::Display) -> Failure {
        Failure { line: one_line(&line), kind: Kind::Usage }
    }

    /// It failed after it had started.
    pub(crate) fn running(line: impl fmt::Display) -> Failure {
        Failure { line: one_line(&line), kind: Kind::Running }
    }

    pub(crate) fn code(&self) -> ExitCode {
        match self.kind {
            Kind::Usage => ExitCode::from(2),
            Kind::Running => ExitCode::from(1),
        }
    }
}

fn one_line(text: &impl fmt::Display) -> String {
    let text = text.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}
