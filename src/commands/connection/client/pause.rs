//! CLIENT PAUSE, UNPAUSE and UNBLOCK.

use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::{Call, Outcome, blocking};
use crate::server::{PauseReason, Server, World};

pub fn pause(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let mut is_all = true;
    if call.argc() == 4 {
        if call.is(3, "WRITE") {
            is_all = false;
        } else if !call.is(3, "ALL") {
            return Err("ERR CLIENT PAUSE mode must be WRITE or ALL".into());
        }
    } else if call.argc() > 4 {
        return Err(call.wrong_subcommand());
    }
    let timeout_ms = parse_i64(call.arg(2)).ok_or("ERR timeout is not an integer or out of range")?;
    if timeout_ms < 0 {
        return Err(fault::TIMEOUT_NEGATIVE);
    }
    let until = call.now.checked_add(timeout_ms).ok_or(fault::TIMEOUT_OUT_OF_RANGE)?;
    server.begin_pause(PauseReason::Command, until, is_all);
    call.reply.ok();
    Ok(())
}

pub fn unpause(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    server.end_pause(PauseReason::Command);
    call.reply.ok();
    Ok(())
}

pub fn unblock(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let mut with_error = false;
    if call.argc() == 4 {
        if call.is(3, "ERROR") {
            with_error = true;
        } else if !call.is(3, "TIMEOUT") {
            return Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR".into());
        }
    } else if call.argc() > 4 {
        return Err(call.wrong_subcommand());
    }
    let id = call.integer(2)?;
    let target = server
        .sessions
        .find_id(id as u64)
        .filter(|s| {
            let waits_for_acks = server.ack_waiters.iter().any(|waiter| waiter.session == s.key);
            waits_for_acks || s.blocked.as_ref().is_some_and(|blocked| !blocked.keys.is_empty())
        })
        .map(|s| s.key);
    match target {
        None => call.reply.integer(0),
        Some(key) => {
            if with_error {
                blocking::end_with_error(server, key, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
            } else {
                blocking::time_out(server, key);
            }
            call.reply.integer(1);
        }
    }
    Ok(())
}
