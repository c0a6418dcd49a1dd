//! SSCAN: a set shown in steps.

use crate::base::number::IntegerText;
use crate::commands::scan_options::{ScanOptions, parse_cursor};
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::spec::{Group, at, command, flag};
use crate::value::set::Set;

pub const COMMANDS: &[Command] =
    &[command("SSCAN", "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]", -3)
        .since("2.8.0")
        .group(Group::Set)
        .flags(flag::READONLY)
        .keys(at(1).read_only().access())
        .tips(&["nondeterministic_output"])
        .cost("O(1) for every call, O(n) for all of them until the cursor is 0 again")
        .says("Shows the members of a set a few at a time.")
        .data(sscan)];

fn sscan(call: &mut Call, db: &mut Db) -> Outcome {
    let cursor = parse_cursor(call, 2)?;
    let Some(set) = db.read::<Set>(call.key(1))? else {
        call.reply.array(2);
        call.reply.bulk(b"0");
        call.reply.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(call, 3, |_, _| Ok(0))?;
    // The cursor stands in front of the members, so they are collected first.
    let mut found: Vec<Vec<u8>> = Vec::new();
    let next = options.run(cursor, |cursor| {
        let mut seen = 0;
        let next = set.scan(cursor, &mut |member| {
            seen += 1;
            let mut text = IntegerText::new();
            let text = member.to_bytes(&mut text);
            if options.matches(text) {
                found.push(text.to_vec());
            }
        });
        (next, seen)
    });
    call.reply.array(2);
    call.reply.bulk(next.to_string().as_bytes());
    call.reply.array(found.len());
    found.iter().for_each(|member| call.reply.bulk(member));
    Ok(())
}
