//! DEBUG RELOAD, LOADAOF, DIGEST and DIGEST-VALUE: whether data survives a dump.

use crate::exec::call::fault;
use crate::exec::dispatch::Context;
use crate::exec::shutdown;
use crate::exec::snapshot::{self, Reload};
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::Key;
use crate::keyspace::digest::Digest;
use crate::server::{Server, ShutdownRequest, World};

/// `RELOAD [NOSAVE] [NOFLUSH] [MERGE]`
pub(super) fn reload(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let mut how = Reload { saves: true, flushes: true, merges: false };
    for index in 2..call.argc() {
        match () {
            () if call.is(index, "NOSAVE") => how.saves = false,
            () if call.is(index, "NOFLUSH") => how.flushes = false,
            () if call.is(index, "MERGE") => how.merges = true,
            () => return Err(Stop::error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")),
        }
    }
    snapshot::reload(server, world, how).map_err(Stop::error)?;
    call.propagation.suppress();
    call.reply.ok();
    Ok(())
}

pub(super) fn load_append_only(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let mut context = Context {
        commands: call.commands,
        settings: call.settings,
        random: call.random,
        propagation: call.propagation,
        rest: call.rest,
    };
    let is_loaded = snapshot::reload_append_only(&mut context, server, world);
    call.propagation.suppress();
    if !is_loaded {
        // What there is now is neither the data of before nor that of the file: nobody is to see it, and nothing is to keep it.
        shutdown::ask(server, ShutdownRequest { save: Some(false), force: true, now: true }, None);
        return Err(Stop::error("ERR Error trying to load the AOF, check server logs"));
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn digest(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.simple(&Digest::of_all(&server.keyspace).to_hex());
    Ok(())
}

pub(super) fn digest_of_values(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let db = server.keyspace.db(call.db);
    let keys = call.argc().checked_sub(2).ok_or(fault::SYNTAX)?;
    call.reply.array(keys);
    for index in 2..call.argc() {
        let digest = db.peek(Key::new(call.arg(index))).map(Digest::of_value).unwrap_or_default();
        call.reply.simple(&digest.to_hex());
    }
    Ok(())
}
