//! Commands answered by the process the client is connected to.
//!
//! One function per command and one exhaustive match. A handler writes its reply at once, or hands back a future where
//! the answer needs others: the connection awaits it before it goes on, so replies keep their order.

mod about_clients;
mod acl;
mod administration;
mod cluster;
mod config;
mod debug;
mod handshake;
mod info;
mod kill;
mod latency;
mod memory;
mod pause;
mod pubsub;
mod script;
mod slow_log;
mod time;
mod tracking;
mod transactions;
mod wait;

use std::{pin::Pin, sync::Arc};

use meridian_command::{Args, ProxyCommand, ReplyError, ReplyWriter, introspect};

use meridian_router::pubsub::Space;

use crate::{Shared, connection::Output, session::Session};

/// What a handler works with besides its arguments.
pub(crate) struct Context<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) shared: &'a Arc<Shared>,
    /// The way out to the client.
    pub(crate) output: &'a Arc<Output>,
    /// The first word of the call, as it was sent.
    pub(crate) called: &'a [u8],
}

/// What follows from a command.
pub(crate) enum Outcome {
    /// The reply is written.
    Done,
    /// The reply is written; the connection is to be closed once it is sent.
    Close,
    /// The reply is the result.
    Async(Pin<Box<dyn Future<Output = Vec<u8>> + Send>>),
    /// The result is sent even to a client that wants no replies; messages held back follow it.
    Push(Pin<Box<dyn Future<Output = Vec<u8>> + Send>>),
}

/// A handler that answers at once: it writes its reply, or the error is the reply.
type Answer = Result<(), ReplyError>;

