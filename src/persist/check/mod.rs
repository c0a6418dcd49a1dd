//! The checker: reads a dump as the server would, keeps nothing, and tells what it saw. As `redis-check-rdb` it says what
//! Redis's says; as `gyre-check-rdb` it adds a summary of the keys.

mod summary;

use self::summary::Summary;
use super::outside::Files;
use crate::base::clock::Ms;
use crate::keyspace::Arriving;
use crate::rdb::format::{Dialect, Kind};
use crate::rdb::module;
use crate::rdb::read_value::read_value;
use crate::rdb::reader::{Fault, ReadSource, Reader, Source};
use crate::rdb::record::{Record, Records, Stage, Trailer, read_header, read_trailer};
use crate::value::Object;
use crate::value::limits::EncodingLimits;
use std::io::{self, Write};
use std::path::Path;

/// What the checker says when all is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// What Redis's checker says, line for line.
    Redis,
    /// The same, and a summary of the keys.
    WithSummary,
}

/// How the checker is to speak, if this is a name of it: the program was called by it.
pub fn style_of(program: &[u8]) -> Option<Style> {
    match program.rsplit(|&byte| byte == b'/').next().unwrap_or(program) {
        b"gyre-check-rdb" => Some(Style::WithSummary),
        b"redis-check-rdb" => Some(Style::Redis),
        _ => None,
    }
}

/// What was counted so far.
#[derive(Debug, Default)]
struct Counts {
    keys: u64,
    with_deadline: u64,
    timed_hashes: u64,
    expired: u64,
}

/// A check under way.
struct Check<'o, S> {
    reader: Reader<S>,
    records: Records,
    /// What the value that is being read is; before the first key, what Redis's checker says there.
    kind: Option<Kind>,
    has_key: bool,
    db: u64,
    counts: Counts,
    summary: Summary,
    out: &'o mut dyn Write,
}

/// Checks a file; true if it is sound. Everything that is to be said goes to `out`.
pub fn check(path: &Path, style: Style, files: &mut dyn Files, now: Ms, out: &mut dyn Write) -> io::Result<bool> {
    let (inner, length) = match files.open(path) {
        Ok(opened) => opened,
        Err(error) => {
            writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
            writeln!(out, "Cannot open file {}: {error}", path.display())?;
            return Ok(false);
        }
    };
    check_source(path, style, inner, length, now, out).map(|(is_sound, _)| is_sound)
}

/// What stands behind a dump: the source, what was read of it already, and where that begins.
type Rest = (Box<dyn io::Read>, Vec<u8>, u64);

/// Checks a dump that may have something behind it; true if it is sound, and what stands behind it.
pub fn check_source(
    path: &Path,
    style: Style,
    inner: Box<dyn io::Read>,
    length: u64,
    now: Ms,
    out: &mut dyn Write,
) -> io::Result<(bool, Rest)> {
    writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
    let reader = Reader::new(ReadSource { inner, left: (length > 0).then_some(length) });
    let (records, counts, summary) = (Records::default(), Counts::default(), Summary::default());
    let mut check = Check { reader, records, kind: Some(Kind::String), has_key: false, db: 0, counts, summary, out };
    let verdict = check.run(now);
    let is_sound = match verdict? {
        Ok(()) => true,
        Err(fault) => {
            check.tell_fault(&fault)?;
            false
        }
    };
    let Counts { keys, with_deadline, expired, timed_hashes } = check.counts;
    writeln!(check.out, "[info] {keys} keys read\n[info] {with_deadline} expires\n[info] {expired} already expired")?;
    writeln!(check.out, "[info] {timed_hashes} subexpires")?;
    if style == Style::WithSummary {
        check.summary.print(check.out)?;
    }
    let offset = check.reader.offset();
    let (source, already) = check.reader.into_rest();
    Ok((is_sound, (source.inner, already, offset)))
}

