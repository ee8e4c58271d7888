//! FUNCTION and its subcommands.

use bytes::Bytes;
use meridian_command::{Args, ReplyError, ReplyWriter, glob_match};
use meridian_script::{Terms, library_head, load_library};

use super::{
    payload,
    script::{check_mode, kill_running},
};
use crate::{
    family::Outcome,
    keyspace::{Reader, Writer},
    scripts::{Libraries, Library},
};

/// Limits of a library's code while it registers functions.
const LOAD: Terms = Terms { seed: 0, instructions: 10_000_000, memory_bytes: 64 << 20, kill: None };

pub(crate) fn load(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (replace, text) = match args.as_slice() {
        [text] => (false, *text),
        [option, text] if option.eq_ignore_ascii_case(b"REPLACE") => (true, *text),
        [option, ..] if option.eq_ignore_ascii_case(b"REPLACE") => {
            return Err(ReplyError::unknown_option_given(&args[1]));
        }
        [option, ..] => return Err(ReplyError::unknown_option_given(option)),
        [] => return Err(ReplyError::INTERNAL_MALFORMED),
    };
    let libraries = writer.scripts().libraries_mut();
    let name = add(libraries, text, replace, ReplyError::library_exists)?;
    reply.bulk(name.as_bytes());
    Ok(())
}

/// Takes a library in. `exists` is the error where one of its name is there and may not be replaced.
fn add(
    libraries: &mut Libraries,
    text: &[u8],
    replace: bool,
    exists: fn(&str) -> ReplyError,
) -> Result<String, ReplyError> {
    let head = library_head(text)?;
    if !replace && libraries.contains(&head.name) {
        return Err(exists(&head.name));
    }
    let info = load_library(text, &LOAD)?;
    let inserted = libraries.insert(Bytes::copy_from_slice(text), info);
    inserted.map_err(|function| ReplyError::function_exists(&function))?;
    Ok(head.name)
}

pub(crate) fn delete(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let name = String::from_utf8_lossy(&args[0]);
    if !writer.scripts().libraries_mut().remove(&name) {
        return Err(ReplyError::LIBRARY_NOT_FOUND);
    }
    reply.ok();
    Ok(())
}

pub(crate) fn flush(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() > 1 {
        return Err(ReplyError::subcommand_syntax(b"flush", "FUNCTION"));
    }
    check_mode(args, ReplyError::FUNCTION_FLUSH_MODE)?;
    *writer.scripts().libraries_mut() = Libraries::default();
    reply.ok();
    Ok(())
}

pub(crate) fn dump(reader: &Reader<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let known = reader.scripts().map(|known| known.libraries());
    let texts = known.into_iter().flat_map(Libraries::iter).map(|(_, library)| &library.text[..]);
    reply.bulk(&payload::encode(texts));
    Ok(())
}

pub(crate) fn restore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() > 2 {
        return Err(ReplyError::subcommand_syntax(b"restore", "FUNCTION"));
    }
    let (flush, replace) = match args.get(1) {
        None => (false, false),
        Some(policy) if policy.eq_ignore_ascii_case(b"APPEND") => (false, false),
        Some(policy) if policy.eq_ignore_ascii_case(b"REPLACE") => (false, true),
        Some(policy) if policy.eq_ignore_ascii_case(b"FLUSH") => (true, false),
        Some(_) => return Err(ReplyError::FUNCTION_POLICY),
    };
    let texts = payload::decode(&args[0])?;
    let mut libraries = if flush { Libraries::default() } else { writer.scripts().libraries().clone() };
    for text in &texts {
        add(&mut libraries, text, replace, ReplyError::restored_library_exists)?;
    }
    *writer.scripts().libraries_mut() = libraries;
    reply.ok();
    Ok(())
}

pub(crate) fn list(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (mut pattern, mut with_code) = (None, false);
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if !with_code && word.eq_ignore_ascii_case(b"WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && word.eq_ignore_ascii_case(b"LIBRARYNAME") {
            pattern = Some(words.next().ok_or(ReplyError::LIBRARY_NAME_MISSING)?);
        } else {
            return Err(ReplyError::function_list_argument(word));
        }
    }
    let known = reader.scripts().map(|known| known.libraries());
    let all = known.into_iter().flat_map(Libraries::iter);
    let found: Vec<_> = all
        .filter(|(name, _)| pattern.is_none_or(|pattern| glob_match(pattern, name.as_bytes(), true)))
        .collect();
    reply.array(found.len());
    for (name, library) in found {
        describe(name, library, with_code, reply);
    }
    Ok(())
}

fn describe(name: &str, library: &Library, with_code: bool, reply: &mut ReplyWriter<'_>) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(name.as_bytes());
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    for function in &library.functions {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(function.name.as_bytes());
        reply.bulk(b"description");
        reply.bulk_or_null(function.description.as_deref());
        reply.bulk(b"flags");
        let flags = function.flags.names();
        reply.set(flags.len());
        for flag in flags {
            reply.simple(flag);
        }
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.text);
    }
}

pub(crate) fn stats(reader: &Reader<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let known = reader.scripts();
    reply.map(2);
    reply.bulk(b"running_script");
    match known.and_then(|known| known.running.function()) {
        None => reply.null(),
        Some(name) => {
            reply.map(1);
            reply.bulk(b"name");
            reply.bulk(name.as_bytes());
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.integer(known.map_or(0, |known| known.libraries().iter().len()) as i64);
    reply.bulk(b"functions_count");
    reply.integer(known.map_or(0, |known| known.libraries().function_count()) as i64);
    Ok(())
}

pub(crate) fn kill(reader: &Reader<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    kill_running(reader, true, reply)
}
