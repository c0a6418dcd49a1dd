//! Real dumps of Redis into a keyspace and out again, and what becomes of them when bytes are changed or missing.

use super::format::{Dialect, Kind, VERSION};
use super::inflow::Inflow;
use super::load::{Counts, Loader, Policy, Remark};
use super::older::Losses;
use super::read_value::read_value;
use super::reader::{Fault, Reader};
use super::record::{Record, Records, Trailer, read_header};
use super::save::{Facts, write_dump};
use super::writer::{Choices, Writer};
use crate::base::random::Random;
use crate::keyspace::digest::Digest;
use crate::keyspace::{Arriving, Key, Keyspace, Newcomer, Policy as Eviction, StringValue, Value};
use crate::structures::list_pack::Item;
use crate::structures::pack_deque::PackDeque;
use crate::value::hash::Hash;
use crate::value::limits::EncodingLimits;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::zset;

/// What Redis 8.0.6 answers to DEBUG DIGEST after loading.
const LARGE: &str = "3b88fc0f2a28a233ca9cf6257ffbe060d0c9cd11";
const SMALL: &str = "acedf0e0c0dc6f92f7efd6284b7dd2ccbe61c2f1";

const DUMPS: [(&str, &str, &[u8]); 6] = [
    ("7.0.15", LARGE, include_bytes!("../../tests/fixtures/rdb/redis-7.0.15.rdb")),
    ("8.0.6", LARGE, include_bytes!("../../tests/fixtures/rdb/redis-8.0.6.rdb")),
    ("7.0.15 lfu", SMALL, include_bytes!("../../tests/fixtures/rdb/redis-7.0.15-lfu.rdb")),
    ("8.0.6 lfu", SMALL, include_bytes!("../../tests/fixtures/rdb/redis-8.0.6-lfu.rdb")),
    ("7.0.15 lru", SMALL, include_bytes!("../../tests/fixtures/rdb/redis-7.0.15-lru.rdb")),
    ("8.0.6 lru", SMALL, include_bytes!("../../tests/fixtures/rdb/redis-8.0.6-lru.rdb")),
];

/// A moment before any deadline in the files.
const NOW: i64 = 1_800_000_000_000;

struct Loaded {
    keyspace: Keyspace,
    counts: Counts,
    trailer: Trailer,
    libraries: Vec<Vec<u8>>,
}

fn load_under(eviction: Eviction, file: &[u8], window: usize, keys_a_step: u64) -> Result<Loaded, Fault> {
    let mut keyspace = Keyspace::new(16, NOW, 1);
    keyspace.set_rules(|rules| rules.policy = eviction);
    let policy = Policy { drop_due_by: Some(NOW), ..Policy::default() };
    let mut loader = Loader::new(Reader::with_window(file, window), policy);
    let mut libraries = Vec::new();
    let mut remark = |remark| {
        if let Remark::Library(source) = remark {
            libraries.push(source);
        }
    };
    loop {
        let mut left = keys_a_step;
        let mut may_go_on = |_| {
            left -= 1;
            left > 0
        };
        if let Some(trailer) = loader.step(&mut keyspace, &mut may_go_on, &mut remark)? {
            let counts = loader.counts.clone();
            return Ok(Loaded { keyspace, counts, trailer, libraries });
        }
    }
}

fn load(file: &[u8]) -> Result<Loaded, Fault> {
    load_under(Eviction::NoEviction, file, 4096, 7)
}

fn save(loaded: &Loaded) -> Vec<u8> {
    save_as(loaded, VERSION)
}

fn save_as(loaded: &Loaded, version: u32) -> Vec<u8> {
    let facts = Facts {
        place: None,
        without_keys: false,
        redis_version: "8.0.6",
        now_s: NOW / 1000,
        used_memory: 1 << 20,
        is_aof_base: false,
        libraries: loaded.libraries.iter().map(Vec::as_slice).collect(),
    };
    let writer = Writer::new(Vec::new(), Choices { compress: true, checksum: true, version });
    write_dump(writer, &loaded.keyspace, &facts, &mut |_| Ok(())).expect("memory takes all")
}

