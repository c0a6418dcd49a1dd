//! FUNCTION LOAD, DELETE, FLUSH, DUMP, RESTORE: what changes the libraries, and libraries as bytes.

use crate::exec::scripts;
use crate::exec::{Call, Outcome, Stop};
use crate::rdb::format::{VERSION_WITH_LIST_PACKS, opcode};
use crate::rdb::payload;
use crate::rdb::reader::Reader;
use crate::rdb::writer::{Choices, Writer};
use crate::script::library::Registry;
use crate::server::{Server, World};

fn refused(text: impl AsRef<[u8]>) -> Stop {
    Stop::error_owned([b"ERR ", text.as_ref()].concat())
}

fn wrong_words(call: &Call) -> Stop {
    let before: &[u8] = b"unknown subcommand or wrong number of arguments for '";
    refused([before, call.arg(1), b"'. Try FUNCTION HELP."].concat())
}

/// The libraries changed: a change like one of data, journalled as it came.
fn changed(call: &mut Call, server: &mut Server) {
    server.keyspace.dirty += 1;
    if call.is_journalled() {
        let words: Vec<&[u8]> = call.args.iter().collect();
        call.propagation.rewrite(&words);
    }
}

pub fn load(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let code = call.argc() - 1;
    for index in 2..code {
        if !call.is(index, "REPLACE") {
            return Err(refused([b"Unknown option given: ", call.arg(index)].concat()));
        }
    }
    let name = scripts::load_library(server, call.arg(code), code > 2).map_err(refused)?;
    changed(call, server);
    call.reply.bulk(&name);
    Ok(())
}

pub fn delete(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if server.scripts.registry.remove(call.arg(2)).is_none() {
        return Err(Stop::error("ERR Library not found"));
    }
    changed(call, server);
    call.reply.ok();
    Ok(())
}

pub fn flush(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    match call.argc() {
        2 => {}
        3 if call.is(2, "ASYNC") || call.is(2, "SYNC") => {}
        3 => return Err(Stop::error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")),
        _ => {
            return Err(wrong_words(call));
        }
    }
    let later = call.argc() == 2 || call.is(2, "ASYNC");
    server.scripts.flush_functions(later);
    changed(call, server);
    call.reply.ok();
    Ok(())
}

pub fn dump(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let choices = Choices::for_payload(call.settings);
    let mut writer = Writer::new(Vec::new(), choices);
    for library in server.scripts.registry.libraries() {
        let written = writer.write_byte(opcode::FUNCTION).and_then(|()| writer.write_string(&library.code));
        written.map_err(|error| refused(error.to_string()))?;
    }
    let mut bytes = writer.into_sink().map_err(|error| refused(error.to_string()))?;
    // Who has libraries at all reads the first version that had them.
    payload::seal(&mut bytes, choices.version.max(VERSION_WITH_LIST_PACKS));
    call.reply.bulk(&bytes);
    Ok(())
}

/// What RESTORE does with libraries that are there.
enum Policy {
    Flush,
    Append,
    Replace,
}

pub fn restore(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let policy = match call.argc() {
        3 => Policy::Append,
        4 if call.is(3, "APPEND") => Policy::Append,
        4 if call.is(3, "REPLACE") => Policy::Replace,
        4 if call.is(3, "FLUSH") => Policy::Flush,
        4 => {
            let text = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
            return Err(Stop::error(text));
        }
        _ => {
            return Err(wrong_words(call));
        }
    };
    let records = payload::open_records(call.arg(2))
        .map_err(|_| Stop::error("ERR DUMP payload version or checksum are wrong"))?;
    let mut registry = Registry::default();
    let mut reader = Reader::over_bytes(records);
    while reader.bytes_left() != Some(0) {
        match reader.read_byte() {
            Ok(opcode::FUNCTION) => {}
            Ok(opcode::FUNCTION_PRE_RELEASE) => return Err(Stop::error("ERR Pre-GA function format not supported")),
            _ => return Err(Stop::error("ERR given type is not a function")),
        }
        let code = reader.read_string_owned();
        let code = code.map_err(|_| Stop::error("ERR Failed loading library code"))?;
        scripts::load_into(&mut registry, server, &code, false).map_err(refused)?;
    }
    match policy {
        Policy::Flush => server.scripts.registry = registry,
        Policy::Append => server.scripts.registry.join(registry, false).map_err(refused)?,
        Policy::Replace => server.scripts.registry.join(registry, true).map_err(refused)?,
    }
    changed(call, server);
    call.reply.ok();
    Ok(())
}
