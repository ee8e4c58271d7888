//! What searches can be told. GEORADIUS and GEORADIUSBYMEMBER name their area first, GEOSEARCH by options.

use meridian_command::{Args, EngineCommand, ReplyError, number::parse_f64};

use super::{
    grid::Place,
    place,
    shape::{Extent, Shape},
    unit,
};
use crate::{family::integer, value::SortedSet};

/// How results are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Not,
    Nearest,
    Farthest,
}

/// A search. Without a center nothing is found: it would be a member of a key that is not there.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pub(super) shape: Option<Shape>,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_place: bool,
    /// 0 for all.
    pub(super) count: usize,
    pub(super) any: bool,
    pub(super) sort: Sort,
    pub(super) store: Option<&'a [u8]>,
    pub(super) store_distance: bool,
}

/// Which area, as far as it is known.
#[derive(Debug, Default)]
struct Area {
    from_member: bool,
    center: Option<Place>,
    extent: Option<(Extent, f64)>,
}

fn center_of(set: &SortedSet, member: &[u8]) -> Result<Place, ReplyError> {
    set.score(member).map(Place::of_score).ok_or(ReplyError::GEO_NO_MEMBER)
}

fn circle(radius: &[u8], name: &[u8]) -> Result<(Extent, f64), ReplyError> {
    let radius = parse_f64(radius).ok_or(ReplyError::GEO_RADIUS)?;
    if radius < 0.0 {
        return Err(ReplyError::GEO_RADIUS_NEGATIVE);
    }
    Ok((Extent::Circle { radius }, unit(name)?))
}

fn rectangle(width: &[u8], height: &[u8], name: &[u8]) -> Result<(Extent, f64), ReplyError> {
    let width = parse_f64(width).ok_or(ReplyError::GEO_WIDTH)?;
    let height = parse_f64(height).ok_or(ReplyError::GEO_HEIGHT)?;
    if width < 0.0 || height < 0.0 {
        return Err(ReplyError::GEO_BOX_NEGATIVE);
    }
    Ok((Extent::Box { width, height }, unit(name)?))
}

impl Area {
    /// The area in front of the options of GEORADIUS and its like, and how many arguments it is.
    fn in_front(
        args: &[&[u8]],
        set: Option<&SortedSet>,
        command: EngineCommand,
    ) -> Result<(Area, usize), ReplyError> {
        use EngineCommand as C;
        match (command, args) {
            (C::Georadius | C::GeoradiusRo, [longitude, latitude, radius, name, ..]) => {
                let center = Some(place(longitude, latitude)?);
                Ok((Area { from_member: false, center, extent: Some(circle(radius, name)?) }, 4))
            }
            (C::Georadiusbymember | C::GeoradiusbymemberRo, [member, radius, name, ..]) => {
                let Some(set) = set else { return Ok((Area::default(), 3)) };
                let center = Some(center_of(set, member)?);
                Ok((Area { from_member: true, center, extent: Some(circle(radius, name)?) }, 3))
            }
            _ => Ok((Area::default(), 0)),
        }
    }

    /// Reads one of GEOSEARCH's options; what is behind it.
    fn read<'r, 'a>(
        &mut self,
        option: &[u8],
        rest: &'r [&'a [u8]],
        set: Option<&SortedSet>,
    ) -> Result<&'r [&'a [u8]], ReplyError> {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        match rest {
            [member, rest @ ..] if is(b"FROMMEMBER") && (self.from_member || self.center.is_none()) => {
                self.from_member = true;
                self.center = set.map(|set| center_of(set, member)).transpose()?;
                Ok(rest)
            }
            [longitude, latitude, rest @ ..] if is(b"FROMLONLAT") && !self.from_member => {
                self.center = Some(place(longitude, latitude)?);
                Ok(rest)
            }
            [radius, name, rest @ ..]
                if is(b"BYRADIUS") && !matches!(self.extent, Some((Extent::Box { .. }, _))) =>
            {
                self.extent = Some(circle(radius, name)?);
                Ok(rest)
            }
            [width, height, name, rest @ ..]
                if is(b"BYBOX") && !matches!(self.extent, Some((Extent::Circle { .. }, _))) =>
            {
                self.extent = Some(rectangle(width, height, name)?);
                Ok(rest)
            }
            _ => Err(ReplyError::SYNTAX),
        }
    }
}

