//! The one struct that holds it all, and the small states that belong to nobody else.

use std::rc::Rc;

use super::acks::AckWaiter;
use super::blocking::Waiters;
use super::client_memory::ClientMemory;
use super::journal::Journal;
use super::links::LinkKey;
use super::migrations::Migrations;
use super::outbox::Outbox;
use super::pause::Pauses;
use super::sessions::Sessions;
use crate::acl::{Acl, Catalog};
use crate::base::clock::{Clock, Ms};
use crate::base::memory::ThreadCounters;
use crate::base::random::Random;
use crate::config::Settings;
use crate::config::choices::{AclPubsubDefault, MaxmemoryPolicy};
use crate::keyspace::{Keyspace, Policy, SessionKey};
use crate::observe::Observe;
use crate::persist::Persist;
use crate::pubsub::PubSub;
use crate::replication::Replication;
use crate::script::Scripts;
use crate::structures::pack_deque::PackLimits;
use crate::structures::stream_log::BlockLimits;
use crate::structures::timers::Timers;
use crate::tracking::Tracking;
use crate::value::limits::EncodingLimits;

/// The version of Redis that is served, as INFO and HELLO tell it.
pub const REDIS_VERSION: &str = "8.0.6";

/// Unsent bytes of a client that has not said who it is: room for refusals, not for filling memory.
pub const UNAUTHENTICATED_BYTES_MAX: usize = 1024;

/// Conditions that hold for the server as a whole and close gates: bits of `Server::standing`.
/// A gate whose bit is not set here (nor asked for by the session) is not even looked at.
pub mod standing {
    /// The default user needs a password, or is off.
    pub const AUTH: u32 = 1 << 0;
    /// `maxmemory` is set.
    pub const MEMORY: u32 = 1 << 1;
    /// Writes are refused: the last snapshot failed, or there are too few replicas.
    pub const NO_WRITES: u32 = 1 << 2;
    /// A dump is loading.
    pub const LOADING: u32 = 1 << 3;
    /// Something else long is running.
    pub const BUSY: u32 = 1 << 4;
    /// Requests that write, or all, wait.
    pub const PAUSED: u32 = 1 << 5;
    /// Somebody watches by MONITOR.
    pub const MONITORED: u32 = 1 << 6;
    /// Debug commands and their like are not open to everybody.
    pub const PROTECTED: u32 = 1 << 7;
    /// More keys are remembered for those who track them than `tracking-table-max-keys`.
    pub const TRACKING_FULL: u32 = 1 << 8;
    /// Clients take more together than `maxmemory-clients`.
    pub const CLIENTS_FULL: u32 = 1 << 9;
    /// HOTKEYS counts: no gate is closed by that, but the short way is not for anybody.
    pub const HOTKEYS: u32 = 1 << 10;
    /// Keys are on their way to another server.
    pub const MIGRATING: u32 = 1 << 11;
    /// A replica that takes writes from its master only.
    pub const READ_ONLY: u32 = 1 << 12;
    /// A replica whose data is old, and not to be shown.
    pub const STALE: u32 = 1 << 13;
    /// A replica that takes writes from others than its master, too.
    pub const OWN_WRITES: u32 = 1 << 14;
    /// What a cluster would refuse is counted: no gate is closed by that, but the short way is not for anybody.
    pub const CLUSTER_SAMPLE: u32 = 1 << 15;
    /// `import-mode`: what a call sees of keys that are due depends on whose it is, so the short way is not for anybody.
    pub const IMPORTING: u32 = 1 << 16;
    /// A master's dump is loading aside, while the data that there is is served.
    pub const ASYNC_LOADING: u32 = 1 << 17;
}

/// What the server's timers stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A blocked session's time is over.
    BlockTimeout(SessionKey),
    /// A blocked session is to look again: what it waits for may have come with time alone.
    BlockAgain(SessionKey),
    /// Look whether a session has been idle for too long.
    IdleCheck(SessionKey),
    /// The periodic jobs.
    Cron,
    /// A pause is over.
    PauseEnd,
    /// A listener that met the limit of open files is to be tried again.
    AcceptAgain(usize),
    /// A link to another server was silent for too long, or was not needed.
    LinkTimeout(LinkKey),
    /// Replicas were waited for long enough before leaving.
    ShutdownTimeout,
}

/// How to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownRequest {
    /// Save first (`Some(true)`), do not (`Some(false)`), or as the save points say (`None`).
    pub save: Option<bool>,
    /// Leave even if saving fails.
    pub force: bool,
    /// Wait for no replica.
    pub now: bool,
}

