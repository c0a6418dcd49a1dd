//! HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME: when fields are due. -1: never; -2: there is no such field.

use super::fields::parse_fields;
use crate::base::clock::Ms;
use crate::exec::{Call, Outcome};
use crate::keyspace::Db;
use crate::value::hash::Hash;

pub(super) fn httl(call: &mut Call, db: &mut Db) -> Outcome {
    let now = call.now;
    answer(call, db, |deadline| whole_seconds(deadline - now))
}

pub(super) fn hpttl(call: &mut Call, db: &mut Db) -> Outcome {
    let now = call.now;
    answer(call, db, |deadline| deadline - now)
}

pub(super) fn hexpiretime(call: &mut Call, db: &mut Db) -> Outcome {
    answer(call, db, whole_seconds)
}

pub(super) fn hpexpiretime(call: &mut Call, db: &mut Db) -> Outcome {
    answer(call, db, |deadline| deadline)
}

/// A second that has begun counts.
fn whole_seconds(ms: Ms) -> i64 {
    (ms + 999) / 1000
}

fn answer(call: &mut Call, db: &mut Db, of_deadline: impl Fn(Ms) -> i64) -> Outcome {
    // The key is looked up, and missed, before the words are judged, as in Redis.
    let hash = db.read::<Hash>(call.key(1))?;
    let fields = parse_fields(call, 2)?;
    call.reply.array(fields.len());
    for field in fields.iter() {
        let answer = match hash.and_then(|hash| hash.deadline(field)) {
            None => -2,
            Some(None) => -1,
            Some(Some(deadline)) if deadline <= call.now => -2,
            Some(Some(deadline)) => of_deadline(deadline),
        };
        call.reply.integer(answer);
    }
    Ok(())
}
