//! The sections of INFO and what stands in them.

use std::{fmt::Write, sync::atomic::Ordering};

use meridian_router::pubsub::Space;
use meridian_rt::clock::wall_micros;

use super::{Report, Section, Shown};
use crate::{REDIS_VERSION, clients::Trait};

/// In the order in which they are shown.
pub(super) const SECTIONS: &[Section] = &[
    Section { name: "server", title: "Server", shown: Shown::Default, write: server },
    Section { name: "clients", title: "Clients", shown: Shown::Default, write: clients },
    Section { name: "memory", title: "Memory", shown: Shown::Default, write: memory },
    Section { name: "persistence", title: "Persistence", shown: Shown::Default, write: persistence },
    Section { name: "stats", title: "Stats", shown: Shown::Default, write: stats },
    Section { name: "replication", title: "Replication", shown: Shown::Default, write: replication },
    Section { name: "cpu", title: "CPU", shown: Shown::Default, write: cpu },
    Section { name: "modules", title: "Modules", shown: Shown::Default, write: |_, _| {} },
    Section { name: "commandstats", title: "Commandstats", shown: Shown::All, write: commandstats },
    Section { name: "latencystats", title: "Latencystats", shown: Shown::All, write: latencystats },
    Section { name: "errorstats", title: "Errorstats", shown: Shown::Default, write: errorstats },
    Section { name: "cluster", title: "Cluster", shown: Shown::Default, write: cluster },
    Section { name: "keyspace", title: "Keyspace", shown: Shown::Default, write: keyspace },
];

/// Writes `name:value` lines.
macro_rules! fields {
    ($out:expr, $($name:literal => $value:expr),+ $(,)?) => {
        $(
            // Writing to a String cannot fail.
            let _ = write!($out, concat!($name, ":{}\r\n"), $value);
        )+
    };
}

fn server(report: &Report, out: &mut String) {
    let identity = &report.shared.identity;
    let uptime = report.now.saturating_duration_since(report.shared.stats.started).as_secs();
    let micros = wall_micros();
    fields!(out,
        "redis_version" => REDIS_VERSION,
        "redis_git_sha1" => "00000000",
        "redis_git_dirty" => 0,
        "redis_build_id" => 0,
        "redis_mode" => "standalone",
        "os" => report.process.system,
        "arch_bits" => usize::BITS,
        "monotonic_clock" => "POSIX clock_gettime",
        "multiplexing_api" => "epoll",
        "process_id" => report.process.id,
        "process_supervised" => "no",
        "run_id" => identity.run_id,
        "tcp_port" => identity.address.port(),
        "server_time_usec" => micros,
        "uptime_in_seconds" => uptime,
        "uptime_in_days" => uptime / 86_400,
        "hz" => 1,
        "configured_hz" => 1,
        "lru_clock" => (micros / 1_000_000) & 0xFF_FFFF,
        "executable" => report.process.executable,
        "config_file" => identity.config_file,
        "io_threads_active" => 0,
        "meridian_version" => identity.version,
    );
}

fn clients(report: &Report, out: &mut String) {
    let clients = report.shared.clients.list();
    let count = |what: Trait| clients.iter().filter(|client| client.traits().contains(what)).count();
    let largest = |part: fn((usize, usize)) -> usize| {
        clients.iter().map(|client| part(client.memory())).max().unwrap_or(0)
    };
    fields!(out,
        "connected_clients" => clients.len(),
        "cluster_connections" => 0,
        "maxclients" => report.shared.config.load().max_clients,
        "client_recent_max_input_buffer" => largest(|(_, query)| query),
        "client_recent_max_output_buffer" => largest(|(unsent, _)| unsent),
        "blocked_clients" => count(Trait::BLOCKED),
        "tracking_clients" => report.shared.tracking.counts().clients,
        "pubsub_clients" => count(Trait::PUBSUB),
        "watching_clients" => clients.iter().filter(|client| client.watches()).count(),
        "clients_in_timeout_table" => 0,
        "total_watched_keys" => report.shared.watched_keys.len(),
        "total_blocking_keys" => report.shared.blocking_keys.len(),
        "total_blocking_keys_on_nokey" => report.shared.blocking_keys_on_none.len(),
    );
}

