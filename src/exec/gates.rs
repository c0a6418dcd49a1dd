//! The gates: what may keep a command from running, in the order in which it is asked.
//!
//! A gate is looked at only while it is closed for somebody: the server's standing conditions and the session's own are
//! bits, and a command for which no bit is set passes all gates at the cost of one comparison.

use std::borrow::Cow;

use super::call::Stop;
use super::command::{CommandTable, Row};
use super::{cluster_ops, effects, memory, permissions, scripts, transactions};
use crate::acl::Context;
use crate::config::Settings;
use crate::keyspace::SessionKey;
use crate::protocol::args::Args;
use crate::server::session::flag as session_flag;
use crate::server::{DiskFault, Server, Session, World, standing};
use crate::spec::flag;

/// A session's own conditions, beyond the server's `standing` bits.
const IN_TRANSACTION: u32 = 1 << 28;
const SUBSCRIBED: u32 = 1 << 29;
/// It tracks what it reads: no gate is closed by that, but the short way is not for it.
const TRACKING: u32 = 1 << 30;
/// Its user may not do everything. A call that passes is like any other from there on.
pub const RESTRICTED: u32 = 1 << 31;
/// It is a replica of this server.
const REPLICA: u32 = 1 << 27;

/// The flags of a session that may close a gate to it.
const OWN_FLAGS: u32 = session_flag::IN_TRANSACTION
    | session_flag::SUBSCRIBED
    | session_flag::AUTHENTICATED
    | session_flag::TRACKING
    | session_flag::RESTRICTED
    | session_flag::MASTER
    | session_flag::REPLICA;

/// What even a master has to wait for, or is watched by.
const FOR_MASTERS: u32 =
    standing::PAUSED | standing::MONITORED | standing::TRACKING_FULL | standing::HOTKEYS | IN_TRANSACTION;

/// What a gate says.
pub enum Verdict {
    Pass,
    /// The command is answered with an error.
    Refuse(Stop),
    /// The command goes back to the session's bytes, to be met again later.
    Hold,
    /// The command was queued and answered.
    Queued,
    /// The session is closed; nobody waits for an answer.
    Gone,
}

/// What a gate may look at.
pub struct Visitor<'v> {
    pub server: &'v mut Server,
    pub world: &'v mut dyn World,
    pub settings: &'v Settings,
    pub commands: &'v CommandTable,
    pub session: SessionKey,
    pub row: &'v Row,
    pub id: usize,
    pub args: Args<'v>,
}

impl Visitor<'_> {
    fn row_has(&self, flags: u32) -> bool {
        self.row.command.spec.has(flags)
    }

    /// True when the flags of the call, or of one that EXEC would run, are such.
    fn any_call(&self, is_such: impl Fn(u32) -> bool) -> bool {
        let judge = |id, args| is_such(scripts::flags_of_call(self.server, self.commands.row(id), args));
        let queue = self.server.sessions.get(self.session).and_then(|session| session.transaction.as_deref());
        judge(self.id, self.args)
            || self.name() == "EXEC"
                && queue.is_some_and(|queue| queue.queue.iter().any(|(id, request)| judge(*id, request.args())))
    }

    fn name(&self) -> &'static str {
        self.row.command.spec.name
    }
}

/// One gate.
pub struct Gate {
    pub name: &'static str,
    closed_by: u32,
    check: fn(&mut Visitor) -> Verdict,
}

/// All gates, in order.
pub const GATES: &[Gate] = &[
    Gate { name: "protected", closed_by: standing::PROTECTED, check: protected },
    Gate { name: "authentication", closed_by: standing::AUTH, check: authentication },
    Gate { name: "not in transactions", closed_by: IN_TRANSACTION, check: not_in_transactions },
    Gate { name: "permissions", closed_by: RESTRICTED, check: permitted },
    Gate { name: "cluster sample", closed_by: standing::CLUSTER_SAMPLE, check: cluster_sample },
    Gate { name: "clients", closed_by: standing::CLIENTS_FULL, check: clients },
    Gate { name: "memory", closed_by: standing::MEMORY, check: memory_limit },
    Gate { name: "tracking", closed_by: standing::TRACKING_FULL, check: tracking_limit },
    Gate { name: "writes", closed_by: standing::NO_WRITES, check: writes },
    Gate { name: "read only", closed_by: standing::READ_ONLY, check: read_only },
    Gate { name: "subscribed", closed_by: SUBSCRIBED, check: subscribed },
    Gate { name: "stale", closed_by: standing::STALE, check: stale },
    Gate { name: "loading", closed_by: standing::LOADING | standing::ASYNC_LOADING, check: loading },
    Gate { name: "busy", closed_by: standing::BUSY, check: busy },
    Gate { name: "replica", closed_by: REPLICA, check: replica },
    Gate { name: "paused", closed_by: standing::PAUSED, check: paused },
    Gate { name: "migrating", closed_by: standing::MIGRATING, check: migrating },
    Gate { name: "transaction", closed_by: IN_TRANSACTION, check: transaction },
];

