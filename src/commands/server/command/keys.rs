//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a whole command.

use super::rows::{key_flags, write_flags};
use crate::exec::{Call, Outcome, Stop};
use crate::protocol::args::Args;
use crate::server::{Server, World};
use crate::spec::{Begin, KeySpec, Spec, key_flag};

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
    let key_specs = || spec.key_specs.iter().flatten().filter(|key_spec| key_spec.flags & key_flag::NOT_KEY == 0);
    if key_specs().next().is_none() {
        return Err(Stop::error("ERR The command has no key arguments"));
    }
    if !spec.accepts(words) {
        return Err(Stop::error("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    for key_spec in key_specs() {
        let flags = flags_of_call(spec, key_spec, call.args.from(FIRST));
        let word = |at: usize| call.arg(FIRST + at);
        let is_found = key_spec.visit(words, word, &mut |at| keys.push((FIRST + at, flags)));
        // A keyword that may be left out was left out; what stands at a fixed place must be there.
        if !is_found && !matches!(key_spec.begin, Begin::Keyword { .. }) {
            return Err(Stop::error("ERR Invalid arguments specified for command"));
        }
    }
    Ok(keys)
}

/// The flags of a key in this call: some commands only read with one option and write with another.
fn flags_of_call(spec: &Spec, key_spec: &KeySpec, args: Args) -> u16 {
    if key_spec.flags & key_flag::VARIABLE_FLAGS == 0 {
        return key_spec.flags;
    }
    let has = |option: &[u8]| args.iter().skip(3).any(|word| word.eq_ignore_ascii_case(option));
    match spec.name {
        "SET" if has(b"GET") => key_flag::RW | key_flag::ACCESS | key_flag::UPDATE,
        "SET" => key_flag::OW | key_flag::UPDATE,
        _ => key_spec.flags & !key_flag::VARIABLE_FLAGS,
    }
}
