//! What became of every write, and what follows from it.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use meridian_resp::Value;

use crate::Client;

/// How many keys are asked for at once when writes are verified.
const VERIFY_BATCH: usize = 256;

/// What a writer was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done. With the count, if it was an increment.
    Acknowledged(Option<i64>),
    /// An error that says it was not applied.
    Refused(String),
    /// Sent, and no reply, or an error that leaves it open.
    Unknown(String),
    /// Never sent.
    Unsent(String),
}

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    pub writer: usize,
    /// The index of the address it was sent to.
    pub target: usize,
    pub key: String,
    /// `None` is an increment.
    pub value: Option<String>,
    /// Since the load began.
    pub sent: Duration,
    /// Since the load began.
    pub answered: Duration,
    pub outcome: Outcome,
}

impl Write {
    fn acknowledged(&self) -> bool {
        matches!(self.outcome, Outcome::Acknowledged(_))
    }
}

/// All writes of a load.
#[derive(Clone, Debug)]
pub struct Record {
    writes: Vec<Write>,
    lasted: Duration,
}

impl Record {
    pub(super) fn new(writes: Vec<Write>, lasted: Duration) -> Record {
        Record { writes, lasted }
    }

    /// All writes, by writer and then by time.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// How many were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.writes.iter().filter(|write| write.acknowledged()).count()
    }

    /// The writes at these targets that were not acknowledged.
    pub fn failures(&self, targets: &[usize]) -> Vec<&Write> {
        self.writes.iter().filter(|write| !write.acknowledged() && targets.contains(&write.target)).collect()
    }

    /// The longest time that a writer at one of these targets was without an acknowledgement between two moments.
    ///
    /// A writer sends one write after the other, to keys of all shards: while one shard has no leader, it stands still.
    pub fn longest_gap(&self, targets: &[usize], from: Duration, to: Duration) -> Duration {
        let mut last: BTreeMap<usize, Duration> = BTreeMap::new();
        let mut longest = Duration::ZERO;
        let mut see = |writer: usize, at: Duration| {
            let before = last.insert(writer, at).unwrap_or(from).max(from);
            longest = longest.max(at.min(to).saturating_sub(before));
        };
        let of_targets = |write: &&Write| targets.contains(&write.target);
        for write in self.writes.iter().filter(of_targets).filter(|write| write.acknowledged()) {
            see(write.writer, write.answered);
        }
        for write in self.writes.iter().filter(of_targets) {
            // Until the end, for those that never came back.
            see(write.writer, self.lasted);
        }
        longest
    }

    /// Reads everything back and checks that nothing acknowledged is missing or different, that nothing refused is
    /// there, and that every increment happened exactly once.
    ///
    /// # Errors
    /// If something is not as it must be, or cannot be read.
    pub fn verify(&self, client: &mut Client) -> Result<()> {
        let sets: Vec<&Write> = self.writes.iter().filter(|write| write.value.is_some()).collect();
        let mut wrong = Vec::new();
        for batch in sets.chunks(VERIFY_BATCH) {
            let commands: Vec<Vec<&str>> = batch.iter().map(|write| vec!["GET", &write.key]).collect();
            for (write, reply) in batch.iter().zip(client.pipeline(&commands)?) {
                let found = match &reply {
                    Value::Null => None,
                    Value::Bulk(_) => reply.as_str(),
                    other => anyhow::bail!("GET {}: {other:?}", write.key),
                };
                if !agrees(write, found) {
                    wrong.push(format!("{} {:?}: found {found:?}", write.key, write.outcome));
                }
            }
        }
        self.verify_counts(client, &mut wrong)?;
        ensure!(
            wrong.is_empty(),
            "{} of {} writes: {:#?}",
            wrong.len(),
            self.writes.len(),
            &wrong[..wrong.len().min(10)]
        );
        Ok(())
    }

    fn verify_counts(&self, client: &mut Client, wrong: &mut Vec<String>) -> Result<()> {
        let mut counters: BTreeMap<&str, Vec<&Write>> = BTreeMap::new();
        for write in self.writes.iter().filter(|write| write.value.is_none()) {
            counters.entry(&write.key).or_default().push(write);
        }
        for (key, writes) in counters {
            let reply = client.call(&["GET", key])?;
            let found = reply.as_str().map_or(Ok(0), str::parse::<i64>)?;
            // At least this, and at most this, at every moment.
            let (mut least, mut most) = (0, 0);
            for write in writes {
                match write.outcome {
                    Outcome::Acknowledged(Some(count)) => {
                        if !(least + 1..=most + 1).contains(&count) {
                            wrong.push(format!(
                                "{key}: counted {count}, expected {}..={}",
                                least + 1,
                                most + 1
                            ));
                        }
                        (least, most) = (count, (most + 1).max(count));
                    }
                    Outcome::Acknowledged(None) | Outcome::Unknown(_) => most += 1,
                    Outcome::Refused(_) | Outcome::Unsent(_) => {}
                }
            }
            if !(least..=most).contains(&found) {
                wrong.push(format!("{key}: {found}, expected {least}..={most}"));
            }
        }
        Ok(())
    }
}

/// Whether what was found may follow from what the writer was told.
fn agrees(write: &Write, found: Option<&str>) -> bool {
    match write.outcome {
        Outcome::Acknowledged(_) => found == write.value.as_deref(),
        Outcome::Unknown(_) => found.is_none() || found == write.value.as_deref(),
        Outcome::Refused(_) | Outcome::Unsent(_) => found.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(writer: usize, at: u64, outcome: Outcome) -> Write {
        Write {
            writer,
            target: writer,
            key: "k".to_owned(),
            value: Some("v".to_owned()),
            sent: Duration::from_millis(at),
            answered: Duration::from_millis(at + 1),
            outcome,
        }
    }

    #[test]
    fn a_gap_is_the_longest_of_any_writer() {
        let done = Outcome::Acknowledged(None);
        let writes = vec![
            write(0, 9, done.clone()),
            write(0, 19, done.clone()),
            write(0, 99, done.clone()),
            write(1, 9, done),
            write(1, 20, Outcome::Unknown(String::new())),
        ];
        let record = Record::new(writes, Duration::from_millis(150));
        let gap = |targets: &[usize], from, to| {
            record.longest_gap(targets, Duration::from_millis(from), Duration::from_millis(to)).as_millis()
        };
        assert_eq!(gap(&[0], 0, 150), 80);
        assert_eq!(gap(&[0, 1], 0, 150), 140);
        assert_eq!(gap(&[0], 50, 150), 50);
        assert_eq!(gap(&[1], 0, 100), 90);
        assert_eq!(record.failures(&[0, 1]).len(), 1);
        assert_eq!(record.failures(&[0]).len(), 0);
    }

    #[test]
    fn an_outcome_says_what_may_be_found() {
        let refused = write(0, 0, Outcome::Refused("ERR no".to_owned()));
        assert!(agrees(&refused, None) && !agrees(&refused, Some("v")));
        let unknown = write(0, 0, Outcome::Unknown(String::new()));
        assert!(agrees(&unknown, None) && agrees(&unknown, Some("v")) && !agrees(&unknown, Some("w")));
        let done = write(0, 0, Outcome::Acknowledged(None));
        assert!(!agrees(&done, None) && agrees(&done, Some("v")));
    }
}
