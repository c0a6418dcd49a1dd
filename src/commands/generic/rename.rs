//! RENAME, RENAMENX, MOVE: a value goes to another name or another database; its deadline goes with it.

use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::{Db, Key, Keyspace, event};
use crate::spec::flag::{FAST, WRITE};
use crate::spec::{at, command};
use crate::value::Kind;

pub const COMMANDS: &[Command] = &[
    command("MOVE", "key db:integer", 3)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().access().update())
        .cost("O(1)")
        .says("Moves a key to another database, unless it is there already.")
        .keyspace(move_key),
    command("RENAME", "key newkey", 3)
        .flags(WRITE)
        .keys(at(1).read_write().access().delete())
        .keys(at(2).overwrite().update())
        .cost("O(1); what is overwritten is freed in slices afterwards")
        .says("Renames a key, over another one if need be.")
        .data(rename),
    command("RENAMENX", "key newkey", 3)
        .flags(WRITE | FAST)
        .keys(at(1).read_write().access().delete())
        .keys(at(2).overwrite().insert())
        .cost("O(1)")
        .says("Renames a key, unless the new name is taken.")
        .data(renamenx),
];

pub(super) const SAME_OBJECT: Stop = Stop::error("ERR source and destination objects are the same");

fn rename(call: &mut Call, db: &mut Db) -> Outcome {
    let (from, to) = (call.key(1), call.key(2));
    if db.lookup_to_write(from).is_none() {
        return Err(fault::NO_SUCH_KEY);
    }
    if from.bytes != to.bytes {
        let before = db.take(to).map(|old| {
            let kind = old.as_ref().kind();
            db.discard(old);
            kind
        });
        let now = give_name(db, from, to);
        if let Some(before) = before {
            db.notice_overwritten(to.bytes, before, now);
        }
    }
    call.reply.ok();
    Ok(())
}

fn renamenx(call: &mut Call, db: &mut Db) -> Outcome {
    let (from, to) = (call.key(1), call.key(2));
    if db.lookup_to_write(from).is_none() {
        return Err(fault::NO_SUCH_KEY);
    }
    let is_free = from.bytes != to.bytes && db.lookup_to_write(to).is_none();
    if is_free {
        give_name(db, from, to);
    }
    call.reply.integer(i64::from(is_free));
    Ok(())
}

/// Renames a live key to a name that is free; gives back its type.
fn give_name(db: &mut Db, from: Key<'_>, to: Key<'_>) -> Kind {
    let entry = db.take(from).expect("looked up just now");
    let (deadline, kind) = (entry.as_ref().deadline(), entry.as_ref().kind());
    db.put(to, entry, deadline);
    db.record(from, event::RENAME_FROM, 1);
    db.record(to, event::RENAME_TO, 0);
    kind
}

fn move_key(call: &mut Call, keyspace: &mut Keyspace) -> Outcome {
    let to = call.database(2, keyspace.databases())?;
    let (from, key) = (call.db, call.key(1));
    if from == to {
        return Err(SAME_OBJECT);
    }
    call.note_beyond_cluster();
    let (source, target) = keyspace.pair(from, to);
    if source.lookup_to_write(key).is_none() || target.lookup_to_write(key).is_some() {
        call.reply.integer(0);
        return Ok(());
    }
    let entry = source.take(key).expect("looked up just now");
    let deadline = entry.as_ref().deadline();
    target.put(key, entry, deadline);
    keyspace.join_events(to, from);
    keyspace.db_mut(from).record(key, event::MOVE_FROM, 1);
    keyspace.db_mut(to).record(key, event::MOVE_TO, 0);
    keyspace.join_events(to, from);
    call.reply.integer(1);
    Ok(())
}
