//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a whole command.

use super::rows::{key_flags, write_flags};
use crate::exec::{Call, Outcome, Stop};
use crate::server::{Server, World};

pub(super) fn get_keys(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let keys = find(call)?;
    call.reply.array(keys.len());
    for (at, _) in keys {
        call.reply.bulk(call.arg(at));
    }
    Ok(())
}

pub(super) fn get_keys_and_flags(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let keys = find(call)?;
    call.reply.array(keys.len());
    for (at, flags) in keys {
        call.reply.array(2);
        call.reply.bulk(call.arg(at));
        write_flags(call, key_flags(flags), "");
    }
    Ok(())
}

/// Positions of the keys among all words of this call, with their flags.
fn find(call: &Call) -> Result<Vec<(usize, u16)>, Stop> {
    /// The command asked about begins with this word.
    const FIRST: usize = 2;
    let commands = call.commands;
    let mut id = commands.find(call.arg(FIRST)).ok_or(Stop::error("ERR Invalid command specified"))?;
    let words = call.argc() - FIRST;
    if words > 1
        && let Some(child) = commands.find_subcommand(id, call.arg(FIRST + 1))
    {
        id = child;
    }
    let spec = &commands.row(id).command.spec;
    if spec.key_specs[0].is_none() {
        return Err(Stop::error("ERR The command has no key arguments"));
    }
    if !spec.accepts(words) {
        return Err(Stop::error("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    let mut is_valid = true;
    for key_spec in spec.key_specs.iter().flatten() {
        is_valid &= key_spec.visit(words, |at| call.arg(FIRST + at), &mut |at| keys.push((FIRST + at, key_spec.flags)));
    }
    // TODO in the integration: optional keywords
    if !is_valid && keys.is_empty() {
        return Err(Stop::error("ERR Invalid arguments specified for command"));
    }
    Ok(keys)
}
