//! A key that has expired never comes back; and with clocks that agree it is there exactly as long as it should be.

use super::Violation;

/// A key that was set once, and what one client saw of it since, one read after the other.
#[derive(Debug)]
pub(crate) struct Expiring {
    pub(crate) key: String,
    /// When the command that set it was sent and answered, in microseconds, and the time to live it was given.
    pub(crate) called: u64,
    pub(crate) answered: u64,
    pub(crate) ttl: u64,
    /// Whether all clocks agree.
    pub(crate) exact: bool,
    pub(crate) gone_at: Option<u64>,
}

impl Expiring {
    /// A read that was called and answered at these times found the key or not.
    pub(crate) fn read(&mut self, called: u64, answered: u64, found: bool) -> Result<(), Violation> {
        // Clocks are read in milliseconds.
        let due_first = (self.called + self.ttl).saturating_sub(1000);
        let due_last = self.answered + self.ttl + 1000;
        let wrong = match (found, self.gone_at) {
            (true, Some(gone_at)) => Some(format!("is back, after it was gone at {gone_at}")),
            (true, None) if self.exact && called > due_last => Some("is still there".to_owned()),
            (false, _) if self.exact && answered < due_first => Some("is gone already".to_owned()),
            _ => None,
        };
        if !found {
            self.gone_at.get_or_insert(answered);
        }
        match wrong {
            None => Ok(()),
            Some(wrong) => {
                let set = format!("set at {}..{} for {}", self.called, self.answered, self.ttl);
                let what = format!("{} {wrong} at {called}..{answered}; {set}", self.key);
                Err(Violation::new("expired is gone", what))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(exact: bool) -> Expiring {
        Expiring { key: "k".to_owned(), called: 10_000, answered: 20_000, ttl: 50_000, exact, gone_at: None }
    }

    #[test]
    fn keys_that_come_back_or_keep_wrong_time_are_found() {
        assert!(key(true).read(30_000, 40_000, true).is_ok());
        assert!(key(true).read(60_000, 75_000, false).is_ok());
        assert!(key(true).read(30_000, 40_000, false).is_err());
        assert!(key(true).read(80_000, 90_000, true).is_err());
        assert!(key(false).read(80_000, 90_000, true).is_ok());
        let mut back = key(false);
        assert!(back.read(30_000, 40_000, false).is_ok());
        assert!(back.read(50_000, 60_000, true).is_err());
    }
}