fn memory(report: &Report, out: &mut String) {
    let process = &report.process;
    let clients: usize = report
        .shared
        .clients
        .list()
        .iter()
        .map(|client| {
            let (unsent, query) = client.memory();
            unsent + query
        })
        .sum();
    let data = &report.contents.memory;
    let peak_share = process.resident as f64 * 100.0 / process.resident_peak.max(1) as f64;
    fields!(out,
        // What is compared with `maxmemory`; the process as a whole has `rss`.
        "used_memory" => data.used,
        "used_memory_human" => human(data.used),
        "used_memory_rss" => process.resident,
        "used_memory_rss_human" => human(process.resident),
        "used_memory_peak" => process.resident_peak,
        "used_memory_peak_human" => human(process.resident_peak),
        "used_memory_peak_perc" => format_args!("{peak_share:.2}%"),
        "total_system_memory" => process.machine_memory,
        "total_system_memory_human" => human(process.machine_memory),
        "used_memory_lua" => 0,
        "number_of_cached_scripts" => 0,
        "number_of_functions" => 0,
        "number_of_libraries" => 0,
        "used_memory_scripts" => 0,
        "maxmemory" => data.limit,
        "maxmemory_human" => human(data.limit),
        "maxmemory_policy" => data.policy,
        "mem_fragmentation_ratio" => "1.00",
        "mem_clients_slaves" => 0,
        "mem_clients_normal" => clients,
        "mem_allocator" => "mimalloc",
        "lazyfree_pending_objects" => 0,
    );
}

fn persistence(report: &Report, out: &mut String) {
    fields!(out,
        "loading" => 0,
        "async_loading" => 0,
        "rdb_changes_since_last_save" => report.contents.counted.changes,
        "rdb_bgsave_in_progress" => 0,
        "rdb_last_save_time" => 0,
        "rdb_last_bgsave_status" => "ok",
        "rdb_last_bgsave_time_sec" => -1,
        "rdb_current_bgsave_time_sec" => -1,
        "rdb_saves" => 0,
        "aof_enabled" => 1,
        "aof_rewrite_in_progress" => 0,
        "aof_rewrite_scheduled" => 0,
        "aof_last_rewrite_time_sec" => -1,
        "aof_current_rewrite_time_sec" => -1,
        "aof_last_bgrewrite_status" => "ok",
        "aof_last_write_status" => "ok",
    );
}

fn stats(report: &Report, out: &mut String) {
    let stats = &report.shared.stats;
    let totals = &stats.totals;
    let rates = stats.rates();
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let closed = load(&totals.output_limit_closed);
    let channels = &report.shared.pubsub.table;
    let counted = &report.contents.counted;
    let refusals = &report.shared.observed.refusals;
    let tracked = report.shared.tracking.counts();
    fields!(out,
        "total_connections_received" => load(&totals.connections),
        "total_commands_processed" => load(&totals.commands),
        "instantaneous_ops_per_sec" => rates.commands.round(),
        "total_net_input_bytes" => load(&totals.input_bytes),
        "total_net_output_bytes" => load(&totals.output_bytes),
        "total_net_repl_input_bytes" => 0,
        "total_net_repl_output_bytes" => 0,
        "instantaneous_input_kbps" => format_args!("{:.2}", rates.input_bytes / 1024.0),
        "instantaneous_output_kbps" => format_args!("{:.2}", rates.output_bytes / 1024.0),
        "rejected_connections" => load(&totals.rejected_connections),
        "sync_full" => 0,
        "sync_partial_ok" => 0,
        "sync_partial_err" => 0,
        "expired_subkeys" => counted.expired_fields,
        "expired_keys" => counted.expired_keys,
        "evicted_keys" => counted.evicted_keys,
        "evicted_clients" => 0,
        "keyspace_hits" => counted.hits,
        "keyspace_misses" => counted.misses,
        "pubsub_channels" => channels.count(Space::Channels),
        "pubsub_patterns" => channels.count(Space::Patterns),
        "pubsubshard_channels" => channels.count(Space::ShardChannels),
        "latest_fork_usec" => 0,
        "total_forks" => 0,
        "migrate_cached_sockets" => 0,
        "tracking_total_keys" => tracked.keys,
        "tracking_total_items" => tracked.items,
        "tracking_total_prefixes" => tracked.prefixes,
        "unexpected_error_replies" => 0,
        "total_error_replies" => load(&totals.error_replies),
        "total_reads_processed" => load(&totals.reads),
        "total_writes_processed" => load(&totals.writes),
        "client_query_buffer_limit_disconnections" => load(&totals.query_limit_closed),
        "client_output_buffer_limit_disconnections" => closed,
        "acl_access_denied_auth" => load(&refusals.auth),
        "acl_access_denied_cmd" => load(&refusals.commands),
        "acl_access_denied_key" => load(&refusals.keys),
        "acl_access_denied_channel" => load(&refusals.channels),
    );
}

