//! Union, intersection and difference of sorted sets and plain sets, answered, stored or counted.
//!
//! A plain set counts as a sorted one in which every score is 1. Sets are gone through from the smallest on, as Redis
//! does: the order decides on the last digits of a sum of scores.

use super::{reply_members_start, reply_scored};
use crate::base::number::{IntegerText, parse_f64};
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::keyspace::event::{Event, class, event};
use crate::spec::flag::{DENYOOM, MOVABLE_KEYS, READONLY, WRITE};
use crate::spec::{Group, Spec, at, command, counted};
use crate::structures::list_pack::Item;
use crate::value::set::Set;
use crate::value::zset::{Builder, Zset};
use crate::value::{Kind, Object};
use std::ops::Range;

pub const COMMANDS: &[Command] = &[
    reading("ZDIFF", "numkeys:integer key+ [WITHSCORES]", -3)
        .since("6.2.0")
        .cost("O(l + (n - k) log n) for l members in all, n in the first set and k in the result")
        .says("The members of the first set that are in no other.")
        .data(|call, db| answer(call, db, Operation::Difference)),
    storing("ZDIFFSTORE", "destination:key numkeys:integer key+", -4)
        .since("6.2.0")
        .cost("O(l + (n - k) log n) for l members in all, n in the first set and k in the result")
        .says("Stores the members of the first set that are in no other.")
        .data(|call, db| store(call, db, Operation::Difference, ZDIFFSTORE)),
    reading(
        "ZINTER",
        "numkeys:integer key+ [WEIGHTS weight:integer+] [AGGREGATE {aggregate=SUM|MIN|MAX|COUNT@8.8.0}] [WITHSCORES]",
        -3,
    )
    .since("6.2.0")
    .cost("O(n k + m log m) for n members in the smallest of k sets and m in the result")
    .says("The members that are in all sets.")
    .data(|call, db| answer(call, db, Operation::Intersection)),
    reading("ZINTERCARD", "numkeys:integer key+ [LIMIT limit:integer]", -3)
        .since("7.0.0")
        .cost("O(n k) for n members in the smallest of k sets")
        .says("The number of members that are in all sets.")
        .data(zintercard),
    storing(
        "ZINTERSTORE",
        "destination:key numkeys:integer key+ [WEIGHTS weight:integer+] [AGGREGATE {aggregate=SUM|MIN|MAX|COUNT@8.8.0}]",
        -4,
    )
    .since("2.0.0")
    .cost("O(n k + m log m) for n members in the smallest of k sets and m in the result")
    .says("Stores the members that are in all sets.")
    .data(|call, db| store(call, db, Operation::Intersection, ZINTERSTORE)),
    reading(
        "ZUNION",
        "numkeys:integer key+ [WEIGHTS weight:integer+] [AGGREGATE {aggregate=SUM|MIN|MAX|COUNT@8.8.0}] [WITHSCORES]",
        -3,
    )
    .since("6.2.0")
    .cost("O(n + m log m) for n members in all sets and m in the result")
    .says("The members that are in any of the sets.")
    .data(|call, db| answer(call, db, Operation::Union)),
    storing(
        "ZUNIONSTORE",
        "destination:key numkeys:integer key+ [WEIGHTS weight:integer+] [AGGREGATE {aggregate=SUM|MIN|MAX|COUNT@8.8.0}]",
        -4,
    )
    .since("2.0.0")
    .cost("O(n + m log m) for n members in all sets and m in the result")
    .says("Stores the members that are in any of the sets.")
    .data(|call, db| store(call, db, Operation::Union, ZUNIONSTORE)),
];

const fn reading(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity)
        .group(Group::SortedSet)
        .flags(READONLY | MOVABLE_KEYS)
        .keys(counted(1).read_only().access())
}

const fn storing(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity)
        .group(Group::SortedSet)
        .flags(WRITE | DENYOOM | MOVABLE_KEYS)
        .keys(at(1).overwrite().update())
        .keys(counted(2).read_only().access())
}

const ZDIFFSTORE: Event = event(class::ZSET, "zdiffstore");
const ZINTERSTORE: Event = event(class::ZSET, "zinterstore");
const ZUNIONSTORE: Event = event(class::ZSET, "zunionstore");

const NOT_A_WEIGHT: Stop = Stop::error("ERR weight value is not a float");
const LIMIT_NEGATIVE: Stop = Stop::error("ERR LIMIT can't be negative");

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the scores that a member has in several sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
    /// How many sets have the member, each by its weight.
    Count,
}

impl Aggregate {
    /// What a set of this weight adds for a member of this score.
    #[inline]
    fn contribution(self, weight: f64, score: f64) -> f64 {
        if self == Aggregate::Count { weight } else { weight * score }
    }