fn digest(loaded: &Loaded) -> String {
    Digest::of_all(&loaded.keyspace).to_hex()
}

#[test]
fn dumps_of_redis_are_loaded_to_its_own_digest() {
    for (name, expected, file) in DUMPS {
        for (window, keys_a_step) in [(1 << 16, u64::MAX), (16, 1), (100, 20)] {
            let loaded = load_under(Eviction::NoEviction, file, window, keys_a_step)
                .unwrap_or_else(|fault| panic!("{name}: {fault} at {}", fault.offset()));
            assert_eq!(loaded.trailer, Trailer::Matches, "{name}");
            assert_eq!(digest(&loaded), expected, "{name}");
            assert_eq!(loaded.counts.loaded, loaded.keyspace.len() as u64);
            assert_eq!(loaded.libraries.len(), 1);
        }
    }
}

#[test]
fn what_is_written_is_read_again() {
    for (name, expected, file) in DUMPS {
        let first = load(file).expect("a dump of Redis");
        let ours = save(&first);
        let second = load(&ours).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!((digest(&second).as_str(), second.trailer), (expected, Trailer::Matches), "{name}");
        assert_eq!(second.libraries, first.libraries);
        for (a, b) in first.keyspace.iter().zip(second.keyspace.iter()) {
            for entry in a.iter_all() {
                let twin = b.peek(Key::new(entry.key())).expect("the same keys");
                assert_eq!((entry.encoding(), entry.deadline()), (twin.encoding(), twin.deadline()));
            }
        }
    }
}

/// A keyspace with a value of every type in every encoding that is written differently for older servers.
fn one_of_each() -> Loaded {
    let limits = EncodingLimits::default();
    let mut keyspace = Keyspace::new(16, NOW, 1);
    let texts: Vec<String> = (0..1000).map(|number| format!("member {number}")).collect();
    let (mut set, mut list) = (Set::default(), PackDeque::new(limits.list));
    let (mut hash, mut timed, mut zset) = (Hash::default(), Hash::default(), zset::Builder::default());
    for (text, number) in texts.iter().zip(0_i64..).take(20) {
        set.add(Item::Bytes(text.as_bytes()), &limits);
        set.add(Item::Int(number * 1_000_003), &limits);
        hash.set(text.as_bytes(), (number * -99).to_string().as_bytes(), &limits);
        timed.set(text.as_bytes(), b"value", &limits);
        zset.insert(text.as_bytes(), number as f64 / 3.0);
    }
    let mut table = Hash::default();
    for text in &texts {
        list.push_back(text.as_bytes());
        table.set(text.as_bytes(), b"v", &limits);
    }
    list.push_back(&[b'x'; 20_000]);
    for hash in [&mut timed, &mut table] {
        hash.make_timed();
        hash.set_deadline(b"member 3", Some(NOW + 5_000));
        hash.set_deadline(b"member 7", Some(NOW + 500));
    }
    let values = [
        ("set", Arriving::Set(set)),
        ("hash", Arriving::Hash(hash)),
        ("timed", Arriving::Hash(timed)),
        ("timed table", Arriving::Hash(table)),
        ("zset", Arriving::Zset(zset.finish(&limits))),
        ("list", Arriving::List(List::from_deque(list))),
    ];
    for (name, value) in values {
        let newcomer = Newcomer::new(Key::new(name.as_bytes()), value, None, 0);
        assert!(keyspace.db_mut(0).admit(newcomer).is_ok());
    }
    let libraries = vec![b"#!lua name=l".to_vec()];
    Loaded { keyspace, counts: Counts::default(), trailer: Trailer::Matches, libraries }
}

