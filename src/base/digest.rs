//! The digest by which a client compares strings without sending them: XXH3 with 64 bits, as 16 hexadecimal digits.

use xxhash_rust::xxh3::xxh3_64;

/// Digits of a digest.
pub const DIGEST_TEXT_BYTES: usize = 16;

/// The digest of a string.
pub fn digest_text(bytes: &[u8]) -> [u8; DIGEST_TEXT_BYTES] {
    let digest = xxh3_64(bytes);
    std::array::from_fn(|place| {
        let digit = digest >> (60 - 4 * place) & 15;
        b"0123456789abcdef"[digit as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_redis() {
        assert_eq!(&digest_text(b""), b"2d06800538d394c2");
        assert_eq!(&digest_text(b"v"), b"f7042be43fb80714");
        assert_eq!(&digest_text(b"12345"), b"f34099ede96b5581");
    }
}
