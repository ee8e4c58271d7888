//! CLUSTER, as far as it makes sense where one endpoint serves all slots.

use meridian_command::{Args, ReplyWriter};
use meridian_topology::{SLOT_COUNT, slot_of};

use super::{Answer, Context};

pub(super) fn key_slot(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    reply.integer(i64::from(slot_of(&args[0]).number()));
    Ok(())
}

pub(super) fn my_id(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    reply.bulk(context.shared.cluster.summary().id.as_bytes());
    Ok(())
}

pub(super) fn info(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let summary = context.shared.cluster.summary();
    let state = if summary.slots_served == u64::from(SLOT_COUNT) { "ok" } else { "fail" };
    let unserved = summary.slots_assigned.saturating_sub(summary.slots_served);
    let text = format!(
        "cluster_state:{state}\r\ncluster_slots_assigned:{assigned}\r\ncluster_slots_ok:{served}\r\n\
         cluster_slots_pfail:0\r\ncluster_slots_fail:{unserved}\r\ncluster_known_nodes:{nodes}\r\n\
         cluster_size:{shards}\r\ncluster_current_epoch:{epoch}\r\ncluster_my_epoch:{epoch}\r\n",
        assigned = summary.slots_assigned,
        served = summary.slots_served,
        nodes = summary.nodes,
        shards = summary.shards,
        epoch = summary.epoch,
    );
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}
