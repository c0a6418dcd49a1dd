//! The checker: reads a dump as the server would, keeps nothing, and tells what it saw. `gyre-check-rdb`, `redis-check-rdb`.

use super::outside::Files;
use crate::base::clock::Ms;
use crate::keyspace::Arriving;
use crate::rdb::format::Kind;
use crate::rdb::read_value::read_value;
use crate::rdb::reader::{Fault, ReadSource, Reader, Source};
use crate::rdb::record::{Record, Records, Stage, Trailer, read_header, read_trailer};
use crate::value::Object;
use crate::value::limits::EncodingLimits;
use std::io::{self, Write};
use std::path::Path;

/// Whether this is the name of the checker: the program was called by it.
pub fn is_called(program: &[u8]) -> bool {
    let name = program.rsplit(|&byte| byte == b'/').next().unwrap_or(program);
    [&b"gyre-check-rdb"[..], b"redis-check-rdb"].contains(&name)
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
    counts: Counts,
    out: &'o mut dyn Write,
}

/// Checks a file; true if it is sound. Everything that is to be said goes to `out`.
pub fn check(path: &Path, files: &mut dyn Files, now: Ms, out: &mut dyn Write) -> io::Result<bool> {
    let (inner, length) = match files.open(path) {
        Ok(opened) => opened,
        Err(error) => {
            writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
            writeln!(out, "Cannot open file {}: {error}", path.display())?;
            return Ok(false);
        }
    };
    check_source(path, inner, length, now, out).map(|(is_sound, _)| is_sound)
}

/// What stands behind a dump: the source, what was read of it already, and where that begins.
type Rest = (Box<dyn io::Read>, Vec<u8>, u64);

/// Checks a dump that may have something behind it; true if it is sound, and what stands behind it.
pub fn check_source(
    path: &Path,
    inner: Box<dyn io::Read>,
    length: u64,
    now: Ms,
    out: &mut dyn Write,
) -> io::Result<(bool, Rest)> {
    writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
    let reader = Reader::new(ReadSource { inner, left: (length > 0).then_some(length) });
    let (records, counts) = (Records::default(), Counts::default());
    let mut check = Check { reader, records, kind: Some(Kind::String), has_key: false, counts, out };
    let verdict = check.run(now);
    let is_sound = match verdict? {
        Ok(()) => true,
        Err(fault) => {
            check.tell_fault(&fault)?;
            false
        }
    };
    let Counts { keys, with_deadline, expired, timed_hashes } = check.counts;
    let offset = check.reader.offset();
    let (source, already) = check.reader.into_rest();
    writeln!(out, "[info] {keys} keys read\n[info] {with_deadline} expires\n[info] {expired} already expired")?;
    writeln!(out, "[info] {timed_hashes} subexpires")?;
    Ok((is_sound, (source.inner, already, offset)))
}

impl<S: Source> Check<'_, S> {
    /// Reads to the end. The outer result is that of writing, the inner one the dump's.
    fn run(&mut self, now: Ms) -> io::Result<Result<(), Fault>> {
        let version = match read_header(&mut self.reader) {
            Ok(version) => version,
            Err(fault) => return Ok(Err(fault)),
        };
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
        let record = self.records.next(&mut self.reader)?;
        Ok(Some(match record {
            Record::End => return Ok(None),
            Record::Database(number) => format!("Selecting DB ID {number}"),
            Record::Aux { name, value } => {
                format!("AUX FIELD {} = '{}'", String::from_utf8_lossy(&name), String::from_utf8_lossy(&value))
            }
            Record::Value(preface) => {
                (self.kind, self.has_key) = (Some(preface.kind), true);
                self.counts.keys += 1;
                // A key without elements is no fault: loading passes it over.
                let value = read_value(&mut self.reader, preface.kind, &EncodingLimits::default())?;
                let has_timed_fields =
                    matches!(&value, Some(Arriving::Hash(hash)) if hash.earliest_deadline().is_some());
                self.counts.timed_hashes += u64::from(has_timed_fields);
                if let Some(deadline) = preface.deadline {
                    self.counts.with_deadline += 1;
                    self.counts.expired += u64::from(deadline < now);
                }
                (self.kind, self.has_key) = (None, false);
                String::new()
            }
            Record::Sizes { .. } | Record::SlotSizes { .. } | Record::Library(_) => String::new(),
        }))
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
            writeln!(self.out, "[additional info] Reading type {} ({})", kind as u8, kind.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::simulated::SimulatedDisk;

    fn told(bytes: &[u8]) -> (bool, String) {
        let mut disk = SimulatedDisk::default();
        disk.put("a.rdb", bytes.to_vec());
        let mut out = Vec::new();
        let is_sound = check(Path::new("a.rdb"), &mut disk, 5_000_000_000_000, &mut out).expect("memory takes all");
        (is_sound, String::from_utf8(out).expect("text"))
    }

    const SOUND: &[u8] = include_bytes!("../../tests/fixtures/rdb/redis-8.0.6-lfu.rdb");

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
    fn the_checker_is_known_by_its_names() {
        assert!(is_called(b"/usr/bin/redis-check-rdb") && is_called(b"gyre-check-rdb"));
        assert!(!is_called(b"gyre-server") && !is_called(b"/redis-check-rdb/gyre-server"));
    }
}
