//! COMMAND and COMMAND INFO: the rows as clients read them.
//!
//! Ten elements: name, arity, flags, first key, last key, step, categories, tips, key specifications, subcommands.

use crate::exec::{Call, Outcome};
use crate::server::{Server, World};
use crate::spec::{Begin, Find, KeySpec, Spec, category, flag, key_flag};

/// Bits whose flag is set, as statuses of a set.
pub(super) fn write_flags<'n>(call: &mut Call, names: impl Iterator<Item = &'n str>, prefix: &str) {
    let names: Vec<&str> = names.collect();
    call.reply.set(names.len());
    for name in names {
        call.reply.simple(&format!("{prefix}{name}"));
    }
}

pub(super) fn all(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let ids: Vec<usize> = call.commands.names().map(|(_, id)| id).collect();
    call.reply.array(ids.len());
    ids.into_iter().for_each(|id| write_row(call, id));
    Ok(())
}

pub(super) fn info(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if call.argc() == 2 {
        return all(call, server, world);
    }
    call.reply.array(call.argc() - 2);
    for at in 2..call.argc() {
        match call.commands.find_full(call.arg(at)) {
            Some(id) => write_row(call, id),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn write_row(call: &mut Call, id: usize) {
    let commands = call.commands;
    let row = commands.row(id);
    let spec = &row.command.spec;
    let (first, last, step) = legacy_range(spec);
    call.reply.array(10);
    call.reply.bulk(row.full_name.as_bytes());
    call.reply.integer(spec.arity.into());
    write_flags(call, flag::NAMES.iter().filter(|named| spec.flags & named.0 != 0).map(|named| named.1), "");
    call.reply.integer(first);
    call.reply.integer(last);
    call.reply.integer(step);
    let categories = spec.all_categories();
    write_flags(call, category::NAMES.iter().filter(|named| categories & named.0 != 0).map(|named| named.1), "@");
    call.reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| call.reply.bulk(tip.as_bytes()));
    let specs: Vec<&KeySpec> = spec.key_specs.iter().flatten().collect();
    call.reply.set(specs.len());
    specs.into_iter().for_each(|spec| write_key_spec(call, spec));
    // Redis's own inconsistency: no subcommands are an empty set, some are an array.
    if row.children.is_empty() {
        call.reply.set(0)
    } else {
        call.reply.array(row.children.len())
    }
    row.children.iter().for_each(|&child| write_row(call, child));
}

/// First key, last key and step, which older clients plan by: as the ranges of the key specifications have them.
fn legacy_range(spec: &Spec) -> (i64, i64, i64) {
    let mut range: Option<(i64, i64, i64)> = None;
    for key_spec in spec.key_specs.iter().flatten() {
        let (Begin::Index(index), Find::Range { last, step, limit: _ }) = (key_spec.begin, key_spec.find) else {
            continue;
        };
        let first = i64::from(index);
        let last = if last >= 0 { first + i64::from(last) } else { i64::from(last) };
        range = Some(match range {
            None => (first, last, i64::from(step)),
            // Two runs side by side are one, if the second begins where the first ends.
            Some((known_first, known_last, known_step)) if known_last >= 0 && first == known_last + 1 => {
                (known_first, last, known_step)
            }
            Some(known) => known,
        });
    }
    range.unwrap_or((0, 0, 0))
}

fn write_key_spec(call: &mut Call, spec: &KeySpec) {
    let has_notes = !spec.notes.is_empty();
    call.reply.map(3 + usize::from(has_notes));
    if has_notes {
        call.reply.bulk(b"notes");
        call.reply.bulk(spec.notes.as_bytes());
    }
    call.reply.bulk(b"flags");
    write_flags(call, key_flags(spec.flags), "");
    call.reply.bulk(b"begin_search");
    write_begin(call, spec.begin);
    call.reply.bulk(b"find_keys");
    write_find(call, spec.find);
}

/// Names of the flags of a key.
pub(super) fn key_flags(bits: u16) -> impl Iterator<Item = &'static str> {
    key_flag::NAMES.iter().filter(move |named| bits & named.0 != 0).map(|named| named.1)
}

fn write_typed(call: &mut Call, kind: &str, fields: usize) {
    call.reply.map(2);
    call.reply.bulk(b"type");
    call.reply.bulk(kind.as_bytes());
    call.reply.bulk(b"spec");
    call.reply.map(fields);
}

fn write_field(call: &mut Call, name: &str, value: i64) {
    call.reply.bulk(name.as_bytes());
    call.reply.integer(value);
}

fn write_begin(call: &mut Call, begin: Begin) {
    match begin {
        Begin::Index(index) => {
            write_typed(call, "index", 1);
            write_field(call, "index", index.into());
        }
        Begin::Keyword { word, from } => {
            write_typed(call, "keyword", 2);
            call.reply.bulk(b"keyword");
            call.reply.bulk(word.as_bytes());
            write_field(call, "startfrom", from.into());
        }
        Begin::Unknown => write_typed(call, "unknown", 0),
    }
}

fn write_find(call: &mut Call, find: Find) {
    match find {
        Find::Range { last, step, limit } => {
            write_typed(call, "range", 3);
            write_field(call, "lastkey", last.into());
            write_field(call, "keystep", step.into());
            write_field(call, "limit", limit.into());
        }
        Find::Number { number_at, first, step } => {
            write_typed(call, "keynum", 3);
            write_field(call, "keynumidx", number_at.into());
            write_field(call, "firstkey", first.into());
            write_field(call, "keystep", step.into());
        }
        Find::Unknown => write_typed(call, "unknown", 0),
    }
}
