//! Any pattern on any text: the first line is the pattern.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian_command::glob_match;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (pattern, text) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    glob_match(pattern, text, false);
    glob_match(pattern, text, true);
});
