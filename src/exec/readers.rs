//! The journal's readers: before the loop sleeps, and before any reply of the turn leaves, what the turn recorded goes to each in
//! its order.
//!
//! ```text
//! the records   ──▶ 1. the append-only file   (an `always` that cannot be kept ends the server here)
//!               ──▶ 2. the replicas
//!               ──▶ 3. cleared
//! ```
//!
//! The file comes first: a replica must not know what this server would have forgotten after a crash.

use std::borrow::Cow;

use super::call::{Block, Call, Outcome, Stop, WhenDenied};
use super::{append_only, blocking};
use crate::keyspace::SessionKey;
use crate::persist::aof::{AppendOnly, Desk, FlushFailure};
use crate::protocol::output::Output;
use crate::protocol::reply::Reply;
use crate::server::disk_waits::DiskWait;
use crate::server::journal::{Readers, Records};
use crate::server::{Server, World};
use crate::value::Kind;

/// The server may not go on: what the clients of this turn were answered cannot be kept, and the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MustLeave;

/// Hands what was recorded to everybody who reads, and forgets it.
pub fn drain(server: &mut Server, world: &mut dyn World) -> Result<(), MustLeave> {
    drain_by(server, world, |file, bytes, desk| file.write(bytes, false, desk))
}

/// The same, and nothing is held back from the file.
pub fn drain_forced(server: &mut Server, world: &mut dyn World) -> Result<(), MustLeave> {
    drain_by(server, world, |file, bytes, desk| file.write(bytes, true, desk))
}

/// The same, and waits until the file is on the disk.
pub fn drain_to_disk(server: &mut Server, world: &mut dyn World) -> Result<(), MustLeave> {
    drain_by(server, world, |file, bytes, desk| file.write_and_sync(bytes, desk))
}

fn drain_by(
    server: &mut Server,
    world: &mut dyn World,
    write: impl FnOnce(&mut AppendOnly, &[u8], &mut Desk<'_>) -> Result<(), FlushFailure>,
) -> Result<(), MustLeave> {
    if server.persist.aof.is_lost() {
        return Err(MustLeave);
    }
    let records = server.journal.take();
    // 1. The file. Without one, nothing is asked of the outside.
    if server.persist.aof.is_recording() {
        server.persist.aof.note_recorded(records.bytes.len() as u64);
        let bytes = in_one_piece(&records, Readers::FILE);
        let had_fault = server.persist.aof.fault().is_some();
        let written = append_only::with(server, world, |file, desk| write(file, &bytes, desk));
        if server.persist.aof.fault().is_some() != had_fault {
            server.update_write_gate();
        }
        written.map_err(|FlushFailure| MustLeave)?;
    }
    // 2. Replicas will read here.
    // 3. The room is kept.
    server.journal.recycle(records);
    // 4. Who waits for the disk is told in this very turn.
    if !server.disk_waits.is_empty() {
        serve_disk_waits(server);
    }
    Ok(())
}

/// What one of the readers reads; nearly always that is all there is, as it stands.
fn in_one_piece(records: &Records, reader: Readers) -> Cow<'_, [u8]> {
    let mut pieces = records.of(reader);
    let first = pieces.next().unwrap_or_default();
    match pieces.next() {
        None => first.into(),
        Some(second) => [first, second].into_iter().chain(pieces).collect::<Vec<_>>().concat().into(),
    }
}

const SWITCHED_OFF: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// WAITAOF: waits until all that was recorded so far is on the disk (`wants_disk`) and on those of so many replicas.
pub fn wait_for_disk(call: &mut Call, server: &mut Server, wants_disk: bool, replicas: i64) -> Outcome {
    let deadline = call.timeout_ms_deadline(3)?;
    if wants_disk && !server.settings.append_only {
        return Err(Stop::error(SWITCHED_OFF));
    }
    let (session, position, command_id) = (call.session, position(server), call.command_id);
    let wait = DiskWait { session, position, wants_disk, replicas, command_id };
    if is_served(server, &wait) || !call.may_block {
        answer(server, &wait, &mut call.reply);
        return Ok(());
    }
    server.disk_waits.add(wait);
    // Its answer in vain is not fixed: `answer_in_vain` gives it.
    Err(Stop::wait(Block::on(Vec::new(), Kind::String, deadline, WhenDenied::NoDiskNoReplica)))
}

/// True when somebody has all that he waits for. There are no replicas.
fn is_served(server: &Server, wait: &DiskWait) -> bool {
    (!wait.wants_disk || server.persist.aof.is_safe(wait.position)) && wait.replicas == 0
}

fn answer(server: &Server, wait: &DiskWait, reply: &mut Reply) {
    reply.array(2);
    reply.integer(server.persist.aof.is_safe(wait.position).into());
    reply.integer(0);
}

/// Writes the answer of a session whose time is over, if it is the disk that it waited for; false if not.
pub fn answer_in_vain(server: &mut Server, key: SessionKey, command_id: usize) -> bool {
    let Some(wait) = server.disk_waits.forget(key).filter(|wait| wait.command_id == command_id) else { return false };
    let mut out = Output::default();
    let Some(is_resp3) = server.sessions.get(key).map(|session| session.is_resp3) else { return false };
    answer(server, &wait, &mut Reply::new(&mut out, is_resp3));
    if let Some(session) = server.sessions.get_mut(key) {
        session.out.append(&out);
    }
    true
}

/// Answers those who have what they wait for, and those who wait in vain.
fn serve_disk_waits(server: &mut Server) {
    let waits: Vec<DiskWait> = server.disk_waits.iter().copied().collect();
    for wait in waits {
        let blocked = server.sessions.get(wait.session).and_then(|session| session.blocked.as_ref());
        if blocked.is_none_or(|blocked| blocked.command_id != wait.command_id) {
            server.disk_waits.forget(wait.session);
        } else if wait.wants_disk && !server.settings.append_only {
            server.disk_waits.forget(wait.session);
            blocking::end_with_error(server, wait.session, SWITCHED_OFF);
        } else if is_served(server, &wait) {
            server.disk_waits.forget(wait.session);
            let is_safe = u8::from(server.persist.aof.is_safe(wait.position));
            blocking::end_with(server, wait.session, format!("*2\r\n:{is_safe}\r\n:0\r\n").as_bytes());
        }
    }
}

/// Position of the journal now: what was recorded before it is told from what comes.
pub fn position(server: &Server) -> u64 {
    server.persist.aof.taken() + server.journal.unread_bytes()
}

/// The journal is read for the file while there is one.
pub fn watch(server: &mut Server) {
    let is_recording = server.persist.aof.is_recording();
    if std::mem::replace(&mut server.persist.aof.is_reading, is_recording) == is_recording {
        return;
    }
    if is_recording { server.journal.attach(Readers::FILE) } else { server.journal.detach(Readers::FILE) }
}

/// The next record names its database: it is the first of a file.
pub fn select_anew(server: &mut Server) {
    server.journal.select_anew(Readers::FILE);
}
