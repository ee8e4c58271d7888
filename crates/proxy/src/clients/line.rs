//! A connection as a line of `CLIENT LIST`: Redis' fields in Redis' order.

use std::{fmt::Write, sync::atomic::Ordering};

use meridian_command::Command;
use meridian_rt::clock::Instant;

use super::{Client, Trait};

/// Letters of `flags=`, in the order Redis prints them.
const LETTERS: &[(Trait, char)] = &[
    (Trait::MONITOR, 'O'),
    (Trait::PUBSUB, 'P'),
    (Trait::MULTI, 'x'),
    (Trait::BLOCKED, 'b'),
    (Trait::TRACKING, 't'),
    (Trait::BROKEN_REDIRECT, 'R'),
    (Trait::BCAST, 'B'),
    (Trait::CLOSE_AFTER_REPLY, 'c'),
    (Trait::CLOSE_ASAP, 'A'),
    (Trait::READONLY, 'r'),
    (Trait::NO_EVICT, 'e'),
    (Trait::NO_TOUCH, 'T'),
];

impl Client {
    /// Appends the line, without its end.
    pub(crate) fn describe(&self, now: Instant, out: &mut Vec<u8>) {
        let labels = self.labels.lock().clone();
        let load = |size: &std::sync::atomic::AtomicUsize| size.load(Ordering::Relaxed);
        let buffers = &self.buffers;
        let mut head = String::with_capacity(320);
        // Writing to a String cannot fail.
        let _ = write!(
            head,
            "id={} addr={} laddr={} fd={} name=",
            self.id, self.address, self.local_address, self.descriptor
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&labels.name);
        head.clear();
        let (query, query_free) = (load(&buffers.query), load(&buffers.query_free));
        let (argv, unsent) = (load(&buffers.argv), load(&buffers.unsent));
        let reply_capacity = load(&buffers.reply_capacity);
        let age = self.age(now).as_secs();
        let command =
            self.command().map_or("NULL", |command: Command| command.spec().name).to_ascii_lowercase();
        let [sub, psub, ssub] = [0, 1, 2].map(|space| self.subscriptions[space].load(Ordering::Relaxed));
        let _ = write!(
            head,
            " age={age} idle={idle} flags={flags} db={db} sub={sub} psub={psub} ssub={ssub} multi={multi} watch={watch} \
             qbuf={query} qbuf-free={query_free} argv-mem={argv} multi-mem={multi_bytes} rbs={reply_capacity} rbp={peak} obl={unsent} oll=0 \
             omem=0 tot-mem={total} events={events} cmd={command} user=",
            idle = self.idle(now).as_secs(),
            multi = self.queued.load(Ordering::Relaxed),
            watch = load(&self.watched),
            multi_bytes = load(&self.queued_bytes),
            flags = letters(self.traits()),
            db = self.numbered.load(Ordering::Relaxed),
            peak = load(&buffers.reply_peak),
            total = size_of::<Client>() + query + query_free + argv + reply_capacity.max(unsent),
            events = if unsent > 0 { "rw" } else { "r" },
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&self.account().name);
        head.clear();
        let _ = write!(head, " redir={} resp={}", self.redirect(), self.protocol.load(Ordering::Relaxed));
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b" lib-name=");
        out.extend_from_slice(&labels.library);
        out.extend_from_slice(b" lib-ver=");
        out.extend_from_slice(&labels.library_version);
    }
}

fn letters(traits: Trait) -> String {
    let letters: String =
        LETTERS.iter().filter(|(what, _)| traits.contains(*what)).map(|(_, letter)| *letter).collect();
    if letters.is_empty() { "N".to_owned() } else { letters }
}
