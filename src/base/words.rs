//! A line split into words with quotes, and bytes written as a quoted word: inline requests, configuration files, MONITOR.
//!
//! Words stand apart by white space. `"…"` may hold `\n \r \t \b \a \xHH` and `\` before any byte, `'…'` only `\'`.
//! A quote may begin inside a word; a closing quote ends the word and must be followed by white space or the end.

use std::ops::Range;

/// A quote that was not closed, or was closed in the middle of a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnbalancedQuotes;

/// One word of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word {
    /// The word stands in the line at these positions.
    Plain(Range<usize>),
    /// The word had quotes; without them it stands in the scratch vector at these positions.
    Unquoted(Range<usize>),
}

/// The words of one line, one after the other.
pub struct Words<'line> {
    line: &'line [u8],
    at: usize,
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

impl<'line> Words<'line> {
    /// The words of this line.
    pub fn of(line: &'line [u8]) -> Words<'line> {
        Words { line, at: 0 }
    }

    /// The next word, `None` at the end. What has quotes is appended to `scratch` without them.
    pub fn next(&mut self, scratch: &mut Vec<u8>) -> Result<Option<Word>, UnbalancedQuotes> {
        let rest = &self.line[self.at..];
        self.at += rest.iter().take_while(|&&byte| is_space(byte)).count();
        let start = self.at;
        if start == self.line.len() || self.line[start] == 0 {
            return Ok(None);
        }
        while let Some(&byte) = self.line.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' | 0 => break,
                b'"' | b'\'' => {
                    let from = scratch.len();
                    scratch.extend_from_slice(&self.line[start..self.at]);
                    self.at += 1;
                    self.unquote(byte, scratch)?;
                    return Ok(Some(Word::Unquoted(from..scratch.len())));
                }
                _ => self.at += 1,
            }
        }
        Ok(Some(Word::Plain(start..self.at)))
    }

    /// What stands between here and the closing quote, which must end the word.
    fn unquote(&mut self, quote: u8, scratch: &mut Vec<u8>) -> Result<(), UnbalancedQuotes> {
        loop {
            let (byte, taken) = match (quote, &self.line[self.at..]) {
                (_, []) => return Err(UnbalancedQuotes),
                (b'"', &[b'\\', b'x', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    (hex_value(high) << 4 | hex_value(low), 4)
                }
                (b'"', &[b'\\', escaped, ..]) => (unescape(escaped), 2),
                (b'\'', [b'\\', b'\'', ..]) => (b'\'', 2),
                (_, &[byte, ref after @ ..]) if byte == quote => {
                    self.at += 1;
                    return if after.first().is_none_or(|&next| is_space(next)) {
                        Ok(())
                    } else {
                        Err(UnbalancedQuotes)
                    };
                }
                (_, &[byte, ..]) => (byte, 1),
            };
            scratch.push(byte);
            self.at += taken;
        }
    }
}

fn hex_value(digit: u8) -> u8 {
    char::from(digit).to_digit(16).expect("only hexadecimal digits are asked for") as u8
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// All words of a line, each in a vector of its own.
pub fn split_words(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
    let mut scratch = Vec::new();
    let mut words = Words::of(line);
    let mut all = Vec::new();
    while let Some(word) = words.next(&mut scratch)? {
        all.push(match word {
            Word::Plain(range) => line[range].to_vec(),
            Word::Unquoted(range) => scratch[range].to_vec(),
        });
    }
    Ok(all)
}

/// Appends the bytes as a word in double quotes, escaped so that `split_words` gives them back.
pub fn write_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => {
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
                out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, UnbalancedQuotes> {
        Ok(split_words(line.as_bytes())?.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned()).collect())
    }

    #[test]
    fn words_are_split_as_redis_splits_them() {
        assert_eq!(split("  set  key\tvalue "), Ok(vec!["set".into(), "key".into(), "value".into()]));
        assert_eq!(split(r#"a "b c" 'd e' f"g h""#), Ok(vec!["a".into(), "b c".into(), "d e".into(), "fg h".into()]));
        assert_eq!(split(r#""\x41\n\t\z\"" '\'\n' """#), Ok(vec!["A\n\tz\"".into(), "'\\n".into(), String::new()]));
        assert_eq!(split(r#""\xzz\x4""#), Ok(vec!["xzzx4".into()]));
        assert_eq!(split("a\x0bb \x0c"), Ok(vec!["a\x0bb".into()]));
        assert_eq!(split(""), Ok(vec![]));
        for bad in [r#""abc"#, r#""abc"d"#, "'a'b", r#""a""b""#, r#""a\"#, "'", r#"x"y"z"#] {
            assert_eq!(split(bad), Err(UnbalancedQuotes), "{bad}");
        }
    }

    #[test]
    fn what_was_quoted_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut quoted = Vec::new();
        write_quoted(&mut quoted, &all);
        assert!(quoted.is_ascii());
        assert_eq!(split_words(&quoted), Ok(vec![all]));
        quoted.clear();
        write_quoted(&mut quoted, b"a\"b\n\x01\xff");
        assert_eq!(quoted, br#""a\"b\n\x01\xff""#);
    }
}
