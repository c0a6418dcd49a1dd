//! The targets: each takes bytes that may be anything, and holds what must be true of whatever they are taken for.

use gyre::keyspace::digest::Digest;
use gyre::keyspace::{EntryBox, Keyspace};
use gyre::protocol::limits::Limits;
use gyre::protocol::request::{Parsed, Progress, ProtocolError, parse};
use gyre::rdb::format::{VALKEY_VERSION, VERSION};
use gyre::rdb::legacy::ziplist::{Builder, Ziplist};
use gyre::rdb::legacy::zipmap::Zipmap;
use gyre::rdb::load::{Loader, Policy, value_from_payload};
use gyre::rdb::payload;
use gyre::rdb::reader::Reader;
use gyre::rdb::save::{Facts, write_dump};
use gyre::rdb::write_value::payload_of;
use gyre::rdb::writer::{Choices, Writer};
use gyre::structures::int_set::IntSet;
use gyre::structures::list_pack::{Item, ListPack, PackRef};
use gyre::value::limits::EncodingLimits;

/// Noon of an arbitrary day: no case depends on the time of its run.
const NOW: i64 = 1_700_000_000_000;

/// What a stream of requests means.
#[derive(Debug, Default, PartialEq)]
struct Meaning {
    requests: Vec<Vec<Vec<u8>>>,
    error: Option<ProtocolError>,
}

/// Reads a stream that arrives in pieces of so many bytes.
fn read_in_pieces(stream: &[u8], piece_bytes: usize, limits: &Limits) -> Meaning {
    let (mut meaning, mut progress, mut buffer) = (Meaning::default(), Progress::default(), Vec::new());
    for piece in stream.chunks(piece_bytes) {
        buffer.extend_from_slice(piece);
        loop {
            let (mut spans, mut scratch) = (Vec::new(), Vec::new());
            match parse(&buffer, 0, limits, &mut progress, &mut spans, &mut scratch) {
                Parsed::Complete { consumed, argc } => {
                    assert!(argc > 0 && argc == spans.len() && (1..=buffer.len()).contains(&consumed));
                    meaning.requests.push(spans.iter().map(|span| span.of(&buffer, &scratch, &[]).to_vec()).collect());
                    buffer.drain(..consumed);
                }
                Parsed::Empty { consumed } => drop(buffer.drain(..consumed)),
                Parsed::Incomplete { needed } => {
                    assert!(needed > buffer.len(), "more is needed than is there");
                    break;
                }
                Parsed::Error(error) => {
                    meaning.error = Some(error);
                    return meaning;
                }
            }
        }
    }
    meaning
}

/// The request parser: how a stream is cut makes no difference to what it means.
pub fn requests(case: &[u8]) {
    for limits in [Limits::default(), Limits { authenticated: false, ..Limits::default() }] {
        let whole = read_in_pieces(case, case.len().max(1), &limits);
        for piece_bytes in [1, 7, 64] {
            assert_eq!(read_in_pieces(case, piece_bytes, &limits), whole, "in pieces of {piece_bytes}");
        }
    }
}

fn load(bytes: &[u8], window: usize) -> Option<(Keyspace, Vec<Vec<u8>>)> {
    let mut keyspace = Keyspace::new(16, NOW, 1);
    let policy = Policy::default();
    let mut loader = Loader::new(Reader::with_window(bytes, window), policy);
    let mut libraries = Vec::new();
    let mut remark = |remark| {
        if let gyre::rdb::load::Remark::Library(source) = remark {
            libraries.push(source);
        }
    };
    loader.step(&mut keyspace, &mut |_| true, &mut remark).ok()?.map(|_| ())?;
    Some((keyspace, libraries))
}

