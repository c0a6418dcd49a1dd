//! The checker: reads the files as the server would, runs nothing, and tells up to where they are whole; on request cuts off what is not,
//! or what is younger than a point in time. `gyre-check-aof`, `redis-check-aof`.
//!
//! ```text
//! manifest ─▶ base (dump? ─▶ its commands) ─▶ increments, in order        an old single file: the same, alone
//!                                              └ only the last one may be cut
//! ```

use super::super::check::{self as dump_check, Style};
use super::super::outside::Files;
use super::manifest::Manifest;
use super::reader::{CommandReader, ReadFault, ReadNext};
use crate::base::clock::Ms;
use crate::base::number::parse_i64;
use crate::config::load::system_text;
use crate::rdb::format::is_dump;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Whether this is the name of the checker: the program was called by it.
pub fn is_called(program: &[u8]) -> bool {
    let name = program.rsplit(|&byte| byte == b'/').next().unwrap_or(program);
    [&b"gyre-check-aof"[..], b"redis-check-aof"].contains(&name)
}

/// What is done about what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Look,
    /// Cut off what is not whole, when who is asked says yes.
    Fix,
    /// Cut off what was written after that second.
    TruncateTo(i64),
}

/// What the arguments ask for: the task and the path; `None` when they make no sense.
pub fn parse_arguments(words: &[Vec<u8>]) -> Result<(Task, &[u8]), &'static str> {
    match words {
        [path] => Ok((Task::Look, path)),
        [flag, path] if flag == b"--fix" => Ok((Task::Fix, path)),
        [flag, time, path] if flag == b"--truncate-to-timestamp" => match parse_i64(time) {
            Some(seconds) => Ok((Task::TruncateTo(seconds), path)),
            None => Err("Invalid timestamp, aborting..."),
        },
        _ => Err(""),
    }
}

/// The check cannot go on, or has found what it was to find: all is said.
enum Stop {
    Told,
    Output(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Output(error)
    }
}

/// Ends the check with a line.
macro_rules! give_up {
    ($check:expr, $($text:tt)*) => {{
        writeln!($check.out, $($text)*)?;
        return Err(Stop::Told);
    }};
}

/// How one file came out.
enum Verdict {
    Valid,
    Empty,
    Truncated,
    TruncatedToTime,
}

struct Check<'c> {
    task: Task,
    files: &'c mut dyn Files,
    now: Ms,
    out: &'c mut dyn Write,
    asks: &'c mut dyn FnMut() -> bool,
    /// Lines of the protocol, counted over all files, as Redis's checker does.
    line: u64,
}

/// Checks what the path names; true if it is sound, or was made so. Everything that is to be said goes to `out`; `asks` says whether
/// the user agrees.
pub fn check(
    path: &Path,
    task: Task,
    files: &mut dyn Files,
    now: Ms,
    out: &mut dyn Write,
    asks: &mut dyn FnMut() -> bool,
) -> io::Result<bool> {
    let mut check = Check { task, files, now, out, asks, line: 1 };
    match check.run(path) {
        Ok(()) => Ok(true),
        Err(Stop::Told) => Ok(false),
        Err(Stop::Output(error)) => Err(error),
    }
}

