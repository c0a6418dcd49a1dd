//! SHUTDOWN: only asks. The loop leaves at the end of its turn, when everything that was answered is in the data to be saved.

use crate::exec::scripts::busy_error;
use crate::exec::{Block, Call, Outcome, Stop, WhenDenied, fault};
use crate::server::{Server, ShutdownRequest, World, standing};
use crate::value::Kind;

pub fn shutdown(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let mut request = ShutdownRequest { asked_by: Some(call.session), ..ShutdownRequest::default() };
    let (mut aborts, mut is_safe) = (false, false);
    for index in 1..call.argc() {
        let save = match () {
            () if call.is(index, "SAVE") => Some(true),
            () if call.is(index, "NOSAVE") => Some(false),
            () => None,
        };
        match () {
            () if save.is_some() && request.save.is_none_or(|before| Some(before) == save) => request.save = save,
            () if call.is(index, "NOW") => request.now = true,
            () if call.is(index, "FORCE") => request.force = true,
            // What Valkey asks a node of a cluster to look at first: alone, leaving is as safe as it can be.
            () if call.is(index, "SAFE") => is_safe = true,
            () if call.is(index, "ABORT") => aborts = true,
            () => return Err(fault::SYNTAX),
        }
    }
    if aborts && is_safe {
        return Err(fault::SYNTAX);
    }
    if aborts {
        return abort(call, server, world, request);
    }
    if request.save != Some(false) && server.standing & standing::BUSY != 0 {
        return Err(busy_error(server));
    }
    server.shutdown = Some(request);
    // No answer but an error, should it come to that.
    Err(Stop::Block(Block { keys: Vec::new(), kind: Kind::String, deadline: None, when_denied: WhenDenied::Null }))
}

fn abort(call: &mut Call, server: &mut Server, world: &mut dyn World, request: ShutdownRequest) -> Outcome {
    if request != (ShutdownRequest { asked_by: request.asked_by, ..ShutdownRequest::default() }) {
        return Err(fault::SYNTAX);
    }
    let Some(asked) = server.shutdown.take() else { return Err(Stop::error("ERR No shutdown in progress.")) };
    if let Some(session) = asked.asked_by {
        crate::exec::blocking::end_with_error(server, session, "ERR Errors trying to SHUTDOWN. Check logs.");
    }
    world.forget_signals();
    log::info!("Shutdown manually aborted.");
    call.reply.ok();
    Ok(())
}
