//! `COMMAND` and its subcommands, and every `HELP`: the table told to clients.
//!
//! All functions take the arguments after the subcommand's name and write one reply. The shapes are Redis 7.0's in
//! either protocol; only the sentences are ours.

mod docs;
mod help;
mod info;
mod keys;

pub use docs::docs;
pub use help::help;
pub(crate) use help::syntax;
pub use info::{all, info};
pub use keys::{keys, keys_and_flags};

use crate::{
    Args, Categories, CommandSpec, ReplyError, ReplyWriter, glob_match,
    table::{find, rows},
};

/// `COMMAND COUNT`.
pub fn count(_: Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    reply.integer(top_level().count() as i64);
    Ok(())
}

/// `COMMAND LIST`, all or filtered.
///
/// # Errors
/// If the filter is none.
pub fn list(args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    let filter = Filter::parse(args)?;
    let chosen = || rows().filter(|spec| filter.admits(spec));
    reply.array(chosen().count());
    for spec in chosen() {
        reply.bulk(shown_name(spec).as_bytes());
    }
    Ok(())
}

enum Filter<'a> {
    All,
    /// Of a module: there are none.
    None,
    Category(Categories),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Filter<'a>, ReplyError> {
        let [word, kind, value] = args.as_slice() else {
            return if args.is_empty() { Ok(Filter::All) } else { Err(ReplyError::SYNTAX) };
        };
        if !word.eq_ignore_ascii_case(b"FILTERBY") {
            Err(ReplyError::SYNTAX)
        } else if kind.eq_ignore_ascii_case(b"MODULE") {
            Ok(Filter::None)
        } else if kind.eq_ignore_ascii_case(b"ACLCAT") {
            Ok(Categories::named(value).map_or(Filter::None, Filter::Category))
        } else if kind.eq_ignore_ascii_case(b"PATTERN") {
            Ok(Filter::Pattern(value))
        } else {
            Err(ReplyError::SYNTAX)
        }
    }

    fn admits(&self, spec: &CommandSpec) -> bool {
        match self {
            Filter::All => true,
            Filter::None => false,
            Filter::Category(category) => spec.acl_categories().contains(*category),
            Filter::Pattern(pattern) => glob_match(pattern, spec.name.as_bytes(), true),
        }
    }
}

/// Rows that are no subcommands.
fn top_level() -> impl Iterator<Item = &'static CommandSpec> + Clone {
    rows().filter(|spec| spec.parent().is_none())
}

/// The subcommands of a row; none unless it is a container.
fn subcommands(spec: &CommandSpec) -> impl Iterator<Item = &'static CommandSpec> + Clone {
    let name = spec.name;
    rows().filter(move |sub| sub.parent() == Some(name))
}

/// The row of a name in any case, containers included.
fn row(name: &[u8]) -> Option<&'static CommandSpec> {
    find(name).map(|entry| entry.spec())
}

/// Lower case, as Redis prints names.
fn shown_name(spec: &CommandSpec) -> String {
    spec.name.to_ascii_lowercase()
}

fn key(reply: &mut ReplyWriter<'_>, name: &str) {
    reply.bulk(name.as_bytes());
}

fn text_pair(reply: &mut ReplyWriter<'_>, name: &str, value: &str) {
    key(reply, name);
    reply.bulk(value.as_bytes());
}

fn integer_pair(reply: &mut ReplyWriter<'_>, name: &str, value: impl Into<i64>) {
    key(reply, name);
    reply.integer(value.into());
}

fn simple_set(reply: &mut ReplyWriter<'_>, names: impl Iterator<Item = &'static str> + Clone) {
    reply.set(names.clone().count());
    for name in names {
        reply.simple(name);
    }
}

#[cfg(test)]
mod tests;
