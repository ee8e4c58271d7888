//! CLIENT TRACKING and its like: how the connection is told which keys change.

use std::sync::Arc;

use bytes::Bytes;
use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};

use super::{Answer, Context, Outcome, on_or_off};
use crate::{
    clients::Trait,
    tracking::{Mode, Own},
};

const OK: &[u8] = b"+OK\r\n";
const SWITCHES_BCAST: ReplyError = ReplyError::new(
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a \
     different mode.",
);
const SWITCHES_OPT: ReplyError = ReplyError::new(
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a \
     different mode.",
);
const NO_SUCH_TARGET: ReplyError = ReplyError::new("ERR The client ID you want redirect to does not exist");

/// What the words behind ON or OFF say.
#[derive(Debug)]
struct Asked {
    mode: Mode,
    /// 0: to itself.
    redirect: u64,
    prefixes: Vec<Bytes>,
}

fn parse(context: &Context<'_>, words: &[&[u8]]) -> Result<Asked, ReplyError> {
    let mut asked = Asked { mode: Mode::empty(), redirect: 0, prefixes: Vec::new() };
    let mut rest = words;
    loop {
        rest = match rest {
            [] => return Ok(asked),
            [option, id, tail @ ..] if option.eq_ignore_ascii_case(b"redirect") => {
                if asked.redirect != 0 {
                    return Err(ReplyError::new("ERR A client can only redirect to a single other client"));
                }
                let id = parse_i64(id).ok_or(ReplyError::NOT_AN_INTEGER)?;
                let target = u64::try_from(id).ok().and_then(|id| context.shared.clients.get(id));
                asked.redirect = target.ok_or(NO_SUCH_TARGET)?.id;
                tail
            }
            [option, prefix, tail @ ..] if option.eq_ignore_ascii_case(b"prefix") => {
                asked.prefixes.push(Bytes::copy_from_slice(prefix));
                tail
            }
            [option, tail @ ..] => {
                let known = [
                    (&b"bcast"[..], Mode::BCAST),
                    (b"optin", Mode::OPTIN),
                    (b"optout", Mode::OPTOUT),
                    (b"noloop", Mode::NOLOOP),
                ];
                let mode = known.iter().find(|(name, _)| option.eq_ignore_ascii_case(name));
                asked.mode |= mode.ok_or(ReplyError::SYNTAX)?.1;
                tail
            }
        }
    }
}

/// Whether what is asked fits together, and with what is (`now`).
fn check(asked: &Asked, now: Mode) -> Result<(), ReplyError> {
    let has = |mode: Mode| asked.mode.contains(mode);
    let refusals = [
        (
            !has(Mode::BCAST) && !asked.prefixes.is_empty(),
            ReplyError::new("ERR PREFIX option requires BCAST mode to be enabled"),
        ),
        (now.contains(Mode::ON) && has(Mode::BCAST) != now.contains(Mode::BCAST), SWITCHES_BCAST),
        (
            has(Mode::BCAST) && asked.mode.intersects(Mode::OPTIN | Mode::OPTOUT),
            ReplyError::new("ERR OPTIN and OPTOUT are not compatible with BCAST"),
        ),
        (
            has(Mode::OPTIN | Mode::OPTOUT),
            ReplyError::new("ERR You can't specify both OPTIN mode and OPTOUT mode"),
        ),
        (
            has(Mode::OPTIN) && now.contains(Mode::OPTOUT) || has(Mode::OPTOUT) && now.contains(Mode::OPTIN),
            SWITCHES_OPT,
        ),
    ];
    refusals.into_iter().find(|(refused, _)| *refused).map_or(Ok(()), |(_, error)| Err(error))
}

/// Whether no key can have two of the prefixes; `known` are those that the client has.
fn check_overlaps(prefixes: &[Bytes], known: &[Bytes]) -> Result<(), ReplyError> {
    let overlap = |one: &Bytes, other: &Bytes| one.starts_with(other) || other.starts_with(one);
    for (at, prefix) in prefixes.iter().enumerate() {
        if let Some(other) = known.iter().find(|other| overlap(prefix, other)) {
            return Err(overlaps(prefix, b"an existing prefix", other));
        }
        if let Some(other) = prefixes[at + 1..].iter().find(|other| overlap(prefix, other)) {
            return Err(overlaps(prefix, b"another provided prefix", other));
        }
    }
    Ok(())
}

fn overlaps(prefix: &[u8], which: &[u8], other: &[u8]) -> ReplyError {
    let end = b"'. Prefixes for a single client must not overlap.";
    ReplyError::from_bytes([b"ERR Prefix '", prefix, b"' overlaps with ", which, b" '", other, end].concat())
}

