//! What a replica says to its master before the data comes, line by line.
//!
//! ```text
//!   ▶ PING                                                           ◀ +PONG (or an error that says who may ask)
//!   ▶ [AUTH] REPLCONF listening-port [ip-address] capa eof psync2    ◀ a line each; those to REPLCONF may be errors
//!   ▶ PSYNC id offset                                                ◀ +CONTINUE [id] │ +FULLRESYNC id offset │ -error
//!   ▶ SYNC, to a master that does not know PSYNC                     ◀ (the dump)
//! ```

use std::collections::VecDeque;

/// The longest line of a master, bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What a replica tells of itself.
#[derive(Clone, Debug, Default)]
pub struct Introduction {
    /// The words of AUTH, without its name.
    pub credentials: Vec<Vec<u8>>,
    pub port: u16,
    /// How it wants to be called.
    pub address: Vec<u8>,
    /// The history that it has, and the byte that it wants next; `None`: it has none.
    pub place: Option<(String, i64)>,
    /// It asks the master to step down.
    pub takes_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Await {
    Pong,
    Auth,
    Port,
    Address,
    Capabilities,
    Psync,
}

/// What a line of the master came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// More lines are awaited.
    Nothing,
    Send(Vec<u8>),
    /// There is no way; the link is to be given up. The text is in the log.
    Failed,
    /// Everything comes, as of this offset.
    Full {
        id: String,
        offset: i64,
    },
    /// What is missing comes; the history has this id from now on, if it has another.
    Continue {
        id: Option<String>,
    },
    /// SYNC was sent: everything comes, of no known history.
    OldSync(Vec<u8>),
    /// The master refused to step down.
    TakeOverRefused,
}

/// See the head of the file.
#[derive(Debug)]
pub struct Handshake {
    introduction: Introduction,
    awaits: VecDeque<Await>,
    line: Vec<u8>,
}

impl Handshake {
    /// A handshake and its first words.
    pub fn begin(introduction: Introduction) -> (Handshake, Vec<u8>) {
        let awaits = VecDeque::from([Await::Pong]);
        (Handshake { introduction, awaits, line: Vec::new() }, request(&[b"PING"]))
    }

    /// The id that PSYNC was asked with.
    pub fn asked_id(&self) -> Option<&str> {
        self.introduction.place.as_ref().map(|(id, _)| id.as_str())
    }

    /// Takes bytes up to the end of a line; gives how many, and what the line came to.
    pub fn hear(&mut self, bytes: &[u8]) -> (usize, Said) {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.line.extend_from_slice(bytes);
            let said = if self.line.len() > LINE_BYTES_MAX { Said::Failed } else { Said::Nothing };
            return (bytes.len(), said);
        };
        self.line.extend_from_slice(&bytes[..end]);
        let line = std::mem::take(&mut self.line);
        // The master keeps the link alive by empty lines.
        let line = line.trim_ascii_end();
        (end + 1, if line.is_empty() { Said::Nothing } else { self.hear_line(line) })
    }

    fn hear_line(&mut self, line: &[u8]) -> Said {
        let text = String::from_utf8_lossy(line);
        let is_error = line.first() == Some(&b'-');
        match self.awaits.pop_front() {
            Some(Await::Pong) => self.hear_pong(&text, is_error),
            Some(Await::Auth) if is_error => {
                log::warn!("Unable to AUTH to MASTER: {text}");
                Said::Failed
            }
            Some(Await::Port) if is_error => {
                log::info!("(Non critical) Master does not understand REPLCONF listening-port: {text}");
                Said::Nothing
            }
            Some(Await::Address) if is_error => {
                log::info!("(Non critical) Master does not understand REPLCONF ip-address: {text}");
                Said::Nothing
            }
            Some(Await::Capabilities) => {
                if is_error {
                    log::info!("(Non critical) Master does not understand REPLCONF capa: {text}");
                }
                self.ask_for_data()
            }
            Some(Await::Psync) => self.hear_psync(&text),
            Some(Await::Auth | Await::Port | Await::Address) => Said::Nothing,
            None => Said::Failed,
        }
    }

    fn hear_pong(&mut self, text: &str, is_error: bool) -> Said {
        let may_go_on =
            ["-NOAUTH", "-NOPERM", "-ERR operation not permitted"].iter().any(|code| text.starts_with(code));
        if is_error && !may_go_on {
            log::warn!("Error reply to PING from master: '{text}'");
            return Said::Failed;
        }
        log::info!("Master replied to PING, replication can continue...");
        let mut bytes = Vec::new();
        let own = &self.introduction;
        if !own.credentials.is_empty() {
            let words: Vec<&[u8]> =
                std::iter::once(&b"AUTH"[..]).chain(own.credentials.iter().map(Vec::as_slice)).collect();
            bytes.extend_from_slice(&request(&words));
            self.awaits.push_back(Await::Auth);
        }
        bytes.extend_from_slice(&request(&[b"REPLCONF", b"listening-port", own.port.to_string().as_bytes()]));
        self.awaits.push_back(Await::Port);
        if !own.address.is_empty() {
            bytes.extend_from_slice(&request(&[b"REPLCONF", b"ip-address", &own.address]));
            self.awaits.push_back(Await::Address);
        }
        bytes.extend_from_slice(&request(&[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]));
        self.awaits.push_back(Await::Capabilities);
        Said::Send(bytes)
    }

    fn ask_for_data(&mut self) -> Said {
        self.awaits.push_back(Await::Psync);
        let takes_over = self.introduction.takes_over;
        let (id, offset) = match &self.introduction.place {
            Some((id, offset)) => {
                log::info!("Trying a partial resynchronization (request {id}:{offset}).");
                (id.as_bytes(), offset.to_string())
            }
            None => {
                log::info!("Partial resynchronization not possible (no cached master)");
                (&b"?"[..], "-1".to_owned())
            }
        };
        let words: [&[u8]; 4] = [b"PSYNC", id, offset.as_bytes(), b"FAILOVER"];
        Said::Send(request(&words[..if takes_over { 4 } else { 3 }]))
    }

    fn hear_psync(&mut self, text: &str) -> Said {
        if let Some(place) = text.strip_prefix("+FULLRESYNC") {
            let mut words = place.split_whitespace();
            let place = words.next().zip(words.next().and_then(|offset| offset.parse().ok()));
            return match place {
                Some((id, offset)) if id.len() == super::NO_ID.len() => {
                    log::info!("Full resync from master: {id}:{offset}");
                    Said::Full { id: id.to_owned(), offset }
                }
                _ => {
                    log::warn!("Master replied with wrong +FULLRESYNC syntax.");
                    Said::Failed
                }
            };
        }
        if self.introduction.takes_over && !text.starts_with("+CONTINUE") {
            // Whoever gives the failover up says why.
            return Said::TakeOverRefused;
        }
        if let Some(id) = text.strip_prefix("+CONTINUE") {
            log::info!("Successful partial resynchronization with master.");
            let id = id.trim();
            let id = (id.len() == super::NO_ID.len() && Some(id) != self.asked_id()).then(|| id.to_owned());
            return Said::Continue { id };
        }
        if text.starts_with("-NOMASTERLINK") || text.starts_with("-LOADING") {
            log::info!("Master is currently unable to PSYNC but should be in the future: {text}");
            return Said::Failed;
        }
        if text.starts_with("-ERR") {
            log::info!("Master does not support PSYNC or is in error state (reply: {text})");
        } else {
            log::warn!("Unexpected reply to PSYNC from master: {text}");
        }
        log::info!("Retrying with SYNC...");
        Said::OldSync(b"SYNC\r\n".to_vec())
    }
}

