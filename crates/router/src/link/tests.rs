use std::{mem, sync::Arc, time::Duration};

use bytes::Bytes;
use meridian_command::ReplyError;
use meridian_rt::clock::Instant;
use meridian_topology::{DatabaseId, NodeId, ShardId};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{Caches, Link, Part, Target, WaitFor, Waiter};
use crate::{
    local::{Batch, Outcome, ReadAnswer, Replica},
    router::Finder,
};

/// A replica that keeps what it is given until the test decides.
#[derive(Debug, Default)]
struct Fake {
    queued: Mutex<Vec<Batch>>,
    refuses: Mutex<Option<Outcome>>,
    reads: Mutex<Option<ReadAnswer>>,
}

impl Fake {
    fn take(&self) -> Vec<Batch> {
        mem::take(&mut self.queued.lock())
    }

    fn sequences(&self) -> Vec<(u64, u32)> {
        self.queued.lock().iter().map(|batch| (batch.first_sequence, batch.count)).collect()
    }
}

impl Replica for Fake {
    fn read(&self, _: DatabaseId, commands: &[u8], replies: &mut Vec<u8>) -> ReadAnswer {
        let answer = self.reads.lock().unwrap_or(ReadAnswer::Done);
        if answer == ReadAnswer::Done {
            replies.extend_from_slice(commands);
        }
        answer
    }

    fn enqueue(&self, batch: Batch) -> Result<(), Outcome> {
        if let Some(outcome) = self.refuses.lock().clone() {
            return Err(outcome);
        }
        self.queued.lock().push(batch);
        Ok(())
    }

    fn leads(&self) -> Result<(), Option<NodeId>> {
        Ok(())
    }

    fn leader_changes(&self) -> watch::Receiver<Option<NodeId>> {
        watch::channel(None).1
    }
}

#[derive(Debug, Default)]
struct Searches(Mutex<Vec<Option<NodeId>>>);

impl Finder for Searches {
    fn find(&self, _: Arc<Link>, hint: Option<NodeId>) {
        self.0.lock().push(hint);
    }

    fn caches(&self) -> Option<Arc<dyn Caches>> {
        None
    }
}

#[derive(Debug, Default)]
struct Client(Mutex<Vec<(usize, Result<Bytes, ReplyError>)>>);

impl Client {
    fn answers(&self) -> Vec<(usize, Result<Bytes, ReplyError>)> {
        mem::take(&mut self.0.lock())
    }
}

impl WaitFor for Client {
    fn part_done(self: Arc<Self>, part: usize, result: Result<Bytes, ReplyError>) {
        self.0.lock().push((part, result));
    }
}

struct World {
    link: Arc<Link>,
    searches: Arc<Searches>,
    client: Arc<Client>,
    fake: Arc<Fake>,
}

fn world() -> World {
    let searches = Arc::new(Searches::default());
    World {
        link: Link::new(ShardId(1), Arc::clone(&searches) as _),
        searches,
        client: Arc::default(),
        fake: Arc::default(),
    }
}

impl World {
    fn submit(&self, part: usize, logged: bool, count: u32) {
        self.link.submit(Part {
            database: DatabaseId::DEFAULT,
            logged,
            count,
            commands: Bytes::from(vec![part as u8]),
            epoch: 1,
            deadline: Instant::now() + Duration::from_secs(5),
            client: 7,
            waiter: Waiter { target: Arc::clone(&self.client) as _, part },
        });
    }

    fn lead(&self) {
        self.link.retarget(NodeId(1), Target::Local(Arc::clone(&self.fake) as _));
    }
}

fn done(batch: Batch) {
    let reply = batch.commands.clone();
    batch.ticket.sink.complete(batch.ticket.number, Outcome::Done(reply));
}

#[tokio::test]
async fn parts_wait_for_a_leader_and_keep_their_order() {
    let world = world();
    world.submit(0, true, 2);
    world.submit(1, true, 3);
    assert_eq!(*world.searches.0.lock(), [None], "one search for all that waits");
    world.lead();
    assert_eq!(world.fake.sequences(), [(1, 2), (3, 3)]);
    world.fake.take().into_iter().for_each(done);
    assert_eq!(
        world.client.answers(),
        [(0, Ok(Bytes::from_static(&[0]))), (1, Ok(Bytes::from_static(&[1])))]
    );
}

