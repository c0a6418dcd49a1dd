//! The timer wheel of the keys: every deadline in 64-bit milliseconds has its place, and nothing is ever searched.
//!
//! Eleven rings of 128 slots. A slot of ring `n` is 64^n ms wide, so one slot of a ring spans 64 slots of the ring below.
//! The cursor is how far the wheel has come; a link stands in the lowest ring whose 128 slots, counted from the cursor's
//! own, reach its deadline:
//!
//! ```text
//!            cursor
//!              ▼
//! ring 2   ┃   ·   ┃ s: 4096 ms ┃            ┃ …        a slot of 64 slots below
//!              │         │ may be moved down, piece by piece, while the cursor is anywhere in the slot before s:
//!              │         ▼ ring 1 reaches to the end of s all that time, because it has 128 slots and not 64
//! ring 1   ┃┃┃┃·┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃┃ …            64 ms a slot
//! ring 0   ||||·|||||||||||||||||||||||||||| …            1 ms a slot; reached by the cursor, its links go to `due`
//!              └──▶ due: first in, first out; popped one by one, or left there ("parked") for as long as one likes
//! ```
//!
//! Links are intrusive: each stands inside what it times, and knows the pointer that points at it (`prev`: the head of its
//! slot, or the `next` of the link before), so that taking it out needs neither its slot nor a search. Occupancy bits, one
//! `u128` a ring, are set when a slot is filled and cleared when it is next looked at, and let the cursor leap over empty years.
//!
//! Invariants:
//! 1. in ring `n` the slots that hold links are numbered `cursor >> 6n` up to 127 more; above ring 0 the first is always
//!    empty, and the second is the one that is being moved down;
//! 2. a link's deadline is never before its slot: it may be later (a lazily postponed link), and is then filed anew when
//!    the slot comes up, so that a key whose expiry is pushed on again and again costs one store each time;
//! 3. a link in `due` has a deadline at or before the cursor; after `advance(now)` that did not run out of budget the
//!    converse holds too, with the cursor at `now`.
//!
//! Time may jump. Forward, the cursor leaps from one occupied slot to the next. Backward, the rings whose last slots would
//! be numbered twice, and `due`, are set aside as `stale` and filed anew under the same budget: nothing is lost and nothing fires early.
//! The wheel knows links and milliseconds only: what a link times, and where it lives, is the caller's matter.

use crate::base::clock::Ms;
use crate::base::random::Random;
use crate::structures::prefetch::prefetch;
use std::ptr::{self, NonNull, null_mut};

/// Enough for every `i64`: a slot of the last ring is 2^60 ms wide.
const RINGS: usize = 11;
/// Two windows of 64: the one the cursor is in, and the one that is being filled from above.
const SLOTS: usize = 128;
/// How many links at the head of a slot `walk` chooses among: each step further may miss the cache.
const WALK_SKIP_MAX: u64 = 16;

/// What stands in front of anything that has a deadline.
#[repr(C)]
#[derive(Debug)]
pub struct TimerLink {
    /// The pointer that points at this link; null while it is on no wheel.
    prev: *mut *mut TimerLink,
    next: *mut TimerLink,
    /// Milliseconds since the epoch. While the link is on a wheel only `Wheel::change` may write it.
    pub deadline: Ms,
}

const _: () = assert!(size_of::<TimerLink>() == 24, "an entry with a deadline pays 24 bytes for it");

impl TimerLink {
    pub fn new(deadline: Ms) -> TimerLink {
        TimerLink { prev: null_mut(), next: null_mut(), deadline }
    }

    pub fn is_linked(&self) -> bool {
        !self.prev.is_null()
    }
}

/// The heads of a ring's slots, on the heap because first links point back at them. Slot `s` is at `s mod 128`.
type Heads = [*mut TimerLink; SLOTS];

