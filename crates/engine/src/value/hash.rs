//! Hashes: small ones, small ones in which fields expire, and large ones, by the thresholds that are settings.
//!
//! Which of the three it is can be seen by clients, and a hash never goes back to a smaller one; so it is state. A field
//! whose time has come counts as absent: whoever looks at a hash says at what time.

use std::collections::BTreeSet;

use super::{
    Collection, Packed,
    dictionary::{Dictionary, text},
    packed::{Formed, Item, Text},
};
use crate::{
    random::Random,
    settings::Settings,
    snapshot::{CorruptSnapshot, Input},
};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) enum Hash {
    /// Field, value, field, value ...
    Packed(Packed),
    /// Field, value, expiry (0 for none), field, value, expiry ...
    Expiring(Packed),
    Table(Box<Fields>),
}

/// A large hash.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    fields: Dictionary,
    /// Expiries, each with its field.
    due: BTreeSet<(u64, Box<[u8]>)>,
}

/// What to do with the expiry of a field that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldExpiry {
    /// As it was; none for a new field.
    Keep,
    /// None.
    Clear,
    /// At that time.
    At(u64),
}

/// A field of a hash.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: Text<'a>,
    pub(crate) value: Text<'a>,
    pub(crate) expiry: Option<u64>,
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::Packed(Packed::default())
    }
}

const PACKED: u8 = 0;
const EXPIRING: u8 = 1;
const TABLE: u8 = 2;

/// Bytes of an entry among the expiries, but for its field.
const DUE_BYTES: usize = 40;

impl Collection for Hash {
    fn is_empty(&self) -> bool {
        match self {
            Hash::Packed(packed) | Hash::Expiring(packed) => packed.is_empty(),
            Hash::Table(table) => table.fields.is_empty(),
        }
    }

    fn heap_size(&self) -> usize {
        match self {
            Hash::Packed(packed) | Hash::Expiring(packed) => packed.heap_size(),
            Hash::Table(table) => {
                size_of::<Fields>() + table.fields.heap_size() + table.due.len() * DUE_BYTES
            }
        }
    }

    fn encoding_name(&self, _: &Settings) -> &'static str {
        match self {
            Hash::Packed(_) => "listpack",
            Hash::Expiring(_) => "listpackex",
            Hash::Table(_) => "hashtable",
        }
    }

    fn small_parts(&self) -> Option<(u8, &[u8])> {
        if let Hash::Packed(packed) = self { Some((PACKED, packed.bytes())) } else { None }
    }

    fn from_small_parts(form: u8, bytes: &[u8]) -> Option<Hash> {
        (form == PACKED).then(|| Hash::Packed(Packed::from_bytes(bytes)))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Hash::Packed(packed) => {
                out.push(PACKED);
                packed.encode(out);
            }
            Hash::Expiring(packed) => {
                out.push(EXPIRING);
                packed.encode(out);
            }
            Hash::Table(table) => {
                out.push(TABLE);
                table.fields.encode(out);
            }
        }
    }

    fn decode(input: &mut Input<'_>) -> Result<Hash, CorruptSnapshot> {
        let hash = match input.byte()? {
            PACKED => Hash::Packed(Packed::decode(input)?),
            EXPIRING => Hash::Expiring(Packed::decode(input)?),
            TABLE => {
                let fields = Dictionary::decode(input)?;
                let due = fields.iter().filter_map(|record| Some((record.expiry()?, record.key().into())));
                let due = due.collect();
                Hash::Table(Box::new(Fields { fields, due }))
            }
            _ => return Err(CorruptSnapshot::Malformed),
        };
        if hash.is_empty() || !hash.is_sound() {
            return Err(CorruptSnapshot::Malformed);
        }
        Ok(hash)
    }

    fn next_due(&self) -> Option<u64> {
        match self {
            Hash::Packed(_) => None,
            Hash::Expiring(packed) => expiries(packed).min(),
            Hash::Table(table) => table.due.first().map(|(at_ms, _)| *at_ms),
        }
    }

    fn is_visible(&self, at_ms: u64) -> bool {
        match self {
            // Fields that never expire, or one that expires later: without counting those that have.
            Hash::Table(table) => {
                table.fields.len() > table.due.len()
                    || table.due.last().is_some_and(|(last_ms, _)| *last_ms > at_ms)
            }
            _ => self.len(at_ms) > 0,
        }
    }

    fn reclaim(&mut self, now_ms: u64, count_max: usize) -> usize {
        let due: Vec<Vec<u8>> = match self {
            Hash::Packed(_) => Vec::new(),
            Hash::Expiring(_) => {
                let fields = self.all().filter(|field| field.expiry.is_some_and(|at_ms| at_ms <= now_ms));
                fields.map(|field| field.name.to_vec()).take(count_max).collect()
            }
            Hash::Table(table) => {
                let due = table.due.iter().take_while(|(at_ms, _)| *at_ms <= now_ms);
                due.map(|(_, field)| field.to_vec()).take(count_max).collect()
            }
        };
        for field in &due {
            self.remove(field);
        }
        due.len()
    }
}

