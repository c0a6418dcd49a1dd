//! LMOVEM and BLMOVEM: several elements from one end of a list to an end of another.
//!
//! ```text
//!   from a b c …   OBO, one by one, as LMOVE would:        BULK, as they stood:
//!   LEFT ▶ RIGHT   … a b c                                 … a b c
//!   LEFT ▶ LEFT    c b a …                                 a b c …
//! ```

use super::{end_at, pop_event, push_event};
use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::{Block, Call, Command, Outcome, Stop, WhenDenied};
use crate::keyspace::Db;
use crate::spec::flag::{BLOCKING, DENYOOM, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::pack_deque::PackLimits;
use crate::value::Kind;
use crate::value::list::{End, List};

macro_rules! how_many {
    ($before:literal) => {
        concat!(
            "source:key destination:key {wherefrom=LEFT|RIGHT} {whereto=LEFT|RIGHT} ",
            $before,
            "[how-many={selector=COUNT count:integer|EXACTLY exactly:integer} {ordering=OBO|BULK}]"
        )
    };
}

pub const COMMANDS: &[Command] = &[
    command("LMOVEM", how_many!(""), -5)
        .since("8.10.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM)
        .keys(at(1).read_write().access().delete())
        .keys(at(2).read_write().insert())
        .cost("O(n) for n elements moved")
        .says("Moves elements from an end of one list to an end of another.")
        .data(lmovem),
    command("BLMOVEM", how_many!("timeout:double "), -6)
        .since("8.10.0")
        .group(Group::List)
        .flags(WRITE | DENYOOM | BLOCKING)
        .keys(at(1).read_write().access().delete())
        .keys(at(2).read_write().insert())
        .cost("O(n) for n elements moved")
        .says("Moves elements from an end of one list to an end of another, or waits for them.")
        .data(blmovem),
];

/// What is asked for.
struct Wanted {
    from: End,
    to: End,
    count: usize,
    /// So many or none.
    is_exact: bool,
    keeps_order: bool,
}

impl Wanted {
    /// Reads the ends, and from word `index` on how many.
    fn parse(call: &Call, index: usize) -> Result<Wanted, Stop> {
        let (from, to) = (end_at(call, 3)?, end_at(call, 4)?);
        let one = Wanted { from, to, count: 1, is_exact: false, keeps_order: false };
        if index == call.argc() {
            return Ok(one);
        }
        let is_exact = call.is(index, "EXACTLY");
        if index + 3 != call.argc() || !is_exact && !call.is(index, "COUNT") {
            return Err(fault::SYNTAX);
        }
        let keeps_order = call.is(index + 2, "BULK");
        if !keeps_order && !call.is(index + 2, "OBO") {
            return Err(fault::SYNTAX);
        }
        let count = parse_i64(call.arg(index + 1)).and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|&count| count > 0).ok_or("ERR count should be greater than 0")?;
        Ok(Wanted { count, is_exact, keeps_order, ..one })
    }
}

fn lmovem(call: &mut Call, db: &mut Db) -> Outcome {
    let wanted = Wanted::parse(call, 5)?;
    if !move_elements(call, db, &wanted)? {
        // Up to so many may be none.
        match wanted.is_exact {
            true => call.reply.null_array(),
            false => call.reply.array(0),
        }
    }
    Ok(())
}

fn blmovem(call: &mut Call, db: &mut Db) -> Outcome {
    let wanted = Wanted::parse(call, 6)?;
    let deadline = call.timeout_deadline(5)?;
    if !move_elements(call, db, &wanted)? {
        let keys = vec![call.arg(1).to_vec()];
        return Err(Stop::wait(Block::on(keys, Kind::List, deadline, WhenDenied::NullArray)));
    }
    Ok(())
}

/// Moves the elements and answers with them as they stand in the destination; false when there are not enough.
fn move_elements(call: &mut Call, db: &mut Db, wanted: &Wanted) -> Result<bool, Stop> {
    let (source, destination) = (call.key(1), call.key(2));
    // 1. Both keys are looked at before either is changed.
    let mut elements: Vec<Vec<u8>> = match db.lookup_to_write(source) {
        None => return Ok(false),
        Some(entry) => {
            let list = entry.object::<List>()?;
            if wanted.is_exact && list.len() < wanted.count {
                return Ok(false);
            }
            list.iter(wanted.from).take(wanted.count).map(|item| item.to_vec()).collect()
        }
    };
    if let Some(entry) = db.lookup_to_write(destination) {
        entry.object::<List>()?;
    }
    // 2. In the order in which they are added: one by one as they were taken, together so that they stand as they stood.
    let stood_reversed = wanted.from == End::Back;
    let adds_reversed = wanted.to == End::Front;
    if wanted.keeps_order && stood_reversed != adds_reversed {
        elements.reverse();
    }
    let count = elements.len();
    let bytes: usize = elements.iter().map(Vec::len).sum();
    let (taken, put) = (
        |list: &mut List| match wanted.from {
            End::Front => list.remove_range(0, count),
            End::Back => list.remove_range(list.len() - count, count),
        },
        |list: &mut List, limits: &PackLimits| {
            list.make_room(bytes, count, limits);
            elements.iter().for_each(|element| list.push(wanted.to, element));
        },
    );
    if source.bytes == destination.bytes {
        // Onto itself, a list must not be seen empty in between.
        db.edit::<List, _>(source, |list, changes| {
            let limits = &changes.limits.list;
            taken(list);
            put(list, limits);
            list.shrink(limits);
            changes.record(push_event(wanted.to), 0);
            changes.record(pop_event(wanted.from), count as u64);
        })?;
    } else {
        // The elements arrive before they leave: in this order the events are told.
        db.edit_or_create::<List, _>(destination, |list, changes| {
            put(list, &changes.limits.list);
            changes.record(push_event(wanted.to), 0);
        })?;
        db.edit::<List, _>(source, |list, changes| {
            taken(list);
            changes.record(pop_event(wanted.from), count as u64);
            list.shrink(&changes.limits.list);
        })?;
    }
    // 3. The journal has what every reader knows: a removal and an addition.
    if call.is_journalled() {
        let (pop, push): (&[u8], &[u8]) = (
            if wanted.from == End::Front { b"LPOP" } else { b"RPOP" },
            if wanted.to == End::Front { b"LPUSH" } else { b"RPUSH" },
        );
        let number = count.to_string();
        call.propagation.rewrite(&[pop, source.bytes, number.as_bytes()]);
        let mut words = vec![push, destination.bytes];
        words.extend(elements.iter().map(Vec::as_slice));
        call.propagation.rewrite(&words);
    }
    call.reply.array(count);
    let mut strings = call.reply.strings();
    match wanted.to {
        End::Back => elements.iter().for_each(|element| strings.push(element)),
        End::Front => elements.iter().rev().for_each(|element| strings.push(element)),
    }
    Ok(true)
}
