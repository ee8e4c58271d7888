//! Who may do what: categories of commands, users, and the check of a call against a user's rules.
//!
//! Pure: the proxy checks every call of a restricted user with it before the call is routed, and the engine checks with
//! it what a script of such a user calls. A user is kept and shown as the text of its rules ([`User::describe`]); what
//! travels to the shards is a [`Grant`], in which commands stand by their numbers, so that every replica decides alike
//! whatever categories its version of the program knows.

mod categories;
mod command_set;
mod grant;
mod refused;
mod rules;
mod selector;
mod told;
mod user;

pub use categories::Categories;
pub use grant::Grant;
pub use refused::{Denial, Refused};
pub use rules::RuleError;
pub use selector::{KeyAccess, KeyPattern, Selector};
pub use told::Told;
pub use user::{User, is_word, password_hash};