    /// A sum of opposite infinities counts as 0.
    #[inline]
    fn merge(self, score: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum | Aggregate::Count => no_nan(score + other),
            Aggregate::Min => {
                if other < score {
                    other
                } else {
                    score
                }
            }
            Aggregate::Max => {
                if other > score {
                    other
                } else {
                    score
                }
            }
        }
    }
}

/// Infinity times 0 counts as 0, too.
#[inline]
fn no_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What is to be combined, and how.
struct Request {
    /// Words of the keys.
    keys: Range<usize>,
    /// One for each key; none if all are 1.
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Members to count at most; 0: all.
    limit: usize,
}

/// Which options a command takes.
#[derive(Clone, Copy)]
struct Options {
    weights: bool,
    scores: bool,
    limit: bool,
}

impl Request {
    /// Parses from the number of keys on, which is word `number`, and looks each key up before its options.
    fn parse(call: &Call, db: &mut Db, number: usize, options: Options) -> Result<Request, Stop> {
        let count = call.integer(number)?;
        if count < 1 {
            let name = &call.commands.row(call.command_id).full_name;
            return Err(Stop::error_owned(format!("ERR at least 1 input key is needed for '{name}' command")));
        }
        let keys = number + 1..(number + 1).saturating_add(count as usize);
        if keys.end > call.argc() {
            return Err(fault::SYNTAX);
        }
        for index in keys.clone() {
            let found = db.lookup(call.key(index));
            if found.is_some_and(|entry| !matches!(entry.kind(), Kind::Zset | Kind::Set)) {
                return Err(fault::WRONG_TYPE);
            }
        }
        let mut request =
            Request { keys, weights: Vec::new(), aggregate: Aggregate::Sum, with_scores: false, limit: 0 };
        request.parse_options(call, options)?;
        Ok(request)
    }

    fn parse_options(&mut self, call: &Call, options: Options) -> Result<(), Stop> {
        let mut index = self.keys.end;
        while index < call.argc() {
            let left = call.argc() - index;
            if options.weights && left > self.keys.len() && call.is(index, "WEIGHTS") {
                let words = index + 1..index + 1 + self.keys.len();
                let weights = words.map(|index| parse_f64(call.arg(index)).ok_or(NOT_A_WEIGHT));
                self.weights = weights.collect::<Result<_, _>>()?;
                index += self.keys.len();
            } else if options.weights && left >= 2 && call.is(index, "AGGREGATE") {
                index += 1;
                self.aggregate = parse_aggregate(call, index)?;
            } else if options.scores && call.is(index, "WITHSCORES") {
                self.with_scores = true;
            } else if options.limit && left >= 2 && call.is(index, "LIMIT") {
                index += 1;
                let limit = call.integer(index).ok().and_then(|limit| usize::try_from(limit).ok());
                self.limit = limit.ok_or(LIMIT_NEGATIVE)?;
            } else {
                return Err(fault::SYNTAX);
            }
            index += 1;
        }
        Ok(())
    }

    /// The sets at the keys, in the order of the request.
    fn sources<'d>(&self, call: &Call, db: &'d Db) -> Result<Vec<Source<'d>>, Stop> {
        let source = |(position, index): (usize, usize)| {
            let key = call.key(index);
            let weight = self.weights.get(position).copied().unwrap_or(1.0);
            let members = match db.peek(key) {
                None => Members::None,
                Some(entry) if entry.kind() == Kind::Set => Members::Plain(entry.object()?),
                Some(entry) => Members::Scored(entry.object()?),
            };
            Ok(Source { members, weight })
        };
        self.keys.clone().enumerate().map(source).collect()
    }
}

fn parse_aggregate(call: &Call, index: usize) -> Result<Aggregate, Stop> {
    if call.is(index, "SUM") {
        Ok(Aggregate::Sum)
    } else if call.is(index, "MIN") {
        Ok(Aggregate::Min)
    } else if call.is(index, "MAX") {
        Ok(Aggregate::Max)
    } else if call.is(index, "COUNT") {
        Ok(Aggregate::Count)
    } else {
        Err(fault::SYNTAX)
    }
}

/// One of the sets that are combined.
struct Source<'d> {
    members: Members<'d>,
    weight: f64,
}

