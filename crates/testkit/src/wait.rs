//! The one loop that polls. Tests wait on conditions through it, never for a time.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Waits until `condition` yields a value.
///
/// # Errors
/// If it has not within `limit`; the error says `what` was waited for.
pub fn within<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("{what}: not within {limit:?}");
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Waits until `condition` holds.
///
/// # Errors
/// If it does not within `limit`; the error says `what` was waited for.
pub fn until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) -> Result<()> {
    within(limit, what, || condition().then_some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_waited_for_and_given_up() {
        let mut left = 3;
        let counted = within(Duration::from_secs(5), "countdown", || {
            left -= 1;
            (left == 0).then_some("done")
        });
        assert_eq!(counted.expect("reached"), "done");
        let error = until(Duration::ZERO, "the impossible", || false).expect_err("never holds");
        assert!(error.to_string().starts_with("the impossible"));
    }
}
