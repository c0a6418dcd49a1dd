//! Settings with a form of their own: save points, output limits, addresses, event classes, and the like.

use super::directive::Directive;
use super::value::{Failure, Kind, Setting, not_allowed, one_word, position};
use crate::base::number::{parse_f64, parse_i64, parse_memory_size};

/// Most addresses that `bind` takes.
const BIND_ADDRESSES_MAX: usize = 16;
/// Bounds of what `oom-score-adj-values` may hold: twice the kernel's range, because the values are added up.
const OOM_SCORE_ADJ_BOUND: i64 = 2000;

/// One pair of `save`: a snapshot begins when `changes` were made and `seconds` have passed since the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    pub seconds: i64,
    pub changes: i64,
}

impl Setting for Vec<SavePoint> {
    fn parse(_: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        let words = without_lone_empty(words);
        let bad = || Failure::from("Invalid save parameters");
        if words.len() % 2 == 1 {
            return Err(bad());
        }
        words
            .chunks_exact(2)
            .map(|pair| match (parse_c_integer(pair[0]), parse_c_integer(pair[1])) {
                (Some(seconds @ 1..), Some(changes @ 0..)) => Ok(SavePoint { seconds, changes }),
                _ => Err(bad()),
            })
            .collect()
    }
    fn print(&self, out: &mut Vec<u8>) {
        join(out, self.iter().map(|point| format!("{} {}", point.seconds, point.changes)));
    }
}

/// When unsent replies are too large: at once above `hard_bytes`, after `soft_s` above `soft_bytes`; 0 is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    pub hard_bytes: u64,
    pub soft_bytes: u64,
    pub soft_s: i64,
}

/// `client-output-buffer-limit`, by class of client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    pub normal: OutputLimit,
    pub replica: OutputLimit,
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// The classes with their limits, in the order in which they are printed.
    pub fn classes(&self) -> [(&'static str, OutputLimit); 3] {
        [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)]
    }

    /// Unsent bytes from which any class has a limit; the largest number when none has.
    pub fn least_bytes(&self) -> usize {
        let bounds = self.classes().into_iter().flat_map(|(_, limit)| [limit.hard_bytes, limit.soft_bytes]);
        bounds.filter(|bytes| *bytes > 0).min().map_or(usize::MAX, |bytes| bytes as usize)
    }

    fn class_mut(&mut self, name: &[u8]) -> Option<&mut OutputLimit> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Some(&mut self.normal),
            b"slave" | b"replica" => Some(&mut self.replica),
            b"pubsub" => Some(&mut self.pubsub),
            _ => None,
        }
    }
}

impl Setting for OutputLimits {
    fn parse(_: &Directive, words: &[&[u8]], current: &Self) -> Result<Self, Failure> {
        if words.len() % 4 != 0 {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut limits = *current;
        for part in words.chunks_exact(4) {
            let class =
                limits.class_mut(part[0]).ok_or("Invalid client class specified in buffer limit configuration.")?;
            let numbers = (parse_memory_size(part[1]), parse_memory_size(part[2]), parse_c_integer(part[3]));
            let (Some(hard_bytes), Some(soft_bytes), Some(soft_s @ 0..)) = numbers else {
                return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
            };
            *class = OutputLimit { hard_bytes, soft_bytes, soft_s };
        }
        Ok(limits)
    }
    fn print(&self, out: &mut Vec<u8>) {
        let each = |(name, limit): (&str, OutputLimit)| {
            format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_s)
        };
        join(out, self.classes().into_iter().map(each));
    }
}

/// `bind`: addresses to listen on; one that begins with `-` may fail.
impl Setting for Vec<Vec<u8>> {
    fn parse(_: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        if words.len() > BIND_ADDRESSES_MAX {
            return Err("Too many bind addresses specified.".into());
        }
        Ok(without_lone_empty(words).iter().map(|word| word.to_vec()).collect())
    }
    fn print(&self, out: &mut Vec<u8>) {
        out.extend(self.join(&b' '));
    }
}

/// `notify-keyspace-events`: a set of event classes, in the bits that Redis uses for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceEvents(pub u32);

