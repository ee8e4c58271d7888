//! `COMMAND DOCS`.

use super::{integer_pair, key, row, shown_name, simple_set, subcommands, text_pair, top_level};
use crate::{
    Args, CommandSpec, ReplyError, ReplyWriter,
    doc::{Arg, ArgFlags, ArgKind},
};

/// `COMMAND DOCS`: of the rows that are named, or of all. Unknown names are left out.
pub fn docs(names: Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    if names.is_empty() {
        write_rows(reply, top_level());
    } else {
        write_rows(reply, names.iter().filter_map(row));
    }
    Ok(())
}

fn write_rows(reply: &mut ReplyWriter<'_>, rows: impl Iterator<Item = &'static CommandSpec> + Clone) {
    reply.map(rows.clone().count());
    for spec in rows {
        reply.bulk(shown_name(spec).as_bytes());
        write_row(reply, spec);
    }
}

fn write_row(reply: &mut ReplyWriter<'_>, spec: &'static CommandSpec) {
    let docs = &spec.docs;
    let subcommands = subcommands(spec);
    let has_subcommands = subcommands.clone().next().is_some();
    let doc_flags = docs.system.then_some("syscmd").into_iter().chain(docs.deprecated.map(|_| "deprecated"));
    let has_flags = doc_flags.clone().next().is_some();
    let optional = [has_flags, !docs.args.is_empty(), has_subcommands];
    let deprecation = if docs.deprecated.is_some() { 2 } else { 0 };
    reply.map(4 + deprecation + optional.into_iter().filter(|present| *present).count());
    text_pair(reply, "summary", docs.summary);
    text_pair(reply, "since", docs.since);
    text_pair(reply, "group", spec.group.redis());
    text_pair(reply, "complexity", docs.complexity);
    if has_flags {
        key(reply, "doc_flags");
        simple_set(reply, doc_flags);
    }
    if let Some((since, replaced_by)) = docs.deprecated {
        text_pair(reply, "deprecated_since", since);
        text_pair(reply, "replaced_by", replaced_by);
    }
    if !docs.args.is_empty() {
        key(reply, "arguments");
        write_args(reply, docs.args);
    }
    if has_subcommands {
        key(reply, "subcommands");
        write_rows(reply, subcommands);
    }
}

fn write_args(reply: &mut ReplyWriter<'_>, args: &[Arg]) {
    reply.array(args.len());
    for arg in args {
        write_arg(reply, arg);
    }
}

fn write_arg(reply: &mut ReplyWriter<'_>, arg: &Arg) {
    let key_spec = match arg.kind {
        ArgKind::Key(index) | ArgKind::KeyPattern(index) => Some(index),
        _ => None,
    };
    let optional = [
        key_spec.is_some(),
        arg.token.is_some(),
        arg.since.is_some(),
        arg.deprecated_since.is_some(),
        !arg.flags.is_empty(),
        !arg.parts.is_empty(),
    ];
    reply.map(2 + optional.into_iter().filter(|present| *present).count());
    text_pair(reply, "name", arg.name);
    text_pair(reply, "type", arg.kind.redis());
    if let Some(index) = key_spec {
        integer_pair(reply, "key_spec_index", index);
    }
    for (name, value) in
        [("token", arg.token), ("since", arg.since), ("deprecated_since", arg.deprecated_since)]
    {
        if let Some(value) = value {
            text_pair(reply, name, value);
        }
    }
    if arg.flags != ArgFlags::empty() {
        key(reply, "flags");
        simple_set(reply, arg.flags.names());
    }
    if !arg.parts.is_empty() {
        key(reply, "arguments");
        write_args(reply, arg.parts);
    }
}