/// The conditions that hold for this session and this command.
#[inline]
pub fn conditions(standing_bits: u32, session: &Session, row_flags: u32) -> u32 {
    let mut bits = standing_bits & !standing::PROTECTED;
    // Nearly every session: it is somebody who may do everything, and nothing else is the matter.
    if session.flags & OWN_FLAGS == session_flag::AUTHENTICATED {
        bits &= !standing::AUTH;
    } else {
        bits = with_own_conditions(bits, session);
    }
    if row_flags & flag::PROTECTED != 0 {
        bits |= standing::PROTECTED;
    }
    bits
}

fn with_own_conditions(mut bits: u32, session: &Session) -> u32 {
    if session.has(session_flag::AUTHENTICATED) {
        bits &= !standing::AUTH;
    }
    if session.has(session_flag::IN_TRANSACTION) {
        bits |= IN_TRANSACTION;
    }
    if session.has(session_flag::SUBSCRIBED) && !session.is_resp3 {
        bits |= SUBSCRIBED;
    }
    if session.has(session_flag::TRACKING) {
        bits |= TRACKING;
    }
    if session.has(session_flag::RESTRICTED) {
        bits |= RESTRICTED;
    }
    if session.has(session_flag::REPLICA) {
        // It hears of a pause by its stream.
        bits = bits & !standing::PAUSED | REPLICA;
    }
    if session.has(session_flag::MASTER) {
        bits &= FOR_MASTERS;
    }
    bits
}

/// Asks every gate that is closed, in order, up to the first that does not let the command pass.
pub fn ask(bits: u32, visitor: &mut Visitor) -> Verdict {
    for gate in GATES.iter().filter(|gate| gate.closed_by & bits != 0) {
        match (gate.check)(visitor) {
            Verdict::Pass => {}
            verdict => return verdict,
        }
    }
    Verdict::Pass
}

fn protected(v: &mut Visitor) -> Verdict {
    let is_local = v.server.sessions.get(v.session).is_some_and(Session::is_local);
    let name = v.row.full_name.split('|').next().unwrap_or_default();
    let permits = match name {
        "debug" => v.settings.debug_command.permits(is_local),
        _ => v.settings.module_command.permits(is_local),
    };
    if permits {
        return Verdict::Pass;
    }
    Verdict::Refuse(Stop::error_owned(format!(
        "ERR {} command not allowed. If the enable-{name}-command option is set to \"local\", you can run it from a \
         local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
        name.to_ascii_uppercase()
    )))
}

fn authentication(v: &mut Visitor) -> Verdict {
    if v.row_has(flag::NO_AUTH) {
        return Verdict::Pass;
    }
    Verdict::Refuse(Stop::error("NOAUTH Authentication required."))
}

fn clients(v: &mut Visitor) -> Verdict {
    super::client_memory::evict(v.server, v.commands);
    match v.server.sessions.get(v.session) {
        Some(session) if !session.has(session_flag::CLOSE_NOW) => Verdict::Pass,
        _ => Verdict::Gone,
    }
}

fn not_in_transactions(v: &mut Visitor) -> Verdict {
    if v.row_has(flag::NO_MULTI) {
        return Verdict::Refuse(Stop::error("ERR Command not allowed inside a transaction"));
    }
    Verdict::Pass
}

fn permitted(v: &mut Visitor) -> Verdict {
    let Some(session) = v.server.sessions.get_mut(v.session) else { return Verdict::Pass };
    let context = if session.has(session_flag::IN_TRANSACTION) { Context::Transaction } else { Context::TopLevel };
    // The log tells which command it was.
    session.last_command = v.id;
    match permissions::check(v.server, v.commands, v.session, v.id, v.args, context) {
        Ok(()) => Verdict::Pass,
        Err(denial) => {
            let text = permissions::text(v.server, v.session, v.id, denial);
            Verdict::Refuse(Stop::error_owned([b"NOPERM ", &*text].concat()))
        }
    }
}

/// Closed to nobody: what a cluster would refuse is only counted.
fn cluster_sample(v: &mut Visitor) -> Verdict {
    cluster_ops::note_request(v.server, v.commands, v.session, v.id, v.args);
    Verdict::Pass
}

fn memory_limit(v: &mut Visitor) -> Verdict {
    let fits = memory::make_room(v.server, v.settings, Some(v.session));
    // What was evicted is told before the reply, which does not know of it any more.
    effects::drain_outbox(v.server);
    let queued_denies = v.name() == "EXEC" && transactions::queue_has(v.server, v.session, v.row, flag::DENYOOM);
    let session = v.server.sessions.get(v.session);
    let queues = session.is_some_and(|s| s.has(session_flag::IN_TRANSACTION))
        && !matches!(v.name(), "EXEC" | "DISCARD" | "RESET" | "QUIT");
    if fits || !(v.row_has(flag::DENYOOM) || queued_denies || queues && v.row_has(flag::DENYOOM)) {
        return Verdict::Pass;
    }
    Verdict::Refuse(Stop::error("OOM command not allowed when used memory > 'maxmemory'."))
}

