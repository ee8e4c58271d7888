//! MEMORY, but for USAGE, which the shard of the key answers.

use std::sync::Arc;

use meridian_command::ReplyWriter;

use super::{Answer, Context, Outcome, info::Process};

pub(super) fn doctor(reply: &mut ReplyWriter<'_>) -> Answer {
    let process = Process::read();
    let share = process.resident as f64 * 100.0 / process.machine_memory.max(1) as f64;
    let text = if share > 90.0 {
        format!("This process has {share:.0} % of the machine's memory: it may be ended by the system.\n")
    } else {
        format!("This process has {share:.0} % of the machine's memory. Nothing is wrong with that.\n")
    };
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The allocator gives memory back by itself.
pub(super) fn purge(reply: &mut ReplyWriter<'_>) -> Answer {
    reply.ok();
    Ok(())
}

pub(super) fn allocator(reply: &mut ReplyWriter<'_>) -> Answer {
    reply.verbatim("txt", b"Stats not supported for the current allocator");
    Ok(())
}

/// Numbers of this process, but for the keys: those are the cluster's, counted once.
pub(super) fn stats(context: &Context<'_>, reply: &ReplyWriter<'_>) -> Outcome {
    let (shared, protocol) = (Arc::clone(context.shared), reply.protocol());
    Outcome::Async(Box::pin(async move {
        let shards = shared.router.statistics().await;
        let keys: u64 = shards.iter().flat_map(|shard| &shard.keyspaces).map(|keyspace| keyspace.keys).sum();
        let dataset: u64 = shards.iter().map(|shard| shard.memory_bytes).sum();
        let process = Process::read();
        let clients: usize =
            shared.clients.list().iter().map(|client| client.memory()).map(|(out, query)| out + query).sum();
        let total = process.resident;
        let mut bytes = Vec::new();
        let mut out = Pairs { reply: ReplyWriter::new(&mut bytes, protocol) };
        out.reply.map(13);
        out.number("peak.allocated", process.resident_peak);
        out.number("total.allocated", total);
        out.number("startup.allocated", 0);
        out.number("replication.backlog", 0);
        out.number("clients.slaves", 0);
        out.number("clients.normal", clients as u64);
        out.number("cluster.links", 0);
        out.number("overhead.total", total.saturating_sub(dataset));
        out.number("keys.count", keys);
        out.number("keys.bytes-per-key", dataset.checked_div(keys).unwrap_or(0));
        out.number("dataset.bytes", dataset);
        out.share("dataset.percentage", dataset as f64 * 100.0 / total.max(1) as f64);
        out.share("peak.percentage", total as f64 * 100.0 / process.resident_peak.max(1) as f64);
        bytes
    }))
}

struct Pairs<'a> {
    reply: ReplyWriter<'a>,
}

impl Pairs<'_> {
    fn number(&mut self, name: &str, value: u64) {
        self.reply.bulk(name.as_bytes());
        self.reply.integer(value as i64);
    }

    fn share(&mut self, name: &str, value: f64) {
        self.reply.bulk(name.as_bytes());
        self.reply.double_text(&value.to_string());
    }
}
