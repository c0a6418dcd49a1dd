//! A disk that crashes: what was written but not synced is kept apart, and a crash decides what became of it.
//!
//! ```text
//! file     durable bytes ◀── sync ── changes since (write, cut)            seen bytes: what the living read
//! folder   durable names ◀── sync ── changes since (link, rename, unlink)  seen names
//!
//! crash:   seen = durable + some of the changes; what was open is gone
//! ```
//!
//! What a crash may do is what POSIX leaves open and file systems do: of the changes of a file any may be lost, the last may be
//! torn, its length may have come without its bytes (zeros); of the changes of a folder any may be lost, and one alone comes whole:
//! a rename is never half of it. A sync that failed says nothing good of what it was to make safe, and neither does the next one
//! that succeeds. Knows bytes and names; nothing of what they mean.

use crate::base::random::Random;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// A file, or a folder, whatever its name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(u64);

/// A change of a file's bytes.
#[derive(Clone, Debug)]
enum Change {
    Write {
        at: usize,
        bytes: Vec<u8>,
        /// A sync of it failed: no later one makes it safe.
        is_doubtful: bool,
    },
    Cut {
        length: usize,
    },
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { at, bytes, .. } => write_at(to, *at, bytes),
            Change::Cut { length } => to.truncate(*length),
        }
    }

    /// Of a write, what stands before `length` remains.
    fn cut(&mut self, length: usize) {
        if let Change::Write { at, bytes, .. } = self {
            bytes.truncate(length.saturating_sub(*at));
        }
    }
}

/// Writes as `pwrite` does: a gap before it reads as zeros.
fn write_at(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if to.len() < at + bytes.len() {
        to.resize(at + bytes.len(), 0);
    }
    to[at..at + bytes.len()].copy_from_slice(bytes);
}

#[derive(Clone, Debug, Default)]
struct Contents {
    is_folder: bool,
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Not safe yet, in their order.
    changes: Vec<Change>,
}

/// A change of a folder's names.
#[derive(Clone, Debug)]
enum NameChange {
    Link { path: PathBuf, node: Node },
    Rename { from: PathBuf, to: PathBuf, node: Node },
    Unlink { path: PathBuf, node: Node },
}

impl NameChange {
    fn folder(&self) -> &Path {
        match self {
            NameChange::Link { path, .. } | NameChange::Unlink { path, .. } => folder_of(path),
            NameChange::Rename { to, .. } => folder_of(to),
        }
    }

    /// Those before it may be missing: then it does as much as still makes sense.
    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            NameChange::Link { path, node } => drop(names.insert(path.clone(), *node)),
            NameChange::Unlink { path, node } => {
                if names.get(path) == Some(node) {
                    names.remove(path);
                }
            }
            NameChange::Rename { from, to, node } => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
            }
        }
    }
}

/// The folder that a name stands in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    nodes: BTreeMap<Node, Contents>,
    seen: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    changes: Vec<NameChange>,
    next_node: u64,
}

impl Disk {
    /// A file of this name that is on the disk already, bytes and name.
    pub fn put(&mut self, path: &Path, bytes: Vec<u8>) {
        let node = self.new_node(Contents { seen: bytes.clone(), durable: bytes, ..Contents::default() });
        self.seen.insert(path.to_owned(), node);
        self.durable.insert(path.to_owned(), node);
    }

    fn new_node(&mut self, contents: Contents) -> Node {
        self.next_node += 1;
        self.nodes.insert(Node(self.next_node), contents);
        Node(self.next_node)
    }

    fn contents(&mut self, node: Node) -> io::Result<&mut Contents> {
        self.nodes.get_mut(&node).ok_or_else(not_there)
    }

