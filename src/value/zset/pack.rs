//! The small encoding: a list pack of members, each followed by its score, in order. What Redis writes is written here.

use super::range::{LexRange, ScoreRange};
use super::set::End;
use crate::base::number::{IntegerText, parse_f64, write_f64};
use crate::structures::list_pack::{Item, ListPack, Position};
use std::cmp::Ordering;
use std::ops::Range;

/// The score that an element holds.
#[inline]
pub(super) fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Int(number) => number as f64,
        // A pack from elsewhere was checked when it came; this one was written here.
        Item::Bytes(text) => parse_f64(text).unwrap_or(0.0),
    }
}

/// Where the score of the member at a position stands.
#[inline]
fn score_position(pack: &ListPack, member: Position) -> Position {
    pack.next(member).expect("every member is followed by its score")
}

/// Number of members.
#[inline]
pub(super) fn len(pack: &ListPack) -> usize {
    pack.len() / 2
}

/// Where a member stands, and its score.
#[inline]
pub(super) fn find(pack: &ListPack, member: &[u8]) -> Option<(Position, f64)> {
    let at = pack.find(pack.first()?, member, 1)?;
    Some((at, score_of(pack.get(score_position(pack, at)))))
}

/// The rank of a member, and its score.
pub(super) fn rank(pack: &ListPack, member: &[u8]) -> Option<(usize, f64)> {
    pack.pairs()
        .enumerate()
        .find(|(_, (name, _))| name.eq_bytes(member))
        .map(|(rank, (_, score))| (rank, score_of(score)))
}

/// Inserts a member that is not there, in its place.
pub(super) fn insert(pack: &mut ListPack, member: &[u8], score: f64) {
    match place_for(pack, member, score) {
        Some(place) => {
            let at = pack.insert_before(place, member);
            insert_score_after(pack, at, score);
        }
        None => push(pack, member, score),
    }
}

/// The first member that is greater, if there is one.
fn place_for(pack: &ListPack, member: &[u8], score: f64) -> Option<Position> {
    // Members often come in rising order: the last pair alone tells that.
    let last = pack.last()?;
    if score_of(pack.get(last)) < score {
        return None;
    }
    let mut at = pack.first();
    while let Some(position) = at {
        let scored = score_position(pack, position);
        let other = score_of(pack.get(scored));
        if other > score || other == score && cmp_item(pack.get(position), member) == Ordering::Greater {
            break;
        }
        at = pack.next(scored);
    }
    at
}

fn cmp_item(item: Item<'_>, member: &[u8]) -> Ordering {
    item.to_bytes(&mut IntegerText::new()).cmp(member)
}

/// Adds a member greater than all others.
pub(super) fn push(pack: &mut ListPack, member: &[u8], score: f64) {
    pack.push_back(member);
    match whole(score) {
        Some(number) => pack.push_back_int(number),
        None => with_text(score, |text| pack.push_back(text)),
    }
}

fn insert_score_after(pack: &mut ListPack, member: Position, score: f64) {
    match whole(score) {
        Some(number) => pack.insert_int_after(member, number),
        None => with_text(score, |text| pack.insert_after(member, text)),
    };
}

/// The score as an integer, where it is one of those that are stored so.
fn whole(score: f64) -> Option<i64> {
    /// Beyond this a double is stored as text, whole or not.
    const WHOLE_MAX: f64 = (i64::MAX / 2) as f64;
    (score.abs() <= WHOLE_MAX && score as i64 as f64 == score).then_some(score as i64)
}

fn with_text<R>(score: f64, take: impl FnOnce(&[u8]) -> R) -> R {
    let mut text = Vec::with_capacity(32);
    write_f64(&mut text, score);
    take(&text)
}

/// Gives the member at a position another score, and the place that goes with it.
pub(super) fn set_score(pack: &mut ListPack, at: Position, member: &[u8], score: f64) {
    let scored = score_position(pack, at);
    if stays_in_place(pack, at, scored, member, score) {
        match whole(score) {
            Some(number) => pack.replace_int(scored, number),
            None => with_text(score, |text| pack.replace(scored, text)),
        }
    } else {
        pack.remove_many(at, 2);
        insert(pack, member, score);
    }
}

