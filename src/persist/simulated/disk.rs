//! A disk that crashes: what was written but not synced is kept apart, and a crash decides what became of it.
//!
//! ```text
//! file     durable bytes ◀── sync ── changes since (write, cut)            seen bytes: what the living read
//! folder   durable names ◀── sync ── changes since (link, rename, unlink)  seen names
//!
//! crash:   seen = durable + some of the changes; what was open is gone
//! ```
//!
//! What a crash may do is what POSIX leaves open and file systems do: of the changes of a file any may be lost, any may be torn,
//! its length may have come without its bytes (zeros, where nothing stood before); of the changes of a folder any may be lost, and
//! one alone comes whole: a rename is never half of it.
//!
//! A sync that failed says nothing good of the bytes that it was to make safe, and neither does the next one that succeeds: the
//! system has marked them as written. They are seen as long as they are in memory; when they leave it (`evict`), what the disk has
//! is seen in their place. Only who writes them again can make them safe. Names are another matter: a sync of a folder that failed
//! may be tried again, for file systems keep a journal of names, and one that cannot write its journal takes nothing more.
//!
//! What it leaves out: of one write the pages come in their order. A page that is missing in the middle of one would be seen by no
//! reader of a format without checksums.
//!
//! Knows bytes and names; nothing of what they mean.

use crate::base::random::Random;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// A file, or a folder, whatever its name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(u64);

/// A change of a file's bytes.
#[derive(Clone, Debug)]
struct Change {
    /// They are counted, so that a sync is told from what was written while it went on.
    number: u64,
    /// A sync of it failed: no later one makes it safe.
    is_doubtful: bool,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Write { at: usize, bytes: Vec<u8> },
    Cut { length: usize },
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match &self.what {
            What::Write { at, bytes } => write_at(to, *at, bytes),
            What::Cut { length } => to.truncate(*length),
        }
    }

    /// What came later has come to the disk, and this may come after it: it does not undo it.
    fn give_way(&mut self, later: &What) {
        let What::Write { at, bytes } = &mut self.what else { return };
        match later {
            What::Cut { length } => bytes.truncate(length.saturating_sub(*at)),
            What::Write { at: later_at, bytes: later } => {
                let (from, to) = ((*at).max(*later_at), (*at + bytes.len()).min(later_at + later.len()));
                if from < to {
                    bytes[from - *at..to - *at].copy_from_slice(&later[from - later_at..to - later_at]);
                }
            }
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
    /// How many there were so far.
    counted: u64,
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
        contents.change(What::Write { at: contents.seen.len(), bytes: bytes.to_vec() });
        Ok(())
    }

    /// Writes what is seen over itself.
    pub fn write_again(&mut self, node: Node) -> io::Result<()> {
        let contents = self.contents(node)?;
        contents.change(What::Write { at: 0, bytes: contents.seen.clone() });
        Ok(())
    }

    /// Cuts off what stands behind `length`.
    pub fn cut(&mut self, node: Node, length: u64) -> io::Result<()> {
        self.contents(node)?.change(What::Cut { length: length as usize });
        Ok(())
    }

    /// A sync that begins now is for the changes before this number.
    pub fn mark(&self, node: Node) -> u64 {
        self.nodes.get(&node).map_or(0, |contents| contents.counted)
    }

    /// Makes a file's bytes durable; its name is another matter.
    pub fn sync(&mut self, node: Node) -> io::Result<()> {
        self.sync_before(node, self.mark(node))
    }

    /// The same, and what was changed since the mark is as unsafe as it was.
    pub fn sync_before(&mut self, node: Node, mark: u64) -> io::Result<()> {
        self.contents(node)?.sync_before(mark);
        Ok(())
    }

    /// A sync that failed: what it was for is in doubt until it is written again, for the system takes it for written.
    pub fn fail_sync_before(&mut self, node: Node, mark: u64) {
        let Some(contents) = self.nodes.get_mut(&node) else { return };
        for change in &mut contents.changes {
            change.is_doubtful |= change.number < mark && matches!(change.what, What::Write { .. });
        }
    }

    /// Something is seen that a failed sync was for, and that was not written again.
    pub fn is_in_doubt(&self) -> bool {
        self.nodes.values().any(|contents| contents.changes.iter().any(|change| change.is_doubtful))
    }

    /// Of the bytes that failed syncs were for, some leave memory: what the disk has is seen in their place.
    pub fn evict(&mut self, random: &mut Random) {
        self.nodes.values_mut().for_each(|contents| contents.evict(random));
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
    fn change(&mut self, what: What) {
        let change = Change { number: self.counted, is_doubtful: false, what };
        self.counted += 1;
        change.apply(&mut self.seen);
        self.changes.push(change);
    }

    fn sync_before(&mut self, mark: u64) {
        let mut unsafe_still: Vec<Change> = Vec::new();
        for change in self.changes.drain(..) {
            if change.number >= mark || change.is_doubtful {
                unsafe_still.push(change);
                continue;
            }
            change.apply(&mut self.durable);
            let earlier = unsafe_still.iter_mut().filter(|earlier| earlier.number < change.number);
            earlier.for_each(|earlier| earlier.give_way(&change.what));
        }
        // Of what was cut off since, nothing comes any more, not even its length.
        unsafe_still.retain(|change| !matches!(&change.what, What::Write { bytes, .. } if bytes.is_empty()));
        self.changes = unsafe_still;
    }

    fn evict(&mut self, random: &mut Random) {
        let leaves: Vec<bool> = self.changes.iter().map(|change| change.is_doubtful && random.below(2) == 0).collect();
        if !leaves.contains(&true) {
            return;
        }
        let mut seen = self.durable.clone();
        let staying = self.changes.iter().zip(&leaves).filter(|(_, leaves)| !**leaves);
        staying.for_each(|(change, _)| change.apply(&mut seen));
        // The length is kept elsewhere, and stays.
        seen.resize(self.seen.len(), 0);
        self.seen = seen;
        for (change, _) in self.changes.iter_mut().zip(leaves).filter(|(_, leaves)| *leaves) {
            let What::Write { at, bytes } = &mut change.what else { continue };
            let end = (*at + bytes.len()).min(self.seen.len());
            *bytes = self.seen.get(*at..end).unwrap_or_default().to_vec();
            change.is_doubtful = false;
        }
    }

    fn crash(&mut self, random: &mut Random) {
        let mut bytes = std::mem::take(&mut self.durable);
        let changes = std::mem::take(&mut self.changes);
        let kept = kept(random, changes.len());
        let last = kept.last().copied();
        for index in kept {
            let is_torn = random.below(if last == Some(index) { 2 } else { 8 }) == 0;
            match &changes[index].what {
                What::Write { at, bytes: written } if is_torn => tear(random, &mut bytes, *at, written),
                _ => changes[index].apply(&mut bytes),
            }
        }
        self.seen.clone_from(&bytes);
        self.durable = bytes;
    }
}

/// A write of which not all came to the disk: a beginning, and perhaps all of its length. Where nothing stood before, that is zeros.
fn tear(random: &mut Random, file: &mut Vec<u8>, at: usize, written: &[u8]) {
    let there = random.below(written.len() as u64 + 1) as usize;
    write_at(file, at, &written[..there]);
    if random.below(3) == 0 && file.len() < at + written.len() {
        file.resize(at + written.len(), 0);
    }
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
mod tests;