#[derive(Clone, Copy)]
struct Ring {
    /// Null until the ring first holds a link.
    heads: *mut Heads,
    /// One bit a slot; a set bit may stand for a slot that has become empty, never the reverse.
    occupied: u128,
}

/// Where `walk` takes its timers from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Walk {
    /// From what is due on, ring by ring: near deadlines first.
    Soonest,
    /// From any slot that holds some.
    Anywhere,
}

/// See the head of the file. Dropping it forgets the links without touching them.
pub struct Wheel {
    rings: [Ring; RINGS],
    /// How far the wheel has come: the slots of ring 0 before it are empty.
    cursor: Ms,
    /// The head of the due links, on the heap for the same reason as the rings' heads.
    due: *mut *mut TimerLink,
    /// The pointer that the next due link is hung on: `due` itself or the `next` of the last.
    due_tail: *mut *mut TimerLink,
    due_count: usize,
    /// Rings set aside by a step back of the clock, to be filed anew.
    stale: Vec<Ring>,
    len: usize,
    deadline_sum: i128,
}

// Safety: the heads are owned by the wheel alone, and links are touched only through its methods, whose callers answer
// for them being alive and not in use elsewhere.
unsafe impl Send for Wheel {}

impl Ring {
    const EMPTY: Ring = Ring { heads: null_mut(), occupied: 0 };

    /// The head of slot `slot`. The ring must have its heads.
    #[inline]
    fn head(&self, slot: i64) -> *mut *mut TimerLink {
        debug_assert!(!self.heads.is_null(), "a ring with an occupied slot has heads");
        // Safety: the index is masked to the array; only the address is formed here.
        unsafe { (&raw mut (*self.heads)[0]).add(slot as usize & (SLOTS - 1)) }
    }

    /// The first slot from number `base` on that holds a link.
    #[inline]
    fn first_from(&self, base: i64) -> Option<i64> {
        let mut bits = self.occupied.rotate_right(base as u32 & (SLOTS as u32 - 1));
        while bits != 0 {
            let distance = bits.trailing_zeros();
            let slot = base.wrapping_add(i64::from(distance));
            // Safety: a ring with a bit set has its heads, and they live as long as it does.
            if unsafe { !(*self.head(slot)).is_null() } {
                return Some(slot);
            }
            bits &= bits - 1;
        }
        None
    }

    /// The same, and clears the bits of the empty slots passed over.
    fn first_from_tidying(&mut self, base: i64) -> Option<i64> {
        if self.occupied == 0 {
            return None;
        }
        let first = self.first_from(base);
        let passed = first.map_or(SLOTS as u32, |slot| slot.wrapping_sub(base) as u32);
        let keep = if passed == SLOTS as u32 { 0 } else { u128::MAX << passed };
        self.occupied &= keep.rotate_left(base as u32 & (SLOTS as u32 - 1));
        first
    }

    fn free(self) {
        if !self.heads.is_null() {
            // Safety: made by `Box::into_raw` in `heads_or_new`, and `self` was the only holder.
            drop(unsafe { Box::from_raw(self.heads) });
        }
    }

    fn allocate(&mut self) {
        if self.heads.is_null() {
            self.heads = Box::into_raw(Box::new([null_mut(); SLOTS]));
        }
    }
}

/// Width of a slot of `ring` as a shift.
#[inline]
fn shift(ring: usize) -> u32 {
    6 * ring as u32
}

/// The lowest ring in which `deadline`, which is after `cursor`, is fewer than 128 slots ahead.
#[inline]
fn ring_for(deadline: Ms, cursor: Ms) -> usize {
    let ahead = deadline.wrapping_sub(cursor) as u64;
    let ring = (64 - ahead.leading_zeros()).saturating_sub(2) as usize / 6;
    // The distance in slots may be one more than the distance in time says.
    let slots_ahead = (deadline >> shift(ring)).wrapping_sub(cursor >> shift(ring)) as u64;
    ring + usize::from(slots_ahead >= SLOTS as u64)
}

