//! The journal of effects: what changed the data, in the form in which the append-only file and replicas read it.
//!
//! The common form is "as received"; commands whose effect depends on time or chance, or that change less than they say,
//! build another one through `Propagation`. Costs nothing while nobody reads.
//!
//! ```text
//! bytes        SELECT 0  SET a 1 │ PUBLISH c m │ MULTI  SET a 2  SET b 3  EXEC │ …          taken once a turn, by both readers
//! stretches    file, replicas    │ replicas    │ file, replicas               │
//! ```
//!
//! Invariants: the stretches cover the bytes; a stretch names only readers that were attached when it was recorded, so that whoever
//! comes later begins behind it. A transaction is gathered apart and enters as a whole: one record of it alone stands without a
//! frame.
//!
//! What is recorded moves the replication offset: by its bytes where replicas read it, and by one a record where only the file does
//! (`steps`), as in Redis: the file tells at which offset it begins.

use crate::base::clock::Ms;

/// How the command at hand goes to the journal. A handler may rewrite it; the dispatcher reads it when data changed.
#[derive(Default)]
pub struct Propagation {
    wanted: bool,
    is_suppressed: bool,
    forced_for: Readers,
    commands: Vec<Vec<Vec<u8>>>,
}

impl Propagation {
    /// Readies it for the next command; `wanted` when somebody reads the journal.
    #[inline]
    pub fn reset(&mut self, wanted: bool) {
        self.wanted = wanted;
        self.is_suppressed = false;
        self.forced_for = Readers::NONE;
        if !self.commands.is_empty() {
            self.commands.clear();
        }
    }

    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Instead of the command as received: this one. Several calls add several, in order.
    pub fn rewrite(&mut self, words: &[&[u8]]) {
        if self.wanted {
            self.commands.push(words.iter().map(|word| word.to_vec()).collect());
        }
    }

    /// Nothing of this command goes to the journal (its effects went there by themselves).
    pub fn suppress(&mut self) {
        self.is_suppressed = true;
    }

    /// As received for these readers, though no data changes.
    pub fn force_for(&mut self, readers: Readers) {
        if self.wanted {
            self.forced_for = readers;
        }
    }

    /// Neither rewritten, forced nor suppressed: as received, if data changed.
    #[inline]
    pub fn is_plain(&self) -> bool {
        !self.is_suppressed && self.commands.is_empty() && self.forced_for.is_empty()
    }

    /// Whom the command concerns, which changed data or did not.
    pub fn readers(&self, has_changes: bool) -> Readers {
        if has_changes || !self.commands.is_empty() { Readers::ALL } else { self.forced_for }
    }

    /// The rewritten forms; `None`: as received.
    pub fn rewritten(&self) -> Option<&[Vec<Vec<u8>>]> {
        if self.is_suppressed {
            return Some(&[]);
        }
        if self.commands.is_empty() { None } else { Some(&self.commands) }
    }
}

/// Who reads the journal, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readers(u8);

impl Readers {
    pub const NONE: Readers = Readers(0);
    /// The append-only file.
    pub const FILE: Readers = Readers(1);
    /// Replicas, by way of the backlog.
    pub const REPLICAS: Readers = Readers(2);
    pub const ALL: Readers = Readers(3);

    pub fn of(file: bool, replicas: bool) -> Readers {
        Readers(u8::from(file) | u8::from(replicas) << 1)
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when they have a reader in common.
    #[inline]
    pub fn has(self, other: Readers) -> bool {
        self.0 & other.0 != 0
    }

    #[inline]
    pub fn and(self, other: Readers) -> Readers {
        Readers(self.0 & other.0)
    }

    #[inline]
    pub fn with(self, other: Readers) -> Readers {
        Readers(self.0 | other.0)
    }

    #[inline]
    pub fn without(self, other: Readers) -> Readers {
        Readers(self.0 & !other.0)
    }
}

/// Readers by number, to keep something for each.
const EACH: [Readers; 2] = [Readers::FILE, Readers::REPLICAS];

/// Records, and for whom each stretch of them is.
#[derive(Default)]
pub struct Records {
    /// RESP requests, SELECT included where the database changes.
    pub bytes: Vec<u8>,
    /// Where each stretch ends, and who reads it; the last ends with the bytes.
    stretches: Vec<(usize, Readers)>,
    /// Records that replicas would read, if there were any. They stand before the first that replicas do read.
    pub steps: u64,
}

impl Records {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What one of the readers reads, in order.
    pub fn of(&self, reader: Readers) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.stretches.iter().filter_map(move |&(end, readers)| {
            let piece = &self.bytes[std::mem::replace(&mut from, end)..end];
            readers.has(reader).then_some(piece)
        })
    }

