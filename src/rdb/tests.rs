//! Real dumps of Redis through the reader, and what becomes of them when bytes are changed or missing.

use super::format::{Kind, NODE_PACKED, NODE_PLAIN};
use super::legacy::{ziplist::Ziplist, zipmap::Zipmap};
use super::reader::{Fault, Reader, Source};
use super::record::{Record, Trailer, next_record, read_header, read_trailer};
use crate::base::random::Random;

const DUMPS: [(&str, &[u8]); 6] = [
    ("7.0.15", include_bytes!("../../tests/fixtures/rdb/redis-7.0.15.rdb")),
    ("8.0.6", include_bytes!("../../tests/fixtures/rdb/redis-8.0.6.rdb")),
    ("7.0.15 lfu", include_bytes!("../../tests/fixtures/rdb/redis-7.0.15-lfu.rdb")),
    ("8.0.6 lfu", include_bytes!("../../tests/fixtures/rdb/redis-8.0.6-lfu.rdb")),
    ("7.0.15 lru", include_bytes!("../../tests/fixtures/rdb/redis-7.0.15-lru.rdb")),
    ("8.0.6 lru", include_bytes!("../../tests/fixtures/rdb/redis-8.0.6-lru.rdb")),
];

/// Reads over a value; the structure of packed encodings is checked where this room knows it.
fn walk_value<S: Source>(reader: &mut Reader<S>, kind: Kind) -> Result<(), Fault> {
    match kind {
        Kind::String | Kind::HashPack | Kind::SortedSetPack | Kind::SetPack | Kind::SetIntegers => {
            reader.read_string()?;
        }
        Kind::List | Kind::Set | Kind::Hash | Kind::SortedSet | Kind::SortedSetText => {
            for _ in 0..reader.read_count(1)? {
                reader.read_string()?;
                match kind {
                    Kind::Hash => drop(reader.read_string()?),
                    Kind::SortedSet => drop(reader.read_score()?),
                    Kind::SortedSetText => drop(reader.read_score_text()?),
                    _ => {}
                }
            }
        }
        Kind::HashZipmap => {
            let bytes = reader.read_string_owned()?;
            Zipmap::open(&bytes).map_err(|_| reader.corrupt("zipmap"))?.iter().for_each(drop);
        }
        Kind::ListZiplist | Kind::SortedSetZiplist | Kind::HashZiplist => walk_ziplist(reader)?,
        Kind::ListOfZiplists => {
            for _ in 0..reader.read_count(1)? {
                walk_ziplist(reader)?;
            }
        }
        Kind::ListOfPacks => {
            for _ in 0..reader.read_count(2)? {
                let container = reader.read_length()?;
                if container != NODE_PLAIN && container != NODE_PACKED {
                    return Err(reader.corrupt("container"));
                }
                reader.read_string()?;
            }
        }
        _ => return Err(reader.not_served(kind.name())),
    }
    Ok(())
}

fn walk_ziplist<S: Source>(reader: &mut Reader<S>) -> Result<(), Fault> {
    let bytes = reader.read_string_owned()?;
    Ziplist::open(&bytes).map_err(|why| reader.corrupt(why.0))?.iter().for_each(drop);
    Ok(())
}

/// What was seen: keys with their records, and how the checksum compared.
type Seen = (Vec<(Vec<u8>, Record)>, Trailer);

fn walk(file: &[u8], window: usize) -> Result<Seen, Fault> {
    let mut reader = Reader::with_window(file, window);
    let version = read_header(&mut reader)?;
    let (mut key, mut seen) = (Vec::new(), Vec::new());
    loop {
        match next_record(&mut reader, &mut key)? {
            Record::End => return Ok((seen, read_trailer(&mut reader, version)?)),
            Record::Value(preface) => {
                walk_value(&mut reader, preface.kind)?;
                seen.push((key.clone(), Record::Value(preface)));
            }
            record => seen.push((Vec::new(), record)),
        }
    }
}

#[test]
fn dumps_of_redis_are_read_to_the_end() {
    for (name, file) in DUMPS {
        let (whole, trailer) = walk(file, 1 << 16).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(trailer, Trailer::Matches, "{name}");
        let (narrow, _) = walk(file, 16).expect("the window does not matter");
        assert_eq!(whole, narrow);
        let libraries = whole.iter().filter(|(_, record)| matches!(record, Record::Library(_))).count();
        assert_eq!(libraries, 1, "{name}");
        let has = |wanted: fn(&Record) -> bool| whole.iter().any(|(_, record)| wanted(record));
        if name.contains("lfu") {
            assert!(has(|record| matches!(record, Record::Value(p) if p.frequency == Some(5))), "{name}");
        } else if name.contains("lru") {
            assert!(has(|record| matches!(record, Record::Value(p) if p.idle_seconds == Some(2))), "{name}");
        } else {
            let far = (b"expires:far".to_vec(), Some(4_102_444_800_123));
            assert!(
                whole
                    .iter()
                    .any(|(key, record)| matches!(record, Record::Value(p) if (*key == far.0) && p.deadline == far.1)),
                "{name}"
            );
            assert!(has(|record| *record == Record::Database(9)), "{name}");
        }
    }
}

#[test]
fn cut_dumps_end_in_a_short_read() {
    for (name, file) in DUMPS {
        let step = (file.len() / 500).max(1);
        for length in (0..file.len()).step_by(step) {
            let fault = walk(&file[..length], 4096).expect_err("the end is missing");
            assert!(matches!(fault, Fault::Short { .. }), "{name} cut at {length}: {fault:?}");
            assert!(fault.offset() <= length as u64);
        }
    }
}

#[test]
fn changed_dumps_are_read_or_refused() {
    let mut random = Random::new(20);
    for (_, file) in DUMPS {
        for _ in 0..1500 {
            let mut damaged = file.to_vec();
            for _ in 0..1 + random.below(4) {
                let at = random.below(damaged.len() as u64) as usize;
                damaged[at] = [random.below(256) as u8, 0x81, 0xc3, 0xff, 0x80][random.below(5) as usize];
            }
            if let Ok((_, Trailer::Matches)) = walk(&damaged, 4096) {
                assert_eq!(damaged, file, "a checksum of 64 bits does not match by chance");
            }
        }
    }
}
