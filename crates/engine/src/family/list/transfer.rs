//! LMOVE, RPOPLPUSH.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{end, tell_popped, tell_pushed};
use crate::{
    family::Outcome,
    keyspace::Writer,
    value::{End, List},
};

/// From which end of which list to which end of which other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move<'a> {
    pub(super) source: &'a [u8],
    destination: &'a [u8],
    from: End,
    to: End,
}

impl<'a> Move<'a> {
    /// `source destination LEFT|RIGHT LEFT|RIGHT`.
    pub(super) fn read(args: Args<'a>) -> Result<Move<'a>, ReplyError> {
        let [source, destination, from, to, ..] = *args.as_slice() else { return Err(ReplyError::SYNTAX) };
        Ok(Move { source, destination, from: end(from)?, to: end(to)? })
    }

    /// `source destination`, from back to front.
    pub(super) fn back_to_front(args: Args<'a>) -> Result<Move<'a>, ReplyError> {
        let [source, destination, ..] = *args.as_slice() else { return Err(ReplyError::SYNTAX) };
        Ok(Move { source, destination, from: End::Back, to: End::Front })
    }

    /// Moves an element and answers it; false if there is none.
    pub(super) fn apply(
        self,
        writer: &mut Writer<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Result<bool, ReplyError> {
        let (source, destination) = (writer.key(self.source), writer.key(self.destination));
        if writer.collection::<List>(source)?.is_none() {
            return Ok(false);
        }
        writer.collection::<List>(destination)?;
        let mut moved = Vec::new();
        if self.source == self.destination {
            // One change, so that a list of one element is not gone in between.
            writer.change(source, |list: &mut List, settings| {
                list.pop(self.from, 1, |text| moved.extend_from_slice(text));
                list.prepare(&[&moved], settings);
                list.push(self.to, &moved);
                list.settle(settings);
            })?;
        } else {
            writer.change(source, |list: &mut List, settings| {
                list.pop(self.from, 1, |text| moved.extend_from_slice(text));
                list.settle(settings);
            })?;
            writer.change_or_make(destination, |list: &mut List, settings| {
                list.prepare(&[&moved], settings);
                list.push(self.to, &moved);
            })?;
        }
        tell_pushed(writer, destination, self.to);
        tell_popped(writer, source, self.from);
        reply.bulk(&moved);
        Ok(true)
    }
}

pub(crate) fn lmove(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if !Move::read(args)?.apply(writer, reply)? {
        reply.null();
    }
    Ok(())
}

pub(crate) fn rpoplpush(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if !Move::back_to_front(args)?.apply(writer, reply)? {
        reply.null();
    }
    Ok(())
}
