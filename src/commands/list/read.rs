//! LLEN, LRANGE, LINDEX, LPOS.

use super::{range_of, symmetric_integer};
use crate::base::number::parse_i64;
use crate::commands::items::{push_item, write_item};
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::keyspace::Db;
use crate::spec::flag::{FAST, READONLY};
use crate::spec::{Group, at, command};
use crate::structures::list_pack::Run;
use crate::structures::pack_deque::Needle;
use crate::value::list::{End, List, Piece};

pub const COMMANDS: &[Command] = &[
    command("LLEN", "key", 2)
        .group(Group::List)
        .flags(READONLY | FAST)
        .keys(at(1).read_only())
        .cost("O(1)")
        .says("The length of a list.")
        .data(llen),
    command("LRANGE", "key start:integer stop:integer", 4)
        .group(Group::List)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(s + n) with s packs between the nearer end and the start, and n elements")
        .says("The elements of a list between two indices.")
        .data(lrange),
    command("LINDEX", "key index:integer", 3)
        .group(Group::List)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n) over the packs between the nearer end and the element")
        .says("The element of a list at an index.")
        .data(lindex),
    command("LPOS", "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]", -3)
        .since("6.0.6")
        .group(Group::List)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(n) over the elements compared")
        .says("The index of an element in a list, or several.")
        .data(lpos),
];

fn llen(call: &mut Call, db: &mut Db) -> Outcome {
    let len = db.read::<List>(call.key(1))?.map_or(0, List::len);
    call.reply.integer(len as i64);
    Ok(())
}

fn lrange(call: &mut Call, db: &mut Db) -> Outcome {
    let (start, stop) = (call.integer(2)?, call.integer(3)?);
    let Some(list) = db.read::<List>(call.key(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    let (first, count) = range_of(start, stop, list.len());
    call.reply.array(count);
    let mut strings = call.reply.strings();
    list.for_range(first, count, |piece| match piece {
        Piece::One(item) => push_item(&mut strings, item),
        Piece::Run(run) => strings.push_equal(run.entries, run.stride, Run::HEAD, run.len),
    });
    Ok(())
}

fn lindex(call: &mut Call, db: &mut Db) -> Outcome {
    let Some(list) = db.read::<List>(call.key(1))? else {
        call.reply.null();
        return Ok(());
    };
    match list.get(call.integer(2)?) {
        Some(item) => write_item(&mut call.reply, item),
        None => call.reply.null(),
    }
    Ok(())
}

/// What LPOS is asked for.
struct Search {
    /// The first match that counts, from 1.
    rank: u64,
    from: End,
    /// Matches wanted, 0 for all; `None`: one, and not as an array.
    count: Option<u64>,
    /// Elements to be compared; 0: all.
    compared_max: u64,
}

fn parse_search(call: &Call) -> Result<Search, Stop> {
    let mut search = Search { rank: 1, from: End::Front, count: None, compared_max: 0 };
    let not_negative = |index: usize, fault: &'static str| match parse_i64(call.arg(index)) {
        Some(number @ 0..) => Ok(number as u64),
        _ => Err(Stop::from(fault)),
    };
    let mut index = 3;
    while index < call.argc() {
        if index + 1 == call.argc() {
            return Err(fault::SYNTAX);
        } else if call.is(index, "RANK") {
            let rank = symmetric_integer(call, index + 1)?;
            if rank == 0 {
                return Err("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
                            or use negative to start from the end of the list"
                    .into());
            }
            search.rank = rank.unsigned_abs();
            search.from = if rank < 0 { End::Back } else { End::Front };
        } else if call.is(index, "COUNT") {
            search.count = Some(not_negative(index + 1, "ERR COUNT can't be negative")?);
        } else if call.is(index, "MAXLEN") {
            search.compared_max = not_negative(index + 1, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(fault::SYNTAX);
        }
        index += 2;
    }
    Ok(search)
}

fn lpos(call: &mut Call, db: &mut Db) -> Outcome {
    let search = parse_search(call)?;
    let list = db.read::<List>(call.key(1))?;
    let compared_max = if search.compared_max == 0 { usize::MAX } else { search.compared_max as usize };
    let needle = Needle::new(call.arg(2));
    // What is not there is searched like an empty list.
    let matches = list.into_iter().flat_map(|list| {
        let items = list.iter(search.from).take(compared_max).enumerate();
        let found = items.filter(|(_, item)| needle.matches(*item));
        found.map(move |(index, _)| if search.from == End::Front { index } else { list.len() - 1 - index })
    });
    let mut matches = matches.skip((search.rank - 1) as usize);
    match search.count {
        None => match matches.next() {
            Some(index) => call.reply.integer(index as i64),
            None => call.reply.null(),
        },
        Some(count) => {
            let start = call.reply.deferred();
            let mut written = 0;
            for index in matches.take(if count == 0 { usize::MAX } else { count as usize }) {
                call.reply.integer(index as i64);
                written += 1;
            }
            call.reply.finish_array(start, written);
        }
    }
    Ok(())
}
