//! What the logs of processes say.

use std::{fs, path::Path};

/// How much of a log is shown when a test fails.
const TAIL_LINES: usize = 60;

/// The lines that must not be there: panics, and errors that nobody expected.
pub(super) fn complaints(log: &Path, expected: &[&str]) -> Vec<String> {
    find(&content(log), expected).map(|line| format!("{}: {line}", log.display())).collect()
}

fn find(content: &str, expected: &[&str]) -> impl Iterator<Item = String> {
    let is_bad = |line: &&str| {
        let panic = line.contains(" panicked at ");
        // As text, and as JSON.
        let error = line.contains(" ERROR ") || line.contains("\"level\":\"ERROR\"");
        panic || error && !expected.iter().any(|text| line.contains(text))
    };
    content.lines().filter(is_bad).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// The last lines.
pub(super) fn tail(log: &Path) -> String {
    let content = content(log);
    let lines: Vec<&str> = content.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn content(log: &Path) -> String {
    fs::read(log)
        .map_or_else(|error| format!("({error})"), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_and_unexpected_errors_are_found() {
        let log = "\
            2026-01-01T00:00:00Z  INFO a: fine\n\
            2026-01-01T00:00:00Z ERROR a: the disk is full\n\
            2026-01-01T00:00:00Z ERROR a: broken\n\
            {\"level\":\"ERROR\",\"message\":\"x\"}\n\
            thread 'main' (1) panicked at src/a.rs:1:1:\n";
        assert_eq!(find(log, &["disk is full"]).count(), 3);
        assert_eq!(find(log, &[]).count(), 4);
    }
}