/// Somebody asked to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    pub request: ShutdownRequest,
    /// Who waits for it; a signal does not.
    pub asked_by: Vec<SessionKey>,
    /// Replicas are waited for, until then.
    pub waits_until: Option<Ms>,
}

/// What does not change while the process lives.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// 40 hexadecimal digits, new at every start.
    pub run_id: String,
    /// 40 hexadecimal digits that name this history of the data.
    pub replication_id: String,
    /// Name, release and machine of the operating system.
    pub system: String,
    pub pid: u32,
    pub executable: String,
    pub config_file: Option<std::path::PathBuf>,
    /// Who supervises the process, as INFO names it.
    pub supervised: &'static str,
    pub started: Ms,
}

/// Why the disk takes no writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault<'s> {
    /// The last snapshot failed.
    Snapshot,
    /// The append-only file cannot be written, or not be brought to the disk: the system's words.
    AppendOnly(&'s str),
}

/// All state of the server.
pub struct Server {
    pub keyspace: Keyspace,
    pub sessions: Sessions,
    pub outbox: Outbox,
    pub client_memory: ClientMemory,
    pub settings: Rc<Settings>,
    pub observe: Observe,
    pub acl: Acl,
    pub pubsub: PubSub,
    pub tracking: Tracking,
    pub persist: Persist,
    pub migrations: Migrations,
    pub replication: Replication,
    /// Who waits for acknowledgements of replicas.
    pub ack_waiters: Vec<AckWaiter>,
    pub scripts: Scripts,
    pub waiters: Waiters,
    pub journal: Journal,
    pub timers: Timers<Alarm>,
    pub clock: Clock,
    /// Wall time of this tick (of the transaction or script at hand), milliseconds since the epoch.
    pub now: Ms,
    /// `standing::*` bits.
    pub standing: u32,
    pub pauses: Pauses,
    /// Sessions whose requests wait for the end of the pause.
    pub paused: Vec<SessionKey>,
    pub monitors: Vec<SessionKey>,
    /// Keys that somebody waits for and that may serve him now, with their database.
    pub ready: Vec<(usize, Box<[u8]>)>,
    /// The wheel removes what is due; off only by DEBUG SET-ACTIVE-EXPIRE.
    pub active_expire: bool,
    /// The periodic jobs rest; only by DEBUG PAUSE-CRON.
    pub is_cron_paused: bool,
    /// Eviction ran out of time and goes on in the next turn.
    pub eviction_goes_on: bool,
    /// The cycle counter at the end of the last command: the start of the next.
    pub last_cycles: u64,
    /// Reply buffers that were sent and wait to be filled again: a session owns one only while it has something to send.
    pub spare_buffers: Vec<Vec<u8>>,
    /// Unsent bytes from which a session's output is looked at: its limits, and what is noted of large replies.
    pub output_check_bytes: usize,
    /// Sessions above their soft output limit.
    pub over_soft_limit: Vec<SessionKey>,
    /// Somebody asked to leave (SHUTDOWN, a signal).
    pub shutdown: Option<Shutdown>,
    pub random: Random,
    pub identity: Identity,
    /// Accounts of the loop's own thread.
    pub memory: ThreadCounters,
    /// The highest `used_memory` seen, bytes.
    pub memory_peak: u64,
    /// Elements of a list from this length on stand by themselves, as DEBUG QUICKLIST-PACKED-THRESHOLD says; 0: as the
    /// settings say. `apply_settings` makes it count.
    pub list_plain_from: usize,
    /// `used_memory` before there was any data, bytes.
    pub memory_startup: u64,
}

