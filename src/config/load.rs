//! Reading the configuration at start: file, standard input and options, line by line.
//!
//! A line is a directive and its words; `#` begins a comment line. `include` reads another file in place, `save` lines
//! add up, and a later line replaces an earlier one otherwise. The first line that is wrong stops the start.
//! Files, the working directory, commands and users are reached through `Outside`.

use super::arguments::Sources;
use super::directive::{Directive, find};
use super::table::Settings;
use super::value::Failure;
use crate::base::words::split_words;
use std::fmt;
use std::io;

/// Includes inside includes, at most: more than anybody nests, and an end for a file that includes itself.
const INCLUDE_DEPTH_MAX: usize = 64;

/// Directives of older versions, accepted with one value and ignored.
const FORGOTTEN: [&str; 4] =
    ["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands", "io-threads-do-reads"];

/// What loading needs of the world and of the services whose directives stand in the same file.
pub trait Outside {
    /// The whole of a file.
    fn read_file(&mut self, path: &[u8]) -> io::Result<Vec<u8>>;
    /// The whole of standard input.
    fn read_stdin(&mut self) -> io::Result<Vec<u8>>;
    /// The paths that match a pattern, sorted.
    fn expand_pattern(&mut self, pattern: &[u8]) -> Vec<Vec<u8>>;
    /// Makes a directory the working one and gives its absolute path.
    fn change_dir(&mut self, path: &[u8]) -> io::Result<Vec<u8>>;
    /// Can the log be appended to this file?
    fn try_log_file(&mut self, path: &[u8]) -> io::Result<()>;
    /// `rename-command from to`; an empty `to` removes the command.
    fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), Failure>;
    /// `user name rule ...`; the words after `user`.
    fn add_user(&mut self, words: &[Vec<u8>]) -> Result<(), Failure>;
}

/// Why the server cannot start with this configuration; displays as the operator sees it.
#[derive(Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A line is wrong, or, without one, the whole does not fit together.
    Fatal { line: Option<(usize, Vec<u8>)>, reason: Failure },
    /// A file cannot be read.
    CannotOpen { path: Vec<u8>, reason: String },
}

impl fmt::Display for LoadError {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            LoadError::Fatal { line, reason } => {
                writeln!(out, "\n*** FATAL CONFIG FILE ERROR (Gyre {}) ***", env!("CARGO_PKG_VERSION"))?;
                if let Some((number, text)) = line {
                    writeln!(out, "Reading the configuration file, at line {number}")?;
                    writeln!(out, ">>> '{}'", String::from_utf8_lossy(text))?;
                }
                writeln!(out, "{reason}")
            }
            LoadError::CannotOpen { path, reason } => {
                write!(out, "Fatal error, can't open config file '{}': {reason}", String::from_utf8_lossy(path))
            }
        }
    }
}

/// Reads all sources into settings that start from the defaults.
pub fn load(sources: &Sources, outside: &mut dyn Outside) -> Result<Settings, LoadError> {
    let mut loader = Loader { settings: Settings::default(), outside, has_save_line: false, depth: 0 };
    let here = loader.outside.change_dir(b".");
    loader.settings.dir = here.unwrap_or_default();
    if let Some(options) = &sources.options {
        let mut text = match &sources.file {
            Some(path) => loader.read_matching(path)?,
            None => Vec::new(),
        };
        if sources.reads_stdin {
            let cannot = |error| LoadError::CannotOpen { path: b"-".to_vec(), reason: system_text(&error) };
            text.extend(loader.outside.read_stdin().map_err(cannot)?);
        }
        text.push(b'\n');
        text.extend(options);
        loader.load_text(&text)?;
    }
    Ok(loader.settings)
}

/// The system's words for an error, without the number that Rust adds.
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

struct Loader<'outside> {
    settings: Settings,
    outside: &'outside mut dyn Outside,
    /// The first `save` line replaces the defaults, the others add to it.
    has_save_line: bool,
    depth: usize,
}

