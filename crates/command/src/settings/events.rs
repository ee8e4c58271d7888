//! The letters of `notify-keyspace-events`, as bits.

/// Publish to `__keyspace@N__:KEY`.
pub const KEYSPACE: i64 = 1;
/// Publish to `__keyevent@N__:EVENT`.
pub const KEYEVENT: i64 = 1 << 1;

/// Letters of classes that `A` stands for, in the order in which they are shown; their bits follow those above.
const ALL: &str = "g$lshzxetd";
/// Those that it does not stand for.
const OTHERS: &str = "nm";

/// All bits that mean something.
pub const KNOWN: i64 = (1 << (2 + ALL.len() + OTHERS.len())) - 1;

/// The bit of a class by its letter; 0 if there is none.
pub fn class(letter: char) -> i64 {
    let mut classes = ALL.chars().chain(OTHERS.chars());
    classes.position(|known| known == letter).map_or(0, |place| 1 << (place + 2))
}

fn all() -> i64 {
    ALL.chars().map(class).sum()
}

/// The bits of a text; `None` if a letter means nothing.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |bits, letter| {
        let next = match char::from(*letter) {
            'K' => KEYSPACE,
            'E' => KEYEVENT,
            'A' => all(),
            letter => class(letter),
        };
        (next != 0).then_some(bits | next)
    })
}

/// The text of bits, in Redis' order.
pub(super) fn text(bits: i64) -> String {
    let mut text = String::new();
    if bits & all() == all() {
        text.push('A');
    } else {
        text.extend(ALL.chars().filter(|letter| bits & class(*letter) != 0));
    }
    for (letter, bit) in [('n', class('n')), ('K', KEYSPACE), ('E', KEYEVENT), ('m', class('m'))] {
        if bits & bit != 0 {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shown_as_redis_shows_them() {
        for (given, shown) in
            [("", ""), ("KEA", "AKE"), ("Eg", "gE"), ("g$lshzxetdK", "AK"), ("mKEl$", "$lKEm"), ("An", "An")]
        {
            assert_eq!(parse(given.as_bytes()).map(text).as_deref(), Some(shown), "{given}");
        }
        assert_eq!(parse(b"Kq"), None);
        assert_eq!(parse(b"KEAnm"), Some(KNOWN));
    }
}