    /// What was appended to the bytes is for these readers.
    fn mark(&mut self, readers: Readers) {
        let end = self.bytes.len();
        match self.stretches.last_mut() {
            Some((last, same)) if *same == readers => *last = end,
            _ => self.stretches.push((end, readers)),
        }
    }

    /// Takes over the records of another, which is empty then.
    fn append(&mut self, other: &mut Records) {
        let offset = self.bytes.len();
        self.steps += std::mem::take(&mut other.steps);
        self.bytes.append(&mut other.bytes);
        for (end, readers) in other.stretches.drain(..) {
            match self.stretches.last_mut() {
                Some((last, same)) if *same == readers => *last = offset + end,
                _ => self.stretches.push((offset + end, readers)),
            }
        }
    }

    fn readers(&self) -> Readers {
        self.stretches.iter().fold(Readers::NONE, |all, (_, readers)| all.with(*readers))
    }

    /// These read none of it after all.
    fn unmark(&mut self, readers: Readers) {
        self.stretches.iter_mut().for_each(|(_, marked)| *marked = marked.without(readers));
        if readers.has(Readers::REPLICAS) {
            self.steps = 0;
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.stretches.clear();
        self.steps = 0;
    }
}

/// Room that an emptied journal keeps, bytes.
const ROOM_KEPT_MAX: usize = 64 * 1024;

/// See the head of the file.
pub struct Journal {
    /// Who reads at all.
    attached: Readers,
    /// Who reads what is recorded here: on a replica, replicas of its own read its master's stream instead.
    recorded_for: Readers,
    /// For whom the command at hand may be recorded; a script can narrow it.
    pub allowed: Readers,
    /// Nothing is recorded, because the data is being loaded: what the file says is no news.
    pub is_closed: bool,
    /// The database of the last record, for each reader.
    selected: [Option<usize>; EACH.len()],
    records: Records,
    /// The records of the transaction at hand, and how many they are.
    frame: Records,
    framed: usize,
    is_framing: bool,
    /// How far what is recorded and not yet taken moves the replication offset.
    pub advance: u64,
}

impl Default for Journal {
    fn default() -> Journal {
        Journal {
            attached: Readers::NONE,
            recorded_for: Readers::ALL,
            allowed: Readers::ALL,
            is_closed: false,
            selected: [None; EACH.len()],
            records: Records::default(),
            frame: Records::default(),
            framed: 0,
            is_framing: false,
            advance: 0,
        }
    }
}

impl Journal {
    #[inline]
    pub fn is_read(&self) -> bool {
        self.attached.has(self.recorded_for) && !self.is_closed
    }

    /// True when this reader is attached.
    pub fn is_read_by(&self, reader: Readers) -> bool {
        self.attached.has(reader)
    }

    /// These read, too, from here on.
    pub fn attach(&mut self, readers: Readers) {
        self.attached = self.attached.with(readers);
        self.select_anew(readers);
    }

    /// These read no more. What is recorded for them already, nobody will ask for.
    pub fn detach(&mut self, readers: Readers) {
        self.attached = self.attached.without(readers);
        if readers.has(Readers::REPLICAS) {
            self.advance = 0;
        }
        self.frame.unmark(readers);
        match self.attached.is_empty() {
            true => self.records = Records::default(),
            false => self.records.unmark(readers),
        }
    }

    /// The next record for these names its database: somebody begins to read there.
    pub fn select_anew(&mut self, readers: Readers) {
        for (reader, selected) in EACH.iter().zip(&mut self.selected) {
            if readers.has(*reader) {
                *selected = None;
            }
        }
    }

    /// The database that replicas were last told.
    pub fn selected_for_replicas(&self) -> Option<usize> {
        self.selected[1]
    }

    /// This server follows a master, whose stream is what its own replicas read (`pass_on`), or it does no more.
    pub fn follow(&mut self, has_master: bool) {
        self.recorded_for = if has_master { Readers::FILE } else { Readers::ALL };
        if has_master {
            // A transaction that turns the server into a replica is no part of the new master's stream.
            self.frame.unmark(Readers::REPLICAS);
        }
        self.select_anew(Readers::REPLICAS);
    }

    /// What is recorded from here to `end` belongs together.
    pub fn begin(&mut self) {
        self.is_framing = true;
        self.framed = 0;
    }

    /// As `begin`, unless a transaction is under way; true when it was begun.
    pub fn begin_nested(&mut self) -> bool {
        if self.is_framing {
            return false;
        }
        self.begin();
        true
    }