/// A request as the other side reads it.
fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says all that the master says, in pieces of `step` bytes; what was sent, its words one after the other, and how it ended.
    fn talk(introduction: &Introduction, heard: &str, step: usize) -> (String, Said) {
        let (mut handshake, mut sent) = Handshake::begin(introduction.clone());
        let mut end = Said::Nothing;
        for mut piece in heard.as_bytes().chunks(step) {
            while !piece.is_empty() {
                let (used, said) = handshake.hear(piece);
                piece = &piece[used..];
                match said {
                    Said::Nothing => {}
                    Said::Send(bytes) => sent.extend_from_slice(&bytes),
                    said => end = said,
                }
            }
        }
        let sent = String::from_utf8(sent).expect("text");
        let words: Vec<&str> =
            sent.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['*', '$'])).collect();
        (words.join(" "), end)
    }

    #[track_caller]
    fn check(introduction: &Introduction, heard: &str, sent: &str, end: &Said) {
        for step in 1..=heard.len() {
            assert_eq!(talk(introduction, heard, step), (sent.to_owned(), end.clone()), "in pieces of {step}");
        }
    }

    #[test]
    fn everything_is_asked_for_by_who_has_nothing() {
        let id = "c".repeat(40);
        let own = Introduction { port: 7, ..Introduction::default() };
        check(
            &own,
            &format!("+PONG\r\n+OK\r\n-ERR what\r\n\n\n+FULLRESYNC {id} 12\r\n"),
            "PING REPLCONF listening-port 7 REPLCONF capa eof capa psync2 PSYNC ? -1",
            &Said::Full { id: id.clone(), offset: 12 },
        );
    }

    #[test]
    fn who_has_a_place_goes_on_from_there() {
        let (id, other) = ("c".repeat(40), "d".repeat(40));
        let own = Introduction {
            credentials: vec![b"me".to_vec(), b"secret".to_vec()],
            port: 7,
            address: b"here".to_vec(),
            place: Some((id.clone(), 9)),
            takes_over: false,
        };
        let sent = format!(
            "PING AUTH me secret REPLCONF listening-port 7 REPLCONF ip-address here REPLCONF capa eof capa psync2 PSYNC {id} 9"
        );
        let heard = |end: &str| format!("-NOAUTH no\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n{end}\r\n");
        check(&own, &heard("+CONTINUE"), &sent, &Said::Continue { id: None });
        check(&own, &heard(&format!("+CONTINUE {id}")), &sent, &Said::Continue { id: None });
        check(&own, &heard(&format!("+CONTINUE {other}")), &sent, &Said::Continue { id: Some(other) });
        check(&own, &heard("-LOADING dump"), &sent, &Said::Failed);
        check(&own, &heard("-ERR unknown"), &sent, &Said::OldSync(b"SYNC\r\n".to_vec()));
        check(&own, &heard("+FULLRESYNC x"), &sent, &Said::Failed);
    }

    #[test]
    fn a_master_that_lets_nobody_in_is_given_up() {
        let own = Introduction { credentials: vec![b"secret".to_vec()], ..Introduction::default() };
        let sent = "PING AUTH secret REPLCONF listening-port 0 REPLCONF capa eof capa psync2";
        check(&own, "+PONG\r\n-WRONGPASS no\r\n", sent, &Said::Failed);
        check(&own, "-BUSY script\r\n", "PING", &Said::Failed);
    }
}
