//! The master that this server follows.
//!
//! ```text
//!            the periodic job     connected          what is missing comes: +CONTINUE
//!  Idle ──────────▶ Connecting ──────▶ Talking ─────────────────────────────────────────▶ Streaming
//!   ▲                                     │ everything comes: +FULLRESYNC                    ▲
//!   │                                     ▼           the dump is whole           loaded     │
//!   │                                 Receiving ────────────────────────▶ Loading ───────────┘
//!   └─ the link is lost, or silent for too long, at any place. From Streaming the place in the history is kept.
//! ```
//!
//! Invariant: what was applied of the master's stream is what this server's own replicas are given, byte for byte; the rest of what
//! was read is in `unapplied`.

use std::path::PathBuf;

use super::handshake::Handshake;
use super::transfer::Transfer;
use crate::base::clock::Ms;
use crate::config::special::MasterAddress;
use crate::keyspace::SessionKey;
use crate::persist::OutputFile;

/// The number by which the loop knows a link.
pub type Link = u64;

/// Where a dump goes as it comes.
pub enum Destination {
    File {
        file: Box<dyn OutputFile>,
        path: PathBuf,
    },
    /// Straight to whoever loads it (`Following::inflow`). `is_async`: it is of the history that this server's data is of, only
    /// later; that is old then, but not wrong, and is shown until the new data is whole.
    Data {
        is_async: bool,
    },
}

/// See the head of the file.
pub enum Phase {
    Idle,
    Connecting {
        link: Link,
    },
    Talking {
        link: Link,
        handshake: Box<Handshake>,
    },
    /// The dump comes.
    Receiving {
        link: Link,
        transfer: Transfer,
        into: Destination,
    },
    /// The whole dump is loaded, while the link waits. `has_begun`: by the loop, which does it in pieces.
    Loading {
        link: Link,
        has_begun: bool,
    },
    Streaming {
        link: Link,
        session: SessionKey,
    },
}

/// See the head of the file.
pub struct Following {
    pub master: MasterAddress,
    pub phase: Phase,
    /// The history that comes with the dump that is being received; `None`: nobody knows.
    pub coming: Option<(String, i64)>,
    /// This server's own history goes on from the master's: it may ask for what is missing.
    pub has_history: bool,
    /// The database that the stream had selected.
    pub stream_db: usize,
    /// Bytes read from the stream and not yet applied as whole commands, outside of transactions.
    pub unapplied: Vec<u8>,
    /// Errors that its commands were answered with.
    pub errors: u64,
    /// Bytes of a dump that is loaded as it comes, and that nobody has taken yet.
    pub inflow: Vec<u8>,
    pub last_heard: Ms,
    pub down_since: Option<Ms>,
    /// The master asked where we are.
    pub wants_ack: bool,
    /// The next handshake asks the master to step down.
    pub takes_over: bool,
}

impl Following {
    pub fn new(master: MasterAddress, now: Ms) -> Following {
        Following {
            master,
            phase: Phase::Idle,
            coming: None,
            has_history: false,
            stream_db: 0,
            unapplied: Vec::new(),
            errors: 0,
            inflow: Vec::new(),
            last_heard: now,
            down_since: None,
            wants_ack: false,
            takes_over: false,
        }
    }

    /// In step with the master.
    pub fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Streaming { .. })
    }

    /// The data is on its way.
    pub fn is_syncing(&self) -> bool {
        matches!(self.phase, Phase::Receiving { .. } | Phase::Loading { .. })
    }

    pub fn link(&self) -> Option<Link> {
        match self.phase {
            Phase::Idle => None,
            Phase::Connecting { link }
            | Phase::Talking { link, .. }
            | Phase::Receiving { link, .. }
            | Phase::Loading { link, .. }
            | Phase::Streaming { link, .. } => Some(link),
        }
    }

    /// The phase as ROLE names it.
    pub fn state_name(&self) -> &'static str {
        match self.phase {
            Phase::Idle => "connect",
            Phase::Connecting { .. } => "connecting",
            Phase::Talking { .. } => "handshake",
            Phase::Receiving { .. } | Phase::Loading { .. } => "sync",
            Phase::Streaming { .. } => "connected",
        }
    }

    /// Host and port as the log names them.
    pub fn name(&self) -> String {
        format!("{}:{}", String::from_utf8_lossy(&self.master.host), self.master.port)
    }
}
