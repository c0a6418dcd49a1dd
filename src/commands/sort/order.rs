//! The sorting itself: elements by a word of 64 bits whose order is that of a number or of a text's beginning, and only
//! those that the word does not tell apart by all their bytes.
//!
//! The result is a list of places in what was given, so that nothing large is moved.

use crate::base::number::IntegerText;
use crate::structures::list_pack::Item;
use std::cmp::Ordering;
use std::ops::Range;

/// An element to be sorted: what it is sorted by first, and where it stood.
#[derive(Clone, Copy)]
struct Keyed {
    key: u64,
    place: u32,
}

/// Most elements that can be sorted: places are words of 32 bits, as are lengths of collections in most other places.
const ELEMENTS_MAX: usize = u32::MAX as usize;

/// The places of `items` in the order of their scores, and within one score of their bytes; those of `window` only.
pub(super) fn by_score(items: &[Item], scores: &[f64], is_descending: bool, window: Range<usize>) -> Vec<u32> {
    let keys = scores.iter().map(|&score| if is_descending { !order_key(score) } else { order_key(score) });
    let mut texts = (IntegerText::new(), IntegerText::new());
    sort(keys, window, |a, b| {
        let order = items[a].to_bytes(&mut texts.0).cmp(items[b].to_bytes(&mut texts.1));
        if is_descending { order.reverse() } else { order }
    })
}

/// The places of texts in the order of their bytes; where there is none, it comes first. Equal ones stay as they stood.
pub(super) fn by_text(texts: &[Option<&[u8]>], is_descending: bool, window: Range<usize>) -> Vec<u32> {
    let keys = texts.iter().map(|text| if is_descending { !beginning(*text) } else { beginning(*text) });
    sort(keys, window, |a, b| {
        let order = texts[a].cmp(&texts[b]);
        let order = if is_descending { order.reverse() } else { order };
        order.then(a.cmp(&b))
    })
}

/// Sorts by key and, within a key, by `compare`, which is given places.
fn sort(
    keys: impl ExactSizeIterator<Item = u64>,
    window: Range<usize>,
    mut compare: impl FnMut(usize, usize) -> Ordering,
) -> Vec<u32> {
    assert!(keys.len() <= ELEMENTS_MAX, "no collection has more elements");
    let mut keyed: Vec<Keyed> = keys.enumerate().map(|(place, key)| Keyed { key, place: place as u32 }).collect();
    let mut by_all = |a: &Keyed, b: &Keyed| a.key.cmp(&b.key).then_with(|| compare(a.place as usize, b.place as usize));
    if window.is_empty() {
        return Vec::new();
    }
    // What is left out at the end, and then at the front, need not be sorted.
    if window.end < keyed.len() {
        keyed.select_nth_unstable_by(window.end - 1, &mut by_all);
        keyed.truncate(window.end);
    }
    if window.start > 0 {
        keyed.select_nth_unstable_by(window.start, &mut by_all);
        keyed.drain(..window.start);
    }
    // By the key alone first: that is quick, and mostly enough.
    keyed.sort_unstable_by_key(|keyed| keyed.key);
    for run in keyed.chunk_by_mut(|a, b| a.key == b.key) {
        if run.len() > 1 {
            run.sort_unstable_by(&mut by_all);
        }
    }
    keyed.into_iter().map(|keyed| keyed.place).collect()
}

/// A number that is not a NaN as an integer of the same order; both zeros are equal.
fn order_key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The first bytes of a text as an integer of the same order, with 0 for none. One byte is given up for that.
fn beginning(text: Option<&[u8]>) -> u64 {
    let Some(text) = text else { return 0 };
    let mut bytes = [0; 8];
    bytes[0] = 1;
    let length = text.len().min(7);
    bytes[1..=length].copy_from_slice(&text[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut random = Random::new(11);
        for round in 0..400 {
            let count = random.below(60) as usize;
            let numbers: Vec<f64> = (0..count).map(|_| random.between(-9, 9) as f64 / 2.0).collect();
            let texts: Vec<String> =
                (0..count).map(|_| "abcabcabcabc"[..random.below(12) as usize].to_owned()).collect();
            let start = random.below(count as u64 + 1) as usize;
            let window = start..start + random.below((count - start) as u64 + 1) as usize;
            let is_descending = round % 2 == 1;
            let turned = |order: Ordering| if is_descending { order.reverse() } else { order };

            let items: Vec<Item> = texts.iter().map(|text| Item::Bytes(text.as_bytes())).collect();
            let mut expected: Vec<usize> = (0..count).collect();
            expected
                .sort_by(|&a, &b| turned(numbers[a].total_cmp(&(numbers[b])).then_with(|| texts[a].cmp(&texts[b]))));
            let sorted = by_score(&items, &numbers, is_descending, window.clone());
            let shown = |place: usize| (numbers[place].to_bits(), &texts[place]);
            assert!(
                sorted
                    .iter()
                    .map(|&place| shown(place as usize))
                    .eq(expected[window.clone()].iter().map(|&p| shown(p)))
            );

            let keys: Vec<Option<&[u8]>> =
                texts.iter().map(|text| (text.len() % 3 > 0).then_some(text.as_bytes())).collect();
            expected.sort_unstable();
            expected.sort_by(|&a, &b| turned(keys[a].cmp(&keys[b])));
            let sorted = by_text(&keys, is_descending, window.clone());
            assert!(sorted.iter().map(|&place| place as usize).eq(expected[window].iter().copied()));
        }
    }

    #[test]
    fn the_beginning_of_a_text_tells_its_order() {
        let texts: [Option<&[u8]>; 6] = [None, Some(b""), Some(b"\0"), Some(b"a"), Some(b"ab"), Some(b"abcdefgh")];
        assert!(texts.map(beginning).is_sorted());
        assert!(beginning(None) < beginning(Some(b"")));
    }
}
