//! What HSCAN, SSCAN and ZSCAN share: cursor, options and the frame of the reply.

use meridian_command::{Args, ReplyError, ReplyWriter, glob_match};

use super::{generic::scan::parse_cursor, integer};

/// How many elements are looked at unless told.
const COUNT: usize = 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct ScanOptions<'a> {
    pub(crate) count: usize,
    pattern: Option<&'a [u8]>,
    /// Only the fields of a hash.
    pub(crate) no_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads what stands behind the cursor.
    pub(crate) fn read(args: Args<'a>, of_a_hash: bool) -> Result<ScanOptions<'a>, ReplyError> {
        let mut options = ScanOptions { count: COUNT, pattern: None, no_values: false };
        let mut rest = args.as_slice();
        while let [option, after @ ..] = rest {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            rest = match after {
                [count, after @ ..] if is(b"COUNT") => {
                    let count = integer(count)?;
                    let positive = usize::try_from(count).ok().filter(|count| *count > 0);
                    options.count = positive.ok_or(ReplyError::SYNTAX)?;
                    after
                }
                [pattern, after @ ..] if is(b"MATCH") => {
                    options.pattern = Some(pattern).copied().filter(|pattern| *pattern != b"*");
                    after
                }
                after if is(b"NOVALUES") => {
                    if !of_a_hash {
                        return Err(ReplyError::NOVALUES_OF_NO_HASH);
                    }
                    options.no_values = true;
                    after
                }
                _ => return Err(ReplyError::SYNTAX),
            };
        }
        Ok(options)
    }

    /// Whether the pattern lets an element through.
    pub(crate) fn admit(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_match(pattern, element, false))
    }
}

/// The cursor of a call whose first argument is the key.
pub(crate) fn cursor(args: Args<'_>) -> Result<u64, ReplyError> {
    parse_cursor(&args[1])
}

/// Begins the reply: the cursor, and an array of so many elements that must follow.
pub(crate) fn begin_reply(reply: &mut ReplyWriter<'_>, next: u64, length: usize) {
    reply.array(2);
    reply.bulk(next.to_string().as_bytes());
    reply.array(length);
}