#[tokio::test]
async fn what_was_refused_is_sent_again_with_its_sequences() {
    let world = world();
    world.lead();
    world.submit(0, true, 1);
    world.submit(1, true, 1);
    let first = world.fake.take();
    let ticket = first[0].ticket.clone();
    ticket.sink.complete(ticket.number, Outcome::NotLeader(Some(NodeId(2))));
    assert_eq!(*world.searches.0.lock(), [Some(NodeId(2))]);
    world.lead();
    assert_eq!(world.fake.sequences(), [(1, 1), (2, 1)]);
    // The second answer of the first attempt comes late: the same command is under way again.
    done(first.into_iter().nth(1).expect("two were sent"));
    assert_eq!(world.client.answers(), []);
    world.fake.take().into_iter().for_each(done);
    assert_eq!(world.client.answers().len(), 2);
}

#[tokio::test]
async fn the_watermark_follows_what_is_answered_without_a_hole() {
    let world = world();
    world.lead();
    world.submit(0, true, 1);
    world.submit(1, true, 1);
    let mut batches = world.fake.take();
    done(batches.remove(1));
    world.submit(2, true, 1);
    assert_eq!(world.fake.take()[0].watermark, 0, "the first has no answer yet");
    done(batches.remove(0));
    world.submit(3, true, 1);
    assert_eq!(world.fake.take()[0].watermark, 2);
}

#[tokio::test]
async fn out_of_time_says_whether_it_may_be_applied() {
    let world = world();
    world.submit(0, true, 1);
    let later = Instant::now() + Duration::from_secs(60);
    world.link.expire(later);
    assert_eq!(world.client.answers(), [(0, Err(ReplyError::NOT_APPLIED_NO_LEADER))]);
    world.lead();
    assert_eq!(world.fake.sequences(), [], "what was answered with an error is never sent");
    world.submit(1, true, 1);
    world.link.expire(later);
    assert_eq!(world.client.answers(), [(1, Err(ReplyError::OUTCOME_UNKNOWN))]);
    world.fake.take().into_iter().for_each(done);
    assert_eq!(world.client.answers(), [], "nobody is answered twice");
}

#[tokio::test]
async fn a_forgotten_session_is_replaced_and_nothing_is_executed_twice() {
    let world = world();
    world.lead();
    world.submit(0, true, 1);
    let batch = world.fake.take().remove(0);
    let session = batch.session;
    batch.ticket.sink.complete(batch.ticket.number, Outcome::SessionExpired);
    let again = world.fake.take().remove(0);
    assert_ne!(again.session, session);
    assert_eq!(again.first_sequence, 1);
    // Once more: now it may have been executed under the second session.
    again.ticket.sink.complete(again.ticket.number, Outcome::SessionExpired);
    assert_eq!(world.client.answers(), [(0, Err(ReplyError::OUTCOME_UNKNOWN))]);
}

#[tokio::test]
async fn a_read_does_not_overtake_one_that_waits_in_the_queue() {
    let world = world();
    world.lead();
    *world.fake.reads.lock() = Some(ReadAnswer::Queue);
    world.submit(0, false, 1);
    *world.fake.reads.lock() = Some(ReadAnswer::Done);
    world.submit(1, false, 1);
    assert_eq!(world.client.answers(), []);
    let queued = world.fake.take();
    assert!(queued.iter().all(|batch| batch.session == 0));
    queued.into_iter().for_each(done);
    assert_eq!(world.client.answers().len(), 2);
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_next_writes_begin_anew() {
    let world = world();
    world.lead();
    *world.fake.refuses.lock() = Some(Outcome::DiskFull);
    world.submit(0, true, 1);
    world.submit(1, true, 1);
    let refused = |part| (part, Err(ReplyError::DISK_FULL));
    assert_eq!(world.client.answers(), [refused(0), refused(1)]);
    *world.fake.refuses.lock() = None;
    world.submit(2, true, 1);
    let batch = world.fake.take().remove(0);
    assert_eq!(batch.first_sequence, 1, "no sequence is missing in the session");
    done(batch);
    assert_eq!(world.client.answers().len(), 1);
    // What was sent before may have been executed by somebody else.
    world.submit(3, true, 1);
    world.fake.take();
    *world.fake.refuses.lock() = Some(Outcome::DiskFull);
    world.lead();
    assert_eq!(world.client.answers(), [(3, Err(ReplyError::OUTCOME_UNKNOWN))]);
}

#[tokio::test]
async fn a_full_queue_is_tried_again() {
    let world = world();
    *world.fake.refuses.lock() = Some(Outcome::Busy);
    world.lead();
    world.submit(0, true, 1);
    assert_eq!(world.client.answers(), []);
    *world.fake.refuses.lock() = None;
    world.lead();
    world.fake.take().into_iter().for_each(done);
    assert_eq!(world.client.answers().len(), 1);
}