impl Wheel {
    pub fn new(now: Ms) -> Wheel {
        let due = Box::into_raw(Box::new(null_mut()));
        Wheel {
            rings: [Ring::EMPTY; RINGS],
            cursor: now,
            due,
            due_tail: due,
            due_count: 0,
            stale: Vec::new(),
            len: 0,
            deadline_sum: 0,
        }
    }

    /// How many links are on the wheel.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sum of all deadlines: less `len * now` and divided by `len`, the exact mean time to live.
    pub fn deadline_sum(&self) -> i128 {
        self.deadline_sum
    }

    /// How many links are known to be due and wait to be popped. Exact but while a slot is half moved or after a step back of the clock.
    pub fn backlog(&self) -> usize {
        if self.first_due().is_null() { 0 } else { self.due_count.max(1) }
    }

    /// How far the wheel has come: behind the `now` of the last `advance` only if that ran out of budget.
    pub fn cursor(&self) -> Ms {
        self.cursor
    }

    #[inline]
    fn first_due(&self) -> *mut TimerLink {
        // Safety: `due` is allocated for as long as the wheel lives.
        unsafe { *self.due }
    }

    /// Puts a link with its deadline on the wheel.
    ///
    /// # Safety
    /// The link is on no wheel, stays valid and is moved only with `relocate` until it is removed or popped, or the wheel is dropped.
    #[inline]
    pub unsafe fn insert(&mut self, link: NonNull<TimerLink>) {
        // Safety: by the contract above; `file` wants a valid link that is on no list.
        unsafe {
            self.deadline_sum += i128::from((*link.as_ptr()).deadline);
            self.len += 1;
            self.file(link.as_ptr());
        }
    }

    /// Takes a link off the wheel.
    ///
    /// # Safety
    /// The link is on this wheel.
    #[inline]
    pub unsafe fn remove(&mut self, link: NonNull<TimerLink>) {
        // Safety: the link is on one of this wheel's lists.
        unsafe {
            self.deadline_sum -= i128::from((*link.as_ptr()).deadline);
            self.len -= 1;
            self.unlink(link.as_ptr());
        }
    }

    /// Tells the wheel that a link's bytes were copied to `link`: what pointed at the old place points at the new one.
    ///
    /// # Safety
    /// The bytes at `link` are a copy of a link on this wheel, made since the wheel was last used; the old place is not read and may be gone.
    pub unsafe fn relocate(&mut self, link: NonNull<TimerLink>) {
        let link = link.as_ptr();
        // Safety: the neighbours of the link are alive, and hold its old address until they are written here.
        unsafe {
            let old = *(*link).prev;
            // Only the address is computed: the field of a link at the old place.
            if self.due_tail == old.wrapping_byte_add(std::mem::offset_of!(TimerLink, next)).cast() {
                self.due_tail = &raw mut (*link).next;
            }
            *(*link).prev = link;
            let next = (*link).next;
            if !next.is_null() {
                (*next).prev = &raw mut (*link).next;
            }
        }
    }

    /// Gives a link another deadline. A later one only is written down: the link is filed anew when its old slot comes up.
    ///
    /// # Safety
    /// The link is on this wheel.
    #[inline]
    pub unsafe fn change(&mut self, link: NonNull<TimerLink>, deadline: Ms) {
        let link = link.as_ptr();
        // Safety: the link is on one of this wheel's lists, and `file` comes after `unlink`.
        unsafe {
            let before = (*link).deadline;
            self.deadline_sum += i128::from(deadline) - i128::from(before);
            if deadline >= before && before > self.cursor {
                (*link).deadline = deadline;
                return;
            }
            self.unlink(link);
            (*link).deadline = deadline;
            self.file(link);
        }
    }