/// CLIENT TRACKING. ON is answered once no change can be missed.
pub(super) fn tracking(context: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, ReplyError> {
    let mut asked = parse(context, args.from(1).as_slice())?;
    let tracking = Arc::clone(&context.shared.tracking);
    if !on_or_off(&args[0])? {
        if let Some(tracked) = context.session.tracked() {
            tracking.disable(tracked);
        }
        return Ok(Outcome::Async(Box::pin(std::future::ready(OK.to_vec()))));
    }
    let now = context.session.tracked();
    check(&asked, now.map_or(Mode::empty(), |tracked| tracked.mode()))?;
    if asked.mode.contains(Mode::BCAST) {
        check_overlaps(&asked.prefixes, &now.map(|tracked| tracked.prefixes()).unwrap_or_default())?;
        if asked.prefixes.is_empty() {
            asked.prefixes.push(Bytes::new());
        }
    }
    let output = Arc::clone(context.output);
    let own = Arc::clone(&tracking);
    let tracked = Arc::clone(context.session.begin_tracking(|client| Own::new(own, client, output)));
    tracking.enable(&tracked, asked.mode, asked.redirect, &asked.prefixes);
    Ok(Outcome::Async(Box::pin(async move {
        match tracking.router().tracked().await {
            Ok(()) => OK.to_vec(),
            Err(error) => {
                tracking.disable(&tracked);
                let mut reply = Vec::new();
                error.write(&mut reply);
                reply
            }
        }
    })))
}

pub(super) fn caching(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let tracked = context.session.tracked().ok_or(ReplyError::new(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    ))?;
    let (mode, error) = match args[0].to_ascii_lowercase().as_slice() {
        b"yes" => {
            (Mode::OPTIN, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
        }
        b"no" => {
            (Mode::OPTOUT, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    if !tracked.mode().contains(mode) {
        return Err(ReplyError::new(error));
    }
    tracked.set_caching(true);
    reply.ok();
    Ok(())
}

/// CLIENT GETREDIR.
pub(super) fn redirection(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    reply.integer(context.session.client().redirect());
    Ok(())
}

/// CLIENT TRACKINGINFO.
pub(super) fn info(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let tracked = context.session.tracked();
    let mode = tracked.map_or(Mode::empty(), |tracked| tracked.mode());
    let client = context.session.client();
    let has = |what: Mode| mode.contains(what);
    let flags = [
        (true, if has(Mode::ON) { "on" } else { "off" }),
        (has(Mode::BCAST), "bcast"),
        (has(Mode::OPTIN), "optin"),
        (has(Mode::OPTIN | Mode::CACHING), "caching-yes"),
        (has(Mode::OPTOUT), "optout"),
        (has(Mode::OPTOUT | Mode::CACHING), "caching-no"),
        (has(Mode::NOLOOP), "noloop"),
        (client.traits().contains(Trait::BROKEN_REDIRECT), "broken_redirect"),
    ];
    let flags: Vec<&str> = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(client.redirect());
    reply.bulk(b"prefixes");
    let prefixes = tracked.map(|tracked| tracked.prefixes()).unwrap_or_default();
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(names: &[&'static str]) -> Vec<Bytes> {
        names.iter().map(|name| Bytes::from_static(name.as_bytes())).collect()
    }

    #[test]
    fn prefixes_of_one_client_must_not_overlap() {
        let refused = |prefixes: &[&'static str], known: &[&'static str]| {
            check_overlaps(&bytes(prefixes), &bytes(known)).err().map(|error| error.text().into_owned())
        };
        assert_eq!(refused(&["a", "b"], &["c"]), None);
        assert_eq!(
            refused(&["foo"], &["fo"]).as_deref(),
            Some(
                "ERR Prefix 'foo' overlaps with an existing prefix 'fo'. Prefixes for a single client must not overlap."
            )
        );
        assert_eq!(
            refused(&["x", "fo", "foo"], &[]).as_deref(),
            Some(
                "ERR Prefix 'fo' overlaps with another provided prefix 'foo'. Prefixes for a single client must not overlap."
            )
        );
    }

    #[test]
    fn a_mode_is_left_by_off_only() {
        let asked = |mode| Asked { mode, redirect: 0, prefixes: Vec::new() };
        assert!(check(&asked(Mode::OPTIN), Mode::ON).is_ok());
        assert!(check(&asked(Mode::OPTIN), Mode::ON | Mode::OPTOUT).is_err());
        assert!(check(&asked(Mode::BCAST), Mode::ON).is_err());
        assert!(check(&asked(Mode::BCAST), Mode::empty()).is_ok());
        assert!(check(&asked(Mode::BCAST | Mode::OPTIN), Mode::empty()).is_err());
        assert!(check(&asked(Mode::OPTIN | Mode::OPTOUT), Mode::empty()).is_err());
    }
}
