//! Deadlines in the order in which they come due: a heap of four children a node, in chunks, so that it never moves as a whole.
//!
//! ```text
//! chunks   [ 256 slots ][ 256 slots ][ … ]      slot: [ deadline 6 | tenant 6 ], 12 bytes
//! node n   children 4n + 1 ..= 4n + 4: next to each other, most often in one cache line
//! ```
//! A *tenant* is whatever has the deadline, a number of 48 bits to the heap (an address, to its owner). The tenant remembers its *place*, the
//! index of its slot: whenever a slot moves, the heap tells, through the closure that every change is given. So removal and change need
//! no search. What comes first is known at any time; insertion moves two slots on average, removal one for each fourfold of the size.
//!
//! Invariant: no slot is due before its parent; all chunks but the last are full; every tenant was last told the place that it has.

use crate::base::clock::Ms;
use crate::base::memory::usable_size;

/// Slots of a chunk: three kilobytes, a size class.
const CHUNK_SLOTS: usize = 256;
const CHILDREN: usize = 4;
/// A deadline is below this: 48 bits, some nine thousand years.
pub const DEADLINE_END: Ms = 1 << 48;
/// A tenant is below this.
const TENANT_END: u64 = 1 << 48;

/// Low half of the deadline; its high half below the tenant's; low half of the tenant.
#[derive(Clone, Copy)]
struct Slot([u32; 3]);

const _: () = assert!(size_of::<Slot>() == 12 && align_of::<Slot>() == 4);

impl Slot {
    #[inline]
    fn new(deadline: Ms, tenant: u64) -> Slot {
        assert!((0..DEADLINE_END).contains(&deadline), "deadlines have 48 bits");
        assert!(tenant < TENANT_END, "tenants have 48 bits");
        let high = (deadline >> 32) as u32 | ((tenant >> 32) as u32) << 16;
        Slot([deadline as u32, high, tenant as u32])
    }

    #[inline]
    fn deadline(self) -> Ms {
        i64::from(self.0[0]) | i64::from(self.0[1] & 0xffff) << 32
    }

    #[inline]
    fn tenant(self) -> u64 {
        u64::from(self.0[2]) | u64::from(self.0[1] >> 16) << 32
    }
}

/// See the head of the file.
#[derive(Default)]
pub struct DeadlineHeap {
    chunks: Vec<Vec<Slot>>,
    len: usize,
}

impl DeadlineHeap {
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The deadline that comes first, and its tenant.
    #[inline]
    pub fn first(&self) -> Option<(Ms, u64)> {
        let slot = *self.chunks.first()?.first()?;
        Some((slot.deadline(), slot.tenant()))
    }

    /// The deadline at a place; `None` if nothing is there.
    #[inline]
    pub fn deadline(&self, place: u32) -> Option<Ms> {
        let slot = self.chunks.get(place as usize / CHUNK_SLOTS)?.get(place as usize % CHUNK_SLOTS)?;
        Some(slot.deadline())
    }

    /// Bytes of heap, by size class.
    pub fn allocated_bytes(&self) -> usize {
        let of = |slots: usize, each: usize| if slots == 0 { 0 } else { usable_size(slots * each) };
        let chunks: usize = self.chunks.iter().map(|chunk| of(chunk.capacity(), size_of::<Slot>())).sum();
        chunks + of(self.chunks.capacity(), size_of::<Vec<Slot>>())
    }

    /// Takes a deadline in. `tell` hears of the tenants whose place is new, this one among them.
    pub fn insert(&mut self, deadline: Ms, tenant: u64, tell: impl FnMut(u64, u32)) {
        assert!(self.len < u32::MAX as usize, "places have 32 bits");
        if self.len.is_multiple_of(CHUNK_SLOTS) {
            // The first chunk grows with its content, because most heaps are small.
            self.chunks.push(if self.len == 0 { Vec::new() } else { Vec::with_capacity(CHUNK_SLOTS) });
        }
        let chunk = self.chunks.last_mut().expect("there is a chunk with room");
        if chunk.len() == chunk.capacity() {
            chunk.reserve_exact((chunk.len() / 4).max(4).min(CHUNK_SLOTS - chunk.len()));
        }
        let slot = Slot::new(deadline, tenant);
        chunk.push(slot);
        self.len += 1;
        self.rise(self.len - 1, slot, tell);
    }

    /// Takes the deadline at a place out; its tenant hears nothing.
    pub fn remove(&mut self, place: u32, tell: impl FnMut(u64, u32)) {
        let chunk = self.chunks.last_mut().expect("something is at the place");
        let last = chunk.pop().expect("chunks are not empty");
        if chunk.is_empty() {
            self.chunks.pop();
        }
        self.len -= 1;
        let place = place as usize;
        if place < self.len {
            self.settle(place, last, tell);
        }
    }

    /// Changes the deadline at a place.
    pub fn change(&mut self, place: u32, deadline: Ms, tell: impl FnMut(u64, u32)) {
        let tenant = self.slot(place as usize).tenant();
        self.settle(place as usize, Slot::new(deadline, tenant), tell);
    }