    /// The names that the living see.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        self.seen.keys().map(PathBuf::as_path)
    }

    /// The file or folder of a name.
    pub fn find(&self, path: &Path) -> io::Result<Node> {
        self.seen.get(path).copied().ok_or_else(not_there)
    }

    pub fn is_folder(&self, node: Node) -> bool {
        self.nodes.get(&node).is_some_and(|contents| contents.is_folder)
    }

    /// The bytes that the living see.
    pub fn read(&self, node: Node) -> io::Result<&[u8]> {
        self.nodes.get(&node).map(|contents| contents.seen.as_slice()).ok_or_else(not_there)
    }

    /// Finds a file, or makes an empty one.
    pub fn open(&mut self, path: &Path) -> io::Result<Node> {
        if let Some(&node) = self.seen.get(path) {
            return if self.is_folder(node) { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(node) };
        }
        self.link(path, Contents::default())
    }

    /// Makes a folder, unless it is there.
    pub fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        match self.seen.get(path) {
            Some(&node) if self.is_folder(node) => Ok(()),
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
            None => self.link(path, Contents { is_folder: true, ..Contents::default() }).map(drop),
        }
    }

    fn link(&mut self, path: &Path, contents: Contents) -> io::Result<Node> {
        let folder = folder_of(path);
        if folder != Path::new(".") && !self.is_folder(self.find(folder)?) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let node = self.new_node(contents);
        self.change_names(NameChange::Link { path: path.to_owned(), node });
        Ok(node)
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.seen);
        self.changes.push(change);
    }

    /// Writes behind the last byte.
    pub fn append(&mut self, node: Node, bytes: &[u8]) -> io::Result<()> {
        let contents = self.contents(node)?;
        let change = Change::Write { at: contents.seen.len(), bytes: bytes.to_vec(), is_doubtful: false };
        change.apply(&mut contents.seen);
        contents.changes.push(change);
        Ok(())
    }

    /// Cuts off what stands behind `length`.
    pub fn cut(&mut self, node: Node, length: u64) -> io::Result<()> {
        let contents = self.contents(node)?;
        let change = Change::Cut { length: length as usize };
        change.apply(&mut contents.seen);
        contents.changes.push(change);
        Ok(())
    }

    /// Makes a file's bytes durable; its name is another matter.
    pub fn sync(&mut self, node: Node) -> io::Result<()> {
        self.contents(node)?.sync();
        Ok(())
    }

    /// A sync that failed: what it was for is in doubt for ever, for the system takes it for written.
    pub fn fail_sync(&mut self, node: Node) {
        let Some(contents) = self.nodes.get_mut(&node) else { return };
        for change in &mut contents.changes {
            if let Change::Write { is_doubtful, .. } = change {
                *is_doubtful = true;
            }
        }
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.find(from)?;
        self.change_names(NameChange::Rename { from: from.to_owned(), to: to.to_owned(), node });
        Ok(())
    }

    pub fn remove(&mut self, path: &Path) -> io::Result<()> {
        let node = self.find(path)?;
        self.change_names(NameChange::Unlink { path: path.to_owned(), node });
        Ok(())
    }

    /// Makes the names in a folder durable.
    pub fn sync_folder(&mut self, folder: &Path) {
        let Disk { changes, durable, .. } = self;
        changes.retain(|change| {
            let is_meant = change.folder() == folder;
            if is_meant {
                change.apply(durable);
            }
            !is_meant
        });
    }

    /// All that lives ends here: what was not safe is kept, lost or torn as the dice fall.
    pub fn crash(&mut self, random: &mut Random) {
        let mut folders: Vec<PathBuf> = self.changes.iter().map(|change| change.folder().to_owned()).collect();
        folders.sort();
        folders.dedup();
        for folder in folders {
            let of_folder: Vec<&NameChange> = self.changes.iter().filter(|change| change.folder() == folder).collect();
            for index in kept(random, of_folder.len()) {
                of_folder[index].apply(&mut self.durable);
            }
        }
        self.changes.clear();
        // A folder whose own name was lost takes all names in it along.
        let names = self.durable.clone();
        self.durable.retain(|path, _| folder_of(path) == Path::new(".") || names.contains_key(folder_of(path)));
        for contents in self.nodes.values_mut() {
            contents.crash(random);
        }
        self.seen = self.durable.clone();
        let reachable: Vec<Node> = self.seen.values().copied().collect();
        self.nodes.retain(|node, _| reachable.contains(node));
    }
}

impl Contents {
    fn sync(&mut self) {
        let mut in_doubt: Vec<Change> = Vec::new();
        for change in self.changes.drain(..) {
            match &change {
                Change::Write { is_doubtful: true, .. } => in_doubt.push(change),
                Change::Write { .. } => change.apply(&mut self.durable),
                Change::Cut { length } => {
                    change.apply(&mut self.durable);
                    // What was cut off is gone, whether it had come to the disk or not.
                    in_doubt.iter_mut().for_each(|earlier| earlier.cut(*length));
                }
            }
        }
        self.changes = in_doubt;
    }

