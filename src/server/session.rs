//! One client session: what the server knows of a client, apart from its socket.

use super::client_memory::Share;
use crate::acl::UserId;
use crate::base::clock::Ms;
use crate::keyspace::SessionKey;
use crate::protocol::args::OwnedRequest;
use crate::protocol::output::Output;
use crate::protocol::reply::Reply;
use crate::protocol::request::Progress;

/// Bits of `Session::flags`.
pub mod flag {
    /// Between MULTI and EXEC.
    pub const IN_TRANSACTION: u32 = 1 << 0;
    /// A watched key changed: EXEC answers null.
    pub const WATCH_BROKEN: u32 = 1 << 1;
    /// A command could not be queued: EXEC refuses.
    pub const TRANSACTION_BROKEN: u32 = 1 << 2;
    /// Waits for a key.
    pub const BLOCKED: u32 = 1 << 3;
    /// Its requests wait for the end of CLIENT PAUSE.
    pub const PAUSED: u32 = 1 << 4;
    /// To be closed once its replies are sent.
    pub const CLOSE_AFTER_REPLY: u32 = 1 << 5;
    /// To be closed at the end of the tick, whatever is unsent.
    pub const CLOSE_NOW: u32 = 1 << 6;
    pub const MONITOR: u32 = 1 << 7;
    pub const NO_TOUCH: u32 = 1 << 8;
    pub const NO_EVICT: u32 = 1 << 9;
    /// CLIENT REPLY OFF.
    pub const REPLY_OFF: u32 = 1 << 10;
    /// CLIENT REPLY SKIP: the next command's reply is not sent.
    pub const REPLY_SKIP_NEXT: u32 = 1 << 11;
    pub const REPLY_SKIP: u32 = 1 << 12;
    pub const AUTHENTICATED: u32 = 1 << 13;
    /// Has at least one subscription.
    pub const SUBSCRIBED: u32 = 1 << 14;
    pub const UNIX_SOCKET: u32 = 1 << 15;
    /// CLIENT TRACKING ON.
    pub const TRACKING: u32 = 1 << 19;
    /// The session that its invalidations go to is gone.
    pub const TRACKING_BROKEN: u32 = 1 << 20;
    /// It tracks by prefixes.
    pub const TRACKING_BROADCAST: u32 = 1 << 21;
    /// CLIENT CACHING: until the next command of another kind, or the end of the transaction.
    pub const CACHING_GIVEN: u32 = 1 << 22;
    /// CLIENT CAPA redirect.
    pub const CAPA_REDIRECT: u32 = 1 << 23;
    /// It speaks for the master that this server follows.
    pub const MASTER: u32 = 1 << 26;
    /// A replica of this server: it is given the stream, and answered nothing.
    pub const REPLICA: u32 = 1 << 27;
    /// In the list of sessions whose replies are to be sent in this tick.
    pub const WRITE_QUEUED: u32 = 1 << 16;
    /// In the list of sessions that go on without waiting for their socket.
    pub const RUN_QUEUED: u32 = 1 << 17;
    /// Its bytes are in the batch that is being gathered: nothing of it may be read past them before they are executed.
    pub const IN_BATCH: u32 = 1 << 30;
    /// Runs a script: its commands are the script's.
    pub const IN_SCRIPT: u32 = 1 << 29;
    /// Its user may not do everything: what it calls is checked.
    pub const RESTRICTED: u32 = 1 << 24;
    /// Its user may read every key by the call at hand (SORT with BY or GET), though it may not do everything.
    pub const READS_EVERY_KEY: u32 = 1 << 25;
    /// Made by the server itself (loading, scripts): no socket, not limited.
    pub const INTERNAL: u32 = 1 << 18;
}

/// Flags with which a session's requests are not executed now.
pub const HELD: u32 = flag::BLOCKED | flag::PAUSED | flag::CLOSE_AFTER_REPLY | flag::CLOSE_NOW;

/// What a session queued and watches.
#[derive(Default)]
pub struct Transaction {
    /// Command numbers with their words.
    pub queue: Vec<(usize, OwnedRequest)>,
    /// Bytes of the queued words.
    pub queue_bytes: usize,
}