fn replication(report: &Report, out: &mut String) {
    fields!(out,
        "role" => "master",
        "connected_slaves" => report.summary.followers_min,
        "master_failover_state" => "no-failover",
        "master_replid" => report.summary.id,
        "master_replid2" => "0000000000000000000000000000000000000000",
        "master_repl_offset" => 0,
        "second_repl_offset" => -1,
        "repl_backlog_active" => 0,
        "repl_backlog_size" => 0,
        "repl_backlog_first_byte_offset" => 0,
        "repl_backlog_histlen" => 0,
    );
}

fn cpu(report: &Report, out: &mut String) {
    let process = &report.process;
    fields!(out,
        "used_cpu_sys" => format_args!("{:.6}", process.cpu_system),
        "used_cpu_user" => format_args!("{:.6}", process.cpu_user),
        "used_cpu_sys_children" => format_args!("{:.6}", process.cpu_system_children),
        "used_cpu_user_children" => format_args!("{:.6}", process.cpu_user_children),
    );
}

fn commandstats(report: &Report, out: &mut String) {
    for (command, count) in report.shared.stats.commands() {
        let per_call = if count.calls == 0 { 0.0 } else { count.micros as f64 / count.calls as f64 };
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "cmdstat_{}:calls={},usec={},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}\r\n",
            command.spec().name.to_ascii_lowercase(),
            count.calls,
            count.micros,
            count.rejected,
            count.failed,
        );
    }
}

fn latencystats(report: &Report, out: &mut String) {
    let settings = report.shared.config.load();
    if !settings.latency_tracking {
        return;
    }
    let shares: Vec<&str> =
        settings.latency_percentiles.split(' ').filter(|share| !share.is_empty()).collect();
    for (command, histogram) in report.shared.stats.histograms() {
        let parts: Vec<String> = shares
            .iter()
            .filter_map(|share| {
                Some(format!("p{share}={:.3}", histogram.percentile(share.parse().ok()?) as f64))
            })
            .collect();
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "latency_percentiles_usec_{}:{}\r\n",
            command.spec().name.to_ascii_lowercase(),
            parts.join(",")
        );
    }
}

fn errorstats(report: &Report, out: &mut String) {
    for (code, count) in report.shared.stats.errors() {
        // Writing to a String cannot fail.
        let _ = write!(out, "errorstat_{code}:count={count}\r\n");
    }
}

fn cluster(report: &Report, out: &mut String) {
    fields!(out,
        "cluster_enabled" => 0,
        "meridian_epoch" => report.summary.epoch,
        "meridian_nodes" => report.summary.nodes,
        "meridian_shards" => report.summary.shards,
        "meridian_shards_led" => report.summary.led,
    );
}

fn keyspace(report: &Report, out: &mut String) {
    for one in &report.contents.numbered {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "db{}:keys={},expires={},avg_ttl={},subexpiry={}\r\n",
            one.numbered, one.keys, one.expires, one.avg_ttl_ms, one.subexpiry
        );
    }
}

/// Bytes with a unit and two decimals.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.2}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (1_139_776, "1.09M"), (1 << 40, "1.00T")]
        {
            assert_eq!(human(bytes), text);
        }
    }
}
