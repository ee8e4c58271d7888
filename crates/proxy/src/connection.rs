//! One client's connection: reads, executes in order, writes once per batch.

use std::sync::{Arc, atomic::Ordering};

use futures_util::future::BoxFuture;
use meridian_command::{Command, ReplyWriter, wire::Head};
use meridian_resp::{Limits, Progress, RequestParser};
use meridian_rt::{clock::Instant, net::TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    Settings, Shared,
    clients::{Buffers, Registration, Trait},
    gate,
    local::{self, Outcome},
    output_limit::OutputGuard,
    session::Session,
    stats::Tally,
};

/// Bytes that a read asks for.
const READ: usize = 16 << 10;
/// Buffers larger than this are given back once they are empty.
const KEPT: usize = 64 << 10;

/// Serves the client until it leaves, is told to, or is drained.
pub(crate) async fn run(stream: TcpStream, registration: Registration, shared: Arc<Shared>) {
    let settings = shared.config.load();
    let session = Session::new(registration, !settings.needs_password());
    let client = Arc::clone(session.client());
    let mut connection = Connection {
        session,
        shared,
        settings,
        parser: RequestParser::new(),
        input: Vec::new(),
        output: Vec::new(),
        tally: Tally::default(),
        guard: OutputGuard::default(),
    };
    tokio::select! {
        biased;
        () = client.killed() => {}
        () = connection.serve(stream) => {}
    }
}

struct Connection {
    session: Session,
    shared: Arc<Shared>,
    settings: Arc<Settings>,
    parser: RequestParser,
    input: Vec<u8>,
    output: Vec<u8>,
    tally: Tally,
    guard: OutputGuard,
}

/// What came of one command.
enum Step {
    Executed,
    /// The reply comes later.
    Pending {
        command: Command,
        answered: bool,
        reply: BoxFuture<'static, Vec<u8>>,
    },
    /// There is no complete command.
    Starved,
    /// Send what is written, then close.
    Close,
}

impl Connection {
    async fn serve(&mut self, mut stream: TcpStream) {
        let drain = self.shared.drain.clone();
        loop {
            let open = self.execute_all().await;
            if !self.output.is_empty() {
                let totals = &self.shared.stats.totals;
                totals.writes.fetch_add(1, Ordering::Relaxed);
                totals.output_bytes.fetch_add(self.output.len() as u64, Ordering::Relaxed);
                if stream.write_all(&self.output).await.is_err() {
                    return;
                }
                clear(&mut self.output);
            }
            if !open {
                // The peer may be gone already.
                drop(stream.shutdown().await);
                return;
            }
            self.report_buffers();
            self.input.reserve(READ);
            tokio::select! {
                biased;
                () = drain.cancelled() => return,
                read = stream.read_buf(&mut self.input) => match read {
                    Ok(length) if length > 0 => self.received(length),
                    _ => return,
                },
            }
        }
    }

    fn received(&mut self, length: usize) {
        let totals = &self.shared.stats.totals;
        totals.reads.fetch_add(1, Ordering::Relaxed);
        totals.input_bytes.fetch_add(length as u64, Ordering::Relaxed);
        self.session.client().touch(Instant::now());
        self.settings = self.shared.config.load();
    }

    /// Executes what was read; whether the connection stays open.
    async fn execute_all(&mut self) -> bool {
        let open = loop {
            let started = Instant::now();
            match self.step() {
                Step::Executed => {}
                Step::Pending { command, answered, reply } => {
                    let reply = reply.await;
                    let failed = self.shared.stats.reply(&reply);
                    self.tally.add(&self.shared.stats, command, started.elapsed(), failed);
                    if answered {
                        self.output.extend_from_slice(&reply);
                    }
                }
                Step::Starved => break true,
                Step::Close => break false,
            }
            let limit = self.settings.output_limits.normal;
            if self.guard.exceeded(limit, self.output.len(), Instant::now()) {
                self.shared.stats.totals.output_limit_closed.fetch_add(1, Ordering::Relaxed);
                tracing::info!(client = self.session.id(), "closed: output buffer limit");
                self.output.clear();
                break false;
            }
        };
        let consumed = self.parser.take_consumed();
        self.input.drain(..consumed);
        if self.input.is_empty() {
            clear(&mut self.input);
        }
        self.tally.flush(&self.shared.stats);
        if open && self.input.len() as u64 > self.settings.query_buffer_limit {
            self.shared.stats.totals.query_limit_closed.fetch_add(1, Ordering::Relaxed);
            tracing::info!(client = self.session.id(), "closed: query buffer limit");
            return false;
        }
        open
    }

    fn step(&mut self) -> Step {
        let Connection { session, shared, settings, parser, input, output, tally, .. } = self;
        let limits = Limits {
            bulk: usize::try_from(settings.max_bulk).unwrap_or(usize::MAX),
            authenticated: session.authenticated(),
            ..Limits::default()
        };
        match parser.parse(input, &limits) {
            Ok(Progress::Command) => {}
            Ok(Progress::Incomplete) => return Step::Starved,
            Err(error) => {
                let before = output.len();
                error.reply().write(output);
                shared.stats.reply(&output[before..]);
                session.client().set(Trait::CLOSE_AFTER_REPLY, true);
                return Step::Close;
            }
        }
        let words: Vec<&[u8]> = parser.args(input).collect();
        if gate::is_http(&words) {
            tracing::info!(client = session.id(), "closed: speaks HTTP");
            return Step::Close;
        }
        let before = output.len();
        let call = match gate::admit(session, &words) {
            Ok(call) => call,
            Err(refusal) => {
                refusal.error.write(output);
                shared.stats.rejected(refusal.command);
                shared.stats.reply(&output[before..]);
                if !session.finish_command() {
                    output.truncate(before);
                }
                return Step::Executed;
            }
        };
        session.client().set_command(call.command);
        let started = Instant::now();
        let outcome = match call.command {
            Command::Engine(command) => {
                let head = Head { command, protocol: session.protocol(), numbered: session.numbered() };
                Outcome::Async(shared.upstream.execute(session.id(), head, call.args.as_slice()))
            }
            Command::Proxy(command) => {
                let mut reply = ReplyWriter::new(output, session.protocol());
                local::execute(&mut local::Context { session, shared }, command, &call.args, &mut reply)
            }
        };
        let answered = session.finish_command();
        if let Outcome::Async(reply) = outcome {
            return Step::Pending { command: call.command, answered, reply };
        }
        let failed = shared.stats.reply(&output[before..]);
        tally.add(&shared.stats, call.command, started.elapsed(), failed);
        if !answered {
            output.truncate(before);
        }
        if matches!(outcome, Outcome::Close) { Step::Close } else { Step::Executed }
    }

    fn report_buffers(&self) {
        self.session.client().set_buffers(Buffers {
            query: self.input.len(),
            query_free: self.input.capacity() - self.input.len(),
            argv: 0,
            reply_capacity: self.output.capacity(),
            unsent: self.output.len(),
        });
    }
}

/// Empties a buffer, and gives its memory back if it is large.
fn clear(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEPT {
        *buffer = Vec::new();
    } else {
        buffer.clear();
    }
}