    /// When `advance` or `pop_due` has something to do: a link is due, or a slot may be moved down. May be in the past; `None` if never.
    pub fn next_wake(&self) -> Option<Ms> {
        let due = self.first_due();
        if !due.is_null() {
            // Safety: what is on the list is alive.
            return Some(unsafe { (*due).deadline });
        }
        self.next_wake_parked()
    }

    /// The same for one who leaves due links where they are.
    pub fn next_wake_parked(&self) -> Option<Ms> {
        if self.len == 0 {
            return None;
        }
        if !self.stale.is_empty() {
            return Some(self.cursor);
        }
        let mut wake: Option<Ms> = None;
        for (n, ring) in self.rings.iter().enumerate() {
            if ring.occupied == 0 {
                continue;
            }
            let Some(slot) = ring.first_from(self.cursor >> shift(n)) else { continue };
            // A slot above ring 0 may be moved down from the beginning of the slot before it.
            let begin = if n == 0 { slot } else { ((slot - 1) << shift(n)).max(self.cursor) };
            wake = Some(wake.map_or(begin, |w| w.min(begin)));
        }
        wake
    }

    /// Moves the cursor towards `now`: what it passes becomes due, and slots ahead are moved down early. Moves at most
    /// `budget` links and returns how many; if that is all of the budget there may be more to do, and `next_wake` tells.
    /// An empty wheel just takes the time over, so call it every tick.
    pub fn advance(&mut self, now: Ms, budget: usize) -> usize {
        if now < self.cursor {
            self.step_back(now);
        }
        let mut left = budget;
        // 1. What a step back set aside: until it is filed, nobody knows what is next.
        if !self.file_stale(&mut left) {
            return budget - left;
        }
        if self.len == 0 {
            self.cursor = now;
            return 0;
        }
        // 2. The slots that the cursor must pass, in order of time.
        while let Some((start, n)) = self.next_stop().filter(|&(start, _)| start <= now) {
            // A slot above ring 0 must be empty when the cursor enters it; a slot of ring 0 is emptied by the cursor's being there.
            self.cursor = self.cursor.max(if n == 0 { start } else { start - 1 });
            if !self.empty_slot(n, start >> shift(n), &mut left) {
                return budget - left;
            }
        }
        self.cursor = now;
        // 3. The slots that will be entered next, the most urgent ring first, with what is left of the budget.
        for n in 1..RINGS {
            let slot = (now >> shift(n)) + 1;
            if self.rings[n].first_from_tidying(slot) == Some(slot) && !self.empty_slot(n, slot, &mut left) {
                break;
            }
        }
        budget - left
    }

    /// Takes one link whose deadline is at or before `now` off the wheel, as far as `advance` has found them; earlier milliseconds first.
    ///
    /// # Safety
    /// Every link on the wheel is alive.
    #[inline]
    pub unsafe fn pop_due(&mut self, now: Ms) -> Option<NonNull<TimerLink>> {
        if now < self.cursor {
            self.step_back(now);
        }
        let link = NonNull::new(self.first_due())?;
        // Safety: the link is on this wheel's list.
        unsafe {
            prefetch((*link.as_ptr()).next);
            debug_assert!((*link.as_ptr()).deadline <= now, "what is due is not after the cursor");
            self.remove(link);
        }
        Some(link)
    }

