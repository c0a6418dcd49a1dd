//! Words of the configuration that are not plain numbers: memory sizes and yes/no.

/// Parses a memory size in bytes: digits and an optional unit in any case, `k` `m` `g` of thousands, `kb` `mb` `gb`
/// of 1024s, `b` or none of ones. No digits are 0; too many saturate, as they do in Redis.
pub fn parse_memory_size(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit: u64 = match text[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1_000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let count =
        text[..digits].iter().fold(0u64, |count, byte| count.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
    Some(count.wrapping_mul(unit))
}

/// Parses `yes` or `no`, in any case.
pub fn parse_yes_no(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"yes") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"no") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, size) in [("0", 0), ("100", 100), ("1b", 1), ("2k", 2_000), ("2KB", 2_048), ("100mb", 100 << 20)] {
            assert_eq!(parse_memory_size(text.as_bytes()), Some(size), "{text}");
        }
        for (text, size) in [("1gb", 1 << 30), ("3G", 3_000_000_000), ("1m", 1_000_000), ("", 0)] {
            assert_eq!(parse_memory_size(text.as_bytes()), Some(size), "{text}");
        }
        assert_eq!(parse_memory_size(b"99999999999999999999"), Some(u64::MAX));
        for text in ["-1", "+1", "1.5gb", "1 gb", "1t", "x", "1gbb"] {
            assert_eq!(parse_memory_size(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn yes_and_no() {
        assert_eq!(parse_yes_no(b"yes"), Some(true));
        assert_eq!(parse_yes_no(b"NO"), Some(false));
        assert_eq!(parse_yes_no(b"true"), None);
    }
}
