//! Rows of the commands that see a string as bits.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::Bitmap,
};

const KEY: Arg = Arg::key("key", 0);
const READ_KEY: &[KeySpec] = &[KeySpec::at(1, KeyFlags::READ)];
const ENCODING: Arg = Arg::string("encoding");
const OFFSET: Arg = Arg::integer("offset");
const UNIT: Arg = Arg::one_of("index_unit", &[Arg::word("byte", "BYTE"), Arg::word("bit", "BIT")])
    .since("7.0.0")
    .optional();

/// BITFIELD with nothing but GETs only reads.
fn bitfield_flags(call: &[&[u8]]) -> KeyFlags {
    let mut rest = call.get(2..).unwrap_or_default();
    while let [operation, after @ ..] = rest {
        let width = match operation {
            name if name.eq_ignore_ascii_case(b"GET") => 2,
            name if name.eq_ignore_ascii_case(b"OVERFLOW") => 1,
            _ => return KeyFlags::READ_UPDATE,
        };
        rest = after.get(width..).unwrap_or_default();
    }
    KeyFlags::READ
}

pub(super) const SETBIT: Row = Row::write("SETBIT", Bitmap, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE)])
    .denyoom()
    .args(&[KEY, OFFSET, Arg::integer("value")])
    .doc("2.2.0", "Sets or clears one bit of a value.", "O(1)");

pub(super) const GETBIT: Row = Row::read("GETBIT", Bitmap, Exactly(3))
    .keys(READ_KEY)
    .fast()
    .args(&[KEY, OFFSET])
    .doc("2.2.0", "Returns one bit of a value.", "O(1)");

pub(super) const BITCOUNT: Row = Row::read("BITCOUNT", Bitmap, AtLeast(2))
    .keys(READ_KEY)
    .args(&[KEY, Arg::block("index", &[Arg::integer("start"), Arg::integer("end"), UNIT]).optional()])
    .doc("2.6.0", "Counts the bits that are set in a value or a part of it.", "O(N)");

pub(super) const BITPOS: Row = Row::read("BITPOS", Bitmap, AtLeast(3))
    .keys(READ_KEY)
    .args(&[
        KEY,
        Arg::integer("bit"),
        Arg::block(
            "index",
            &[Arg::integer("start"), Arg::block("end_index", &[Arg::integer("end"), UNIT]).optional()],
        )
        .optional(),
    ])
    .doc("2.8.7", "Finds the first bit that is set or clear.", "O(N)");

pub(super) const BITOP: Row = Row::write("BITOP", Bitmap, AtLeast(4))
    .keys(&[KeySpec::at(2, KeyFlags::REPLACE), KeySpec::rest(3, 1, KeyFlags::READ)])
    .denyoom()
    .args(&[Arg::string("operation"), Arg::key("destkey", 0), Arg::key("key", 1).multiple()])
    .doc("2.6.0", "Combines values bit by bit and stores the result.", "O(N)");

pub(super) const BITFIELD: Row = Row::write("BITFIELD", Bitmap, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::READ_UPDATE)
        .variable(bitfield_flags)
        .notes("This command allows both access and modification of the key")])
    .denyoom()
    .args(&[
        KEY,
        Arg::one_of(
            "operation",
            &[
                Arg::block("encoding_offset", &[ENCODING, OFFSET]).token("GET"),
                Arg::block(
                    "write",
                    &[
                        Arg::one_of(
                            "wrap_sat_fail",
                            &[Arg::word("wrap", "WRAP"), Arg::word("sat", "SAT"), Arg::word("fail", "FAIL")],
                        )
                        .token("OVERFLOW")
                        .optional(),
                        Arg::one_of(
                            "write_operation",
                            &[
                                Arg::block(
                                    "encoding_offset_value",
                                    &[ENCODING, OFFSET, Arg::integer("value")],
                                )
                                .token("SET"),
                                Arg::block(
                                    "encoding_offset_increment",
                                    &[ENCODING, OFFSET, Arg::integer("increment")],
                                )
                                .token("INCRBY"),
                            ],
                        ),
                    ],
                ),
            ],
        )
        .optional()
        .multiple(),
    ])
    .doc(
        "3.2.0",
        "Reads, sets and adds to integers of any width inside a value.",
        "O(1) for each operation.",
    );

pub(super) const BITFIELD_RO: Row = Row::read("BITFIELD_RO", Bitmap, AtLeast(2))
    .keys(READ_KEY)
    .fast()
    .args(&[
        KEY,
        Arg::block("encoding_offset", &[ENCODING, OFFSET])
            .token("GET")
            .optional()
            .multiple()
            .multiple_token(),
    ])
    .doc("6.0.0", "Reads integers of any width inside a value.", "O(1) for each operation.");
