//! LCS: the longest subsequence that two strings have in common, by the table of lengths.
//!
//! `length(i, j)` is that of the first i bytes of one and the first j of the other; walking back from the end through the
//! table gives the bytes, and where runs of them stand in both. Of equal ways back, the one that leaves out a byte of the
//! second string is taken: the choice shows in the reply.

use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::spec::flag::READONLY;
use crate::spec::{Group, at, command};
use std::ops::RangeInclusive;

pub const COMMANDS: &[Command] =
    &[command("LCS", "key1:key key2:key#0 [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]", -3)
        .since("7.0.0")
        .group(Group::String)
        .flags(READONLY)
        .keys(at(1).to(1).read_only().access())
        .cost("O(n·m) over the two lengths, in time and in memory")
        .says("The longest common subsequence of two strings.")
        .data(lcs)];

#[derive(Default)]
struct Options {
    length: bool,
    ranges: bool,
    range_lengths: bool,
    range_length_min: u64,
}

fn parse_options(call: &Call) -> Result<Options, Stop> {
    let mut options = Options::default();
    let mut index = 3;
    while index < call.argc() {
        if call.is(index, "IDX") {
            options.ranges = true;
        } else if call.is(index, "LEN") {
            options.length = true;
        } else if call.is(index, "WITHMATCHLEN") {
            options.range_lengths = true;
        } else if call.is(index, "MINMATCHLEN") && index + 1 < call.argc() {
            options.range_length_min = call.integer(index + 1)?.max(0) as u64;
            index += 1;
        } else {
            return Err(fault::SYNTAX);
        }
        index += 1;
    }
    if options.length && options.ranges {
        return Err(Stop::error("ERR If you want both the length and indexes, please just use IDX."));
    }
    Ok(options)
}

fn lcs(call: &mut Call, db: &mut Db) -> Outcome {
    let mut read = |index| match db.read_string(call.key(index)) {
        Ok(string) => Ok(string.map_or(Vec::new(), |string| string.to_vec())),
        Err(wrong) => Err(wrong),
    };
    let (Ok(a), Ok(b)) = (read(1), read(2)) else {
        return Err(Stop::error("ERR The specified keys must contain string values"));
    };
    let options = parse_options(call)?;
    let table_bytes = (a.len() as u128 + 1) * (b.len() as u128 + 1) * size_of::<u32>() as u128;
    if table_bytes > u128::from(call.settings.bulk_bytes_max) {
        return Err(Stop::error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"));
    }
    let table = Table::new(&a, &b);
    let length = i64::from(table.length(a.len(), b.len()));
    if options.length {
        call.reply.integer(length);
        return Ok(());
    }
    if !options.ranges {
        let (common, _) = walk_back(&table, &a, &b);
        call.reply.bulk(&common);
        return Ok(());
    }
    let (_, runs) = walk_back(&table, &a, &b);
    let shown = || runs.iter().filter(|run| run.length() >= options.range_length_min);
    call.reply.map(2);
    call.reply.bulk(b"matches");
    call.reply.array(shown().count());
    for run in shown() {
        call.reply.array(2 + usize::from(options.range_lengths));
        for range in [&run.a, &run.b] {
            call.reply.array(2);
            call.reply.integer(*range.start() as i64);
            call.reply.integer(*range.end() as i64);
        }
        if options.range_lengths {
            call.reply.integer(run.length() as i64);
        }
    }
    call.reply.bulk(b"len");
    call.reply.integer(length);
    Ok(())
}

/// The lengths of all pairs of beginnings, row by row.
struct Table {
    lengths: Vec<u32>,
    row: usize,
}

impl Table {
    fn new(a: &[u8], b: &[u8]) -> Table {
        let row = b.len() + 1;
        let mut lengths = vec![0; (a.len() + 1) * row];
        for (i, byte) in a.iter().enumerate() {
            let (above, below) = lengths[i * row..(i + 2) * row].split_at_mut(row);
            for (j, other) in b.iter().enumerate() {
                below[j + 1] = if byte == other { above[j] + 1 } else { above[j + 1].max(below[j]) };
            }
        }
        Table { lengths, row }
    }

    /// The length for the first `i` bytes and the first `j`.
    fn length(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * self.row + j]
    }
}

/// A run of bytes that stands in both strings without a gap.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    a: RangeInclusive<usize>,
    b: RangeInclusive<usize>,
}

impl Run {
    fn length(&self) -> u64 {
        (self.a.end() - self.a.start() + 1) as u64
    }
}

/// The subsequence itself, and its runs from the last to the first.
fn walk_back(table: &Table, a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Run>) {
    let (mut i, mut j) = (a.len(), b.len());
    let mut common = Vec::new();
    let mut runs: Vec<Run> = Vec::new();
    let mut is_open = false;
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            common.push(a[i - 1]);
            i -= 1;
            j -= 1;
            match runs.last_mut() {
                Some(run) if is_open => *run = Run { a: i..=*run.a.end(), b: j..=*run.b.end() },
                _ => runs.push(Run { a: i..=i, b: j..=j }),
            }
            is_open = true;
        } else {
            if table.length(i - 1, j) > table.length(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
            is_open = false;
        }
    }
    common.reverse();
    (common, runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_manual() {
        let (a, b) = (b"ohmytext", b"mynewtext");
        let (common, runs) = walk_back(&Table::new(a, b), a, b);
        assert_eq!(common, b"mytext");
        assert_eq!(runs, [Run { a: 4..=7, b: 5..=8 }, Run { a: 2..=3, b: 0..=1 }]);
    }
}
