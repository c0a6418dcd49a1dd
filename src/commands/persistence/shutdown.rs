//! SHUTDOWN: only asks. The loop leaves at the end of its turn, when everything that was answered is in the data to be saved.

use crate::exec::scripts::busy_error;
use crate::exec::{self, Block, Call, Outcome, Stop, WhenDenied, fault};
use crate::server::{Server, ShutdownRequest, World, standing};
use crate::value::Kind;

pub fn shutdown(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let mut request = ShutdownRequest::default();
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
    exec::shutdown::ask(server, request, Some(call.session));
    // No answer but an error, should it come to that.
    Err(Stop::wait(Block::on(Vec::new(), Kind::String, None, WhenDenied::Null)))
}

fn abort(call: &mut Call, server: &mut Server, world: &mut dyn World, request: ShutdownRequest) -> Outcome {
    if request != ShutdownRequest::default() {
        return Err(fault::SYNTAX);
    }
    if !exec::shutdown::abort(server, world) {
        return Err(Stop::error("ERR No shutdown in progress."));
    }
    call.reply.ok();
    Ok(())
}
