//! One entry of a list pack: a head that says kind and length, the body, and the entry's length once more, to be read backwards.
//!
//! ```text
//! 0xxxxxxx                    0..=127                       10llllll + body           up to 63 bytes
//! 110xxxxx xxxxxxxx           13 bits, signed               1110llll llllllll + body  up to 4095 bytes
//! F1 F2 F3 F4 + 2 3 4 8 bytes signed, little endian         F0 + 4 bytes + body       length little endian
//! ```
//! The closing length counts head and body, seven bits a byte, high bits first; all its bytes but the first have the top bit
//! set, so that a reader coming from the right knows where it begins. The format is Redis's own.

use crate::base::number::{IntegerText, parse_i64};

/// The byte that closes a pack.
pub(crate) const END: u8 = 0xff;

const TEXT_32: u8 = 0xf0;
const INT_16: u8 = 0xf1;
const INT_24: u8 = 0xf2;
const INT_32: u8 = 0xf3;
const INT_64: u8 = 0xf4;

/// An element as it is stored: numbers in canonical form are kept as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The element as bytes; a number is written into `text`.
    #[inline]
    pub fn to_bytes<'t>(self, text: &'t mut IntegerText) -> &'t [u8]
    where
        'a: 't,
    {
        match self {
            Item::Int(value) => text.of(value),
            Item::Bytes(bytes) => bytes,
        }
    }

    pub fn to_vec(self) -> Vec<u8> {
        self.to_bytes(&mut IntegerText::new()).to_vec()
    }

    /// Whether the element reads as `other`.
    #[inline]
    pub fn eq_bytes(self, other: &[u8]) -> bool {
        match self {
            Item::Bytes(bytes) => bytes == other,
            Item::Int(value) => parse_i64(other) == Some(value),
        }
    }

    /// Length of the element as bytes.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Item::Bytes(bytes) => bytes.len(),
            Item::Int(value) => IntegerText::new().of(value).len(),
        }
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        matches!(self, Item::Bytes([]))
    }
}

/// Length of the string that follows a head of one byte; `None` for any other head.
#[inline(always)]
pub(crate) const fn short_string_len(head: u8) -> Option<usize> {
    if head & 0xc0 == 0x80 { Some((head & 0x3f) as usize) } else { None }
}

/// Bytes that the closing length takes for an entry of `len` bytes. The odd limits are those of the format.
#[inline(always)]
pub(crate) const fn backlen_size(len: usize) -> usize {
    if len <= 127 { 1 } else { backlen_size_long(len) }
}

#[inline]
const fn backlen_size_long(len: usize) -> usize {
    match len {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Writes the closing length of an entry of `len` bytes.
///
/// # Safety
/// `at` is good for `backlen_size(len)` bytes.
#[inline(always)]
unsafe fn write_backlen(at: *mut u8, len: usize) {
    if len <= 127 {
        unsafe { at.write(len as u8) };
        return;
    }
    let size = backlen_size_long(len);
    for i in 0..size {
        let bits = (len >> (7 * (size - 1 - i))) as u8 & 0x7f;
        unsafe { at.add(i).write(if i == 0 { bits } else { bits | 0x80 }) };
    }
}

/// Reads a closing length whose last byte is at `last`; `None` when it does not end within five bytes.
///
/// # Safety
/// The five bytes up to and with `last` may be read: an entry never starts before a pack's header of six.
#[inline(always)]
pub(crate) unsafe fn read_backlen(last: *const u8) -> Option<usize> {
    let mut len = 0usize;
    for i in 0..5 {
        let byte = unsafe { *last.sub(i) };
        len |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some(len);
        }
    }
    None
}

/// An entry about to be written: form and length are known, nothing is copied yet.
#[derive(Clone, Copy)]
pub(crate) struct Encoded<'a> {
    item: Item<'a>,
    /// Head and body, without the closing length.
    len: usize,
}

impl<'a> Encoded<'a> {
    #[inline]
    pub fn of(value: &'a [u8]) -> Encoded<'a> {
        match parse_i64(value) {
            Some(number) => Encoded::of_int(number),
            None => {
                let head = match value.len() {
                    0..64 => 1,
                    64..4096 => 2,
                    _ => 5,
                };
                Encoded { item: Item::Bytes(value), len: head + value.len() }
            }
        }
    }

    #[inline]
    pub fn of_int(number: i64) -> Encoded<'static> {
        let len = match number {
            0..=127 => 1,
            -4096..=4095 => 2,
            -32_768..=32_767 => 3,
            -8_388_608..=8_388_607 => 4,
            -2_147_483_648..=2_147_483_647 => 5,
            _ => 9,
        };
        Encoded { item: Item::Int(number), len }
    }

    /// Bytes the whole entry takes.
    #[inline(always)]
    pub fn size(&self) -> usize {
        self.len + backlen_size(self.len)
    }

