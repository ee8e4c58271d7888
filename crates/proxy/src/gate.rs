//! What every call must pass before it is executed, in one fixed order.
//!
//! First the call is resolved: the command exists and has the right number of arguments. Then come the [`CHECKS`].

use meridian_command::{Args, Command, Flags, ProxyCommand, ReplyError, acl::Denial, lookup, resolve};

use crate::session::Session;

/// A call that was let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) command: Command,
    /// The arguments after the name (and subcommand).
    pub(crate) args: Args<'a>,
    /// All its words.
    words: &'a [&'a [u8]],
}

/// Why a call was not let through.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: ReplyError,
    /// The command meant, if there is one: its `rejected_calls` are counted.
    pub(crate) command: Option<Command>,
    /// What its user may not do.
    pub(crate) denial: Option<Denial>,
}

/// Why a check refuses a call.
struct Objection {
    error: ReplyError,
    denial: Option<Denial>,
}

impl From<ReplyError> for Objection {
    fn from(error: ReplyError) -> Objection {
        Objection { error, denial: None }
    }
}

type Check = fn(&Session, &Call<'_>) -> Result<(), Objection>;

/// Runs in this order; the first that refuses decides.
const CHECKS: &[(&str, Check)] =
    &[("authenticated", authenticated), ("permitted", permitted), ("subscribed", subscribed)];

/// Lets a call through, or says why not. `words` is the whole call, name first.
pub(crate) fn admit<'a>(session: &Session, words: &'a [&'a [u8]]) -> Result<Call<'a>, Refusal> {
    let (command, name) =
        resolve(words).map_err(|error| Refusal { error, command: meant(words), denial: None })?;
    let call = Call { command, args: Args::new(words.get(name..).unwrap_or_default()), words };
    for (_, check) in CHECKS {
        check(session, &call).map_err(|Objection { error, denial }| Refusal {
            error,
            command: Some(command),
            denial,
        })?;
    }
    Ok(call)
}

/// Whether a browser was led to speak HTTP to this port: such a connection is closed without an answer, before the
/// body of the request could be taken for commands.
pub(crate) fn is_http(words: &[&[u8]]) -> bool {
    words
        .first()
        .is_some_and(|name| name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:"))
}

fn authenticated(session: &Session, call: &Call<'_>) -> Result<(), Objection> {
    if session.authenticated() || call.command.spec().flags.contains(Flags::NO_AUTH) {
        Ok(())
    } else {
        Err(ReplyError::NO_AUTH.into())
    }
}

/// The user may do this with these keys and channels.
fn permitted(session: &Session, call: &Call<'_>) -> Result<(), Objection> {
    let account = session.account();
    if account.is_unrestricted() {
        return Ok(());
    }
    let (command, words) = (call.command, call.words);
    let name = words.len() - call.args.len();
    account.rules.check(command, words, name).map_err(|denial| Objection {
        error: denial.error(&account.name, command.spec()),
        denial: Some(denial),
    })?;
    match command.spec().pattern_option(words) {
        Some(option) if !account.rules.reads_all_keys(command, words, name) => {
            Err(ReplyError::pattern_denied(option).into())
        }
        _ => Ok(()),
    }
}

/// A connection that subscribes and speaks RESP2 may do little else.
fn subscribed(session: &Session, call: &Call<'_>) -> Result<(), Objection> {
    use ProxyCommand as C;
    let permitted = matches!(
        call.command,
        Command::Proxy(
            C::Subscribe
                | C::Ssubscribe
                | C::Unsubscribe
                | C::Sunsubscribe
                | C::Psubscribe
                | C::Punsubscribe
                | C::Ping
                | C::Quit
                | C::Reset
        )
    );
    if permitted || !session.only_subscribes() {
        return Ok(());
    }
    Err(ReplyError::only_subscribes(call.command.spec()).into())
}

/// The command that a call with the wrong number of arguments meant.
pub(crate) fn meant(words: &[&[u8]]) -> Option<Command> {
    let name = words.first()?;
    let sub = words.get(1).and_then(|sub| lookup(&[name, &b"|"[..], sub].concat()));
    sub.or_else(|| lookup(name).filter(|_| !name.contains(&b'|')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clients::Registry, users::Users};

    fn session(authenticated: bool) -> Session {
        let address = "127.0.0.1:1".parse().expect("an address");
        let accounts = Users::new(if authenticated { "" } else { "secret" }).load();
        let account = std::sync::Arc::clone(accounts.default_account());
        Session::new(Registry::new().register(address, address, -1, account), &accounts)
    }

    #[test]
    fn the_checks_stand_in_this_order() {
        let names: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["authenticated", "permitted", "subscribed"]);
    }

    #[test]
    fn existence_and_arity_come_before_authentication() {
        let session = session(false);
        let refused = |words: &[&[u8]]| {
            let refusal = admit(&session, words).expect_err("refused");
            (refusal.error.text().into_owned(), refusal.command.is_some())
        };
        assert_eq!(
            refused(&[b"nope"]),
            ("ERR unknown command 'nope', with args beginning with: ".to_owned(), false)
        );
        assert_eq!(refused(&[b"get"]), ("ERR wrong number of arguments for 'get' command".to_owned(), true));
        assert_eq!(
            refused(&[b"client", b"id", b"x"]),
            ("ERR wrong number of arguments for 'client|id' command".to_owned(), true)
        );
        assert_eq!(refused(&[b"get", b"k"]), ("NOAUTH Authentication required.".to_owned(), true));
        assert!(admit(&session, &[b"auth", b"x"]).is_ok());
        assert!(admit(&session, &[b"HELLO"]).is_ok());
    }

    #[test]
    fn a_subcommand_is_not_among_the_arguments() {
        let words: &[&[u8]] = &[b"client", b"setname", b"me"];
        let session = session(true);
        let call = admit(&session, words).expect("let through");
        assert_eq!(call.command, Command::Proxy(ProxyCommand::ClientSetname));
        assert_eq!(call.args.as_slice(), [b"me"]);
    }
}
