//! Where commands go that the engine executes.

use futures_util::future::BoxFuture;
use meridian_command::wire::Head;

/// Executes commands on the shards that own their keys.
pub trait Upstream: Send + Sync + 'static {
    /// Executes one command; answers its reply as RESP. `args` are the arguments after the name.
    fn execute(&self, connection: u64, head: Head, args: &[&[u8]]) -> BoxFuture<'static, Vec<u8>>;
}
