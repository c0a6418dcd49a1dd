//! The manifest: which files make up the append-only file, in their order.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b        at most one base, first
//! file appendonly.aof.1.incr.aof seq 1 type h        history: to be removed
//! file appendonly.aof.2.incr.aof seq 2 type i startoffset 7      increments, their numbers rise
//! ```
//!
//! An increment may tell at which replication offset it begins, and, once it is closed, ends.
//!
//! It is replaced as a whole, and in an order that no crash can undo half of:
//!
//! ```text
//! write beside, sync ──▶ sync the folder ──▶ rename ──▶ sync the folder
//!                        (every file that it names is there for good)
//! ```

use super::super::outside::Files;
use crate::base::words::{split_words, write_quoted};
use crate::config::Settings;
use crate::config::load::system_text;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Longest line, its end included, as in Redis.
const LINE_BYTES_MAX: usize = 1024;

/// Longest manifest that is read: what is longer is none.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One file, by name and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileInfo {
    pub name: Vec<u8>,
    pub seq: i64,
    /// Replication offsets, where they are known.
    pub start_offset: Option<i64>,
    pub end_offset: Option<i64>,
}

impl FileInfo {
    /// The replication offset behind an increment of so many bytes. One that was not closed does not tell its end: it is taken for
    /// that of a server with replicas, whose offset moves with the bytes, because too far is better than an offset that goes back.
    pub fn offset_behind(&self, length: u64) -> Option<i64> {
        self.start_offset.map(|start| self.end_offset.unwrap_or(start + length as i64))
    }
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<FileInfo>,
    pub history: Vec<FileInfo>,
    pub increments: Vec<FileInfo>,
    /// The highest numbers given so far.
    pub base_seq: i64,
    pub increment_seq: i64,
    /// The file on disk says something else.
    pub is_changed: bool,
}

/// Why a manifest cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFault {
    /// The line and what stands there, where the fault is in one.
    pub line: Option<(usize, Vec<u8>)>,
    pub what: &'static str,
}

impl ManifestFault {
    /// What the log says of it, in the lines that tools look for.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec!["\n*** FATAL AOF MANIFEST FILE ERROR ***\n".to_owned()];
        if let Some((number, text)) = &self.line {
            lines.push(format!("Reading the manifest file, at line {number}\n"));
            lines.push(format!(">>> '{}'\n", String::from_utf8_lossy(text)));
        }
        lines.push(format!("{}\n", self.what));
        lines
    }
}

const BAD_FORMAT: &str = "Invalid AOF manifest file format";