    fn crash(&mut self, random: &mut Random) {
        let mut bytes = std::mem::take(&mut self.durable);
        let changes = std::mem::take(&mut self.changes);
        let kept = kept(random, changes.len());
        let last = kept.last().copied();
        for index in kept {
            let is_torn = last == Some(index) && random.below(2) == 0;
            match &changes[index] {
                Change::Write { at, bytes: written, .. } if is_torn => tear(random, &mut bytes, *at, written),
                change => change.apply(&mut bytes),
            }
        }
        self.seen.clone_from(&bytes);
        self.durable = bytes;
    }
}

/// A write of which not all came to the disk: a beginning, or all of its length but not all of its bytes.
fn tear(random: &mut Random, file: &mut Vec<u8>, at: usize, written: &[u8]) {
    let there = random.below(written.len() as u64 + 1) as usize;
    let mut bytes = written[..there].to_vec();
    if random.below(3) == 0 {
        bytes.resize(written.len(), 0);
    }
    write_at(file, at, &bytes);
}

/// Which of so many changes a crash keeps, in their order: none, all, the first ones, or any.
fn kept(random: &mut Random, count: usize) -> Vec<usize> {
    match random.below(4) {
        0 => Vec::new(),
        1 => (0..count).collect(),
        2 => (0..random.below(count as u64 + 1) as usize).collect(),
        _ => (0..count).filter(|_| random.below(2) == 0).collect(),
    }
}

