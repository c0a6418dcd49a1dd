//! ZADD and ZINCRBY.

use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::event::{Event, class, event};
use crate::keyspace::{Changes, Db};
use crate::spec::flag::{DENYOOM, FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::ranked_map::Outcome as Placed;
use crate::value::zset::Zset;

pub const COMMANDS: &[Command] = &[
    command("ZADD", "key [condition=NX|XX]@3.0.2 [comparison=GT|LT]@6.2.0 [change=CH]@3.0.2 [increment=INCR]@3.0.2 {data=score:double member}+", -4)
        .since("1.2.0")
        .group(Group::SortedSet)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().update())
        .element(3)
        .cost("O(log n) a member")
        .says("Adds members with scores, or changes the scores of those there.")
        .data(zadd),
    command("ZINCRBY", "key increment:integer member", 4)
        .since("1.2.0")
        .group(Group::SortedSet)
        .flags(WRITE | DENYOOM | FAST)
        .keys(at(1).read_write().access().update())
        .element(3)
        .cost("O(log n)")
        .says("Adds to the score of a member.")
        .data(zincrby),
];

const ZADD: Event = event(class::ZSET, "zadd");
const ZINCR: Event = event(class::ZSET, "zincr");

const NX_WITH_XX: Stop = Stop::error("ERR XX and NX options at the same time are not compatible");
const GT_LT_NX: Stop = Stop::error("ERR GT, LT, and/or NX options at the same time are not compatible");
const INCR_OF_MANY: Stop = Stop::error("ERR INCR option supports a single increment-element pair");
const NOT_A_NUMBER: Stop = Stop::error("ERR resulting score is not a number (NaN)");

/// When a member is to be added or changed, and what is answered.
#[derive(Clone, Copy, Default)]
pub(in crate::commands) struct Options {
    pub nx: bool,
    pub xx: bool,
    gt: bool,
    lt: bool,
    pub ch: bool,
    incr: bool,
}

impl Options {
    /// Parses the options from word 2 on; gives back the word of the first score.
    fn parse(&mut self, call: &Call) -> usize {
        let mut index = 2;
        // Options begin with a letter; most requests have none, and a score here.
        while index < call.argc() && call.arg(index).first().is_some_and(u8::is_ascii_alphabetic) {
            let option = match call.arg(index) {
                word if word.eq_ignore_ascii_case(b"NX") => &mut self.nx,
                word if word.eq_ignore_ascii_case(b"XX") => &mut self.xx,
                word if word.eq_ignore_ascii_case(b"GT") => &mut self.gt,
                word if word.eq_ignore_ascii_case(b"LT") => &mut self.lt,
                word if word.eq_ignore_ascii_case(b"CH") => &mut self.ch,
                word if word.eq_ignore_ascii_case(b"INCR") => &mut self.incr,
                _ => break,
            };
            *option = true;
            index += 1;
        }
        index
    }

    fn check(self, pairs: usize) -> Result<(), Stop> {
        if self.nx && self.xx {
            return Err(NX_WITH_XX);
        }
        if self.nx && (self.gt || self.lt) || self.gt && self.lt {
            return Err(GT_LT_NX);
        }
        if self.incr && pairs > 1 {
            return Err(INCR_OF_MANY);
        }
        Ok(())
    }

    /// The score that a member gets, if it is to get one. With INCR it can be a NaN.
    #[inline]
    fn decide(self, present: Option<f64>, given: f64) -> Option<f64> {
        let Some(present) = present else { return (!self.xx).then_some(given) };
        if self.nx {
            return None;
        }
        let score = if self.incr { present + given } else { given };
        let is_refused = self.lt && score >= present || self.gt && score <= present;
        (!is_refused).then_some(score)
    }
}

/// What became of the pairs of a request.
#[derive(Clone, Copy, Default)]
pub(in crate::commands) struct Tally {
    added: u64,
    updated: u64,
    /// The score of the last member that the options let through.
    score: Option<f64>,
}

impl Tally {
    /// Members added or given another score.
    pub fn changed(self) -> u64 {
        self.added + self.updated
    }
}