impl Manifest {
    /// Reads a manifest's text.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestFault> {
        if text.is_empty() {
            return Err(ManifestFault { line: None, what: "Found an empty AOF manifest" });
        }
        let mut manifest = Manifest::default();
        for (index, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            if line.starts_with(b"#") {
                continue;
            }
            let shown = line.trim_ascii();
            let fault = |what| ManifestFault { line: Some((index + 1, shown.to_vec())), what };
            if line.len() > LINE_BYTES_MAX || !line.ends_with(b"\n") {
                let what = "The AOF manifest file contains too long line";
                return Err(ManifestFault { line: None, what });
            }
            let (file, kind) = parse_line(shown).map_err(fault)?;
            manifest.take_in(file, kind).map_err(fault)?;
        }
        Ok(manifest)
    }

    fn take_in(&mut self, file: FileInfo, kind: u8) -> Result<(), &'static str> {
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => {
                self.base_seq = file.seq;
                self.base = Some(file);
            }
            b'h' => self.history.push(file),
            b'i' if file.seq <= self.increment_seq => return Err("Found a non-monotonic sequence number"),
            b'i' => {
                self.increment_seq = file.seq;
                self.increments.push(file);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The text, as Redis writes it.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let groups: [(&[FileInfo], char); 3] =
            [(self.base.as_slice(), 'b'), (&self.history, 'h'), (&self.increments, 'i')];
        for (files, kind) in groups {
            for file in files {
                text.extend_from_slice(b"file ");
                if needs_quotes(&file.name) {
                    write_quoted(&mut text, &file.name);
                } else {
                    text.extend_from_slice(&file.name);
                }
                text.extend_from_slice(format!(" seq {} type {kind}", file.seq).as_bytes());
                for (word, offset) in [("startoffset", file.start_offset), ("endoffset", file.end_offset)] {
                    if let Some(offset) = offset {
                        text.extend_from_slice(format!(" {word} {offset}").as_bytes());
                    }
                }
                text.push(b'\n');
            }
        }
        text
    }

    /// There is nothing to be loaded.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// The files that hold the data, in their order.
    pub fn files(&self) -> impl Iterator<Item = &FileInfo> {
        self.base.iter().chain(&self.increments)
    }

    /// A new base takes the place of the one there is; gives its name.
    pub fn replace_base(&mut self, settings: &Settings, is_dump: bool) -> Vec<u8> {
        if let Some(old) = self.base.take() {
            self.history.insert(0, old);
        }
        let format = if is_dump { "rdb" } else { "aof" };
        let name = loop {
            self.base_seq += 1;
            let name =
                [&settings.append_file_name[..], format!(".{}.base.{format}", self.base_seq).as_bytes()].concat();
            if !self.is_history(&name) {
                break name;
            }
        };
        self.base = Some(FileInfo { name: name.clone(), seq: self.base_seq, ..FileInfo::default() });
        self.is_changed = true;
        name
    }

    /// A new increment, which begins at this replication offset; gives its name.
    pub fn add_increment(&mut self, settings: &Settings, start_offset: i64) -> Vec<u8> {
        let name = loop {
            self.increment_seq += 1;
            let name =
                [&settings.append_file_name[..], format!(".{}.incr.aof", self.increment_seq).as_bytes()].concat();
            if !self.is_history(&name) {
                break name;
            }
        };
        let seq = self.increment_seq;
        self.increments.push(FileInfo { name: name.clone(), seq, start_offset: Some(start_offset), end_offset: None });
        self.is_changed = true;
        name
    }

    /// A name that is to be removed is given to no new file.
    fn is_history(&self, name: &[u8]) -> bool {
        self.history.iter().any(|file| file.name == name)
    }

    /// The last increment is closed at this replication offset, or goes on (`None`). Of one that does not know where it begins,
    /// nothing is noted.
    pub fn note_end(&mut self, offset: Option<i64>) {
        if let Some(last) = self.increments.last_mut()
            && last.start_offset.is_some()
            && last.end_offset != offset
        {
            last.end_offset = offset;
            self.is_changed = true;
        }
    }

    /// The base holds what these increments hold: all but the last, if that is being written.
    pub fn retire_increments(&mut self, keeps_last: bool) {
        let kept = usize::from(keeps_last).min(self.increments.len());
        let retired = self.increments.len() - kept;
        for file in self.increments.drain(..retired).rev() {
            self.history.insert(0, file);
        }
        self.is_changed = true;
    }

    /// Reads the manifest from the folder; an empty one if there is none.
    pub fn load(settings: &Settings, files: &mut dyn Files) -> Result<Manifest, Vec<String>> {
        let path = path_in_folder(settings, &file_name(settings));
        if files.length(&folder(settings)).is_err() || files.length(&path).is_err() {
            return Ok(Manifest::default());
        }
        let mut text = Vec::new();
        let read = files.open(&path).and_then(|(file, _)| file.take(MANIFEST_BYTES_MAX).read_to_end(&mut text));
        read.map_err(|error| {
            let (path, error) = (path.display(), system_text(&error));
            vec![format!("Fatal error: can't open the AOF manifest file {path} for reading: {error}")]
        })?;
        Manifest::parse(&text).map_err(|fault| {
            let mut lines = fault.lines();
            lines.push(format!(
                "The manifest {} cannot be used: bring it back from a backup, or write it anew: a line for each file that is beside \
                 it, the base first ('file <name> seq <number> type b'), then the increments by their numbers ('type i')",
                path.display()
            ));
            lines
        })
    }

    /// Brings the manifest to the disk if it says something new.
    pub fn persist(&mut self, settings: &Settings, files: &mut dyn Files) -> Result<(), NotPersisted> {
        if !self.is_changed {
            return Ok(());
        }
        let name = file_name(settings);
        let beside = [b"temp-", &name[..]].concat();
        let (path, beside_path) = (path_in_folder(settings, &name), path_in_folder(settings, &beside));
        let (name, beside) = (String::from_utf8_lossy(&name), String::from_utf8_lossy(&beside));
        let fault = |is_in_place: bool, what: String| {
            move |error: std::io::Error| NotPersisted { line: format!("{what}: {}", system_text(&error)), is_in_place }
        };
        let mut file =
            files.create(&beside_path).map_err(fault(false, format!("Can't open the AOF manifest file {beside}")))?;
        file.write(&self.to_text())
            .map_err(fault(false, format!("Error trying to write the temporary AOF manifest file {beside}")))?;
        file.sync().map_err(fault(false, format!("Fail to fsync the temp AOF file {beside}")))?;
        let folder = format!("Fail to fsync AOF directory {}", path.display());
        files.sync_folder_of(&path).map_err(fault(false, folder.clone()))?;
        files.rename(&beside_path, &path).map_err(fault(
            false,
            format!("Error trying to rename the temporary AOF manifest file {beside} into {name}"),
        ))?;
        files.sync_folder_of(&path).map_err(fault(true, folder))?;
        self.is_changed = false;
        Ok(())
    }

    /// Numbers that another manifest gave are given to no new file: it may be the one on the disk.
    pub fn skip_numbers_of(&mut self, other: &Manifest) {
        self.base_seq = self.base_seq.max(other.base_seq);
        self.increment_seq = self.increment_seq.max(other.increment_seq);
    }
}

