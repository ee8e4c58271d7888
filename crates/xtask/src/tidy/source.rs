//! Rules for Rust files: module docs, leftovers, tests that wait for time instead of for a condition.

use std::path::Path;

use super::Finding;

/// What must not be left in code. Macro names are looked for outside of comments and strings only.
const LEFTOVERS: &[(&str, &str)] = &[
    ("todo!", "unfinished"),
    ("unimplemented!", "unfinished"),
    ("dbg!", "left from debugging"),
    ("#[ignore]", "an ignored test without a reason"),
    ("#[allow(", "`#[expect(…, reason = …)]` instead, so that it goes when its cause does"),
];
/// Ways to sleep. Tests wait on conditions; `testkit` owns the one loop that polls.
const SLEEPS: &[&str] = &["thread::sleep(", "time::sleep("];

/// Appends what `content` breaks.
pub(super) fn check(path: &Path, content: &str, findings: &mut Vec<Finding>) {
    if needs_docs(path) && !has_docs(content) {
        findings.push(Finding::new(path, 1, "a module opens with `//!`: what it owns, its invariants"));
    }
    let is_test = path.starts_with("tests") && !path.starts_with("tests/sim");
    for (index, line) in blank_out(content).lines().enumerate() {
        for (leftover, why) in LEFTOVERS {
            if line.contains(leftover) {
                findings.push(Finding::new(path, index + 1, format!("{leftover}: {why}")));
            }
        }
        if is_test && SLEEPS.iter().any(|sleep| line.contains(sleep)) {
            findings.push(Finding::new(path, index + 1, "a test that sleeps: wait on a condition"));
        }
    }
}

/// Modules of tests beside their code speak through their names.
fn needs_docs(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name != "tests.rs") && !path.ends_with("build.rs")
}

fn has_docs(content: &str) -> bool {
    content
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("#!["))
        .is_none_or(|line| line.starts_with("//!"))
}

/// What kind of text the scanner is in.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Code,
    LineComment,
    /// How deep: block comments nest.
    BlockComment(u32),
    String,
    /// With how many `#` it ends.
    RawString(usize),
}

/// The code with comments and strings turned into blanks; lines stay where they are.
fn blank_out(content: &str) -> String {
    let mut result = String::with_capacity(content.len());
    let mut inside = Inside::Code;
    let mut rest = content;
    while let Some(next) = rest.chars().next() {
        let (length, then) = advance(inside, rest, next);
        let keep = inside == Inside::Code && then == Inside::Code;
        for c in rest[..length].chars() {
            result.push(if keep || c == '\n' { c } else { ' ' });
        }
        inside = then;
        rest = &rest[length..];
    }
    result
}

/// How many bytes belong together at the start of `rest`, and where the scanner is after them.
fn advance(inside: Inside, rest: &str, next: char) -> (usize, Inside) {
    match inside {
        Inside::Code if rest.starts_with("//") => (2, Inside::LineComment),
        Inside::Code if rest.starts_with("/*") => (2, Inside::BlockComment(1)),
        Inside::Code if next == '"' => (1, Inside::String),
        Inside::Code if next == '\'' => (char_literal(rest).unwrap_or(1), Inside::Code),
        Inside::Code => match raw_string(rest) {
            Some((length, hashes)) => (length, Inside::RawString(hashes)),
            // A whole word at once: the `r` at the end of `for` does not begin a raw string.
            None => (word(rest).max(next.len_utf8()), Inside::Code),
        },
        Inside::LineComment => (next.len_utf8(), if next == '\n' { Inside::Code } else { inside }),
        Inside::BlockComment(depth) if rest.starts_with("*/") => {
            (2, if depth == 1 { Inside::Code } else { Inside::BlockComment(depth - 1) })
        }
        Inside::BlockComment(depth) if rest.starts_with("/*") => (2, Inside::BlockComment(depth + 1)),
        Inside::String if rest.starts_with("\\\"") || rest.starts_with("\\\\") => (2, inside),
        Inside::String if next == '"' => (1, Inside::Code),
        Inside::RawString(hashes)
            if next == '"'
                && rest[1..].bytes().take(hashes).filter(|byte| *byte == b'#').count() == hashes =>
        {
            (1 + hashes, Inside::Code)
        }
        _ => (next.len_utf8(), inside),
    }
}

/// The length of a character literal, which may be a quote; `None` for a lifetime.
fn char_literal(rest: &str) -> Option<usize> {
    let body = &rest[1..];
    if body.starts_with('\\') {
        return body.get(2..)?.find('\'').map(|end| end + 4);
    }
    let first = body.chars().next()?;
    body[first.len_utf8()..].starts_with('\'').then_some(first.len_utf8() + 2)
}

/// The length of the opening of a raw string that begins here, and how many `#` it has.
fn raw_string(rest: &str) -> Option<(usize, usize)> {
    let after = rest.strip_prefix('r').or_else(|| rest.strip_prefix("br"))?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    after[hashes..].starts_with('"').then(|| (rest.len() - after.len() + hashes + 1, hashes))
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, content: &str) -> Vec<usize> {
        let mut findings = Vec::new();
        check(Path::new(path), content, &mut findings);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn leftovers_are_found_in_code_only() {
        let code = "//! Doc of todo!().\nfn f() { todo!() }\nconst A: &str = \"todo!\";\n/* dbg! /* */ dbg! */\ndbg!(1);\n";
        assert_eq!(found("crates/a/src/a.rs", code), [2, 5]);
    }

    #[test]
    fn strings_characters_and_lifetimes_are_told_apart() {
        for code in [
            "let quote = '\"'; todo!()",
            "let escaped = '\\''; todo!()",
            "fn f<'a>(x: &'a str) { todo!() }",
            "let raw = r#\"a \" b\"#; todo!()",
            "let raw = br\"\\\"; todo!()",
            "let text = \"a\\\"\"; todo!()",
            "for x in y { \"\" } todo!()",
        ] {
            assert_eq!(blank_out(code).matches("todo!").count(), 1, "{code}");
        }
        for code in ["r#\"todo!\"# ", "\"\\\\\" // todo!", "\"a\\\" todo!\"", "'x' // todo!"] {
            assert_eq!(blank_out(code).matches("todo!").count(), 0, "{code}");
        }
    }

    #[test]
    fn modules_have_docs() {
        assert_eq!(found("crates/a/src/a.rs", "fn f() {}\n"), [1]);
        assert!(found("crates/a/src/a.rs", "#![cfg(unix)]\n\n//! Doc.\n").is_empty());
        assert!(found("crates/a/src/a/tests.rs", "fn f() {}\n").is_empty());
    }

    #[test]
    fn tests_do_not_sleep() {
        assert_eq!(found("tests/cluster/tests/a.rs", "//! Doc.\nstd::thread::sleep(D);\n"), [2]);
        assert!(found("crates/testkit/src/wait.rs", "//! Doc.\nstd::thread::sleep(D);\n").is_empty());
    }
}
