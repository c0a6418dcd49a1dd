//! The ziplist: lists, hashes and sorted sets of few small elements, before list packs.
//!
//! ```text
//! | bytes u32 | offset of last entry u32 | count u16 | entry … | 255 |           little endian
//! entry:  | length of the entry before: u8, or 254 and u32 | code and length | data |
//!   00nnnnnn             text of 6 bits of length          11000000  integer of 2 bytes
//!   01nnnnnn u8          text of 14 bits                   11010000  integer of 4
//!   10------ u32         text of 32 bits                   11100000  integer of 8
//!                        (both high byte first)            11110000  integer of 3
//!   1111nnnn             the integer nnnn - 1, 1 to 13     11111110  integer of 1
//! ```
//!
//! A count of 65,535 means "count them". Every field is checked: a view that exists can be walked without failing.

use crate::structures::list_pack::Item;

const HEADER_BYTES: usize = 10;
const END: u8 = 255;
/// Stands before a length of the entry before that takes four bytes.
const LONG_BEFORE: u8 = 254;
const COUNT_UNKNOWN: usize = 65_535;

/// Why the bytes are no ziplist, in words for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAZiplist(pub &'static str);

/// A checked view.
#[derive(Clone, Copy, Debug)]
pub struct Ziplist<'a> {
    entries: &'a [u8],
    count: usize,
}

impl<'a> Ziplist<'a> {
    /// Checks every byte of the structure.
    pub fn open(bytes: &'a [u8]) -> Result<Ziplist<'a>, NotAZiplist> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(NotAZiplist("shorter than its header"));
        };
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize;
        let Some((&END, entries)) = rest.split_last() else { return Err(NotAZiplist("no end byte")) };
        if word(0) != bytes.len() {
            return Err(NotAZiplist("wrong size"));
        }
        let (mut at, mut last, mut bytes_before, mut count) = (0, 0, 0, 0);
        while at < entries.len() {
            let entry = parse_entry(&entries[at..]).ok_or(NotAZiplist("an entry reaches outside"))?;
            if entry.bytes_before != bytes_before {
                return Err(NotAZiplist("an entry mistakes the length of the one before"));
            }
            (last, bytes_before) = (at, entry.bytes);
            at += entry.bytes;
            count += 1;
        }
        if count > 0 && word(4) != HEADER_BYTES + last {
            return Err(NotAZiplist("the last entry is not where the header says"));
        }
        let said = usize::from(u16::from_le_bytes([header[8], header[9]]));
        if said != COUNT_UNKNOWN && said != count {
            return Err(NotAZiplist("wrong count"));
        }
        Ok(Ziplist { entries, count })
    }

    /// Number of items.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let mut rest = self.entries;
        std::iter::from_fn(move || {
            let entry = parse_entry(rest)?;
            rest = &rest[entry.bytes..];
            Some(entry.item)
        })
    }
}

struct Entry<'a> {
    /// What this entry says the one before takes.
    bytes_before: usize,
    /// What this entry takes.
    bytes: usize,
    item: Item<'a>,
}

/// The entry that `bytes` begin with; `None` if it is cut off or its code means nothing.
fn parse_entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let (bytes_before, rest) = match *bytes.first()? {
        END => return None,
        LONG_BEFORE => (u32::from_le_bytes(*bytes[1..].first_chunk()?) as usize, &bytes[5..]),
        short => (usize::from(short), &bytes[1..]),
    };
    let (&code, rest) = rest.split_first()?;
    let (item, rest) = if code < 0xc0 {
        let (length, rest) = match code >> 6 {
            0 => (usize::from(code), rest),
            1 => (usize::from(code & 0x3f) << 8 | usize::from(*rest.first()?), &rest[1..]),
            _ => (u32::from_be_bytes(*rest.first_chunk()?) as usize, &rest[4..]),
        };
        let (text, rest) = rest.split_at_checked(length)?;
        (Item::Bytes(text), rest)
    } else {
        let (number, rest) = parse_integer(code, rest)?;
        (Item::Int(number), rest)
    };
    Some(Entry { bytes_before, bytes: bytes.len() - rest.len(), item })
}

