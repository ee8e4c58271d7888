//! Reads the settings from a TOML file.

use std::{fs, path::Path};

use super::Settings;
use crate::failure::Failure;

/// Names that differ more are no misspellings of each other.
const SIMILARITY_MIN: f64 = 0.7;

/// The settings in the file. `keys` are the names of all that exist.
pub(super) fn read(path: &Path, keys: &[String]) -> Result<Settings, Failure> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    let wrong = |error: &toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
        Failure::usage(format!("{name}, line {line}: {}", error.message()))
    };
    let table: toml::Table = toml::from_str(&text).map_err(|error| wrong(&error))?;
    if let Some(unknown) = table.keys().find(|key| !keys.contains(key)) {
        let hint = closest(unknown, keys).map_or_else(String::new, |key| format!("; did you mean `{key}`?"));
        return Err(Failure::usage(format!("{name}: unknown key `{unknown}`{hint}")));
    }
    toml::from_str(&text).map_err(|error| wrong(&error))
}

/// The name that was probably meant.
pub(crate) fn closest<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    let name = name.replace('-', "_");
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(&name, candidate), candidate));
    let best = scored.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.filter(|(similarity, _)| *similarity >= SIMILARITY_MIN).map(|(_, candidate)| candidate)
}