    /// Shows `visit` up to `count` links, at least one if there is any: from slots chosen at random, a few links below each slot's
    /// head. The same link may be shown twice. It is a sample for eviction, not a fair one: one slot counts as much as another, and its newest links come first.
    pub fn walk(&self, walk: Walk, random: &mut Random, count: usize, mut visit: impl FnMut(NonNull<TimerLink>)) {
        let mut shown = 0;
        if walk == Walk::Soonest {
            // Due ones, then slot after slot, until there are enough.
            shown += visit_chain(self.first_due(), count, &mut visit);
            for (n, ring) in self.rings.iter().enumerate() {
                let mut base = self.cursor >> shift(n);
                let end = base.saturating_add(SLOTS as i64 - 1);
                while shown < count && base <= end {
                    let Some(slot) = ring.first_from(base).filter(|&slot| ring.occupied != 0 && slot <= end) else {
                        break;
                    };
                    // Safety: `first_from` found the slot, so its head exists.
                    shown += visit_chain(unsafe { *ring.head(slot) }, count - shown, &mut visit);
                    base = slot + 1;
                }
            }
            return;
        }
        for _ in 0..count {
            let from = random.next_u64() as i64 & (SLOTS as i64 - 1);
            let first = (random.next_u64() % (RINGS as u64 + 1)) as usize;
            // From a list chosen at random on to the next that holds something: where only few have a deadline, most lists are empty.
            let lists = (first..=RINGS).chain(0..first).map(|list| self.some_head(list, from));
            let Some(mut link) = lists.flatten().next() else { return };
            for _ in 0..random.next_u64() % WALK_SKIP_MAX {
                // Safety: links on a list are alive.
                match NonNull::new(unsafe { (*link.as_ptr()).next }) {
                    Some(next) => link = next,
                    None => break,
                }
            }
            visit(link);
        }
    }

    /// The head of a slot of ring `list`, the first one from slot `from` on that has any; of those that are due where `list` is `RINGS`.
    fn some_head(&self, list: usize, from: i64) -> Option<NonNull<TimerLink>> {
        if list == RINGS {
            return NonNull::new(self.first_due());
        }
        let ring = &self.rings[list];
        // Safety: `first_from` found the slot, so its head exists.
        ring.first_from(from).and_then(|slot| NonNull::new(unsafe { *ring.head(slot) }))
    }

    /// Files a link that is on no list by its deadline and the cursor.
    #[inline]
    unsafe fn file(&mut self, link: *mut TimerLink) {
        // Safety: the caller gives a valid link on no list; heads and links on lists are alive.
        unsafe {
            let deadline = (*link).deadline;
            if deadline <= self.cursor {
                (*link).next = null_mut();
                (*link).prev = self.due_tail;
                *self.due_tail = link;
                self.due_tail = &raw mut (*link).next;
                self.due_count += 1;
                return;
            }
            let n = ring_for(deadline, self.cursor);
            let ring = &mut self.rings[n];
            ring.allocate();
            let slot = deadline >> shift(n);
            ring.occupied |= 1u128 << (slot as u32 & (SLOTS as u32 - 1));
            let head = ring.head(slot);
            let next = *head;
            (*link).prev = head;
            (*link).next = next;
            if !next.is_null() {
                (*next).prev = &raw mut (*link).next;
            }
            *head = link;
        }
    }

    /// Takes a link off its list, whichever it is.
    #[inline]
    unsafe fn unlink(&mut self, link: *mut TimerLink) {
        // Safety: the link is on a list of this wheel, so that what `prev` and `next` name is alive.
        unsafe {
            let (prev, next) = ((*link).prev, (*link).next);
            debug_assert!(!prev.is_null() && *prev == link, "a link is taken off the wheel it is on");
            *prev = next;
            if !next.is_null() {
                (*next).prev = prev;
            } else if self.due_tail == &raw mut (*link).next {
                self.due_tail = prev;
            }
            (*link).prev = null_mut();
            if (*link).deadline <= self.cursor {
                self.due_count = self.due_count.saturating_sub(1);
            }
        }
    }

    /// The earliest occupied slot of all rings: where it starts, and its ring; of two that start together the higher ring's.
    fn next_stop(&mut self) -> Option<(Ms, usize)> {
        let cursor = self.cursor;
        let mut stop: Option<(Ms, usize)> = None;
        for (n, ring) in self.rings.iter_mut().enumerate() {
            if let Some(slot) = ring.first_from_tidying(cursor >> shift(n)) {
                let start = slot << shift(n);
                if stop.is_none_or(|(earliest, _)| start <= earliest) {
                    stop = Some((start, n));
                }
            }
        }
        stop
    }