fn parse_integer(code: u8, rest: &[u8]) -> Option<(i64, &[u8])> {
    fn take<const N: usize>(rest: &[u8]) -> Option<([u8; N], &[u8])> {
        rest.split_first_chunk().map(|(bytes, rest)| (*bytes, rest))
    }
    Some(match code {
        0xc0 => take(rest).map(|(b, rest)| (i16::from_le_bytes(b).into(), rest))?,
        0xd0 => take(rest).map(|(b, rest)| (i32::from_le_bytes(b).into(), rest))?,
        0xe0 => take(rest).map(|(b, rest)| (i64::from_le_bytes(b), rest))?,
        0xf0 => take(rest).map(|([a, b, c], rest)| (i64::from(i32::from_le_bytes([0, a, b, c]) >> 8), rest))?,
        0xfe => take(rest).map(|(b, rest)| (i8::from_le_bytes(b).into(), rest))?,
        0xf1..=0xfd => (i64::from(code & 15) - 1, rest),
        _ => return None,
    })
}

/// Builds one, for servers that know no list packs.
#[derive(Debug, Default)]
pub struct Builder {
    entries: Vec<u8>,
    /// What the entry before takes, and where it stands among the entries.
    bytes_before: usize,
    last: usize,
    count: usize,
}

impl Builder {
    /// Puts an item at the end.
    pub fn push(&mut self, item: Item<'_>) {
        self.last = self.entries.len();
        match u8::try_from(self.bytes_before) {
            Ok(short) if short < LONG_BEFORE => self.entries.push(short),
            _ => {
                self.entries.push(LONG_BEFORE);
                self.entries.extend_from_slice(&(self.bytes_before as u32).to_le_bytes());
            }
        }
        match item {
            Item::Int(number) => self.push_integer(number),
            Item::Bytes(text) => self.push_text(text),
        }
        self.bytes_before = self.entries.len() - self.last;
        self.count += 1;
    }

    fn push_text(&mut self, text: &[u8]) {
        match text.len() {
            length @ 0..64 => self.entries.push(length as u8),
            length @ 64..16384 => self.entries.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
            length => {
                self.entries.push(0x80);
                self.entries.extend_from_slice(&(length as u32).to_be_bytes());
            }
        }
        self.entries.extend_from_slice(text);
    }

    fn push_integer(&mut self, number: i64) {
        let (code, bytes) = match number {
            0..=12 => (0xf1 + number as u8, 0),
            -0x80..0x80 => (0xfe, 1),
            -0x8000..0x8000 => (0xc0, 2),
            -0x80_0000..0x80_0000 => (0xf0, 3),
            -0x8000_0000..0x8000_0000 => (0xd0, 4),
            _ => (0xe0, 8),
        };
        self.entries.push(code);
        self.entries.extend_from_slice(&number.to_le_bytes()[..bytes]);
    }