    /// The tenant at a place goes by another number from here on.
    pub fn rename(&mut self, place: u32, tenant: u64) {
        let deadline = self.slot(place as usize).deadline();
        self.put(place as usize, Slot::new(deadline, tenant));
    }

    /// Forgets up to `slots_max` deadlines, rounded up to whole chunks; true when none is left. Nothing else may be asked of it then.
    pub fn forget_some(&mut self, slots_max: usize) -> bool {
        let kept = self.chunks.len().saturating_sub(slots_max.div_ceil(CHUNK_SLOTS));
        self.len = kept * CHUNK_SLOTS;
        self.chunks.truncate(kept);
        self.chunks.is_empty()
    }

    #[inline]
    fn slot(&self, at: usize) -> Slot {
        self.chunks[at / CHUNK_SLOTS][at % CHUNK_SLOTS]
    }

    #[inline]
    fn put(&mut self, at: usize, slot: Slot) {
        self.chunks[at / CHUNK_SLOTS][at % CHUNK_SLOTS] = slot;
    }

    /// Puts a slot where another one was, and then where it belongs.
    fn settle(&mut self, at: usize, slot: Slot, tell: impl FnMut(u64, u32)) {
        let is_early = at > 0 && slot.deadline() < self.slot((at - 1) / CHILDREN).deadline();
        if is_early { self.rise(at, slot, tell) } else { self.sink(at, slot, tell) }
    }

    fn rise(&mut self, mut at: usize, slot: Slot, mut tell: impl FnMut(u64, u32)) {
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            let above = self.slot(parent);
            if above.deadline() <= slot.deadline() {
                break;
            }
            self.put(at, above);
            tell(above.tenant(), at as u32);
            at = parent;
        }
        self.put(at, slot);
        tell(slot.tenant(), at as u32);
    }

    fn sink(&mut self, mut at: usize, slot: Slot, mut tell: impl FnMut(u64, u32)) {
        loop {
            let children = (at * CHILDREN + 1)..(at * CHILDREN + 1 + CHILDREN).min(self.len);
            let Some(child) = children.min_by_key(|&child| self.slot(child).deadline()) else { break };
            let below = self.slot(child);
            if below.deadline() >= slot.deadline() {
                break;
            }
            self.put(at, below);
            tell(below.tenant(), at as u32);
            at = child;
        }
        self.put(at, slot);
        tell(slot.tenant(), at as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use std::collections::HashMap;

    /// Tenants by number: deadline, and the place they were told.
    type Model = HashMap<u64, (Ms, u32)>;

    fn check(heap: &DeadlineHeap, model: &Model) {
        assert_eq!(heap.len(), model.len());
        assert_eq!(heap.first().map(|(deadline, _)| deadline), model.values().map(|(deadline, _)| *deadline).min());
        for (tenant, (deadline, place)) in model {
            assert_eq!((heap.slot(*place as usize).tenant(), heap.deadline(*place)), (*tenant, Some(*deadline)));
        }
    }

    #[test]
    fn behaves_as_a_sorted_map_and_tells_every_place() {
        let mut random = Random::new(1);
        let (mut heap, mut model) = (DeadlineHeap::default(), Model::new());
        for step in 0..40_000u64 {
            let tenant = (random.below(if step % 8000 < 5000 { 1500 } else { 20 }) << 33) | 5;
            // Few different deadlines in some phases, so that many are equal.
            let deadline = random.below(if step % 4000 < 1000 { 4 } else { DEADLINE_END as u64 }) as Ms;
            let mut told: Vec<(u64, u32)> = Vec::new();
            let mut tell = |tenant, place| told.push((tenant, place));
            match model.get(&tenant).copied() {
                None => {
                    heap.insert(deadline, tenant, &mut tell);
                    model.insert(tenant, (deadline, 0));
                }
                Some((_, place)) if random.below(2) == 0 => {
                    heap.change(place, deadline, &mut tell);
                    model.insert(tenant, (deadline, place));
                }
                Some((_, place)) => {
                    heap.remove(place, &mut tell);
                    model.remove(&tenant);
                }
            }
            for (tenant, place) in told {
                model.get_mut(&tenant).expect("only tenants are told").1 = place;
            }
            if step % 500 == 0 {
                check(&heap, &model);
            }
        }
        let mut before = 0;
        while let Some((deadline, tenant)) = heap.first() {
            assert!(deadline >= before);
            before = deadline;
            let (_, place) = model.remove(&tenant).expect("it is there");
            heap.remove(place, |tenant, place| model.get_mut(&tenant).expect("it is there").1 = place);
        }
        assert!(heap.is_empty() && model.is_empty());
    }

    #[test]
    fn a_deadline_costs_twelve_bytes() {
        let mut heap = DeadlineHeap::default();
        for tenant in 0..100_000 {
            heap.insert(tenant as Ms % 77, tenant, |_, _| {});
        }
        assert!(heap.allocated_bytes() < 100_000 * 123 / 10, "{}", heap.allocated_bytes());
        heap.rename(0, TENANT_END - 1);
        assert_eq!(heap.first(), Some((0, TENANT_END - 1)));
        let mut pieces = 1;
        while !heap.forget_some(1000) {
            pieces += 1;
        }
        assert_eq!((pieces, heap.len()), (98, 0));
    }
}
