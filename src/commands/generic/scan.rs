//! SCAN: a walk through the keys of the database that other commands may interrupt.

use crate::commands::scan_options::{ScanOptions, parse_cursor};
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::{Db, Key};
use crate::protocol::output::Output;
use crate::protocol::reply::Reply;
use crate::spec::command;
use crate::spec::flag::READONLY;

pub const COMMANDS: &[Command] =
    &[command("SCAN", "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type@6.0.0]", -2)
        .since("2.8.0")
        .flags(READONLY)
        .cost("O(1) a call, O(n) for all keys")
        .says("A piece of a walk through the keys of the database.")
        .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
        .data(scan)];

fn scan(call: &mut Call, db: &mut Db) -> Outcome {
    let cursor = parse_cursor(call, 1)?;
    let mut wanted_type: Option<&[u8]> = None;
    let options = ScanOptions::parse(call, 2, |call, index| {
        if call.is(index, "TYPE") && index + 1 < call.argc() {
            wanted_type = Some(call.arg(index + 1));
            return Ok(2);
        }
        if call.is(index, "NOVALUES") {
            return Err("ERR NOVALUES option can only be used in HSCAN".into());
        }
        Ok(0)
    })?;
    let now = call.now;
    let mut count = 0;
    let mut due: Vec<Box<[u8]>> = Vec::new();
    // The keys stand behind the cursor in the reply, and are known before it.
    let mut found = Output::new();
    let mut list = Reply::new(&mut found, call.reply.is_resp3());
    let next = options.run(cursor, |cursor| {
        let mut seen = 0;
        let next = db.scan(cursor, &mut |entry| {
            seen += 1;
            if !options.matches(entry.key()) {
                return;
            }
            // Of whatever type: a key that is due is removed by whoever meets it.
            if entry.deadline().is_some_and(|deadline| deadline <= now) {
                due.push(entry.key().into());
                return;
            }
            if wanted_type.is_some_and(|name| !name.eq_ignore_ascii_case(entry.kind().name().as_bytes())) {
                return;
            }
            list.bulk(entry.key());
            count += 1;
        });
        (next, seen)
    });
    for key in due {
        db.exists(Key::new(&key));
    }
    call.reply.array(2);
    call.reply.bulk_display(next);
    call.reply.array(count);
    call.reply.raw(&found.bytes);
    Ok(())
}
