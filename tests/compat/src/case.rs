//! Case files: lines in, replies out.
//!
//! ```text
//! # Words about what follows.
//! > SET k "two words"
//! +OK
//! @wait 30
//! @sorted
//! > KEYS *
//! ["a", "k"]
//! ```
//!
//! `@since 7.2` (anywhere) says that replies are those of that version of Redis and later, `@one-shard why` that they are
//! others where the keys are spread over several shards.
//!
//! `>` sends a command and the line below is its reply. `@wait n` lets n milliseconds pass, `@resp3` switches the
//! protocol, `@sorted` says that the next reply's elements have no order. Arguments are separated by spaces; in double
//! quotes `\n`, `\r`, `\t`, `\\`, `\"` and `\xHH` are escapes. A case begins in an empty database 0 and in RESP2.

use std::fmt::Write as _;

use bytes::Bytes;
use meridian_resp::{Value, decode};

/// Before the version of Redis whose replies a case has.
const SINCE: &str = "@since ";

/// Before the reason why replies are others where keys are spread over shards.
const ONE_SHARD: &str = "@one-shard ";

/// Whether replies are others where keys are spread over shards.
pub fn one_shard(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(ONE_SHARD))
}

/// The version of Redis whose replies a case has, if not those of any.
pub fn since(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix(SINCE))
}

/// Whoever answers a case: the engine, a server, a cluster.
pub trait Target {
    /// Executes a command and returns its reply as it came.
    fn call(&mut self, call: &[&[u8]]) -> Vec<u8>;
    /// Speaks RESP3 from now on.
    fn use_resp3(&mut self);
    /// Lets time pass.
    fn wait(&mut self, milliseconds: u64);
}

/// Runs a case and returns its text with the replies that came.
///
/// # Errors
/// With the number and the fault of a line that is none.
pub fn run(text: &str, target: &mut impl Target) -> Result<String, String> {
    let mut replayed = String::new();
    let mut sorted = false;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        replayed += line;
        replayed.push('\n');
        let fault = |what: &str| format!("line {}: {what}: {line}", number + 1);
        if let Some(command) = line.strip_prefix("> ") {
            let call = split(command).ok_or_else(|| fault("quotes do not match"))?;
            let call: Vec<&[u8]> = call.iter().map(Vec::as_slice).collect();
            let shown =
                show(&target.call(&call), std::mem::take(&mut sorted)).ok_or_else(|| fault("no reply"))?;
            replayed += &shown;
            replayed.push('\n');
            // The reply that was written there before.
            if lines.peek().is_some_and(|(_, next)| !next.is_empty() && !next.starts_with(['>', '@', '#'])) {
                lines.next();
            }
        } else if let Some(milliseconds) = line.strip_prefix("@wait ") {
            target.wait(milliseconds.parse().map_err(|_| fault("no number"))?);
        } else if line.starts_with(SINCE) || line.starts_with(ONE_SHARD) {
            // For whoever chooses the server.
        } else if line == "@resp3" {
            target.use_resp3();
        } else if line == "@sorted" {
            sorted = true;
        } else if !line.is_empty() && !line.starts_with('#') {
            return Err(fault("neither a command nor a reply to one"));
        }
    }
    Ok(replayed)
}

/// Splits a line into arguments; `None` if a quote is not closed or an escape is none.
fn split(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut args = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (arg, after) = unquote(quoted)?;
            args.push(arg);
            rest = after;
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            args.push(rest.as_bytes()[..end].to_vec());
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Some(args)
}

fn unquote(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut arg = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((arg, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => arg.push(b'\n'),
                'r' => arg.push(b'\r'),
                't' => arg.push(b'\t'),
                'x' => {
                    let digits = [chars.next()?.1, chars.next()?.1];
                    let digits = digits.map(|digit| digit.to_digit(16));
                    arg.push((digits[0]? * 16 + digits[1]?) as u8);
                }
                other => arg.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            },
            other => arg.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    None
}

/// A reply on one line; `None` if the bytes are not exactly one reply.
fn show(reply: &[u8], sorted: bool) -> Option<String> {
    let bytes = Bytes::copy_from_slice(reply);
    let (value, length) = decode(&bytes).ok()??;
    if length != reply.len() {
        return None;
    }
    let mut shown = String::new();
    show_value(&value, sorted, &mut shown);
    Some(shown)
}

fn show_value(value: &Value, sorted: bool, shown: &mut String) {
    match value {
        Value::Null => shown.push_str("nil"),
        Value::Simple(text) => quoted('+', text, shown),
        Value::Error(text) => shown.extend(["-", text]),
        Value::Integer(value) => shown.extend([":", &value.to_string()]),
        Value::Bulk(bytes) => {
            shown.push('"');
            quoted_bytes(bytes, shown);
            shown.push('"');
        }
        Value::Array(values) => show_all("[", values, "]", sorted, shown),
        Value::Set(values) => show_all("~[", values, "]", sorted, shown),
        Value::Push(values) => show_all(">[", values, "]", sorted, shown),
        Value::Map(pairs) => {
            let pairs: Vec<Value> =
                pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect();
            show_all("%[", &pairs, "]", false, shown);
        }
        Value::Double(value) => shown.extend([",", &value.to_string()]),
        Value::Boolean(value) => shown.push_str(if *value { "#t" } else { "#f" }),
        Value::BigNumber(digits) => quoted('(', digits, shown),
        Value::Verbatim(text) => quoted('=', text, shown),
    }
}

fn show_all(open: &str, values: &[Value], close: &str, sorted: bool, shown: &mut String) {
    let mut parts: Vec<String> = Vec::new();
    for value in values {
        let mut part = String::new();
        show_value(value, sorted, &mut part);
        parts.push(part);
    }
    if sorted {
        parts.sort();
    }
    shown.extend([open, &parts.join(", "), close]);
}

fn quoted(sign: char, bytes: &[u8], shown: &mut String) {
    shown.push(sign);
    quoted_bytes(bytes, shown);
}

fn quoted_bytes(bytes: &[u8], shown: &mut String) {
    write!(shown, "{}", bytes.escape_ascii()).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl Target for Echo {
        fn call(&mut self, call: &[&[u8]]) -> Vec<u8> {
            let mut reply = Vec::new();
            meridian_resp::write_command(&mut reply, call.iter().copied());
            reply
        }

        fn use_resp3(&mut self) {}

        fn wait(&mut self, _: u64) {}
    }

    #[test]
    fn a_case_gets_the_replies_that_came() {
        let text = "# why\n\n@sorted\n> B a \"x y\\xff\\\"\"\nold reply\n@wait 5\n> C\n";
        let wanted = "# why\n\n@sorted\n> B a \"x y\\xff\\\"\"\n[\"B\", \"a\", \"x y\\xff\\\"\"]\n@wait 5\n> C\n[\"C\"]\n";
        assert_eq!(run(text, &mut Echo), Ok(wanted.to_owned()));
        assert!(run("what\n", &mut Echo).is_err());
        assert!(run("> \"open\n", &mut Echo).is_err());
    }
}
