//! What goes out to one client: batches in the order in which their commands came, and the bytes not yet on the socket.
//!
//! Whoever completes the batch at the front writes it to the socket at once, from the task the replies arrived at. Only
//! what the socket does not take waits for the connection's own task.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use meridian_rt::net::WriteHalf;
use parking_lot::Mutex;
use tokio::{io::AsyncWrite, sync::Notify};

use super::batch::Batch;
use crate::tracking::Flying;

/// A buffer larger than this is given back once it is empty.
const KEEP_BYTES: usize = 64 << 10;
/// What a reply may weigh before there has been one.
const REPLY_BYTES_UNKNOWN: usize = 32 << 10;

/// The way out to one client.
#[derive(Debug)]
pub(crate) struct Output {
    state: Mutex<State>,
    /// The connection's task should flush, or look at what has changed.
    changed: Notify,
    /// Batches that are not complete.
    unfinished: AtomicUsize,
    /// Bytes that the socket has not taken.
    waiting: AtomicUsize,
    /// Bytes of a reply in the newest batch that went through here, on average.
    reply_bytes: AtomicUsize,
    broken: AtomicBool,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Arc<Batch>>,
    buffer: Vec<u8>,
    /// Messages that come behind the reply under way.
    held: Option<Vec<u8>>,
    /// How much of the buffer is on the socket.
    written: usize,
    /// Gone once the connection is over.
    writer: Option<WriteHalf>,
}

impl Output {
    pub(crate) fn new(writer: WriteHalf) -> Arc<Output> {
        let state = State {
            queue: VecDeque::new(),
            buffer: Vec::new(),
            held: None,
            written: 0,
            writer: Some(writer),
        };
        Arc::new(Output {
            state: Mutex::new(state),
            changed: Notify::new(),
            unfinished: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            reply_bytes: AtomicUsize::new(REPLY_BYTES_UNKNOWN),
            broken: AtomicBool::new(false),
        })
    }

    /// How many batches still wait for replies.
    pub(crate) fn unfinished(&self) -> usize {
        self.unfinished.load(Ordering::Acquire)
    }

    /// How many bytes the socket has not taken.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// How heavy replies to this client are.
    pub(crate) fn reply_bytes(&self) -> usize {
        self.reply_bytes.load(Ordering::Relaxed)
    }

    /// Whether the socket has failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Queues a batch that waits for replies.
    pub(crate) fn push(&self, batch: Arc<Batch>) {
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        self.state.lock().queue.push_back(batch);
    }

    /// Writes replies that are there already, and with them their flight lands. Only when nothing is unfinished.
    pub(crate) fn write(&self, mut flight: Option<Flying>, fill: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        debug_assert!(state.queue.is_empty(), "replies keep the order of their commands");
        fill(&mut state.buffer);
        if let Some(flight) = &mut flight {
            flight.touch_down();
        }
        self.write_out(&mut state);
        drop(state);
        // Sends what became invalid meanwhile behind the replies.
        drop(flight);
    }

    /// Sends a message that is no reply, at once or behind the reply under way. Answers how many bytes wait.
    pub(crate) fn send_message(&self, message: &[u8]) -> usize {
        let mut state = self.state.lock();
        if state.writer.is_none() {
            return 0;
        }
        let held = match &mut state.held {
            Some(held) => {
                held.extend_from_slice(message);
                held.len()
            }
            None => {
                state.buffer.extend_from_slice(message);
                self.write_out(&mut state);
                0
            }
        };
        drop(state);
        let waiting = self.waiting_bytes() + held;
        if waiting > 0 {
            // For the connection's task to see how much it is.
            self.changed.notify_one();
        }
        waiting
    }

    /// Holds messages back until [`Output::release`].
    pub(crate) fn hold(&self) {
        self.state.lock().held.get_or_insert_default();
    }

    /// Sends the messages that were held back.
    pub(crate) fn release(&self) {
        let mut state = self.state.lock();
        let Some(held) = state.held.take().filter(|held| !held.is_empty()) else { return };
        state.buffer.extend_from_slice(&held);
        self.write_out(&mut state);
    }

    /// A batch is complete: writes all that are, from the front on.
    pub(crate) fn batch_done(&self) {
        let mut state = self.state.lock();
        let mut done = 0;
        let mut landed = Vec::new();
        while state.queue.front().is_some_and(|batch| batch.is_complete()) {
            let Some(batch) = state.queue.pop_front() else { break };
            let before = state.buffer.len();
            batch.assemble(&mut state.buffer);
            let bytes = state.buffer.len() - before;
            self.reply_bytes.store(bytes / batch.commands().max(1), Ordering::Relaxed);
            if let Some(mut flight) = batch.take_flight() {
                flight.touch_down();
                landed.push(flight);
            }
            done += 1;
        }
        if done == 0 {
            return;
        }
        self.write_out(&mut state);
        drop(state);
        // Sends what became invalid meanwhile behind the replies.
        drop(landed);
        self.unfinished.fetch_sub(done, Ordering::AcqRel);
        self.changed.notify_one();
    }

    /// Tries the socket, unless bytes wait already: those have to go first, and the connection's task sees to them.
    fn write_out(&self, state: &mut State) {
        let untouched = self.waiting.load(Ordering::Acquire) == 0;
        if untouched {
            let mut cx = Context::from_waker(Waker::noop());
            // Not ready means that the connection's task waits for the socket instead.
            if let Poll::Ready(Err(_)) = state.poll_flush(&mut cx) {
                self.broken.store(true, Ordering::Release);
            }
        }
        let waiting = state.buffer.len() - state.written;
        self.waiting.store(waiting, Ordering::Release);
        if waiting > 0 && untouched || self.is_broken() {
            self.changed.notify_one();
        }
    }

    /// Writes until the socket has everything.
    pub(crate) async fn flush(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            let mut state = self.state.lock();
            let polled = state.poll_flush(cx);
            self.waiting.store(state.buffer.len() - state.written, Ordering::Release);
            if let Poll::Ready(Err(_)) = &polled {
                self.broken.store(true, Ordering::Release);
            }
            polled
        })
        .await
    }

    /// Nothing more will be sent, and the socket is let go although replies may still be under way.
    pub(crate) fn give_up(&self) {
        self.broken.store(true, Ordering::Release);
        self.state.lock().writer = None;
    }

    /// Tells the peer that nothing more comes.
    pub(crate) async fn shutdown(&self) {
        let closed = std::future::poll_fn(|cx| match &mut self.state.lock().writer {
            Some(writer) => Pin::new(writer).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        })
        .await;
        if let Err(error) = closed {
            tracing::trace!(%error, "the client was gone before its connection was closed");
        }
    }

    /// Returns when a batch has been written or bytes have begun to wait.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl State {
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.buffer.len() {
            let Some(writer) = &mut self.writer else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            match Pin::new(writer).poll_write(cx, &self.buffer[self.written..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.drop_written();
                    return Poll::Pending;
                }
            }
        }
        self.written = 0;
        if self.buffer.capacity() > KEEP_BYTES {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// Gives back the front of a buffer that is mostly written.
    fn drop_written(&mut self) {
        if self.written > KEEP_BYTES && self.written > self.buffer.len() / 2 {
            self.buffer.drain(..self.written);
            self.written = 0;
        }
    }
}
