//! The sizes that a segment can have, and the two parts it is allocated in.
//!
//! ```text
//! buckets   1 2 3 … 16   then 16 18 21 24 28 sixteenths of every power of two   … 128 144 168 192 224 256
//! main      the power of two below (8 from 9 to 15, 128 at 256)      stays where it is while the segment grows
//! tail      the rest                                                 is all that is allocated anew
//! ```
//! Neighbours differ by a sixth at most, so a load that grows at 7/8 does not fall below 3/4. Every part is a size class of the
//! allocator, and none is "large": of 16 KiB and more jemalloc takes a page extra.

use super::bucket::SLOTS;

/// Buckets of a full-grown segment: rebuilding or splitting one takes some ten microseconds, the longest pause of the table.
pub(super) const BUCKETS_MAX: usize = 256;
/// Elements that a full-grown segment can hold.
pub(super) const ELEMENTS_MAX: usize = BUCKETS_MAX * SLOTS;

/// The steps from one power of two to the next, in sixteenths.
const STEPS: [usize; 6] = [16, 18, 21, 24, 28, 32];

/// Elements that fit before the segment grows: 7/8 of the slots, or 15/16 while growing is held back.
#[inline]
pub(super) fn room_of(buckets: usize, hold: bool) -> usize {
    let slots = buckets * SLOTS;
    slots - if hold { slots / 16 } else { slots / 8 }
}

/// The smallest size that has at least so many buckets.
pub(super) fn round_up(buckets: usize) -> usize {
    if buckets <= 16 {
        return buckets.max(1);
    }
    let sixteenth = 1 << (buckets.ilog2() - 4);
    let sizes = STEPS.map(|step| step * sixteenth);
    sizes.into_iter().find(|&size| size >= buckets).expect("the last step is the next power of two")
}

/// The smallest size whose load is below 7/8 with `count` elements and a few more (1/64, lest it grow again at once).
pub(super) fn size_for(count: usize) -> usize {
    let wanted = count + count / 64;
    let mut size = round_up((wanted * 8 / 7).div_ceil(SLOTS));
    while room_of(size, false) < wanted {
        size = round_up(size + 1);
    }
    size
}

/// The size for `count` elements at a load of 3/4 or a little below: as far from growing as from shrinking.
pub(super) fn relaxed_size(count: usize) -> usize {
    round_up((count * 4).div_ceil(SLOTS * 3))
}

/// Buckets of the first part; the rest is the tail's.
pub(super) fn main_part(buckets: usize) -> usize {
    match buckets {
        ..=8 => buckets,
        BUCKETS_MAX => BUCKETS_MAX / 2,
        _ => 1 << buckets.ilog2(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::memory::usable_size;

    pub(in super::super) fn sizes() -> Vec<usize> {
        (1..=BUCKETS_MAX).filter(|&buckets| round_up(buckets) == buckets).collect()
    }

    #[test]
    fn sizes_step_by_a_sixth_at_most_and_parts_are_size_classes() {
        assert_eq!(sizes()[..16], std::array::from_fn::<usize, 16, _>(|index| index + 1));
        assert_eq!(
            sizes()[16..],
            [18, 21, 24, 28, 32, 36, 42, 48, 56, 64, 72, 84, 96, 112, 128, 144, 168, 192, 224, 256]
        );
        for buckets in sizes() {
            let main = main_part(buckets);
            for part in [main, buckets - main] {
                assert_eq!(usable_size(part * 64), part * 64, "{buckets} buckets");
                assert!(part * 64 < 16 << 10, "no large allocation");
            }
            let next = round_up(buckets + 1);
            let load_after = (room_of(buckets, false) + 1) as f64 / (next * SLOTS) as f64;
            assert!(load_after >= 0.75 || buckets < 6, "{buckets} to {next}: {load_after}");
        }
    }

    #[test]
    fn a_size_has_room_for_its_count_and_is_the_smallest() {
        for count in 0..=room_of(BUCKETS_MAX, false) * 63 / 64 {
            let size = size_for(count);
            assert!(room_of(size, false) >= count && size <= BUCKETS_MAX, "{count} in {size}");
            if size > 16 {
                assert!(count * 100 >= size * SLOTS * 73, "{count} in {size}");
            }
        }
        assert_eq!(room_of(1, false), 7);
        assert_eq!(room_of(128, false), 784);
        assert_eq!(room_of(256, true), 1680);
    }
}