/// Letters of the event classes with their bits, in the order in which they are printed.
const EVENT_CLASSES: [(u8, u32); 13] = [
    (b'g', 1 << 2),
    (b'$', 1 << 3),
    (b'l', 1 << 4),
    (b's', 1 << 5),
    (b'h', 1 << 6),
    (b'z', 1 << 7),
    (b'x', 1 << 8),
    (b'e', 1 << 9),
    (b't', 1 << 10),
    (b'd', 1 << 13),
    (b'n', 1 << 14),
    (b'o', 1 << 15),
    (b'c', 1 << 16),
];

impl KeyspaceEvents {
    /// Events go to the channel of the key.
    pub const KEYSPACE: u32 = 1 << 0;
    /// Events go to the channel of the event.
    pub const KEYEVENT: u32 = 1 << 1;
    /// A missing key was read.
    pub const KEY_MISS: u32 = 1 << 11;
    /// Events go to the channels that name the fields, too: of the key, of the event, of key and field, of event and key.
    pub const SUBKEYS: [(u8, u32); 4] = [(b'S', 1 << 17), (b'T', 1 << 18), (b'I', 1 << 19), (b'V', 1 << 20)];
    /// What `A` stands for: every class but misses, new keys, and what was overwritten or changed its type.
    pub const ALL: u32 = 0x7fc | 1 << 13;

    fn bit(letter: u8) -> Option<u32> {
        match letter {
            b'A' => Some(Self::ALL),
            b'K' => Some(Self::KEYSPACE),
            b'E' => Some(Self::KEYEVENT),
            b'm' => Some(Self::KEY_MISS),
            _ => EVENT_CLASSES.iter().chain(&Self::SUBKEYS).find(|class| class.0 == letter).map(|class| class.1),
        }
    }
}

impl Setting for KeyspaceEvents {
    fn parse(_: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        // As C reads it: what stands behind a zero byte is not looked at.
        let letters = one_word(words)?.iter().take_while(|&&letter| letter != 0);
        let bits = letters.copied().try_fold(0, |bits, letter| Some(bits | Self::bit(letter)?));
        bits.map(KeyspaceEvents).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into())
    }
    /// `n`, `o` and `c` are not printed beside `A`: so it is in Redis.
    fn print(&self, out: &mut Vec<u8>) {
        let has = |bits: u32| self.0 & bits == bits;
        if has(Self::ALL) {
            out.push(b'A');
        } else {
            out.extend(EVENT_CLASSES.iter().filter(|class| has(class.1)).map(|class| class.0));
        }
        let others = [(b'K', Self::KEYSPACE), (b'E', Self::KEYEVENT), (b'm', Self::KEY_MISS)];
        out.extend(others.iter().chain(&Self::SUBKEYS).filter(|other| has(other.1)).map(|other| other.0));
    }
}

/// `latency-tracking-info-percentiles`.
impl Setting for Vec<f64> {
    fn parse(_: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        let each = |word: &&[u8]| {
            let percentile = parse_f64(word).ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            if !(0.0..=100.0).contains(&percentile) {
                return Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into());
            }
            Ok(percentile)
        };
        without_lone_empty(words).iter().map(each).collect()
    }
    fn print(&self, out: &mut Vec<u8>) {
        join(out, self.iter().map(|percentile| print_percentile(*percentile)));
    }
}

/// A percentile as CONFIG GET and INFO print it: up to six decimals, no zeros at the end.
pub fn print_percentile(percentile: f64) -> String {
    format!("{percentile:.6}").trim_end_matches('0').trim_end_matches('.').to_string()
}

/// `oom-score-adj-values`: for a master, a replica, a child.
impl Setting for [i32; 3] {
    fn parse(_: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        if words.len() != 3 {
            return Err("wrong number of arguments".into());
        }
        let mut values = [0; 3];
        for (value, word) in values.iter_mut().zip(words) {
            let number = parse_c_integer(word).filter(|n| (-OOM_SCORE_ADJ_BOUND..=OOM_SCORE_ADJ_BOUND).contains(n));
            *value = number.ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")? as i32;
        }
        Ok(values)
    }
    fn print(&self, out: &mut Vec<u8>) {
        join(out, self.iter().map(i32::to_string));
    }
}

/// The server that a replica follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterAddress {
    pub host: Vec<u8>,
    pub port: u16,
}

