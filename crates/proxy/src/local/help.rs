//! HELP of every container, written from the rows of its subcommands.

use meridian_command::{
    Command, EngineCommand, ProxyCommand, ReplyWriter,
    doc::{Arg, ArgFlags, ArgKind},
};

use super::Answer;

/// What `container` holds.
pub(super) fn of(container: &str, reply: &mut ReplyWriter<'_>) -> Answer {
    let engine = EngineCommand::ALL.iter().map(|command| Command::Engine(*command).spec());
    let proxy = ProxyCommand::ALL.iter().map(|command| Command::Proxy(*command).spec());
    let mut rows: Vec<(String, &str)> = engine
        .chain(proxy)
        .filter(|spec| spec.parent() == Some(container) && !spec.name.ends_with("|HELP"))
        .map(|spec| {
            let name = spec.name.split_once('|').map_or(spec.name, |(_, sub)| sub);
            (format!("{name}{}", syntax(spec.docs.args)), spec.docs.summary)
        })
        .collect();
    rows.sort();
    write(container, rows.iter().map(|(syntax, summary)| (syntax.as_str(), *summary)), reply);
    Ok(())
}

/// Writes the lines in the form that Redis gives them: call, then indented what it does.
pub(super) fn write<'a>(
    container: &str,
    rows: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
    reply: &mut ReplyWriter<'_>,
) {
    reply.array(rows.len() * 2 + 3);
    reply.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (syntax, summary) in rows {
        reply.simple(syntax);
        reply.simple(&format!("    {summary}"));
    }
    reply.simple("HELP");
    reply.simple("    Prints this help.");
}

/// The grammar of arguments, each with a space before it.
fn syntax(args: &[Arg]) -> String {
    args.iter().map(|arg| format!(" {}", one(arg))).collect()
}

fn one(arg: &Arg) -> String {
    let inner = match arg.kind {
        ArgKind::PureToken => String::new(),
        ArgKind::OneOf => {
            let parts: Vec<String> = arg.parts.iter().map(one).collect();
            if arg.parts.len() > 1 { format!("({})", parts.join("|")) } else { parts.concat() }
        }
        ArgKind::Block => syntax(arg.parts).trim_start().to_owned(),
        _ => format!("<{}>", arg.name),
    };
    let mut text = match arg.token {
        Some(token) if inner.is_empty() => token.to_owned(),
        Some(token) => format!("{token} {inner}"),
        None => inner,
    };
    if arg.flags.contains(ArgFlags::MULTIPLE) {
        text = format!("{text} [{text} ...]");
    }
    if arg.flags.contains(ArgFlags::OPTIONAL) { format!("[{text}]") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar_is_readable() {
        assert_eq!(syntax(ProxyCommand::ClientReply.spec().docs.args), " (ON|OFF|SKIP)");
        assert_eq!(syntax(ProxyCommand::ClientSetname.spec().docs.args), " <connection-name>");
        assert_eq!(
            syntax(ProxyCommand::ConfigSet.spec().docs.args),
            " <parameter> <value> [<parameter> <value> ...]"
        );
    }
}
