//! The status as tables.

use std::time::Duration;

use tabled::{
    builder::Builder,
    settings::{Padding, Style},
};

use super::view::{NodeView, ReplicaView, ShardView, View};

/// What is not known.
const UNKNOWN: &str = "-";

pub(super) fn render(view: &View) -> String {
    let mut text = format!("cluster {}  epoch {}\n\n", view.cluster, view.epoch);
    let nodes = view.nodes.iter().map(node);
    text += &table(["NODE", "REGION", "ZONE", "ADDRESS", "CLIENTS", "STATE", "LEADS", "REPLICAS"], nodes);
    text.push('\n');
    let shards = view.shards.iter().map(shard);
    text += &table(["SHARD", "SLOTS", "LEADER", "TERM", "COMMITTED", "KEYS", "REPLICAS (LAG)"], shards);
    text
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut builder = Builder::default();
    builder.push_record(header);
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
    let lines = table.to_string();
    lines.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn node(node: &NodeView) -> [String; 8] {
    let state = match (node.up, node.draining, node.uptime_ms) {
        (true, true, _) => "draining".to_owned(),
        (true, false, Some(uptime)) => format!("up {}", age(Duration::from_millis(uptime))),
        _ => "no answer".to_owned(),
    };
    [
        node.id.to_string(),
        node.region.clone(),
        node.zone.clone(),
        node.address.clone(),
        if node.client_address.is_empty() { UNKNOWN.to_owned() } else { node.client_address.clone() },
        state,
        node.leads.to_string(),
        node.replicas.to_string(),
    ]
}

fn shard(shard: &ShardView) -> [String; 7] {
    let slots: Vec<String> = shard.slots.iter().map(|(first, last)| format!("{first}-{last}")).collect();
    let replicas: Vec<String> = shard.replicas.iter().map(replica).collect();
    let number = |number: Option<u64>| number.map_or(UNKNOWN.to_owned(), |number| number.to_string());
    [
        shard.name.clone(),
        if slots.is_empty() { UNKNOWN.to_owned() } else { slots.join(" ") },
        shard.leader.map_or("none".to_owned(), |leader| leader.to_string()),
        number(shard.term),
        number(shard.committed_index),
        number(shard.keys),
        replicas.join(" "),
    ]
}

fn replica(replica: &ReplicaView) -> String {
    let lag = match replica.lag {
        _ if replica.stopped => "stopped".to_owned(),
        Some(lag) => lag.to_string(),
        None => "?".to_owned(),
    };
    let learner = if replica.voter { "" } else { "learner " };
    if replica.leader { replica.node.to_string() } else { format!("{}({learner}{lag})", replica.node) }
}

/// The two largest units.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{minutes}m"),
        _ => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units() {
        assert_eq!(age(Duration::from_secs(59)), "59s");
        assert_eq!(age(Duration::from_secs(61)), "1m1s");
        assert_eq!(age(Duration::from_secs(2 * 3600 + 300)), "2h5m");
        assert_eq!(age(Duration::from_secs(3 * 86_400)), "3d0h");
    }

    #[test]
    fn what_is_not_known_is_shown_as_such() {
        let replica = |leader, lag| ReplicaView {
            node: 2,
            voter: true,
            leader,
            stopped: false,
            applied_index: None,
            lag,
        };
        let shard = ShardView {
            id: 1,
            name: "1".into(),
            slots: vec![(0, 8191)],
            leader: None,
            term: None,
            committed_index: None,
            keys: None,
            replicas: vec![replica(false, None), replica(false, Some(4))],
        };
        let view = View { cluster: "c".into(), epoch: 3, nodes: Vec::new(), shards: vec![shard] };
        let text = render(&view);
        assert!(text.contains("0-8191") && text.contains("none") && text.contains("2(?) 2(4)"), "{text}");
    }
}
