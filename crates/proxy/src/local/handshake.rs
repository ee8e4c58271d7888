//! Who the client is and how it speaks: HELLO, AUTH, SELECT, PING and their like.

use meridian_command::{Args, Protocol, ReplyError, ReplyWriter, number::parse_i64};

use super::{Answer, Context, Outcome};
use crate::{
    REDIS_VERSION,
    observe::{Place, Reason, Subject},
    session::NUMBERED_DATABASES,
    transaction::unwatch,
    users::DEFAULT_USER,
};

pub(super) fn ping(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    match args.as_slice() {
        [] | [_] if context.session.only_subscribes() => {
            reply.array(2);
            reply.bulk(b"pong");
            reply.bulk(args.get(0).unwrap_or_default());
        }
        [] => reply.simple("PONG"),
        [message] => reply.bulk(message),
        _ => return Err(ReplyError::wrong_arity(meridian_command::ProxyCommand::Ping.spec())),
    }
    Ok(())
}

pub(super) fn echo(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    reply.bulk(&args[0]);
    Ok(())
}

pub(super) fn select(context: &mut Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let number = parse_i64(&args[0]).ok_or(ReplyError::NOT_AN_INTEGER)?;
    if i32::try_from(number).is_err() {
        return Err(ReplyError::new(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        ));
    }
    let numbered = u8::try_from(number).ok().filter(|numbered| *numbered < NUMBERED_DATABASES);
    context.session.select(numbered.ok_or(ReplyError::DB_OUT_OF_RANGE)?);
    reply.ok();
    Ok(())
}

pub(super) fn quit(reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.ok();
    Outcome::Close
}

pub(super) fn reset(context: &mut Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    context.session.reset(&context.shared.users.load());
    unwatch(context.session.take_watched(), context.shared);
    reply.simple("RESET");
    Ok(())
}

pub(super) fn auth(context: &mut Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    match args.as_slice() {
        [_] if context.shared.users.load().default_account().rules.takes_any_password() => {
            return Err(ReplyError::NO_PASSWORD_SET);
        }
        [password] => authenticate(context, DEFAULT_USER, password)?,
        [user, password] => authenticate(context, user, password)?,
        _ => return Err(ReplyError::SYNTAX),
    }
    reply.ok();
    Ok(())
}

/// Makes the connection the user, if the password is right. A user without a password takes any.
fn authenticate(context: &mut Context<'_>, user: &[u8], password: &[u8]) -> Answer {
    let accounts = context.shared.users.load();
    if let Some(account) = accounts.get(user).filter(|account| account.rules.admits(password)) {
        context.session.become_user(account);
        return Ok(());
    }
    tracing::info!(client = context.session.id(), "authentication failed");
    let place = if context.session.executes() { Place::Multi } else { Place::TopLevel };
    let (object, user) = (context.called.to_vec(), user.to_vec());
    let subject = Subject { reason: Reason::Auth, place, object, user };
    let settings = context.shared.config.load();
    context.shared.observed.refusals.add(&settings, context.session.client(), subject, 1);
    Err(ReplyError::WRONG_PASS)
}

/// Whether a text may stand in a line of `CLIENT LIST`.
pub(super) fn is_printable_word(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

pub(super) fn hello(context: &mut Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let protocol = match args.get(0).map(parse_i64) {
        None => None,
        Some(None) => return Err(ReplyError::PROTO_NOT_AN_INTEGER),
        Some(Some(2)) => Some(Protocol::Resp2),
        Some(Some(3)) => Some(Protocol::Resp3),
        Some(Some(_)) => return Err(ReplyError::NO_PROTO),
    };
    let mut rest = args.from(1).as_slice();
    let mut credentials = None;
    let mut name = None;
    loop {
        rest = match rest {
            [] => break,
            [option, user, password, tail @ ..] if option.eq_ignore_ascii_case(b"AUTH") => {
                credentials = Some((*user, *password));
                tail
            }
            [option, given, tail @ ..] if option.eq_ignore_ascii_case(b"SETNAME") => {
                if !is_printable_word(given) {
                    return Err(ReplyError::CLIENT_NAME);
                }
                name = Some(*given);
                tail
            }
            [option, ..] => {
                let line = [b"ERR Syntax error in HELLO option '", *option, b"'"].concat();
                return Err(ReplyError::from_bytes(line));
            }
        };
    }
    if let Some((user, password)) = credentials {
        authenticate(context, user, password)?;
    }
    if !context.session.authenticated() {
        return Err(ReplyError::HELLO_NO_AUTH);
    }
    if let Some(name) = name {
        context.session.client().set_name(name);
    }
    if let Some(protocol) = protocol {
        context.session.set_protocol(protocol);
    }
    greet(context, reply);
    Ok(())
}

/// The reply is already in the protocol that was chosen.
fn greet(context: &Context<'_>, reply: &mut ReplyWriter<'_>) {
    let protocol = context.session.protocol();
    let mut bytes = Vec::with_capacity(160);
    let mut writer = ReplyWriter::new(&mut bytes, protocol);
    writer.map(7);
    writer.bulk(b"server");
    writer.bulk(b"redis");
    writer.bulk(b"version");
    writer.bulk(REDIS_VERSION.as_bytes());
    writer.bulk(b"proto");
    writer.integer(if protocol == Protocol::Resp3 { 3 } else { 2 });
    writer.bulk(b"id");
    writer.integer(context.session.id() as i64);
    writer.bulk(b"mode");
    writer.bulk(b"standalone");
    writer.bulk(b"role");
    writer.bulk(b"master");
    writer.bulk(b"modules");
    writer.array(0);
    reply.raw(&bytes);
}
