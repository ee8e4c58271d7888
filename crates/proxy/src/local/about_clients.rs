//! CLIENT, but for KILL: about the own connection, and lists of all.

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};
use meridian_rt::clock::Instant;

use super::{Answer, Context, Outcome, handshake::is_printable_word, on_or_off};
use crate::clients::{Filter, Kind, Unblock};

pub(super) fn id(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    reply.integer(context.session.id() as i64);
    Ok(())
}

pub(super) fn info(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let mut line = Vec::new();
    context.session.client().describe(Instant::now(), &mut line);
    line.push(b'\n');
    reply.verbatim("txt", &line);
    Ok(())
}

pub(super) fn list(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let registry = &context.shared.clients;
    let clients = match args.as_slice() {
        [] => registry.list(),
        [option, kind] if option.eq_ignore_ascii_case(b"TYPE") => {
            let kind = Kind::named(kind).ok_or_else(|| unknown_kind(kind))?;
            let filter = Filter { kind: Some(kind), ..Filter::default() };
            registry.list().into_iter().filter(|client| filter.matches(client)).collect()
        }
        [option, ids @ ..] if option.eq_ignore_ascii_case(b"ID") && !ids.is_empty() => {
            let ids = ids.iter().map(|id| parse_i64(id).ok_or(ReplyError::CLIENT_ID_INVALID));
            let ids = ids.collect::<Result<Vec<i64>, _>>()?;
            ids.into_iter().filter_map(|id| registry.get(u64::try_from(id).ok()?)).collect()
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    let now = Instant::now();
    let mut lines = Vec::new();
    for client in clients {
        client.describe(now, &mut lines);
        lines.push(b'\n');
    }
    reply.verbatim("txt", &lines);
    Ok(())
}

pub(super) fn unknown_kind(kind: &[u8]) -> ReplyError {
    ReplyError::from_bytes([b"ERR Unknown client type '", kind, b"'"].concat())
}

pub(super) fn set_name(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    if !is_printable_word(&args[0]) {
        return Err(ReplyError::CLIENT_NAME);
    }
    context.session.client().set_name(&args[0]);
    reply.ok();
    Ok(())
}

pub(super) fn get_name(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let name = context.session.client().name();
    reply.bulk_or_null((!name.is_empty()).then_some(&name));
    Ok(())
}

pub(super) fn set_info(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let (attribute, value) = (&args[0], &args[1]);
    let (label, library) = if attribute.eq_ignore_ascii_case(b"lib-name") {
        ("lib-name", true)
    } else if attribute.eq_ignore_ascii_case(b"lib-ver") {
        ("lib-ver", false)
    } else {
        return Err(ReplyError::from_bytes([b"ERR Unrecognized option '", attribute, b"'"].concat()));
    };
    if !is_printable_word(value) {
        let text = format!("ERR {label} cannot contain spaces, newlines or special characters.");
        return Err(ReplyError::from_text(text));
    }
    let client = context.session.client();
    if library {
        client.set_library(value);
    } else {
        client.set_library_version(value);
    }
    reply.ok();
    Ok(())
}

pub(super) fn replies(context: &mut Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let mode = &args[0];
    if mode.eq_ignore_ascii_case(b"skip") {
        context.session.skip_next_reply();
        return Ok(());
    }
    let on = on_or_off(mode)?;
    context.session.set_replies(on);
    if on {
        reply.ok();
    }
    Ok(())
}

pub(super) fn no_evict(context: &mut Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    context.session.set_no_evict(on_or_off(&args[0])?);
    reply.ok();
    Ok(())
}

pub(super) fn no_touch(context: &mut Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    context.session.set_no_touch(on_or_off(&args[0])?);
    reply.ok();
    Ok(())
}

/// CLIENT UNBLOCK: answers once the command that waited is over and counted, as in Redis.
pub(super) fn unblock(context: &Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    let how = match args.as_slice() {
        [_] => Unblock::TimeOut,
        [_, word] if word.eq_ignore_ascii_case(b"timeout") => Unblock::TimeOut,
        [_, word] if word.eq_ignore_ascii_case(b"error") => Unblock::Error,
        [_, _] => {
            return Err(ReplyError::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
        _ => return Err(ReplyError::wrong_arity(meridian_command::ProxyCommand::ClientUnblock.spec())),
    };
    let id = parse_i64(&args[0]).ok_or(ReplyError::NOT_AN_INTEGER)?;
    let client = u64::try_from(id).ok().and_then(|id| context.shared.clients.get(id));
    Ok(Outcome::Async(Box::pin(async move {
        let ended = match client {
            Some(client) => client.unblock(how).await,
            None => false,
        };
        format!(":{}\r\n", u8::from(ended)).into_bytes()
    })))
}
