//! COMMAND COUNT and COMMAND LIST.

use crate::base::glob;
use crate::exec::call::fault;
use crate::exec::{Call, Outcome};
use crate::server::{Server, World};
use crate::spec::category;

pub(super) fn count(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.integer(call.commands.names().count() as i64);
    Ok(())
}

/// Subcommands are listed, too, by their full names.
pub(super) fn list(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let commands = call.commands;
    let names: Vec<&[u8]> = match call.argc() {
        // As commands are called now: some may have been renamed, or taken away.
        2 => {
            let with_subcommands = |(name, id): (_, usize)| {
                let children = commands.row(id).children.iter().map(|&child| commands.row(child).full_name.as_bytes());
                std::iter::once(name).chain(children)
            };
            commands.names().flat_map(with_subcommands).collect()
        }
        5 if call.is(2, "FILTERBY") => {
            let wanted = call.arg(4);
            let keep: Box<dyn Fn(usize) -> bool> = if call.is(3, "MODULE") {
                Box::new(|_| false)
            } else if call.is(3, "ACLCAT") {
                let named = |entry: &&(u32, &str)| entry.1.as_bytes().eq_ignore_ascii_case(wanted);
                let bit = category::NAMES.iter().find(named).map_or(0, |entry| entry.0);
                Box::new(move |id| commands.row(id).command.spec.all_categories() & bit != 0)
            } else if call.is(3, "PATTERN") {
                Box::new(move |id| glob::matches_ignoring_case(wanted, commands.row(id).full_name.as_bytes()))
            } else {
                return Err(fault::SYNTAX);
            };
            (0..commands.rows().len()).filter(|&id| keep(id)).map(|id| commands.row(id).full_name.as_bytes()).collect()
        }
        _ => return Err(fault::SYNTAX),
    };
    call.reply.array(names.len());
    names.into_iter().for_each(|name| call.reply.bulk(name));
    Ok(())
}
