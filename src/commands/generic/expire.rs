//! EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, PERSIST: giving a key a deadline and taking it away.
//!
//! All four are PEXPIREAT in the journal: spans would mean something else by the time they are read.

use crate::base::clock::Ms;
use crate::commands::string::{delete_due, invalid_expire_time};
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, event};
use crate::server::journal::ms_text;
use crate::spec::flag::{FAST, WRITE};
use crate::spec::{at, command};

pub const COMMANDS: &[Command] = &[
    command("EXPIRE", "key seconds:integer [condition=NX|XX|GT|LT]@7.0.0", -3)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(1)")
        .says("Lets a key live so many seconds.")
        .data(expire),
    command("EXPIREAT", "key unix-time-seconds:unix-time [condition=NX|XX|GT|LT]@7.0.0", -3)
        .since("1.2.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(1)")
        .says("Lets a key live until a time, in seconds since the epoch.")
        .data(expireat),
    command("PERSIST", "key", 2)
        .since("2.2.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(1)")
        .says("Lets a key live for ever.")
        .data(persist),
    command("PEXPIRE", "key milliseconds:integer [condition=NX|XX|GT|LT]@7.0.0", -3)
        .since("2.6.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(1)")
        .says("Lets a key live so many milliseconds.")
        .data(pexpire),
    command("PEXPIREAT", "key unix-time-milliseconds:unix-time [condition=NX|XX|GT|LT]@7.0.0", -3)
        .since("2.6.0")
        .flags(WRITE | FAST)
        .keys(at(1).read_write().update())
        .cost("O(1)")
        .says("Lets a key live until a time, in milliseconds since the epoch.")
        .data(pexpireat),
];

fn expire(call: &mut Call, db: &mut Db) -> Outcome {
    give_deadline(call, db, call.now, 1000)
}

fn pexpire(call: &mut Call, db: &mut Db) -> Outcome {
    give_deadline(call, db, call.now, 1)
}

fn expireat(call: &mut Call, db: &mut Db) -> Outcome {
    give_deadline(call, db, 0, 1000)
}

fn pexpireat(call: &mut Call, db: &mut Db) -> Outcome {
    give_deadline(call, db, 0, 1)
}

/// The number at word 2, in units of `scale` milliseconds, counts from `base`.
fn give_deadline(call: &mut Call, db: &mut Db, base: Ms, scale: i64) -> Outcome {
    let condition = Condition::parse(call)?;
    let ms = call.integer(2)?.checked_mul(scale).and_then(|ms| ms.checked_add(base));
    // Before the epoch is as good as at its beginning: the key goes at once.
    let ms = ms.ok_or_else(|| invalid_expire_time(call))?.max(0);
    let key = call.key(1);
    let allowed = db.lookup_to_write(key).is_some_and(|entry| condition.allows(entry.deadline(), ms));
    call.reply.integer(i64::from(allowed));
    if !allowed {
        return Ok(());
    }
    if db.has_passed(ms) {
        delete_due(call, db, key);
        return Ok(());
    }
    db.set_deadline(key, ms);
    db.record(key, event::EXPIRE, 1);
    if call.is_journalled() {
        let text = ms_text(ms);
        let mut words: Vec<&[u8]> = call.args.iter().collect();
        (words[0], words[2]) = (b"PEXPIREAT", &text);
        call.propagation.rewrite(&words);
    }
    Ok(())
}

/// NX, XX, GT, LT: what the deadline that is there must be like.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::commands) struct Condition {
    absent: bool,
    present: bool,
    later: bool,
    earlier: bool,
}

impl Condition {
    /// Reads the options from word 3 on.
    fn parse(call: &Call) -> Result<Condition, Stop> {
        let mut condition = Condition::default();
        for index in 3..call.argc() {
            if !condition.add(call.arg(index)) {
                return Err(Stop::quoting("ERR Unsupported option ", call.arg(index), ""));
            }
        }
        if condition.absent && (condition.present || condition.later || condition.earlier) {
            return Err(Stop::error("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if condition.later && condition.earlier {
            return Err(Stop::error("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(condition)
    }

    /// Takes an option in; false when it is none.
    pub fn add(&mut self, option: &[u8]) -> bool {
        let part = match option.to_ascii_uppercase().as_slice() {
            b"NX" => &mut self.absent,
            b"XX" => &mut self.present,
            b"GT" => &mut self.later,
            b"LT" => &mut self.earlier,
            _ => return false,
        };
        *part = true;
        true
    }

    /// What has no deadline is due later than any time.
    pub fn allows(self, current: Option<Ms>, new: Ms) -> bool {
        let is_later = current.is_some_and(|current| new > current);
        let is_earlier = current.is_none_or(|current| new < current);
        !(self.absent && current.is_some()
            || self.present && current.is_none()
            || self.later && !is_later
            || self.earlier && !is_earlier)
    }
}

fn persist(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    let had_deadline = db.lookup_to_write(key).is_some() && db.clear_deadline(key);
    if had_deadline {
        db.record(key, event::PERSIST, 1);
    }
    call.reply.integer(i64::from(had_deadline));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Condition;

    #[test]
    fn conditions_look_at_the_deadline_there() {
        let (none, nx) = (Condition::default(), Condition { absent: true, ..Condition::default() });
        let (xx, gt) =
            (Condition { present: true, ..Condition::default() }, Condition { later: true, ..Condition::default() });
        let lt = Condition { earlier: true, ..Condition::default() };
        let allowed =
            |c: Condition| [c.allows(None, 5), c.allows(Some(4), 5), c.allows(Some(5), 5), c.allows(Some(6), 5)];
        assert_eq!(allowed(none), [true; 4]);
        assert_eq!(allowed(nx), [true, false, false, false]);
        assert_eq!(allowed(xx), [false, true, true, true]);
        assert_eq!(allowed(gt), [false, true, false, false]);
        assert_eq!(allowed(lt), [true, false, false, true]);
    }
}