/// Executes a command that was let through; `args` are the arguments after its name.
#[expect(clippy::too_many_lines, reason = "one line per command")]
pub(crate) fn execute(
    context: &mut Context<'_>,
    command: ProxyCommand,
    args: &Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    use ProxyCommand as C;
    let answer = match command {
        C::Ping => handshake::ping(context, args, reply),
        C::Hello => handshake::hello(context, args, reply),
        C::Auth => handshake::auth(context, args, reply),
        C::Echo => handshake::echo(args, reply),
        C::Select => handshake::select(context, args, reply),
        C::Quit => return handshake::quit(reply),
        C::Reset => handshake::reset(context, reply),
        C::ClientId => about_clients::id(context, reply),
        C::ClientInfo => about_clients::info(context, reply),
        C::ClientList => about_clients::list(context, args, reply),
        C::ClientSetname => about_clients::set_name(context, args, reply),
        C::ClientGetname => about_clients::get_name(context, reply),
        C::ClientSetinfo => about_clients::set_info(context, args, reply),
        C::ClientKill => match kill::kill(context, args, reply) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::ClientReply => about_clients::replies(context, args, reply),
        C::ClientNoEvict => about_clients::no_evict(context, args, reply),
        C::ClientNoTouch => about_clients::no_touch(context, args, reply),
        C::Command => introspect::all(*args, reply),
        C::CommandCount => introspect::count(*args, reply),
        C::CommandList => introspect::list(*args, reply),
        C::CommandInfo => introspect::info(*args, reply),
        C::CommandDocs => introspect::docs(*args, reply),
        C::CommandGetkeys => introspect::keys(*args, reply),
        C::CommandGetkeysandflags => introspect::keys_and_flags(*args, reply),
        C::Info => return info::info(context, args, reply),
        C::ScriptDebug => script::debug(args, reply),
        C::Time => time::time(reply),
        C::ConfigGet => return config::get(context, args, reply),
        C::ConfigSet => match config::set(context, args, reply) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::ConfigResetstat => return config::reset_statistics(context),
        C::ConfigRewrite => config::rewrite(),
        C::Debug => match debug::debug(args, reply) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::ClusterKeyslot => cluster::key_slot(args, reply),
        C::ClusterInfo => cluster::info(context, reply),
        C::ClusterMyid => cluster::my_id(context, reply),
        C::ClusterMyshardid => cluster::my_shard_id(context, reply),
        C::ClusterNodes => cluster::nodes(context, reply),
        C::ClusterSlots => cluster::slots(context, reply),
        C::ClusterShards => cluster::shards(context, reply),
        C::ClusterReplicas | C::ClusterSlaves => cluster::replicas(context, args, reply),
        C::ClusterCountFailureReports => cluster::failure_reports(context, args, reply),
        // All keys are reached from here, and all reads are the newest.
        C::Asking | C::Readonly | C::Readwrite => {
            reply.ok();
            Ok(())
        }
        C::Wait => match wait::wait(context, args) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::ClientTracking => match tracking::tracking(context, args) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::ClientCaching => tracking::caching(context, args, reply),
        C::ClientGetredir => tracking::redirection(context, reply),
        C::ClientTrackinginfo => tracking::info(context, reply),
        C::ClientUnblock => match about_clients::unblock(context, args) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::Waitaof => match wait::wait_on_disk(context, args) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::Multi => transactions::multi(context, reply),
        C::Discard => transactions::discard(context, reply),
        C::Unwatch => transactions::forget_watched(context, reply),
        C::Exec | C::Watch => unreachable!("the connection sees to {}", command.spec().name),
        C::Subscribe => return pubsub::subscribe(context, Space::Channels, args),
        C::Unsubscribe => return pubsub::unsubscribe(context, Space::Channels, args),
        C::Psubscribe => return pubsub::subscribe(context, Space::Patterns, args),
        C::Punsubscribe => return pubsub::unsubscribe(context, Space::Patterns, args),
        C::Ssubscribe => return pubsub::subscribe(context, Space::ShardChannels, args),
        C::Sunsubscribe => return pubsub::unsubscribe(context, Space::ShardChannels, args),
        C::Publish => return pubsub::publish(context, Space::Channels, args, reply),
        C::Spublish => return pubsub::publish(context, Space::ShardChannels, args, reply),
        C::PubsubChannels => match pubsub::channels(context, Space::Channels, args, reply) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::PubsubShardchannels => match pubsub::channels(context, Space::ShardChannels, args, reply) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::PubsubNumsub => return pubsub::subscriber_counts(context, Space::Channels, args, reply),
        C::PubsubShardnumsub => return pubsub::subscriber_counts(context, Space::ShardChannels, args, reply),
        C::PubsubNumpat => return pubsub::pattern_count(context),
        C::SlowlogGet => slow_log::get(context, args, reply),
        C::SlowlogLen => slow_log::len(context, reply),
        C::SlowlogReset => slow_log::reset(context, reply),
        C::LatencyLatest => latency::latest(context, reply),
        C::LatencyHistory => latency::history(context, args, reply),
        C::LatencyReset => latency::reset(context, args, reply),
        C::LatencyGraph => latency::graph(context, args, reply),
        C::LatencyDoctor => latency::doctor(context, reply),
        C::LatencyHistogram => latency::histogram(context, args, reply),
        C::Monitor => return administration::monitor(context),
        C::MemoryStats => return memory::stats(context, reply),
        C::MemoryDoctor => memory::doctor(reply),
        C::MemoryPurge => memory::purge(reply),
        C::MemoryMallocStats => memory::allocator(reply),
        C::ClientPause => pause::pause(context, args, reply),
        C::ClientUnpause => pause::unpause(context, reply),
        C::Lolwut => administration::lolwut(context, reply),
        C::Role => administration::role(reply),
        C::Save | C::ClusterSaveconfig => administration::save(reply),
        C::Bgsave => administration::save_in_background(args, reply),
        C::Lastsave => administration::last_save(reply),
        C::Bgrewriteaof => administration::rewrite_log(reply),
        C::Shutdown
        | C::Replicaof
        | C::Slaveof
        | C::Failover
        | C::ModuleLoad
        | C::ModuleLoadex
        | C::ModuleUnload
        | C::Sync
        | C::Psync
        | C::Replconf
        | C::Migrate
        | C::RestoreAsking
        | C::ClusterAddslots
        | C::ClusterAddslotsrange
        | C::ClusterBumpepoch
        | C::ClusterDelslots
        | C::ClusterDelslotsrange
        | C::ClusterFailover
        | C::ClusterFlushslots
        | C::ClusterForget
        | C::ClusterMeet
        | C::ClusterReplicate
        | C::ClusterReset
        | C::ClusterSetConfigEpoch
        | C::ClusterSetslot => Err(administration::elsewhere(command)),
        // No bus whose links could be shown.
        C::ModuleList | C::ClusterLinks => {
            reply.array(0);
            Ok(())
        }
        C::AclWhoami => acl::who_am_i(context, reply),
        C::AclCat => acl::categories(args, reply),
        C::AclUsers => acl::users(context, reply),
        C::AclList => acl::list(context, reply),
        C::AclGetuser => acl::get_user(context, args, reply),
        C::AclSetuser => match acl::set_user(context, args) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::AclDeluser => match acl::delete_users(context, args) {
            Ok(outcome) => return outcome,
            Err(error) => Err(error),
        },
        C::AclDryrun => acl::dry_run(context, args, reply),
        C::AclGenpass => acl::draw_password(args, reply),
        C::AclLoad | C::AclSave => acl::file(),
        C::AclLog => acl::log(context, args, reply),
        C::SlowlogHelp
        | C::LatencyHelp
        | C::MemoryHelp
        | C::ModuleHelp
        | C::AclHelp
        | C::XgroupHelp
        | C::XinfoHelp
        | C::JsonDebugHelp
        | C::PubsubHelp
        | C::ClientHelp
        | C::CommandHelp
        | C::ConfigHelp
        | C::ClusterHelp
        | C::ObjectHelp
        | C::ScriptHelp
        | C::FunctionHelp => {
            introspect::help(command.spec(), reply);
            Ok(())
        }
    };
    if let Err(error) = answer {
        reply.error(&error);
    }
    Outcome::Done
}

/// `ON` or `OFF`.
fn on_or_off(word: &[u8]) -> Result<bool, ReplyError> {
    if word.eq_ignore_ascii_case(b"on") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"off") {
        Ok(false)
    } else {
        Err(ReplyError::SYNTAX)
    }
}
