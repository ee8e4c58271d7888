//! Rules for every text file.

use std::path::Path;

use super::Finding;

/// How paths of one machine begin. Written in halves, so that this file does not break its own rule.
const MACHINE_PATHS: &[&str] =
    &[concat!("/", "root/"), concat!("/", "home/"), concat!("/", "work/"), concat!("/", "Users/")];

/// Appends what `content` breaks.
pub(super) fn check(path: &Path, content: &str, findings: &mut Vec<Finding>) {
    for (index, line) in content.lines().enumerate() {
        if MACHINE_PATHS.iter().any(|start| has_path(line, start)) {
            findings.push(Finding::new(path, index + 1, "an absolute path of one machine"));
        }
        if line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") {
            findings.push(Finding::new(path, index + 1, "a conflict marker"));
        }
    }
    if !content.is_empty() && !content.ends_with('\n') && path.extension().is_some() {
        findings.push(Finding::new(path, 0, "no newline at the end"));
    }
}

/// Whether `start` stands in `line` at the beginning of a path, not in the middle of a longer one.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || "._-/$}~".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_found(content: &str) -> Vec<usize> {
        let mut findings = Vec::new();
        check(Path::new("a.md"), content, &mut findings);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn paths_of_a_machine_are_found_but_not_parts_of_others() {
        let home = concat!("/", "home/");
        assert_eq!(lines_found(&format!("see {home}me/x\nok\n\"{home}x\"\n")), [1, 3]);
        assert!(lines_found(&format!("https://example.org{home}x\n$BASE{home}x\na{home}\n")).is_empty());
    }

    #[test]
    fn files_end_with_a_newline() {
        assert_eq!(lines_found("text"), [0]);
        assert!(lines_found("").is_empty());
    }
}
