//! How often which error was answered, by its code: the first word of the reply.
//!
//! A script can make up codes, so their number is bounded: beyond the bound counting stops until CONFIG RESETSTAT,
//! and INFO says so. The server logs the codes then, because a flood of new ones is somebody's mistake.

use std::collections::BTreeMap;

/// Codes counted at most.
const CODES_MAX: usize = 128;

/// Counts by code.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    counts: BTreeMap<Vec<u8>, u64>,
    is_stopped: bool,
    /// Codes that were dropped when there was one too many, since the last reset.
    dropped: u64,
}

/// What counting an error came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It was counted, or counting had stopped before.
    Quietly,
    /// This was one code too many; these were the codes so far. To be logged.
    StoppedNow(Vec<Vec<u8>>),
}

impl Errors {
    /// Counts an error reply, given without its leading `-`.
    pub fn count(&mut self, reply: &[u8]) -> Counted {
        if self.is_stopped {
            return Counted::Quietly;
        }
        let code = reply.split(|byte| *byte == b' ').next().unwrap_or_default();
        if let Some(count) = self.counts.get_mut(code) {
            *count += 1;
        } else if self.counts.len() < CODES_MAX {
            self.counts.insert(code.to_vec(), 1);
        } else {
            self.is_stopped = true;
            self.dropped += CODES_MAX as u64;
            return Counted::StoppedNow(std::mem::take(&mut self.counts).into_keys().collect());
        }
        Counted::Quietly
    }

    /// Codes with their counts, in the order of the alphabet.
    pub fn counts(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let stopped = self.is_stopped.then_some((&b"ERRORSTATS_DISABLED"[..], 1));
        self.counts.iter().map(|(code, count)| (&code[..], *count)).chain(stopped)
    }

    /// Codes that were dropped because there were too many.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        *self = Errors::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_until_there_are_too_many() {
        let mut errors = Errors::default();
        for n in 0..CODES_MAX {
            assert_eq!(errors.count(format!("E{n} text").as_bytes()), Counted::Quietly);
        }
        errors.count(b"E0");
        assert_eq!(errors.counts().next(), Some((&b"E0"[..], 2)));
        assert!(matches!(errors.count(b"NEW one"), Counted::StoppedNow(codes) if codes.len() == CODES_MAX));
        assert_eq!(errors.count(b"NEWER one"), Counted::Quietly);
        assert_eq!(errors.dropped(), CODES_MAX as u64);
        assert_eq!(errors.counts().collect::<Vec<_>>(), [(&b"ERRORSTATS_DISABLED"[..], 1)]);
        errors.reset();
        assert_eq!(errors.counts().count(), 0);
    }
}
