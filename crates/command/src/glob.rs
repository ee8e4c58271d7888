//! Redis' glob patterns, for KEYS, SCAN, CONFIG GET, COMMAND LIST and subscriptions.
//!
//! `*` any run, `?` one byte, `[a-c]` and `[^a-c]` one of a set, `\x` the byte itself. Malformed patterns match as in
//! Redis: a set that is not closed reaches to the end of the pattern, a last `\` stands for itself.
//!
//! Only the last `*` is ever gone back to, so the time is at most length of pattern × length of text; a client cannot
//! make a match that takes for ever.

/// Redis looks no further behind so many stars, because of patterns that would keep it busy for ever; so such a pattern
/// matches nothing here either.
const STARS_MAX: usize = 1000;

/// Whether `text` as a whole matches `pattern`; `nocase` ignores the case of ASCII letters.
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let mut at = Position { pattern, text };
    // Behind the last star, and the text from which it was last tried.
    let mut retry: Option<Position<'_>> = None;
    let mut stars = 0;
    loop {
        if let [b'*', after @ ..] = at.pattern {
            // Several in a row are one. The last of all, and one that no text is left for, need no look behind them.
            if !matches!(after, [] | [b'*', ..]) && !at.text.is_empty() {
                stars += 1;
                if stars > STARS_MAX {
                    return false;
                }
            }
            at.pattern = after;
            retry = Some(at);
            continue;
        }
        let matched = match (at.pattern, at.text) {
            ([], []) => return true,
            ([], _) | (_, []) => None,
            (pattern, [byte, rest @ ..]) => {
                match_one(pattern, *byte, nocase).map(|pattern| Position { pattern, text: rest })
            }
        };
        at = match (matched, &mut retry) {
            (Some(next), _) => next,
            (None, Some(star)) => {
                let [_, rest @ ..] = star.text else { return false };
                star.text = rest;
                *star
            }
            (None, None) => return false,
        };
    }
}

#[derive(Clone, Copy)]
struct Position<'a> {
    pattern: &'a [u8],
    text: &'a [u8],
}

/// What is left of the pattern if its first element, no star, takes `byte`.
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', set @ ..] => match_set(set, byte, nocase),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => same(*literal, byte, nocase).then_some(rest),
        [] => None,
    }
}

/// The same for a set, behind its `[`.
fn match_set(set: &[u8], byte: u8, nocase: bool) -> Option<&[u8]> {
    let (negated, mut rest) = match set {
        [b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut found = false;
    loop {
        rest = match rest {
            [b'\\', literal, after @ ..] => {
                // Redis compares an escaped byte of a set with regard to case, always.
                found |= *literal == byte;
                after
            }
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [] => break,
            [from, b'-', to, after @ ..] => {
                found |= in_range(*from, *to, byte, nocase);
                after
            }
            [literal, after @ ..] => {
                found |= same(*literal, byte, nocase);
                after
            }
        };
    }
    (found != negated).then_some(rest)
}

fn in_range(from: u8, to: u8, byte: u8, nocase: bool) -> bool {
    let fold = |byte: u8| if nocase { byte.to_ascii_lowercase() } else { byte };
    let (from, to) = if from > to { (to, from) } else { (from, to) };
    (fold(from)..=fold(to)).contains(&fold(byte))
}

fn same(one: u8, other: u8, nocase: bool) -> bool {
    one == other || nocase && one.eq_ignore_ascii_case(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        glob_match(pattern.as_bytes(), text.as_bytes(), false)
    }

    #[test]
    fn every_element_matches() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("**", "abc"),
            ("h?llo", "hello"),
            ("h*llo", "heeeello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-c]llo", "hbllo"),
            ("h[c-a]llo", "hbllo"),
            ("a\\*b", "a*b"),
            ("[\\]]", "]"),
            ("a*b*c", "a-b-b-c"),
            ("[abc", "b"),
            ("\\", "\\"),
            ("[a-", "-"),
            // A range up to the bracket, and a set that is not closed.
            ("[a-]", "_"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("?", ""),
            ("h[^e]llo", "hello"),
            ("a\\*b", "axb"),
            ("a*b", "abc"),
            ("[]", "a"),
            ("abc", "ab"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(glob_match(b"HEL[L-M]O*", b"hello", true));
    }

    #[test]
    fn behind_a_thousand_stars_nothing_matches() {
        let text = "a".repeat(2000);
        assert!(matches(&"*?".repeat(1000), &text));
        assert!(!matches(&"*?".repeat(1001), &text));
        assert!(matches(&("*?".repeat(1000) + "**"), &text));
        assert!(matches(&("*".repeat(5000) + "?"), &text));
        assert!(matches(&"?".repeat(2000), &text));
        assert!(!matches(&"?*".repeat(1002), &text));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(10_000)));
    }
}
