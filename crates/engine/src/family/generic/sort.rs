//! SORT and SORT_RO.
//!
//! Keys and fields that BY and GET name are looked up in the same shard; the router sees to it that they are there.

use std::cmp::Ordering;

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_f64};

use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::{Reader, Record, Writer},
    value::{End, Hash, List, ValueRef},
};

/// What SORT can be told.
#[derive(Debug, Default)]
struct Options<'a> {
    descending: bool,
    alpha: bool,
    /// Offset and count.
    limit: Option<(i64, i64)>,
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn read(args: Args<'a>, may_store: bool) -> Result<Options<'a>, ReplyError> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            if is(b"ASC") {
                options.descending = false;
            } else if is(b"DESC") {
                options.descending = true;
            } else if is(b"ALPHA") {
                options.alpha = true;
            } else if is(b"LIMIT") && rest.len() >= 2 {
                let (offset, count) = (rest.next().unwrap_or_default(), rest.next().unwrap_or_default());
                options.limit = Some((integer(offset)?, integer(count)?));
            } else if may_store && is(b"STORE") && rest.len() > 0 {
                options.store = rest.next();
            } else if is(b"BY") && rest.len() > 0 {
                options.by = rest.next();
            } else if is(b"GET") && rest.len() > 0 {
                options.get.extend(rest.next());
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// A pattern to sort by that is the same for all elements leaves them in the order in which they are.
    fn keeps_order(&self) -> bool {
        self.by.is_some_and(|by| !by.contains(&b'*'))
    }
}

/// Elements in the order in which the value has them, and whether that order means something.
fn elements(reader: &Reader<'_>, key: &[u8]) -> Result<(Vec<Vec<u8>>, bool), ReplyError> {
    let mut elements = Vec::new();
    let mut is_ordered = true;
    match reader.find(key).map(Record::value) {
        None => {}
        Some(ValueRef::List(list)) => {
            list.walk(0..list.len(), |_, item| elements.push(item.text().to_vec()));
        }
        Some(ValueRef::Set(set)) => {
            elements.extend(set.members().map(|member| member.to_vec()));
            is_ordered = false;
        }
        Some(ValueRef::SortedSet(set)) => set.visit(0..set.len(), false, |member, _| {
            elements.push(member.to_vec());
            true
        }),
        Some(_) => return Err(ReplyError::WRONG_TYPE),
    }
    Ok((elements, is_ordered))
}

/// The value that a pattern names for an element: of a key, or of a field behind `->`.
fn looked_up(reader: &Reader<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (before, behind) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = behind.windows(2).position(|pair| pair == b"->").filter(|at| at + 2 < behind.len());
    let (behind, field) = match arrow {
        Some(arrow) => (&behind[..arrow], Some(&behind[arrow + 2..])),
        None => (behind, None),
    };
    let key = [before, element, behind].concat();
    match field {
        Some(field) => {
            let hash = reader.collection::<Hash>(&key).ok()??;
            hash.get(field, reader.now_ms()).map(|field| field.value.to_vec())
        }
        None => reader.string(&key).ok()?.map(<[u8]>::to_vec),
    }
}

/// What an element is sorted by.
enum Weight {
    Text(Option<Vec<u8>>),
    Number(f64),
}

/// A number as C's `strtod` reads it, if it is all of the text; 0 for no text.
fn number(text: &[u8]) -> Result<f64, ReplyError> {
    let text = text.trim_ascii_start();
    if text.is_empty() {
        return Ok(0.0);
    }
    parse_f64(text).ok_or(ReplyError::SORT_SCORES)
}

fn sort_elements(
    reader: &Reader<'_>,
    elements: Vec<Vec<u8>>,
    options: &Options<'_>,
    by: Option<&[u8]>,
    alpha: bool,
) -> Result<Vec<Vec<u8>>, ReplyError> {
    let mut weighted = Vec::with_capacity(elements.len());
    for element in elements {
        let text = by.map_or_else(|| Some(element.clone()), |by| looked_up(reader, by, &element));
        let weight = match text {
            text if alpha => Weight::Text(text),
            Some(text) => Weight::Number(number(&text)?),
            None => Weight::Number(0.0),
        };
        weighted.push((weight, element));
    }
    weighted.sort_by(|(a, first), (b, second)| {
        let order = match (a, b) {
            (Weight::Number(a), Weight::Number(b)) => {
                a.partial_cmp(b).unwrap_or(Ordering::Equal).then_with(|| first.cmp(second))
            }
            (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        };
        if options.descending { order.reverse() } else { order }
    });
    Ok(weighted.into_iter().map(|(_, element)| element).collect())
}

/// The elements of the range that LIMIT asks for.
fn limited(elements: Vec<Vec<u8>>, limit: Option<(i64, i64)>) -> Vec<Vec<u8>> {
    let Some((offset, count)) = limit else { return elements };
    let offset = usize::try_from(offset.max(0)).unwrap_or(usize::MAX);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    elements.into_iter().skip(offset).take(count).collect()
}

/// The replies in order: for each element itself, or what each GET names.
fn result(
    reader: &Reader<'_>,
    key: &[u8],
    options: &Options<'_>,
    must_be_ordered: bool,
) -> Result<Vec<Option<Vec<u8>>>, ReplyError> {
    let (mut elements, is_ordered) = elements(reader, key)?;
    if !options.keeps_order() {
        elements = sort_elements(reader, elements, options, options.by, options.alpha)?;
    } else if !is_ordered && must_be_ordered {
        // What is stored must not depend on how a set lies in memory.
        elements = sort_elements(reader, elements, options, None, true)?;
    } else if is_ordered && options.descending {
        elements.reverse();
    }
    let elements = limited(elements, options.limit);
    if options.get.is_empty() {
        return Ok(elements.into_iter().map(Some).collect());
    }
    let each = |element: Vec<u8>| {
        options.get.iter().map(move |pattern| looked_up(reader, pattern, &element)).collect::<Vec<_>>()
    };
    Ok(elements.into_iter().flat_map(each).collect())
}

fn reply_with(result: Vec<Option<Vec<u8>>>, reply: &mut ReplyWriter<'_>) {
    reply.array(result.len());
    for value in result {
        reply.bulk_or_null(value.as_deref());
    }
}

pub(crate) fn sort_ro(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(1), false)?;
    reply_with(result(reader, &args[0], &options, false)?, reply);
    Ok(())
}

pub(crate) fn sort(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(1), true)?;
    let result = writer.reading(|reader| result(reader, &args[0], &options, options.store.is_some()))?;
    let Some(destination) = options.store else {
        reply_with(result, reply);
        return Ok(());
    };
    let key = writer.key(destination);
    let texts: Vec<&[u8]> = result.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
    if texts.is_empty() {
        if writer.delete(key) {
            writer.event(EventClass::Generic, "del", key);
        }
    } else {
        let mut list = List::default();
        list.prepare(&texts, writer.settings());
        for text in &texts {
            list.push(End::Back, text);
        }
        writer.put_collection(key, list, None);
        writer.event(EventClass::List, "sortstore", key);
    }
    reply.integer(texts.len() as i64);
    Ok(())
}