    /// One record alone needs no frame; several stand between MULTI and EXEC for all who read any of them.
    pub fn end(&mut self) {
        self.is_framing = false;
        if self.framed == 0 {
            return;
        }
        let mut frame = std::mem::take(&mut self.frame);
        let readers = frame.readers();
        let before = self.records.bytes.len();
        if self.framed > 1 {
            append(&mut self.records.bytes, 1, [&b"MULTI"[..]].into_iter());
            self.records.mark(readers);
        }
        if self.framed > 1 && frame.steps > 0 {
            // The two words around it are records, too.
            frame.steps += 2;
        }
        self.advance += frame.steps + frame.of(Readers::REPLICAS).map(|piece| piece.len() as u64).sum::<u64>();
        let header = self.records.bytes.len() - before;
        self.records.append(&mut frame);
        let before = self.records.bytes.len();
        if self.framed > 1 {
            append(&mut self.records.bytes, 1, [&b"EXEC"[..]].into_iter());
            self.records.mark(readers);
        }
        if readers.has(Readers::REPLICAS) {
            self.advance += (header + self.records.bytes.len() - before) as u64;
        }
        self.framed = 0;
        frame.bytes.shrink_to(ROOM_KEPT_MAX);
        self.frame = frame;
    }

    /// Records one command on database `db`.
    #[inline]
    pub fn record<'w>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'w [u8]>) {
        self.record_for(Readers::ALL, db, words);
    }

    /// Records one command for some of the readers.
    pub fn record_for<'w>(&mut self, readers: Readers, db: usize, words: impl ExactSizeIterator<Item = &'w [u8]>) {
        let wanted = readers.and(self.recorded_for).and(self.allowed);
        let readers = wanted.and(self.attached);
        if readers.is_empty() || self.is_closed {
            return;
        }
        let records = if self.is_framing { &mut self.frame } else { &mut self.records };
        let before = records.bytes.len();
        let mut unselected = Readers::NONE;
        for (reader, selected) in EACH.iter().zip(&mut self.selected) {
            if readers.has(*reader) && selected.replace(db) != Some(db) {
                unselected = unselected.with(*reader);
            }
        }
        let mut for_replicas = 0;
        if !unselected.is_empty() {
            let number = db.to_string();
            append(&mut records.bytes, 2, [&b"SELECT"[..], number.as_bytes()].into_iter());
            records.mark(unselected);
            if unselected.has(Readers::REPLICAS) {
                for_replicas += records.bytes.len() - before;
            }
        }
        let before = records.bytes.len();
        let count = words.len();
        append(&mut records.bytes, count, words);
        records.mark(readers);
        if readers.has(Readers::REPLICAS) {
            for_replicas += records.bytes.len() - before;
        }
        let step = u64::from(wanted.has(Readers::REPLICAS) && !readers.has(Readers::REPLICAS));
        records.steps += step;
        if self.is_framing {
            self.framed += 1;
        } else {
            self.advance += step + for_replicas as u64;
        }
    }

    /// Bytes for replicas only, as they are: the master's stream on a replica, a ping. They come before a transaction that is under
    /// way, which enters when it is over.
    pub fn pass_on(&mut self, bytes: &[u8]) {
        if self.attached.has(Readers::REPLICAS) && !bytes.is_empty() {
            self.records.bytes.extend_from_slice(bytes);
            self.records.mark(Readers::REPLICAS);
            self.advance += bytes.len() as u64;
        }
    }

    /// Bytes that were recorded and not yet taken.
    pub fn unread_bytes(&self) -> u64 {
        (self.records.bytes.len() + self.frame.bytes.len()) as u64
    }

    /// All that was recorded and not yet taken.
    pub fn take(&mut self) -> Records {
        self.advance = 0;
        std::mem::take(&mut self.records)
    }

    /// Gives back the room of records that were read.
    pub fn recycle(&mut self, mut records: Records) {
        if self.records.is_empty() && records.bytes.capacity() <= ROOM_KEPT_MAX {
            records.clear();
            self.records = records;
        }
    }
}

