//! Rows of the list commands.

use crate::{
    Arity::{AtLeast, Exactly},
    CommandSpec as Row, Flags, KeyFlags, KeySpec,
    doc::Arg,
    spec::Group::List,
};

pub(super) const LPUSH: Row = Row::write("LPUSH", List, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("element").multiple()])
    .doc(
        "1.0.0",
        "Puts elements before the first of a list, and makes the list if there is none.",
        "O(N) where N is the number of elements.",
    );

pub(super) const RPUSH: Row = Row::write("RPUSH", List, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("element").multiple()])
    .doc(
        "1.0.0",
        "Puts elements behind the last of a list, and makes the list if there is none.",
        "O(N) where N is the number of elements.",
    );

pub(super) const LPUSHX: Row = Row::write("LPUSHX", List, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("element").multiple()])
    .doc(
        "2.2.0",
        "Puts elements before the first of a list that exists.",
        "O(N) where N is the number of elements.",
    );

pub(super) const RPUSHX: Row = Row::write("RPUSHX", List, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .fast()
    .args(&[Arg::key("key", 0), Arg::string("element").multiple()])
    .doc(
        "2.2.0",
        "Puts elements behind the last of a list that exists.",
        "O(N) where N is the number of elements.",
    );

pub(super) const LPOP: Row = Row::write("LPOP", List, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .fast()
    .args(&[Arg::key("key", 0), Arg::integer("count").since("6.2.0").optional()])
    .doc(
        "1.0.0",
        "Removes the first elements of a list and returns them.",
        "O(N) where N is the number of elements returned.",
    );

pub(super) const RPOP: Row = Row::write("RPOP", List, AtLeast(2))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE)])
    .fast()
    .args(&[Arg::key("key", 0), Arg::integer("count").since("6.2.0").optional()])
    .doc(
        "1.0.0",
        "Removes the last elements of a list and returns them.",
        "O(N) where N is the number of elements returned.",
    );

pub(super) const LLEN: Row = Row::read("LLEN", List, Exactly(2))
    .keys(&[KeySpec::at(1, KeyFlags::LOOK)])
    .fast()
    .args(&[Arg::key("key", 0)])
    .doc("1.0.0", "Returns how many elements a list has.", "O(1)");

pub(super) const LRANGE: Row = Row::read("LRANGE", List, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[Arg::key("key", 0), Arg::integer("start"), Arg::integer("stop")])
    .doc(
        "1.0.0",
        "Returns a range of a list.",
        "O(S+N) where S is how far the range is from the nearer end, and N its size.",
    );

pub(super) const LINDEX: Row = Row::read("LINDEX", List, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[Arg::key("key", 0), Arg::integer("index")])
    .doc(
        "1.0.0",
        "Returns the element at an index of a list.",
        "O(N) where N is how far the element is from the nearer end.",
    );

pub(super) const LSET: Row = Row::write("LSET", List, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::UPDATES)])
    .denyoom()
    .args(&[Arg::key("key", 0), Arg::integer("index"), Arg::string("element")])
    .doc(
        "1.0.0",
        "Replaces the element at an index of a list.",
        "O(N) where N is how far the element is from the nearer end.",
    );

pub(super) const LINSERT: Row = Row::write("LINSERT", List, Exactly(5))
    .keys(&[KeySpec::at(1, KeyFlags::ADDS)])
    .denyoom()
    .args(&[
        Arg::key("key", 0),
        Arg::one_of("where", &[Arg::word("before", "BEFORE"), Arg::word("after", "AFTER")]),
        Arg::string("pivot"),
        Arg::string("element"),
    ])
    .doc(
        "2.2.0",
        "Puts an element before or behind another one of a list.",
        "O(N) where N is the number of elements before the other one.",
    );

pub(super) const LREM: Row = Row::write("LREM", List, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
    .args(&[Arg::key("key", 0), Arg::integer("count"), Arg::string("element")])
    .doc(
        "1.0.0",
        "Removes elements that equal a value from a list.",
        "O(N) where N is the length of the list.",
    );

pub(super) const LTRIM: Row = Row::write("LTRIM", List, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::RW.union(KeyFlags::DELETE))])
    .args(&[Arg::key("key", 0), Arg::integer("start"), Arg::integer("stop")])
    .doc("1.0.0", "Keeps only a range of a list.", "O(N) where N is the number of elements removed.");

