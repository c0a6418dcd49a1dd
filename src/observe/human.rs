//! Numbers as INFO prints them for people.

/// Bytes in the unit that fits: `512B`, `1.50K`, `2.00G`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let unit = ((bytes.ilog2() / 10) as usize).min(UNITS.len());
    format!("{:.2}{}", bytes as f64 / (1u64 << (10 * unit)) as f64, UNITS[unit - 1])
}

#[cfg(test)]
mod tests {
    #[test]
    fn units() {
        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (755_128, "737.43K"), (25_276_510_208, "23.54G")]
        {
            assert_eq!(super::bytes(bytes), text);
        }
    }
}
