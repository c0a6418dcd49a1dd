//! The slot of a key in a cluster, and that of a pattern whose keys are all in one.

use super::crc::crc16;

/// Slots of a cluster.
pub const SLOTS: u16 = 16_384;

/// The slot of a key: of what stands between its first braces, if something does.
pub fn slot_of_key(key: &[u8]) -> u16 {
    slot_of(tag_of(key).unwrap_or(key))
}

/// The slot of all keys that a pattern with `*`, `?` and `[…]` can mean, if it is one: the braces stand before those.
pub fn slot_of_pattern(pattern: &[u8]) -> Option<u16> {
    let is_open = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
    match pattern.iter().position(is_open) {
        None => Some(slot_of_key(pattern)),
        Some(end) => tag_of(&pattern[..end]).map(slot_of),
    }
}

/// What stands between the first braces.
fn tag_of(key: &[u8]) -> Option<&[u8]> {
    let start = key.iter().position(|&byte| byte == b'{')? + 1;
    let length = key[start..].iter().position(|&byte| byte == b'}')?;
    (length > 0).then(|| &key[start..start + length])
}

fn slot_of(bytes: &[u8]) -> u16 {
    crc16(bytes) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(slot_of_key(b"123456789"), 12_739);
        assert_eq!(slot_of_key(b"foo"), 12_182);
        assert_eq!(slot_of_key(b"{foo}bar"), slot_of_key(b"foo"));
        assert_ne!(slot_of_key(b"{}foo"), slot_of_key(b"foo"));
    }

    #[test]
    fn a_pattern_has_a_slot_where_its_braces_come_first() {
        assert_eq!(slot_of_pattern(b"{foo}*"), Some(12_182));
        assert_eq!(slot_of_pattern(b"a*{foo}"), None);
        assert_eq!(slot_of_pattern(b"{fo*o}"), None);
        assert_eq!(slot_of_pattern(b"{}*"), None);
        assert_eq!(slot_of_pattern(b"foo"), Some(12_182));
    }
}
