//! LZF, the light compression of strings in RDB files.
//!
//! ```text
//! 000LLLLL <L+1 bytes>             the next L+1 bytes as they are
//! LLLooooo oooooooo                L+2 bytes (L = 1…6) that stand o+1 bytes back
//! 111ooooo LLLLLLLL oooooooo       L+9 bytes that stand o+1 bytes back
//! ```
//!
//! Any compressor may choose its matches; this one hashes as Redis does, so that the payloads of DUMP come out alike.

const LITERAL_MAX: usize = 32;
const OFFSET_MAX: usize = 1 << 13;
const MATCH_MAX: usize = (1 << 8) + (1 << 3);
const HASH_BITS: u32 = 16;

/// Where each hash of three bytes was seen last. Made once and reused: clearing 256 KiB would cost more than compressing a short string.
pub struct Compressor {
    /// Position + `epoch`; anything below `epoch` was left by an earlier call.
    seen: Vec<u32>,
    epoch: u32,
}

impl Compressor {
    /// A compressor with an empty memory (256 KiB).
    #[expect(clippy::new_without_default, reason = "a large scratch area is made on purpose")]
    pub fn new() -> Compressor {
        Compressor { seen: vec![0; 1 << HASH_BITS], epoch: 1 }
    }

    /// Appends the compressed form of `input` if that takes at most `output_max` bytes; else leaves `out` as it was.
    /// True if it was appended.
    pub fn compress(&mut self, input: &[u8], output_max: usize, out: &mut Vec<u8>) -> bool {
        let Ok(length) = u32::try_from(input.len()) else { return false };
        if input.is_empty() || output_max == 0 {
            return false;
        }
        if self.epoch.checked_add(length).is_none() {
            self.seen.fill(0);
            self.epoch = 1;
        }
        if self.epoch.checked_add(length).is_none() {
            return false;
        }
        let start = out.len();
        let fits = self.compress_into(input, start + output_max, out);
        self.epoch += length;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    fn compress_into(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let mut at = 0;
        let mut literals = Literals::begin(out);
        while at + 2 < input.len() {
            let candidate = self.exchange(input, at);
            if let Some(from) = candidate.filter(|&from| from > 0 && is_match(input, from, at)) {
                let length = match_length(input, from, at);
                if out.len() - usize::from(literals.count == 0) + 4 >= limit {
                    return false;
                }
                literals.end(out);
                write_match(out, at - from - 1, length);
                literals = Literals::begin(out);
                let end = at + length;
                if end + 2 >= input.len() {
                    at = end;
                    break;
                }
                // Of the bytes stepped over, the last two are remembered too.
                self.exchange(input, end - 2);
                self.exchange(input, end - 1);
                at = end;
            } else {
                if out.len() >= limit {
                    return false;
                }
                literals.push(out, input[at]);
                at += 1;
            }
        }
        if out.len() + 3 > limit {
            return false;
        }
        for &byte in &input[at..] {
            literals.push(out, byte);
        }
        literals.end(out);
        true
    }

    /// The last position whose three bytes have the hash of those at `at`, which takes its place.
    #[inline]
    fn exchange(&mut self, input: &[u8], at: usize) -> Option<usize> {
        let three = u32::from_be_bytes([0, input[at], input[at + 1], input[at + 2]]);
        let hash = (three >> (24 - HASH_BITS)).wrapping_sub(three.wrapping_mul(5)) & ((1 << HASH_BITS) - 1);
        let seen = std::mem::replace(&mut self.seen[hash as usize], self.epoch + at as u32);
        seen.checked_sub(self.epoch).map(|position| position as usize)
    }
}

#[inline]
fn is_match(input: &[u8], from: usize, at: usize) -> bool {
    at - from <= OFFSET_MAX && input[from..from + 3] == input[at..at + 3]
}

fn match_length(input: &[u8], from: usize, at: usize) -> usize {
    let longest = (input.len() - at - 2).min(MATCH_MAX);
    let mut length = 3;
    while length < longest && input[from + length] == input[at + length] {
        length += 1;
    }
    length
}

fn write_match(out: &mut Vec<u8>, offset: usize, length: usize) {
    let length = length - 2;
    if length < 7 {
        out.push((offset >> 8) as u8 + ((length as u8) << 5));
    } else {
        out.push((offset >> 8) as u8 + (7 << 5));
        out.push((length - 7) as u8);
    }
    out.push(offset as u8);
}

/// A run of literal bytes being written: its length byte stands before it and is set at its end.
struct Literals {
    count: usize,
}

impl Literals {
    fn begin(out: &mut Vec<u8>) -> Literals {
        out.push(0);
        Literals { count: 0 }
    }

