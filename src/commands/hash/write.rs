//! HSET, HMSET, HSETNX, HDEL, HGETDEL.

use super::fields::{judge_type_first, parse_fields};
use super::{HDEL, HSET, answer};
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::Db;
use crate::value::Object;
use crate::value::hash::Hash;

pub(super) fn hset(call: &mut Call, db: &mut Db) -> Outcome {
    let created = set_pairs(call, db)?;
    call.reply.integer(created as i64);
    Ok(())
}

pub(super) fn hmset(call: &mut Call, db: &mut Db) -> Outcome {
    set_pairs(call, db)?;
    call.reply.ok();
    Ok(())
}

/// Sets the pairs from word 2 on; how many fields are new.
fn set_pairs(call: &Call, db: &mut Db) -> Result<usize, Stop> {
    let words = call.args.from(2);
    if words.len() % 2 != 0 {
        return Err(call.wrong_arity());
    }
    let created = db.edit_or_create(call.key(1), |hash: &mut Hash, changes| {
        hash.make_fit(words.iter(), changes.limits);
        let mut created = 0;
        for index in (0..words.len()).step_by(2) {
            created += usize::from(hash.set(words.get(index), words.get(index + 1), changes.limits));
            changes.name(words.get(index));
        }
        changes.record(HSET, words.len() as u64 / 2);
        created
    })?;
    Ok(created)
}

pub(super) fn hsetnx(call: &mut Call, db: &mut Db) -> Outcome {
    let words = call.args.from(2);
    let is_new = db.edit_or_create(call.key(1), |hash: &mut Hash, changes| {
        changes.make_way_if_due(hash, words.get(0));
        let is_new = !hash.contains(words.get(0), changes.now);
        if is_new {
            hash.set(words.get(0), words.get(1), changes.limits);
            changes.name(words.get(0));
            changes.record(HSET, 1);
        }
        is_new
    })?;
    call.reply.integer(i64::from(is_new));
    Ok(())
}

pub(super) fn hdel(call: &mut Call, db: &mut Db) -> Outcome {
    let fields = call.args.from(2);
    let removed = db.edit(call.key(1), |hash: &mut Hash, changes| {
        let mut removed = 0;
        for field in fields.iter() {
            if hash.remove(field) {
                removed += 1;
                changes.name(field);
            }
            if hash.is_empty() {
                break;
            }
        }
        if removed > 0 {
            changes.record(HDEL, removed);
        }
        removed
    })?;
    call.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}

pub(super) fn hgetdel(call: &mut Call, db: &mut Db) -> Outcome {
    let fields = match parse_fields(call, 2) {
        Ok(fields) => fields,
        Err(fault) => return Err(judge_type_first(call, db, fault)),
    };
    let key = call.key(1);
    let reply = &mut call.reply;
    let removed = db.edit(key, |hash: &mut Hash, changes| {
        reply.array(fields.len());
        let mut removed = 0;
        for field in fields.iter() {
            changes.remove_if_due(hash, field);
            match hash.get(field, changes.now) {
                Some(value) => answer(reply, value),
                None => reply.null(),
            }
            if hash.remove(field) {
                removed += 1;
                changes.name(field);
            }
        }
        if removed > 0 {
            changes.record(HDEL, removed);
        }
        removed
    })?;
    if removed.is_none() {
        call.reply.array(fields.len());
        (0..fields.len()).for_each(|_| call.reply.null());
    }
    if removed.is_some_and(|removed| removed > 0) && call.is_journalled() {
        let words: Vec<&[u8]> = [&b"HDEL"[..], call.arg(1)].into_iter().chain(fields.iter()).collect();
        call.propagation.rewrite(&words);
    }
    Ok(())
}
