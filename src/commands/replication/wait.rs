//! WAIT and WAITAOF: a client waits until replicas, or disks, have what it wrote.

use crate::base::number::parse_i64;
use crate::exec::{Block, Call, Outcome, Stop, WhenDenied};
use crate::server::acks::AckWaiter;
use crate::server::{Server, World};
use crate::value::Kind;

pub(super) fn wait(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if server.replication.is_replica() {
        return Err(Stop::error(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to \
             be writable (which is not the default) writes to replicas are just local and are not propagated.",
        ));
    }
    let wanted = call.integer(1)?;
    let replicas = usize::try_from(wanted).unwrap_or(0);
    wait_for(call, server, 0, replicas, 2, false)
}

pub(super) fn wait_aof(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let local = call.integer(1)?;
    if !(0..=1).contains(&local) {
        return Err(Stop::error("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = parse_i64(call.arg(2)).and_then(|count| usize::try_from(count).ok());
    let replicas = replicas.ok_or(Stop::error("ERR value is out of range, must be positive"))?;
    call.timeout_ms_deadline(3)?;
    if server.replication.is_replica() {
        return Err(Stop::error(
            "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are \
             not propagated.",
        ));
    }
    if local > 0 && server.replication_offset_on_disk().is_none() {
        return Err(Stop::error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."));
    }
    wait_for(call, server, local as usize, replicas, 3, true)
}

/// Answers at once if enough have it, or waiting is not allowed; else the session waits, and the replicas are asked.
fn wait_for(
    call: &mut Call,
    server: &mut Server,
    local: usize,
    replicas: usize,
    timeout_word: usize,
    on_disk: bool,
) -> Outcome {
    let deadline = call.timeout_ms_deadline(timeout_word)?;
    let offset = server.sessions.get(call.session).map_or(0, |session| session.write_offset);
    // The own disk may be ahead of what this client wrote; it is waited for as if all that was recorded so far were this client's.
    let position = server.journal_position();
    let waiter = AckWaiter { session: call.session, offset, position, local, replicas, on_disk };
    let (has_local, has_replicas) = server.acks_of(&waiter);
    if has_local >= local && has_replicas >= replicas || !call.may_block {
        if on_disk {
            call.reply.array(2);
            call.reply.integer(has_local as i64);
        }
        call.reply.integer(has_replicas as i64);
        return Ok(());
    }
    server.ack_waiters.push(waiter);
    server.replication.wants_acks = true;
    // Answered by `acks`.
    Err(Stop::wait(Block::on(Vec::new(), Kind::String, deadline, WhenDenied::Null)))
}
