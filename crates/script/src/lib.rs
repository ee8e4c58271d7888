//! Lua scripts and libraries of functions: a sandbox around one call-back, [`Host`].
//!
//! Every replica runs every script, so a run is a function of the script, its arguments, what the host answers, and
//! the [`Terms`] (time, seed, limits): each gets a Lua state of its own, which lives no longer than the run. That also
//! keeps the tenants of a shard apart. Addresses, clocks and the order in which Lua keeps a table are out of reach of
//! scripts. Owns conversion between Lua and RESP, `redis.*`, `cjson`, `cmsgpack`, `struct`, `bit`. Does not own which
//! scripts exist, nor the keyspace.

mod api;
mod bits;
mod budget;
mod call;
mod float;
mod host;
mod json;
mod library;
mod order;
mod pack;
mod raise;
mod random;
mod reply;
mod run;
mod sandbox;
mod structs;
#[cfg(test)]
mod tests;

pub use meridian_command::shebang::{LibraryHead, ScriptFlags, ScriptHead, library_head, script_head};

pub use host::{Host, Refused};
pub use library::{FunctionInfo, LibraryInfo, load_library};
pub use run::{Call, Terms, call_function, check_script, eval};

/// Texts are not made longer from tables: no value may be, and a table that holds another twice, and so on, or a sparse
/// array, stands for any length.
const TEXT_MAX: usize = 512 << 20;

/// The name by which a script is known: the SHA-1 of its text in hexadecimal.
pub fn sha1_hex(text: &[u8]) -> String {
    sha1_smol::Sha1::from(text).digest().to_string()
}
