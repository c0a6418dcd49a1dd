//! PFDEBUG: looks inside a HyperLogLog, or changes how it is laid out.

use super::{layout, take_hold};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::StringEdit;
use crate::server::{Server, World};
use crate::spec::flag::{ADMIN, DENYOOM, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::hyper_log_log::{Encoding, Opcode, REGISTERS, opcodes, to_dense, unite};

pub const COMMANDS: &[Command] = &[command("PFDEBUG", "subcommand key", 3)
    .since("2.8.9")
    .group(Group::HyperLogLog)
    .flags(WRITE | DENYOOM | ADMIN)
    .keys(at(2).read_write().access())
    .cost("O(n) over the registers")
    .says("Looks inside a HyperLogLog, for tests.")
    .server(pfdebug)];

fn pfdebug(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if call.is(1, "SIMD") {
        return switch_wide(call, server);
    }
    let db = server.keyspace.db_mut(call.db);
    let key = call.key(2);
    if !db.exists(key) {
        return Err(Stop::error("ERR The specified key does not exist"));
    }
    db.edit_or_create_string(
        key,
        || unreachable!("the key was there just now"),
        |string| {
            let encoding = take_hold(string)?;
            match () {
                () if call.is(1, "GETREG") => registers(call, string, encoding),
                () if call.is(1, "DECODE") => decode(call, string, encoding),
                () if call.is(1, "ENCODING") => {
                    call.reply.simple(if encoding == Encoding::Dense { "dense" } else { "sparse" });
                    Ok(())
                }
                () if call.is(1, "TODENSE") => {
                    let is_changed = make_dense(string, encoding)?;
                    call.reply.integer(is_changed.into());
                    Ok(())
                }
                () => Err(Stop::quoting("ERR Unknown PFDEBUG subcommand '", call.arg(1), "'")),
            }
        },
    )
}

/// `SIMD ON|OFF`: whether registers may be united by wide registers of the machine.
fn switch_wide(call: &mut Call, server: &mut Server) -> Outcome {
    let (is_on, state) = match () {
        () if call.is(2, "ON") => (true, "enabled"),
        () if call.is(2, "OFF") => (false, "disabled"),
        () => return Err(Stop::error("ERR Argument must be ON or OFF")),
    };
    server.keyspace.set_rules(|rules| rules.unites_wide = is_on);
    call.reply.simple(state);
    Ok(())
}

/// Lays it out densely; false when it was. A change that others have to know, but no event.
fn make_dense(string: &mut StringEdit, encoding: Encoding) -> Result<bool, Stop> {
    if encoding == Encoding::Dense {
        return Ok(false);
    }
    string.replace(to_dense(string.bytes())?);
    string.count(1);
    Ok(true)
}

/// All registers; it is dense from then on.
fn registers(call: &mut Call, string: &mut StringEdit, encoding: Encoding) -> Outcome {
    make_dense(string, encoding)?;
    let mut raw = [0; REGISTERS];
    let (bytes, _) = layout(string.string())?;
    unite(&mut raw, bytes, true)?;
    call.reply.array(raw.len());
    raw.iter().for_each(|value| call.reply.integer(i64::from(*value)));
    Ok(())
}

/// The runs of a sparse one as text: `z:n` and `Z:n` zeros by the short and the long opcode, `v:value,n` others.
fn decode(call: &mut Call, string: &StringEdit, encoding: Encoding) -> Outcome {
    if encoding != Encoding::Sparse {
        return Err(Stop::error("ERR HLL encoding is not sparse"));
    }
    let runs = opcodes(string.bytes()).map(|opcode| match opcode {
        Opcode::Zero(run) => format!("z:{run}"),
        Opcode::XZero(run) => format!("Z:{run}"),
        Opcode::Val { value, run } => format!("v:{value},{run}"),
    });
    call.reply.bulk(runs.collect::<Vec<String>>().join(" ").as_bytes());
    Ok(())
}