fn tracking_limit(v: &mut Visitor) -> Verdict {
    super::tracking::make_room(v.server, Some(v.session));
    effects::drain_outbox(v.server);
    Verdict::Pass
}

/// A write while the last snapshot failed.
const MISCONF: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that \
    may modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
    snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
    error.";

/// Why nothing may be written while the disk does not take it.
pub fn misconf(fault: DiskFault<'_>) -> Cow<'static, str> {
    match fault {
        DiskFault::Snapshot => MISCONF.into(),
        DiskFault::AppendOnly(text) => format!("MISCONF Errors writing to the AOF file: {text}").into(),
    }
}

/// A write while there are fewer replicas than it needs.
pub const NO_REPLICAS: &str = "NOREPLICAS Not enough good replicas to write.";

fn writes(v: &mut Visitor) -> Verdict {
    let writes = v.row_has(flag::WRITE)
        || v.name() == "EXEC" && transactions::queue_has(v.server, v.session, v.row, flag::WRITE);
    // Who asks only whether the server is well is told of the disk, too.
    if let Some(fault) = v.server.disk_fault()
        && (writes || v.name() == "PING")
    {
        Verdict::Refuse(Stop::error_owned(misconf(fault).as_bytes()))
    } else if writes && v.server.lacks_replicas() {
        Verdict::Refuse(Stop::error(NO_REPLICAS))
    } else {
        Verdict::Pass
    }
}

/// A write to a replica that takes none.
pub const READ_ONLY: &str = "READONLY You can't write against a read only replica.";

fn read_only(v: &mut Visitor) -> Verdict {
    if v.any_call(|flags| flags & flag::WRITE != 0) { Verdict::Refuse(Stop::error(READ_ONLY)) } else { Verdict::Pass }
}

/// A question to a replica whose data is old.
pub const MASTER_DOWN: &str = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";

fn stale(v: &mut Visitor) -> Verdict {
    if v.any_call(|flags| flags & flag::STALE == 0) { Verdict::Refuse(Stop::error(MASTER_DOWN)) } else { Verdict::Pass }
}

fn replica(v: &mut Visitor) -> Verdict {
    if v.row_has(flag::WRITE | flag::READONLY | flag::MAY_REPLICATE) {
        return Verdict::Refuse(Stop::error("ERR Replica can't interact with the keyspace"));
    }
    Verdict::Pass
}

fn subscribed(v: &mut Visitor) -> Verdict {
    let allowed = [
        "PING",
        "SUBSCRIBE",
        "SSUBSCRIBE",
        "UNSUBSCRIBE",
        "SUNSUBSCRIBE",
        "PSUBSCRIBE",
        "PUNSUBSCRIBE",
        "QUIT",
        "RESET",
    ];
    if allowed.contains(&v.name()) {
        return Verdict::Pass;
    }
    Verdict::Refuse(Stop::error_owned(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
        v.row.full_name
    )))
}

fn loading(v: &mut Visitor) -> Verdict {
    let is_aside = v.server.standing & standing::LOADING == 0;
    let passes = if is_aside { !v.row_has(flag::NO_ASYNC_LOADING) } else { v.row_has(flag::LOADING) };
    if passes {
        return Verdict::Pass;
    }
    Verdict::Refuse(Stop::error("LOADING Redis is loading the dataset in memory"))
}

fn busy(v: &mut Visitor) -> Verdict {
    if v.row_has(flag::ALLOW_BUSY) {
        return Verdict::Pass;
    }
    Verdict::Refuse(super::scripts::busy_error(v.server))
}

fn paused(v: &mut Visitor) -> Verdict {
    let concerned = v.server.pauses.is_all() && !matches!(v.name(), "CLIENT")
        || v.any_call(|flags| flags & (flag::WRITE | flag::MAY_REPLICATE) != 0);
    let in_transaction =
        v.server.sessions.get(v.session).is_some_and(|s| s.has(session_flag::IN_TRANSACTION)) && v.name() != "EXEC";
    if concerned && !in_transaction { Verdict::Hold } else { Verdict::Pass }
}

fn migrating(v: &mut Visitor) -> Verdict {
    let is_queued =
        v.server.sessions.get(v.session).is_some_and(|s| s.has(session_flag::IN_TRANSACTION)) && v.name() != "EXEC";
    let waits = !is_queued && super::migrate::holds_back(v.server, v.commands, v.row, v.args, v.session);
    if waits { Verdict::Hold } else { Verdict::Pass }
}

fn transaction(v: &mut Visitor) -> Verdict {
    if matches!(v.name(), "EXEC" | "DISCARD" | "MULTI" | "WATCH" | "QUIT" | "RESET") {
        return Verdict::Pass;
    }
    transactions::queue(v.server, v.session, v.id, v.args);
    Verdict::Queued
}
