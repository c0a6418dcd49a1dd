//! What surrounds the values: the header, the opcodes between keys, the trailer.
//!
//! `Records::next` reads up to and including the next key and leaves the value to the caller, who knows what to build from
//! it. Deadline, idle time and frequency are opcodes of their own before the key; they belong to the next key only.

use super::format::{self, Dialect, HEADER_BYTES, Kind, MAGIC, VALKEY_MAGIC, opcode};
use super::module;
use super::reader::{Fault, Reader, Source};
use crate::base::clock::Ms;

/// What stands before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preface {
    pub kind: Kind,
    /// When the key is due, in milliseconds since the epoch.
    pub deadline: Option<Ms>,
    /// For how many seconds it had not been touched when the file was written.
    pub idle_seconds: Option<u64>,
    /// Its logarithmic access counter.
    pub frequency: Option<u8>,
}

/// One record, as far as its key.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// A value follows; its key is in `Records::key`.
    Value(Preface),
    /// The keys that follow are of this database.
    Database(u64),
    /// How many keys the database has, and how many with a deadline. A hint: it may be a lie.
    Sizes { keys: u64, with_deadline: u64 },
    /// The same for one hash slot.
    SlotSizes { slot: u64, keys: u64, with_deadline: u64 },
    /// A fact about the file.
    Aux { name: Vec<u8>, value: Vec<u8> },
    /// The source text of a function library.
    Library(Vec<u8>),
    /// Data of this module that belongs to no key: read over.
    ModuleData(String),
    /// Nothing follows but the trailer.
    End,
}

/// How the trailer compares with what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailer {
    /// The version has no checksum, the reader did not keep one, or the writer left it out.
    Unchecked,
    Matches,
    Differs {
        stored: u64,
        computed: u64,
    },
}

/// Reads magic and version.
pub fn read_header<S: Source>(reader: &mut Reader<S>) -> Result<u32, Fault> {
    let header: [u8; HEADER_BYTES] = reader.read_array()?;
    let (digits, expected) = match (header.strip_prefix(MAGIC), header.strip_prefix(VALKEY_MAGIC)) {
        (Some(digits), _) => (digits, Dialect::Redis),
        (None, Some(digits)) => (digits, Dialect::Valkey),
        (None, None) => (&[][..], Dialect::Redis),
    };
    // With a damaged digit passed over it might be a version of before the checksum.
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(reader.corrupt("Wrong signature trying to load DB from file"));
    }
    let version = digits.iter().fold(0, |version, digit| version * 10 + u32::from(digit - b'0'));
    if Dialect::of(version) == Some(expected) {
        Ok(version)
    } else {
        Err(reader.not_served(format!("Can't handle RDB format version {version}")))
    }
}

/// Where in a record the reading is: what a checker tells when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Start,
    Type,
    Deadline,
    Key,
    Value,
    Checksum,
    Length,
    Aux,
    ModuleAux,
    Library,
}

impl Stage {
    /// As the checker prints it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Start => "start",
            Stage::Type => "read-type",
            Stage::Deadline => "read-expire",
            Stage::Key => "read-key",
            Stage::Value => "read-object-value",
            Stage::Checksum => "check-sum",
            Stage::Length => "read-len",
            Stage::Aux => "read-aux",
            Stage::ModuleAux => "read-module-aux",
            Stage::Library => "read-functions",
        }
    }
}

/// Reads records one after the other, and knows where it is.
#[derive(Debug)]
pub struct Records {
    pub stage: Stage,
    /// Whose numbers the kinds are.
    pub dialect: Dialect,
    /// The key that was read last.
    pub key: Vec<u8>,
}

impl Default for Records {
    fn default() -> Records {
        Records { stage: Stage::Start, dialect: Dialect::Redis, key: Vec::new() }
    }
}

