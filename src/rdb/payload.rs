//! What DUMP hands out and RESTORE takes: one value on its own.
//!
//! ```text
//! kind (1) | value | version (2, low byte first) | CRC-64 of all before (8, low byte first)
//! ```

use super::format::{Dialect, Kind};
use crate::base::crc::crc64;

const VERSION_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 8;
const FOOTER_BYTES: usize = VERSION_BYTES + CHECKSUM_BYTES;

/// Why a payload is refused before its value is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too short, of a later version, or damaged.
    VersionOrChecksum,
    /// The first byte is no kind.
    UnknownKind,
}

/// Puts the footer behind kind and value.
pub fn seal(payload: &mut Vec<u8>, version: u32) {
    payload.extend_from_slice(&(version as u16).to_le_bytes());
    let sum = crc64(payload);
    payload.extend_from_slice(&sum.to_le_bytes());
}

/// Checks the footer and gives the kind and the bytes of the value.
/// Unlike in a file, a checksum of 0 is a checksum.
pub fn open(payload: &[u8], check_sum: bool) -> Result<(Kind, &[u8]), Refusal> {
    let (value, dialect) = without_footer(payload, check_sum)?;
    let (&kind, value) = value.split_first().ok_or(Refusal::UnknownKind)?;
    Ok((Kind::from_byte(kind, dialect).ok_or(Refusal::UnknownKind)?, value))
}

/// Checks the footer and gives what stands before it: records, as FUNCTION DUMP hands them out.
pub fn open_records(payload: &[u8]) -> Result<&[u8], Refusal> {
    without_footer(payload, true).map(|(records, _)| records)
}

fn without_footer(payload: &[u8], check_sum: bool) -> Result<(&[u8], Dialect), Refusal> {
    let split = payload.len().checked_sub(FOOTER_BYTES).ok_or(Refusal::VersionOrChecksum)?;
    let (value, footer) = payload.split_at(split);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let dialect = match u32::from(version) {
        // Redis takes any version that is not too new.
        0 => Dialect::Redis,
        version => Dialect::of(version).ok_or(Refusal::VersionOrChecksum)?,
    };
    let stored = u64::from_le_bytes(footer[VERSION_BYTES..].try_into().expect("the footer has eight bytes left"));
    if check_sum && crc64(&payload[..payload.len() - CHECKSUM_BYTES]) != stored {
        return Err(Refusal::VersionOrChecksum);
    }
    Ok((value, dialect))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::format::{VALKEY_VERSION, VERSION};

    #[test]
    fn what_was_sealed_opens_and_nothing_else() {
        let mut payload = b"\0\x03abc".to_vec();
        seal(&mut payload, VERSION);
        assert_eq!(open(&payload, true), Ok((Kind::String, &b"\x03abc"[..])));
        for at in 0..payload.len() {
            let mut damaged = payload.clone();
            damaged[at] ^= 1;
            assert_eq!(open(&damaged, true), Err(Refusal::VersionOrChecksum));
            assert_eq!(open(&payload[..at], true), Err(Refusal::VersionOrChecksum));
        }
    }

    #[test]
    fn a_payload_of_redis_opens() {
        // SET k 10, DUMP k, in Redis 7.0.15 and 8.0.6.
        for payload in [&b"\0\xc0\n\n\0n\x9fWE\x0e\xaec\xbb"[..], b"\0\xc0\n\x0c\0\xa5\xe9c\x85\xf4\x84\xfd\xf2"] {
            assert_eq!(open(payload, true), Ok((Kind::String, &b"\xc0\n"[..])));
        }
        let mut ours = b"\0\xc0\n".to_vec();
        seal(&mut ours, VERSION);
        assert_eq!(ours, b"\0\xc0\n\x0c\0\xa5\xe9c\x85\xf4\x84\xfd\xf2");
    }

    #[test]
    fn later_versions_and_unknown_kinds_are_refused() {
        let sealed = |kind: u8, version: u16| {
            let mut payload = vec![kind, 0];
            payload.extend_from_slice(&version.to_le_bytes());
            let sum = crc64(&payload);
            payload.extend_from_slice(&sum.to_le_bytes());
            payload
        };
        for version in [14, 79, 81, u16::MAX] {
            assert_eq!(open(&sealed(0, version), true), Err(Refusal::VersionOrChecksum));
        }
        assert_eq!(open(&sealed(22, VALKEY_VERSION as u16), true), Ok((Kind::HashDeadlinesValkey, &[0][..])));
        assert_eq!(open(&sealed(22, 13), true), Ok((Kind::HashDeadlinesPreRelease, &[0][..])));
        assert_eq!(open(&sealed(8, 12), true), Err(Refusal::UnknownKind));
        assert_eq!(open(&sealed(2, 6), true), Ok((Kind::Set, &[0][..])));
    }
}
