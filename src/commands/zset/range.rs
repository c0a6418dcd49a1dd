//! ZRANGE in all its forms, its five older names, and ZRANGESTORE.
//!
//! Whatever a range is given by, it becomes ranks first; offset and count then cut from those.

use super::bounds::{lex_range, rank_range, score_range};
use super::{reply_members_start, reply_scored};
use crate::base::number::IntegerText;
use crate::commands::items::push_item;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::keyspace::event::{Event, class, event};
use crate::spec::flag::{DENYOOM, READONLY, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::list_pack::Item;
use crate::value::Object;
use crate::value::zset::{Builder, End, LexRange, ScoreRange, Zset};
use std::ops::Range;

pub const COMMANDS: &[Command] = &[
    command("ZRANGE", "key start stop [sortby=BYSCORE|BYLEX]@6.2.0 [REV]@6.2.0 [LIMIT {limit=offset:integer count:integer}]@6.2.0 [WITHSCORES]", -4)
        .since("1.2.0")
        .group(Group::SortedSet)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(log n + m) for m members answered")
        .says("Members in a range of ranks, scores or bytes.")
        .data(|call, db| range(call, db, Form { by: None, is_reversed: None })),
    command("ZRANGEBYLEX", "key min max [LIMIT {limit=offset:integer count:integer}]", -4)
        .deprecated("6.2.0", "ZRANGE")
        .since("2.8.9")
        .group(Group::SortedSet)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(log n + m) for m members answered")
        .says("Members in a range of bytes.")
        .data(|call, db| range(call, db, Form::of(By::Lex, false))),
    command("ZRANGEBYSCORE", "key min:double max:double [WITHSCORES]@2.0.0 [LIMIT {limit=offset:integer count:integer}]", -4)
        .deprecated("6.2.0", "ZRANGE")
        .since("1.0.5")
        .group(Group::SortedSet)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(log n + m) for m members answered")
        .says("Members with scores in a range.")
        .data(|call, db| range(call, db, Form::of(By::Score, false))),
    command("ZRANGESTORE", "dst:key src:key min max [sortby=BYSCORE|BYLEX] [REV] [LIMIT {limit=offset:integer count:integer}]", -5)
        .since("6.2.0")
        .group(Group::SortedSet)
        .flags(WRITE | DENYOOM)
        .keys(at(1).overwrite().update())
        .keys(at(2).read_only().access())
        .cost("O(log n + m) for m members stored")
        .says("Stores the members in a range of ranks, scores or bytes as another set.")
        .data(zrangestore),
    command("ZREVRANGE", "key start:integer stop:integer [WITHSCORES]", -4)
        .deprecated("6.2.0", "ZRANGE")
        .since("1.2.0")
        .group(Group::SortedSet)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(log n + m) for m members answered")
        .says("Members in a range of ranks, from the highest score on.")
        .data(|call, db| range(call, db, Form::of(By::Rank, true))),
    command("ZREVRANGEBYLEX", "key max min [LIMIT {limit=offset:integer count:integer}]", -4)
        .deprecated("6.2.0", "ZRANGE")
        .since("2.8.9")
        .group(Group::SortedSet)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(log n + m) for m members answered")
        .says("Members in a range of bytes, backwards.")
        .data(|call, db| range(call, db, Form::of(By::Lex, true))),
    command("ZREVRANGEBYSCORE", "key max:double min:double [WITHSCORES] [LIMIT {limit=offset:integer count:integer}]", -4)
        .deprecated("6.2.0", "ZRANGE")
        .since("2.2.0")
        .group(Group::SortedSet)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .cost("O(log n + m) for m members answered")
        .says("Members with scores in a range, from the highest score on.")
        .data(|call, db| range(call, db, Form::of(By::Score, true))),
];

const ZRANGESTORE: Event = event(class::ZSET, "zrangestore");

const LIMIT_BY_RANK: Stop =
    Stop::error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
const SCORES_BY_LEX: Stop = Stop::error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What the name of a command says already; the rest is up to its options.
#[derive(Clone, Copy)]
struct Form {
    by: Option<By>,
    is_reversed: Option<bool>,
}

impl Form {
    const fn of(by: By, is_reversed: bool) -> Form {
        Form { by: Some(by), is_reversed: Some(is_reversed) }
    }
}

/// The two ends of a range.
enum Ends<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Lex(LexRange<'a>),
}

/// A request for a range.
struct Query<'a> {
    ends: Ends<'a>,
    is_reversed: bool,
    offset: i64,
    /// Members at most; below 0: all.
    count: i64,
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// Parses the words from the first end of the range on, which is word `first`.
    fn parse(call: &Call<'a>, first: usize, mut form: Form, is_stored: bool) -> Result<Query<'a>, Stop> {
        let (mut with_scores, mut offset, mut count) = (false, 0, -1);
        let mut index = first + 2;
        while index < call.argc() {
            if !is_stored && call.is(index, "WITHSCORES") {
                with_scores = true;
            } else if call.is(index, "LIMIT") && index + 2 < call.argc() {
                (offset, count) = (call.integer(index + 1)?, call.integer(index + 2)?);
                index += 2;
            } else if form.is_reversed.is_none() && call.is(index, "REV") {
                form.is_reversed = Some(true);
            } else if form.by.is_none() && call.is(index, "BYLEX") {
                form.by = Some(By::Lex);
            } else if form.by.is_none() && call.is(index, "BYSCORE") {
                form.by = Some(By::Score);
            } else {
                return Err(fault::SYNTAX);
            }
            index += 1;
        }
        let by = form.by.unwrap_or(By::Rank);
        if count != -1 && by == By::Rank {
            return Err(LIMIT_BY_RANK);
        }
        if with_scores && by == By::Lex {
            return Err(SCORES_BY_LEX);
        }
        let is_reversed = form.is_reversed.unwrap_or(false);
        // Backwards, ranges of scores and bytes begin with their upper end.
        let (min, max) = if is_reversed && by != By::Rank { (first + 1, first) } else { (first, first + 1) };
        let ends = match by {
            By::Rank => Ends::Ranks(call.integer(min)?, call.integer(max)?),
            By::Score => Ends::Scores(score_range(call, min, max)?),
            By::Lex => Ends::Lex(lex_range(call, min, max)?),
        };
        Ok(Query { ends, is_reversed, offset, count, with_scores })
    }

    /// The ranks asked for, from the lowest score on.
    fn ranks(&self, zset: &Zset) -> Range<usize> {
        let found = match &self.ends {
            Ends::Ranks(start, stop) => {
                let len = zset.len();
                let ranks = rank_range(*start, *stop, len);
                return if self.is_reversed { len - ranks.end..len - ranks.start } else { ranks };
            }
            Ends::Scores(range) => zset.ranks_by_score(range),
            Ends::Lex(range) => zset.ranks_by_lex(range, if self.is_reversed { End::Max } else { End::Min }),
        };
        let Some(skipped) = self.skipped(zset, found.len()) else { return 0..0 };
        let left = found.len() - skipped;
        let taken = if self.count < 0 { left } else { left.min(self.count as usize) };
        if self.is_reversed {
            let end = found.end - skipped;
            end - taken..end
        } else {
            let start = found.start + skipped;
            start..start + taken
        }
    }

    /// How many of `found` members the offset passes over; `None` if it leaves none. An offset below 0 is nowhere
    /// described: the small encoding then answers nothing, the large one counts from the far end.
    fn skipped(&self, zset: &Zset, found: usize) -> Option<usize> {
        if self.offset >= 0 {
            return usize::try_from(self.offset).ok().filter(|&skipped| skipped < found);
        }
        let from_end = usize::try_from(self.offset.unsigned_abs()).ok()?;
        if zset.as_pack().is_some() { None } else { found.checked_sub(from_end) }
    }

    /// Shows the members asked for, in the order asked for.
    fn each<'z>(&self, zset: &'z Zset, ranks: Range<usize>, mut show: impl FnMut(Item<'z>, f64)) {
        if ranks.is_empty() {
            return;
        }
        if self.is_reversed {
            zset.iter_back_from(ranks.end - 1).take(ranks.len()).for_each(|(member, score)| show(member, score));
        } else {
            zset.iter_from(ranks.start).take(ranks.len()).for_each(|(member, score)| show(member, score));
        }
    }
}

fn range(call: &mut Call, db: &mut Db, form: Form) -> Outcome {
    let query = Query::parse(call, 2, form, false)?;
    let Some(zset) = db.read::<Zset>(call.key(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    let ranks = query.ranks(zset);
    reply_members_start(&mut call.reply, ranks.len(), query.with_scores);
    if query.with_scores {
        query.each(zset, ranks, |member, score| reply_scored(&mut call.reply, member, score, true));
    } else {
        let mut strings = call.reply.strings();
        query.each(zset, ranks, |member, _| push_item(&mut strings, member));
    }
    Ok(())
}

fn zrangestore(call: &mut Call, db: &mut Db) -> Outcome {
    let query = Query::parse(call, 3, Form { by: None, is_reversed: None }, true)?;
    let limits = db.rules.limits;
    let mut builder = Builder::default();
    if let Some(zset) = db.read::<Zset>(call.key(2))? {
        let mut text = IntegerText::new();
        query.each(zset, query.ranks(zset), |member, score| {
            builder.insert(member.to_bytes(&mut text), score);
        });
    }
    let count = builder.len();
    db.store(call.key(1), builder.finish(&limits), ZRANGESTORE);
    call.reply.integer(count as i64);
    Ok(())
}
