//! Any bytes on a connection, all at once and in two pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian_resp::{Limits, Progress, RequestParser};

/// Parses what is there; how many requests came of it.
fn parse(parser: &mut RequestParser, buffer: &mut Vec<u8>) -> usize {
    let mut count = 0;
    while let Ok(Progress::Command) = parser.parse(buffer, &Limits::default()) {
        count += 1;
        assert!(parser.args(buffer).count() <= buffer.len());
        let consumed = parser.take_consumed();
        buffer.drain(..consumed);
    }
    count
}

fuzz_target!(|bytes: &[u8]| {
    let whole = parse(&mut RequestParser::new(), &mut bytes.to_vec());
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let (mut parser, mut buffer) = (RequestParser::new(), first.to_vec());
    let mut pieces = parse(&mut parser, &mut buffer);
    buffer.extend_from_slice(second);
    pieces += parse(&mut parser, &mut buffer);
    assert_eq!(whole, pieces);
});
