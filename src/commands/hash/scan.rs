//! HSCAN.

use super::answer;
use crate::base::number::IntegerText;
use crate::commands::scan_options::{ScanOptions, parse_cursor};
use crate::exec::{Call, Outcome};
use crate::keyspace::Db;
use crate::value::hash::{Hash, Pair};

pub(super) fn hscan(call: &mut Call, db: &mut Db) -> Outcome {
    let cursor = parse_cursor(call, 2)?;
    let Some(hash) = db.read::<Hash>(call.key(1))? else {
        call.reply.array(2);
        call.reply.bulk(b"0");
        call.reply.array(0);
        return Ok(());
    };
    let mut no_values = false;
    let options = ScanOptions::parse(call, 3, |call, index| {
        let is_known = call.is(index, "NOVALUES");
        no_values |= is_known;
        Ok(usize::from(is_known))
    })?;
    let mut found: Vec<Pair> = Vec::new();
    let next = options.run(cursor, |cursor| {
        hash.scan(cursor, call.now, &mut |pair| {
            if options.matches(pair.0.to_bytes(&mut IntegerText::new())) {
                found.push(pair);
            }
        })
    });
    call.reply.array(2);
    call.reply.bulk_display(next);
    call.reply.array(if no_values { found.len() } else { 2 * found.len() });
    for (field, value) in found {
        answer(&mut call.reply, field);
        if !no_values {
            answer(&mut call.reply, value);
        }
    }
    Ok(())
}