impl Loader<'_> {
    /// The text of a file, or of all files that match a pattern, of which there may be none.
    fn read_matching(&mut self, path: &[u8]) -> Result<Vec<u8>, LoadError> {
        let is_pattern = path.iter().any(|byte| b"*?[".contains(byte));
        let paths = if is_pattern { self.outside.expand_pattern(path) } else { vec![path.to_vec()] };
        let mut text = Vec::new();
        for path in paths {
            match self.outside.read_file(&path) {
                Ok(part) => text.extend(part),
                Err(error) => return Err(LoadError::CannotOpen { path, reason: system_text(&error) }),
            }
        }
        Ok(text)
    }

    fn load_text(&mut self, text: &[u8]) -> Result<(), LoadError> {
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = trim(line);
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let wrong = |reason| LoadError::Fatal { line: Some((index + 1, line.to_vec())), reason };
            let words = split_words(line).map_err(|_| wrong("Unbalanced quotes in configuration line".into()))?;
            if words.is_empty() {
                continue;
            }
            if words[0].eq_ignore_ascii_case(b"include") && words.len() == 2 {
                self.include(&words[1], wrong)?;
            } else {
                self.load_line(&words).map_err(wrong)?;
            }
        }
        self.settings.settle();
        self.check_the_whole().map_err(|reason| LoadError::Fatal { line: None, reason })
    }

    fn include(&mut self, path: &[u8], wrong: impl Fn(Failure) -> LoadError) -> Result<(), LoadError> {
        if self.depth == INCLUDE_DEPTH_MAX {
            return Err(wrong("Too many levels of include".into()));
        }
        let text = self.read_matching(path)?;
        self.depth += 1;
        self.load_text(&text)?;
        self.depth -= 1;
        Ok(())
    }

    fn load_line(&mut self, words: &[Vec<u8>]) -> Result<(), Failure> {
        if let Some(named) = find(&words[0]) {
            return self.set(named.row, &words[1..]);
        }
        let name = words[0].to_ascii_lowercase();
        match (name.as_slice(), &words[1..]) {
            (_, [_]) if FORGOTTEN.iter().any(|old| old.as_bytes() == name) => Ok(()),
            (b"rename-command", [from, to]) => self.outside.rename_command(from, to),
            (b"user", rules @ [_, ..]) => self.outside.add_user(rules),
            (b"loadmodule", [_, ..]) => Err("Modules cannot be loaded".into()),
            (b"sentinel", []) => Ok(()),
            (b"sentinel", _) => Err("sentinel directive while not in sentinel mode".into()),
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn set(&mut self, row: &Directive, words: &[Vec<u8>]) -> Result<(), Failure> {
        let split;
        let words: Vec<&[u8]> = match words {
            // Several words may come as one that holds them all. If its quotes do not balance there are no words.
            [whole] if row.is_multi_word && !whole.is_empty() => {
                split = split_words(whole).unwrap_or_default();
                split.iter().map(Vec::as_slice).collect()
            }
            _ => words.iter().map(Vec::as_slice).collect(),
        };
        let earlier_points = std::mem::take(&mut self.settings.save_points);
        let outcome = row.set(&mut self.settings, &words);
        if row.name != "save" || outcome.is_err() {
            self.settings.save_points = earlier_points;
        } else {
            let is_reset = words == [b""] || !std::mem::replace(&mut self.has_save_line, true);
            if !is_reset {
                self.settings.save_points.splice(0..0, earlier_points);
            }
        }
        outcome?;
        if row.name == "dir" {
            let here = self.outside.change_dir(&self.settings.dir);
            self.settings.dir = here.map_err(|error| system_text(&error))?;
        }
        Ok(())
    }

    fn check_the_whole(&mut self) -> Result<(), Failure> {
        if !self.settings.log_file.is_empty() {
            let outcome = self.outside.try_log_file(&self.settings.log_file);
            outcome.map_err(|error| format!("Can't open the log file: {}", system_text(&error)))?;
        }
        if self.settings.cluster_enabled && self.settings.replica_of.is_some() {
            return Err("replicaof directive not allowed in cluster mode".into());
        }
        Ok(())
    }
}

fn trim(line: &[u8]) -> &[u8] {
    let is_edge = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !is_edge(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !is_edge(byte)).map_or(start, |last| last + 1);
    &line[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A world of a few files in memory.
    #[derive(Default)]
    struct Memory {
        files: BTreeMap<&'static str, &'static str>,
        renamed: Vec<(Vec<u8>, Vec<u8>)>,
    }

    impl Outside for Memory {
        fn read_file(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
            let path = std::str::from_utf8(path).expect("test paths are text");
            let text = self.files.get(path).ok_or(io::Error::from_raw_os_error(2))?;
            Ok(text.as_bytes().to_vec())
        }
        fn read_stdin(&mut self) -> io::Result<Vec<u8>> {
            self.read_file(b"-")
        }
        fn expand_pattern(&mut self, pattern: &[u8]) -> Vec<Vec<u8>> {
            let matching = |path: &&&str| crate::base::glob::matches(pattern, path.as_bytes());
            self.files.keys().filter(matching).map(|path| path.as_bytes().to_vec()).collect()
        }
        fn change_dir(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
            if path == b"/missing" { Err(io::Error::from_raw_os_error(2)) } else { Ok([b"/abs/", path].concat()) }
        }
        fn try_log_file(&mut self, path: &[u8]) -> io::Result<()> {
            if path.starts_with(b"/missing") { Err(io::Error::from_raw_os_error(2)) } else { Ok(()) }
        }
        fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), Failure> {
            if from == b"nope" {
                return Err("No such command in rename-command".into());
            }
            self.renamed.push((from.to_vec(), to.to_vec()));
            Ok(())
        }
        fn add_user(&mut self, words: &[Vec<u8>]) -> Result<(), Failure> {
            if words.len() > 1 { Ok(()) } else { Err("Error in user declaration".into()) }
        }
    }

    fn load_files(files: &[(&'static str, &'static str)], options: &str) -> Result<Settings, String> {
        let mut memory = Memory { files: files.iter().copied().collect(), ..Memory::default() };
        let file = files.iter().any(|file| file.0 == "main").then(|| b"main".to_vec());
        let sources = Sources { file, reads_stdin: false, options: Some(options.as_bytes().to_vec()) };
        load(&sources, &mut memory).map_err(|error| error.to_string())
    }

    fn shown(settings: &Settings, name: &str) -> String {
        let named = find(name.as_bytes()).expect("the test names a directive");
        String::from_utf8_lossy(&named.row.value(settings)).into_owned()
    }

    #[test]
    fn lines_comments_quotes_and_order() {
        let text = "# comment\r\n\n  MAXMEMORY 1mb  \n\tloglevel 'debug'\nmaxmemory \"2mb\"\n\
                    slaveof a 5\nlist-max-ziplist-value 3\n";
        let settings = load_files(&[("main", text)], "loglevel warning").expect("it is right");
        assert_eq!(shown(&settings, "maxmemory"), "2097152");
        assert_eq!(shown(&settings, "loglevel"), "warning");
        assert_eq!(shown(&settings, "replicaof"), "a 5");
        assert_eq!(shown(&settings, "dir"), "/abs/.");
    }

    #[test]
    fn save_lines_add_up() {
        let save = |text: &'static str, options: &str| {
            shown(&load_files(&[("main", text)], options).expect("it is right"), "save")
        };
        assert_eq!(save("port 1", ""), "3600 1 300 100 60 10000");
        assert_eq!(save("save 900 1\nsave 300 10\n", ""), "900 1 300 10");
        assert_eq!(save("save 900 1", "save 100 100"), "900 1 100 100");
        assert_eq!(save("save 900 1", "save \"\""), "");
        assert_eq!(save("save ''\nsave 1 1", ""), "1 1");
        assert_eq!(save("save \"5 1 6 2\"", ""), "5 1 6 2");
    }

    #[test]
    fn includes_and_their_patterns() {
        let files =
            [("main", "include d/*.conf\ninclude none*\nport 3\n"), ("d/a.conf", "port 1\n"), ("d/b.conf", "hz 20\n")];
        let settings = load_files(&files, "").expect("it is right");
        assert_eq!((shown(&settings, "port"), shown(&settings, "hz")), ("3".into(), "20".into()));
        let missing = load_files(&[("main", "include gone\n")], "").expect_err("it is gone");
        assert_eq!(missing, "Fatal error, can't open config file 'gone': No such file or directory");
        let endless = load_files(&[("main", "include main\n")], "").expect_err("it includes itself");
        assert!(endless.contains("Too many levels of include"), "{endless}");
    }

    fn check_fatal(text: &'static str, line: &str, reason: &str) {
        let error = load_files(&[("main", text)], "").expect_err(text);
        let title = format!("\n*** FATAL CONFIG FILE ERROR (Gyre {}) ***\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(error.strip_prefix(&title), Some(format!("{line}{reason}\n").as_str()), "{text}");
    }

    #[test]
    fn the_first_wrong_line_stops_the_start() {
        let at =
            |number: usize, line: &str| format!("Reading the configuration file, at line {number}\n>>> '{line}'\n");
        check_fatal("port 1\n foo bar \n", &at(2, "foo bar"), "Bad directive or wrong number of arguments");
        check_fatal("include\n", &at(1, "include"), "Bad directive or wrong number of arguments");
        check_fatal("port \"a\"b", &at(1, "port \"a\"b"), "Unbalanced quotes in configuration line");
        check_fatal("port 1 2", &at(1, "port 1 2"), "wrong number of arguments");
        check_fatal("port", &at(1, "port"), "wrong number of arguments");
        check_fatal("loglevel", &at(1, "loglevel"), "wrong number of arguments");
        check_fatal("port --bla", &at(1, "port --bla"), "argument couldn't be parsed into an integer");
        check_fatal("replicaof 127.0.0.1 abc", &at(1, "replicaof 127.0.0.1 abc"), "Invalid master port");
        check_fatal("replicaof a", &at(1, "replicaof a"), "wrong number of arguments");
        check_fatal("rename-command nope x", &at(1, "rename-command nope x"), "No such command in rename-command");
        check_fatal("dir /missing", &at(1, "dir /missing"), "No such file or directory");
        check_fatal(
            "unixsocketperm 1000",
            &at(1, "unixsocketperm 1000"),
            "argument must be between 0 and 777 inclusive",
        );
        check_fatal("unixsocketperm 8", &at(1, "unixsocketperm 8"), "argument couldn't be parsed as an octal number");
        check_fatal(
            "shutdown-on-sigint",
            &at(1, "shutdown-on-sigint"),
            "argument(s) must be one of the following: default, save, nosave, now, force",
        );
        check_fatal("logfile /missing/x", "", "Can't open the log file: No such file or directory");
        check_fatal("cluster-enabled yes\nslaveof a 1", "", "replicaof directive not allowed in cluster mode");
    }
}
