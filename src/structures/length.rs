//! A length before its bytes: seven bits a byte, low bits first, the top bit set on all but the last byte.
//! Most are below 128 and take one byte.

/// The longest form: a length of 64 bits.
pub(super) const LENGTH_BYTES_MAX: usize = 10;

/// A length in its bytes.
pub(super) struct Length {
    bytes: [u8; LENGTH_BYTES_MAX],
    count: usize,
}

impl Length {
    #[inline]
    pub(super) fn of(length: usize) -> Length {
        let (mut bytes, mut count, mut left) = ([0; LENGTH_BYTES_MAX], 0, length);
        while left > 0x7f {
            bytes[count] = left as u8 | 0x80;
            left >>= 7;
            count += 1;
        }
        bytes[count] = left as u8;
        Length { bytes, count: count + 1 }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }

    /// The length that stands at an address, and how many bytes it takes.
    ///
    /// # Safety
    /// The bytes of a `Length` stand there.
    #[inline]
    pub(super) unsafe fn read(at: *const u8) -> (usize, usize) {
        // Safety: the last byte alone is below 128, so nothing is read behind it.
        unsafe {
            let first = *at;
            if first < 0x80 {
                return (usize::from(first), 1);
            }
            let (mut length, mut count) = (usize::from(first & 0x7f), 1);
            loop {
                let byte = *at.add(count);
                length |= usize::from(byte & 0x7f) << (7 * count);
                count += 1;
                if byte < 0x80 {
                    return (length, count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (length, count) in
            [(0, 1), (1, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (1 << 40, 6), (usize::MAX, 10)]
        {
            let written = Length::of(length);
            assert_eq!(written.as_bytes().len(), count);
            assert_eq!(unsafe { Length::read(written.as_bytes().as_ptr()) }, (length, count));
        }
    }
}
