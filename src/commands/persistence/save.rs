//! SAVE, BGSAVE, LASTSAVE.

use crate::exec::{Call, Outcome, Stop, fault, snapshot};
use crate::server::{Server, World};

const IN_PROGRESS: Stop = Stop::error("ERR Background save already in progress");

/// The error of a save that failed: the log says more.
const FAILED: Stop = Stop::error("ERR");

pub fn save(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if server.persist.child.is_some() {
        return Err(IN_PROGRESS);
    }
    if !snapshot::save_on_demand(server, world) {
        return Err(FAILED);
    }
    call.reply.ok();
    Ok(())
}

pub fn bgsave(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let schedules = call.argc() == 2 && call.is(1, "SCHEDULE");
    let cancels = call.argc() == 2 && call.is(1, "CANCEL");
    if cancels {
        return cancel(call, server, world);
    }
    if call.argc() > 1 && !schedules {
        return Err(fault::SYNTAX);
    }
    if server.persist.child.is_some() {
        return Err(IN_PROGRESS);
    }
    if !call.may_block {
        // A transaction is about to change more: the fork waits for its end.
        server.persist.is_scheduled = true;
        call.reply.simple("Background saving scheduled");
        return Ok(());
    }
    if !snapshot::begin_background(server, world) {
        return Err(FAILED);
    }
    call.reply.simple("Background saving started");
    Ok(())
}

/// BGSAVE CANCEL, as in Valkey: ends the child, or takes back what was scheduled.
fn cancel(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if snapshot::cancel_background(server, world) {
        call.reply.simple("Background saving cancelled");
    } else if std::mem::take(&mut server.persist.is_scheduled) {
        call.reply.simple("Scheduled background saving cancelled");
    } else {
        return Err(Stop::error("ERR Background saving is currently not in progress or scheduled"));
    }
    Ok(())
}

pub fn lastsave(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.integer(server.persist.last_save / 1000);
    Ok(())
}