impl Check<'_> {
    fn run(&mut self, path: &Path) -> Result<(), Stop> {
        let name = path.display().to_string();
        let text = self.read_front(path, &name)?;
        if is_manifest(&text) {
            return self.run_all(path, &name);
        }
        writeln!(self.out, "Start checking Old-Style AOF")?;
        let verdict = self.check_file(path, &name, true, is_dump(&text))?;
        self.tell(verdict, "AOF", &name)
    }

    /// The first bytes of a file, enough to tell what it is.
    fn read_front(&mut self, path: &Path, name: &str) -> Result<Vec<u8>, Stop> {
        const FRONT_BYTES: u64 = 64 * 1024;
        let mut front = Vec::new();
        let read = self.files.open(path).and_then(|(file, _)| file.take(FRONT_BYTES).read_to_end(&mut front));
        match read {
            Ok(_) => Ok(front),
            Err(error) => give_up!(self, "Cannot open file {name}: {}", system_text(&error)),
        }
    }

    fn run_all(&mut self, path: &Path, name: &str) -> Result<(), Stop> {
        writeln!(self.out, "Start checking Multi Part AOF")?;
        let mut text = Vec::new();
        let read = self.files.open(path).and_then(|(mut file, _)| file.read_to_end(&mut text));
        if let Err(error) = read {
            give_up!(self, "Cannot read file {name}: {}", system_text(&error));
        }
        let manifest = match Manifest::parse(&text) {
            Ok(manifest) => manifest,
            Err(fault) => {
                for line in fault.lines() {
                    write!(self.out, "{line}")?;
                }
                return Err(Stop::Told);
            }
        };
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let count = manifest.files().count();
        let path_of = |name: &[u8]| -> (PathBuf, String) {
            let name = String::from_utf8_lossy(name).into_owned();
            (folder.join(&name), name)
        };
        if let Some(base) = &manifest.base {
            let (path, name) = path_of(&base.name);
            let is_dump = is_dump(&self.read_front(&path, &path.display().to_string())?);
            writeln!(self.out, "Start to check BASE AOF ({} format).", if is_dump { "RDB" } else { "RESP" })?;
            let verdict = self.check_file(&path, &name, count == 1, is_dump)?;
            self.tell(verdict, "BASE AOF", &name)?;
        }
        if !manifest.increments.is_empty() {
            writeln!(self.out, "Start to check INCR files.")?;
        }
        for (index, increment) in manifest.increments.iter().enumerate() {
            let (path, name) = path_of(&increment.name);
            let verdict = self.check_file(&path, &name, index + 1 == manifest.increments.len(), false)?;
            self.tell(verdict, "INCR AOF", &name)?;
        }
        writeln!(self.out, "All AOF files and manifest are valid")?;
        Ok(())
    }

    fn tell(&mut self, verdict: Verdict, kind: &str, name: &str) -> Result<(), Stop> {
        match (verdict, self.task) {
            (Verdict::Valid, _) => writeln!(self.out, "{kind} {name} is valid")?,
            (Verdict::Empty, _) => writeln!(self.out, "{kind} {name} is empty")?,
            (Verdict::TruncatedToTime, Task::TruncateTo(seconds)) => {
                writeln!(self.out, "Successfully truncated AOF {name} to timestamp {seconds}")?;
            }
            (Verdict::Truncated | Verdict::TruncatedToTime, _) => {
                writeln!(self.out, "Successfully truncated AOF {name}")?;
            }
        }
        Ok(())
    }

    fn check_file(&mut self, path: &Path, name: &str, is_last: bool, is_dump: bool) -> Result<Verdict, Stop> {
        let (source, size) = match self.files.open(path) {
            Ok(opened) => opened,
            Err(error) => give_up!(self, "Cannot open file {}: {}, aborting...", path.display(), system_text(&error)),
        };
        if size == 0 {
            return Ok(Verdict::Empty);
        }
        let reader = match is_dump {
            true => self.check_dump(path, source, size)?,
            false => CommandReader::new(source, Vec::new(), 0),
        };
        let (whole, fault) = match self.read_commands(reader, path, name, is_last)? {
            Some(read) => read,
            None => return Ok(Verdict::TruncatedToTime),
        };
        if let Some(fault) = &fault {
            writeln!(self.out, "{fault}")?;
        }
        let behind = size - whole;
        if let (0, Task::TruncateTo(seconds)) = (behind, self.task) {
            writeln!(self.out, "Truncate nothing in AOF {name} to timestamp {seconds}")?;
            return Ok(Verdict::Valid);
        }
        writeln!(
            self.out,
            "AOF analyzed: filename={name}, size={size}, ok_up_to={whole}, ok_up_to_line={}, diff={behind}",
            self.line
        )?;
        if behind == 0 { Ok(Verdict::Valid) } else { self.fix(path, name, size, whole, is_last) }
    }

    /// Cuts off what is not whole, if that is asked for and agreed to.
    fn fix(&mut self, path: &Path, name: &str, size: u64, whole: u64, is_last: bool) -> Result<Verdict, Stop> {
        if self.task != Task::Fix {
            give_up!(self, "AOF {name} is not valid. Use the --fix option to try fixing it.");
        }
        if !is_last {
            give_up!(self, "Failed to truncate AOF {name} because it is not the last file");
        }
        let behind = size - whole;
        writeln!(self.out, "This will shrink the AOF {name} from {size} bytes, with {behind} bytes, to {whole} bytes")?;
        write!(self.out, "Continue? [y/N]: ")?;
        self.out.flush()?;
        if !(self.asks)() {
            give_up!(self, "Aborting...");
        }
        match self.files.cut(path, whole) {
            Ok(()) => Ok(Verdict::Truncated),
            Err(error) => give_up!(self, "Failed to truncate AOF {name}: {}", system_text(&error)),
        }
    }

    /// Checks the dump in front, and gives the reader of what stands behind it.
    fn check_dump(&mut self, path: &Path, source: Box<dyn Read>, size: u64) -> Result<CommandReader, Stop> {
        let (is_sound, rest) = dump_check::check_source(path, Style::Redis, source, size, self.now, self.out)?;
        if !is_sound {
            give_up!(self, "RDB preamble of AOF file is not sane, aborting.");
        }
        let (source, already, offset) = rest;
        writeln!(self.out, "RDB preamble is OK, proceeding with AOF tail...")?;
        Ok(CommandReader::new(source, already, offset))
    }

    /// Reads to the end or to what cannot be read: up to where the file is whole, and what is wrong there. `None`: it was cut at the
    /// point in time that was asked for.
    fn read_commands(
        &mut self,
        mut reader: CommandReader,
        path: &Path,
        name: &str,
        is_last: bool,
    ) -> Result<Option<(u64, Option<String>)>, Stop> {
        let mut transaction_at = None;
        loop {
            let before = reader.offset();
            let place = |offset: u64, what: &str| Some(format!("0x{offset:>16x}: {what}"));
            match reader.read() {
                Ok(ReadNext::End) => {
                    let what = "Reached EOF before reading EXEC for MULTI";
                    let fault = transaction_at.and_then(|_| place(before, what));
                    return Ok(Some((transaction_at.unwrap_or(before), fault)));
                }
                Ok(ReadNext::Annotation(seconds)) => {
                    if let (Task::TruncateTo(limit), Some(seconds)) = (self.task, seconds)
                        && seconds > limit
                    {
                        self.truncate_to(limit, path, name, transaction_at.unwrap_or(before), is_last)?;
                        return Ok(None);
                    }
                }
                Ok(ReadNext::Command) => {
                    self.line += 1 + 2 * reader.args().len() as u64;
                    let verb = reader.args().get(0).to_ascii_uppercase();
                    let whole = transaction_at.unwrap_or(before);
                    match (verb.as_slice(), transaction_at) {
                        (b"MULTI", Some(_)) => {
                            let what = format!("Unexpected MULTI in AOF {}", path.display());
                            return Ok(Some((whole, place(before, &what))));
                        }
                        (b"MULTI", None) => transaction_at = Some(before),
                        (b"EXEC", None) => {
                            let what = format!("Unexpected EXEC in AOF {}", path.display());
                            return Ok(Some((whole, place(before, &what))));
                        }
                        (b"EXEC", Some(_)) => transaction_at = None,
                        _ => {}
                    }
                }
                Err(fault) => {
                    let what = match fault {
                        ReadFault::Short => "Unexpected end of the file within a command".to_owned(),
                        ReadFault::Format => format!("AOF {name} format error"),
                        ReadFault::Source(error) => format!("Failed to read from AOF {name}: {}", system_text(&error)),
                    };
                    return Ok(Some((transaction_at.unwrap_or(before), place(before, &what))));
                }
            }
        }
    }

    /// Cuts off what was written after that second, which begins at `offset`.
    fn truncate_to(&mut self, limit: i64, path: &Path, name: &str, offset: u64, is_last: bool) -> Result<(), Stop> {
        let shown = path.display();
        if offset == 0 {
            give_up!(self, "AOF {shown} has nothing before timestamp {limit}, aborting...");
        }
        if !is_last {
            writeln!(
                self.out,
                "Failed to truncate AOF {shown} to timestamp {limit} to offset {offset} because it is not the last file."
            )?;
            give_up!(
                self,
                "If you insist, please delete all files after this file according to the manifest file and delete the \
                 corresponding records in manifest file manually. Then re-run gyre-check-aof."
            );
        }
        match self.files.cut(path, offset) {
            Ok(()) => Ok(()),
            Err(error) => {
                give_up!(self, "Failed to truncate AOF {name} to timestamp {limit}: {}", system_text(&error))
            }
        }
    }
}

