//! Style rules that no other tool knows, checked over the files that git knows.
//!
//! Each rule yields findings, `path:line: what`; one finding fails the run. Long files short of the limit are only
//! listed. Nothing is written.

mod layers;
mod source;
mod text;

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::process::{cargo, output, root};

/// Longer files are refused.
const LINES_MAX: usize = 1000;
/// Longer files are listed: is that one idea?
const LINES_THINK: usize = 600;
/// Files that may be longer than [`LINES_MAX`], each with its reason; this list may only shrink.
const LONG_FILES: &[(&str, &str)] = &[];
/// All that may stand at the top of the tree, besides dot-files.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crates",
    "deploy",
    "proto",
    "scripts",
    "tests",
];
/// Endings of files that people write and read.
const TEXT_ENDINGS: &[&str] = &[
    "rs", "c", "proto", "py", "js", "mjs", "cjs", "ts", "sh", "toml", "yml", "yaml", "md", "json", "csv",
    "txt", "conf", "case",
];

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: PathBuf,
    /// Counted from one; zero for the file as a whole.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &Path, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Checks every rule.
///
/// # Errors
/// If a rule is broken, or a file or the dependency graph cannot be read.
pub(crate) fn run(verbose: bool) -> Result<()> {
    let root = root()?;
    let mut findings = Vec::new();
    let paths = files(&root)?;
    for path in &paths {
        check_top(path, &mut findings);
        let Some(content) = read(&root, path)? else { continue };
        let lines = content.lines().count();
        if lines > LINES_MAX && is_source(path) && !LONG_FILES.iter().any(|(name, _)| path == Path::new(name))
        {
            findings.push(Finding::new(path, 0, format!("{lines} lines, {LINES_MAX} are allowed: split it")));
        } else if lines > LINES_THINK && is_source(path) && verbose {
            eprintln!("tidy: {}: {lines} lines: is that one idea?", path.display());
        }
        text::check(path, &content, &mut findings);
        if path.extension().is_some_and(|ending| ending == "rs") {
            source::check(path, &content, &mut findings);
        }
    }
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"])?)?;
    layers::check(&serde_json::from_str(&metadata).context("cargo metadata")?, &mut findings)?;
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    if !findings.is_empty() {
        bail!("tidy: {} findings", findings.len());
    }
    eprintln!("=== tidy: ok, {} files", paths.len());
    Ok(())
}

/// The files of the checkout, new ones included, ignored ones not.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root);
    let names = output(&mut git)?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// The content of a text file; `None` for others and for those just removed.
fn read(root: &Path, path: &Path) -> Result<Option<String>> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let file = root.join(path);
    if !file.is_file() || !ending.is_none_or(|ending| TEXT_ENDINGS.contains(&ending)) {
        return Ok(None);
    }
    let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", path.display()))?;
    match String::from_utf8(bytes) {
        Ok(content) => Ok(Some(content)),
        Err(_) if ending.is_none() => Ok(None),
        Err(_) => bail!("{} is not UTF-8", path.display()),
    }
}

/// Whether a file is written by hand in a programming language.
fn is_source(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ["rs", "proto", "py", "js", "mjs", "ts", "sh"].iter().any(|s| ending == *s))
}

fn check_top(path: &Path, findings: &mut Vec<Finding>) {
    let Some(first) = path.iter().next().and_then(|name| name.to_str()) else { return };
    if !first.starts_with('.') && !TOP.contains(&first) {
        findings.push(Finding::new(path, 0, format!("`{first}` does not belong at the top of the tree")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_stand_at_the_top() {
        let mut findings = Vec::new();
        for path in ["crates/a/src/lib.rs", ".ci/run", "Cargo.toml", "README.md"] {
            check_top(Path::new(path), &mut findings);
        }
        assert!(findings.is_empty());
        check_top(Path::new("docs/a.md"), &mut findings);
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn this_checkout_is_tidy() {
        run(false).expect("cargo xtask tidy");
    }
}
