//! A replica of this server, as its master sees it.
//!
//! ```text
//!  Greeting ──PSYNC, the backlog reaches───────────────────────────────────────────────────────────▶ Online
//!     │ SYNC, PSYNC
//!     ▼           a child begins           it ended well
//!  Waiting ─────────────────────▶ Dumping ───to disk────▶ Sending ──the file is sent──────────────▶ Online
//!     ▲                              └───to sockets──▶ Online, but its stream waits for its first ACK
//!     └── (the child at work is for others)           └ who wanted the dump only ─────────────────▶ Transmitted
//! ```
//!
//! Invariant: from `Dumping` on the backlog has everything from the replica's `next` on.

use std::io;

use crate::base::clock::Ms;
use crate::keyspace::SessionKey;

/// What a replica says it understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// A dump of unknown length, between marks.
    pub eof: bool,
    /// A history that changes its id.
    pub psync2: bool,
}

/// What of the data a replica asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The dump, and nothing behind it.
    pub dump_only: bool,
    pub without_keys: bool,
    pub without_functions: bool,
}

impl Wanted {
    /// Some of the data is left out, so that the dump can be nobody else's.
    pub fn is_filtered(self) -> bool {
        self.without_keys || self.without_functions
    }

    /// A dump for one serves the other.
    pub fn is_served_with(self, other: Wanted) -> bool {
        self.without_keys == other.without_keys && self.without_functions == other.without_functions
    }
}

/// A dump on its way from the disk to one replica.
pub struct DumpFile {
    pub file: Box<dyn io::Read>,
    /// Bytes still to be read.
    pub left: u64,
}

/// See the head of the file.
pub enum Stage {
    /// It said something of itself.
    Greeting,
    /// For a child to begin.
    Waiting,
    /// A child writes its dump.
    Dumping {
        to_sockets: bool,
    },
    /// The dump goes out.
    Sending(DumpFile),
    Online,
    /// The dump went out, and nothing else was wanted.
    Transmitted,
}

/// One replica.
pub struct Replica {
    pub session: SessionKey,
    pub stage: Stage,
    /// Where it says it listens.
    pub port: u16,
    /// How it wants to be called; empty: as its socket says.
    pub address: String,
    pub can: Capabilities,
    pub wants: Wanted,
    /// It came by SYNC: it acknowledges nothing.
    pub is_silent: bool,
    /// The first byte of the stream that it has not been sent.
    pub next: i64,
    /// Its stream begins at its first acknowledgement.
    pub awaits_ack: bool,
    pub acked: i64,
    pub acked_on_disk: i64,
    pub acked_at: Ms,
    pub asked_at: Ms,
}

impl Replica {
    pub fn new(session: SessionKey, now: Ms) -> Replica {
        Replica {
            session,
            stage: Stage::Greeting,
            port: 0,
            address: String::new(),
            can: Capabilities::default(),
            wants: Wanted::default(),
            is_silent: false,
            next: 0,
            awaits_ack: false,
            acked: 0,
            acked_on_disk: 0,
            acked_at: now,
            asked_at: now,
        }
    }

    /// It asked for the data.
    pub fn is_attached(&self) -> bool {
        !matches!(self.stage, Stage::Greeting)
    }

    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    pub fn is_online(&self) -> bool {
        matches!(self.stage, Stage::Online)
    }

    /// Its dump comes through the server.
    pub fn is_streaming_dump(&self) -> bool {
        matches!(self.stage, Stage::Dumping { to_sockets: true })
    }

    /// The stream may go to its socket.
    pub fn is_open(&self) -> bool {
        self.is_online() && !self.awaits_ack
    }

    /// It gets what the stream brings, now or when it has its dump.
    pub fn is_fed(&self) -> bool {
        !self.wants.dump_only && matches!(self.stage, Stage::Dumping { .. } | Stage::Sending(_) | Stage::Online)
    }

    /// Its stage as INFO names it.
    pub fn state_name(&self) -> &'static str {
        match self.stage {
            Stage::Greeting | Stage::Waiting | Stage::Dumping { .. } => "wait_bgsave",
            Stage::Sending(_) => "send_bulk",
            Stage::Online => "online",
            Stage::Transmitted => "rdb_transmitted",
        }
    }

    /// Whole seconds since it was last heard of; 0 until it is online.
    pub fn lag_s(&self, now: Ms) -> i64 {
        if self.is_online() { (now / 1000 - self.acked_at / 1000).max(0) } else { 0 }
    }
}