/// `replicaof host port`; `no one` is none.
impl Setting for Option<MasterAddress> {
    fn parse(_: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        // Nobody is what the default, an empty value, stands for; CONFIG SET cannot reach this row.
        if words.is_empty() {
            return Ok(None);
        }
        let [host, port] = words else { return Err("wrong number of arguments".into()) };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(None);
        }
        let port = parse_c_integer(port).and_then(|port| u16::try_from(port).ok()).ok_or("Invalid master port")?;
        Ok(Some(MasterAddress { host: host.to_vec(), port }))
    }
    fn print(&self, out: &mut Vec<u8>) {
        if let Some(master) = self {
            out.extend(&master.host);
            out.extend(format!(" {}", master.port).bytes());
        }
    }
}

/// `shutdown-on-sigint`, `shutdown-on-sigterm`: how the server leaves on a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownWords {
    pub save: bool,
    pub nosave: bool,
    pub now: bool,
    pub force: bool,
}

impl ShutdownWords {
    /// The words, in the order in which they are printed.
    pub const WORDS: &[&str] = &["default", "save", "nosave", "now", "force"];
}

impl Setting for ShutdownWords {
    fn parse(row: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        let mut how = ShutdownWords::default();
        if words.is_empty() {
            return Err(not_allowed(row));
        }
        for word in words {
            match position(row, word)? {
                0 => {}
                1 => how.save = true,
                2 => how.nosave = true,
                3 => how.now = true,
                _ => how.force = true,
            }
        }
        if how.save && how.nosave {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
        }
        Ok(how)
    }
    fn print(&self, out: &mut Vec<u8>) {
        let held = [*self == ShutdownWords::default(), self.save, self.nosave, self.now, self.force];
        let words = Self::WORDS.iter().zip(held).filter(|(_, is_held)| *is_held);
        join(out, words.map(|(word, _)| word.to_string()));
    }
}

/// `maxmemory-clients`: bytes, or a percentage of `maxmemory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryShare {
    Bytes(u64),
    Percent(u8),
}

impl Default for MemoryShare {
    fn default() -> Self {
        MemoryShare::Bytes(0)
    }
}

impl MemoryShare {
    /// The share in bytes; 0 is no limit.
    pub fn bytes_of(self, maxmemory_bytes: u64) -> u64 {
        match self {
            MemoryShare::Bytes(bytes) => bytes,
            MemoryShare::Percent(percent) => (u128::from(maxmemory_bytes) * u128::from(percent) / 100) as u64,
        }
    }
}

impl Setting for MemoryShare {
    fn parse(row: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        debug_assert!(matches!(row.kind, Kind::MemoryOrPercent));
        let word = one_word(words)?;
        if let Some(bytes) = parse_memory_size(word) {
            return Ok(MemoryShare::Bytes(bytes));
        }
        let percent = word.strip_suffix(b"%").and_then(parse_i64).filter(|percent| *percent >= 0);
        match percent.ok_or("argument must be a memory or percent value")? {
            0 => Ok(MemoryShare::Bytes(0)),
            percent @ 1..=100 => Ok(MemoryShare::Percent(percent as u8)),
            _ => Err("percentage argument must be less or equal to 100".into()),
        }
    }
    fn print(&self, out: &mut Vec<u8>) {
        let text = match self {
            MemoryShare::Bytes(bytes) => bytes.to_string(),
            MemoryShare::Percent(percent) => format!("{percent}%"),
        };
        out.extend(text.bytes());
    }
}

/// `unixsocketperm`: a file mode, read and printed in octal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl Setting for FileMode {
    fn parse(row: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
        u32::parse(row, words, &0).map(FileMode)
    }
    fn print(&self, out: &mut Vec<u8>) {
        out.extend(format!("{:o}", self.0).bytes());
    }
}

/// A lone empty word means no words at all.
fn without_lone_empty<'a, 'b>(words: &'a [&'b [u8]]) -> &'a [&'b [u8]] {
    if matches!(words, [[]]) { &[] } else { words }
}

/// Reads a number as C's `strtoll` does: white space and a sign before it, saturating, and no digits are 0.
fn parse_c_integer(word: &[u8]) -> Option<i64> {
    let digits = word.trim_ascii_start();
    if word.is_empty() {
        return Some(0);
    }
    let (is_negative, digits) = match digits {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let step = |value: i64, digit: &u8| value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    let value = digits.iter().fold(0, step);
    Some(if is_negative { -value } else { value })
}

fn join(out: &mut Vec<u8>, parts: impl Iterator<Item = String>) {
    let mut is_first = true;
    for part in parts {
        if !std::mem::take(&mut is_first) {
            out.push(b' ');
        }
        out.extend(part.bytes());
    }
}
