//! Glob patterns as Redis understands them: KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET.
//!
//! ```text
//! *        any bytes, none too          [abc] [a-z]   one byte of these; ends may be swapped
//! ?        one byte                     [^a-z]        one byte that is none of these
//! \x       the byte x itself            an unclosed [ is closed by the end of the pattern
//! ```
//!
//! Every part but `*` takes exactly one byte, so only the last `*` ever has to be tried again:
//! the work is at most pattern × text, whatever the pattern. Bytes, not characters.
//! Two quirks are kept: nothing but the empty pattern matches the empty text, and bytes of a range compare as signed.

/// A pattern with more runs of `*` than this matches nothing, once the text leads that far.
const STARS_MAX: u32 = 1000;

/// Whether the whole text matches the pattern.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_as::<false>(pattern, text)
}

/// Whether the whole text matches the pattern, ASCII letters alike in both cases.
pub fn matches_ignoring_case(pattern: &[u8], text: &[u8]) -> bool {
    matches_as::<true>(pattern, text)
}

fn matches_as<const IGNORE_CASE: bool>(pattern: &[u8], text: &[u8]) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut in_pattern, mut in_text) = (0, 0);
    // After the last `*`: where the pattern goes on, and the text position tried last.
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        let rest = &pattern[in_pattern..];
        if rest.first() == Some(&b'*') {
            in_pattern += rest.iter().take_while(|&&byte| byte == b'*').count();
            if in_pattern == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > STARS_MAX || in_text == text.len() {
                return false;
            }
            retry = Some((in_pattern, in_text));
            continue;
        }
        if in_text == text.len() {
            return rest.is_empty();
        }
        match one::<IGNORE_CASE>(rest, text[in_text]) {
            Some(taken) => {
                in_pattern += taken;
                in_text += 1;
            }
            None => {
                let Some((after_star, tried)) = retry else { return false };
                in_pattern = after_star;
                in_text = tried + 1;
                retry = Some((after_star, in_text));
                if in_text == text.len() {
                    return false;
                }
            }
        }
    }
}

/// Matches the first part of the pattern, not a `*`, against one byte: how many bytes of pattern it was.
fn one<const IGNORE_CASE: bool>(pattern: &[u8], byte: u8) -> Option<usize> {
    let fold = |byte: u8| if IGNORE_CASE { byte.to_ascii_lowercase() } else { byte };
    match *pattern {
        [b'?', ..] => Some(1),
        [b'[', ref set @ ..] => one_of::<IGNORE_CASE>(set, byte).map(|taken| taken + 1),
        [b'\\', escaped, ..] if fold(escaped) == fold(byte) => Some(2),
        [b'\\', _, ..] => None,
        [plain, ..] if fold(plain) == fold(byte) => Some(1),
        _ => None,
    }
}

/// Matches a set, given without its `[`, against one byte: how many bytes it was with its `]`.
fn one_of<const IGNORE_CASE: bool>(set: &[u8], byte: u8) -> Option<usize> {
    let fold = |byte: u8| if IGNORE_CASE { byte.to_ascii_lowercase() } else { byte };
    let negated = set.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match set[at..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [one_end, b'-', other_end, ..] => {
                let (low, high) = ((one_end as i8).min(other_end as i8), (one_end as i8).max(other_end as i8));
                found |= (fold(low as u8) as i8..=fold(high as u8) as i8).contains(&(fold(byte) as i8));
                at += 3;
            }
            [plain, ..] => {
                found |= fold(plain) == fold(byte);
                at += 1;
            }
        }
    }
    if found != negated { Some(at) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_redis_matches() {
        let yes = [
            ("", ""),
            ("*", "a"),
            ("**", "abc"),
            ("a*", "a"),
            ("a*c", "abbbc"),
            ("*b*d", "abcd"),
            ("?b?", "abc"),
            ("[a-c]x", "bx"),
            ("[c-a]x", "bx"),
            ("[^a]", "b"),
            ("[^]", "x"),
            ("[abc", "c"),
            ("[a-", "-"),
            ("\\*", "*"),
            ("a\\", "a\\"),
            ("[\\]]", "]"),
            ("h[^e]llo", "hallo"),
            ("*[xy]", "aay"),
            ("user:*:name", "user:1:2:name"),
            ("[a-]", "a"),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
        let no = [
            ("*", ""),
            ("", "a"),
            ("a", "ab"),
            ("a*c", "ab"),
            ("?", "ab"),
            ("[]", "x"),
            ("[^a-z]", "q"),
            ("\\*", "a"),
            ("*a", "ab"),
            ("a*b*c", "abd"),
            ("A", "a"),
            ("a?", "a"),
            ("a[b]", "a"),
        ];
        for (pattern, text) in no {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
        assert!(matches_ignoring_case(b"MaxMem*", b"maxmemory"));
        assert!(matches_ignoring_case(b"[A-C]x", b"bX"));
        assert!(!matches_ignoring_case(b"[\\A]", b"a"));
        assert!(matches(b"[\x7f-\xff]", b"\x00"), "bytes of a range are signed");
    }

    #[test]
    fn abusive_patterns_end_soon() {
        let text = vec![b'a'; 20_000];
        let mut pattern = b"*a".repeat(900);
        pattern.push(b'b');
        assert!(!matches(&pattern, &text));
        assert!(!matches(&b"*a".repeat(1_001), &text));
        assert!(matches(&b"*a".repeat(1_000), &text));
    }

    /// The definition, by recursion, to hold the loop against.
    fn model(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|skip| model(rest, &text[skip..])),
            _ => {
                let [byte, after @ ..] = text else { return false };
                one::<false>(pattern, *byte).is_some_and(|taken| model(&pattern[taken..], after))
            }
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        let mut random = crate::base::random::Random::new(3);
        let mut draw = |from: &[u8], max: u64| -> Vec<u8> {
            (0..random.below(max + 1)).map(|_| from[random.below(from.len() as u64) as usize]).collect()
        };
        for _ in 0..200_000 {
            let (pattern, text) = (draw(b"ab*?[]^-\\c", 9), draw(b"abc-]\\", 7));
            let expected = if text.is_empty() { pattern.is_empty() } else { model(&pattern, &text) };
            assert_eq!(matches(&pattern, &text), expected, "{pattern:?} {text:?}");
        }
    }
}