fn save(keyspace: &Keyspace, libraries: &[Vec<u8>], version: u32) -> Vec<u8> {
    let facts = Facts {
        place: None,
        without_keys: false,
        redis_version: "8.0.6",
        now_s: 0,
        used_memory: 0,
        is_aof_base: false,
        libraries: libraries.iter().map(Vec::as_slice).collect(),
    };
    let writer = Writer::new(Vec::new(), Choices { compress: true, checksum: true, version });
    write_dump(writer, keyspace, &facts, &mut |_| Ok(())).expect("memory takes all")
}

/// Whole dumps: what is loaded can be written, in every version, and comes back as it was.
pub fn dumps(case: &[u8]) {
    let loaded = load(case, 4096);
    assert_eq!(loaded.is_some(), load(case, 16).is_some(), "the window makes no difference");
    let Some((keyspace, libraries)) = loaded else { return };
    let digest = Digest::of_all(&keyspace).to_hex();
    for version in [9, 10, 11, VERSION, VALKEY_VERSION] {
        let (back, _) = load(&save(&keyspace, &libraries, version), 4096).expect("what was written is read");
        assert_eq!(back.len(), keyspace.len());
        if version >= VERSION {
            assert_eq!(Digest::of_all(&back).to_hex(), digest, "version {version}");
        }
    }
}

fn restore(payload: &[u8]) -> Option<EntryBox> {
    let (kind, bytes) = payload::open(payload, false).ok()?;
    value_from_payload(kind, bytes, &EncodingLimits::default(), |value| value.into_entry(b"k", false, 0)).ok()
}

/// Payloads of RESTORE, their checksum aside: what is taken can be dumped, and that is taken for the same.
pub fn payloads(case: &[u8]) {
    let Some(entry) = restore(case) else { return };
    let digest = Digest::of_value(entry.as_ref()).to_hex();
    for version in [9, 10, 11, VERSION, VALKEY_VERSION] {
        let choices = Choices { compress: true, checksum: false, version };
        let Some(dumped) = payload_of(entry.as_ref().value(), choices) else { continue };
        let back = restore(&dumped).unwrap_or_else(|| panic!("what was dumped in version {version} is taken"));
        assert_eq!(Digest::of_value(back.as_ref()).to_hex(), digest, "version {version}");
    }
}

/// Packed encodings: what passes the check can be walked both ways and edited, and stays sound.
pub fn packs(case: &[u8]) {
    if let Ok(view) = PackRef::validated(case) {
        walk_and_edit(ListPack::from_ref(view));
    }
    if let Ok(ziplist) = Ziplist::open(case) {
        assert_eq!(ziplist.iter().count(), ziplist.count());
        let mut builder = Builder::default();
        ziplist.iter().for_each(|item| builder.push(item));
        let built = builder.finish();
        assert!(Ziplist::open(&built).expect("just built").iter().eq(ziplist.iter()));
    }
    if let Ok(zipmap) = Zipmap::open(case) {
        assert_eq!(zipmap.iter().count(), zipmap.count());
    }
    if let Ok(set) = IntSet::from_bytes(case) {
        assert!(set.iter().is_sorted_by(|a, b| a < b));
    }
}

fn walk_and_edit(mut pack: ListPack) {
    let forwards: Vec<Vec<u8>> = pack.iter().map(|item| item.to_vec()).collect();
    let mut backwards: Vec<Vec<u8>> = pack.iter_rev().map(|item| item.to_vec()).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    assert_eq!(forwards.len(), pack.len());
    for (index, element) in forwards.iter().enumerate().take(50) {
        let position = pack.seek(index as i64).expect("there are so many");
        assert_eq!(pack.get(position).to_vec(), *element);
    }
    if let Some(middle) = pack.seek(pack.len() as i64 / 2) {
        pack.replace(middle, b"another element");
    }
    pack.push_front(b"first");
    pack.push_back_int(-77);
    if let Some(second) = pack.seek(1) {
        pack.remove(second);
    }
    let again = PackRef::validated(pack.as_bytes()).expect("edits keep a pack sound");
    assert_eq!(again.iter().last(), Some(Item::Int(-77)));
}
