//! The keys of a whole call: by the key specifications of its row, and by hand where those cannot tell.
//!
//! Who asks: COMMAND GETKEYS, access control, and whoever must know which keys a request names before it runs.

use super::{Begin, Find, KeySpec, Spec, key_flag};
use crate::base::number::parse_i64;

/// A word of a request that names a key, and what the command does with it (`key_flag` bits; none where nobody can tell).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundKey {
    pub word: usize,
    pub flags: u16,
}

const READ: u16 = key_flag::RO | key_flag::ACCESS;
const READ_AND_CHANGE: u16 = key_flag::RW | key_flag::ACCESS | key_flag::UPDATE;
const OVERWRITE: u16 = key_flag::OW | key_flag::UPDATE;

/// Adds the keys among `words` words (the name is word 0) to `found`; false when the words do not fit the command, and then
/// `found` is as it was. `word` gives a word by its index.
pub fn find_keys<'w>(
    spec: &Spec,
    words: usize,
    word: impl Fn(usize) -> &'w [u8] + Copy,
    found: &mut Vec<FoundKey>,
) -> bool {
    let before = found.len();
    let varies = spec.key_specs().any(|key_spec| key_spec.flags & key_flag::VARIABLE_FLAGS != 0);
    if !varies && by_specs(spec, words, word, found) {
        return found.len() > before;
    }
    found.truncate(before);
    by_hand(spec, words, word, found);
    found.len() > before
}

/// As `find_keys`, shard channels with them: all that a cluster finds the slot of a call by.
pub fn find_slotted<'w>(spec: &Spec, words: usize, word: impl Fn(usize) -> &'w [u8] + Copy, found: &mut Vec<FoundKey>) {
    find_keys(spec, words, word, found);
    let channels = spec.key_specs.iter().flatten().filter(|key_spec| key_spec.flags & key_flag::NOT_KEY != 0);
    channels.for_each(|key_spec| {
        one_spec(key_spec, words, word, found);
    });
}

impl Spec {
    /// The key specifications that are about keys: a channel of sharded pub/sub only looks like one.
    pub fn key_specs(&self) -> impl Iterator<Item = &KeySpec> {
        self.key_specs.iter().flatten().filter(|key_spec| key_spec.flags & key_flag::NOT_KEY == 0)
    }
}

/// True unless a specification does not fit the words, or does not tell all.
fn by_specs<'w>(spec: &Spec, words: usize, word: impl Fn(usize) -> &'w [u8] + Copy, found: &mut Vec<FoundKey>) -> bool {
    spec.key_specs().all(|key_spec| one_spec(key_spec, words, word, found))
}

fn one_spec<'w>(key_spec: &KeySpec, words: usize, word: impl Fn(usize) -> &'w [u8], found: &mut Vec<FoundKey>) -> bool {
    // 1. Where the keys begin.
    let begin = match key_spec.begin {
        Begin::Unknown => return false,
        Begin::Index(index) => usize::from(index),
        Begin::Keyword { word: wanted, from } => {
            let is_wanted = |at: &usize| word(*at).eq_ignore_ascii_case(wanted.as_bytes());
            let found = match usize::try_from(from) {
                Ok(from) => (from..words.saturating_sub(1)).find(is_wanted),
                Err(_) => (2..=words.saturating_sub(from.unsigned_abs().into())).rev().find(is_wanted),
            };
            match found {
                Some(at) => at + 1,
                // An option that was left out names no keys.
                None => return true,
            }
        }
    };
    // 2. Where they end.
    let (first, last, step) = match key_spec.find {
        Find::Unknown => return false,
        Find::Range { last, step, limit } => {
            let end = match (last, limit) {
                (0.., _) => (begin + last as usize) as isize,
                (_, 0) => words as isize + last as isize,
                (_, share) => (begin + words.saturating_sub(begin) / usize::from(share)) as isize + last as isize,
            };
            (begin, end, step)
        }
        Find::Number { number_at, first, step } => {
            let at = begin + usize::from(number_at);
            if at >= words {
                return false;
            }
            let Some(count @ 0..) = parse_i64(word(at)) else { return false };
            let first = begin + usize::from(first);
            let last = count.checked_sub(1).and_then(|n| n.checked_mul(step.into())).unwrap_or(i64::MAX);
            (first, (first as i64).saturating_add(last) as isize, step)
        }
    };
    // 3. All of them are there.
    if first >= words || last < first as isize || last >= words as isize {
        return false;
    }
    found.extend((first..=last as usize).step_by(step.into()).map(|word| FoundKey { word, flags: key_spec.flags }));
    key_spec.flags & key_flag::INCOMPLETE == 0
}

