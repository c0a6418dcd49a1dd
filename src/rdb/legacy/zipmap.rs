//! The zipmap: a hash of few small fields, as Redis before 2.6 wrote it.
//!
//! ```text
//! | count u8, 254 or more: count them | field … | 255 |
//! field:  | length | name | length | unused u8 | value | `unused` bytes |
//! length: u8 below 254, or 254 and u32 (little endian)
//! ```

const END: u8 = 255;
const LONG: u8 = 254;

/// Bytes that are no zipmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAZipmap;

/// A checked view.
#[derive(Clone, Copy, Debug)]
pub struct Zipmap<'a> {
    fields: &'a [u8],
    count: usize,
}

impl<'a> Zipmap<'a> {
    /// Checks every byte of the structure. A zipmap without fields is none: it was never written.
    pub fn open(bytes: &'a [u8]) -> Result<Zipmap<'a>, NotAZipmap> {
        let Some((&said, rest)) = bytes.split_first() else { return Err(NotAZipmap) };
        let Some((&END, fields)) = rest.split_last() else { return Err(NotAZipmap) };
        let (mut rest, mut count) = (fields, 0);
        while !rest.is_empty() {
            (_, _, rest) = parse_field(rest).ok_or(NotAZipmap)?;
            count += 1;
        }
        if count == 0 || (said < LONG && usize::from(said) != count) {
            return Err(NotAZipmap);
        }
        Ok(Zipmap { fields, count })
    }

    /// Number of fields.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.fields;
        std::iter::from_fn(move || {
            let (name, value, after) = parse_field(rest)?;
            rest = after;
            Some((name, value))
        })
    }
}

/// Name and value that `bytes` begin with, and what follows them.
fn parse_field(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = parse_length(bytes)?;
    let (name, rest) = rest.split_at_checked(length)?;
    let (length, rest) = parse_length(rest)?;
    let (&unused, rest) = rest.split_first()?;
    let (value, rest) = rest.split_at_checked(length)?;
    Some((name, value, rest.get(usize::from(unused)..)?))
}

fn parse_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        END => None,
        LONG => {
            let (length, rest) = rest.split_first_chunk()?;
            let length = u32::from_le_bytes(*length) as usize;
            // A short length in the long form was never written.
            (length >= usize::from(LONG)).then_some((length, rest))
        }
        short => Some((short.into(), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_over_unused_bytes() {
        let bytes = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world__\xff";
        let map = Zipmap::open(bytes).expect("well formed");
        assert_eq!(map.count(), 2);
        assert!(map.iter().eq([(&b"foo"[..], &b"bar"[..]), (b"hello", b"world")]));
        let mut long = b"\xfe\x01f\xfe".to_vec();
        long.extend_from_slice(&300_u32.to_le_bytes());
        long.push(0);
        long.extend_from_slice(&[b'v'; 300]);
        long.push(END);
        assert_eq!(Zipmap::open(&long).expect("well formed").iter().next(), Some((&b"f"[..], &[b'v'; 300][..])));
    }

    #[test]
    fn damage_is_an_error() {
        let good = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world__\xff";
        for at in 0..good.len() {
            assert!(Zipmap::open(&good[..at]).is_err());
            for bit in 0..8 {
                let mut damaged = good.to_vec();
                damaged[at] ^= 1 << bit;
                if let Ok(map) = Zipmap::open(&damaged) {
                    assert_eq!(map.iter().count(), map.count());
                }
            }
        }
        for bad in [&b""[..], b"\0", b"\0\xff", b"\x01\x01a\x01\x00\xff", b"\x01\xfe\x03\0\0\0foo\x01\x00a\xff"] {
            assert_eq!(Zipmap::open(bad).err(), Some(NotAZipmap));
        }
    }
}
