//! HyperLogLog: how many different elements were seen, to within a percent, in at most 12 KiB. Layout and numbers are Redis's.
//!
//! ```text
//!   "HYLL" | encoding 1 | unused 3 | cardinality 8, little endian, highest bit: out of date |   16 bytes
//!   dense:   16384 registers of 6 bits, lowest bits first                                      12288 bytes
//!   sparse:  runs of equal registers as opcodes (`sparse`)                                     2 bytes and more
//! ```
//! An element's hash chooses a register by its low 14 bits; the register keeps the longest run of zeros seen in the other
//! 50, and one more (1 to 51). From how many registers hold which value the cardinality is estimated (`estimate`).
//!
//! Bytes come from clients and may be anything: whatever reads them says `Corrupt` where they make no sense, and never
//! leaves them. Knows nothing of keys; who makes a string longer is the caller's matter, who is told how in a `Splice`.

mod dense;
mod estimate;
mod hash;
mod sparse;
#[cfg(test)]
mod tests;

pub use hash::{Place, place_of};
pub use sparse::{Opcode, Splice, opcodes};

use crate::base::shared_bytes::SharedBytes;

/// Number of registers: 14 bits of the hash choose one.
pub const REGISTERS: usize = 1 << REGISTER_INDEX_BITS;
const REGISTER_INDEX_BITS: u32 = 14;
/// Bits of a register in the dense layout.
const REGISTER_BITS: usize = 6;
/// Values that a register can have.
const VALUES: usize = 1 << REGISTER_BITS;

const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const CARDINALITY_AT: usize = 8;
/// The byte whose highest bit says that the cardinality is out of date.
const STALE_AT: usize = 15;
const STALE: u8 = 0x80;
/// Bytes before the registers.
pub const HEADER_BYTES: usize = 16;
/// Bytes of a dense one: always so many.
pub const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * REGISTER_BITS / 8;

const DENSE: u8 = 0;
const SPARSE: u8 = 1;

/// One that has seen nothing: sparse, one run of zeros.
pub const EMPTY: &[u8] = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff";

/// How the registers are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Dense,
    Sparse,
}

/// The registers make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

/// One byte a register: where several are united.
pub type Raw = [u8; REGISTERS];

/// What has to be done so that a register is at least so high.
#[derive(Debug)]
pub enum Raise {
    /// Nothing: it is.
    Done,
    /// These bytes change.
    Splice(Splice),
    /// The sparse layout cannot hold it, or not within its limit: make it dense (`to_dense`), then raise again.
    ToDense,
}

/// The layout that a string's header tells; `None` when the string is no HyperLogLog.
pub fn encoding_of(bytes: &[u8]) -> Option<Encoding> {
    let is_ours = bytes.len() >= HEADER_BYTES && bytes.starts_with(MAGIC);
    match bytes.get(ENCODING_AT) {
        Some(&DENSE) if is_ours && bytes.len() == DENSE_BYTES => Some(Encoding::Dense),
        Some(&SPARSE) if is_ours => Some(Encoding::Sparse),
        _ => None,
    }
}

/// The cardinality in the header, if it is up to date.
pub fn cached_cardinality(bytes: &[u8]) -> Option<u64> {
    let field = bytes[CARDINALITY_AT..HEADER_BYTES].try_into().expect("the field has 8 bytes");
    (bytes[STALE_AT] & STALE == 0).then_some(u64::from_le_bytes(field))
}

/// Puts the cardinality into the header.
pub fn cache_cardinality(bytes: &mut [u8], cardinality: u64) {
    bytes[CARDINALITY_AT..HEADER_BYTES].copy_from_slice(&cardinality.to_le_bytes());
}

/// The cardinality in the header is no longer true.
#[inline]
pub fn forget_cardinality(bytes: &mut [u8]) {
    bytes[STALE_AT] |= STALE;
}

/// What raises a register. Of a dense one it is a splice that changes no length. `sparse_bytes_max`: the most bytes that a
/// sparse one may have.
#[inline]
pub fn raise(bytes: &[u8], place: Place, sparse_bytes_max: usize) -> Result<Raise, Corrupt> {
    match encoding_of(bytes).ok_or(Corrupt)? {
        Encoding::Dense => Ok(dense::raise(&bytes[HEADER_BYTES..], place)),
        Encoding::Sparse => sparse::raise(bytes, place, sparse_bytes_max),
    }
}

/// The dense layout of a sparse one, header and all.
pub fn to_dense(bytes: &[u8]) -> Result<SharedBytes, Corrupt> {
    let mut registers = SharedBytes::zeroed(DENSE_BYTES);
    let dense = registers.make_mut();
    dense[..HEADER_BYTES].copy_from_slice(&bytes[..HEADER_BYTES]);
    dense[ENCODING_AT] = DENSE;
    sparse::for_each_run(&bytes[HEADER_BYTES..], |run, value| {
        run.for_each(|index| dense::set(&mut dense[HEADER_BYTES..], index, value));
    })?;
    Ok(registers)
}

/// A dense one with these registers; the header as in `header`, which is that of another one.
pub fn dense_of(header: &[u8], raw: &Raw) -> SharedBytes {
    let mut registers = SharedBytes::zeroed(DENSE_BYTES);
    let dense = registers.make_mut();
    dense[..HEADER_BYTES].copy_from_slice(&header[..HEADER_BYTES]);
    dense[ENCODING_AT] = DENSE;
    dense::pack(raw, &mut dense[HEADER_BYTES..]);
    registers
}

/// The estimate for one; its header is not looked at for it.
pub fn cardinality(bytes: &[u8]) -> Result<u64, Corrupt> {
    let mut counts = [0; VALUES];
    match encoding_of(bytes).ok_or(Corrupt)? {
        Encoding::Dense => dense::count_values(&bytes[HEADER_BYTES..], &mut counts),
        Encoding::Sparse => {
            sparse::for_each_run(&bytes[HEADER_BYTES..], |run, value| counts[value as usize] += run.len() as u32)?;
            counts[0] = REGISTERS as u32 - counts[1..].iter().sum::<u32>();
        }
    }
    Ok(estimate::cardinality(&counts))
}

/// The estimate for united registers.
pub fn cardinality_of_raw(raw: &Raw) -> u64 {
    let mut counts = [0; VALUES];
    raw.iter().for_each(|value| counts[*value as usize % VALUES] += 1);
    estimate::cardinality(&counts)
}

/// Raises each register of `raw` to that of another one. `is_wide_allowed`: by wide registers of the machine, if it has them.
pub fn unite(raw: &mut Raw, bytes: &[u8], is_wide_allowed: bool) -> Result<(), Corrupt> {
    match encoding_of(bytes).ok_or(Corrupt)? {
        Encoding::Dense => dense::unite(raw, &bytes[HEADER_BYTES..], is_wide_allowed),
        Encoding::Sparse => sparse::for_each_run(&bytes[HEADER_BYTES..], |run, value| {
            run.for_each(|index| raw[index] = raw[index].max(value));
        })?,
    }
    Ok(())
}
