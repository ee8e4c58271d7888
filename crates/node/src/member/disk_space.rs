//! What a node does while its disk is full.
//!
//! The log says so while there still is room in its current segment. Then leaderships go to nodes that may have room;
//! what stays here, because nobody else can take it, refuses writes until there is room again. A replica that follows
//! cannot refuse: it goes on until the segment is full as well, and stops. That node has to be started again, once
//! there is room.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use meridian_raft::Role;

use super::Member;

/// How often the log is asked.
const LOOK: Duration = Duration::from_millis(200);

/// Watches the disk for as long as the node runs.
pub(super) async fn watch(member: Arc<Member>) {
    loop {
        until(&member, false).await;
        tracing::warn!(
            "the disk is full: leaderships are handed over, writes that nobody else takes are refused"
        );
        member.draining.send_replace(true);
        member.raft.hand_over().await;
        member.shards.set_disk_full(true);
        until(&member, true).await;
        let stopped = member.raft.groups().iter().any(|group| group.status().role == Role::Stopped);
        if stopped {
            tracing::warn!(
                "the disk has room again, but replicas have stopped: the node has to be started again"
            );
            member.to_restart.cancel();
            return std::future::pending().await;
        }
        tracing::info!("the disk has room again");
        member.shards.set_disk_full(false);
        member.draining.send_replace(member.stopping.load(Ordering::Acquire));
    }
}

async fn until(member: &Member, room: bool) {
    while member.log.has_room() != room {
        tokio::time::sleep(LOOK).await;
    }
}
