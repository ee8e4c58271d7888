//! DEBUG, as far as test-suites need it: SLEEP holds up the own connection and nobody else, PROTOCOL shows how each
//! type of reply looks.

use std::time::Duration;

use meridian_command::{Args, Protocol, ReplyError, ReplyWriter};

use super::Outcome;

/// Nobody sleeps longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

const BIG_NUMBER: &str = "1234567999999999999999999999999999999";

const NO_SAMPLE: ReplyError = ReplyError::new(
    "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|\
     attrib|push|verbatim|true|false",
);

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "PROTOCOL <type>",
    "    Answers with a sample of a type of reply: string, integer, double, bignum,",
    "    null, array, set, map, attrib, push, verbatim, true, false.",
    "SLEEP <seconds>",
    "    Holds up this connection for so many seconds, decimals allowed.",
    "HELP",
    "    Prints this help.",
];

pub(super) fn debug(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<Outcome, ReplyError> {
    let sub = &args[0];
    match args.from(1).as_slice() {
        [seconds] if sub.eq_ignore_ascii_case(b"SLEEP") => {
            // As C reads numbers: what is none counts as zero.
            let seconds = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0);
            let pause = Duration::try_from_secs_f64(seconds).unwrap_or_default().min(LONGEST);
            Ok(Outcome::Async(Box::pin(async move {
                tokio::time::sleep(pause).await;
                b"+OK\r\n".to_vec()
            })))
        }
        [kind] if sub.eq_ignore_ascii_case(b"PROTOCOL") => {
            sample(&kind.to_ascii_lowercase(), reply)?;
            Ok(Outcome::Done)
        }
        [] if sub.eq_ignore_ascii_case(b"HELP") => {
            reply.array(HELP.len());
            for line in HELP {
                reply.simple(line);
            }
            Ok(Outcome::Done)
        }
        _ => Err(ReplyError::subcommand_syntax(sub, "DEBUG")),
    }
}

/// A reply of a type; RESP2 has no attributes and no push messages.
fn sample(kind: &[u8], reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    let resp3 = reply.protocol() == Protocol::Resp3;
    match kind {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double_text("3.141"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if resp3 {
                reply.raw(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if resp3 => {
            reply.bulk(b"Some real reply following the push reply");
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"push" => return Err(ReplyError::new("ERR RESP2 is not supported by this command")),
        b"bignum" if resp3 => reply.raw(format!("({BIG_NUMBER}\r\n").as_bytes()),
        b"bignum" => reply.bulk(BIG_NUMBER.as_bytes()),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => return Err(NO_SAMPLE),
    }
    Ok(())
}