pub(super) const LPOS: Row = Row::read("LPOS", List, AtLeast(3))
    .keys(&[KeySpec::at(1, KeyFlags::READ)])
    .args(&[
        Arg::key("key", 0),
        Arg::string("element"),
        Arg::integer("rank").token("RANK").optional(),
        Arg::integer("num-matches").token("COUNT").optional(),
        Arg::integer("len").token("MAXLEN").optional(),
    ])
    .doc(
        "6.0.6",
        "Finds elements that equal a value in a list and returns their indexes.",
        "O(N) where N is the number of elements compared.",
    );

pub(super) const LMOVE: Row = Row::write("LMOVE", List, Exactly(5))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE), KeySpec::at(2, KeyFlags::ADDS)])
    .denyoom()
    .args(&[
        Arg::key("source", 0),
        Arg::key("destination", 1),
        Arg::one_of("wherefrom", &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")]),
        Arg::one_of("whereto", &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")]),
    ])
    .doc("6.2.0", "Moves an end element of a list to an end of another and returns it.", "O(1)");

pub(super) const RPOPLPUSH: Row = Row::write("RPOPLPUSH", List, Exactly(3))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE), KeySpec::at(2, KeyFlags::ADDS)])
    .denyoom()
    .args(&[Arg::key("source", 0), Arg::key("destination", 1)])
    .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
    .doc("1.2.0", "Moves the last element of a list to the front of another and returns it.", "O(1)");

pub(super) const LMPOP: Row = Row::write("LMPOP", List, AtLeast(4))
    .keys(&[KeySpec::counted(1, KeyFlags::TAKE)])
    .flags(Flags::MOVABLE_KEYS)
    .args(&[
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::one_of("where", &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")]),
        Arg::integer("count").token("COUNT").optional(),
    ])
    .doc(
        "7.0.0",
        "Removes end elements of the first list that is not empty and returns them.",
        "O(N+M) where N is the number of keys and M the number of elements returned.",
    );

pub(super) const BLPOP: Row = Row::write("BLPOP", List, AtLeast(3))
    .keys(&[KeySpec::before_last(1, KeyFlags::TAKE)])
    .flags(Flags::BLOCKING)
    .args(&[Arg::key("key", 0).multiple(), Arg::double("timeout")])
    .doc(
        "2.0.0",
        "Removes the first element of the first list that is not empty and returns it, or waits for one.",
        "O(N) where N is the number of keys.",
    );

pub(super) const BRPOP: Row = Row::write("BRPOP", List, AtLeast(3))
    .keys(&[KeySpec::before_last(1, KeyFlags::TAKE)])
    .flags(Flags::BLOCKING)
    .args(&[Arg::key("key", 0).multiple(), Arg::double("timeout")])
    .doc(
        "2.0.0",
        "Removes the last element of the first list that is not empty and returns it, or waits for one.",
        "O(N) where N is the number of keys.",
    );

pub(super) const BLMOVE: Row = Row::write("BLMOVE", List, Exactly(6))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE), KeySpec::at(2, KeyFlags::ADDS)])
    .denyoom()
    .flags(Flags::BLOCKING)
    .args(&[
        Arg::key("source", 0),
        Arg::key("destination", 1),
        Arg::one_of("wherefrom", &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")]),
        Arg::one_of("whereto", &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")]),
        Arg::double("timeout"),
    ])
    .doc(
        "6.2.0",
        "Moves an end element of a list to an end of another and returns it, or waits for one.",
        "O(1)",
    );

pub(super) const BRPOPLPUSH: Row = Row::write("BRPOPLPUSH", List, Exactly(4))
    .keys(&[KeySpec::at(1, KeyFlags::TAKE), KeySpec::at(2, KeyFlags::ADDS)])
    .denyoom()
    .flags(Flags::BLOCKING)
    .args(&[Arg::key("source", 0), Arg::key("destination", 1), Arg::double("timeout")])
    .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
    .doc(
        "2.2.0",
        "Moves the last element of a list to the front of another and returns it, or waits for one.",
        "O(1)",
    );

pub(super) const BLMPOP: Row = Row::write("BLMPOP", List, AtLeast(5))
    .keys(&[KeySpec::counted(2, KeyFlags::TAKE)])
    .flags(Flags::BLOCKING.union(Flags::MOVABLE_KEYS))
    .args(&[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key", 0).multiple(),
        Arg::one_of("where", &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")]),
        Arg::integer("count").token("COUNT").optional(),
    ])
    .doc(
        "7.0.0",
        "Removes end elements of the first list that is not empty and returns them, or waits for some.",
        "O(N+M) where N is the number of keys and M the number of elements returned.",
    );
