//! Distances as text: doubles with four digits after the point.

use super::integer::write_u64;

/// Appends the number with four digits after the point, in Redis's way: rounded as an integer of 64 bits, half to even,
/// and what does not fit one is the least there is.
pub fn write_f64_4f(out: &mut Vec<u8>, value: f64) {
    const UNIT: u64 = 10_000;
    let scaled = (value * UNIT as f64).round_ties_even();
    let fits = (i64::MIN as f64..-(i64::MIN as f64)).contains(&scaled);
    let scaled = if fits { scaled as i64 } else { i64::MIN };
    if scaled < 0 {
        out.push(b'-');
    }
    let magnitude = scaled.unsigned_abs();
    write_u64(out, magnitude / UNIT);
    // The digits of the fraction behind a 1, which keeps the zeros in front; the point takes its place.
    let point = out.len();
    write_u64(out, magnitude % UNIT + UNIT);
    out[point] = b'.';
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_decimals() {
        let cases = [
            (0.0, "0.0000"),
            (166274.15156, "166274.1516"),
            (0.00005, "0.0000"),
            (0.00015, "0.0001"),
            (1.5, "1.5000"),
            (-0.25, "-0.2500"),
            (-0.00001, "0.0000"),
            (99.99999, "100.0000"),
            (f64::INFINITY, "-922337203685477.5808"),
            (f64::NAN, "-922337203685477.5808"),
        ];
        for (value, expected) in cases {
            let mut out = b"before".to_vec();
            write_f64_4f(&mut out, value);
            assert_eq!(std::str::from_utf8(&out[6..]), Ok(expected), "{value}");
        }
    }
}