impl<'a> Options<'a> {
    /// Everything behind the key that is searched.
    pub(super) fn read(
        args: Args<'a>,
        set: Option<&SortedSet>,
        command: EngineCommand,
    ) -> Result<Options<'a>, ReplyError> {
        use EngineCommand as C;
        let searches = matches!(command, C::Geosearch | C::Geosearchstore);
        let may_store = matches!(command, C::Georadius | C::Georadiusbymember);
        let (mut area, in_front) = Area::in_front(args.as_slice(), set, command)?;
        let mut options = Options {
            shape: None,
            with_distance: false,
            with_hash: false,
            with_place: false,
            count: 0,
            any: false,
            sort: Sort::Not,
            store: None,
            store_distance: false,
        };
        let mut rest = args.as_slice().get(in_front..).unwrap_or_default();
        while let [option, after @ ..] = rest {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            rest = after;
            if options.read_word(option) {
                continue;
            }
            if let [count, after @ ..] = rest
                && is(b"COUNT")
            {
                let count = usize::try_from(integer(count)?).ok().filter(|count| *count > 0);
                options.count = count.ok_or(ReplyError::GEO_COUNT)?;
                rest = after;
            } else if let [key, after @ ..] = rest
                && may_store
                && (is(b"STORE") || is(b"STOREDIST"))
            {
                (options.store, options.store_distance) = (Some(*key), is(b"STOREDIST"));
                rest = after;
            } else if command == C::Geosearchstore && is(b"STOREDIST") {
                options.store_distance = true;
            } else if searches {
                rest = area.read(option, rest, set)?;
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        options.check(&area, command)?;
        options.shape =
            area.center.zip(area.extent).map(|(center, (extent, unit))| Shape { center, extent, unit });
        Ok(options)
    }

    /// An option that is one word.
    fn read_word(&mut self, option: &[u8]) -> bool {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        if is(b"WITHDIST") {
            self.with_distance = true;
        } else if is(b"WITHHASH") {
            self.with_hash = true;
        } else if is(b"WITHCOORD") {
            self.with_place = true;
        } else if is(b"ANY") {
            self.any = true;
        } else if is(b"ASC") {
            self.sort = Sort::Nearest;
        } else if is(b"DESC") {
            self.sort = Sort::Farthest;
        } else {
            return false;
        }
        true
    }

    fn check(&mut self, area: &Area, command: EngineCommand) -> Result<(), ReplyError> {
        use EngineCommand as C;
        if self.with_distance || self.with_hash || self.with_place {
            if command == C::Geosearchstore {
                return Err(ReplyError::GEOSEARCHSTORE_WITH);
            }
            if self.store.is_some() {
                return Err(ReplyError::GEORADIUS_STORE);
            }
        }
        if matches!(command, C::Geosearch | C::Geosearchstore) {
            if !area.from_member && area.center.is_none() {
                return Err(ReplyError::geo_exactly_one("FROMMEMBER or FROMLONLAT", command.spec()));
            }
            if area.extent.is_none() {
                return Err(ReplyError::geo_exactly_one("BYRADIUS and BYBOX", command.spec()));
            }
        }
        if self.any && self.count == 0 {
            return Err(ReplyError::GEO_ANY_NEEDS_COUNT);
        }
        if self.count > 0 && self.sort == Sort::Not && !self.any {
            self.sort = Sort::Nearest;
        }
        Ok(())
    }
}