impl<S: Source> Check<'_, S> {
    /// Reads to the end. The outer result is that of writing, the inner one the dump's.
    fn run(&mut self, now: Ms) -> io::Result<Result<(), Fault>> {
        let version = match read_header(&mut self.reader) {
            Ok(version) => version,
            Err(fault) => return Ok(Err(fault)),
        };
        self.records.dialect = Dialect::of(version).expect("a version that is read");
        loop {
            let line = match self.read_record(now) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(fault) => return Ok(Err(fault)),
            };
            if !line.is_empty() {
                self.tell(&line)?;
            }
        }
        let said = match read_trailer(&mut self.reader, version) {
            Ok(Trailer::Matches) => "Checksum OK",
            Ok(Trailer::Unchecked) if version < crate::rdb::format::VERSION_WITH_CHECKSUM => "",
            Ok(Trailer::Unchecked) => "RDB file was saved with checksum disabled: no check performed.",
            Ok(Trailer::Differs { .. }) => return Ok(Err(self.reader.corrupt("RDB CRC error"))),
            Err(fault) => return Ok(Err(fault)),
        };
        if !said.is_empty() {
            self.tell(said)?;
        }
        self.tell("\\o/ RDB looks OK! \\o/")?;
        Ok(Ok(()))
    }

    /// Reads one record and says what there is to say of it; `None` at the end.
    fn read_record(&mut self, now: Ms) -> Result<Option<String>, Fault> {
        let began = self.reader.offset();
        Ok(Some(match self.records.next(&mut self.reader)? {
            Record::End => return Ok(None),
            Record::Database(number) => {
                self.db = number;
                format!("Selecting DB ID {number}")
            }
            Record::Aux { name, value } => {
                format!("AUX FIELD {} = '{}'", String::from_utf8_lossy(&name), String::from_utf8_lossy(&value))
            }
            Record::Value(preface) => {
                (self.kind, self.has_key) = (Some(preface.kind), true);
                self.counts.keys += 1;
                self.counts.timed_hashes += u64::from(self.read_over(preface.kind)?);
                if let Some(deadline) = preface.deadline {
                    self.counts.with_deadline += 1;
                    self.counts.expired += u64::from(deadline < now);
                }
                let bytes = self.reader.offset() - began;
                self.summary.add(self.db, &self.records.key, preface.kind, bytes, preface.deadline.is_some());
                (self.kind, self.has_key) = (None, false);
                String::new()
            }
            Record::Sizes { .. } | Record::SlotSizes { .. } | Record::Library(_) | Record::ModuleData(_) => {
                String::new()
            }
        }))
    }

    /// Reads a value as the server would; true if it is a hash in which fields have deadlines.
    fn read_over(&mut self, kind: Kind) -> Result<bool, Fault> {
        if kind == Kind::Module {
            return module::skip_value(&mut self.reader).map(|_| false);
        }
        // A key without elements is no fault: loading passes it over.
        let value = read_value(&mut self.reader, kind, &EncodingLimits::default())?;
        Ok(matches!(&value, Some(Arriving::Hash(hash)) if hash.earliest_deadline().is_some()))
    }

    fn tell(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "[offset {}] {line}", self.reader.offset())
    }

    fn tell_fault(&mut self, fault: &Fault) -> io::Result<()> {
        let stage = self.records.stage;
        let text = match (fault, stage) {
            (Fault::Corrupt { .. }, Stage::Value) => {
                format!("Internal error in RDB reading offset {} -> {fault}", fault.offset())
            }
            _ => fault.to_string(),
        };
        writeln!(self.out, "--- RDB ERROR DETECTED ---\n[offset {}] {text}", fault.offset())?;
        writeln!(self.out, "[additional info] While doing: {}", stage.name())?;
        if self.has_key || stage == Stage::Key {
            let key = String::from_utf8_lossy(&self.records.key);
            writeln!(self.out, "[additional info] Reading key '{key}'")?;
        }
        if let Some(kind) = self.kind {
            writeln!(self.out, "[additional info] Reading type {} ({})", kind.byte(), kind.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::simulated::SimulatedDisk;

    fn told(bytes: &[u8]) -> (bool, String) {
        told_in(Style::Redis, bytes)
    }

    fn told_in(style: Style, bytes: &[u8]) -> (bool, String) {
        let mut disk = SimulatedDisk::default();
        disk.put("a.rdb", bytes.to_vec());
        let mut out = Vec::new();
        let checked = check(Path::new("a.rdb"), style, &mut disk, 5_000_000_000_000, &mut out);
        let is_sound = checked.expect("memory takes all");
        (is_sound, String::from_utf8(out).expect("text"))
    }

    const SOUND: &[u8] = include_bytes!("../../../tests/fixtures/rdb/redis-8.0.6-lfu.rdb");

    #[test]
    fn a_sound_dump() {
        let (is_sound, text) = told(SOUND);
        assert!(is_sound);
        let expected = "[offset 0] Checking RDB file a.rdb\n[offset 26] AUX FIELD redis-ver = '8.0.6'\n\
            [offset 40] AUX FIELD redis-bits = '64'\n";
        assert!(text.starts_with(expected), "{text}");
        let expected = "[offset 157] Selecting DB ID 0\n[offset 211] Checksum OK\n[offset 211] \\o/ RDB looks OK! \\o/\n\
            [info] 3 keys read\n[info] 1 expires\n[info] 1 already expired\n[info] 0 subexpires\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn damage_is_told_with_its_place() {
        let (is_sound, text) = told(&SOUND[..190]);
        assert!(!is_sound);
        let expected = "--- RDB ERROR DETECTED ---\n[offset 190] Unexpected EOF reading RDB file\n\
            [additional info] While doing: read-object-value\n[additional info] Reading key 'h'\n\
            [additional info] Reading type 16 (hash-listpack)\n[info] 2 keys read\n";
        assert!(text.contains(expected), "{text}");
        let mut changed = SOUND.to_vec();
        *changed.last_mut().expect("not empty") ^= 1;
        let (_, text) = told(&changed);
        assert!(text.contains("[offset 211] RDB CRC error\n[additional info] While doing: check-sum\n"), "{text}");
        let (_, text) = told(b"");
        let expected = "[offset 0] Unexpected EOF reading RDB file\n[additional info] While doing: start\n";
        assert!(text.contains(expected), "{text}");
        let (_, text) = told(b"REDIS0099");
        assert!(text.contains("[offset 9] Can't handle RDB format version 99\n"), "{text}");
    }

    #[test]
    fn the_summary_comes_behind_what_redis_says() {
        let (_, plain) = told(SOUND);
        let (is_sound, text) = told_in(Style::WithSummary, SOUND);
        let summary = text.strip_prefix(&plain).expect("all that Redis says comes first");
        let expected = "\n\
            type    keys  with TTL  bytes  mean  largest\n\
            string     2         1     23    11       16\n\
            hash       1         0     19    19       19\n\
            all        3         1     42    14       19\n";
        assert!(is_sound && summary.starts_with(expected), "{summary}");
        assert!(summary.contains("\nThe largest keys\nbytes  db  type    key\n"), "{summary}");
        let (is_sound, text) = told_in(Style::WithSummary, &SOUND[..190]);
        assert!(!is_sound && text.contains("\nall        1 "), "what was read before the fault: {text}");
    }

    #[test]
    fn values_of_modules_are_read_over() {
        let mut file = b"REDIS0012\xfe\0\x07\x01k\x81\0\0\0\0\0\0\0\x01\x05\x02hi\0\0\x01s\x01v\xff".to_vec();
        file.extend_from_slice(&[0; 8]);
        let (is_sound, text) = told_in(Style::WithSummary, &file);
        assert!(is_sound && text.contains("[info] 2 keys read") && text.contains("\nmodule     1 "), "{text}");
    }

    #[test]
    fn the_checker_is_known_by_its_names() {
        assert_eq!(style_of(b"/usr/bin/redis-check-rdb"), Some(Style::Redis));
        assert_eq!(style_of(b"gyre-check-rdb"), Some(Style::WithSummary));
        assert_eq!([style_of(b"gyre-server"), style_of(b"/redis-check-rdb/gyre-server")], [None; 2]);
    }
}
