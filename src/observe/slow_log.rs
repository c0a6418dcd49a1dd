//! The slow log: the last commands that took longer than a threshold, their arguments cut to a readable size. Two more logs of the
//! same kind have those whose request, or whose reply, was large.
//!
//! Holds `slowlog-max-len` (and its companions') entries at most, each bounded, so that it cannot grow with what clients send.

use std::collections::VecDeque;

/// Arguments kept of a command; if there are more, the last one says how many.
const ARGUMENTS_MAX: usize = 32;
/// Bytes kept of an argument; if there are more, it ends by saying how many.
const ARGUMENT_BYTES_MAX: usize = 128;

/// One slow command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowEntry {
    /// Counts up from the start of the server; a reset does not begin anew.
    pub id: u64,
    /// When it ran, in seconds since the epoch.
    pub at_s: i64,
    /// What made it worth noting: its duration in µs, or its bytes.
    pub figure: u64,
    pub arguments: Vec<Vec<u8>>,
    /// Address and port of the client.
    pub peer: Vec<u8>,
    /// What the client calls itself.
    pub client_name: Vec<u8>,
}

/// The log, the newest entry first.
#[derive(Debug, Default)]
pub struct SlowLog {
    next_id: u64,
    entries: VecDeque<SlowEntry>,
}

impl SlowLog {
    /// Notes a command. The caller has found it slow enough, and has hidden what nobody may read.
    pub fn add<'a>(
        &mut self,
        len_max: u64,
        at_s: i64,
        figure: u64,
        arguments: impl ExactSizeIterator<Item = &'a [u8]>,
        peer: Vec<u8>,
        client_name: Vec<u8>,
    ) {
        let arguments = cut_arguments(arguments);
        self.entries.push_front(SlowEntry { id: self.next_id, at_s, figure, arguments, peer, client_name });
        self.next_id += 1;
        self.trim(len_max);
    }

    /// Drops the oldest entries beyond `len_max`.
    pub fn trim(&mut self, len_max: u64) {
        self.entries.truncate(usize::try_from(len_max).unwrap_or(usize::MAX));
    }

    /// Forgets all entries.
    pub fn reset(&mut self) {
        self.entries.clear();
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &SlowEntry> {
        self.entries.iter()
    }
}

fn cut_arguments<'a>(arguments: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let count = arguments.len();
    let kept = if count > ARGUMENTS_MAX { ARGUMENTS_MAX - 1 } else { count };
    let mut cut: Vec<Vec<u8>> = arguments.take(kept).map(cut_argument).collect();
    if kept < count {
        cut.push(format!("... ({} more arguments)", count - kept).into_bytes());
    }
    cut
}

fn cut_argument(argument: &[u8]) -> Vec<u8> {
    if argument.len() <= ARGUMENT_BYTES_MAX {
        return argument.to_vec();
    }
    let rest = format!("... ({} more bytes)", argument.len() - ARGUMENT_BYTES_MAX);
    [&argument[..ARGUMENT_BYTES_MAX], rest.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(commands: &[&[&[u8]]], len_max: u64) -> SlowLog {
        let mut log = SlowLog::default();
        for command in commands {
            log.add(len_max, 1, 20_000, command.iter().copied(), Vec::new(), Vec::new());
        }
        log
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let mut log = log_of(&[&[b"a"], &[b"b"], &[b"c"]], 2);
        let ids: Vec<u64> = log.newest_first().map(|entry| entry.id).collect();
        assert_eq!(ids, [2, 1]);
        log.trim(1);
        assert_eq!(log.len(), 1);
        log.reset();
        log.add(0, 1, 1, [&b"d"[..]].into_iter(), Vec::new(), Vec::new());
        assert!(log.is_empty());
    }

    #[test]
    fn long_commands_are_cut() {
        let words: Vec<String> = (0..33).map(|n| n.to_string()).collect();
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let log = log_of(&[&words, &words[..32]], 10);
        let kept: Vec<&Vec<Vec<u8>>> = log.newest_first().map(|entry| &entry.arguments).collect();
        assert_eq!((kept[0].len(), &kept[0][31][..]), (32, &b"31"[..]));
        assert_eq!((kept[1].len(), &kept[1][31][..]), (32, &b"... (2 more arguments)"[..]));

        let long = [b'A'; 129];
        let log = log_of(&[&[&long[..128], &long]], 10);
        let entry = log.newest_first().next().expect("one was added");
        assert_eq!(entry.arguments[0].len(), 128);
        assert!(entry.arguments[1].ends_with(b"A... (1 more bytes)"));
    }
}