/// The kinds in a dump.
fn kinds_of(file: &[u8]) -> Vec<Kind> {
    let mut reader = Reader::new(file);
    let version = read_header(&mut reader).expect("ours");
    let mut records = Records { dialect: Dialect::of(version).expect("ours"), ..Records::default() };
    let mut kinds = Vec::new();
    loop {
        match records.next(&mut reader).expect("ours") {
            Record::Value(preface) => {
                read_value(&mut reader, preface.kind, &EncodingLimits::default()).expect("ours");
                kinds.push(preface.kind);
            }
            Record::End => return kinds,
            _ => {}
        }
    }
}

#[test]
fn dumps_for_older_servers_hold_only_kinds_that_those_know() {
    let first = one_of_each();
    for (version, newest) in
        [(9, Kind::Stream1), (10, Kind::Stream2), (11, Kind::Stream3), (12, Kind::HashPackDeadlines)]
    {
        let file = save_as(&first, version);
        assert_eq!(file[..9], *format!("REDIS{version:04}").as_bytes());
        let kinds = kinds_of(&file);
        assert!(kinds.iter().all(|&kind| kind.byte() <= newest.byte()), "{version}: {kinds:?}");
        assert!(version != 12 || (kinds.contains(&Kind::HashPackDeadlines) && kinds.contains(&Kind::HashDeadlines)));
        let second = load(&file).unwrap_or_else(|fault| panic!("{version}: {fault}"));
        assert_eq!(second.libraries.len(), usize::from(version >= 10));
        // Without the deadlines it is the same data.
        let mut expected = one_of_each();
        if version < 12 {
            assert_ne!(digest(&second), digest(&expected), "a digest knows of deadlines");
            expected = load(&save_as(&expected, 11)).expect("ours");
        }
        assert_eq!(digest(&second), digest(&expected), "{version}");
    }
    let file = save_as(&first, 80);
    assert_eq!(file[..9], *b"VALKEY080");
    assert_eq!(kinds_of(&file).iter().filter(|&&kind| kind == Kind::HashDeadlinesValkey).count(), 2);
    assert_eq!(digest(&load(&file).expect("ours")), digest(&first));
}

#[test]
fn deadlines_of_fields_come_from_either_server() {
    let redis = include_bytes!("../../tests/fixtures/rdb/redis-8.6.2.rdb");
    let valkey = include_bytes!("../../tests/fixtures/rdb/valkey-9.1.2.rdb");
    let [redis, valkey] = [&redis[..], valkey].map(|file| load(file).expect("a dump of another server"));
    for loaded in [&redis, &valkey] {
        assert_eq!((loaded.trailer, loaded.keyspace.len()), (Trailer::Matches, 3));
        let entry = loaded.keyspace.db(0).peek(Key::new(b"h")).expect("three keys");
        let Value::Hash(hash) = entry.value() else { panic!("a hash") };
        assert_eq!((hash.deadline(b"f"), hash.deadline(b"g")), (Some(Some(4_000_000_000_000)), Some(None)));
    }
    assert_eq!(digest(&redis), digest(&valkey));
}

#[test]
fn what_a_version_cannot_hold_is_told() {
    let first = one_of_each();
    let told = |version| {
        let losses = Losses::of(&first.keyspace, first.libraries.len(), version);
        if losses.is_none() { String::new() } else { losses.to_string() }
    };
    assert_eq!([told(12), told(80)], [const { String::new() }; 2]);
    let text = "RDB version 11 cannot hold everything; the dump leaves out 4 deadlines of hash fields";
    assert_eq!(told(11), text);
    assert_eq!(told(9), format!("{}, 1 function libraries", text.replace("11", "9")));
}

#[test]
fn access_is_kept_under_the_policy_that_wrote_it() {
    for (name, _, file) in DUMPS {
        let key = Key::new(b"k");
        if name.ends_with("lfu") {
            let loaded = load_under(Eviction::AllKeysLfu, file, 4096, 7).expect("a dump of Redis");
            let access = loaded.keyspace.db(0).peek(key).expect("it is in there").access();
            assert!((1..=5).contains(&(access & 0xff)), "{name}: {access:x}");
            assert_eq!(load(&save(&loaded)).expect("ours").counts.loaded, 3);
        } else if name.ends_with("lru") {
            let loaded = load_under(Eviction::AllKeysLru, file, 4096, 7).expect("a dump of Redis");
            let access = loaded.keyspace.db(0).peek(key).expect("it is in there").access();
            assert_eq!((NOW / 1000) as u32 & 0x00ff_ffff, access + 2, "{name}: two seconds idle");
        }
    }
}

