//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a whole command.

use super::rows::{key_flags, write_flags};
use crate::exec::{Call, Outcome, Stop};
use crate::server::{Server, World};
use crate::spec::{FoundKey, find_keys, flag};

/// The command asked about begins with this word.
const FIRST: usize = 2;

pub(super) fn get_keys(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let keys = find(call)?;
    call.reply.array(keys.len());
    for key in keys {
        call.reply.bulk(call.arg(FIRST + key.word));
    }
    Ok(())
}

pub(super) fn get_keys_and_flags(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let keys = find(call)?;
    call.reply.array(keys.len());
    for key in keys {
        call.reply.array(2);
        call.reply.bulk(call.arg(FIRST + key.word));
        write_flags(call, key_flags(key.flags), "");
    }
    Ok(())
}

/// The keys of the command asked about, by its own words.
fn find(call: &Call) -> Result<Vec<FoundKey>, Stop> {
    const UNKNOWN: Stop = Stop::error("ERR Invalid command specified");
    let commands = call.commands;
    let mut id = commands.find(call.arg(FIRST)).ok_or(UNKNOWN)?;
    let words = call.argc() - FIRST;
    if words > 1 && !commands.row(id).children.is_empty() {
        id = commands.find_subcommand(id, call.arg(FIRST + 1)).ok_or(UNKNOWN)?;
    }
    let spec = &commands.row(id).command.spec;
    if spec.key_specs().next().is_none() {
        return Err(Stop::error("ERR The command has no key arguments"));
    }
    if !spec.accepts(words) {
        return Err(Stop::error("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    let is_found = find_keys(spec, words, |at| call.arg(FIRST + at), &mut keys);
    if !is_found && !spec.has(flag::NO_MANDATORY_KEYS) {
        return Err(Stop::error("ERR Invalid arguments specified for command"));
    }
    Ok(keys)
}