impl Server {
    /// An empty server. `commands`: all that can be called; `seed` decides all its chance.
    pub fn new(settings: Rc<Settings>, commands: Catalog, clock: Clock, seed: u64, identity: Identity) -> Server {
        let now = clock.wall_ms();
        let mut random = Random::new(seed);
        let mut server = Server {
            keyspace: Keyspace::new(settings.databases as usize, now, random.next_u64()),
            sessions: Sessions::default(),
            outbox: Outbox::default(),
            client_memory: ClientMemory::default(),
            observe: Observe::new(commands.len()),
            acl: Acl::new(commands),
            pubsub: PubSub::default(),
            tracking: Tracking::default(),
            persist: Persist::new(now),
            migrations: Migrations::default(),
            replication: Replication::new(identity.replication_id.clone(), now),
            ack_waiters: Vec::new(),
            scripts: Scripts::default(),
            waiters: Waiters::default(),
            journal: Journal::default(),
            timers: Timers::new(now),
            clock,
            now,
            standing: 0,
            pauses: Pauses::default(),
            paused: Vec::new(),
            monitors: Vec::new(),
            ready: Vec::new(),
            active_expire: true,
            is_cron_paused: false,
            eviction_goes_on: false,
            last_cycles: 0,
            spare_buffers: Vec::new(),
            output_check_bytes: usize::MAX,
            over_soft_limit: Vec::new(),
            shutdown: None,
            random,
            list_plain_from: 0,
            identity,
            memory: ThreadCounters::of_this_thread(),
            memory_peak: 0,
            memory_startup: 0,
            settings,
        };
        server.acl.set_default_password(&server.settings.requirepass);
        server.apply_settings();
        server.users_changed();
        server
    }

    /// Bytes in use, in size classes, as INFO's `used_memory`.
    #[inline]
    pub fn used_memory(&self) -> u64 {
        self.memory.net().max(0) as u64
    }

    pub fn set_standing(&mut self, bit: u32, on: bool) {
        if on { self.standing |= bit } else { self.standing &= !bit }
    }

    /// True when a key that the session watches is due now, though not yet removed.
    pub fn watched_key_is_due(&self, key: SessionKey) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        session.watched.iter().any(|(db, name)| self.keyspace.db(*db).watched_key_became_due(name, key))
    }

    /// Everybody whose requests were held meets the gates again.
    pub fn release_held(&mut self) {
        for key in std::mem::take(&mut self.paused) {
            if let Some(session) = self.sessions.get_mut(key) {
                session.clear(super::session::flag::PAUSED);
            }
            self.sessions.queue_run(key);
        }
    }

    /// A session listens to nothing any more; nobody is told.
    pub fn unsubscribe_all(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.has(super::session::flag::SUBSCRIBED) {
            session.clear(super::session::flag::SUBSCRIBED);
            self.pubsub.forget(key);
        }
    }

    /// A session tracks no keys any more.
    pub fn stop_tracking(&mut self, key: SessionKey) {
        use super::session::flag::{CACHING_GIVEN, TRACKING, TRACKING_BROADCAST, TRACKING_BROKEN};
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.has(TRACKING) {
            session.clear(TRACKING | TRACKING_BROADCAST | TRACKING_BROKEN | CACHING_GIVEN);
            self.tracking.end(key);
            self.update_tracking();
        }
    }

    /// Changes of keys are listed while that matters to anybody.
    pub fn update_tracking(&mut self) {
        let is_active = self.tracking.is_active();
        if self.keyspace.db(0).rules.tracks_changes != is_active {
            self.keyspace.set_rules(|rules| rules.tracks_changes = is_active);
        }
    }

    /// A session watches by MONITOR no more.
    pub fn stop_monitoring(&mut self, key: SessionKey) {
        self.monitors.retain(|monitor| *monitor != key);
        self.set_standing(standing::MONITORED, !self.monitors.is_empty());
    }

    /// Sets the alarm at which a session will have been idle for too long; none if `timeout` is 0.
    pub fn watch_idle(&mut self, key: SessionKey) {
        let timeout_ms = self.settings.timeout_s * 1000;
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(timer) = session.idle_timer.take() {
            self.timers.cancel(timer);
        }
        if timeout_ms > 0 {
            let due = (session.last_active + timeout_ms).max(self.now + 1);
            session.idle_timer = Some(self.timers.insert(due, Alarm::IdleCheck(key)));
        }
    }

    /// `timeout` changed: every session's alarm is set anew.
    pub fn watch_idle_sessions(&mut self) {
        let keys: Vec<SessionKey> = self.sessions.iter().map(|session| session.key).collect();
        keys.into_iter().for_each(|key| self.watch_idle(key));
    }

    /// Copies what the configuration says of data into the databases' rules, and of gates into the standing conditions.
    pub fn apply_settings(&mut self) {
        let settings = Rc::clone(&self.settings);
        let plain_from = self.list_plain_from;
        self.keyspace.set_rules(|rules| {
            rules.policy = policy_of(settings.maxmemory_policy);
            rules.stamps_changes = rules.policy.is_lrm();
            rules.lfu_log_factor = settings.lfu_log_factor;
            rules.lfu_decay_minutes = settings.lfu_decay_minutes;
            rules.eviction_samples = settings.maxmemory_samples as usize;
            rules.notify = settings.notify_keyspace_events.0;
            rules.limits = EncodingLimits {
                hash_pack_entries: settings.hash_listpack_entries_max,
                hash_pack_value_bytes: settings.hash_listpack_value_bytes_max,
                set_int_entries: settings.set_intset_entries_max,
                set_pack_entries: settings.set_listpack_entries_max,
                set_pack_value_bytes: settings.set_listpack_value_bytes_max,
                zset_pack_entries: settings.zset_listpack_entries_max,
                zset_pack_value_bytes: settings.zset_listpack_value_bytes_max,
                list: PackLimits::new(settings.list_listpack_size).with_plain_from(plain_from),
                stream_block: BlockLimits {
                    bytes_max: settings.stream_node_bytes_max,
                    entries_max: settings.stream_node_entries_max,
                },
            };
        });
        self.acl.new_have_all_channels = settings.acl_pubsub_default == AclPubsubDefault::AllChannels;
        self.watch_output();
        self.limit_client_memory(settings.clients_memory.bytes_of(settings.maxmemory_bytes));
        self.scripts.allows_deprecated = settings.lua_deprecated_api;
        self.set_standing(standing::MEMORY, settings.maxmemory_bytes > 0);
        self.set_standing(standing::IMPORTING, settings.import_mode);
        self.update_expiry();
        self.set_standing(standing::CLUSTER_SAMPLE, settings.cluster_compatibility_sample_percent > 0);
        self.update_write_gate();
        self.update_replica_gates();
        if let Some(backlog) = &mut self.replication.backlog {
            backlog.resize(settings.repl_backlog_bytes);
        }
        self.observe.apply_settings(&settings);
        // Large replies are noted, too; and where clients' memory is limited, whoever gets something is counted.
        let large_from = usize::try_from(self.observe.large_reply_from).unwrap_or(usize::MAX);
        self.output_check_bytes = self.output_check_bytes.min(large_from);
        if self.client_memory.is_limited() {
            self.output_check_bytes = 0;
        }
    }
}