impl Records {
    /// Reads the next record; of a value everything before it, its key into `key`.
    pub fn next<S: Source>(&mut self, reader: &mut Reader<S>) -> Result<Record, Fault> {
        reader.release_excess();
        let (mut deadline, mut idle_seconds, mut frequency) = (None, None, None);
        loop {
            self.stage = Stage::Type;
            let code = reader.read_byte()?;
            if let Some(kind) = Kind::from_byte(code, self.dialect) {
                self.stage = Stage::Key;
                self.key.clear();
                self.key.extend_from_slice(reader.read_string()?);
                self.stage = Stage::Value;
                return Ok(Record::Value(Preface { kind, deadline, idle_seconds, frequency }));
            }
            match code {
                opcode::DEADLINE_MS => {
                    self.stage = Stage::Deadline;
                    deadline = Some(i64::from_le_bytes(reader.read_array()?));
                }
                opcode::DEADLINE_SECONDS => {
                    self.stage = Stage::Deadline;
                    deadline = Some(i64::from(i32::from_le_bytes(reader.read_array()?)) * 1000);
                }
                opcode::IDLE => idle_seconds = Some(reader.read_length()?),
                opcode::FREQUENCY => frequency = Some(reader.read_byte()?),
                _ => return self.read_operands(reader, code),
            }
        }
    }

    /// The records that are not about one key.
    fn read_operands<S: Source>(&mut self, reader: &mut Reader<S>, code: u8) -> Result<Record, Fault> {
        self.stage = match code {
            opcode::SELECT_DB | opcode::RESIZE_DB | opcode::SLOT_INFO => Stage::Length,
            opcode::AUX => Stage::Aux,
            opcode::MODULE_AUX => Stage::ModuleAux,
            opcode::FUNCTION | opcode::FUNCTION_PRE_RELEASE => Stage::Library,
            opcode::END => Stage::Checksum,
            _ => Stage::Type,
        };
        Ok(match code {
            opcode::END => Record::End,
            opcode::SELECT_DB => Record::Database(reader.read_length()?),
            opcode::RESIZE_DB => Record::Sizes { keys: reader.read_length()?, with_deadline: reader.read_length()? },
            opcode::SLOT_INFO => Record::SlotSizes {
                slot: reader.read_length()?,
                keys: reader.read_length()?,
                with_deadline: reader.read_length()?,
            },
            opcode::AUX => {
                let name = reader.read_string_owned()?;
                Record::Aux { name, value: reader.read_string_owned()? }
            }
            opcode::FUNCTION => Record::Library(reader.read_string_owned()?),
            opcode::FUNCTION_PRE_RELEASE => {
                return Err(reader.not_served("Pre-release function format not supported."));
            }
            opcode::MODULE_AUX => Record::ModuleData(module::skip_data(reader)?),
            opcode::SLOT_IMPORT if self.dialect == Dialect::Valkey => {
                return Err(reader.not_served("The RDB file was saved while slots of a cluster were being moved in"));
            }
            _ => return Err(reader.corrupt(format!("Invalid object type: {code}"))),
        })
    }
}