    /// The whole of it.
    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + self.entries.len() + 1);
        out.extend_from_slice(&((HEADER_BYTES + self.entries.len() + 1) as u32).to_le_bytes());
        out.extend_from_slice(&((HEADER_BYTES + self.last) as u32).to_le_bytes());
        out.extend_from_slice(&(self.count.min(COUNT_UNKNOWN) as u16).to_le_bytes());
        out.extend_from_slice(&self.entries);
        out.push(END);
        out
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A ziplist of these entries, each given as code, length and data.
    pub fn build(entries: &[&[u8]]) -> Vec<u8> {
        let (mut body, mut before, mut last) = (Vec::new(), 0_usize, HEADER_BYTES);
        for entry in entries {
            last = HEADER_BYTES + body.len();
            let from = body.len();
            if before < 254 {
                body.push(before as u8);
            } else {
                body.push(254);
                body.extend_from_slice(&(before as u32).to_le_bytes());
            }
            body.extend_from_slice(entry);
            before = body.len() - from;
        }
        let mut out = ((HEADER_BYTES + body.len() + 1) as u32).to_le_bytes().to_vec();
        out.extend_from_slice(&(last as u32).to_le_bytes());
        out.extend_from_slice(&(entries.len() as u16).to_le_bytes());
        out.extend_from_slice(&body);
        out.push(END);
        out
    }

    /// An entry of text in the shortest form.
    pub fn text(text: &[u8]) -> Vec<u8> {
        let mut out = match text.len() {
            0..64 => vec![text.len() as u8],
            64..16384 => (text.len() as u16 | 0x4000).to_be_bytes().to_vec(),
            _ => [&[0x80][..], &(text.len() as u32).to_be_bytes()].concat(),
        };
        out.extend_from_slice(text);
        out
    }

    #[test]
    fn every_code_is_read() {
        let (short, middle, long) = (text(b"hi"), text(&[b'm'; 300]), text(&vec![b'l'; 20_000]));
        let bytes = build(&[
            &short,
            &middle,
            &long,
            &[0xf1],
            &[0xfd],
            &[0xfe, 0x80],
            &[0xc0, 0, 0x80],
            &[0xf0, 0xff, 0xff, 0xff],
            &[0xf0, 0, 0, 0x40],
            &[0xd0, 0, 0, 0, 0x80],
            &[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80],
            &text(b""),
        ]);
        let list = Ziplist::open(&bytes).expect("well formed");
        assert_eq!(list.count(), 12);
        let items: Vec<Item> = list.iter().collect();
        assert_eq!(items[..2], [Item::Bytes(b"hi"), Item::Bytes(&[b'm'; 300])]);
        assert!(matches!(items[2], Item::Bytes(text) if text.len() == 20_000));
        let numbers = [0, 12, -128, -32768, -1, 4_194_304, i64::from(i32::MIN), i64::MIN].map(Item::Int);
        assert_eq!(items[3..11], numbers);
        assert_eq!(items[11], Item::Bytes(b""));
    }

    #[test]
    fn what_is_built_is_read_again_in_the_shortest_form() {
        let long = vec![b'l'; 20_000];
        let texts: [&[u8]; 5] = [b"", b"hi", &long[..63], &long[..300], &long];
        let edges = [0, 12, 13, 127, 128, 32_767, 32_768, 8_388_607, 8_388_608, 2_147_483_647, 2_147_483_648, i64::MAX];
        let numbers = edges.iter().flat_map(|&edge| [edge, -edge, -edge - 1]).map(Item::Int);
        let items: Vec<Item> = texts.iter().map(|text| Item::Bytes(text)).chain(numbers).collect();
        let mut builder = Builder::default();
        items.iter().for_each(|&item| builder.push(item));
        let bytes = builder.finish();
        assert!(Ziplist::open(&bytes).expect("just built").iter().eq(items));
        let mut builder = Builder::default();
        [Item::Int(2), Item::Int(5)].into_iter().for_each(|item| builder.push(item));
        assert_eq!(builder.finish(), [15, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0xf3, 2, 0xf6, 255]);
        assert_eq!(Builder::default().finish(), build(&[]));
        let mut builder = Builder::default();
        (0..70_000).for_each(|number| builder.push(Item::Int(number)));
        assert_eq!(Ziplist::open(&builder.finish()).expect("just built").count(), 70_000);
    }

    #[test]
    fn the_documented_example_is_read() {
        let bytes = [15, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0xf3, 2, 0xf6, 255];
        let list = Ziplist::open(&bytes).expect("well formed");
        assert!(list.iter().eq([Item::Int(2), Item::Int(5)]));
        assert_eq!(build(&[&[0xf3], &[0xf6]]), bytes);
        assert_eq!(Ziplist::open(&build(&[])).expect("empty").count(), 0);
    }

    #[test]
    fn no_damage_goes_further_than_an_error() {
        let good = build(&[&text(b"hello"), &[0xc0, 1, 2], &text(&[b'x'; 260]), &text(b"after a long one")]);
        assert!(Ziplist::open(&good).is_ok());
        for at in 0..good.len() {
            assert!(Ziplist::open(&good[..at]).is_err());
            for bit in 0..8 {
                let mut damaged = good.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(list) = Ziplist::open(&damaged) {
                    assert_eq!(list.iter().count(), list.count());
                }
            }
        }
    }
}
