//! How far a group has read: Redis' rules, which answer only what deleted entries do not make doubtful.

use super::{Group, Stream, StreamId};

impl Stream {
    /// How many entries the group has not read yet; `None` if that cannot be told.
    pub(crate) fn lag(&self, group: &Group) -> Option<i64> {
        let added = self.entries_added as i64;
        if self.entries_added == 0 || self.length == 0 {
            return Some(0);
        }
        // Both the group and whatever was deleted lie before the first entry: all that is there is unread.
        if group.last_id < self.first_id && self.max_deleted_id < self.first_id {
            return Some(self.length as i64);
        }
        match group.entries_read {
            Some(read) if !self.has_deleted_from(group.last_id) => Some(added.wrapping_sub(read as i64)),
            _ => self.entries_up_to(group.last_id).map(|read| added.wrapping_sub(read as i64)),
        }
    }

    /// Notes that the group is given an entry that it had not got before.
    pub(super) fn advance(&self, group: &mut Group, id: StreamId) {
        let is_next = self.first_id <= group.last_id && !self.has_deleted_from(group.last_id);
        group.entries_read = match group.entries_read {
            Some(read) if is_next => Some(read.wrapping_add(1)),
            _ if self.entries_added > 0 => self.entries_up_to(id),
            read => read,
        };
        group.last_id = id;
    }

    /// Whether an entry from `start` on may have been deleted.
    fn has_deleted_from(&self, start: StreamId) -> bool {
        self.length > 0
            && self.max_deleted_id != StreamId::MIN
            && self.first_id <= self.max_deleted_id
            && start <= self.max_deleted_id
    }

    /// How many entries were ever added up to an id; `None` if that cannot be told.
    pub(crate) fn entries_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.length == 0 && id <= self.last_id {
            return Some(self.entries_added);
        }
        if id != StreamId::MIN && id < self.max_deleted_id {
            return None;
        }
        if id >= self.last_id {
            return (id == self.last_id).then_some(self.entries_added);
        }
        let before = self.entries_added.wrapping_sub(self.length as u64);
        let is_whole = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less if is_whole => Some(before),
            std::cmp::Ordering::Equal if is_whole => Some(before.wrapping_add(1)),
            _ => None,
        }
    }
}
