//! CLIENT KILL, by address as of old or by filters.

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};

use super::{Context, Outcome, about_clients::unknown_kind};
use crate::clients::{Filter, Kind, Trait};

pub(super) fn kill(
    context: &Context<'_>,
    args: &Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<Outcome, ReplyError> {
    let by_address = args.len() == 1;
    let filter = match args.as_slice() {
        [address] => Filter { address: Some(address.to_vec()), ..Filter::default() },
        options => parse(context, options)?,
    };
    let own = context.session.id();
    let mut killed = 0;
    let mut outcome = Outcome::Done;
    for client in context.shared.clients.list() {
        if !filter.matches(&client) {
            continue;
        }
        killed += 1;
        if client.id == own {
            // Gets the reply first.
            client.set(Trait::CLOSE_AFTER_REPLY, true);
            outcome = Outcome::Close;
        } else {
            client.kill();
        }
    }
    if !by_address {
        reply.integer(killed);
    } else if killed == 0 {
        return Err(ReplyError::NO_SUCH_CLIENT);
    } else {
        reply.ok();
    }
    Ok(outcome)
}

fn parse(context: &Context<'_>, options: &[&[u8]]) -> Result<Filter, ReplyError> {
    let own = context.session.id();
    let mut filter = Filter { except: Some(own), ..Filter::default() };
    let (pairs, rest) = options.as_chunks::<2>();
    for [option, value] in pairs {
        match option.to_ascii_lowercase().as_slice() {
            b"id" => {
                let id = parse_i64(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                filter.id = Some(id.ok_or(ReplyError::CLIENT_ID)?);
            }
            b"maxage" => {
                let age = parse_i64(value)
                    .ok_or(ReplyError::new("ERR maxage is not an integer or out of range"))?;
                let age = u64::try_from(age).ok().filter(|age| *age > 0);
                filter.least_age = Some(age.ok_or(ReplyError::new("ERR maxage should be greater than 0"))?);
            }
            b"type" => filter.kind = Some(Kind::named(value).ok_or_else(|| unknown_kind(value))?),
            b"addr" => filter.address = Some(value.to_vec()),
            b"laddr" => filter.local_address = Some(value.to_vec()),
            b"user" if context.shared.users.load().get(value).is_some() => filter.user = Some(value.to_vec()),
            b"user" => {
                return Err(ReplyError::from_bytes([b"ERR No such user '", *value, b"'"].concat()));
            }
            b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.except = Some(own),
            b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.except = None,
            _ => return Err(ReplyError::SYNTAX),
        }
    }
    if rest.is_empty() { Ok(filter) } else { Err(ReplyError::SYNTAX) }
}