enum Members<'d> {
    None,
    Plain(&'d Set),
    Scored(&'d Zset),
}

impl<'d> Source<'d> {
    fn len(&self) -> usize {
        match self.members {
            Members::None => 0,
            Members::Plain(set) => set.len(),
            Members::Scored(zset) => zset.len(),
        }
    }

    /// Shows members and scores until `show` says that it is enough.
    fn each(&self, mut show: impl FnMut(Item<'d>, f64) -> bool) {
        match self.members {
            Members::None => {}
            Members::Plain(set) => {
                let _ = set.iter().all(|member| show(member, 1.0));
            }
            Members::Scored(zset) => {
                let _ = zset.iter_from(0).all(|(member, score)| show(member, score));
            }
        }
    }

    #[inline]
    fn score(&self, member: Item<'_>, text: &mut IntegerText) -> Option<f64> {
        match self.members {
            Members::None => None,
            Members::Plain(set) => set.contains(member).then_some(1.0),
            Members::Scored(zset) => zset.score(member.to_bytes(text)),
        }
    }
}

/// The result of an operation.
fn combine(operation: Operation, mut sources: Vec<Source>, aggregate: Aggregate) -> Builder {
    if operation != Operation::Difference {
        // Stable: sets of one size stay in the order of the request.
        sources.sort_by_key(Source::len);
    }
    match operation {
        Operation::Union => union(&sources, aggregate),
        Operation::Intersection => {
            let (mut result, mut text) = (Builder::default(), IntegerText::new());
            intersect(&sources, aggregate, |member, score| {
                result.insert(member.to_bytes(&mut text), score);
                true
            });
            result
        }
        Operation::Difference => difference(&sources),
    }
}

fn union(sources: &[Source], aggregate: Aggregate) -> Builder {
    // The result is no smaller than the largest set.
    let mut result = Builder::with_capacity(sources.last().map_or(0, Source::len));
    let mut text = IntegerText::new();
    for source in sources {
        source.each(|member, score| {
            let score = no_nan(aggregate.contribution(source.weight, score));
            result.merge(member.to_bytes(&mut text), score, |present| aggregate.merge(present, score));
            true
        });
    }
    result
}

/// Shows the members that are in all sets, until `show` says that it is enough. The first set is the smallest.
fn intersect<'d>(sources: &[Source<'d>], aggregate: Aggregate, mut show: impl FnMut(Item<'d>, f64) -> bool) {
    let Some((first, others)) = sources.split_first() else { return };
    let mut text = IntegerText::new();
    first.each(|member, score| {
        let mut merged = no_nan(aggregate.contribution(first.weight, score));
        for other in others {
            let Some(score) = other.score(member, &mut text) else { return true };
            merged = aggregate.merge(merged, aggregate.contribution(other.weight, score));
        }
        show(member, merged)
    });
}

fn difference(sources: &[Source]) -> Builder {
    let (mut result, mut text) = (Builder::default(), IntegerText::new());
    let Some((first, others)) = sources.split_first() else { return result };
    first.each(|member, score| {
        if !others.iter().any(|other| other.score(member, &mut text).is_some()) {
            result.insert(member.to_bytes(&mut text), score);
        }
        true
    });
    result
}

fn answer(call: &mut Call, db: &mut Db, operation: Operation) -> Outcome {
    let options = Options { weights: operation != Operation::Difference, scores: true, limit: false };
    let request = Request::parse(call, db, 1, options)?;
    let mut result = combine(operation, request.sources(call, db)?, request.aggregate);
    reply_members_start(&mut call.reply, result.len(), request.with_scores);
    for (member, score) in result.sorted() {
        reply_scored(&mut call.reply, Item::Bytes(member), score, request.with_scores);
    }
    Ok(())
}

fn store(call: &mut Call, db: &mut Db, operation: Operation, event: Event) -> Outcome {
    let options = Options { weights: operation != Operation::Difference, scores: false, limit: false };
    let request = Request::parse(call, db, 2, options)?;
    let result = combine(operation, request.sources(call, db)?, request.aggregate);
    let count = result.len();
    let limits = db.rules.limits;
    db.store(call.key(1), result.finish(&limits), event);
    call.reply.integer(count as i64);
    Ok(())
}

fn zintercard(call: &mut Call, db: &mut Db) -> Outcome {
    let request = Request::parse(call, db, 1, Options { weights: false, scores: false, limit: true })?;
    let mut sources = request.sources(call, db)?;
    sources.sort_by_key(Source::len);
    let mut count = 0;
    intersect(&sources, Aggregate::Sum, |_, _| {
        count += 1;
        count != request.limit
    });
    call.reply.integer(count as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_merge_without_ever_becoming_nan() {
        let infinity = f64::INFINITY;
        assert_eq!(Aggregate::Sum.merge(infinity, -infinity), 0.0);
        assert_eq!(Aggregate::Min.merge(1.0, f64::NAN), 1.0);
        assert_eq!(Aggregate::Max.merge(1.0, 2.0), 2.0);
        assert_eq!(no_nan(0.0 * infinity), 0.0);
    }
}