impl Server {
    /// From so many unsent bytes on a session's output limits are looked at.
    pub(super) fn watch_output(&mut self) {
        let least = self.settings.output_limits.least_bytes();
        self.output_check_bytes = match self.acl.is_open() {
            true => least,
            false => least.min(UNAUTHENTICATED_BYTES_MAX),
        };
    }

    /// Refuses writes, or allows them again, as the last snapshot went and replicas are asked for.
    pub fn update_write_gate(&mut self) {
        self.set_standing(standing::NO_WRITES, self.disk_fault().is_some() || self.lacks_replicas());
    }

    /// Why the disk takes no writes, if it does not: then they are to be refused.
    pub fn disk_fault(&self) -> Option<DiskFault<'_>> {
        let asked_for = self.settings.stop_writes_on_bgsave_error && !self.settings.save_points.is_empty();
        if asked_for && !self.persist.last_is_good {
            return Some(DiskFault::Snapshot);
        }
        self.persist.aof.fault().map(DiskFault::AppendOnly)
    }

    /// Writes need more replicas than were heard of lately.
    pub fn lacks_replicas(&self) -> bool {
        let settings = &self.settings;
        settings.min_replicas_to_write > 0
            && settings.min_replicas_lag_s_max > 0
            && !self.replication.is_replica()
            && self.replication.good_replicas < settings.min_replicas_to_write as usize
    }
}

fn policy_of(policy: MaxmemoryPolicy) -> Policy {
    match policy {
        MaxmemoryPolicy::VolatileLru => Policy::VolatileLru,
        MaxmemoryPolicy::VolatileLfu => Policy::VolatileLfu,
        MaxmemoryPolicy::VolatileRandom => Policy::VolatileRandom,
        MaxmemoryPolicy::VolatileTtl => Policy::VolatileTtl,
        MaxmemoryPolicy::VolatileLrm => Policy::VolatileLrm,
        MaxmemoryPolicy::AllkeysLru => Policy::AllKeysLru,
        MaxmemoryPolicy::AllkeysLfu => Policy::AllKeysLfu,
        MaxmemoryPolicy::AllkeysRandom => Policy::AllKeysRandom,
        MaxmemoryPolicy::AllkeysLrm => Policy::AllKeysLrm,
        MaxmemoryPolicy::NoEviction => Policy::NoEviction,
    }
}