/// A manifest begins with comments, or with a line that names a file.
fn is_manifest(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n').find(|line| !line.starts_with(b"#")).is_some_and(|line| line.starts_with(b"file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persist::simulated::SimulatedDisk;

    const SOUND: &str = "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n";
    const OPEN: &str = "*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n";

    fn told(disk: &mut SimulatedDisk, path: &str, task: Task, agrees: bool) -> (bool, String) {
        let mut out = Vec::new();
        let sound = check(Path::new(path), task, disk, 0, &mut out, &mut || agrees).expect("memory takes all");
        (sound, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn an_old_file_is_cut_back_to_what_is_whole() {
        let mut disk = SimulatedDisk::default();
        disk.put("a.aof", format!("{SOUND}{OPEN}").into_bytes());
        let (sound, text) = told(&mut disk, "a.aof", Task::Look, false);
        let expected = "Start checking Old-Style AOF\n0x              37: Reached EOF before reading EXEC for MULTI\n\
            AOF analyzed: filename=a.aof, size=55, ok_up_to=20, ok_up_to_line=14, diff=35\n\
            AOF a.aof is not valid. Use the --fix option to try fixing it.\n";
        assert_eq!((sound, text.as_str()), (false, expected));
        let (sound, text) = told(&mut disk, "a.aof", Task::Fix, false);
        assert!(!sound && text.ends_with("Continue? [y/N]: Aborting...\n"), "{text}");
        let (sound, text) = told(&mut disk, "a.aof", Task::Fix, true);
        assert!(sound && text.ends_with("Successfully truncated AOF a.aof\n"), "{text}");
        assert_eq!(disk.file("a.aof"), Some(SOUND.into()));
        let (sound, text) = told(&mut disk, "a.aof", Task::Look, false);
        assert!(sound && text.ends_with("AOF a.aof is valid\n"), "{text}");
    }

    #[test]
    fn of_several_files_only_the_last_is_cut() {
        let mut disk = SimulatedDisk::default();
        disk.put("d/m", b"file b seq 1 type b\nfile i seq 1 type i\n".to_vec());
        disk.put("d/b", format!("{SOUND}*1").into_bytes());
        disk.put("d/i", SOUND.into());
        let (sound, text) = told(&mut disk, "d/m", Task::Fix, true);
        assert!(!sound && text.ends_with("Failed to truncate AOF b because it is not the last file\n"), "{text}");
        disk.put("d/b", SOUND.into());
        disk.put("d/i", format!("{SOUND}!!!").into_bytes());
        let (sound, text) = told(&mut disk, "d/m", Task::Fix, true);
        assert!(
            sound && text.ends_with("Successfully truncated AOF i\nAll AOF files and manifest are valid\n"),
            "{text}"
        );
        assert!(text.contains("BASE AOF b is valid\nStart to check INCR files.\n"), "{text}");
    }

    #[test]
    fn a_file_is_cut_back_to_a_second() {
        let whole = format!("#TS:10\r\n{SOUND}#TS:11\r\n{SOUND}");
        let mut disk = SimulatedDisk::default();
        disk.put("a.aof", whole.clone().into_bytes());
        let (sound, text) = told(&mut disk, "a.aof", Task::TruncateTo(11), false);
        assert!(sound && text.contains("Truncate nothing in AOF a.aof to timestamp 11\n"), "{text}");
        let (sound, text) = told(&mut disk, "a.aof", Task::TruncateTo(9), false);
        assert!(!sound && text.ends_with("AOF a.aof has nothing before timestamp 9, aborting...\n"), "{text}");
        let (sound, _) = told(&mut disk, "a.aof", Task::TruncateTo(10), false);
        assert!(sound);
        assert_eq!(disk.file("a.aof"), Some(whole.as_bytes()[..28].to_vec()));
    }

    #[test]
    fn arguments() {
        let words = |text: &str| text.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(parse_arguments(&words("a")), Ok((Task::Look, &b"a"[..])));
        assert_eq!(parse_arguments(&words("--fix a")), Ok((Task::Fix, &b"a"[..])));
        assert_eq!(parse_arguments(&words("--truncate-to-timestamp 7 a")), Ok((Task::TruncateTo(7), &b"a"[..])));
        assert!(parse_arguments(&words("--truncate-to-timestamp x a")).is_err());
        assert!(parse_arguments(&words("a b")).is_err());
        assert!(is_called(b"/usr/bin/redis-check-aof") && !is_called(b"gyre-check-rdb"));
    }
}
