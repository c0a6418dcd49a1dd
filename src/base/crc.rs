//! Checksums: CRC-64 (Jones) of RDB files and DUMP payloads, CRC-16 (XMODEM) of cluster key slots.

use crc_fast::{CrcAlgorithm, Digest};

/// A running CRC-64: polynomial 0xad93d23594c935a9 reflected, start 0, nothing added at the end.
#[derive(Clone)]
pub struct Crc64(Digest);

impl Crc64 {
    /// The checksum of no bytes, 0.
    #[expect(clippy::new_without_default, reason = "a checksum is begun, not defaulted")]
    pub fn new() -> Crc64 {
        Crc64(Digest::new(CrcAlgorithm::Crc64Redis))
    }

    /// Takes in more bytes. Large pieces (kilobytes) run at memory speed.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes so far.
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

/// The CRC-64 of these bytes.
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Redis, bytes)
}

/// CRC-16 of polynomial 0x1021, highest bit first, start 0, by bytes.
const CRC16_TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The CRC-16 of these bytes.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| crc << 8 ^ CRC16_TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

/// Slots of a cluster; a power of two.
pub const SLOTS: u16 = 16_384;

/// The cluster slot of a key. If the key has a `{` and a `}` after it with something between, only that counts,
/// so that keys can be made to live together.
pub fn key_slot(key: &[u8]) -> u16 {
    let tag = memchr::memchr(b'{', key).and_then(|open| {
        let inside = &key[open + 1..];
        let close = memchr::memchr(b'}', inside)?;
        if close > 0 { Some(&inside[..close]) } else { None }
    });
    crc16(tag.unwrap_or(key)) & (SLOTS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc64_is_that_of_rdb() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(b""), 0);
        let bytes: Vec<u8> = (0..10_000u32).map(|n| (n * 7) as u8).collect();
        let mut running = Crc64::new();
        for piece in bytes.chunks(997) {
            running.update(piece);
        }
        assert_eq!(running.value(), crc64(&bytes));
        // Bit by bit, from the definition.
        let slow = bytes.iter().fold(0u64, |crc, &byte| {
            (0..8).fold(
                crc ^ u64::from(byte),
                |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x95ac_9329_ac4b_c9b5 } else { crc >> 1 },
            )
        });
        assert_eq!(crc64(&bytes), slow);
    }

    #[test]
    fn slots_are_those_of_cluster() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(key_slot(b"foo"), 12_182);
        assert_eq!(key_slot(b"{foo}bar"), 12_182);
        assert_eq!(key_slot(b"a{foo}{bar}"), 12_182);
        assert_eq!(key_slot(b"{}foo"), crc16(b"{}foo") & (SLOTS - 1));
        assert_eq!(key_slot(b"{foo"), crc16(b"{foo") & (SLOTS - 1));
        assert_eq!(key_slot(b""), 0);
    }
}
