//! What a child tells its parent through the pipe, in messages small enough to arrive whole.
//!
//! ```text
//! | kind 1 | length u16 | body |
//!   progress   keys u64, copied bytes u64        about once a second
//!   done       copied bytes u64                  last, when all went well
//!   trouble    text                              what the log should say
//!   dump       bytes                             a piece of a dump for replicas
//! ```

/// Longest text of a message, bytes: a message stays far below what a pipe writes in one piece.
const TEXT_BYTES_MAX: usize = 1000;

const PROGRESS: u8 = 1;
const DONE: u8 = 2;
const TROUBLE: u8 = 3;
const DUMP: u8 = 4;
const HEAD_BYTES: usize = 3;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    Progress {
        keys: u64,
        copied_bytes: u64,
    },
    Done {
        copied_bytes: u64,
    },
    Trouble(String),
    /// At most `DUMP_BYTES_MAX`.
    Dump(Vec<u8>),
}

/// Most bytes of a dump in one message: its length has 16 bits.
pub const DUMP_BYTES_MAX: usize = 32 * 1024;

impl Report {
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Report::Progress { keys, copied_bytes } => {
                (PROGRESS, [keys.to_le_bytes(), copied_bytes.to_le_bytes()].concat())
            }
            Report::Done { copied_bytes } => (DONE, copied_bytes.to_le_bytes().to_vec()),
            Report::Dump(bytes) => (DUMP, bytes.clone()),
            Report::Trouble(text) => (TROUBLE, text.as_bytes()[..text.len().min(TEXT_BYTES_MAX)].to_vec()),
        };
        let mut message = vec![kind];
        message.extend_from_slice(&(body.len() as u16).to_le_bytes());
        message.extend_from_slice(&body);
        message
    }
}

/// Takes whole messages out of bytes as they arrive.
#[derive(Debug, Default)]
pub struct Inbox(Vec<u8>);

impl Inbox {
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole message. One of an unknown kind is passed over: both ends are the same program.
    pub fn next(&mut self) -> Option<Report> {
        loop {
            let &[kind, low, high] = self.0.first_chunk::<HEAD_BYTES>()?;
            let end = HEAD_BYTES + usize::from(u16::from_le_bytes([low, high]));
            let body = self.0.get(HEAD_BYTES..end)?;
            let word = |at: usize| body.get(at..at + 8).map(|b| u64::from_le_bytes(b.try_into().expect("eight bytes")));
            let report = match kind {
                PROGRESS => word(0).zip(word(8)).map(|(keys, copied_bytes)| Report::Progress { keys, copied_bytes }),
                DONE => word(0).map(|copied_bytes| Report::Done { copied_bytes }),
                DUMP => Some(Report::Dump(body.to_vec())),
                TROUBLE => Some(Report::Trouble(String::from_utf8_lossy(body).into_owned())),
                _ => None,
            };
            self.0.drain(..end);
            if report.is_some() {
                return report;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_any_split() {
        let sent = [
            Report::Progress { keys: 7, copied_bytes: 1 << 40 },
            Report::Trouble("no space left".to_owned()),
            Report::Dump(vec![7; 300]),
            Report::Done { copied_bytes: 9 },
        ];
        let bytes: Vec<u8> = sent.iter().flat_map(Report::encode).collect();
        for step in 1..bytes.len() {
            let (mut inbox, mut heard) = (Inbox::default(), Vec::new());
            for piece in bytes.chunks(step) {
                inbox.push(piece);
                while let Some(report) = inbox.next() {
                    heard.push(report);
                }
            }
            assert_eq!(heard, sent);
        }
        let long = Report::Trouble("x".repeat(10_000)).encode();
        assert_eq!(long.len(), HEAD_BYTES + TEXT_BYTES_MAX);
    }
}
