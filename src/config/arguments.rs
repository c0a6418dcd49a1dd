//! The command line: which configuration file, whether standard input is read too, and `--directive value` options.
//!
//! Options become lines of configuration, read after the file and standard input, so that the last word is theirs.
//! A word that begins with `--` names a directive unless the one before still waits for its first value; so values
//! may begin with `--` too, but only the first of them.

use crate::base::words::{split_words, write_quoted};

/// What the program was asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Serve, with this configuration.
    Serve(Sources),
    /// `--version`, `-v`
    Version,
    /// `--help`, `-h`
    Help,
    /// `--check-system`
    CheckSystem,
    /// `--test-memory`, with the megabytes if there is exactly one word more.
    TestMemory(Option<Vec<u8>>),
}

/// Where the configuration comes from, in the order of reading.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The file, as named.
    pub file: Option<Vec<u8>>,
    /// `-` as the first or the last word.
    pub reads_stdin: bool,
    /// The options as lines; `None` if there were no words at all, and the defaults are used.
    pub options: Option<Vec<u8>>,
}

/// Reads the words that follow the program's name.
pub fn parse(words: &[Vec<u8>]) -> Request {
    let Some(first) = words.first() else { return Request::Serve(Sources::default()) };
    match first.as_slice() {
        b"-v" | b"--version" => return Request::Version,
        b"-h" | b"--help" => return Request::Help,
        b"--check-system" => return Request::CheckSystem,
        b"--test-memory" => return Request::TestMemory((words.len() == 2).then(|| words[1].clone())),
        _ => {}
    }
    let file = (!first.starts_with(b"-")).then(|| first.clone());
    let mut options = Options::default();
    let mut reads_stdin = false;
    for (at, word) in words.iter().enumerate().skip(usize::from(file.is_some())) {
        if word == b"-" && (at == 0 || at == words.len() - 1) {
            reads_stdin = true;
        } else if options.has_value && word.starts_with(b"--") {
            options.begin(word, words.get(at + 1));
        } else {
            options.add_value(word);
        }
    }
    Request::Serve(Sources { file, reads_stdin, options: Some(options.text) })
}

struct Options {
    text: Vec<u8>,
    /// The directive begun last has a value, so the next `--word` is a directive.
    has_value: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { text: Vec::new(), has_value: true }
    }
}

impl Options {
    fn begin(&mut self, word: &[u8], next: Option<&Vec<u8>>) {
        if !self.text.is_empty() {
            self.text.push(b'\n');
        }
        self.text.extend(&word[2..]);
        self.text.push(b' ');
        // One word may hold name and value both: "--port 6380".
        self.has_value = split_words(word).map_or(true, |parts| parts.len() != 1);
        if self.has_value {
            return;
        }
        // `--save` without a value is what a script makes of an empty list: it means no save points.
        let next_is_directive = next.is_some_and(|next| next.starts_with(b"--"));
        if word.eq_ignore_ascii_case(b"--save") && (next_is_directive || next.is_none()) {
            self.text.extend(b"\"\"");
            self.has_value = next_is_directive;
        }
        if word.eq_ignore_ascii_case(b"--sentinel") && next_is_directive {
            self.has_value = true;
        }
    }

    fn add_value(&mut self, word: &[u8]) {
        write_quoted(&mut self.text, word);
        self.text.push(b' ');
        self.has_value = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], options: &str) {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let Request::Serve(sources) = parse(&words) else { panic!("{words:?}") };
        assert_eq!(String::from_utf8_lossy(&sources.options.expect("there are words")), options, "{words:?}");
    }

    #[test]
    fn options_become_lines() {
        check(&["--port", "1", "--bind", "a", "b"], "port \"1\" \nbind \"a\" \"b\" ");
        check(&["--port 1", "--loglevel verbose"], "port 1 \nloglevel verbose ");
        check(&["--port"], "port ");
        check(&["--port", "--loglevel", "verbose"], "port \"--loglevel\" \"verbose\" ");
        check(&["--port", "--bla", "--loglevel", "verbose"], "port \"--bla\" \nloglevel \"verbose\" ");
        check(&["x.conf", "loglevel", "verbose"], "\"loglevel\" \"verbose\" ");
        check(&["--save", "", "--port", "1"], "save \"\" \nport \"1\" ");
        check(&["--save", "--port", "1"], "save \"\"\nport \"1\" ");
        check(&["--port", "1", "--save"], "port \"1\" \nsave \"\"");
        check(&["--proc-title-template", "--save", "--save", ""], "proc-title-template \"--save\" \nsave \"\" ");
    }

    #[test]
    fn file_and_standard_input() {
        let parse = |words: &[&str]| parse(&words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
        assert_eq!(parse(&[]), Request::Serve(Sources::default()));
        let expected = Sources { file: Some(b"a.conf".to_vec()), reads_stdin: true, options: Some(Vec::new()) };
        assert_eq!(parse(&["a.conf", "-"]), Request::Serve(expected));
        let expected = Sources { file: None, reads_stdin: true, options: Some(b"port \"1\" ".to_vec()) };
        assert_eq!(parse(&["-", "--port", "1"]), Request::Serve(expected));
        assert_eq!(parse(&["-v"]), Request::Version);
        assert_eq!(parse(&["--test-memory"]), Request::TestMemory(None));
    }
}