#[test]
fn large_collections_come_in_pieces() {
    let mut keyspace = Keyspace::new(1, NOW, 1);
    let limits = EncodingLimits::default();
    let (mut set, mut hash, mut zset) = (Set::default(), Hash::default(), zset::Builder::default());
    let mut list = PackDeque::new(limits.list);
    for number in 0..3000 {
        let name = format!("element {number}");
        set.add(Item::Bytes(name.as_bytes()), &limits);
        hash.set(name.as_bytes(), b"value", &limits);
        zset.insert(name.as_bytes(), f64::from(number % 100) / 3.0);
        list.push_back(name.as_bytes());
    }
    let values = [
        ("set", Arriving::Set(set)),
        ("hash", Arriving::Hash(hash)),
        ("zset", Arriving::Zset(zset.finish(&limits))),
        ("list", Arriving::List(List::from_deque(list))),
        ("string", Arriving::String(StringValue::Int(7))),
    ];
    for (name, value) in values {
        let newcomer = Newcomer::new(Key::new(name.as_bytes()), value, None, 0);
        assert!(keyspace.db_mut(0).admit(newcomer).is_ok());
    }
    let first = Loaded { keyspace, counts: Counts::default(), trailer: Trailer::Matches, libraries: Vec::new() };
    let file = save(&first);
    for keys_a_step in [1, 2, 5, u64::MAX] {
        let second = load_under(Eviction::NoEviction, &file, 4096, keys_a_step).expect("just written");
        assert_eq!(digest(&second), digest(&first));
        assert_eq!(second.counts.loaded, 5);
    }
    for length in (0..file.len()).step_by(997) {
        assert!(matches!(load(&file[..length]), Err(Fault::Short { .. })), "cut at {length}");
    }
}

#[test]
fn a_dump_is_the_same_however_it_comes() {
    let mut random = Random::new(17);
    for (name, expected, file) in DUMPS {
        for (window, piece_max) in [(1 << 16, 100_000), (16, 50), (4096, 1000)] {
            let mut keyspace = Keyspace::new(16, NOW, 1);
            let mut loader = Loader::new(Reader::with_window(Inflow::default(), window), Policy::default());
            let (mut rest, mut tries, mut libraries) = (file, 0, 0);
            let trailer = loop {
                let (piece, behind) = rest.split_at(rest.len().min(random.below(piece_max) as usize));
                rest = behind;
                let inflow = loader.source_mut();
                inflow.push(piece);
                if rest.is_empty() {
                    inflow.finish();
                }
                if !inflow.is_worth_reading() {
                    continue;
                }
                tries += 1;
                let mut left = random.below(20);
                let mut may_go_on = |_| {
                    left = left.saturating_sub(1);
                    left > 0
                };
                let mut remark = |remark| libraries += i32::from(matches!(remark, Remark::Library(_)));
                let stepped = loader.step(&mut keyspace, &mut may_go_on, &mut remark);
                match stepped.unwrap_or_else(|fault| panic!("{name}: {fault} at {}", fault.offset())) {
                    Some(trailer) => break trailer,
                    None => {}
                }
            };
            assert_eq!((trailer, libraries), (Trailer::Matches, 1), "{name}");
            assert_eq!(Digest::of_all(&keyspace).to_hex(), expected, "{name}");
            assert!(tries > 1 || piece_max > 1000, "{name}: it came in pieces");
        }
        // What does not come is missing.
        let mut loader = Loader::new(Reader::new(Inflow::default()), Policy::default());
        loader.source_mut().push(&file[..file.len() - 1]);
        let mut keyspace = Keyspace::new(16, NOW, 1);
        assert!(matches!(loader.step(&mut keyspace, &mut |_| true, &mut |_| ()), Ok(None)));
        loader.source_mut().finish();
        let fault = loader.step(&mut keyspace, &mut |_| true, &mut |_| ()).expect_err("a byte is missing");
        assert!(matches!(fault, Fault::Short { .. }), "{fault:?}");
    }
}

