//! A map from byte strings to byte strings that owns both: the table over one thin allocation a pair. Some of the fields may have
//! deadlines: these stand in a heap, and each such pair knows its place there.
//!
//! ```text
//! table ──▶ pair ──(place)──▶ heap slot: deadline and the pair's address          `pair`, `deadline_heap`
//! ```
//! A field without a deadline costs nothing for this; one with a deadline 6 bytes in its pair and 12 in the heap.
//!
//! Invariants: whatever the table points to was made by `Pair::allocate` and is freed when it leaves the table; a pair's allocation
//! has the size class of its content; `pair_bytes` is the sum of these classes; the tenants of the heap are the timed pairs of the table,
//! but for a map that is being freed, which has no deadlines any more.

use super::deadline_heap::DeadlineHeap;
use super::table::Table;
use crate::base::clock::Ms;
use crate::base::hash::hash;
use crate::base::memory::usable_size;
use crate::base::random::Random;
use pair::Pair;
use std::ptr::{self, NonNull};

mod pair;
#[cfg(test)]
mod tests;

/// See the head of the file.
#[derive(Default)]
pub struct FieldMap {
    table: Table<Pair>,
    pair_bytes: usize,
    /// Boxed, because most maps have none.
    deadlines: Option<Box<DeadlineHeap>>,
}

/// A field, its value, and when it is due if it is at all.
pub type TimedField<'a> = (&'a [u8], &'a [u8], Option<Ms>);

/// The pair as the heap knows it.
fn tenant_of(pair: NonNull<Pair>) -> u64 {
    pair.as_ptr().expose_provenance() as u64
}

fn pair_of(tenant: u64) -> NonNull<Pair> {
    let pair: *mut Pair = ptr::with_exposed_provenance_mut(tenant as usize);
    NonNull::new(pair).expect("tenants are addresses of pairs")
}

/// The heap has moved a tenant.
fn note_place(tenant: u64, place: u32) {
    // Safety: tenants of the heap are timed pairs of the table, and whoever changes the heap holds the map exclusively.
    unsafe { Pair::set_place(pair_of(tenant), place) }
}

impl FieldMap {
    pub fn new() -> FieldMap {
        FieldMap::default()
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes of heap, by size class: the table, every pair, and the order of deadlines.
    pub fn allocated_bytes(&self) -> usize {
        let heap = self.deadlines.as_ref();
        let heap = heap.map_or(0, |heap| usable_size(size_of::<DeadlineHeap>()) + heap.allocated_bytes());
        self.table.bytes() + self.pair_bytes + heap
    }

    /// Makes room for `additional` more fields.
    pub fn reserve(&mut self, additional: usize) {
        self.table.reserve(additional);
    }

    /// While a child shares the memory: see `Table::set_hold`.
    pub fn set_hold(&mut self, hold: bool) {
        self.table.set_hold(hold);
    }

    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        let pair = self.table.find(hash(field), field)?;
        // Safety: pairs live as long as they are in the table, which is borrowed.
        Some(unsafe { Pair::parts(pair) }.1)
    }

