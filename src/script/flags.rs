//! The first line of a script or library (`#!lua name=… flags=…`), and what flags allow.

use crate::base::words::{Word, Words};

/// What a script may do: bits.
pub mod flag {
    pub const NO_WRITES: u32 = 1 << 0;
    pub const ALLOW_OOM: u32 = 1 << 1;
    pub const ALLOW_STALE: u32 = 1 << 2;
    pub const NO_CLUSTER: u32 = 1 << 3;
    pub const ALLOW_CROSS_SLOT: u32 = 1 << 4;
    /// A script without a first line: what it may do is decided call by call.
    pub const UNDECLARED: u32 = 1 << 5;

    /// In the order in which FUNCTION LIST names them.
    pub const NAMES: &[(u32, &str)] = &[
        (NO_WRITES, "no-writes"),
        (ALLOW_OOM, "allow-oom"),
        (ALLOW_STALE, "allow-stale"),
        (NO_CLUSTER, "no-cluster"),
        (ALLOW_CROSS_SLOT, "allow-cross-slot-keys"),
    ];
}

/// The bit of a flag's name.
pub fn flag_named(name: &[u8]) -> Option<u32> {
    flag::NAMES.iter().find(|(_, known)| known.as_bytes() == name).map(|(bit, _)| *bit)
}

/// The words of the first line if there is one, and where the rest begins (at its line end, so that lines keep their
/// numbers).
fn first_line(code: &[u8]) -> Option<(Option<Vec<Vec<u8>>>, usize)> {
    if !code.starts_with(b"#!") {
        return None;
    }
    let end = memchr::memchr(b'\n', code)?;
    let line = &code[..end];
    let (mut words, mut scratch, mut found) = (Words::of(line), Vec::new(), Vec::new());
    loop {
        match words.next(&mut scratch) {
            Ok(None) => return Some((Some(found), end)),
            Ok(Some(Word::Plain(range))) => found.push(line[range].to_vec()),
            Ok(Some(Word::Unquoted(range))) => found.push(scratch[range].to_vec()),
            Err(_) => return Some((None, end)),
        }
    }
}

/// The flags of a script for EVAL, and where its code begins. Errors are texts without a code.
pub fn of_script(code: &[u8]) -> Result<(u32, usize), Vec<u8>> {
    if !code.starts_with(b"#!") {
        return Ok((flag::UNDECLARED, 0));
    }
    let Some((words, begin)) = first_line(code) else { return Err(b"Invalid script shebang".to_vec()) };
    let words = words.filter(|words| !words.is_empty()).ok_or_else(|| b"Invalid engine in script shebang".to_vec())?;
    if words[0] != b"#!lua" {
        return Err([b"Unexpected engine in script shebang: ", &*words[0]].concat());
    }
    let mut flags = 0;
    for option in &words[1..] {
        let Some(list) = option.strip_prefix(b"flags=") else {
            return Err([b"Unknown lua shebang option: ", &**option].concat());
        };
        for name in list.split(|byte| *byte == b',').filter(|_| !list.is_empty()) {
            let bit = flag_named(name);
            flags |= bit.ok_or_else(|| [b"Unexpected flag in script shebang: ", name].concat())?;
        }
    }
    Ok((flags, begin))
}

/// What the first line of a library says.
#[derive(Debug, PartialEq, Eq)]
pub struct LibraryHead {
    pub engine: Vec<u8>,
    pub name: Vec<u8>,
    /// Where its code begins.
    pub begin: usize,
}

/// Reads the first line of a library.
pub fn of_library(code: &[u8]) -> Result<LibraryHead, Vec<u8>> {
    if !code.starts_with(b"#!") {
        return Err(b"Missing library metadata".to_vec());
    }
    let invalid = || b"Invalid library metadata".to_vec();
    let (words, begin) = first_line(code).ok_or_else(invalid)?;
    let words = words.filter(|words| !words.is_empty()).ok_or_else(invalid)?;
    let mut name = None;
    for word in &words[1..] {
        if !word.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case(b"name=")) {
            return Err([b"Invalid metadata value given: ", &**word].concat());
        }
        if name.replace(word[5..].to_vec()).is_some() {
            return Err(b"Invalid metadata value, name argument was given multiple times".to_vec());
        }
    }
    let name = name.ok_or_else(|| b"Library name was not given".to_vec())?;
    Ok(LibraryHead { engine: words[0][2..].to_vec(), name, begin })
}

/// Libraries and functions have names of letters, digits and underscores.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_declare_flags() {
        assert_eq!(of_script(b"return 1"), Ok((flag::UNDECLARED, 0)));
        assert_eq!(of_script(b"#!lua\nreturn 1"), Ok((0, 5)));
        assert_eq!(of_script(b"#!lua flags=\nx"), Ok((0, 12)));
        assert_eq!(
            of_script(b"#!lua flags=no-writes,allow-oom\nx").map(|x| x.0),
            Ok(flag::NO_WRITES | flag::ALLOW_OOM)
        );
        let refused = |code: &[u8]| String::from_utf8(of_script(code).expect_err("refused")).expect("text");
        assert_eq!(refused(b"#!lua"), "Invalid script shebang");
        assert_eq!(refused(b"#!not-lua\n"), "Unexpected engine in script shebang: #!not-lua");
        assert_eq!(refused(b"#!lua badger=data\n"), "Unknown lua shebang option: badger=data");
        assert_eq!(refused(b"#!lua flags=what?\n"), "Unexpected flag in script shebang: what?");
    }

    #[test]
    fn libraries_have_a_name() {
        let head =
            |engine: &str, name: &str, begin| Ok(LibraryHead { engine: engine.into(), name: name.into(), begin });
        assert_eq!(of_library(b"#!lua name=lib\nx"), head("lua", "lib", 14));
        assert_eq!(of_library(b"#!lua name=\"lib\"\nx"), head("lua", "lib", 16));
        assert_eq!(of_library(b"#! name=lib\nx"), head("", "lib", 11));
        let refused = |code: &[u8]| String::from_utf8(of_library(code).expect_err("refused")).expect("text");
        assert_eq!(refused(b"x"), "Missing library metadata");
        assert_eq!(refused(b"#!lua name=x"), "Invalid library metadata");
        assert_eq!(refused(b"#!lua\n"), "Library name was not given");
        assert_eq!(refused(b"#!lua name=a foo=bar\n"), "Invalid metadata value given: foo=bar");
        assert_eq!(refused(b"#!lua name=a name=b\n"), "Invalid metadata value, name argument was given multiple times");
    }

    #[test]
    fn names() {
        assert!(is_name(b"a_B9"));
        assert!(!is_name(b"") && !is_name(b"a-b") && !is_name(b"a\0"));
    }
}
