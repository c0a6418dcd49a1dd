//! A whole dump in, in steps: `step` reads records until it is told to pause, so that the loop can answer clients meanwhile.
//!
//! Keys are made ahead and entered a few at a time (`AHEAD_KEYS`): by then the table's buckets are in the cache.
//!
//! ```text
//! new ──▶ header ──▶ records … ──▶ trailer ──▶ done            any fault ends it; what was entered stays
//! ```

use super::format::{Dialect, Kind};
use super::growing::Growing;
use super::read_value::{read_piece, read_value};
use super::reader::{Fault, Reader, Source};
use super::record::{Preface, Record, Records, Trailer, read_header, read_trailer};
use crate::base::clock::Ms;
use crate::keyspace::eviction::{access_of_new, access_with_frequency, access_with_idle};
use crate::keyspace::{Arriving, Db, Key, Keyspace, Newcomer};
use crate::value::limits::EncodingLimits;

/// Elements of one collection that are read between two questions whether to go on.
const PIECE_ELEMENTS: u64 = 512;

/// Keys made before the first of them is entered.
const AHEAD_KEYS: usize = 16;

/// Room made for keys that a dump only promises, when nobody knows how long it is.
const ROOM_KEYS_MAX: u64 = 1 << 20;

/// The least that a key takes in a dump: kind, key and value of one byte each.
const KEY_BYTES_MIN: u64 = 3;

/// What is done with what is read: by default all of it is entered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Keys that were due by then are dropped; `None` keeps them (a replica waits for its master's word).
    pub drop_due_by: Option<Ms>,
    /// Each key that is dropped is told (`Remark::Dropped`): somebody has it still.
    pub tells_dropped: bool,
    /// A key that is there already is replaced; else it is a fault.
    pub replaces: bool,
}

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub loaded: u64,
    /// Keys that were due already.
    pub expired: u64,
    /// Keys without elements, passed over.
    pub empty: u64,
}

/// Where a loader asks whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// A key is complete.
    Key,
    /// Some elements of a large collection are read.
    Piece,
}

/// What a loader tells besides keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A fact that the file states about itself.
    Aux { name: Vec<u8>, value: Vec<u8> },
    /// A function library.
    Library(Vec<u8>),
    /// Data of this module that belongs to no key was passed over.
    ModuleData(String),
    /// A key without elements was passed over.
    EmptyKey(Vec<u8>),
    /// A key was due already.
    Dropped { db: usize, key: Vec<u8> },
}

/// A dump being read.
pub struct Loader<S> {
    reader: Reader<S>,
    policy: Policy,
    version: Option<u32>,
    db: usize,
    records: Records,
    /// A collection of which some elements are still to be read.
    growing: Option<(Preface, Growing)>,
    ahead: Vec<Newcomer>,
    pub counts: Counts,
}

