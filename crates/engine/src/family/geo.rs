//! Commands on places: sorted sets whose scores are geohashes of 52 bits.

mod add;
mod grid;
mod options;
mod read;
mod search;
mod shape;

pub(crate) use add::geoadd;
pub(crate) use read::{geodist, geohash, geopos};
pub(crate) use search::{
    georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore,
};

use meridian_command::{ReplyError, ReplyWriter, number::parse_f64};

use grid::{LATITUDE_MAX, LONGITUDE_MAX, Place};

/// Metres in a unit.
fn unit(name: &[u8]) -> Result<f64, ReplyError> {
    let known = [(&b"m"[..], 1.0), (b"km", 1000.0), (b"ft", 0.3048), (b"mi", 1609.34)];
    let found = known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, metres)| metres).ok_or(ReplyError::GEO_UNIT)
}

/// A longitude and a latitude that must be on the map.
fn place(longitude: &[u8], latitude: &[u8]) -> Result<Place, ReplyError> {
    let number = |text: &[u8]| parse_f64(text).ok_or(ReplyError::NOT_A_FLOAT);
    let place = Place { longitude: number(longitude)?, latitude: number(latitude)? };
    if place.longitude.abs() > LONGITUDE_MAX || place.latitude.abs() > LATITUDE_MAX {
        return Err(ReplyError::geo_invalid_place(place.longitude, place.latitude));
    }
    Ok(place)
}

/// Answers a distance, in a unit of so many metres.
fn write_distance(reply: &mut ReplyWriter<'_>, metres: f64, unit: f64) {
    reply.bulk(format!("{:.4}", metres / unit).as_bytes());
}

/// Answers longitude and latitude.
fn write_place(reply: &mut ReplyWriter<'_>, place: Place) {
    reply.array(2);
    for degrees in [place.longitude, place.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        reply.double_text(if text == "-0" { "0" } else { text });
    }
}