#[test]
fn a_record_is_tried_again_when_as_much_again_has_come() {
    let mut inflow = Inflow::default();
    assert!(!inflow.is_worth_reading());
    inflow.push(&[1; 10]);
    assert!(inflow.is_worth_reading());
    let mut bytes = [0; 100];
    assert_eq!(super::reader::Source::read(&mut inflow, &mut bytes).expect("they are there"), 10);
    super::reader::Source::rewind(&mut inflow);
    inflow.push(&[2; 9]);
    assert!(!inflow.is_worth_reading());
    inflow.push(&[2; 1]);
    assert!(inflow.is_worth_reading());
    assert_eq!(super::reader::Source::read(&mut inflow, &mut bytes).expect("from the mark on"), 20);
    super::reader::Source::mark(&mut inflow, 3);
    super::reader::Source::rewind(&mut inflow);
    assert_eq!(super::reader::Source::read(&mut inflow, &mut bytes).expect("from the mark on"), 3);
}

#[test]
fn keys_that_were_due_are_left_out() {
    let mut keyspace = Keyspace::new(16, NOW, 1);
    let late = 4_102_444_800_500;
    let policy = Policy { drop_due_by: Some(late), ..Policy::default() };
    let mut loader = Loader::new(Reader::new(DUMPS[1].2), policy);
    let done = loader.step(&mut keyspace, &mut |_| true, &mut |_| ());
    assert!(matches!(done, Ok(Some(Trailer::Matches))));
    assert_eq!(loader.counts.expired, 2);
    assert!(keyspace.db(0).peek(Key::new(b"expires:hash")).is_some(), "due half a second later");
}

#[test]
fn a_key_twice_is_a_fault_unless_it_may_replace() {
    let file = b"REDIS0006\xfe\0\0\x01k\x01a\0\x01k\x01b\xff\0\0\0\0\0\0\0\0";
    let fault = load(file).err().expect("a key twice");
    assert_eq!(fault.to_string(), "RDB has duplicated key 'k' in DB 0");
    let mut keyspace = Keyspace::new(1, NOW, 1);
    let mut loader = Loader::new(Reader::new(&file[..]), Policy { replaces: true, ..Policy::default() });
    let done = loader.step(&mut keyspace, &mut |_| true, &mut |_| ());
    assert!(matches!(done, Ok(Some(Trailer::Unchecked))));
    let value = keyspace.db(0).peek(Key::new(b"k")).expect("entered").string().expect("a string");
    assert_eq!(value.to_vec(), b"b");
}

#[test]
fn cut_dumps_end_in_a_short_read() {
    for (name, _, file) in DUMPS {
        let step = (file.len() / 300).max(1);
        for length in (0..file.len()).step_by(step) {
            let fault = load(&file[..length]).err().expect("the end is missing");
            assert!(matches!(fault, Fault::Short { .. }), "{name} cut at {length}: {fault:?}");
            assert!(fault.offset() <= length as u64);
        }
    }
}

#[test]
fn changed_dumps_are_read_or_refused() {
    let mut random = Random::new(20);
    for (_, _, file) in DUMPS {
        for _ in 0..1000 {
            let mut damaged = file.to_vec();
            for _ in 0..1 + random.below(4) {
                let at = random.below(damaged.len() as u64) as usize;
                damaged[at] = [random.below(256) as u8, 0x81, 0xc3, 0xff, 0x80][random.below(5) as usize];
            }
            if let Ok(Loaded { trailer: Trailer::Matches, .. }) = load(&damaged) {
                assert_eq!(damaged, file, "a checksum of 64 bits does not match by chance");
            }
        }
    }
}