/// Reads the checksum behind the end and compares. A stored 0 means that the writer kept none.
pub fn read_trailer<S: Source>(reader: &mut Reader<S>, version: u32) -> Result<Trailer, Fault> {
    if version < format::VERSION_WITH_CHECKSUM {
        return Ok(Trailer::Unchecked);
    }
    let computed = reader.checksum();
    let stored = u64::from_le_bytes(reader.read_array()?);
    Ok(if stored == 0 || !reader.is_summing() {
        Trailer::Unchecked
    } else if stored == computed {
        Trailer::Matches
    } else {
        Trailer::Differs { stored, computed }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = (Vec<(Vec<u8>, Record)>, Trailer);

    fn records(bytes: &[u8]) -> Result<Seen, Fault> {
        let mut reader = Reader::with_window(bytes, 16);
        let version = read_header(&mut reader)?;
        let (mut records, mut seen) = (Records::default(), Vec::new());
        loop {
            records.key.clear();
            let record = records.next(&mut reader)?;
            match record {
                Record::End => return Ok((seen, read_trailer(&mut reader, version)?)),
                Record::Value(Preface { kind: Kind::String, .. }) => reader.skip_string()?,
                _ => {}
            }
            seen.push((records.key.clone(), record));
        }
    }

    #[test]
    fn opcodes_belong_to_the_next_key_only() {
        let mut file = b"REDIS0012\xfa\x01n\x01v\xf5\x03lib\xfe\x03\xfb\x02\x01\xf4\x07\x02\x01".to_vec();
        file.extend_from_slice(b"\xfc\x01\x02\0\0\0\0\0\0\xf8\x05\0\x01a\x01x\xf9\x07\0\xc0\x0c\xc1\x39\x30");
        file.extend_from_slice(b"\xfd\x02\0\0\0\0\x01c\xc3\x04\x08\x00a\xe0\x00\xff\0\0\0\0\0\0\0\0");
        let (seen, trailer) = records(&file).expect("well formed");
        let bare = Preface { kind: Kind::String, deadline: None, idle_seconds: None, frequency: None };
        let expected: Vec<(&[u8], Record)> = vec![
            (b"", Record::Aux { name: b"n".to_vec(), value: b"v".to_vec() }),
            (b"", Record::Library(b"lib".to_vec())),
            (b"", Record::Database(3)),
            (b"", Record::Sizes { keys: 2, with_deadline: 1 }),
            (b"", Record::SlotSizes { slot: 7, keys: 2, with_deadline: 1 }),
            (b"a", Record::Value(Preface { deadline: Some(513), idle_seconds: Some(5), ..bare })),
            (b"12", Record::Value(Preface { frequency: Some(7), ..bare })),
            (b"c", Record::Value(Preface { deadline: Some(2000), ..bare })),
        ];
        assert_eq!(seen.len(), expected.len());
        for ((key, record), wanted) in seen.iter().zip(&expected) {
            assert_eq!((key.as_slice(), record), (wanted.0, &wanted.1));
        }
        assert_eq!(trailer, Trailer::Unchecked);
    }

    #[test]
    fn foreign_headers_are_refused() {
        for header in ["REDIS0014", "REDIS0000", "REDIS0080", "VALKEY081", "VALKEY011"] {
            assert!(matches!(records(header.as_bytes()), Err(Fault::NotServed { offset: 9, .. })), "{header}");
        }
        for header in ["VALKIE080", "REDIS001\x12", "VALKEY0 0"] {
            assert!(matches!(records(header.as_bytes()), Err(Fault::Corrupt { offset: 9, .. })), "{header}");
        }
        for header in ["REDIS0001", "REDIS0013", "VALKEY080"] {
            assert!(matches!(records(header.as_bytes()), Err(Fault::Short { offset: 9 })), "{header}");
        }
        assert!(matches!(records(b"REDIS"), Err(Fault::Short { offset: 5 })));
    }

    #[test]
    fn what_is_not_served_is_named() {
        let fault = records(b"REDIS0010\xf6\x03lib").expect_err("of a release candidate");
        assert_eq!(fault.to_string(), "Pre-release function format not supported.");
        let fault = records(b"REDIS0012\x08").expect_err("no kind and no opcode");
        assert_eq!((fault.offset(), fault.to_string().as_str()), (10, "Invalid object type: 8"));
    }

    #[test]
    fn data_of_modules_is_read_over() {
        let mut file = b"REDIS0012\xf7\x81\x80\x40\x20\x10\x08\x04\x02\x01".to_vec();
        file.extend_from_slice(
            b"\x02\x01\x02\x2a\x05\x03abc\x04\0\0\0\0\0\0\xf0\x3f\x03\0\0\0\0\x00\xff\0\0\0\0\0\0\0\0",
        );
        let (seen, trailer) = records(&file).expect("well formed");
        assert!(matches!(&seen[..], [(_, Record::ModuleData(name))] if name.len() == 9), "{seen:?}");
        assert_eq!(trailer, Trailer::Unchecked);
        let end = file.len();
        file[end - 10] = 9;
        assert!(matches!(records(&file), Err(Fault::Corrupt { .. })), "no such part of a value");
    }
}