fn not_there() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        PathBuf::from(name)
    }

    /// What a file holds after each of many crashes of the same disk; `None` where it is not there.
    fn after_crashes(disk: &Disk, name: &str) -> Vec<Option<Vec<u8>>> {
        let outcomes = (0..400).map(|seed| {
            let mut disk = disk.clone();
            disk.crash(&mut Random::new(seed));
            disk.find(&path(name)).ok().map(|node| disk.read(node).expect("a file").to_vec())
        });
        outcomes.collect()
    }

    #[test]
    fn what_was_synced_stays_whatever_else_is_lost() {
        let mut disk = Disk::default();
        let node = disk.open(&path("a")).expect("made");
        disk.append(node, b"safe").expect("open");
        disk.sync(node).expect("open");
        disk.sync_folder(Path::new("."));
        disk.append(node, b" and").expect("open");
        disk.append(node, b" not").expect("open");
        let outcomes = after_crashes(&disk, "a");
        assert!(outcomes.iter().all(|bytes| bytes.as_ref().is_some_and(|bytes| bytes.starts_with(b"safe"))));
        for possible in ["safe", "safe and", "safe and not", "safe a", "safe\0\0\0\0 not", "safe and n\0\0"] {
            let bytes = Some(possible.as_bytes().to_vec());
            assert!(outcomes.contains(&bytes), "{possible:?} can happen");
        }
        assert!(outcomes.iter().flatten().all(|bytes| bytes.len() <= 12));
    }

    #[test]
    fn a_name_is_safe_only_after_a_sync_of_its_folder() {
        let mut disk = Disk::default();
        let node = disk.open(&path("a")).expect("made");
        disk.append(node, b"bytes").expect("open");
        disk.sync(node).expect("open");
        let outcomes = after_crashes(&disk, "a");
        assert!(outcomes.contains(&None) && outcomes.contains(&Some(b"bytes".to_vec())));
        disk.sync_folder(Path::new("."));
        assert!(after_crashes(&disk, "a").iter().all(|bytes| bytes.as_deref() == Some(b"bytes")));
        disk.remove(&path("a")).expect("there");
        let outcomes = after_crashes(&disk, "a");
        assert!(outcomes.contains(&None) && outcomes.contains(&Some(b"bytes".to_vec())));
    }

    #[test]
    fn a_rename_is_whole_or_not_at_all() {
        let mut disk = Disk::default();
        disk.put(&path("old"), b"old".to_vec());
        let node = disk.open(&path("new")).expect("made");
        disk.append(node, b"new").expect("open");
        disk.sync(node).expect("open");
        disk.sync_folder(Path::new("."));
        disk.rename(&path("new"), &path("old")).expect("there");
        let mut seen = [0; 2];
        for seed in 0..100 {
            let mut disk = disk.clone();
            disk.crash(&mut Random::new(seed));
            let read = |name| disk.find(&path(name)).ok().map(|node| disk.read(node).expect("a file").to_vec());
            match (read("old").as_deref(), read("new").as_deref()) {
                (Some(b"old"), Some(b"new")) => seen[0] += 1,
                (Some(b"new"), None) => seen[1] += 1,
                other => panic!("half a rename: {other:?}"),
            }
        }
        assert!(seen[0] > 0 && seen[1] > 0);
    }

    #[test]
    fn renamed_before_it_was_synced_it_may_be_empty() {
        let mut disk = Disk::default();
        disk.put(&path("old"), b"old".to_vec());
        let node = disk.open(&path("new")).expect("made");
        disk.append(node, b"new").expect("open");
        disk.rename(&path("new"), &path("old")).expect("there");
        disk.sync_folder(Path::new("."));
        assert!(after_crashes(&disk, "old").contains(&Some(Vec::new())));
    }

    #[test]
    fn names_in_a_folder_go_with_its_own() {
        let mut disk = Disk::default();
        disk.make_folder(&path("d")).expect("made");
        let node = disk.open(&path("d/a")).expect("made");
        disk.append(node, b"bytes").expect("open");
        disk.sync(node).expect("open");
        disk.sync_folder(Path::new("d"));
        let outcomes = after_crashes(&disk, "d/a");
        assert!(outcomes.contains(&None) && outcomes.contains(&Some(b"bytes".to_vec())));
        disk.sync_folder(Path::new("."));
        assert!(after_crashes(&disk, "d/a").iter().all(Option::is_some));
        assert!(disk.open(&path("d")).is_err() && disk.open(&path("e/a")).is_err());
    }

    #[test]
    fn what_a_failed_sync_was_for_stays_in_doubt() {
        let mut disk = Disk::default();
        disk.put(&path("a"), Vec::new());
        let node = disk.find(&path("a")).expect("there");
        disk.append(node, b"one").expect("open");
        disk.fail_sync(node);
        disk.append(node, b"two").expect("open");
        disk.sync(node).expect("open");
        let outcomes = after_crashes(&disk, "a");
        assert!(outcomes.contains(&Some(b"\0\0\0two".to_vec())), "the next sync did not save it");
        assert!(outcomes.contains(&Some(b"onetwo".to_vec())));
        assert!(outcomes.iter().all(|bytes| bytes.as_ref().is_some_and(|bytes| bytes.ends_with(b"two"))));
        // Cut off and written anew, it is as safe as anything.
        disk.cut(node, 0).expect("open");
        disk.append(node, b"new").expect("open");
        disk.sync(node).expect("open");
        assert!(after_crashes(&disk, "a").iter().all(|bytes| bytes.as_deref() == Some(b"new")));
    }

    #[test]
    fn cuts_come_or_are_lost_in_their_place() {
        let mut disk = Disk::default();
        disk.put(&path("a"), b"good and torn".to_vec());
        let node = disk.find(&path("a")).expect("there");
        disk.cut(node, 4).expect("there");
        assert_eq!(disk.read(node).expect("there"), b"good");
        let outcomes = after_crashes(&disk, "a");
        assert!(outcomes.contains(&Some(b"good".to_vec())) && outcomes.contains(&Some(b"good and torn".to_vec())));
        disk.append(node, b"!").expect("there");
        disk.sync(node).expect("there");
        assert!(after_crashes(&disk, "a").iter().all(|bytes| bytes.as_deref() == Some(b"good!")));
    }

    #[test]
    fn the_same_seed_is_the_same_crash() {
        let mut disk = Disk::default();
        for number in 0..20 {
            let node = disk.open(&path(&format!("file {number}"))).expect("made");
            disk.append(node, &[number; 30]).expect("open");
        }
        let crashed = |seed| {
            let mut disk = disk.clone();
            disk.crash(&mut Random::new(seed));
            disk.seen
                .iter()
                .map(|(path, node)| (path.clone(), disk.read(*node).expect("there").to_vec()))
                .collect::<Vec<_>>()
        };
        assert_eq!(crashed(5), crashed(5));
        assert_ne!(crashed(5), crashed(6));
    }
}
