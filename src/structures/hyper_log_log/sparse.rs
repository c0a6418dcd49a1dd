//! The sparse layout: runs of equal registers as opcodes of one or two bytes, from the first register to the last.
//!
//! ```text
//!   00nnnnnn            ZERO    n + 1 registers of 0, up to 64
//!   01nnnnnn nnnnnnnn   XZERO   n + 1 registers of 0, up to 16384
//!   1vvvvvnn            VAL     n + 1 registers of v + 1: up to 4 of up to 32
//! ```
//! To raise a register, the opcode that covers it is split into up to three, and values that came to stand side by side are
//! joined. Where an opcode is split, and which are joined, is exactly as in Redis, because the bytes can be seen.
//!
//! Nothing but the sum of all runs says whether the opcodes are whole. Raising a register looks no further than to the
//! opcode that covers it; whatever reads all of them checks the sum.

use std::ops::Range;

use super::{Corrupt, HEADER_BYTES, Place, REGISTERS, Raise};

const XZERO: u8 = 0x40;
const VAL: u8 = 0x80;
const KIND: u8 = 0xc0;

const ZERO_RUN_MAX: usize = 64;
const VAL_RUN_MAX: usize = 4;
/// Highest value of a register in this layout.
const VALUE_MAX: u8 = 32;

/// Opcodes looked at for values to be joined, from the one before the change on.
const JOIN_OPCODES: usize = 5;
/// Most bytes of opcodes that one opcode is split into.
const SPLIT_BYTES_MAX: usize = 5;
/// Bytes behind the change that joining may look at: every step passes two bytes or takes one away, and looks one ahead.
const BEHIND: usize = 2 * JOIN_OPCODES + 1;
/// Bytes that a change may touch: the opcode before, the split, what is behind.
const WINDOW: usize = 2 + SPLIT_BYTES_MAX + BEHIND;

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Zero(usize),
    XZero(usize),
    Val { value: u8, run: usize },
}

impl Opcode {
    /// The opcode at the front of `bytes`, which are not empty; a second byte that is missing is 0.
    #[inline]
    fn read(bytes: &[u8]) -> Opcode {
        let first = bytes[0];
        match first & KIND {
            0 => Opcode::Zero(usize::from(first) + 1),
            XZERO => {
                let second = bytes.get(1).copied().unwrap_or(0);
                Opcode::XZero((usize::from(first & !KIND) << 8 | usize::from(second)) + 1)
            }
            _ => Opcode::Val { value: (first >> 2 & 0x1f) + 1, run: usize::from(first & 3) + 1 },
        }
    }

    /// Bytes it takes.
    #[inline]
    fn size(self) -> usize {
        if matches!(self, Opcode::XZero(_)) { 2 } else { 1 }
    }

    /// Registers it stands for.
    #[inline]
    pub fn run(self) -> usize {
        match self {
            Opcode::Zero(run) | Opcode::XZero(run) | Opcode::Val { run, .. } => run,
        }
    }
}

/// The opcodes of a sparse one, header and all, as they stand.
pub fn opcodes(bytes: &[u8]) -> impl Iterator<Item = Opcode> {
    let mut rest = &bytes[HEADER_BYTES..];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let opcode = Opcode::read(rest);
        rest = rest.get(opcode.size()..).unwrap_or_default();
        Some(opcode)
    })
}