    /// The value of a field and its deadline.
    #[inline]
    pub fn get_timed(&self, field: &[u8]) -> Option<(&[u8], Option<Ms>)> {
        let pair = self.table.find(hash(field), field)?;
        // Safety: as for `get`.
        Some((unsafe { Pair::parts(pair) }.1, self.deadline_of(pair)))
    }

    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        self.table.find(hash(field), field).is_some()
    }

    /// Starts loading what the next call for a field of this hash reads first.
    #[inline]
    pub fn prefetch_place(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// Starts loading the pair itself; its place should be near by now.
    #[inline]
    pub fn prefetch_pair(&self, hash: u64) {
        self.table.prefetch_element(hash);
    }

    /// Sets a field, new or not, which has no deadline from here on; true when it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash(field);
        let Some(old) = self.table.find(hash, field) else {
            self.insert(hash, field, value);
            return true;
        };
        if self.deadlines.is_some() && self.drop_deadline(old) {
            self.renew(hash, old, value, false);
        } else {
            self.overwrite(hash, old, value);
        }
        false
    }

    /// Sets a field, new or not, and lets it keep its deadline; true when it is new.
    pub fn set_keeping(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash(field);
        match self.table.find(hash, field) {
            Some(old) => self.overwrite(hash, old, value),
            None => {
                self.insert(hash, field, value);
                return true;
            }
        }
        false
    }

    /// Sets a field that is not there yet; false, and nothing is done, when it is.
    pub fn set_new(&mut self, field: &[u8], value: &[u8]) -> bool {
        let hash = hash(field);
        let is_new = self.table.find(hash, field).is_none();
        if is_new {
            self.insert(hash, field, value);
        }
        is_new
    }

    fn insert(&mut self, hash: u64, field: &[u8], value: &[u8]) {
        let pair = Pair::allocate(field, value, false);
        // Safety: it is alive.
        self.pair_bytes += unsafe { Pair::class(pair) };
        self.table.insert(hash, pair);
    }

    /// Gives a pair another value; what it has for a deadline stays.
    fn overwrite(&mut self, hash: u64, old: NonNull<Pair>, value: &[u8]) {
        // Safety: the table is borrowed exclusively, so nobody looks at the pair.
        unsafe {
            if !Pair::try_overwrite(old, value) {
                self.renew(hash, old, value, Pair::place(old).is_some());
            }
        }
    }

    /// Puts another pair of the same field in the place of `old`, with a place in the order of deadlines or without.
    fn renew(&mut self, hash: u64, old: NonNull<Pair>, value: &[u8], is_timed: bool) -> NonNull<Pair> {
        // Safety: the old pair is alive until the new one stands in its place, and is freed once; nobody looks at it then.
        unsafe {
            let new = Pair::allocate(Pair::parts(old).0, value, is_timed);
            // One that only now gets a deadline is told its place by the heap.
            if is_timed && let (Some(place), Some(heap)) = (Pair::place(old), &mut self.deadlines) {
                Pair::set_place(new, place);
                heap.rename(place, tenant_of(new));
            }
            self.table.replace(hash, old, new);
            self.pair_bytes = self.pair_bytes + Pair::class(new) - Pair::free(old);
            new
        }
    }

    /// Removes a field; false when it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let Some(pair) = self.table.remove(hash(field), field) else { return false };
        if self.deadlines.is_some() {
            self.drop_deadline(pair);
        }
        // Safety: it has left the table.
        self.pair_bytes -= unsafe { Pair::free(pair) };
        true
    }

    // ---- deadlines ------------------------------------------------------------------------------------------------

    fn deadline_of(&self, pair: NonNull<Pair>) -> Option<Ms> {
        // Safety: the caller's pair is in the table.
        self.deadlines.as_ref()?.deadline(unsafe { Pair::place(pair) }?)
    }

    /// Takes the deadline of a pair out of the order, the pair keeps its room for a place; false when it has none.
    fn drop_deadline(&mut self, pair: NonNull<Pair>) -> bool {
        // Safety: the pair is alive.
        let (Some(heap), Some(place)) = (&mut self.deadlines, unsafe { Pair::place(pair) }) else { return false };
        heap.remove(place, note_place);
        if heap.is_empty() {
            self.deadlines = None;
        }
        true
    }

    /// Gives a field a deadline, another one, or none; false when there is no such field.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<Ms>) -> bool {
        let hash = hash(field);
        let Some(pair) = self.table.find(hash, field) else { return false };
        // Safety: the pair is in the table, which is borrowed exclusively.
        let (value, place) = unsafe { (Pair::parts(pair).1, Pair::place(pair)) };
        match (place, deadline) {
            (None, None) => {}
            (None, Some(deadline)) => {
                let pair = self.renew(hash, pair, value, true);
                self.deadlines.get_or_insert_default().insert(deadline, tenant_of(pair), note_place);
            }
            (Some(place), Some(deadline)) => {
                let heap = self.deadlines.as_mut().expect("a timed pair stands in the heap");
                heap.change(place, deadline, note_place);
            }
            (Some(_), None) => {
                self.drop_deadline(pair);
                self.renew(hash, pair, value, false);
            }
        }
        true
    }

    /// Number of fields with a deadline.
    pub fn timed_len(&self) -> usize {
        self.deadlines.as_ref().map_or(0, |heap| heap.len())
    }

    /// The deadline that comes first.
    #[inline]
    pub fn earliest(&self) -> Option<Ms> {
        self.deadlines.as_ref()?.first().map(|(deadline, _)| deadline)
    }

    /// Removes the field that is due first, if it is due by `now`; `show` is given its name.
    pub fn remove_due(&mut self, now: Ms, show: impl FnOnce(&[u8])) -> bool {
        let Some((_, tenant)) = self.deadlines.as_ref().and_then(|heap| heap.first()).filter(|first| first.0 <= now)
        else {
            return false;
        };
        let pair = pair_of(tenant);
        self.drop_deadline(pair);
        // Safety: the pair is in the table until it is taken out here, and freed after that.
        unsafe {
            let field = Pair::parts(pair).0;
            self.table.remove_element(hash(field), pair);
            show(field);
            self.pair_bytes -= Pair::free(pair);
        }
        true
    }

    // ---- all of it ------------------------------------------------------------------------------------------------

    /// Fields and values in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // Safety: as for `get`.
        self.table.iter().map(|pair| unsafe { Pair::parts(pair) })
    }

    /// The same with deadlines.
    pub fn iter_timed(&self) -> impl Iterator<Item = TimedField<'_>> {
        self.table.iter().map(|pair| self.timed(pair))
    }

    #[inline]
    fn timed(&self, pair: NonNull<Pair>) -> TimedField<'_> {
        // Safety: as for `get`.
        let (field, value) = unsafe { Pair::parts(pair) };
        (field, value, self.deadline_of(pair))
    }

    /// A field drawn with equal chances.
    pub fn sample(&self, random: &mut Random) -> Option<TimedField<'_>> {
        self.table.sample(random).map(|pair| self.timed(pair))
    }

    /// One step of a scan: see `Table::scan`.
    pub fn scan<'a>(&'a self, cursor: u64, visit: &mut dyn FnMut(TimedField<'a>)) -> u64 {
        self.table.scan(cursor, &mut |pair| visit(self.timed(pair)))
    }

    /// Frees up to `budget` pairs; true when none is left. The order of deadlines goes first: nothing else may be asked of the map from here on.
    pub fn free_some(&mut self, budget: usize) -> bool {
        if let Some(heap) = &mut self.deadlines {
            if heap.forget_some(budget) {
                self.deadlines = None;
            }
            if budget < self.len() {
                return false;
            }
        }
        let mut freed = 0;
        // Safety: what is shown has left the table.
        let empty = self.table.pop_some(budget, &mut |pair| freed += unsafe { Pair::free(pair) });
        self.pair_bytes -= freed;
        empty
    }
}

impl Clone for FieldMap {
    fn clone(&self) -> FieldMap {
        let mut copy = FieldMap::new();
        copy.reserve(self.len());
        for (field, value, deadline) in self.iter_timed() {
            let hash = hash(field);
            let pair = Pair::allocate(field, value, deadline.is_some());
            // Safety: it is alive.
            copy.pair_bytes += unsafe { Pair::class(pair) };
            copy.table.insert(hash, pair);
            if let Some(deadline) = deadline {
                copy.deadlines.get_or_insert_default().insert(deadline, tenant_of(pair), note_place);
            }
        }
        copy
    }
}

impl Drop for FieldMap {
    fn drop(&mut self) {
        self.free_some(usize::MAX);
    }
}
