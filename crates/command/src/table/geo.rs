//! Rows of the geospatial commands.

use crate::{Arity::AtLeast, CommandSpec as Row, Flags, KeyFlags, KeySpec, doc::Arg, spec::Group::Geo};

pub(super) const GEOADD: Row = Row::write("GEOADD", Geo, AtLeast(5))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .denyoom()
    .args(&[
        Arg::key("key", 0),
        Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).since("6.2.0").optional(),
        Arg::word("change", "CH").since("6.2.0").optional(),
        Arg::block(
            "longitude_latitude_member",
            &[Arg::double("longitude"), Arg::double("latitude"), Arg::string("member")],
        )
        .multiple(),
    ])
    .doc(
        "3.2.0",
        "Adds places to a geospatial index.",
        "O(log(N)) for each place, where N is the size of the index.",
    );

pub(super) const GEODIST: Row = Row::read("GEODIST", Geo, AtLeast(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[
        Arg::key("key", 0),
        Arg::string("member1"),
        Arg::string("member2"),
        Arg::one_of(
            "unit",
            &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")],
        )
        .optional(),
    ])
    .doc("3.2.0", "Returns the distance between two places of a geospatial index.", "O(1)");

pub(super) const GEOHASH: Row = Row::read("GEOHASH", Geo, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[Arg::key("key", 0), Arg::string("member").multiple()])
    .doc(
        "3.2.0",
        "Returns places of a geospatial index as geohashes.",
        "O(N) where N is the number of places asked for.",
    );

pub(super) const GEOPOS: Row = Row::read("GEOPOS", Geo, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[Arg::key("key", 0), Arg::string("member").multiple()])
    .doc(
        "3.2.0",
        "Returns longitude and latitude of places of a geospatial index.",
        "O(N) where N is the number of places asked for.",
    );

pub(super) const GEOSEARCH: Row = Row::read("GEOSEARCH", Geo, AtLeast(7))
.keys(&[KeySpec::at(1, KeyFlags::READ)])
.args(&[Arg::key("key", 0), Arg::one_of("from", &[Arg::string("member").token("FROMMEMBER"), Arg::block("longitude_latitude", &[Arg::double("longitude"), Arg::double("latitude")]).token("FROMLONLAT")]), Arg::one_of("by", &[Arg::block("circle", &[Arg::double("radius").token("BYRADIUS"), Arg::one_of("unit", &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")])]), Arg::block("box", &[Arg::double("width").token("BYBOX"), Arg::double("height"), Arg::one_of("unit", &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")])])]), Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional(), Arg::block("count", &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").optional()]).optional(), Arg::word("withcoord", "WITHCOORD").optional(), Arg::word("withdist", "WITHDIST").optional(), Arg::word("withhash", "WITHHASH").optional()])
.doc("6.2.0", "Returns the places of a geospatial index inside a circle or box.", "O(N+log(M)) where N is the number of places in the grid cells around the area and M the number inside it.");

pub(super) const GEOSEARCHSTORE: Row = Row::write("GEOSEARCHSTORE", Geo, AtLeast(8))
.keys(&[KeySpec::at(1, KeyFlags::REPLACE), KeySpec::at(2, KeyFlags::READ)]).denyoom()
.args(&[Arg::key("destination", 0), Arg::key("source", 1), Arg::one_of("from", &[Arg::string("member").token("FROMMEMBER"), Arg::block("longitude_latitude", &[Arg::double("longitude"), Arg::double("latitude")]).token("FROMLONLAT")]), Arg::one_of("by", &[Arg::block("circle", &[Arg::double("radius").token("BYRADIUS"), Arg::one_of("unit", &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")])]), Arg::block("box", &[Arg::double("width").token("BYBOX"), Arg::double("height"), Arg::one_of("unit", &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")])])]), Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional(), Arg::block("count", &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").optional()]).optional(), Arg::word("storedist", "STOREDIST").optional()])
.doc("6.2.0", "Stores the places of a geospatial index inside a circle or box.", "O(N+log(M)) where N is the number of places in the grid cells around the area and M the number inside it.");

pub(super) const GEORADIUS: Row = Row::write("GEORADIUS", Geo, AtLeast(6))
.keys(&[KeySpec::at(1, KeyFlags::READ), KeySpec::after("STORE", 6, KeyFlags::REPLACE), KeySpec::after("STOREDIST", 6, KeyFlags::REPLACE)]).denyoom().flags(Flags::MOVABLE_KEYS)
.args(&[Arg::key("key", 0), Arg::double("longitude"), Arg::double("latitude"), Arg::double("radius"), Arg::one_of("unit", &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")]), Arg::word("withcoord", "WITHCOORD").optional(), Arg::word("withdist", "WITHDIST").optional(), Arg::word("withhash", "WITHHASH").optional(), Arg::block("count", &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").since("6.2.0").optional()]).optional(), Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional(), Arg::key("key", 1).token("STORE").optional(), Arg::key("key", 2).token("STOREDIST").optional()])
.deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")
.doc("3.2.0", "Returns or stores the places of a geospatial index inside a circle.", "O(N+log(M)) where N is the number of places in the grid cells around the area and M the number inside it.");

pub(super) const GEORADIUS_RO: Row = Row::read("GEORADIUS_RO", Geo, AtLeast(6))
.keys(&[KeySpec::at(1, KeyFlags::READ)])
.args(&[Arg::key("key", 0), Arg::double("longitude"), Arg::double("latitude"), Arg::double("radius"), Arg::one_of("unit", &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")]), Arg::word("withcoord", "WITHCOORD").optional(), Arg::word("withdist", "WITHDIST").optional(), Arg::word("withhash", "WITHHASH").optional(), Arg::block("count", &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").since("6.2.0").optional()]).optional(), Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional()])
.deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
.doc("3.2.10", "Returns the places of a geospatial index inside a circle.", "O(N+log(M)) where N is the number of places in the grid cells around the area and M the number inside it.");

