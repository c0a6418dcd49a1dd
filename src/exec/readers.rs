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

use super::append_only;
use super::replication::feed;
use crate::persist::aof::{AppendOnly, Desk, FlushFailure};
use crate::server::journal::{Readers, Records};
use crate::server::{Server, World};

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
    let offset = server.replication_offset();
    let records = server.journal.take();
    server.persist.aof.note_recorded(records.bytes.len() as u64, offset);
    // 1. The file. Without one, nothing is asked of the outside.
    if server.persist.aof.is_recording() {
        let bytes = in_one_piece(&records, Readers::FILE);
        let (had_fault, failures) = (server.persist.aof.fault().is_some(), server.persist.aof.sync_failures);
        let written = append_only::with(server, world, |file, desk| write(file, &bytes, desk));
        if server.persist.aof.fault().is_some() != had_fault {
            server.update_write_gate();
        }
        if server.persist.aof.sync_failures != failures {
            append_only::sync_has_failed(server, world);
        }
        written.map_err(|FlushFailure| MustLeave)?;
    }
    // 2. The replicas.
    feed::feed(server, &records);
    // 3. The room is kept.
    server.journal.recycle(records);
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

/// Position of the journal now: what was recorded before it is told from what comes.
pub fn position(server: &Server) -> u64 {
    server.journal_position()
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
