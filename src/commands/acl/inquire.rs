//! CAT, DRYRUN, GENPASS.

use crate::base::sha::hex;
use crate::exec::{Call, Outcome, Stop};
use crate::server::{Server, World};
use crate::spec::category;

/// The longest password that is made, and the usual one, in bits.
const PASSWORD_BITS_MAX: i64 = 4096;
const PASSWORD_BITS: i64 = 256;

pub(super) fn cat(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    match call.argc() {
        2 => {
            call.reply.array(category::NAMES.len());
            category::NAMES.iter().for_each(|named| call.reply.bulk(named.1.as_bytes()));
        }
        3 => {
            let wanted = call.arg(2);
            let named = |entry: &&(u32, &str)| entry.1.as_bytes().eq_ignore_ascii_case(wanted);
            let Some((bit, _)) = category::NAMES.iter().find(named) else {
                let shown = &wanted[..wanted.len().min(SHOWN_BYTES_MAX)];
                return Err(Stop::quoting("ERR Unknown category '", shown, "'"));
            };
            let names: Vec<&str> = server.acl.catalog().in_categories(*bit).map(|(_, name)| name).collect();
            call.reply.array(names.len());
            names.iter().for_each(|name| call.reply.bulk(name.as_bytes()));
        }
        _ => return Err(call.wrong_subcommand()),
    }
    Ok(())
}

/// As much of an unknown category as the error repeats.
const SHOWN_BYTES_MAX: usize = 128;

pub(super) fn dry_run(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let (name, words) = (call.arg(2), call.args.from(3));
    let user = server.acl.find(name).ok_or_else(|| Stop::quoting("ERR User '", name, "' not found"))?;
    let command = call.commands.find_words(words);
    let id = command.ok_or_else(|| Stop::quoting("ERR Command '", words.get(0), "' not found"))?;
    let row = call.commands.row(id);
    if !row.command.spec.accepts(words.len()) {
        return Err(Stop::error_owned(format!("ERR wrong number of arguments for '{}' command", row.full_name)));
    }
    match server.acl.check(user, id, words) {
        Ok(()) => call.reply.ok(),
        Err(denial) => call.reply.bulk(&denial.text(name, &row.full_name, words.get(denial.at), true)),
    }
    Ok(())
}

pub(super) fn generate_password(call: &mut Call, _: &mut Server, world: &mut dyn World) -> Outcome {
    let bits = match call.argc() {
        2 => PASSWORD_BITS,
        3 => call.integer(2)?,
        _ => return Err(call.wrong_subcommand()),
    };
    if !(1..=PASSWORD_BITS_MAX).contains(&bits) {
        return Err(Stop::error_owned(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
             {PASSWORD_BITS_MAX}"
        )));
    }
    // Four bits a digit; what is left over of the last byte is dropped.
    let digits = (bits as usize).div_ceil(4);
    let mut bytes = vec![0; digits.div_ceil(2)];
    world.secret(&mut bytes).map_err(|_| Stop::error("ERR The system gives no random numbers"))?;
    call.reply.bulk(&hex(&bytes).as_bytes()[..digits]);
    Ok(())
}
