//! FAILOVER.

use crate::exec::call::fault;
use crate::exec::replication::{abort_failover, begin_failover};
use crate::exec::{Call, Outcome, Stop};
use crate::replication::{Failover, FailoverState};
use crate::server::{Server, World};

pub(super) fn failover(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if server.settings.cluster_enabled {
        return Err(Stop::error("ERR FAILOVER not allowed in cluster mode."));
    }
    if call.argc() == 2 && call.is(1, "ABORT") {
        abort_failover(server, world)?;
        call.reply.ok();
        return Ok(());
    }
    let failover = parse(call)?;
    begin_failover(server, failover)?;
    call.reply.ok();
    Ok(())
}

fn parse(call: &Call) -> Result<Failover, Stop> {
    let (mut target, mut timeout_ms, mut is_forced) = (None, None, false);
    let mut at = 1;
    while at < call.argc() {
        let behind = call.argc() - at - 1;
        if call.is(at, "TIMEOUT") && behind >= 1 && timeout_ms.is_none() {
            let ms = call.integer(at + 1)?;
            if ms <= 0 {
                return Err(Stop::error("ERR FAILOVER timeout must be greater than 0"));
            }
            (timeout_ms, at) = (Some(ms), at + 2);
        } else if call.is(at, "TO") && behind >= 2 && target.is_none() {
            let port = call.integer(at + 2)?;
            (target, at) = (Some((call.arg(at + 1).to_vec(), u16::try_from(port).unwrap_or(0))), at + 3);
        } else if call.is(at, "FORCE") && !is_forced {
            (is_forced, at) = (true, at + 1);
        } else {
            return Err(fault::SYNTAX);
        }
    }
    if is_forced && (target.is_none() || timeout_ms.is_none()) {
        return Err(Stop::error("ERR FAILOVER with force option requires both a timeout and target HOST and IP."));
    }
    let deadline = timeout_ms.map(|ms| call.now.saturating_add(ms));
    Ok(Failover { state: FailoverState::WaitForSync, target, is_forced, deadline })
}
