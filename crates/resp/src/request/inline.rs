//! Splits a line that a person typed into arguments, with the quotes and escapes that Redis knows.

use meridian_command::quotes::{ends_word, is_space, unquote};

use super::{ProtocolError, Span};

/// Puts the arguments' spans into `spans`. They lie in `line`, or, if it has quotes, in the bytes returned.
pub(super) fn split(line: &[u8], spans: &mut Vec<Span>) -> Result<Option<Vec<u8>>, ProtocolError> {
    if line.iter().any(|byte| matches!(byte, b'"' | b'\'')) {
        let mut ranges = Vec::new();
        let bytes = unquote(line, &mut ranges).ok_or(ProtocolError::UnbalancedQuotes)?;
        spans.extend(ranges.into_iter().map(|range| Span { start: range.start, length: range.len() }));
        return Ok(Some(bytes));
    }
    let mut at = 0;
    loop {
        at += line[at..].iter().take_while(|byte| is_space(**byte)).count();
        if at == line.len() {
            return Ok(None);
        }
        let length = line[at..].iter().take_while(|byte| !ends_word(**byte)).count();
        spans.push(Span { start: at, length });
        at += length;
    }
}