    /// # Safety
    /// `at` is good for `size()` bytes that do not overlap the value.
    #[inline(always)]
    pub unsafe fn write(&self, at: *mut u8) {
        unsafe {
            match self.item {
                Item::Int(number) => self.write_int(at, number),
                Item::Bytes(body) => {
                    let head = match body.len() {
                        len @ 0..64 => {
                            at.write(0x80 | len as u8);
                            1
                        }
                        len @ 64..4096 => {
                            at.write(0xe0 | (len >> 8) as u8);
                            at.add(1).write(len as u8);
                            2
                        }
                        len => {
                            at.write(TEXT_32);
                            at.add(1).cast::<[u8; 4]>().write((len as u32).to_le_bytes());
                            5
                        }
                    };
                    at.add(head).copy_from_nonoverlapping(body.as_ptr(), body.len());
                }
            }
            write_backlen(at.add(self.len), self.len);
        }
    }

    #[inline(always)]
    unsafe fn write_int(&self, at: *mut u8, number: i64) {
        let bytes = number.to_le_bytes();
        unsafe {
            match self.len {
                1 => at.write(bytes[0]),
                2 => at.cast::<[u8; 2]>().write([0xc0 | (bytes[1] & 0x1f), bytes[0]]),
                3 => at.cast::<[u8; 3]>().write([INT_16, bytes[0], bytes[1]]),
                4 => at.cast::<[u8; 4]>().write([INT_24, bytes[0], bytes[1], bytes[2]]),
                5 => at.cast::<[u8; 5]>().write([INT_32, bytes[0], bytes[1], bytes[2], bytes[3]]),
                _ => {
                    at.write(INT_64);
                    at.add(1).cast::<[u8; 8]>().write(bytes);
                }
            }
        }
    }
}

/// The element at `at` and the length of head and body.
///
/// # Safety
/// `at` is where an entry of a valid pack begins, and that pack lives unchanged for `'a`.
#[inline(always)]
pub(crate) unsafe fn decode<'a>(at: *const u8) -> (Item<'a>, usize) {
    unsafe {
        match *at {
            tag @ 0..0x80 => (Item::Int(i64::from(tag)), 1),
            tag @ 0x80..0xc0 => text(at, 1, usize::from(tag & 0x3f)),
            tag @ 0xc0..0xe0 => {
                let bits = i16::from(tag & 0x1f) << 8 | i16::from(*at.add(1));
                (Item::Int(i64::from(bits << 3 >> 3)), 2)
            }
            tag @ 0xe0..0xf0 => text(at, 2, usize::from(tag & 0x0f) << 8 | usize::from(*at.add(1))),
            tag => decode_wide(at, tag),
        }
    }
}

#[inline]
unsafe fn decode_wide<'a>(at: *const u8, tag: u8) -> (Item<'a>, usize) {
    unsafe {
        let body = at.add(1);
        match tag {
            INT_16 => (Item::Int(i64::from(i16::from_le_bytes(*body.cast()))), 3),
            INT_24 => {
                let [low, middle, high] = *body.cast::<[u8; 3]>();
                (Item::Int(i64::from(i32::from_le_bytes([0, low, middle, high]) >> 8)), 4)
            }
            INT_32 => (Item::Int(i64::from(i32::from_le_bytes(*body.cast()))), 5),
            INT_64 => (Item::Int(i64::from_le_bytes(*body.cast())), 9),
            _ => text(at, 5, u32::from_le_bytes(*body.cast()) as usize),
        }
    }
}

#[inline(always)]
unsafe fn text<'a>(at: *const u8, head: usize, len: usize) -> (Item<'a>, usize) {
    (Item::Bytes(unsafe { std::slice::from_raw_parts(at.add(head), len) }), head + len)
}

/// Bytes the whole entry at `at` takes.
///
/// # Safety
/// As for [`decode`].
#[inline(always)]
pub(crate) unsafe fn size_at(at: *const u8) -> usize {
    let (_, len) = unsafe { decode(at) };
    len + backlen_size(len)
}

/// Length of head and body of the entry that foreign bytes begin with, if head and length make sense; the body may be cut off.
pub(super) fn foreign_len(bytes: &[u8]) -> Option<usize> {
    Some(match *bytes.first()? {
        0..0x80 => 1,
        tag @ 0x80..0xc0 => 1 + usize::from(tag & 0x3f),
        0xc0..0xe0 => 2,
        tag @ 0xe0..0xf0 => 2 + (usize::from(tag & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
        TEXT_32 => 5 + u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?) as usize,
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lengths_read_back() {
        for len in [1, 127, 128, 16_382, 16_383, 16_384, 2_097_150, 2_097_151, 268_435_454, 268_435_455, 1 << 31] {
            let mut bytes = [0u8; 16];
            unsafe { write_backlen(bytes.as_mut_ptr().add(6), len) };
            assert_eq!(unsafe { read_backlen(bytes.as_ptr().add(5 + backlen_size(len))) }, Some(len), "{len}");
        }
    }
}
