//! HRANDFIELD.

use super::answer;
use crate::exec::call::fault;
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::Db;
use crate::protocol::reply::Reply;
use crate::value::hash::Pair;

pub(super) fn hrandfield(call: &mut Call, db: &mut Db) -> Outcome {
    if call.argc() == 2 {
        let hash = db.read_without_due_fields(call.key(1))?;
        match hash.and_then(|hash| hash.sample(call.random, call.now)) {
            Some((field, _)) => answer(&mut call.reply, field),
            None => call.reply.null(),
        }
        return Ok(());
    }
    let (count, with_values) = parse_count(call)?;
    let Some(hash) = db.read_without_due_fields(call.key(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    // A negative count asks for so many draws, each from all fields; a positive one for different fields.
    let wanted = count.unsigned_abs() as usize;
    let there = hash.live_len(call.now);
    let answered = if count < 0 && there > 0 { wanted } else { wanted.min(there) };
    let pairs_apart = with_values && call.reply.is_resp3();
    call.reply.array(if with_values && !pairs_apart { answered * 2 } else { answered });
    let reply = &mut call.reply;
    let mut show = |pair: Pair<'_>| answer_pair(reply, pair, with_values, pairs_apart);
    if count < 0 {
        hash.sample_repeated(call.random, call.now, wanted, &mut show);
    } else {
        hash.sample_distinct(call.random, call.now, wanted, &mut show);
    }
    Ok(())
}

/// The count, and whether values are wanted too.
fn parse_count(call: &Call) -> Result<(i64, bool), Stop> {
    let count = call.integer(2)?;
    if count == i64::MIN {
        let text = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
        return Err(text.into());
    }
    let with_values = call.argc() > 3;
    if call.argc() > 4 || (with_values && !call.is(3, "WITHVALUES")) {
        return Err(fault::SYNTAX);
    }
    // With values there are twice as many answers, and their number must be one too.
    if with_values && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
        return Err("ERR value is out of range".into());
    }
    Ok((count, with_values))
}

fn answer_pair(reply: &mut Reply, (field, value): Pair, with_values: bool, pairs_apart: bool) {
    if pairs_apart {
        reply.array(2);
    }
    answer(reply, field);
    if with_values {
        answer(reply, value);
    }
}
