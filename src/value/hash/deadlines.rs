//! Deadlines of a hash's fields: asked, set, taken away; and what is due, taken out.

use super::{Fields, Hash, is_due};
use crate::base::clock::Ms;
use crate::structures::timed_pack::TimedPack;
use crate::value::Object;

/// Bytes that a deadline adds at least to a field in a pack.
const PACKED_DEADLINE_BYTES: usize = 2;

impl Hash {
    /// Whether some field is due.
    #[inline]
    pub fn has_due(&self, now: Ms) -> bool {
        is_due(self.earliest_deadline(), now)
    }

    /// Whether a field is there and due.
    #[inline]
    pub fn is_due_field(&self, field: &[u8], now: Ms) -> bool {
        self.has_due(now) && self.deadline(field).is_some_and(|deadline| is_due(deadline, now))
    }

    /// When a field is due, if it is at all; `None` when it is not there.
    pub fn deadline(&self, field: &[u8]) -> Option<Option<Ms>> {
        match &self.fields {
            Fields::Pack(pack) => super::field_position(pack, field).map(|_| None),
            Fields::Timed(pack) => pack.get(field).map(|(_, deadline)| deadline),
            Fields::Map(map) => map.get_timed(field).map(|(_, deadline)| deadline),
        }
    }

    /// The number of fields that are not due.
    pub fn live_len(&self, now: Ms) -> usize {
        if !self.has_due(now) {
            return self.len();
        }
        self.iter_timed().filter(|(.., deadline)| !is_due(*deadline, now)).count()
    }

    /// From here on its fields may have deadlines: a pack of pairs becomes one with deadlines.
    pub fn make_timed(&mut self) {
        let Fields::Pack(pack) = &self.fields else { return };
        if !pack.would_fit(pack.len() / 2 * PACKED_DEADLINE_BYTES) {
            return self.convert(0);
        }
        self.fields = Fields::Timed(TimedPack::of_pairs(pack.view()));
    }

    /// Gives a field a deadline, another one, or none; false when there is no such field. `make_timed` comes first.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<Ms>) -> bool {
        match &mut self.fields {
            Fields::Pack(pack) => {
                debug_assert!(deadline.is_none(), "a pack of pairs has no room for deadlines");
                super::field_position(pack, field).is_some()
            }
            Fields::Timed(pack) => pack.set_deadline(field, deadline),
            Fields::Map(map) => map.set_deadline(field, deadline),
        }
    }

    /// Removes the field that is due first, if it is due by `now`; `show` is given its name.
    pub fn remove_due(&mut self, now: Ms, show: impl FnOnce(&[u8])) -> bool {
        match &mut self.fields {
            Fields::Pack(_) => false,
            Fields::Timed(pack) => pack.remove_due(now, show),
            Fields::Map(map) => map.remove_due(now, show),
        }
    }

    /// Number of fields with a deadline.
    pub fn timed_len(&self) -> usize {
        match &self.fields {
            Fields::Pack(_) => 0,
            Fields::Timed(pack) => pack.iter().take_while(|(.., deadline)| deadline.is_some()).count(),
            Fields::Map(map) => map.timed_len(),
        }
    }
}
