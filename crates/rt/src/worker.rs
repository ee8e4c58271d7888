//! A worker: one thread that takes whatever waits in its queue, does it in one go, and takes again.
//!
//! In a simulation there are no threads: the same work runs as a task of the simulated host, which dies with it, and
//! the time that a device takes passes on the simulation's clock.

use std::{collections::VecDeque, io, mem, sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

/// What a worker does, in two steps, between which a simulated device takes its time.
pub trait Work: Send + 'static {
    /// What is queued.
    type Item: Send + 'static;

    /// Takes at least one item from the front, and starts on what it took.
    fn begin(&mut self, waiting: &mut VecDeque<Self::Item>);

    /// How long a simulated device takes before [`Work::finish`].
    fn delay(&self) -> Duration {
        Duration::ZERO
    }

    /// Finishes what was begun.
    fn finish(&mut self) {}

    /// Called once, when the queue is empty and no more can come.
    fn close(&mut self) {}
}

struct State<T> {
    items: VecDeque<T>,
    /// Something waits that may not wait for others to come along.
    urgent: bool,
    sleeping: bool,
    closed: bool,
    ended: bool,
}

struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    #[cfg(feature = "sim")]
    notify: tokio::sync::Notify,
}

impl<T> Queue<T> {
    fn wake(&self) {
        self.ready.notify_one();
        #[cfg(feature = "sim")]
        self.notify.notify_one();
    }
}

/// The queue's end for those who have work; dropping it lets the worker finish what waits and end.
pub struct Sender<T>(Arc<Queue<T>>);

impl<T> Sender<T> {
    /// Queues an item, and wakes the worker if it sleeps.
    ///
    /// # Errors
    /// Gives the item back if the worker has ended.
    pub fn push(&self, item: T) -> Result<(), T> {
        self.queue(item, true)
    }

    /// Queues an item that is done together with the next one that is pushed.
    ///
    /// # Errors
    /// Gives the item back if the worker has ended.
    pub fn push_lazy(&self, item: T) -> Result<(), T> {
        self.queue(item, false)
    }

    fn queue(&self, item: T, urgent: bool) -> Result<(), T> {
        let mut state = self.0.state.lock();
        if state.ended {
            return Err(item);
        }
        state.items.push_back(item);
        state.urgent |= urgent;
        let wake = urgent && mem::take(&mut state.sleeping);
        drop(state);
        if wake {
            self.0.wake();
        }
        Ok(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.wake();
    }
}

/// The worker's end; marks the queue when it goes, also by a panic or by the crash of a simulated host.
struct Receiver<T>(Arc<Queue<T>>);

impl<T> Receiver<T> {
    /// Takes all that waits, and says whether no more can come. `None`: nothing is urgent, the worker may sleep.
    fn take(state: &mut State<T>, waiting: &mut VecDeque<T>) -> Option<bool> {
        if !state.urgent && !state.closed {
            state.sleeping = true;
            return None;
        }
        state.urgent = false;
        state.sleeping = false;
        mem::swap(&mut state.items, waiting);
        Some(state.closed)
    }

