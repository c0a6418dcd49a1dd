//! SYNC, PSYNC and REPLCONF: what a replica and its master say to each other.

use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::replication::{acks, sync as exec_sync};
use crate::exec::{Call, Outcome, Stop};
use crate::server::session::flag;
use crate::server::{Server, World};

/// Longest name under which a replica may want to be known, bytes.
const ADDRESS_BYTES_MAX: usize = 255;

pub(super) fn sync(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    exec_sync::ask(call, server, world, None)
}

pub(super) fn psync(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let takes_over = call.argc() > 3 && call.is(3, "FAILOVER");
    if takes_over {
        exec_sync::take_over(call, server, world)?;
    }
    let Some(offset) = parse_i64(call.arg(2)) else {
        let name = exec_sync::name_of(server, call.session);
        log::warn!("Replica {name} asks for synchronization but with a wrong offset");
        return Err(fault::NOT_AN_INTEGER);
    };
    exec_sync::ask(call, server, world, Some((call.arg(1), offset)))
}

pub(super) fn replconf(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if call.argc() % 2 == 0 {
        return Err(fault::SYNTAX);
    }
    for at in (1..call.argc()).step_by(2) {
        let name = call.arg(at).to_ascii_lowercase();
        match name.as_slice() {
            // Neither is answered: the one goes to the master, the other comes as an acknowledgement.
            b"ack" => return acknowledged(call, server, at),
            b"getack" => return asked(call, server),
            _ => told(call, server, &name, at + 1)?,
        }
    }
    call.reply.ok();
    Ok(())
}

/// One thing that a replica says of itself.
fn told(call: &Call, server: &mut Server, name: &[u8], at: usize) -> Result<(), Stop> {
    let (value, now) = (call.arg(at), server.now);
    match name {
        b"listening-port" => {
            let port = call.integer(at)?;
            server.replication.greet(call.session, now).port = u16::try_from(port).unwrap_or(0);
        }
        b"ip-address" => {
            if value.len() >= ADDRESS_BYTES_MAX {
                return Err(Stop::error_owned(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                )));
            }
            server.replication.greet(call.session, now).address = String::from_utf8_lossy(value).into_owned();
        }
        // What is not known is passed over: newer replicas can more.
        b"capa" => {
            let can = &mut server.replication.greet(call.session, now).can;
            can.eof |= value.eq_ignore_ascii_case(b"eof");
            can.psync2 |= value.eq_ignore_ascii_case(b"psync2");
        }
        b"rdb-only" => {
            let only = call.integer(at)?;
            if !(0..=1).contains(&only) {
                return Err(Stop::error("ERR value is out of range, value must between 0 and 1"));
            }
            server.replication.greet(call.session, now).wants.dump_only = only == 1;
        }
        b"rdb-filter-only" => {
            // What is named comes; keys cannot be.
            let mut without_functions = true;
            for word in value.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
                if !word.eq_ignore_ascii_case(b"functions") {
                    return Err(Stop::quoting("ERR Unsupported rdb-filter-only option: ", word, ""));
                }
                without_functions = false;
            }
            let wants = &mut server.replication.greet(call.session, now).wants;
            (wants.without_keys, wants.without_functions) = (true, without_functions);
        }
        // A dump beside the stream is not offered, so that nobody asks for one.
        b"rdb-channel" | b"main-ch-client-id" => {
            call.integer(at)?;
        }
        _ => return Err(Stop::quoting("ERR Unrecognized REPLCONF option: ", call.arg(at - 1), "")),
    }
    Ok(())
}

/// A replica says how far it is.
fn acknowledged(call: &mut Call, server: &mut Server, at: usize) -> Outcome {
    let is_replica = server.sessions.get(call.session).is_some_and(|session| session.has(flag::REPLICA));
    if let Some(offset) = parse_i64(call.arg(at + 1)).filter(|_| is_replica) {
        let has_disk = call.argc() > at + 3 && call.is(at + 2, "FACK");
        let on_disk = parse_i64(call.arg(at + 1 + if has_disk { 2 } else { 0 })).filter(|_| has_disk);
        acks::acknowledge(server, call.session, offset, on_disk);
    }
    Ok(())
}

/// The master asks how far we are: told at the end of the turn, when all before it is applied.
fn asked(call: &mut Call, server: &mut Server) -> Outcome {
    if server.is_master(call.session)
        && let Some(following) = &mut server.replication.following
    {
        following.wants_ack = true;
    }
    Ok(())
}