pub(super) const GEORADIUSBYMEMBER: Row = Row::write("GEORADIUSBYMEMBER", Geo, AtLeast(5))
.keys(&[KeySpec::at(1, KeyFlags::READ), KeySpec::after("STORE", 5, KeyFlags::REPLACE), KeySpec::after("STOREDIST", 5, KeyFlags::REPLACE)]).denyoom().flags(Flags::MOVABLE_KEYS)
.args(&[Arg::key("key", 0), Arg::string("member"), Arg::double("radius"), Arg::one_of("unit", &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")]), Arg::word("withcoord", "WITHCOORD").optional(), Arg::word("withdist", "WITHDIST").optional(), Arg::word("withhash", "WITHHASH").optional(), Arg::block("count", &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").optional()]).optional(), Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional(), Arg::key("key", 1).token("STORE").optional(), Arg::key("key", 2).token("STOREDIST").optional()])
.deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments")
.doc("3.2.0", "Returns or stores the places of a geospatial index inside a circle around one of them.", "O(N+log(M)) where N is the number of places in the grid cells around the area and M the number inside it.");

pub(super) const GEORADIUSBYMEMBER_RO: Row = Row::read("GEORADIUSBYMEMBER_RO", Geo, AtLeast(5))
.keys(&[KeySpec::at(1, KeyFlags::READ)])
.args(&[Arg::key("key", 0), Arg::string("member"), Arg::double("radius"), Arg::one_of("unit", &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")]), Arg::word("withcoord", "WITHCOORD").optional(), Arg::word("withdist", "WITHDIST").optional(), Arg::word("withhash", "WITHHASH").optional(), Arg::block("count", &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").optional()]).optional(), Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional()])
.deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")
.doc("3.2.10", "Returns the places of a geospatial index inside a circle around one of them.", "O(N+log(M)) where N is the number of places in the grid cells around the area and M the number inside it.");