/// Why a manifest is not surely on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotPersisted {
    /// For the log.
    pub line: String,
    /// It took the place of the one before, as far as the living see; which of the two a crash leaves is open. Every file that either
    /// of them names has to stay.
    pub is_in_place: bool,
}

/// Name, number and type; more pairs of words may follow, for versions to come.
fn parse_line(line: &[u8]) -> Result<(FileInfo, u8), &'static str> {
    let words = split_words(line).map_err(|_| BAD_FORMAT)?;
    if words.len() < 6 || words.len() % 2 != 0 {
        return Err(BAD_FORMAT);
    }
    let (mut name, mut seq, mut kind) = (None, 0, None);
    let (mut start_offset, mut end_offset) = (None, None);
    for pair in words.chunks_exact(2) {
        let value = &pair[1];
        match pair[0].to_ascii_lowercase().as_slice() {
            b"file" if value.contains(&b'/') || value.contains(&b'\\') => {
                return Err("File can't be a path, just a filename");
            }
            b"file" => name = Some(value.clone()),
            b"seq" => seq = leading_number(value),
            b"type" => kind = value.first().copied(),
            b"startoffset" => start_offset = Some(leading_number(value)),
            b"endoffset" => end_offset = Some(leading_number(value)),
            _ => {}
        }
    }
    match (name, kind) {
        (Some(name), Some(kind)) if seq != 0 => Ok((FileInfo { name, seq, start_offset, end_offset }, kind)),
        _ => Err(BAD_FORMAT),
    }
}

/// As C's `atoll` reads it: the digits in front; 0 without any.
fn leading_number(text: &[u8]) -> i64 {
    let end = text.iter().skip(1).position(|byte| !byte.is_ascii_digit()).map_or(text.len(), |at| at + 1);
    crate::base::number::parse_i64(&text[..end]).unwrap_or(0)
}

fn needs_quotes(name: &[u8]) -> bool {
    name.is_empty() || name.iter().any(|&byte| !(0x21..=0x7e).contains(&byte) || matches!(byte, b'\\' | b'"' | b'\''))
}

/// The manifest's name, without the folder.
pub fn file_name(settings: &Settings) -> Vec<u8> {
    [&settings.append_file_name[..], b".manifest"].concat()
}

/// The folder of it all, from the working directory.
pub fn folder(settings: &Settings) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&settings.append_dir_name))
}

/// What a file is by its name, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Base(i64),
    Increment(i64),
}

/// What a file of the folder is by its name; `None` if it is none of these settings.
pub fn part_of(settings: &Settings, name: &[u8]) -> Option<Part> {
    let rest = name.strip_prefix(&settings.append_file_name[..])?.strip_prefix(b".")?;
    let number = |text: Option<&[u8]>| crate::base::number::parse_i64(text?);
    let base = rest.strip_suffix(b".base.rdb").or(rest.strip_suffix(b".base.aof"));
    number(base).map(Part::Base).or(number(rest.strip_suffix(b".incr.aof")).map(Part::Increment))
}