/// Whether the neighbours would still stand on either side of a member with this score.
fn stays_in_place(pack: &ListPack, at: Position, scored: Position, member: &[u8], score: f64) -> bool {
    let is_after = |position: Position| {
        let other = score_of(pack.get(score_position(pack, position)));
        score > other || score == other && cmp_item(pack.get(position), member) == Ordering::Less
    };
    let previous = pack.prev(at).and_then(|score| pack.prev(score));
    previous.is_none_or(is_after) && pack.next(scored).is_none_or(|next| !is_after(next))
}

/// Takes out the member at a position.
pub(super) fn remove(pack: &mut ListPack, at: Position) {
    pack.remove_many(at, 2);
}

/// How many members have a lower score.
pub(super) fn count_below(pack: &ListPack, score: f64) -> usize {
    pack.pairs().take_while(|&(_, other)| score_of(other) < score).count()
}

/// The ranks of the members whose scores lie in a range.
pub(super) fn ranks_by_score(pack: &ListPack, range: &ScoreRange) -> Range<usize> {
    let scores = || pack.pairs().map(|(_, score)| score_of(score));
    let start = scores().take_while(|&score| range.is_below(score)).count();
    let count = scores().skip(start).take_while(|&score| range.is_within_max(score)).count();
    start..start + count
}

/// The ranks of the members whose bytes lie in a range, looked for from one end on. Where scores differ, the members are
/// not in the order of their bytes, and it shows how one looks: as Redis does, both ends are asked first, and then the
/// run of members from the first one on that is not outside.
pub(super) fn ranks_by_lex(pack: &ListPack, range: &LexRange<'_>, from: End) -> Range<usize> {
    let forward = || pack.pairs().map(|(member, _)| member);
    let backward = || pack.iter_rev().skip(1).step_by(2);
    let is_in = |member| !range.item_is_below(member) && range.item_is_within_max(member);
    let reaches_min = backward().next().is_some_and(|last| !range.item_is_below(last));
    let reaches_max = forward().next().is_some_and(|first| range.item_is_within_max(first));
    if !reaches_min || !reaches_max {
        return 0..0;
    }
    match from {
        End::Min => {
            let start = forward().take_while(|&member| range.item_is_below(member)).count();
            let is_found = forward().nth(start).is_some_and(is_in);
            let run = forward().skip(start).take_while(|&member| range.item_is_within_max(member));
            if is_found { start..start + run.count() } else { 0..0 }
        }
        End::Max => {
            let skipped = backward().take_while(|&member| !range.item_is_within_max(member)).count();
            let is_found = backward().nth(skipped).is_some_and(is_in);
            let run = backward().skip(skipped).take_while(|&member| !range.item_is_below(member));
            let end = len(pack) - skipped;
            if is_found { end - run.count()..end } else { 0..0 }
        }
    }
}

/// Whether this is a sorted set in every respect: pairs, scores that are numbers, in order (and so no member twice next
/// to itself; the caller looks for others).
pub(super) fn is_in_order(pack: &ListPack) -> bool {
    let mut previous: Option<(f64, Item<'_>)> = None;
    for (member, score) in pack.pairs() {
        let score = score_of(score);
        if let Some((least, name)) = previous
            && (least > score || least == score && cmp_item(name, member.to_bytes(&mut IntegerText::new())).is_ge())
        {
            return false;
        }
        previous = Some((score, member));
    }
    true
}

/// Whether a member stands there twice, with whatever scores.
pub(super) fn has_a_member_twice(pack: &ListPack) -> bool {
    let mut members = pack.pairs().map(|(member, _)| member).collect::<Vec<_>>();
    // Any order will do that puts equals together; a number is never stored as its text.
    members.sort_unstable_by(|&left, &right| match (left, right) {
        (Item::Int(left), Item::Int(right)) => left.cmp(&right),
        (Item::Bytes(left), Item::Bytes(right)) => left.cmp(right),
        (Item::Int(_), Item::Bytes(_)) => Ordering::Less,
        (Item::Bytes(_), Item::Int(_)) => Ordering::Greater,
    });
    members.windows(2).any(|pair| pair[0] == pair[1])
}

/// Whether every second element is a score.
pub(super) fn has_scores(pack: &ListPack) -> bool {
    let is_score =
        |item: Item<'_>| matches!(item, Item::Int(_)) || matches!(item, Item::Bytes(text) if parse_f64(text).is_some());
    pack.len() % 2 == 0 && pack.pairs().all(|(_, score)| is_score(score))
}
