//! `HELP` of every container: its subcommands with the grammar of their arguments.

use super::subcommands;
use crate::{
    CommandSpec, ReplyWriter,
    doc::{Arg, ArgFlags, ArgKind},
};

/// Writes the help of the container that has `help` (the row of `CLIENT|HELP` and its like) among its subcommands.
///
/// # Panics
/// If the row is no subcommand.
pub fn help(help: &CommandSpec, reply: &mut ReplyWriter<'_>) {
    let container = help.parent().expect("HELP is a subcommand");
    let header = format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let mut lines = vec![header];
    let subcommands = super::row(container.as_bytes()).into_iter().flat_map(subcommands);
    for sub in subcommands.filter(|sub| sub.name != help.name) {
        let name = &sub.name[container.len() + 1..];
        lines.push(syntax(name, sub.docs.args));
        lines.push(format!("    {}", sub.docs.summary));
    }
    lines.extend(["HELP".to_owned(), "    Prints this help.".to_owned()]);
    reply.array(lines.len());
    for line in lines {
        reply.simple(&line);
    }
}

/// The grammar of a call: `SETNAME <connection-name>`.
pub(crate) fn syntax(name: &str, args: &[Arg]) -> String {
    let args = args.iter().map(one);
    std::iter::once(name.to_owned()).chain(args).collect::<Vec<_>>().join(" ")
}

fn one(arg: &Arg) -> String {
    let value = match arg.kind {
        ArgKind::PureToken => String::new(),
        ArgKind::OneOf => format!("({})", arg.parts.iter().map(one).collect::<Vec<_>>().join("|")),
        ArgKind::Block => arg.parts.iter().map(one).collect::<Vec<_>>().join(" "),
        _ => format!("<{}>", arg.name),
    };
    let tokened = match (arg.token, value.as_str()) {
        (Some(token), "") => token.to_owned(),
        (Some(token), value) => format!("{token} {value}"),
        (None, value) => value.to_owned(),
    };
    let repeated = if !arg.flags.contains(ArgFlags::MULTIPLE) {
        tokened
    } else if arg.flags.contains(ArgFlags::MULTIPLE_TOKEN) || arg.token.is_none() {
        format!("{tokened} [{tokened} ...]")
    } else {
        format!("{tokened} [{value} ...]")
    };
    if arg.flags.contains(ArgFlags::OPTIONAL) { format!("[{repeated}]") } else { repeated }
}
