//! Whatever is done, and wherever the power is cut: what is found is what was asked for up to some moment, and that
//! moment is not before the last acknowledgement.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append { group: u32, sizes: Vec<u16> },
    Truncate { group: u32, back: u8 },
    Purge { group: u32, part: u8 },
    Vote { group: u32 },
    Commit { group: u32 },
    Remove { group: u32 },
    Await,
}

#[derive(Clone, Debug)]
struct Life {
    steps: Vec<Step>,
    crash_after: Option<u64>,
    kill: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let group = 0..4_u32;
    prop_oneof![
        8 => (group.clone(), vec(prop_oneof![5 => 0..200_u16, 1 => 0..5000_u16], 1..5))
            .prop_map(|(group, sizes)| Step::Append { group, sizes }),
        1 => (group.clone(), 0..8_u8).prop_map(|(group, back)| Step::Truncate { group, back }),
        2 => (group.clone(), any::<u8>()).prop_map(|(group, part)| Step::Purge { group, part }),
        2 => group.clone().prop_map(|group| Step::Vote { group }),
        2 => group.clone().prop_map(|group| Step::Commit { group }),
        1 => (0..40_u32).prop_map(|group| Step::Remove { group }),
        3 => Just(Step::Await),
    ]
}

fn life() -> impl Strategy<Value = Life> {
    (vec(step(), 0..60), proptest::option::of(0..150_u64), any::<bool>())
        .prop_map(|(steps, crash_after, kill)| Life { steps, crash_after, kill })
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    vote: Option<Bytes>,
    committed: Option<Bytes>,
    purged: Option<LogPosition>,
    entries: Vec<LogEntry>,
}

type Model = BTreeMap<u32, Group>;

fn found(log: &Log) -> Model {
    let read = |id: u32| {
        let group = log.group(id);
        let GroupState { vote, committed, purged, .. } = group.state();
        (id, Group { vote, committed, purged, entries: everything(&group) })
    };
    log.groups().into_iter().map(read).collect()
}

/// Drives a log and remembers what it should hold after each step.
struct Driver {
    log: Log,
    history: Vec<Model>,
    sender: mpsc::Sender<(usize, bool)>,
    receiver: mpsc::Receiver<(usize, bool)>,
    pending: usize,
    /// How many steps are certainly durable.
    acknowledged: usize,
    unique: u64,
}

impl Driver {
    fn done(&mut self) -> Done {
        let (sender, step) = (self.sender.clone(), self.history.len() - 1);
        self.pending += 1;
        Box::new(move |result| sender.send((step, result.is_ok())).unwrap())
    }

    fn await_all(&mut self) {
        while self.pending > 0 {
            let (step, ok) = self.receiver.recv().expect("everyone is answered");
            self.pending -= 1;
            if ok {
                self.acknowledged = self.acknowledged.max(step);
            }
        }
    }

    /// Notes what the log should hold now. Of an empty group nothing is remembered.
    fn note(&mut self, mut model: Model) {
        model.retain(|_, group| *group != Group::default());
        self.history.push(model);
    }

    fn run(&mut self, step: &Step) {
        self.unique += 1;
        let text = Bytes::from(self.unique.to_string());
        let mut model = self.history.last().unwrap().clone();
        match step {
            Step::Await => self.await_all(),
            Step::Append { group, sizes } => {
                let state = model.entry(*group).or_default();
                let last = state.entries.last().map(|entry| entry.index);
                let next = last.or(state.purged.map(|purged| purged.index)).map_or(3, |last| last + 1);
                let new: Vec<LogEntry> = (next..)
                    .zip(sizes)
                    .map(|(index, size)| entry(index, self.unique, &vec![index as u8; *size as usize]))
                    .collect();
                state.entries.extend(new.iter().cloned());
                self.note(model);
                let done = self.done();
                self.log.group(*group).append(new, done);
            }
            Step::Truncate { group, back } => {
                let Some(state) = model.get_mut(group) else { return };
                let keep = state.entries.len().saturating_sub(usize::from(*back));
                state.entries.truncate(keep);
                let after = state.entries.last().map(|entry| entry.index);
                self.note(model);
                let done = self.done();
                self.log.group(*group).truncate_after(after, done);
            }
            Step::Purge { group, part } => {
                let Some(state) = model.get_mut(group) else { return };
                let Some(count) = (state.entries.len() * usize::from(*part) / 250).checked_sub(1) else {
                    return;
                };
                let upto = match state.entries.get(count) {
                    Some(entry) => LogPosition { term: entry.term, index: entry.index },
                    None => LogPosition { term: self.unique, index: state.entries.last().unwrap().index + 5 },
                };
                state.entries.retain(|entry| entry.index > upto.index);
                state.purged = Some(upto);
                self.note(model);
                let done = self.done();
                self.log.group(*group).purge(upto, done);
            }
            Step::Vote { group } => {
                model.entry(*group).or_default().vote = Some(text.clone());
                self.note(model);
                let done = self.done();
                self.log.group(*group).save_vote(text, done);
            }
            Step::Commit { group } => {
                model.entry(*group).or_default().committed = Some(text.clone());
                self.note(model);
                self.log.group(*group).save_committed(text);
            }
            Step::Remove { group } => {
                model.remove(group);
                self.note(model);
                let done = self.done();
                self.log.remove_group(*group, done);
            }
        }
    }
}

fn live(disk: &SimDisk, model: Model, life: &Life, unique: &mut u64) -> Model {
    let log = open_with(disk, small()).unwrap();
    assert_eq!(found(&log), model, "opening twice finds the same");
    let (sender, receiver) = mpsc::channel();
    let history = vec![model];
    let mut driver = Driver { log, history, sender, receiver, pending: 0, acknowledged: 0, unique: *unique };
    if let Some(changes) = life.crash_after {
        disk.crash_after(changes);
    }
    for step in &life.steps {
        driver.run(step);
    }
    *unique = driver.unique;
    if life.kill {
        disk.kill()
    } else {
        disk.crash()
    }
    driver.await_all();
    let Driver { log, history, acknowledged, .. } = driver;
    drop(log);
    let log = open_with(disk, small()).unwrap();
    let found = found(&log);
    let moment = history[acknowledged..].iter().rposition(|model| *model == found);
    assert!(
        moment.is_some(),
        "acknowledged {acknowledged} of {}:\nfound {found:?}\nafter the acknowledged {:?}\nat the end {:?}",
        history.len() - 1,
        history[acknowledged],
        history.last()
    );
    disk.crash();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_anywhere_leaves_all_that_was_acknowledged_and_nothing_invented(
        seed in any::<u64>(),
        lives in vec(life(), 1..5),
    ) {
        let disk = SimDisk::new(seed);
        let mut model = Model::new();
        let mut unique = 0;
        for life in &lives {
            model = live(&disk, model, life, &mut unique);
        }
    }
}
