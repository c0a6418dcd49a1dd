//! ZSCAN: a sorted set shown in steps.

use crate::base::number::{IntegerText, write_f64_17g};
use crate::commands::scan_options::{ScanOptions, parse_cursor};
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::spec::flag::READONLY;
use crate::spec::{Group, at, command};
use crate::value::zset::Zset;

pub const COMMANDS: &[Command] =
    &[command("ZSCAN", "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOSCORES]", -3)
        .since("2.8.0")
        .group(Group::SortedSet)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .tips(&["nondeterministic_output"])
        .cost("O(1) for every call, O(n) for all of them until the cursor is 0 again")
        .says("Shows the members of a sorted set and their scores a few at a time.")
        .data(zscan)];

fn zscan(call: &mut Call, db: &mut Db) -> Outcome {
    let cursor = parse_cursor(call, 2)?;
    let Some(zset) = db.read::<Zset>(call.key(1))? else {
        call.reply.array(2);
        call.reply.bulk(b"0");
        call.reply.array(0);
        return Ok(());
    };
    let mut with_scores = true;
    let options = ScanOptions::parse(call, 3, |call, at| {
        let is_noscores = call.is(at, "NOSCORES");
        with_scores &= !is_noscores;
        Ok(usize::from(is_noscores))
    })?;
    // The cursor stands in front of the members, so they are collected first.
    let mut found: Vec<(Vec<u8>, f64)> = Vec::new();
    let mut text = IntegerText::new();
    let next = options.run(cursor, |cursor| {
        let mut seen = 0;
        let next = zset.scan(cursor, &mut |member, score| {
            seen += 1;
            let member = member.to_bytes(&mut text);
            if options.matches(member) {
                found.push((member.to_vec(), score));
            }
        });
        (next, seen)
    });
    call.reply.array(2);
    call.reply.bulk(next.to_string().as_bytes());
    call.reply.array(if with_scores { found.len() * 2 } else { found.len() });
    // The small encoding shows scores as it stores them, the large one with all digits: so it has always been.
    let is_small = zset.as_pack().is_some();
    let mut digits = Vec::new();
    for (member, score) in &found {
        call.reply.bulk(member);
        if !with_scores {
            continue;
        }
        if is_small {
            call.reply.bulk_double(*score);
        } else {
            digits.clear();
            write_f64_17g(&mut digits, *score);
            call.reply.bulk(&digits);
        }
    }
    Ok(())
}
