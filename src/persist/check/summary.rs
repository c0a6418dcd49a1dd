//! What a person wants to know of a dump: keys and bytes by type, who has a deadline, and the largest keys.
//!
//! Bytes are those of the file, with key, deadline and value: compressed where the file is.

use crate::rdb::format::Kind;
use std::io::{self, Write};

/// So many of the largest keys are named.
const LARGEST_MAX: usize = 10;

/// Longer keys are shown cut.
const KEY_BYTES_SHOWN_MAX: usize = 60;

/// The types, in the order of the table.
const TYPES: [&str; 7] = ["string", "list", "set", "zset", "hash", "stream", "module"];

fn type_of(kind: Kind) -> usize {
    match kind {
        Kind::String => 0,
        Kind::List | Kind::ListZiplist | Kind::ListOfZiplists | Kind::ListOfPacks => 1,
        Kind::Set | Kind::SetIntegers | Kind::SetPack => 2,
        Kind::SortedSet | Kind::SortedSetText | Kind::SortedSetZiplist | Kind::SortedSetPack => 3,
        Kind::Hash
        | Kind::HashZipmap
        | Kind::HashZiplist
        | Kind::HashPack
        | Kind::HashDeadlines
        | Kind::HashPackDeadlines
        | Kind::HashDeadlinesPreRelease
        | Kind::HashPackDeadlinesPreRelease
        | Kind::HashDeadlinesValkey => 4,
        Kind::Stream1 | Kind::Stream2 | Kind::Stream3 | Kind::Stream4 => 5,
        Kind::ModulePreRelease | Kind::Module => 6,
    }
}

/// Sums over some keys.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    keys: u64,
    with_deadline: u64,
    bytes: u64,
    largest: u64,
}

impl Sums {
    fn add(&mut self, bytes: u64, has_deadline: bool) {
        self.keys += 1;
        self.with_deadline += u64::from(has_deadline);
        self.bytes += bytes;
        self.largest = self.largest.max(bytes);
    }

    fn row(&self, name: &str) -> Vec<String> {
        let mean = self.bytes / self.keys.max(1);
        let numbers = [self.keys, self.with_deadline, self.bytes, mean, self.largest];
        std::iter::once(name.to_owned()).chain(numbers.map(|number| number.to_string())).collect()
    }
}

/// One of the largest keys.
#[derive(Debug)]
struct Large {
    bytes: u64,
    db: u64,
    kind: Kind,
    key: Vec<u8>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Summary {
    by_type: [Sums; TYPES.len()],
    all: Sums,
    /// The largest first.
    largest: Vec<Large>,
}

impl Summary {
    /// Takes a key in.
    pub fn add(&mut self, db: u64, key: &[u8], kind: Kind, bytes: u64, has_deadline: bool) {
        self.by_type[type_of(kind)].add(bytes, has_deadline);
        self.all.add(bytes, has_deadline);
        let rank = self.largest.partition_point(|large| large.bytes >= bytes);
        if rank < LARGEST_MAX {
            self.largest.truncate(LARGEST_MAX - 1);
            self.largest.insert(rank, Large { bytes, db, kind, key: key.to_vec() });
        }
    }

    /// Prints both tables; nothing if there were no keys.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.all.keys == 0 {
            return Ok(());
        }
        let mut rows = vec![["type", "keys", "with TTL", "bytes", "mean", "largest"].map(str::to_owned).to_vec()];
        let seen = TYPES.iter().zip(&self.by_type).filter(|(_, sums)| sums.keys > 0);
        rows.extend(seen.map(|(name, sums)| sums.row(name)));
        rows.push(self.all.row("all"));
        writeln!(out)?;
        print_table(&rows, &[0], out)?;
        writeln!(out, "\nThe largest keys")?;
        let mut rows = vec![["bytes", "db", "type", "key"].map(str::to_owned).to_vec()];
        rows.extend(self.largest.iter().map(|large| {
            let name = TYPES[type_of(large.kind)].to_owned();
            vec![large.bytes.to_string(), large.db.to_string(), name, shown(&large.key)]
        }));
        print_table(&rows, &[2, 3], out)
    }
}

/// A key as it may stand in a terminal.
fn shown(key: &[u8]) -> String {
    match key.get(..KEY_BYTES_SHOWN_MAX) {
        Some(start) if key.len() > KEY_BYTES_SHOWN_MAX => format!("{}... ({} bytes)", start.escape_ascii(), key.len()),
        _ => key.escape_ascii().to_string(),
    }
}

/// Columns as wide as they need; those that are named stand at the left, numbers at the right.
fn print_table(rows: &[Vec<String>], left: &[usize], out: &mut dyn Write) -> io::Result<()> {
    let columns = rows[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if left.contains(&column) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_keys_come_first_and_are_few() {
        let mut summary = Summary::default();
        for number in 0..100_u64 {
            let bytes = number * 37 % 101;
            summary.add(number % 3, format!("key {number}").as_bytes(), Kind::SetPack, bytes, number % 4 == 0);
        }
        let sizes: Vec<u64> = summary.largest.iter().map(|large| large.bytes).collect();
        let mut all: Vec<u64> = (0..100).map(|number| number * 37 % 101).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(sizes, all[..LARGEST_MAX]);
        assert_eq!((summary.all.keys, summary.all.with_deadline, summary.all.largest), (100, 25, all[0]));
    }

    #[test]
    fn keys_are_shown_in_letters_and_not_too_long() {
        assert_eq!(shown(b"a\n\xff"), "a\\n\\xff");
        assert_eq!(shown(&[b'x'; 61]), format!("{}... (61 bytes)", "x".repeat(60)));
        assert_eq!(shown(&[b'x'; 60]), "x".repeat(60));
    }

    #[test]
    fn an_empty_dump_has_no_table() {
        let mut out = Vec::new();
        Summary::default().print(&mut out).expect("memory takes all");
        assert!(out.is_empty());
    }
}
