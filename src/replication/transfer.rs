//! A dump that comes from the master.
//!
//! ```text
//!   \n \n …  $<length>\r\n   <length> bytes                       from a file
//!   \n \n …  $EOF:<mark>\r\n  bytes …  <mark>                     from a child, of unknown length; the mark has 40 bytes
//! ```

use std::io;

const MARK_BYTES: usize = 40;
/// The longest first line, bytes.
const LINE_BYTES_MAX: usize = 1024;

enum Form {
    /// The first line is not whole.
    Unknown(Vec<u8>),
    Sized {
        left: u64,
    },
    /// The last bytes that came: they may be the mark.
    Marked {
        mark: [u8; MARK_BYTES],
        tail: Vec<u8>,
    },
}

/// What bytes came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival<'b> {
    Partial,
    /// The dump is whole; what follows it.
    Whole(&'b [u8]),
}

/// See the head of the file.
pub struct Transfer {
    form: Form,
    /// Where it goes, as the log names it.
    to: &'static str,
    /// Bytes of the dump; `None`: nobody knows.
    pub total: Option<u64>,
    pub read: u64,
}

impl Transfer {
    pub fn to_disk() -> Transfer {
        Transfer { form: Form::Unknown(Vec::new()), to: "disk", total: None, read: 0 }
    }

    pub fn to_parser() -> Transfer {
        Transfer { to: "parser", ..Transfer::to_disk() }
    }

    /// Takes bytes and hands those of the dump to `sink`. The error is a line for the log.
    pub fn hear<'b>(
        &mut self,
        mut bytes: &'b [u8],
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Arrival<'b>, String> {
        while let Form::Unknown(line) = &mut self.form {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                line.extend_from_slice(bytes);
                return if line.len() > LINE_BYTES_MAX { Err(bad_protocol(line)) } else { Ok(Arrival::Partial) };
            };
            line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(line);
            self.begin(line.trim_ascii_end())?;
        }
        let failed = |error: io::Error| {
            let text = crate::config::load::system_text(&error);
            format!(
                "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA synchronization: {text}"
            )
        };
        match &mut self.form {
            Form::Unknown(_) => unreachable!("left above"),
            Form::Sized { left } => {
                let count = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                sink(&bytes[..count]).map_err(failed)?;
                *left -= count as u64;
                self.read += count as u64;
                Ok(if *left == 0 { Arrival::Whole(&bytes[count..]) } else { Arrival::Partial })
            }
            Form::Marked { mark, tail } => {
                tail.extend_from_slice(bytes);
                let sure = tail.len().saturating_sub(MARK_BYTES);
                sink(&tail[..sure]).map_err(failed)?;
                self.read += sure as u64;
                tail.drain(..sure);
                Ok(if tail[..] == mark[..] { Arrival::Whole(&[]) } else { Arrival::Partial })
            }
        }
    }

    fn begin(&mut self, line: &[u8]) -> Result<(), String> {
        let (text, to) = (String::from_utf8_lossy(line), self.to);
        match line {
            // The master keeps the link alive while it writes the dump.
            [] => {}
            [b'-', ..] => return Err(format!("MASTER aborted replication with an error: {}", &text[1..])),
            [b'$', b'E', b'O', b'F', b':', mark @ ..] if mark.len() == MARK_BYTES => {
                log::info!("MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to {to}");
                let mark = mark.try_into().expect("of this length");
                self.form = Form::Marked { mark, tail: Vec::new() };
            }
            [b'$', ..] => {
                let total: u64 = text[1..].parse().map_err(|_| bad_protocol(line))?;
                log::info!("MASTER <-> REPLICA sync: receiving {total} bytes from master to {to}");
                self.total = Some(total);
                self.form = Form::Sized { left: total };
            }
            _ => return Err(bad_protocol(line)),
        }
        Ok(())
    }
}

fn bad_protocol(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    format!(
        "Bad protocol from MASTER, the first byte is not '$' (we received '{line}'), are you sure the host and port are right?"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    type DumpAndRest = (Vec<u8>, Vec<u8>);

    /// The dump and what follows it, heard in pieces of `step` bytes.
    fn receive(heard: &[u8], step: usize) -> Result<Option<DumpAndRest>, String> {
        let (mut transfer, mut dump) = (Transfer::to_disk(), Vec::new());
        let mut rest: Option<Vec<u8>> = None;
        for piece in heard.chunks(step) {
            if let Some(rest) = &mut rest {
                rest.extend_from_slice(piece);
                continue;
            }
            let mut sink = |bytes: &[u8]| {
                dump.extend_from_slice(bytes);
                Ok(())
            };
            if let Arrival::Whole(behind) = transfer.hear(piece, &mut sink)? {
                rest = Some(behind.to_vec());
            }
        }
        assert_eq!(transfer.read, dump.len() as u64);
        Ok(rest.map(|rest| (dump, rest)))
    }

    #[test]
    fn a_dump_of_known_length_ends_where_it_says() {
        let heard = b"\n\n$5\r\nHELLO*1\r\n";
        for step in 1..=heard.len() {
            assert_eq!(receive(heard, step), Ok(Some((b"HELLO".to_vec(), b"*1\r\n".to_vec()))));
        }
        assert_eq!(receive(b"$5\r\nHELL", 3), Ok(None));
    }

    #[test]
    fn a_dump_of_unknown_length_ends_with_its_mark() {
        let mark = "0123456789abcdef0123456789abcdef01234567";
        let heard = format!("\n$EOF:{mark}\r\nHELLO 01234{mark}");
        for step in 1..=heard.len() {
            assert_eq!(receive(heard.as_bytes(), step), Ok(Some((b"HELLO 01234".to_vec(), Vec::new()))));
        }
    }

    #[test]
    fn what_is_no_dump_is_refused() {
        let error = receive(b"-ERR no\r\n", 100).expect_err("an error");
        assert_eq!(error, "MASTER aborted replication with an error: ERR no");
        assert!(receive(b"+OK\r\n", 100).expect_err("no dump").starts_with("Bad protocol from MASTER"));
        assert!(receive(b"$-1\r\n", 100).is_err());
        assert!(receive(&[b'x'; 4096], 100).is_err());
    }
}