fn append<'w>(bytes: &mut Vec<u8>, count: usize, words: impl Iterator<Item = &'w [u8]>) {
    bytes.extend_from_slice(format!("*{count}\r\n").as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

/// A point in time as the journal writes it.
pub fn ms_text(ms: Ms) -> Vec<u8> {
    ms.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader reads, its words one after the other.
    fn read(records: &Records, reader: Readers) -> String {
        let bytes: Vec<u8> = records.of(reader).flatten().copied().collect();
        let text = String::from_utf8(bytes).expect("text");
        text.split("\r\n")
            .filter(|line| !line.is_empty() && !line.starts_with(['*', '$']))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn record(journal: &mut Journal, readers: Readers, db: usize, line: &str) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        journal.record_for(readers, db, words.into_iter());
    }

    #[test]
    fn a_database_is_selected_once_and_a_transaction_is_framed() {
        let mut journal = Journal::default();
        record(&mut journal, Readers::ALL, 0, "SET a 1");
        assert!(journal.take().is_empty(), "nobody reads");
        journal.attach(Readers::FILE);
        journal.begin();
        record(&mut journal, Readers::ALL, 1, "DEL a");
        record(&mut journal, Readers::ALL, 1, "DEL b");
        journal.end();
        let expected = "*1\r\n$5\r\nMULTI\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n\
                        *2\r\n$3\r\nDEL\r\n$1\r\nb\r\n*1\r\n$4\r\nEXEC\r\n";
        let records = journal.take();
        assert_eq!(records.bytes, expected.as_bytes());
        assert_eq!(read(&records, Readers::REPLICAS), "", "they are not attached");
        journal.begin();
        record(&mut journal, Readers::ALL, 1, "DEL c");
        journal.end();
        journal.begin();
        journal.end();
        assert_eq!(read(&journal.take(), Readers::FILE), "DEL c");
    }

    #[test]
    fn each_reader_reads_what_is_for_it() {
        let mut journal = Journal::default();
        journal.attach(Readers::FILE);
        record(&mut journal, Readers::ALL, 0, "SET a 1");
        journal.attach(Readers::REPLICAS);
        record(&mut journal, Readers::ALL, 0, "SET a 2");
        record(&mut journal, Readers::REPLICAS, 3, "PUBLISH c m");
        record(&mut journal, Readers::ALL, 3, "SET a 3");
        journal.begin();
        record(&mut journal, Readers::REPLICAS, 3, "PUBLISH c m");
        record(&mut journal, Readers::FILE, 3, "SET a 4");
        journal.end();
        let for_replicas = journal.advance;
        let records = journal.take();
        assert_eq!(read(&records, Readers::FILE), "SELECT 0 SET a 1 SET a 2 SELECT 3 SET a 3 MULTI SET a 4 EXEC");
        assert_eq!(
            read(&records, Readers::REPLICAS),
            "SELECT 0 SET a 2 SELECT 3 PUBLISH c m SET a 3 MULTI PUBLISH c m EXEC"
        );
        let counted: usize = records.of(Readers::REPLICAS).map(<[u8]>::len).sum();
        assert_eq!((counted as u64 + records.steps, journal.advance, records.steps), (for_replicas, 0, 1));
    }

    #[test]
    fn a_replica_passes_its_masters_stream_on() {
        let mut journal = Journal::default();
        journal.attach(Readers::ALL);
        journal.follow(true);
        record(&mut journal, Readers::ALL, 0, "SET a 1");
        journal.pass_on(b"*1\r\n$4\r\nPING\r\n");
        assert_eq!(journal.advance, 14);
        let records = journal.take();
        assert_eq!(read(&records, Readers::FILE), "SELECT 0 SET a 1");
        assert_eq!(read(&records, Readers::REPLICAS), "PING");
        journal.follow(false);
        record(&mut journal, Readers::ALL, 0, "SET a 2");
        let records = journal.take();
        assert_eq!(
            (read(&records, Readers::FILE).as_str(), read(&records, Readers::REPLICAS).as_str()),
            ("SET a 2", "SELECT 0 SET a 2")
        );
    }

    #[test]
    fn without_replicas_each_record_moves_the_offset_by_one() {
        let mut journal = Journal::default();
        journal.attach(Readers::FILE);
        record(&mut journal, Readers::ALL, 0, "SET a 1");
        record(&mut journal, Readers::FILE, 0, "SET a 1");
        record(&mut journal, Readers::REPLICAS, 0, "PUBLISH c m");
        assert_eq!(journal.advance, 1);
        journal.begin();
        record(&mut journal, Readers::ALL, 0, "SET a 2");
        assert_eq!(journal.advance, 1, "it is not over");
        record(&mut journal, Readers::ALL, 0, "SET a 3");
        journal.end();
        assert_eq!(journal.advance, 5, "MULTI and EXEC count, too");
        assert_eq!((journal.take().steps, journal.advance), (5, 0));
        // What replicas were to read counts for whoever asked meanwhile, and not again when they are gone.
        journal.attach(Readers::REPLICAS);
        record(&mut journal, Readers::ALL, 0, "SET a 4");
        journal.detach(Readers::REPLICAS);
        record(&mut journal, Readers::ALL, 0, "SET a 5");
        let records = journal.take();
        assert_eq!((read(&records, Readers::REPLICAS).as_str(), records.steps), ("", 1));
        assert_eq!(read(&records, Readers::FILE), "SET a 4 SET a 5");
        // A replica's own records are no part of its master's stream.
        journal.follow(true);
        record(&mut journal, Readers::ALL, 0, "SET a 6");
        assert_eq!(journal.take().steps, 0);
    }
}