impl<S: Source> Loader<S> {
    pub fn new(reader: Reader<S>, policy: Policy) -> Loader<S> {
        let ahead = Vec::with_capacity(AHEAD_KEYS);
        Loader {
            reader,
            policy,
            version: None,
            db: 0,
            records: Records::default(),
            growing: None,
            ahead,
            counts: Counts::default(),
        }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// The source, and the bytes that were read from it but are none of the dump's.
    pub fn into_rest(self) -> (S, Vec<u8>) {
        self.reader.into_rest()
    }

    /// The key that is being read, or was read last.
    pub fn key(&self) -> &[u8] {
        &self.records.key
    }

    pub fn source(&self) -> &S {
        self.reader.source()
    }

    pub fn source_mut(&mut self) -> &mut S {
        self.reader.source_mut()
    }

    /// Reads on until `may_go_on` (asked after every key, and within large ones) says no, until more has to come, or to the end: then
    /// the trailer's verdict comes back.
    pub fn step(
        &mut self,
        keyspace: &mut Keyspace,
        may_go_on: &mut dyn FnMut(Pause) -> bool,
        remark: &mut dyn FnMut(Remark),
    ) -> Result<Option<Trailer>, Fault> {
        match self.read_records(keyspace, may_go_on, remark) {
            Err(fault) if self.reader.rewind(&fault) => {
                self.enter_all(keyspace)?;
                Ok(None)
            }
            stepped => stepped,
        }
    }

    fn read_records(
        &mut self,
        keyspace: &mut Keyspace,
        may_go_on: &mut dyn FnMut(Pause) -> bool,
        remark: &mut dyn FnMut(Remark),
    ) -> Result<Option<Trailer>, Fault> {
        if self.version.is_none() {
            let version = read_header(&mut self.reader)?;
            (self.version, self.records.dialect) =
                (Some(version), Dialect::of(version).expect("a version that is read"));
        }
        loop {
            if let Some((preface, growing)) = self.growing.take()
                && !self.read_on(keyspace, preface, growing, may_go_on, remark)?
            {
                self.enter_all(keyspace)?;
                return Ok(None);
            }
            self.reader.mark();
            match self.records.next(&mut self.reader)? {
                Record::Value(preface) => {
                    if !self.read_key(keyspace, preface, may_go_on, remark)? {
                        self.enter_all(keyspace)?;
                        return Ok(None);
                    }
                }
                Record::Database(number) => {
                    self.enter_all(keyspace)?;
                    self.db =
                        usize::try_from(number).ok().filter(|&db| db < keyspace.databases()).ok_or_else(|| {
                            let databases = keyspace.databases();
                            self.reader.not_served(format!(
                                "FATAL: Data file was created with a Redis server configured to handle more than {databases} \
                                 databases. Exiting"
                            ))
                        })?;
                }
                Record::Sizes { keys, .. } => keyspace.db_mut(self.db).reserve(self.credible(keys)),
                Record::SlotSizes { .. } => {}
                Record::Aux { name, value } => remark(Remark::Aux { name, value }),
                Record::Library(source) => remark(Remark::Library(source)),
                Record::ModuleData(module) => remark(Remark::ModuleData(module)),
                Record::End => {
                    self.enter_all(keyspace)?;
                    let version = self.version.expect("read first");
                    return read_trailer(&mut self.reader, version).map(Some);
                }
            }
        }
    }

    /// As many keys as the rest of the dump can hold.
    fn credible(&self, keys: u64) -> usize {
        let most = self.reader.bytes_left().map_or(ROOM_KEYS_MAX, |left| left / KEY_BYTES_MIN);
        keys.min(most) as usize
    }

    /// Reads the value of the key at hand; false if it is time to pause.
    fn read_key(
        &mut self,
        keyspace: &mut Keyspace,
        preface: Preface,
        may_go_on: &mut dyn FnMut(Pause) -> bool,
        remark: &mut dyn FnMut(Remark),
    ) -> Result<bool, Fault> {
        let db = keyspace.db_mut(self.db);
        let limits = &db.rules.limits;
        if let Some(growing) = Growing::begin(&mut self.reader, preface.kind, limits)? {
            self.reader.mark();
            return self.read_on(keyspace, preface, growing, may_go_on, remark);
        }
        let key = Key::new(&self.records.key);
        db.prefetch_bucket(key.hash);
        let value = read_piece(&mut self.reader, preface.kind, limits)?;
        let newcomer = self.policy.judge(&mut self.counts, db, key, &preface, value, remark);
        self.put_ahead(keyspace, newcomer)?;
        Ok(may_go_on(Pause::Key))
    }

    /// Reads on in a collection; false if it is time to pause.
    fn read_on(
        &mut self,
        keyspace: &mut Keyspace,
        preface: Preface,
        mut growing: Growing,
        may_go_on: &mut dyn FnMut(Pause) -> bool,
        remark: &mut dyn FnMut(Remark),
    ) -> Result<bool, Fault> {
        let db = keyspace.db(self.db);
        loop {
            let read = growing.read_some(&mut self.reader, &db.rules.limits, PIECE_ELEMENTS);
            let is_over = match &read {
                Ok(is_complete) if *is_complete => break,
                Ok(_) => !may_go_on(Pause::Piece),
                Err(fault) => fault.is_for_now(),
            };
            if is_over {
                self.growing = Some((preface, growing));
                return read;
            }
            read?;
        }
        let (key, value) = (Key::new(&self.records.key), growing.finish(&db.rules.limits));
        let newcomer = self.policy.judge(&mut self.counts, db, key, &preface, value, remark);
        self.put_ahead(keyspace, newcomer)?;
        Ok(may_go_on(Pause::Key))
    }

    fn put_ahead(&mut self, keyspace: &mut Keyspace, newcomer: Option<Newcomer>) -> Result<(), Fault> {
        self.ahead.extend(newcomer);
        if self.ahead.len() == AHEAD_KEYS { self.enter_all(keyspace) } else { Ok(()) }
    }

    fn enter_all(&mut self, keyspace: &mut Keyspace) -> Result<(), Fault> {
        let db = keyspace.db_mut(self.db);
        for newcomer in self.ahead.drain(..) {
            if self.policy.replaces {
                db.admit_over(newcomer);
            } else if let Err(newcomer) = db.admit(newcomer) {
                let key = String::from_utf8_lossy(newcomer.key()).into_owned();
                return Err(self.reader.corrupt(format!("RDB has duplicated key '{key}' in DB {}", self.db)));
            }
        }
        Ok(())
    }
}

impl Policy {
    /// What becomes of a key that was read: counted, and given back if it is to be entered.
    fn judge(
        &self,
        counts: &mut Counts,
        db: &Db,
        key: Key<'_>,
        preface: &Preface,
        value: Option<Arriving<'_>>,
        remark: &mut dyn FnMut(Remark),
    ) -> Option<Newcomer> {
        let Some(value) = value else {
            counts.empty += 1;
            remark(Remark::EmptyKey(key.bytes.to_vec()));
            return None;
        };
        if self.drop_due_by.is_some_and(|now| preface.deadline.is_some_and(|deadline| deadline < now)) {
            counts.expired += 1;
            if self.tells_dropped {
                remark(Remark::Dropped { db: db.index(), key: key.bytes.to_vec() });
            }
            return None;
        }
        counts.loaded += 1;
        Some(Newcomer::new(key, value, preface.deadline, access_of(db, preface)))
    }
}

/// The access field that a key gets.
pub fn access_of(db: &Db, preface: &Preface) -> u32 {
    match (preface.frequency, preface.idle_seconds) {
        (Some(frequency), _) if db.rules.policy.is_lfu() => access_with_frequency(frequency, &db.rules),
        (_, Some(idle)) if !db.rules.policy.is_lfu() => access_with_idle(idle, &db.rules),
        _ => access_of_new(&db.rules),
    }
}

/// One value on its own, as RESTORE has it: `bytes` is what follows the kind.
pub fn value_from_payload<R>(
    kind: Kind,
    bytes: &[u8],
    limits: &EncodingLimits,
    take: impl FnOnce(Arriving<'_>) -> R,
) -> Result<R, Fault> {
    let mut reader = Reader::over_bytes(bytes);
    match read_value(&mut reader, kind, limits)? {
        Some(value) => Ok(take(value)),
        None => Err(Fault::Corrupt { offset: 0, what: "a value without elements".into() }),
    }
}
