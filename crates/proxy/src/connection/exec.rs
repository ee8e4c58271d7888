//! Transactions on a connection: queueing, WATCH, EXEC.
//!
//! A transaction that only shards have to do with travels like any command. One in which commands of this process stand
//! (SELECT, PING, PUBLISH) waits for all before it, then for the shard's reply, and then runs those in their places.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use meridian_command::{Args, Command, EngineCommand, Flags, ProxyCommand, ReplyError, ReplyWriter, wire};
use meridian_resp::elements;
use meridian_router::Table;
use meridian_rt::{clock::Instant, net::ReadHalf};
use meridian_topology::DatabaseId;

use super::{
    Connection, Step,
    building::{Building, Terms},
    told,
};
use crate::{
    Shared,
    gate::{Call, Refusal},
    healing::BySha,
    local::{self, Outcome},
    observe::{Place, Reason, Subject},
    session::Session,
    transaction::{Prepared, Queued, Setting, hold_watched, unwatch, watch},
};

const EXEC: Command = Command::Proxy(ProxyCommand::Exec);
const WATCH: Command = Command::Proxy(ProxyCommand::Watch);

/// Whether a command waits for EXEC where there is a transaction.
pub(super) fn queues(command: Command) -> bool {
    use ProxyCommand as C;
    !matches!(command, Command::Proxy(C::Exec | C::Discard | C::Multi | C::Watch | C::Quit | C::Reset))
}

/// Queues a command until EXEC.
pub(super) fn queue(
    session: &mut Session,
    shared: &Shared,
    building: &mut Building,
    terms: Terms,
    call: &Call<'_>,
    words: &[&[u8]],
) {
    let table = std::sync::Arc::clone(building.table());
    let name = words.len() - call.args.len();
    let words = words.iter().map(|word| word.to_vec()).collect();
    let queued = Queued { command: call.command, words, name, denied: None };
    let allowed = !call.command.spec().flags.contains(Flags::NO_MULTI);
    let Some(transaction) = session.transaction() else { return };
    let taken = if allowed {
        transaction.queue(queued, &table, terms.database)
    } else {
        transaction.fail();
        Err(ReplyError::new("ERR Command not allowed inside a transaction"))
    };
    match taken {
        Ok(()) => building.answer(None, terms, |reply| reply.simple("QUEUED")),
        Err(error) => {
            shared.stats.rejected(Some(call.command));
            super::refuse(shared, building, terms, &error);
        }
    }
    session.show_transaction();
}

/// A call was refused: EXEC will be too. EXEC itself ends the transaction.
pub(super) fn refused(session: &mut Session, shared: &Shared, refusal: &mut Refusal) {
    if refusal.command == Some(EXEC) {
        session.take_transaction();
        unwatch(session.take_watched(), shared);
        let text = refusal.error.line();
        let text = text.strip_prefix(b"ERR ").unwrap_or(text);
        if !text.starts_with(b"EXECABORT ") {
            let line = [b"EXECABORT Transaction discarded because of: ", text].concat();
            refusal.error = ReplyError::from_bytes(line);
        }
    } else if let Some(transaction) = session.transaction() {
        transaction.fail();
    }
}

/// WATCH: keys go to their shards before anything else is executed.
pub(super) fn begin_watch(
    session: &mut Session,
    building: &mut Building,
    terms: Terms,
    call: &Call<'_>,
) -> Step {
    if session.transaction().is_some() {
        let error = ReplyError::new("ERR WATCH inside MULTI is not allowed");
        building.answer(Some(WATCH), terms, |reply| reply.error(&error));
        return Step::Taken;
    }
    Step::Watch(call.args.iter().map(<[u8]>::to_vec).collect())
}

/// EXEC.
pub(super) fn begin(session: &mut Session, shared: &Shared, building: &mut Building, terms: Terms) -> Step {
    let client = std::sync::Arc::clone(session.client());
    let step = execute(session, shared, building, terms);
    let monitors = &shared.observed.monitors;
    if monitors.any() {
        monitors.show(&client, terms.numbered, EXEC, &[b"exec"]);
    }
    step
}

fn execute(session: &mut Session, shared: &Shared, building: &mut Building, terms: Terms) -> Step {
    let Some(transaction) = session.take_transaction() else {
        let error = ReplyError::new("ERR EXEC without MULTI");
        building.answer(Some(EXEC), terms, |reply| reply.error(&error));
        return Step::Taken;
    };
    let setting = setting(terms);
    let account = std::sync::Arc::clone(session.account());
    match transaction.prepare(session.watched(), building.table(), setting, &account) {
        Err(error) => {
            unwatch(session.take_watched(), shared);
            building.answer(Some(EXEC), terms, |reply| reply.error(&error));
        }
        Ok(prepared) => {
            note_denied(session, shared, &prepared);
            show(session, shared, setting, &prepared.queued);
            // The shard ends the watches.
            session.take_watched();
            match prepared.link {
                _ if prepared.has_local() => return Step::Exec(Box::new(prepared)),
                Some(_) if has_doubtful_scripts(&prepared, building.table()) => {
                    return Step::Exec(Box::new(prepared));
                }
                Some(link) => building.exec(link, &prepared, terms),
                None => building.answer(Some(EXEC), terms, |reply| reply.array(0)),
            }
        }
    }
    Step::Taken
}