    /// Files the links of a slot anew; true if the budget sufficed. None of them can come back to the same slot (invariant 1).
    fn empty_slot(&mut self, n: usize, slot: i64, left: &mut usize) -> bool {
        let head = self.rings[n].head(slot);
        // Safety: the head belongs to an occupied ring.
        unsafe { self.file_chain(head, left) }
    }

    /// Files the links that hang on `head` anew, at most `left`; true if that was all.
    unsafe fn file_chain(&mut self, head: *mut *mut TimerLink, left: &mut usize) -> bool {
        // Safety: the chain's links are alive. It is cut off first, walked by `next`, and the rest is hung back:
        // nobody looks at the `prev` of a link of the chain in between.
        unsafe {
            let mut link = ptr::replace(head, null_mut());
            while !link.is_null() && *left > 0 {
                let next = (*link).next;
                prefetch(next);
                self.file(link);
                *left -= 1;
                link = next;
            }
            if link.is_null() {
                return true;
            }
            debug_assert!((*head).is_null(), "nothing is filed into the slot that is being emptied");
            *head = link;
            (*link).prev = head;
            false
        }
    }

    /// The clock went back: the cursor follows, and what would now stand outside its ring's 128 slots is set aside, as is what was due.
    fn step_back(&mut self, now: Ms) {
        for n in 0..RINGS {
            let (from, to) = (self.cursor >> shift(n), now >> shift(n));
            let steps = from.wrapping_sub(to) as u64;
            let ring = self.rings[n];
            if steps == 0 || ring.occupied == 0 {
                continue;
            }
            // Slots `to + 128` and on, up to `from + 127`, would share their places with slots before `from`.
            let outside = if steps >= SLOTS as u64 {
                ring.first_from(from).is_some()
            } else {
                let first_outside = to + SLOTS as i64;
                ring.first_from(first_outside).is_some_and(|slot| slot < from + SLOTS as i64)
            };
            if outside {
                self.stale.push(ring);
                self.rings[n] = Ring::EMPTY;
            }
        }
        let due = self.first_due();
        if !due.is_null() {
            let mut ring = Ring { heads: null_mut(), occupied: 1 };
            ring.allocate();
            // Safety: both heads are allocated; the first due link is alive and is hung on the new one.
            unsafe {
                *ring.head(0) = due;
                (*due).prev = ring.head(0);
                *self.due = null_mut();
            }
            self.stale.push(ring);
            self.due_tail = self.due;
            self.due_count = 0;
        }
        self.cursor = now;
    }

    /// Files what a step back set aside; true if nothing of it is left.
    fn file_stale(&mut self, left: &mut usize) -> bool {
        while let Some(&ring) = self.stale.last() {
            let mut bits = ring.occupied;
            while bits != 0 {
                // Safety: a stale ring keeps its heads until it is freed below.
                if !unsafe { self.file_chain(ring.head(i64::from(bits.trailing_zeros())), left) } {
                    return false;
                }
                bits &= bits - 1;
            }
            self.stale.pop();
            ring.free();
        }
        true
    }
}

/// Shows up to `count` links of a chain from `link` on; returns how many.
fn visit_chain(mut link: *mut TimerLink, count: usize, visit: &mut impl FnMut(NonNull<TimerLink>)) -> usize {
    let mut shown = 0;
    while shown < count
        && let Some(here) = NonNull::new(link)
    {
        // Safety: links on a list are alive.
        link = unsafe { (*here.as_ptr()).next };
        visit(here);
        shown += 1;
    }
    shown
}

impl Drop for Wheel {
    fn drop(&mut self) {
        for ring in self.rings.into_iter().chain(self.stale.drain(..)) {
            ring.free();
        }
        // Safety: made by `Box::into_raw` in `new`; nobody uses it after the wheel.
        drop(unsafe { Box::from_raw(self.due) });
    }
}

#[cfg(test)]
mod tests;