/// The commands whose keys depend on more than specifications can say, and those whose number of keys is written as no other
/// number may be.
fn by_hand<'w>(spec: &Spec, words: usize, word: impl Fn(usize) -> &'w [u8] + Copy, found: &mut Vec<FoundKey>) {
    let is = |at: usize, option: &str| word(at).eq_ignore_ascii_case(option.as_bytes());
    let mut add = |word: usize, flags: u16| found.push(FoundKey { word, flags });
    match spec.name {
        "SET" => add(1, if (3..words).any(|at| is(at, "GET")) { READ_AND_CHANGE } else { OVERWRITE }),
        "BITFIELD" => add(1, if bitfield_only_reads(words, is) { READ } else { READ_AND_CHANGE }),
        "SORT_RO" => add(1, READ),
        "SORT" => {
            add(1, READ);
            if let Some(at) = stored_by_sort(words, is) {
                add(at, OVERWRITE);
            }
        }
        "MIGRATE" => {
            let keys = migrated(words, is, || word(3).is_empty());
            keys.for_each(|at| add(at, key_flag::RW | key_flag::ACCESS | key_flag::DELETE));
        }
        _ => {
            let Some((at, first)) = spec.key_specs().find_map(counted) else { return };
            let count = if at < words { leading_integer(word(at)) } else { 0 };
            let Some(count) = usize::try_from(count).ok().filter(|count| *count >= 1) else { return };
            if first > words || count > words - first {
                return;
            }
            (first..first + count).for_each(|at| add(at, 0));
            if spec.key_specs().next().is_some_and(|first| matches!(first.find, Find::Range { .. })) {
                // What is stored to comes before the number.
                add(1, 0);
            }
        }
    }
}

/// The words where the number of keys and the first of them stand.
fn counted(key_spec: &KeySpec) -> Option<(usize, usize)> {
    match (key_spec.begin, key_spec.find) {
        (Begin::Index(begin), Find::Number { number_at, first, .. }) => {
            Some(((begin + number_at).into(), (begin + first).into()))
        }
        _ => None,
    }
}

fn bitfield_only_reads(words: usize, is: impl Fn(usize, &str) -> bool) -> bool {
    let mut at = 2;
    while at < words {
        let behind = words - at - 1;
        at += match () {
            _ if is(at, "GET") && behind >= 2 => 3,
            _ if is(at, "OVERFLOW") && behind >= 1 => 2,
            _ => return false,
        };
    }
    true
}

/// The last STORE counts, as it does for SORT itself.
fn stored_by_sort(words: usize, is: impl Fn(usize, &str) -> bool) -> Option<usize> {
    let (mut at, mut stored) = (2, None);
    while at < words {
        if is(at, "STORE") && at + 1 < words {
            stored = Some(at + 1);
        }
        at += match () {
            _ if is(at, "LIMIT") => 3,
            _ if is(at, "GET") || is(at, "BY") => 2,
            _ => 1,
        };
    }
    stored
}

/// One key in its place, or all behind KEYS when that place is empty.
fn migrated(
    words: usize,
    is: impl Fn(usize, &str) -> bool,
    place_is_empty: impl Fn() -> bool,
) -> std::ops::Range<usize> {
    let mut at = 6;
    while at < words {
        if is(at, "KEYS") {
            return if place_is_empty() { at + 1..words } else { 0..0 };
        }
        at += match () {
            _ if is(at, "AUTH") => 2,
            _ if is(at, "AUTH2") => 3,
            _ => 1,
        };
    }
    3..4
}

