//! The journal of effects: what changed the data, in the form in which the append-only file and replicas read it.
//!
//! The common form is "as received"; commands whose effect depends on time or chance, or that change less than they say,
//! build another one through `Propagation`. Costs nothing while nobody reads.

use crate::base::clock::Ms;

/// How the command at hand goes to the journal. A handler may rewrite it; the dispatcher reads it when data changed.
#[derive(Default)]
pub struct Propagation {
    wanted: bool,
    is_suppressed: bool,
    commands: Vec<Vec<Vec<u8>>>,
}

impl Propagation {
    /// Readies it for the next command; `wanted` when somebody reads the journal.
    #[inline]
    pub fn reset(&mut self, wanted: bool) {
        self.wanted = wanted;
        self.is_suppressed = false;
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

    /// Neither rewritten nor suppressed: as received, if data changed.
    #[inline]
    pub fn is_plain(&self) -> bool {
        !self.is_suppressed && self.commands.is_empty()
    }

    /// The rewritten forms; `None`: as received.
    pub fn rewritten(&self) -> Option<&[Vec<Vec<u8>>]> {
        if self.is_suppressed {
            return Some(&[]);
        }
        if self.commands.is_empty() { None } else { Some(&self.commands) }
    }
}

/// What stands before the records of a transaction.
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";

/// Readers of the journal, and what they have not yet read.
#[derive(Default)]
pub struct Journal {
    /// How many read it (append-only file, replicas, tests).
    readers: usize,
    /// The database of the last record.
    selected_db: Option<usize>,
    /// RESP requests, SELECT included where the database changes.
    pub bytes: Vec<u8>,
    /// A transaction's records stand between MULTI and EXEC; MULTI is written with the first.
    in_transaction: bool,
    /// Records of the transaction so far, and where its MULTI stands.
    records: usize,
    multi_at: usize,
    /// Nothing is recorded; only while a script says so.
    pub is_muted: bool,
    /// Nothing is recorded, because the data is being loaded: what the file says is no news.
    pub is_closed: bool,
}

impl Journal {
    #[inline]
    pub fn is_read(&self) -> bool {
        self.readers > 0 && !self.is_closed
    }

    /// One reader more, from here on.
    pub fn attach(&mut self) {
        self.readers += 1;
        self.selected_db = None;
    }

    /// The next record names its database.
    pub fn select_anew(&mut self) {
        self.selected_db = None;
    }

    /// One reader fewer.
    pub fn detach(&mut self) {
        self.readers -= 1;
        if self.readers == 0 {
            self.bytes = Vec::new();
        }
    }

    /// What is recorded from here to `end` belongs together.
    pub fn begin(&mut self) {
        self.in_transaction = true;
        self.records = 0;
    }

    /// As `begin`, unless a transaction is under way; true when it was begun.
    pub fn begin_nested(&mut self) -> bool {
        if self.in_transaction {
            return false;
        }
        self.begin();
        true
    }

    /// One record alone needs no frame.
    pub fn end(&mut self) {
        match self.records {
            0 => {}
            1 => drop(self.bytes.drain(self.multi_at..self.multi_at + MULTI.len())),
            _ => append(&mut self.bytes, 1, [&b"EXEC"[..]].into_iter()),
        }
        self.in_transaction = false;
        self.records = 0;
    }

    /// Records one command on database `db`.
    pub fn record<'w>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'w [u8]>) {
        if !self.is_read() || self.is_muted {
            return;
        }
        if self.selected_db != Some(db) {
            let number = db.to_string();
            append(&mut self.bytes, 2, [&b"SELECT"[..], number.as_bytes()].into_iter());
            self.selected_db = Some(db);
        }
        if self.in_transaction {
            if self.records == 0 {
                self.multi_at = self.bytes.len();
                self.bytes.extend_from_slice(MULTI);
            }
            self.records += 1;
        }
        let count = words.len();
        append(&mut self.bytes, count, words);
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

    #[test]
    fn a_database_is_selected_once_and_a_transaction_is_framed() {
        let mut journal = Journal::default();
        journal.record(0, [&b"SET"[..], b"a", b"1"].into_iter());
        assert!(journal.bytes.is_empty(), "nobody reads");
        journal.attach();
        journal.begin();
        journal.record(1, [&b"DEL"[..], b"a"].into_iter());
        journal.record(1, [&b"DEL"[..], b"b"].into_iter());
        journal.end();
        let expected = "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n\
                        *2\r\n$3\r\nDEL\r\n$1\r\nb\r\n*1\r\n$4\r\nEXEC\r\n";
        assert_eq!(journal.bytes, expected.as_bytes());
    }
}
