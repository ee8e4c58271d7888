//! Which function executes which command: one exhaustive match.

use meridian_command::{Args, EngineCommand, ReplyWriter};

use crate::{
    family::{Outcome, bitmap, generic, internal, json, string, transactions},
    keyspace::{Reader, Writer},
};

/// A command that only reads: may be answered outside the log.
type Read = fn(&Reader<'_>, Args<'_>, &mut ReplyWriter<'_>) -> Outcome;

/// A command that may write: only inside an entry.
type Write = fn(&mut Writer<'_>, Args<'_>, &mut ReplyWriter<'_>) -> Outcome;

/// How a command is executed. The number of its arguments has been checked against its row.
pub(crate) enum Handler {
    Read(Read),
    Write(Write),
    /// Reads outside the log unless it is to block (XREAD BLOCK), which only the second may.
    #[allow(dead_code, reason = "for XREAD")]
    ReadOrBlock(Read, Write),
}

/// The handler of a command.
#[allow(clippy::too_many_lines, reason = "one line per command")]
pub(crate) fn handler(command: EngineCommand) -> Handler {
    use EngineCommand as C;
    use Handler::{Read, Write};
    match command {
        C::Get => Read(string::read::get),
        C::Set => Write(string::set::set),
        C::Setnx => Write(string::set::setnx),
        C::Setex => Write(string::set::setex),
        C::Psetex => Write(string::set::psetex),
        C::Getset => Write(string::set::getset),
        C::Getdel => Write(string::set::getdel),
        C::Getex => Write(string::set::getex),
        C::Mget => Read(string::read::mget),
        C::Mset => Write(string::set::mset),
        C::Msetnx => Write(string::set::msetnx),
        C::Append => Write(string::modify::append),
        C::Strlen => Read(string::read::strlen),
        C::Setrange => Write(string::modify::setrange),
        C::Getrange | C::Substr => Read(string::read::getrange),
        C::Incr => Write(string::increment::incr),
        C::Decr => Write(string::increment::decr),
        C::Incrby => Write(string::increment::incrby),
        C::Decrby => Write(string::increment::decrby),
        C::Incrbyfloat => Write(string::increment::incrbyfloat),
        C::Lcs => Read(string::lcs::lcs),
        C::Del | C::Unlink => Write(generic::key::del),
        C::Exists => Read(generic::key::exists),
        C::Touch => Read(generic::key::touch),
        C::Expire => Write(generic::expire::expire),
        C::Pexpire => Write(generic::expire::pexpire),
        C::Expireat => Write(generic::expire::expireat),
        C::Pexpireat => Write(generic::expire::pexpireat),
        C::Expiretime => Read(generic::expire::expiretime),
        C::Pexpiretime => Read(generic::expire::pexpiretime),
        C::Ttl => Read(generic::expire::ttl),
        C::Pttl => Read(generic::expire::pttl),
        C::Persist => Write(generic::expire::persist),
        C::Type => Read(generic::key::type_of),
        C::Rename => Write(generic::rename::rename),
        C::Renamenx => Write(generic::rename::renamenx),
        C::Copy => Write(generic::rename::copy),
        C::Move => Write(generic::rename::move_key),
        C::Scan => Read(generic::scan::scan),
        C::Keys => Read(generic::database::keys),
        C::Randomkey => Read(generic::key::randomkey),
        C::ObjectEncoding => Read(generic::object::encoding),
        C::ObjectRefcount => Read(generic::object::refcount),
        C::ObjectIdletime => Read(generic::object::idletime),
        C::ObjectFreq => Read(generic::object::freq),
        C::Dbsize => Read(generic::database::dbsize),
        C::Flushdb => Write(generic::database::flushdb),
        C::Flushall => Write(generic::database::flushall),
        C::Setbit => Write(bitmap::write::setbit),
        C::Getbit => Read(bitmap::read::getbit),
        C::Bitcount => Read(bitmap::read::bitcount),
        C::Bitpos => Read(bitmap::read::bitpos),
        C::Bitop => Write(bitmap::write::bitop),
        C::Bitfield => Write(bitmap::field::bitfield),
        C::BitfieldRo => Read(bitmap::field::bitfield_ro),

        C::JsonSet => Write(json::set::set),
        C::JsonGet => Read(json::get::get),
        C::JsonMget => Read(json::get::mget),
        C::JsonMset => Write(json::set::mset),
        C::JsonMerge => Write(json::set::merge),
        C::JsonDel | C::JsonForget => Write(json::change::del),
        C::JsonType => Read(json::get::type_of),
        C::JsonClear => Write(json::change::clear),
        C::JsonToggle => Write(json::change::toggle),
        C::JsonResp => Read(json::get::resp),
        C::JsonNumincrby => Write(json::number::numincrby),
        C::JsonNummultby => Write(json::number::nummultby),
        C::JsonNumpowby => Write(json::number::numpowby),
        C::JsonStrappend => Write(json::change::strappend),
        C::JsonStrlen => Read(json::length::strlen),
        C::JsonObjkeys => Read(json::length::objkeys),
        C::JsonObjlen => Read(json::length::objlen),
        C::JsonArrappend => Write(json::array::arrappend),
        C::JsonArrindex => Read(json::array::arrindex),
        C::JsonArrinsert => Write(json::array::arrinsert),
        C::JsonArrlen => Read(json::length::arrlen),
        C::JsonArrpop => Write(json::array::arrpop),
        C::JsonArrtrim => Write(json::array::arrtrim),
        C::JsonDebugMemory => Read(json::length::memory),

        C::Setting => Write(internal::setting),
        C::Settings => Read(internal::settings),

        C::ExecuteAll => Write(transactions::exec::execute_all),
        C::WatchKeys => Write(transactions::watch::watch),
        C::UnwatchKeys => Write(transactions::watch::unwatch),
        C::CancelWaiter => Write(transactions::waiting::cancel),
        C::RenewWaiters => Write(transactions::waiting::renew),
        C::Swapdb => Write(generic::database::swapdb),
    }
}
