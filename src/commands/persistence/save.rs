//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE.

use crate::exec::{Call, Outcome, Stop, append_only, fault, snapshot};
use crate::persist::Purpose;
use crate::server::{Server, World};

const IN_PROGRESS: Stop = Stop::error("ERR Background save already in progress");

/// The error of a save that failed: the log says more.
const FAILED: Stop = Stop::error("ERR");

pub fn save(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if server.persist.has_child_for(Purpose::Snapshot) || server.persist.has_child_for(Purpose::Transfer) {
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
    if server.persist.has_child_for(Purpose::Snapshot) || server.persist.has_child_for(Purpose::Transfer) {
        return Err(IN_PROGRESS);
    }
    let has_child = server.persist.child.is_some();
    if has_child && call.may_block && !schedules {
        return Err(Stop::error(
            "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a \
             BGSAVE whenever possible.",
        ));
    }
    if has_child || !call.may_block {
        // One child at a time; and a transaction is about to change more: the fork waits for its end.
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

pub fn bgrewriteaof(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let answer = append_only::rewrite_on_demand(server, world, !call.may_block).map_err(Stop::error)?;
    call.reply.simple(answer);
    Ok(())
}

pub fn lastsave(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.integer(server.persist.last_save / 1000);
    Ok(())
}