/// Notes what was permitted when it was queued and is no more.
fn note_denied(session: &Session, shared: &Shared, prepared: &Prepared) {
    for queued in &prepared.queued {
        let Some(denial) = queued.denied else { continue };
        let object = denial.object(queued.command.spec(), &queued.words());
        let (reason, user) = (Reason::Denied(denial.reason), session.account().name.clone());
        let subject = Subject { reason, place: Place::Multi, object, user };
        shared.observed.refusals.add(&shared.config.load(), session.client(), subject, 1);
    }
}

/// Whether the shard may have to be told scripts before it executes the transaction: afterwards would be too late, so it is
/// asked every time.
fn has_doubtful_scripts(prepared: &Prepared, table: &Table) -> bool {
    !prepared.scripts.is_empty() && table.owners(DatabaseId::DEFAULT).len() > 1
}

/// Shows whoever monitors the commands of a transaction.
fn show(session: &Session, shared: &Shared, mut setting: Setting, queued: &[Queued]) {
    let monitors = &shared.observed.monitors;
    if !monitors.any() {
        return;
    }
    for queued in queued {
        let words = queued.words();
        if !queued.command.spec().flags.intersects(super::UNSHOWN) {
            monitors.show(session.client(), setting.numbered, queued.command, &words);
        }
        if let Command::Proxy(command) = queued.command {
            setting.foresee(command, &words);
        }
    }
}

fn setting(terms: Terms) -> Setting {
    let Terms { database, numbered, protocol, untouched, remembers: _ } = terms;
    Setting { database, numbered, protocol, untouched }
}