/// A session's wait for a key.
pub struct Blocked {
    pub db: usize,
    pub keys: Vec<Box<[u8]>>,
    /// The type that a key must have to serve.
    pub kind: crate::value::Kind,
    /// Answers when its time is over.
    pub answer_late: fn(&mut Reply),
    /// It is served, too, when a key is gone, or of another type.
    pub on_absence: bool,
    pub deadline: Option<Ms>,
    pub timer: Option<crate::structures::timers::TimerId>,
    /// The alarm at which it runs again by itself.
    pub again: Option<crate::structures::timers::TimerId>,
    pub command_id: usize,
    pub request: OwnedRequest,
    /// When it began, in clock cycles: the time it waits counts as its duration in no statistics but its own.
    pub since: Ms,
}

/// One client session.
pub struct Session {
    pub key: SessionKey,
    /// CLIENT ID: never used again.
    pub id: u64,
    pub db: usize,
    pub is_resp3: bool,
    pub flags: u32,
    /// Whose rules hold for it.
    pub user: UserId,
    /// Replies not yet sent.
    pub out: Output,
    /// Bytes that were read but not yet executed: an incomplete request, or what a bound or a wait left.
    pub pending: Vec<u8>,
    /// How far the incomplete request at the front of `pending` has been parsed.
    pub progress: Progress,
    pub transaction: Option<Box<Transaction>>,
    pub watched: Vec<(usize, Box<[u8]>)>,
    /// Bytes that the watched keys take.
    pub watched_bytes: usize,
    /// Bytes of requests that are being executed.
    pub batch_bytes: u32,
    /// Its part in what all clients take.
    pub share: Share,
    pub blocked: Option<Box<Blocked>>,
    pub name: Box<[u8]>,
    pub lib_name: Box<[u8]>,
    pub lib_version: Box<[u8]>,
    pub peer: Box<str>,
    pub local: Box<str>,
    pub descriptor: i32,
    pub created: Ms,
    pub last_active: Ms,
    /// The alarm at which it will have been idle for too long.
    pub idle_timer: Option<crate::structures::timers::TimerId>,
    /// Number of the last command; `usize::MAX`: none yet.
    pub last_command: usize,
    pub commands: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    /// The replication stream's offset behind the last of its commands that changed anything.
    pub write_offset: i64,
    /// When its socket last took something.
    pub last_sent: Ms,
    /// When the output passed its soft limit.
    pub soft_limit_since: Option<Ms>,
}

impl Session {
    pub fn new(key: SessionKey, id: u64, now: Ms) -> Session {
        Session {
            key,
            id,
            db: 0,
            is_resp3: false,
            flags: 0,
            user: UserId::DEFAULT,
            out: Output::default(),
            pending: Vec::new(),
            progress: Progress::default(),
            transaction: None,
            watched: Vec::new(),
            watched_bytes: 0,
            batch_bytes: 0,
            share: Share::default(),
            blocked: None,
            name: Box::default(),
            lib_name: Box::default(),
            lib_version: Box::default(),
            peer: Box::default(),
            local: Box::default(),
            descriptor: -1,
            created: now,
            last_active: now,
            idle_timer: None,
            last_command: usize::MAX,
            commands: 0,
            net_input_bytes: 0,
            net_output_bytes: 0,
            write_offset: 0,
            last_sent: now,
            soft_limit_since: None,
        }
    }

    /// Bytes of the names that it has.
    pub fn text_bytes(&self) -> usize {
        self.name.len() + self.lib_name.len() + self.lib_version.len() + self.peer.len() + self.local.len()
    }

    #[inline]
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    #[inline]
    pub fn set(&mut self, flags: u32) {
        self.flags |= flags;
    }

    #[inline]
    pub fn clear(&mut self, flags: u32) {
        self.flags &= !flags;
    }

    /// Connected from this machine.
    pub fn is_local(&self) -> bool {
        self.has(flag::UNIX_SOCKET | flag::INTERNAL)
            || self.peer.parse::<std::net::SocketAddr>().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }
}