    fn push(&mut self, out: &mut Vec<u8>, byte: u8) {
        out.push(byte);
        self.count += 1;
        if self.count == LITERAL_MAX {
            self.end(out);
            *self = Literals::begin(out);
        }
    }

    fn end(&self, out: &mut Vec<u8>) {
        let head = out.len() - self.count - 1;
        if self.count == 0 {
            out.truncate(head);
        } else {
            out[head] = (self.count - 1) as u8;
        }
    }
}

/// Decompresses to exactly `length` bytes; `None` if the input is damaged. Allocates no more than `length`
/// and never for a length that the input cannot reach: three bytes of it make at most 264.
pub fn decompress(input: &[u8], length: usize) -> Option<Vec<u8>> {
    if length > input.len().saturating_mul(MATCH_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(length);
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        rest = after;
        let control = usize::from(control);
        if control < LITERAL_MAX {
            let (literal, after) = rest.split_at_checked(control + 1)?;
            out.extend_from_slice(literal);
            rest = after;
        } else {
            let mut count = (control >> 5) + 2;
            if count == 9 {
                let (&more, after) = rest.split_first()?;
                count += usize::from(more);
                rest = after;
            }
            let (&low, after) = rest.split_first()?;
            rest = after;
            let back = ((control & 0x1f) << 8 | usize::from(low)) + 1;
            copy_back(&mut out, back, count)?;
        }
        if out.len() > length {
            return None;
        }
    }
    if out.len() == length { Some(out) } else { None }
}

/// Appends `count` bytes that begin `back` bytes before the end; they may run into what they make.
fn copy_back(out: &mut Vec<u8>, back: usize, count: usize) -> Option<()> {
    let from = out.len().checked_sub(back)?;
    if back >= count {
        out.extend_from_within(from..from + count);
    } else {
        for at in from..from + count {
            out.push(out[at]);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn round_trip(compressor: &mut Compressor, input: &[u8]) -> Option<usize> {
        let mut out = b"before".to_vec();
        if !compressor.compress(input, input.len().saturating_sub(4), &mut out) {
            assert_eq!(out, b"before");
            return None;
        }
        assert_eq!(decompress(&out[6..], input.len()).as_deref(), Some(input));
        Some(out.len() - 6)
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let mut compressor = Compressor::new();
        let mut random = Random::new(9);
        for round in 0..3_000 {
            let alphabet = 1 + random.below(if round % 2 == 0 { 3 } else { 256 });
            let input: Vec<u8> = (0..random.below(2_000)).map(|_| random.below(alphabet) as u8).collect();
            round_trip(&mut compressor, &input);
        }
        assert_eq!(round_trip(&mut compressor, &[b'a'; 100_000]).map(|length| length < 1_200), Some(true));
        assert_eq!(round_trip(&mut compressor, &b"the quick brown fox ".repeat(50)).map(|n| n < 60), Some(true));
    }

    #[test]
    fn damaged_input_is_refused() {
        for (input, length) in [
            (&b"\x05ab"[..], 6),
            (b"\x20", 3),
            (b"\x20\x00", 3),
            (b"\xe0\x01", 10),
            (b"\x00a\x20\x05", 4),
            (b"\x00a", 2),
            (b"\x01ab", 1),
            (b"", 1),
            (b"\x00a", usize::MAX),
        ] {
            assert_eq!(decompress(input, length), None, "{input:?}");
        }
        assert_eq!(decompress(b"\x00a\x20\x00", 4).as_deref(), Some(&b"aaaa"[..]));
        let mut random = Random::new(10);
        for _ in 0..50_000 {
            let mut input = vec![0; random.below(40) as usize];
            random.fill(&mut input);
            let length = random.below(300) as usize;
            assert!(decompress(&input, length).is_none_or(|out| out.len() == length));
        }
    }
}