/// A file in the folder.
pub fn path_in_folder(settings: &Settings, name: &[u8]) -> PathBuf {
    folder(settings).join(OsStr::from_bytes(name))
}

/// A name as the log shows it.
pub fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Makes the folder durably, unless it is there. The error is a line for the log.
pub fn make_folder(settings: &Settings, files: &mut dyn Files) -> Result<(), String> {
    let folder = folder(settings);
    let made = files.make_folder(&folder).and_then(|()| files.sync_folder_of(Path::new(&folder)));
    made.map_err(|error| format!("Can't open or create append-only dir {}: {}", folder.display(), system_text(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Manifest, &'static str> {
        Manifest::parse(text.as_bytes()).map_err(|fault| fault.what)
    }

    #[test]
    fn what_is_written_is_read() {
        let settings = Settings { append_file_name: b" file seq \n\n.aof ".to_vec(), ..Settings::default() };
        let mut manifest = Manifest::default();
        assert_eq!(manifest.replace_base(&settings, true), b" file seq \n\n.aof .1.base.rdb");
        manifest.add_increment(&settings, 3);
        manifest.add_increment(&settings, 7);
        manifest.note_end(Some(9));
        manifest.replace_base(&settings, false);
        manifest.retire_increments(true);
        let text = String::from_utf8(manifest.to_text()).expect("text");
        let expected = "file \" file seq \\n\\n.aof .2.base.aof\" seq 2 type b\n\
            file \" file seq \\n\\n.aof .1.incr.aof\" seq 1 type h startoffset 3\n\
            file \" file seq \\n\\n.aof .1.base.rdb\" seq 1 type h\n\
            file \" file seq \\n\\n.aof .2.incr.aof\" seq 2 type i startoffset 7 endoffset 9\n";
        assert_eq!(text, expected);
        let again = Manifest { is_changed: true, ..parsed(&text).expect("sound") };
        assert_eq!(again, manifest);
        // Where it leads to: as told, or by its length; of what does not tell where it begins nobody knows.
        let mut last = manifest.increments[0].clone();
        assert_eq!(last.offset_behind(100), Some(9));
        last.end_offset = None;
        assert_eq!(last.offset_behind(100), Some(107));
        last.start_offset = None;
        assert_eq!(last.offset_behind(100), None);
    }

    #[test]
    fn no_new_file_has_the_name_of_one_that_is_to_be_removed() {
        let settings = Settings::default();
        let mut manifest = parsed("file appendonly.aof.1.incr.aof seq 1 type h\n").expect("sound");
        assert_eq!(manifest.add_increment(&settings, 0), b"appendonly.aof.2.incr.aof");
    }

    #[test]
    fn faults_are_told_by_redis_words() {
        let long = format!("file {} seq 1 type b\n", "x".repeat(LINE_BYTES_MAX));
        for (text, what) in [
            ("", "Found an empty AOF manifest"),
            ("\n", BAD_FORMAT),
            ("file a seq 1 type i", "The AOF manifest file contains too long line"),
            (&long, "The AOF manifest file contains too long line"),
            ("filx a seq 1 type b\n", BAD_FORMAT),
            ("file a type i\n", BAD_FORMAT),
            ("file a seq 1 type i newkey\n", BAD_FORMAT),
            ("file a seq 0 type i\n", BAD_FORMAT),
            ("file \"a seq 1 type i\n", BAD_FORMAT),
            ("file ../a seq 1 type i\n", "File can't be a path, just a filename"),
            ("file a seq 1 type x\n", "Unknown AOF file type"),
            ("file a seq 2 type i\nfile b seq 1 type i\n", "Found a non-monotonic sequence number"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", "Found duplicate base file information"),
        ] {
            assert_eq!(parsed(text), Err(what), "{text}");
        }
        assert!(parsed("# a comment\nFILE a SEQ 1 TYPE base newkey newvalue\nfile b seq 3 type i\n").is_ok());
        let fault = Manifest::parse(b"file a seq 1 type b\n!!!\n").expect_err("three marks");
        assert_eq!(fault.lines()[1..3], ["Reading the manifest file, at line 2\n", ">>> '!!!'\n"]);
    }
}
