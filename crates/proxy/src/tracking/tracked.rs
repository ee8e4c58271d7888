//! A client that is told which keys change.

use std::{
    collections::BTreeSet,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use bitflags::bitflags;
use bytes::Bytes;
use parking_lot::Mutex;

use super::{
    Flying, Tracking,
    flight::{Flight, Invalid},
};
use crate::{
    clients::{Client, Trait},
    connection::Output,
};

bitflags! {
    /// How a client is told.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Mode: u32 {
        const ON = 1 << 0;
        /// Of all keys with certain prefixes, read or not.
        const BCAST = 1 << 1;
        /// Only of keys that are read behind CLIENT CACHING YES.
        const OPTIN = 1 << 2;
        /// Not of keys that are read behind CLIENT CACHING NO.
        const OPTOUT = 1 << 3;
        /// Not of its own changes.
        const NOLOOP = 1 << 4;
        /// CLIENT CACHING was called, for the next command.
        const CACHING = 1 << 5;
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Tracked {
    client: Arc<Client>,
    output: Arc<Output>,
    mode: AtomicU32,
    prefixes: Mutex<BTreeSet<Bytes>>,
    /// Oldest first.
    flights: Mutex<Flights>,
    /// It has read nothing since it was last told that everything may have changed.
    clean: AtomicBool,
}

#[derive(Debug, Default)]
struct Flights {
    last: u64,
    under_way: Vec<Flight>,
}

impl Tracked {
    fn new(client: Arc<Client>, output: Arc<Output>) -> Tracked {
        Tracked {
            client,
            output,
            mode: AtomicU32::new(0),
            prefixes: Mutex::default(),
            flights: Mutex::default(),
            clean: AtomicBool::new(true),
        }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(super) fn output(&self) -> &Arc<Output> {
        &self.output
    }

    pub(crate) fn mode(&self) -> Mode {
        Mode::from_bits_truncate(self.mode.load(Ordering::Acquire))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.mode().contains(Mode::ON)
    }

    pub(super) fn set(&self, mode: Mode, redirect: u64) {
        let caching = self.mode() & Mode::CACHING;
        self.mode.store((mode | Mode::ON | caching).bits(), Ordering::Release);
        self.client.set_redirect(i64::try_from(redirect).unwrap_or(i64::MAX));
        self.client.set(Trait::TRACKING, true);
        self.client.set(Trait::BROKEN_REDIRECT, false);
        self.client.set(Trait::BCAST, mode.contains(Mode::BCAST));
    }

    /// As if it had never been told anything; the prefixes that it had.
    pub(super) fn clear(&self) -> BTreeSet<Bytes> {
        self.mode.store(0, Ordering::Release);
        self.client.set_redirect(-1);
        for what in [Trait::TRACKING, Trait::BROKEN_REDIRECT, Trait::BCAST] {
            self.client.set(what, false);
        }
        mem::take(&mut *self.prefixes.lock())
    }

    /// CLIENT CACHING, and its end.
    pub(crate) fn set_caching(&self, caching: bool) {
        if caching {
            self.mode.fetch_or(Mode::CACHING.bits(), Ordering::AcqRel);
        } else {
            self.mode.fetch_and(!Mode::CACHING.bits(), Ordering::AcqRel);
        }
    }

    /// Whether what the next command reads may be cached.
    pub(crate) fn remembers(&self) -> bool {
        let mode = self.mode();
        let caching = mode.contains(Mode::CACHING);
        mode.contains(Mode::ON)
            && (caching || !mode.contains(Mode::OPTIN))
            && !(caching && mode.contains(Mode::OPTOUT))
    }

    pub(super) fn add_prefix(&self, prefix: Bytes) {
        self.prefixes.lock().insert(prefix);
    }

    pub(crate) fn prefixes(&self) -> Vec<Bytes> {
        self.prefixes.lock().iter().cloned().collect()
    }

    /// What it was before.
    pub(super) fn set_clean(&self, clean: bool) -> bool {
        self.clean.swap(clean, Ordering::AcqRel)
    }

    pub(super) fn begin_flight(&self, reads: Vec<Bytes>, scripts: bool) -> u64 {
        let mut flights = self.flights.lock();
        flights.last += 1;
        let number = flights.last;
        flights.under_way.push(Flight::new(number, reads, scripts));
        number
    }

    /// What is to be told now that the replies are put out.
    pub(super) fn end_flight(&self, number: u64) -> Vec<Invalid> {
        let mut flights = self.flights.lock();
        let at = flights.under_way.iter().position(|flight| flight.number == number);
        at.map(|at| flights.under_way.remove(at).land()).unwrap_or_default()
    }

    /// Whether replies under way may hold the key.
    pub(super) fn is_reading(&self, key: &Bytes) -> bool {
        self.flights.lock().under_way.iter().any(|flight| flight.is_reading(key))
    }

    /// Adds keys that a script has read to what replies under way may hold; whether the client may cache them.
    pub(super) fn add_reads(&self, keys: &[Bytes]) -> bool {
        let mut any = false;
        for flight in &mut self.flights.lock().under_way {
            any |= flight.add_reads(keys);
        }
        any
    }

    /// Tells it behind the newest replies under way; whether there are any.
    pub(super) fn tell_later(&self, invalid: &Invalid) -> bool {
        let mut flights = self.flights.lock();
        let Some(newest) = flights.under_way.last_mut() else { return false };
        newest.tell_after(invalid.clone());
        true
    }

    /// Tells it behind those replies under way that may hold any of it.
    pub(super) fn tell_again(&self, invalid: &Invalid) {
        for flight in &mut self.flights.lock().under_way {
            if let Some(part) = flight.part_of(invalid) {
                flight.tell_after(part);
            }
        }
    }
}

/// A connection's tracking; over when it is dropped.
#[derive(Debug)]
pub(crate) struct Own {
    tracking: Arc<Tracking>,
    tracked: Arc<Tracked>,
}

impl Own {
    pub(crate) fn new(tracking: Arc<Tracking>, client: Arc<Client>, output: Arc<Output>) -> Own {
        Own { tracking, tracked: Arc::new(Tracked::new(client, output)) }
    }

    pub(crate) fn tracked(&self) -> &Arc<Tracked> {
        &self.tracked
    }

    /// Commands are about to be sent.
    pub(crate) fn begin(&self, reads: Vec<Bytes>, scripts: bool) -> Option<Flying> {
        self.tracking.begin(&self.tracked, reads, scripts)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.tracking.disable(&self.tracked);
    }
}
