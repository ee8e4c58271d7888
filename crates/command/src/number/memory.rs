//! Amounts of memory as texts: `64mb`, `1g`, `1048576`.

/// Units and their sizes: those with `b` are powers of 1024.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1 << 30),
];

/// Reads an amount of bytes; `None` if it is none, or more than 64 bits hold.
pub fn parse_memory(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, size) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_redis() {
        for (text, bytes) in [("0", 0), ("7", 7), ("7B", 7), ("2k", 2000), ("2Kb", 2048), ("1gb", 1 << 30)] {
            assert_eq!(parse_memory(text), Some(bytes), "{text}");
        }
        for text in ["", "mb", "-1", "1tb", "1.5mb", " 1", "99999999999999999999", "18446744073709551615kb"] {
            assert_eq!(parse_memory(text), None, "{text}");
        }
    }
}