    fn wait(&self, waiting: &mut VecDeque<T>) -> bool {
        let mut state = self.0.state.lock();
        loop {
            if let Some(closed) = Self::take(&mut state, waiting) {
                return closed;
            }
            self.0.ready.wait(&mut state);
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.ended = true;
        let left = mem::take(&mut state.items);
        drop(state);
        // Dropped without the lock: an item may hold what sends to this queue.
        drop(left);
    }
}

/// Starts a worker.
///
/// # Errors
/// If the system has no thread left.
pub fn spawn<W: Work>(name: &str, work: W) -> io::Result<Sender<W::Item>> {
    let state = State { items: VecDeque::new(), urgent: false, sleeping: false, closed: false, ended: false };
    let queue = Arc::new(Queue {
        state: Mutex::new(state),
        ready: Condvar::new(),
        #[cfg(feature = "sim")]
        notify: tokio::sync::Notify::new(),
    });
    let receiver = Receiver(queue.clone());
    #[cfg(feature = "sim")]
    if turmoil::in_simulation() {
        tokio::spawn(run_task(receiver, work));
        return Ok(Sender(queue));
    }
    std::thread::Builder::new().name(name.to_owned()).spawn(move || run_thread(&receiver, work))?;
    Ok(Sender(queue))
}

fn run_thread<W: Work>(receiver: &Receiver<W::Item>, mut work: W) {
    let mut waiting = VecDeque::new();
    loop {
        let closed = receiver.wait(&mut waiting);
        while !waiting.is_empty() {
            work.begin(&mut waiting);
            let delay = work.delay();
            if !delay.is_zero() {
                std::thread::sleep(delay);
            }
            work.finish();
        }
        if closed {
            work.close();
            return;
        }
    }
}

#[cfg(feature = "sim")]
async fn run_task<W: Work>(receiver: Receiver<W::Item>, mut work: W) {
    let mut waiting = VecDeque::new();
    loop {
        let closed = loop {
            let taken = Receiver::take(&mut receiver.0.state.lock(), &mut waiting);
            match taken {
                Some(closed) => break closed,
                None => receiver.0.notify.notified().await,
            }
        };
        while !waiting.is_empty() {
            work.begin(&mut waiting);
            let delay = work.delay();
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            work.finish();
        }
        if closed {
            work.close();
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    struct Collect {
        taken: mpsc::Sender<Vec<u32>>,
        gate: mpsc::Receiver<()>,
    }

    impl Work for Collect {
        type Item = u32;

        fn begin(&mut self, waiting: &mut VecDeque<u32>) {
            self.taken.send(waiting.drain(..).collect()).unwrap();
        }

        fn finish(&mut self) {
            self.gate.recv().unwrap();
        }

        fn close(&mut self) {
            self.taken.send(vec![]).unwrap();
        }
    }

    #[test]
    fn what_gathers_during_one_round_is_taken_together_in_the_next() {
        let (taken, rounds) = mpsc::channel();
        let (open, gate) = mpsc::channel();
        let sender = spawn("collect", Collect { taken, gate }).unwrap();
        sender.push_lazy(1).unwrap();
        sender.push(2).unwrap();
        assert_eq!(rounds.recv().unwrap(), [1, 2]);
        for item in 3..6 {
            sender.push(item).unwrap();
        }
        open.send(()).unwrap();
        assert_eq!(rounds.recv().unwrap(), [3, 4, 5]);
        sender.push_lazy(6).unwrap();
        open.send(()).unwrap();
        open.send(()).unwrap();
        drop(sender);
        assert_eq!(rounds.recv().unwrap(), [6]);
        assert_eq!(rounds.recv().unwrap(), []);
    }
}

#[cfg(all(test, feature = "sim"))]
mod simulated_tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    struct Count {
        begun: Arc<AtomicU32>,
        finished: Arc<AtomicU32>,
    }

    impl Work for Count {
        type Item = ();

        fn begin(&mut self, waiting: &mut VecDeque<()>) {
            waiting.clear();
            self.begun.fetch_add(1, Relaxed);
        }

        fn delay(&self) -> Duration {
            Duration::from_millis(50)
        }

        fn finish(&mut self) {
            self.finished.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn in_a_simulation_it_takes_simulated_time_and_dies_with_its_host() {
        let (begun, finished) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut sim = turmoil::Builder::new().build();
        let counts = (begun.clone(), finished.clone());
        sim.host("node", move || {
            let (begun, finished) = counts.clone();
            async move {
                let sender = spawn("count", Count { begun, finished })?;
                for _ in 0..3 {
                    sender.push(()).map_err(|()| "ended")?;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                std::future::pending().await
            }
        });
        let run_for = |sim: &mut turmoil::Sim<'_>, time: u64| {
            let until = sim.elapsed() + Duration::from_millis(time);
            while sim.elapsed() < until {
                sim.step().unwrap();
            }
        };
        run_for(&mut sim, 30);
        assert_eq!((begun.load(Relaxed), finished.load(Relaxed)), (1, 0));
        run_for(&mut sim, 200);
        assert_eq!((begun.load(Relaxed), finished.load(Relaxed)), (2, 1));
        sim.crash("node");
        run_for(&mut sim, 500);
        assert_eq!((begun.load(Relaxed), finished.load(Relaxed)), (2, 1));
    }
}
