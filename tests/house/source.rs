//! Rust source as these tests see it: files, their text without comments and literals, and the paths written in it.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the package.
pub fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A source file: its place relative to the package, its text, and the same text with comments and literals blanked.
pub struct File {
    pub path: String,
    pub text: String,
    pub code: String,
}

impl File {
    fn read(path: &Path) -> File {
        let text = fs::read_to_string(path).expect("a source file is readable");
        let relative = path.strip_prefix(home()).expect("the file is below the package");
        File { path: relative.display().to_string(), code: blank(&text), text }
    }

    /// The modules from the crate's root to this file: `src/exec/call.rs` is `["exec", "call"]`.
    pub fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let parts = inner.split('/').map(str::to_owned).filter(|part| part != "mod");
        if inner == "lib" { Vec::new() } else { parts.collect() }
    }

    pub fn line_of(&self, offset: usize) -> usize {
        self.code.as_bytes()[..offset].iter().filter(|&&b| b == b'\n').count() + 1
    }
}

/// Every `.rs` file below a folder of the package, in order of name.
pub fn rust_files(folder: &str) -> Vec<File> {
    let mut found = Vec::new();
    walk(&home().join(folder), "rs", &mut found);
    found.sort();
    found.iter().map(|path| File::read(path)).collect()
}

/// Adds every file with this extension below a folder.
pub fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a folder is readable").path();
        if path.is_dir() {
            walk(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

/// The text with comments, strings and character literals replaced by blanks; lines and offsets stay.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        if let Some(end) = end {
            for byte in &mut out[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        // A word is stepped over whole, so that the `r` of `for"` is not taken for a raw string's.
        at = end.unwrap_or_else(|| at + word_length(&bytes[at..]).max(1));
    }
    String::from_utf8(out).expect("only whole literals were replaced")
}

fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80).count()
}

/// Where the comment or literal that begins at `at` ends; `None` where none begins.
fn literal_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let until = |mark: &[u8], from: usize| {
        let found = rest[from..].windows(mark.len()).position(|w| w == mark);
        at + found.map_or(rest.len(), |i| from + i + mark.len())
    };
    match rest {
        [b'/', b'/', ..] => Some(until(b"\n", 0) - 1),
        [b'/', b'*', ..] => Some(until(b"*/", 2)),
        [b'"', ..] => Some(quoted_end(bytes, at + 1)),
        [b'b', b'"', ..] | [b'c', b'"', ..] => Some(quoted_end(bytes, at + 2)),
        [b'r', b'"' | b'#', ..] => raw_end(bytes, at + 1),
        [b'b', b'r', b'"' | b'#', ..] => raw_end(bytes, at + 2),
        [b'b', b'\'', ..] => Some(character_end(bytes, at + 2)),
        // A lifetime has no closing quote behind its first character.
        [b'\'', b'\\', ..] => Some(character_end(bytes, at + 1)),
        [b'\'', first, ..] if *first >= 0x80 => Some(character_end(bytes, at + 1)),
        [b'\'', _, b'\'', ..] => Some(at + 3),
        _ => None,
    }
}

fn quoted_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn character_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'\'' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// The end of a raw string whose hashes and quote begin at `at`; `None` for a raw identifier (`r#type`).
fn raw_end(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at..].iter().take_while(|&&b| b == b'#').count();
    if bytes.get(at + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = at + hashes + 1;
    let found = bytes[body..].windows(close.len()).position(|w| w == close.as_slice());
    Some(found.map_or(bytes.len(), |i| body + i + close.len()))
}

/// A word, `::`, or a single other character, with its offset.
pub struct Token<'c> {
    pub text: &'c str,
    pub at: usize,
}

pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let length = match word_length(&bytes[at..]) {
            0 if bytes[at..].starts_with(b"::") => 2,
            0 => 1,
            word => word,
        };
        found.push(Token { text: &code[at..at + length], at });
        at += length;
    }
    found
}

#[test]
fn literals_and_comments_are_blanked() {
    let code = blank(
        "let a = \"crate::x\"; // crate::y\nlet b = b'\\''; let c: &'static str = r#\"q\"#; crate::z /* crate::w */",
    );
    assert!(
        code.contains("crate::z")
            && !code.contains("crate::x")
            && !code.contains("crate::y")
            && !code.contains("crate::w")
    );
    assert!(code.contains("'static str"));
    assert_eq!(code.lines().count(), 2);
}