/// Calls `visit` with the registers and the value of each run that is not 0. When the runs do not make up all registers, some
/// may have been visited before that shows; none beyond the last register.
pub(super) fn for_each_run(opcodes: &[u8], mut visit: impl FnMut(Range<usize>, u8)) -> Result<(), Corrupt> {
    let mut rest = opcodes;
    let mut first = 0;
    while !rest.is_empty() {
        let opcode = Opcode::read(rest);
        let end = first + opcode.run();
        if end > REGISTERS {
            return Err(Corrupt);
        }
        if let Opcode::Val { value, .. } = opcode {
            visit(first..end, value);
        }
        first = end;
        rest = rest.get(opcode.size()..).unwrap_or_default();
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// Bytes to be put in the place of others.
#[derive(Clone, Copy, Debug)]
pub struct Splice {
    /// Where, from the start of the string.
    pub at: usize,
    /// How many bytes go.
    pub removed: usize,
    inserted: Bytes,
}

impl Splice {
    pub(super) fn new(at: usize, removed: usize, inserted: &[u8]) -> Splice {
        let mut bytes = Bytes::default();
        bytes.extend(inserted);
        Splice { at, removed, inserted: bytes }
    }

    /// The bytes that come.
    pub fn inserted(&self) -> &[u8] {
        self.inserted.as_slice()
    }
}

/// A few bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Bytes {
    bytes: [u8; WINDOW],
    len: usize,
}

impl Bytes {
    #[inline]
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    #[inline]
    fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn remove(&mut self, at: usize) {
        self.bytes.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    fn push_zeros(&mut self, run: usize) {
        if run > ZERO_RUN_MAX {
            self.push(((run - 1) >> 8) as u8 | XZERO);
        }
        if run > 0 {
            self.push((run - 1) as u8);
        }
    }

    fn push_values(&mut self, value: u8, run: usize) {
        if run > 0 {
            self.push(VAL | (value - 1) << 2 | (run - 1) as u8);
        }
    }
}

/// The opcode that covers a register.
struct Covering {
    /// Where it stands, and the one before it.
    at: usize,
    before: Option<usize>,
    /// Its first register.
    first: usize,
    opcode: Opcode,
}

/// What raises a register; see `super::raise`.
pub(super) fn raise(bytes: &[u8], place: Place, bytes_max: usize) -> Result<Raise, Corrupt> {
    // Whether the register is that high already is not asked: there cannot be such a value here.
    if place.value > VALUE_MAX {
        return Ok(Raise::ToDense);
    }
    let opcodes = &bytes[HEADER_BYTES..];
    let Covering { at, before, first, opcode } = covering(opcodes, place.index).ok_or(Corrupt)?;
    if matches!(opcode, Opcode::Val { value, .. } if value >= place.value) {
        return Ok(Raise::Done);
    }
    // 1. The opcode is split: what is before the register, the register, what is behind it.
    let (ahead, behind) = (place.index - first, first + opcode.run() - 1 - place.index);
    let mut split = Bytes::default();
    let (pushed, value): (fn(&mut Bytes, u8, usize), u8) = match opcode {
        Opcode::Val { value, .. } => (Bytes::push_values, value),
        _ => (|bytes, _, run| bytes.push_zeros(run), 0),
    };
    pushed(&mut split, value, ahead);
    split.push_values(place.value, 1);
    pushed(&mut split, value, behind);
    // A second byte that was missing is still missing.
    let missing = (at + opcode.size()).saturating_sub(opcodes.len());
    let end = at + opcode.size() - missing;
    split.len -= missing;
    if split.len > end - at && bytes.len() + split.len - (end - at) > bytes_max {
        return Ok(Raise::ToDense);
    }
    // 2. Equal values side by side are joined.
    let from = before.unwrap_or(at);
    let to = opcodes.len().min(end + BEHIND);
    let mut window = Bytes::default();
    window.extend(&opcodes[from..at]);
    window.extend(split.as_slice());
    window.extend(&opcodes[end..to]);
    join(&mut window);
    Ok(Raise::Splice(Splice { at: HEADER_BYTES + from, removed: to - from, inserted: window }))
}

/// Joins values that stand side by side, as far as Redis looks.
fn join(window: &mut Bytes) {
    let mut at = 0;
    for _ in 0..JOIN_OPCODES {
        let rest = &window.as_slice()[at.min(window.len)..];
        match rest {
            [] => return,
            [first, ..] if first & VAL == 0 => at += Opcode::read(rest).size(),
            // The same value: only the two lowest bits, the lengths, differ.
            [first, next, ..]
                if (first ^ next) < VAL_RUN_MAX as u8 && run_of(*first) + run_of(*next) <= VAL_RUN_MAX =>
            {
                let joined = first & !3 | (run_of(*first) + run_of(*next) - 1) as u8;
                window.bytes[at] = joined;
                window.remove(at + 1);
            }
            _ => at += 1,
        }
    }
}

fn run_of(val: u8) -> usize {
    usize::from(val & 3) + 1
}

/// Finds the opcode that covers register `index`.
fn covering(opcodes: &[u8], index: usize) -> Option<Covering> {
    let (mut at, mut first) = pass_blocks(opcodes, index);
    let mut before = None;
    while at < opcodes.len() {
        let opcode = Opcode::read(&opcodes[at..]);
        if index < first + opcode.run() {
            return Some(Covering { at, before, first, opcode });
        }
        before = Some(at);
        at += opcode.size();
        first += opcode.run();
    }
    None
}

/// Bytes of opcodes that are passed at once.
const BLOCK: usize = 8;

/// Passes blocks of opcodes that end before register `index`, and goes back one, so that the opcode before the one that is
/// looked for is met as well. Gives back where an opcode begins, and its first register.
fn pass_blocks(opcodes: &[u8], index: usize) -> (usize, usize) {
    let (blocks, _) = opcodes.as_chunks::<BLOCK>();
    // Where the block begins, the registers before it, and whether its first byte belongs to an XZERO before it.
    let (mut at, mut first, mut is_cut) = (0, 0, false);
    let mut last = (at, first, is_cut);
    for block in blocks {
        let (run, cuts_next) = run_of_block(u64::from_le_bytes(*block), is_cut);
        if first + run > index {
            break;
        }
        last = (at, first, is_cut);
        (at, first, is_cut) = (at + BLOCK, first + run, cuts_next);
    }
    let (at, first, is_cut) = last;
    // The second byte of an XZERO counts in the block where it stands.
    if is_cut { (at + 1, first + usize::from(opcodes[at])) } else { (at, first) }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const LOW_SIX: u64 = 0x3f * ONES;

/// Registers that eight bytes of opcodes stand for, and whether the last of them is the first byte of an XZERO. `is_cut`: the
/// first byte is the second of one. Of an XZERO across the border, each byte counts where it stands.
#[inline]
fn run_of_block(block: u64, is_cut: bool) -> (usize, bool) {
    // 1. Bytes that look like an XZERO's first: 01…. Which of them are, and which are second bytes, a table tells.
    let looks = (block << 1) & !block & (ONES << 7);
    // The highest bits of the bytes, side by side: a multiplication moves each to its place without a carry.
    let looks = ((looks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as usize;
    let seconds = SECONDS[usize::from(is_cut)][looks];
    let firsts = looks as u8 & !seconds;
    // 2. One byte of length each: the lowest two bits of a VAL or six of others, and one more; all of a second byte.
    let (seconds, firsts) = (SPREAD[usize::from(seconds)], SPREAD[usize::from(firsts)]);
    let is_val = (block >> 7 & ONES) * 0xff;
    let short = block & (LOW_SIX ^ (is_val & (0x3c * ONES))) & !(seconds | firsts);
    let lengths = (short + (ONES & !seconds)) | (block & seconds);
    let high = block & LOW_SIX & firsts;
    (sum_of_bytes(lengths) + (sum_of_bytes(high) << 8), firsts >> 63 != 0)
}

/// Bit i of eight as byte i, full or empty.
static SPREAD: [u64; 256] = {
    let mut table = [0; 256];
    let mut bits = 0;
    while bits < 256 {
        let mut i = 0;
        while i < BLOCK {
            if bits >> i & 1 == 1 {
                table[bits] |= 0xff << (8 * i);
            }
            i += 1;
        }
        bits += 1;
    }
    table
};

#[inline]
fn sum_of_bytes(word: u64) -> usize {
    const EVEN: u64 = 0x00ff_00ff_00ff_00ff;
    let pairs = (word & EVEN) + (word >> 8 & EVEN);
    (pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48) as usize
}

/// Which bytes are second bytes, by which look like first ones (bit i: byte i); the second table when the first byte is a
/// second byte. A byte that looks like a first one is one, unless the byte before is.
static SECONDS: [[u8; 256]; 2] = {
    let mut table = [[0; 256]; 2];
    let mut row = 0;
    while row < 2 {
        let mut looks = 0;
        while looks < 256 {
            let (mut seconds, mut is_second, mut i) = (0, row == 1, 0);
            while i < BLOCK {
                if is_second {
                    seconds |= 1 << i;
                }
                is_second = !is_second && looks >> i & 1 == 1;
                i += 1;
            }
            table[row][looks] = seconds;
            looks += 1;
        }
        row += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// The same, one opcode after the other.
    fn covering_by_steps(opcodes: &[u8], index: usize) -> Option<(usize, Option<usize>, usize)> {
        let (mut at, mut before, mut first) = (0, None, 0);
        while at < opcodes.len() {
            let opcode = Opcode::read(&opcodes[at..]);
            if index < first + opcode.run() {
                return Some((at, before, first));
            }
            before = Some(at);
            at += opcode.size();
            first += opcode.run();
        }
        None
    }

    #[test]
    fn blocks_are_passed_as_single_opcodes_are() {
        let mut random = Random::new(8);
        for round in 0..5000 {
            let mut opcodes = vec![0; random.below(120) as usize];
            random.fill(&mut opcodes);
            for byte in &mut opcodes {
                // Mostly short runs, or the first XZERO would cover everything; chains of bytes that look like first ones, too.
                *byte = match (round % 3, *byte & KIND) {
                    (0, XZERO) => XZERO,
                    (1, _) => XZERO | *byte & 1,
                    (_, 0) => *byte & 3,
                    _ => *byte,
                };
            }
            for _ in 0..20 {
                let index = random.below(2000) as usize;
                let found = covering(&opcodes, index).map(|found| (found.at, found.before, found.first));
                assert_eq!(found, covering_by_steps(&opcodes, index), "{index} in {opcodes:x?}");
            }
        }
    }

    #[test]
    fn bytes_are_summed() {
        assert_eq!(sum_of_bytes(u64::MAX), 8 * 255);
        assert_eq!(sum_of_bytes(0x0102_0304_0506_0708), 36);
    }
}