/// The number that a word begins with, as C's `atoi` reads it; 0 if there is none.
fn leading_integer(word: &[u8]) -> i64 {
    let word = word.trim_ascii_start();
    let (sign, digits) = match word {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, word),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    sign * digits.fold(0i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::super::{at, behind, command, counted};
    use super::*;

    #[track_caller]
    fn check(spec: &Spec, line: &str, expected: &[usize]) {
        let words: Vec<&[u8]> = line.split(' ').map(|word| word.trim_matches('"').as_bytes()).collect();
        let mut found = vec![FoundKey { word: 99, flags: 0 }];
        let fits = find_keys(spec, words.len(), |at| words[at], &mut found);
        let places: Vec<usize> = found[1..].iter().map(|key| key.word).collect();
        assert_eq!(places, expected, "{line}");
        assert_eq!(fits, !expected.is_empty(), "{line}");
    }

    #[test]
    fn ranges_and_counts() {
        let mset = command("MSET", "", -3).keys(at(1).to(-1).step(2));
        check(&mset, "MSET a 1 b 2", &[1, 3]);
        let store = command("ZUNIONSTORE", "", -4).keys(at(1)).keys(counted(2));
        check(&store, "ZUNIONSTORE d 2 a b", &[1, 3, 4]);
        check(&store, "ZUNIONSTORE d 3 a b", &[]);
        // A number that only C reads as one: Redis falls back on reading it so.
        check(&store, "ZUNIONSTORE d 02 a b", &[3, 4, 1]);
        check(&store, "ZUNIONSTORE d -1 a b", &[]);
        check(&store, "ZUNIONSTORE d 9223372036854775807 a b", &[]);
        let pfmerge = command("PFMERGE", "", -2).keys(at(1)).keys(at(2).to(-1));
        check(&pfmerge, "PFMERGE d", &[]);
        check(&pfmerge, "PFMERGE d a b", &[1, 2, 3]);
    }

    #[test]
    fn keywords() {
        let radius = command("GEORADIUS", "", -6).keys(at(1)).keys(behind("STORE", 6)).keys(behind("STOREDIST", 6));
        check(&radius, "GEORADIUS k 1 1 1 m", &[1]);
        check(&radius, "GEORADIUS k 1 1 1 m STOREDIST d", &[1, 7]);
        check(&radius, "GEORADIUS k 1 1 1 m STORE", &[1]);
        let mut streams = behind("STREAMS", 1).to(-1);
        streams.find = Find::Range { last: -1, step: 1, limit: 2 };
        let xread = command("XREAD", "", -4).keys(streams);
        check(&xread, "XREAD COUNT 1 STREAMS a b 0 0", &[4, 5]);
        check(&xread, "XREAD COUNT 1 a b 0 0", &[]);
    }

    #[test]
    fn by_hand_where_specifications_do_not_tell() {
        let sort = command("SORT", "", -2).keys(KeySpec { begin: Begin::Unknown, ..at(1) });
        check(&sort, "SORT k", &[1]);
        check(&sort, "SORT k BY STORE GET STORE STORE d STORE e", &[1, 9]);
        let migrate = command("MIGRATE", "", -6).keys(at(3)).keys(behind("KEYS", -2).to(-1).with(key_flag::INCOMPLETE));
        check(&migrate, "MIGRATE h 1 k 0 1", &[3]);
        check(&migrate, "MIGRATE h 1 \"\" 0 1 AUTH keys KEYS a b", &[9, 10]);
        check(&migrate, "MIGRATE h 1 k 0 1 KEYS a b", &[]);
        let bitfield = command("BITFIELD", "", -2).keys(at(1).with(key_flag::VARIABLE_FLAGS));
        check(&bitfield, "BITFIELD k GET u8 0", &[1]);
    }
}
