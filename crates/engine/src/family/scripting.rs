//! Scripts and functions: EVAL, FCALL and their like, SCRIPT, FUNCTION.
//!
//! What runs gets the entry's time and seed, so that it does the same on every replica. Calls come with a first
//! argument that the router adds: the slots that the shard has of the database (`0-5460,10923-16383`). A script may use
//! keys that it did not declare as long as they live there.

pub(crate) mod function;
mod host;
mod payload;
pub(crate) mod run;
pub(crate) mod script;