/// The expiries in a packed hash.
fn expiries(packed: &Packed) -> impl Iterator<Item = u64> {
    packed.items().skip(2).step_by(3).filter_map(expiry_of)
}

fn expiry_of(item: Item<'_>) -> Option<u64> {
    match item {
        Item::Integer(at_ms) => u64::try_from(at_ms).ok().filter(|at_ms| *at_ms != 0),
        Item::Text(_) => None,
    }
}

fn expiry_text(expiry: Option<u64>) -> Text<'static> {
    Item::Integer(expiry.unwrap_or(0) as i64).text()
}

impl Hash {
    /// Whether what a snapshot gave has whole fields.
    fn is_sound(&self) -> bool {
        match self {
            Hash::Packed(packed) => packed.count().is_multiple_of(2),
            Hash::Expiring(packed) => {
                packed.count().is_multiple_of(3)
                    && packed.items().skip(2).step_by(3).all(|item| matches!(item, Item::Integer(0..)))
            }
            Hash::Table(_) => true,
        }
    }

    /// How many entries a field takes.
    fn step(&self) -> usize {
        if matches!(self, Hash::Expiring(_)) { 3 } else { 2 }
    }

    /// How many fields there are, without those whose time has come.
    pub(crate) fn len(&self, at_ms: u64) -> usize {
        let all = self.stored();
        let gone = match self {
            Hash::Packed(_) => 0,
            Hash::Expiring(packed) => expiries(packed).filter(|expiry| *expiry <= at_ms).count(),
            Hash::Table(table) => table.due.iter().take_while(|(expiry, _)| *expiry <= at_ms).count(),
        };
        all - gone
    }

    fn stored(&self) -> usize {
        match self {
            Hash::Packed(packed) | Hash::Expiring(packed) => packed.count() / self.step(),
            Hash::Table(table) => table.fields.len(),
        }
    }

    fn all(&self) -> Box<dyn Iterator<Item = Field<'_>> + '_> {
        match self {
            Hash::Packed(packed) => {
                let mut items = packed.items();
                Box::new(std::iter::from_fn(move || {
                    let (name, value) = (items.next()?.text(), items.next()?.text());
                    Some(Field { name, value, expiry: None })
                }))
            }
            Hash::Expiring(packed) => {
                let mut items = packed.items();
                Box::new(std::iter::from_fn(move || {
                    let (name, value) = (items.next()?.text(), items.next()?.text());
                    Some(Field { name, value, expiry: expiry_of(items.next()?) })
                }))
            }
            Hash::Table(table) => Box::new(table.fields.iter().map(of_record)),
        }
    }

