//! What happens at which operation: faults, and mistakes that are planted.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;

/// What goes wrong until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Create,
    /// After so many bytes of a file: the disk is full.
    Write(u64),
    Sync,
    Rename,
    Fork,
}

/// Mistakes that a server could make, planted between it and the disk: the simulation must find each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Names are not made durable.
    FolderSync,
    /// A file gets its name before its bytes are durable.
    SyncBeforeRename,
    /// The append-only file is not made durable before a reply leaves.
    SyncBeforeReply,
    /// Of an append it is not looked at how much of it was taken.
    ShortWrite,
    /// A torn tail is taken for whole: it stays, and what is appended next comes behind it.
    TornTail,
    /// What a sync failed for is only synced once more.
    WriteAgain,
}

/// What happens at which operation. Shared by all who see the disk.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Operations that change something, so far.
    pub operations: Cell<u64>,
    /// From this one on everything fails: the machine is about to be gone.
    pub stop_at: Cell<Option<u64>>,
    /// This one fails, and no other.
    pub fail_at: Cell<Option<u64>>,
    pub lie: Cell<Option<Lie>>,
    /// What happened, line by line, if somebody wants to read it.
    pub story: RefCell<Option<Vec<String>>>,
    /// How often is asked after a sync beside the loop before it is done.
    pub sync_asks: Cell<u32>,
    /// Crashes so far: what was opened before the last one is dead.
    pub crashes: Cell<u64>,
}

impl Course {
    /// One operation more; an error if it is to fail.
    pub fn step(&self, what: fmt::Arguments<'_>) -> io::Result<()> {
        let now = self.operations.get() + 1;
        self.operations.set(now);
        let stops = self.stop_at.get().is_some_and(|at| now >= at);
        let fails = stops || self.fail_at.get() == Some(now);
        self.note(format_args!("{now}: {what}{}", if fails { " fails" } else { "" }));
        if fails { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Ok(()) }
    }

    /// Writes into the story, if one is written.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        if let Some(story) = &mut *self.story.borrow_mut() {
            story.push(what.to_string());
        }
    }

    pub fn lies(&self, lie: Lie) -> bool {
        self.lie.get() == Some(lie)
    }
}

/// What goes wrong until it is told otherwise; shared: what is open meets it as well.
pub(super) type Troubles = Rc<Cell<Option<Trouble>>>;

pub(super) fn stumble(troubles: &Troubles, at: Trouble) -> io::Result<()> {
    if troubles.get() == Some(at) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}
