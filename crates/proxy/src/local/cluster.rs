//! CLUSTER, as far as it makes sense where every process serves all slots.
//!
//! Clients that know Redis' cluster are told which nodes lead which slots and may go straight to them; whatever they
//! send elsewhere is forwarded. Where a leader is no place that clients can reach, this process stands for it.

use meridian_command::{Args, ReplyError, ReplyWriter};
use meridian_topology::{SLOT_COUNT, slot_of};

use super::{Answer, Context};
use crate::{Member, ShardView};

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

/// Who serves what, with this process among the members.
struct View {
    members: Vec<Member>,
    own: usize,
    shards: Vec<ShardView>,
    epoch: u64,
}

impl View {
    fn of(context: &Context<'_>) -> View {
        let cluster = &context.shared.cluster;
        let (mut topology, summary) = (cluster.topology(), cluster.summary());
        let own = topology.own.unwrap_or_else(|| {
            topology.members.push(Member { id: summary.id, ..Member::default() });
            topology.members.len() - 1
        });
        let mine = &mut topology.members[own];
        if mine.host.is_empty() {
            let address = context.session.client().local_address;
            (mine.host, mine.port) = (address.ip().to_string(), address.port());
        }
        let mut view = View { members: topology.members, own, shards: topology.shards, epoch: summary.epoch };
        for shard in &mut view.shards {
            let leader = shard.leader.filter(|leader| !view.members[*leader].host.is_empty());
            let leader = leader.unwrap_or(own);
            shard.leader = Some(leader);
            shard.followers.retain(|follower| *follower != leader);
        }
        view
    }

    fn place(&self, id: &[u8]) -> Result<usize, ReplyError> {
        let place = self.members.iter().position(|member| member.id.as_bytes() == id);
        place.ok_or_else(|| ReplyError::from_bytes([b"ERR Unknown node ", id].concat()))
    }

    fn leads(&self, place: usize) -> bool {
        self.led_by(place).next().is_some()
    }

    fn led_by(&self, place: usize) -> impl Iterator<Item = &ShardView> {
        self.shards.iter().filter(move |shard| shard.leader == Some(place))
    }

    /// Those of a shard that clients can reach, its leader first.
    fn reachable<'a>(&'a self, shard: &'a ShardView) -> impl Iterator<Item = &'a Member> + Clone {
        let places = shard.leader.into_iter().chain(shard.followers.iter().copied());
        places.map(|place| &self.members[place]).filter(|member| !member.host.is_empty())
    }

    /// A line of CLUSTER NODES.
    fn line(&self, place: usize) -> String {
        let Member { id, host, port } = &self.members[place];
        let myself = if place == self.own { "myself," } else { "" };
        let unknown = if host.is_empty() { ",noaddr" } else { "" };
        let followed = self.shards.iter().find(|shard| shard.followers.contains(&place));
        let leader = followed.filter(|_| !self.leads(place)).and_then(|shard| shard.leader);
        let (role, leader) = match leader {
            Some(leader) => ("slave", self.members[leader].id.as_str()),
            None => ("master", "-"),
        };
        let mut line =
            format!("{id} {host}:{port}@0 {myself}{role}{unknown} {leader} 0 0 {} connected", self.epoch);
        let mut runs: Vec<_> = self.led_by(place).flat_map(|shard| &shard.runs).collect();
        runs.sort_unstable();
        for (first, last) in runs {
            line += &if first == last { format!(" {first}") } else { format!(" {first}-{last}") };
        }
        line
    }
}

pub(super) fn nodes(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let view = View::of(context);
    let lines = (0..view.members.len()).map(|place| view.line(place) + "\n");
    reply.verbatim("txt", lines.collect::<String>().as_bytes());
    Ok(())
}

pub(super) fn slots(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let view = View::of(context);
    let mut runs: Vec<_> =
        view.shards.iter().flat_map(|shard| shard.runs.iter().map(move |run| (run, shard))).collect();
    runs.sort_unstable_by_key(|(run, _)| **run);
    reply.array(runs.len());
    for ((first, last), shard) in runs {
        let members = view.reachable(shard);
        reply.array(2 + members.clone().count());
        reply.integer(i64::from(*first));
        reply.integer(i64::from(*last));
        for Member { id, host, port } in members {
            reply.array(4);
            reply.bulk(host.as_bytes());
            reply.integer(i64::from(*port));
            reply.bulk(id.as_bytes());
            reply.map(0);
        }
    }
    Ok(())
}

pub(super) fn shards(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let view = View::of(context);
    reply.array(view.shards.len());
    for shard in &view.shards {
        reply.map(2);
        reply.bulk(b"slots");
        reply.array(shard.runs.len() * 2);
        for (first, last) in &shard.runs {
            reply.integer(i64::from(*first));
            reply.integer(i64::from(*last));
        }
        let members = view.reachable(shard);
        reply.bulk(b"nodes");
        reply.array(members.clone().count());
        for (at, Member { id, host, port }) in members.enumerate() {
            reply.map(7);
            reply.bulk(b"id");
            reply.bulk(id.as_bytes());
            reply.bulk(b"port");
            reply.integer(i64::from(*port));
            for (name, value) in [
                ("ip", host.as_str()),
                ("endpoint", host),
                ("role", if at == 0 { "master" } else { "replica" }),
            ] {
                reply.bulk(name.as_bytes());
                reply.bulk(value.as_bytes());
            }
            // There is no stream of commands that could be counted in bytes.
            reply.bulk(b"replication-offset");
            reply.integer(0);
            reply.bulk(b"health");
            reply.bulk(b"online");
        }
    }
    Ok(())
}

/// The nodes that follow what a node leads.
pub(super) fn replicas(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let view = View::of(context);
    let place = view.place(&args[0])?;
    if !view.leads(place) {
        return Err(ReplyError::new("ERR The specified node is not a master"));
    }
    let mut followers: Vec<usize> =
        view.led_by(place).flat_map(|shard| shard.followers.iter().copied()).collect();
    followers.sort_unstable();
    followers.dedup();
    reply.array(followers.len());
    for follower in followers {
        reply.bulk(view.line(follower).as_bytes());
    }
    Ok(())
}

/// There is no gossip, so nobody reports.
pub(super) fn failure_reports(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    View::of(context).place(&args[0])?;
    reply.integer(0);
    Ok(())
}

pub(super) fn my_shard_id(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let view = View::of(context);
    let has = |shard: &&ShardView| shard.leader == Some(view.own) || shard.followers.contains(&view.own);
    let shard = view.shards.iter().find(has);
    let shard = shard.ok_or(ReplyError::new("ERR this process has no shard, it only forwards"))?;
    reply.bulk(shard.id.as_bytes());
    Ok(())
}
