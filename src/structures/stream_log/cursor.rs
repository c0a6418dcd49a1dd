//! Reading on from where one stopped, without a search: what a consumer group does.

use super::entry::Walk;
use super::{Entry, StreamId, StreamLog};
use crate::structures::list_pack::Position;

/// A place behind an entry. It is good as long as nothing but appends happened; the log tells, and else searches.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// The id behind which it stands.
    behind: StreamId,
    edits: u64,
    /// Which block, and where in its pack the next entry begins or would begin.
    block: usize,
    at: Position,
}

impl StreamLog {
    /// Shows the entries behind `id` in rising order, until `show` gives false. `cursor` is where the last one ended, and
    /// then where this one ends.
    pub fn visit_behind(&self, id: StreamId, cursor: &mut Option<Cursor>, show: &mut dyn FnMut(Entry<'_>) -> bool) {
        let Some(start) = id.next() else { return };
        let known = cursor.filter(|cursor| cursor.edits == self.edits && cursor.behind == id);
        let (first, at) = match known {
            Some(cursor) => (cursor.block, Some(cursor.at)),
            None => (self.blocks.partition_point(|block| block.first <= start).saturating_sub(1), None),
        };
        *cursor = None;
        for (index, block) in self.blocks.range(first..).enumerate() {
            let mut walk = match at.filter(|_| index == 0) {
                Some(at) => Walk::from(block.first, block.pack.view(), at),
                None => Walk::from_front(block.first, block.pack.view()),
            };
            while let Some(entry) = walk.next_entry() {
                if entry.id < start || entry.is_deleted() {
                    continue;
                }
                let goes_on = show(entry);
                *cursor = Some(Cursor { behind: entry.id, edits: self.edits, block: first + index, at: walk.place() });
                if !goes_on {
                    return;
                }
            }
        }
    }
}