fn zadd(call: &mut Call, db: &mut Db) -> Outcome {
    add(call, db, Options::default())
}

fn zincrby(call: &mut Call, db: &mut Db) -> Outcome {
    add(call, db, Options { incr: true, ..Options::default() })
}

fn add(call: &mut Call, db: &mut Db, mut options: Options) -> Outcome {
    let first = options.parse(call);
    let words = call.argc() - first;
    if words == 0 || words % 2 == 1 {
        return Err(fault::SYNTAX);
    }
    options.check(words / 2)?;
    // All scores are looked at before anything changes. One pair, the common case, needs no memory for that.
    let (mut one, mut many) = ([0.0], Vec::new());
    let scores: &[f64] = if words == 2 {
        one[0] = call.double(first)?;
        &one
    } else {
        many.extend((first..call.argc()).step_by(2).map(|index| call.double(index)).collect::<Result<Vec<_>, _>>()?);
        &many
    };
    let args = call.args;
    let members = (first + 1..args.len()).step_by(2).map(|index| args.get(index));
    let pairs = scores.iter().copied().zip(members);
    let tally = db.edit_or_create(call.key(1), |zset, changes| add_pairs(zset, changes, pairs, options))?;
    reply(call, tally, options)
}

/// Gives members their scores as the options say; what changed is recorded.
pub(in crate::commands) fn add_pairs<'a>(
    zset: &mut Zset,
    changes: &mut Changes,
    pairs: impl ExactSizeIterator<Item = (f64, &'a [u8])> + Clone,
    options: Options,
) -> Tally {
    let mut tally = Tally::default();
    let limits = *changes.limits;
    let first_len = pairs.clone().next().map_or(0, |(_, member)| member.len());
    zset.prepare(pairs.len(), first_len, &limits);
    for (given, member) in pairs {
        let hint = (!options.incr).then_some(given);
        let outcome = zset.upsert(member, &limits, hint, |present| {
            let score = options.decide(present, given);
            tally.score = score.or(tally.score);
            score.filter(|score| !score.is_nan())
        });
        match outcome {
            Placed::Added => tally.added += 1,
            Placed::Updated => tally.updated += 1,
            Placed::Unchanged => {}
        }
    }
    if tally.changed() > 0 {
        changes.record(if options.incr { ZINCR } else { ZADD }, tally.changed());
    }
    tally
}

/// Answers with the number of members added (changed with CH), or the score with INCR.
pub(in crate::commands) fn reply(call: &mut Call, tally: Tally, options: Options) -> Outcome {
    match tally.score {
        _ if !options.incr => call.reply.integer((tally.added + if options.ch { tally.updated } else { 0 }) as i64),
        None => call.reply.null(),
        Some(score) if score.is_nan() => return Err(NOT_A_NUMBER),
        Some(score) => call.reply.double(score),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_decide_on_the_score() {
        let none = Options::default();
        assert_eq!(none.decide(None, 1.0), Some(1.0));
        assert_eq!(none.decide(Some(2.0), 1.0), Some(1.0));
        let nx = Options { nx: true, ..none };
        assert_eq!((nx.decide(None, 1.0), nx.decide(Some(2.0), 1.0)), (Some(1.0), None));
        let xx = Options { xx: true, ..none };
        assert_eq!((xx.decide(None, 1.0), xx.decide(Some(2.0), 1.0)), (None, Some(1.0)));
        let gt = Options { gt: true, ..none };
        assert_eq!((gt.decide(Some(2.0), 2.0), gt.decide(Some(2.0), 2.5)), (None, Some(2.5)));
        let lt_incr = Options { lt: true, incr: true, ..none };
        assert_eq!((lt_incr.decide(Some(2.0), 1.0), lt_incr.decide(Some(2.0), -1.0)), (None, Some(1.0)));
        let incr = Options { incr: true, ..none };
        assert!(incr.decide(Some(f64::INFINITY), f64::NEG_INFINITY).is_some_and(f64::is_nan));
    }
}