    /// All fields; their order is the same on all replicas.
    pub(crate) fn fields(&self, at_ms: u64) -> impl Iterator<Item = Field<'_>> {
        self.all().filter(move |field| field.is_visible(at_ms))
    }

    pub(crate) fn get(&self, name: &[u8], at_ms: u64) -> Option<Field<'_>> {
        self.stored_field(name).filter(|field| field.is_visible(at_ms))
    }

    fn stored_field(&self, name: &[u8]) -> Option<Field<'_>> {
        match self {
            Hash::Packed(packed) | Hash::Expiring(packed) => {
                let mut items = packed.items();
                items.find(&Formed::new(name), self.step())?;
                let mut items = packed.items_from(items.position());
                let value = items.next()?.text();
                let expiry = if self.step() == 3 { items.next().and_then(expiry_of) } else { None };
                Some(Field { name: Text::Formatted(name.into()), value, expiry })
            }
            Hash::Table(table) => table.fields.get(name).map(of_record),
        }
    }

    /// Sets a field; whether it is new. Fields whose time has come must have been reclaimed.
    pub(crate) fn set(
        &mut self,
        name: &[u8],
        value: &[u8],
        expiry: FieldExpiry,
        settings: &Settings,
    ) -> bool {
        let longest = name.len().max(value.len()) as i64;
        if longest > settings.hash_max_listpack_value {
            self.become_table(settings);
        }
        if matches!(expiry, FieldExpiry::At(_)) {
            self.become_expiring();
        }
        let step = self.step();
        let new = match self {
            Hash::Packed(packed) | Hash::Expiring(packed) => {
                let mut items = packed.items();
                let found = items.find(&Formed::new(name), step).map(|_| items.position());
                let new_expiry = match expiry {
                    FieldExpiry::Keep => None,
                    FieldExpiry::Clear => Some(None),
                    FieldExpiry::At(at_ms) => Some(Some(at_ms)),
                };
                if let Some(position) = found {
                    packed.replace(position, value);
                    if step == 3
                        && let Some(expiry) = new_expiry
                    {
                        let mut items = packed.items_from(position);
                        items.next();
                        let behind = items.position();
                        packed.replace(behind, &expiry_text(expiry));
                    }
                } else {
                    packed.push(name);
                    packed.push(value);
                    if step == 3 {
                        packed.push(&expiry_text(new_expiry.flatten()));
                    }
                }
                found.is_none()
            }
            Hash::Table(table) => return table.set(name, value, expiry),
        };
        if new && self.stored() as i64 > settings.hash_max_listpack_entries {
            self.become_table(settings);
        }
        new
    }

    /// Gives a field that is there another expiry, or none.
    pub(crate) fn set_expiry(&mut self, name: &[u8], expiry: Option<u64>, settings: &Settings) {
        let Some(field) = self.stored_field(name) else { return };
        let value = field.value.to_vec();
        let expiry = expiry.map_or(FieldExpiry::Clear, FieldExpiry::At);
        self.set(name, &value, expiry, settings);
    }

    /// Whether the field was there.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        let step = self.step();
        match self {
            Hash::Packed(packed) | Hash::Expiring(packed) => {
                let found = packed.items().find(&Formed::new(name), step);
                if let Some(position) = found {
                    packed.remove(position, step);
                }
                found.is_some()
            }
            Hash::Table(table) => match table.fields.remove(name) {
                Some(record) => {
                    if let Some(at_ms) = record.expiry() {
                        table.due.remove(&(at_ms, name.into()));
                    }
                    true
                }
                None => false,
            },
        }
    }

    fn become_expiring(&mut self) {
        if let Hash::Packed(packed) = self {
            let mut expiring = Packed::default();
            for (index, item) in packed.items().enumerate() {
                expiring.push(&item.text());
                if index % 2 == 1 {
                    expiring.push(b"0");
                }
            }
            *self = Hash::Expiring(expiring);
        }
    }

    fn become_table(&mut self, settings: &Settings) {
        if !matches!(self, Hash::Table(_)) {
            let mut table = Fields { fields: Dictionary::new(settings.table_seed()), due: BTreeSet::new() };
            for field in self.all() {
                let expiry = field.expiry.map_or(FieldExpiry::Clear, FieldExpiry::At);
                table.set(&field.name, &field.value, expiry);
            }
            *self = Hash::Table(Box::new(table));
        }
    }

    /// A field drawn at random, each as likely as any other; `None` only if there is none.
    pub(crate) fn random(&self, random: &Random, at_ms: u64) -> Option<Field<'_>> {
        /// How often a field is drawn anew because the one drawn has expired.
        const DRAWS: usize = 100;
        if let Hash::Table(table) = self {
            for _ in 0..DRAWS {
                let field = of_record(table.fields.random(random)?);
                if field.is_visible(at_ms) {
                    return Some(field);
                }
            }
        }
        let rank = random.below((self.len(at_ms) as u64).max(1));
        self.fields(at_ms).nth(rank as usize)
    }

    /// Fields from a cursor on, and the cursor to go on with. A small hash comes as a whole.
    pub(crate) fn scan(&self, cursor: u64, count: usize, at_ms: u64) -> (Vec<Field<'_>>, u64) {
        match self {
            Hash::Table(table) => {
                let (found, next) = table.fields.scan(cursor, count);
                let fields = found.into_iter().map(of_record).filter(|field| field.is_visible(at_ms));
                (fields.collect(), next)
            }
            _ => (self.fields(at_ms).collect(), 0),
        }
    }
}

fn of_record(record: &crate::keyspace::Record) -> Field<'_> {
    Field { name: Text::Borrowed(record.key()), value: Text::Borrowed(text(record)), expiry: record.expiry() }
}

impl Field<'_> {
    fn is_visible(&self, at_ms: u64) -> bool {
        self.expiry.is_none_or(|expiry| expiry > at_ms)
    }
}

impl Fields {
    fn set(&mut self, name: &[u8], value: &[u8], expiry: FieldExpiry) -> bool {
        let old = self.fields.get(name).and_then(|record| record.expiry());
        let new = match expiry {
            FieldExpiry::Keep => old,
            FieldExpiry::Clear => None,
            FieldExpiry::At(at_ms) => Some(at_ms),
        };
        if old != new {
            if let Some(at_ms) = old {
                self.due.remove(&(at_ms, name.into()));
            }
            if let Some(at_ms) = new {
                self.due.insert((at_ms, name.into()));
            }
        }
        self.fields.set(name, value, new)
    }
}
