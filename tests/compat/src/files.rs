//! The case files: which there are, and what differs from one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use meridian_command::{CommandSpec, EngineCommand, Flags};

fn path_of(command: EngineCommand) -> PathBuf {
    let spec = command.spec();
    let file = spec.name.to_ascii_lowercase().replace('|', "-") + ".case";
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(spec.group.redis()).join(file)
}

/// Further files of a command: what a later version of Redis added to it, as in `set.8.4.case`.
fn later(path: &Path) -> Vec<PathBuf> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned() + ".";
    let directory = path.parent().and_then(|directory| fs::read_dir(directory).ok());
    let paths = directory.into_iter().flatten().flatten().map(|entry| entry.path());
    let is_later = |other: &PathBuf| {
        let name = other.file_name().unwrap_or_default().to_string_lossy();
        other != path && name.starts_with(&stem) && name.ends_with(".case")
    };
    let mut found: Vec<PathBuf> = paths.filter(is_later).collect();
    found.sort();
    found
}

/// Hands over every command that clients may send to the engine, with its files and what is written there.
///
/// # Panics
/// If a command has no file.
pub fn each(mut each: impl FnMut(&CommandSpec, &Path, &str)) {
    let internal = |command: &EngineCommand| command.spec().flags.contains(Flags::INTERNAL);
    for command in EngineCommand::ALL.iter().filter(|command| !internal(command)) {
        let path = path_of(*command);
        for path in [path.clone()].into_iter().chain(later(&path)) {
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            each(command.spec(), &path, &text);
        }
    }
}

/// The first line that differs, with what stands before it; `None` if nothing does.
pub fn difference(path: &Path, wanted: &str, came: &str) -> Option<String> {
    if wanted == came {
        return None;
    }
    let differing = wanted.lines().zip(came.lines()).position(|(wanted, came)| wanted != came);
    let at = differing.unwrap_or_else(|| wanted.lines().count().min(came.lines().count()));
    let line = |text: &str, at: usize| text.lines().nth(at).unwrap_or_default().to_owned();
    let before = line(wanted, at.saturating_sub(1));
    let (wanted, came) = (line(wanted, at), line(came, at));
    Some(format!("{}:{}: after {before}\nwanted: {wanted}\ncame:   {came}", path.display(), at + 1))
}

/// Compares what came with what a file says.
///
/// # Panics
/// If they differ, with the first line that does.
pub fn compare(path: &Path, wanted: &str, came: &str) {
    if let Some(difference) = difference(path, wanted, came) {
        panic!("{difference}");
    }
}