impl Connection {
    /// Watches keys, once all before is answered.
    pub(super) async fn watch(&mut self, reader: &mut ReadHalf, keys: Vec<Vec<u8>>) {
        let shared = std::sync::Arc::clone(&self.shared);
        let table = std::sync::Arc::clone(self.building.table());
        let mut watched = self.session.take_watched();
        let setting = Setting {
            database: DatabaseId::DEFAULT,
            numbered: self.session.numbered(),
            protocol: self.session.protocol(),
            untouched: self.session.no_touch(),
        };
        let client = std::sync::Arc::clone(self.session.client());
        let (sender, result) = tokio::sync::oneshot::channel();
        let reply: BoxFuture<'static, Vec<u8>> = Box::pin(async move {
            let outcome = watch(keys, setting, &shared, &table, &mut watched).await;
            let mut bytes = Vec::new();
            let mut reply = ReplyWriter::new(&mut bytes, setting.protocol);
            match &outcome {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(error),
            }
            // Counted before the client has its reply.
            let held = hold_watched(&watched, &shared.watched_keys, &client);
            if let Err((watched, _)) = sender.send((watched, held)) {
                unwatch(watched, &shared);
            }
            bytes
        });
        self.answer_later(reader, WATCH, reply, false, &[b"watch".to_vec()], Vec::new()).await;
        if let Ok((watched, held)) = result.await {
            self.session.set_watched(watched, held);
        }
    }

    /// Executes a transaction with commands of this process; whether the connection stays open.
    pub(super) async fn exec(&mut self, reader: &mut ReadHalf, prepared: Prepared) -> bool {
        let answered = self.session.finish_command();
        self.send().await;
        self.settle().await;
        let started = Instant::now();
        let (reads, scripts) =
            self.session.tracked().map_or_else(Default::default, |tracked| prepared.reads(Some(&**tracked)));
        let flight = self.session.begin_flight(reads, scripts);
        let Some(executed) = self.executed_by_shard(reader, &prepared).await else { return true };
        self.session.set_executes(true);
        let composed = self.compose(reader, &prepared, (executed, started.elapsed())).await;
        self.session.set_executes(false);
        let Some((reply, open)) = composed else { return true };
        let failed = self.shared.stats.reply(&reply);
        self.shared.stats.executed(EXEC, 1, started.elapsed(), u64::from(failed));
        if !self.output.is_broken() {
            let own = self.session.take_messages();
            self.output.write(flight, |out| {
                if answered {
                    out.extend_from_slice(&reply);
                }
                out.extend_from_slice(&own);
            });
        }
        // Messages that came while it subscribed were held back.
        self.output.release();
        self.session.end_caching(Some(EXEC));
        self.forget_read_before(&prepared);
        open
    }

    /// A transaction may turn tracking on and read keys behind that, but the shard has executed those first.
    fn forget_read_before(&self, prepared: &Prepared) {
        let turns = |queued: &Queued| queued.command == Command::Proxy(ProxyCommand::ClientTracking);
        if let Some(tracked) = self.session.tracked()
            && prepared.queued.iter().any(turns)
            && prepared.has_engine()
        {
            self.shared.tracking.invalidate_all(tracked);
        }
    }

    /// The shard's reply; an empty array if there is nothing for a shard.
    async fn executed_by_shard(&mut self, reader: &mut ReadHalf, prepared: &Prepared) -> Option<Vec<u8>> {
        let Some(index) = prepared.link else { return Some(b"*0\r\n".to_vec()) };
        let table = std::sync::Arc::clone(self.building.table());
        let link = std::sync::Arc::clone(table.link(index));
        let scripts = prepared.scripts.clone();
        let shared = std::sync::Arc::clone(&self.shared);
        let mut record = Vec::new();
        let head = wire::Head {
            command: EngineCommand::ExecuteAll,
            protocol: self.session.protocol(),
            numbered: self.session.numbered(),
        };
        let args = [prepared.conditions.as_slice(), prepared.records.as_slice()];
        wire::encode(&mut record, head, args.into_iter());
        self.session.note_write(link.shard());
        let client = self.session.id();
        let call: BoxFuture<'static, Vec<u8>> = Box::pin(async move {
            for sha in &scripts {
                let by_sha = BySha { table: &table, database: DatabaseId::DEFAULT, link: index, sha };
                if by_sha.has_others()
                    && let Err(error) = by_sha.heal(&shared.router, &shared.known_scripts).await
                {
                    tracing::debug!(error = %error.text(), "nobody said whether they know a script");
                }
            }
            let record = Bytes::from(record);
            let called = shared.router.call_for(client, &link, DatabaseId::DEFAULT, true, 1, record);
            match called.await {
                Ok(replies) => replies.get(4..).unwrap_or_default().to_vec(),
                Err(error) => {
                    let mut bytes = Vec::new();
                    error.write(&mut bytes);
                    bytes
                }
            }
        });
        let mut reply = self.unless_gone(reader, call).await?;
        told::hear(&mut reply, 0, &self.shared, self.session.client());
        Some(reply)
    }

    /// Puts the replies in the order of the commands, executing those of this process; and whether the connection stays
    /// open. Whatever is no array (nil, an error) is the reply: nothing was executed.
    async fn compose(
        &mut self,
        reader: &mut ReadHalf,
        prepared: &Prepared,
        (executed, took): (Vec<u8>, Duration),
    ) -> Option<(Vec<u8>, bool)> {
        let Some(mut by_shard) = elements(&executed) else { return Some((executed, true)) };
        let engine = |queued: &&Queued| matches!((queued.command, queued.denied), (Command::Engine(_), None));
        let by_engine = prepared.queued.iter().filter(engine).count();
        let share = took / u32::try_from(by_engine.max(1)).unwrap_or(u32::MAX);
        let mut out = Vec::new();
        ReplyWriter::new(&mut out, self.session.protocol()).array(prepared.queued.len());
        let mut open = true;
        for queued in &prepared.queued {
            let start = out.len();
            let started = Instant::now();
            match (queued.denied, queued.command) {
                (Some(denial), _) => denial.exec_error().write(&mut out),
                (None, Command::Engine(_)) => match by_shard.next() {
                    Some(reply) => out.extend_from_slice(reply),
                    None => ReplyError::INTERNAL_MALFORMED.write(&mut out),
                },
                (None, Command::Proxy(command)) => {
                    open &= self.execute_local(reader, command, queued, &mut out).await?;
                }
            }
            let failed = self.shared.stats.reply(&out[start..]);
            // The shard tells only what all of its commands took.
            let took = match queued.command {
                Command::Engine(_) => share,
                Command::Proxy(_) => started.elapsed(),
            };
            self.shared.stats.executed(queued.command, 1, took, u64::from(failed));
            self.note_slow(queued.command, took, queued.words.iter().map(Vec::as_slice));
        }
        Some((out, open))
    }

    /// Executes a command of this process and appends its reply; whether the connection stays open.
    async fn execute_local(
        &mut self,
        reader: &mut ReadHalf,
        command: ProxyCommand,
        queued: &Queued,
        out: &mut Vec<u8>,
    ) -> Option<bool> {
        let words = queued.words();
        let args = Args::new(&words[queued.name..]);
        let outcome = {
            let mut reply = ReplyWriter::new(out, self.session.protocol());
            let mut context = local::Context {
                session: &mut self.session,
                shared: &self.shared,
                output: &self.output,
                called: words[0],
            };
            local::execute(&mut context, command, &args, &mut reply)
        };
        match outcome {
            Outcome::Done => Some(true),
            Outcome::Close => Some(false),
            Outcome::Async(reply) | Outcome::Push(reply) => {
                out.extend_from_slice(&self.unless_gone(reader, reply).await?);
                Some(true)
            }
        }
    }
}
