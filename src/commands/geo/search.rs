//! GEOSEARCH, GEOSEARCHSTORE and the GEORADIUS commands, which are the older names for parts of them.
//!
//! ```text
//!   area ──▶ cells ──▶ ranges of scores ──▶ points inside ──▶ in order, as many as wanted ──▶ answered or stored
//! ```

use super::request::{Form, Order, Request, Target};
use crate::base::number::{IntegerText, write_f64_4f};
use crate::commands::items::{push_item, write_item};
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::keyspace::event::{self, Event, class, event};
use crate::spec::flag::{DENYOOM, MOVABLE_KEYS, READONLY, WRITE};
use crate::spec::{Group, Spec, at, behind, command};
use crate::structures::geo::{Area, Position};
use crate::structures::list_pack::Item;
use crate::value::zset::{Builder, Zset};

/// Where one searches. A polygon has no centre: it excludes what says where that would be.
macro_rules! from_and_by {
    ($before:literal, $behind:literal) => {
        concat!(
            $before,
            " {area={centered={from=FROMMEMBER member|FROMLONLAT {fromlonlat=longitude:double latitude:double}}",
            " {by={circle=BYRADIUS radius:double {unit=M|KM|FT|MI}}|{box=BYBOX width:double height:double {unit=M|KM|FT|MI}}}}",
            "|{polygon=BYPOLYGON num-vertices:integer {vertices=longitude:double latitude:double}+}}",
            " [order=ASC|DESC] [count-block=COUNT count:integer [ANY]] ",
            $behind
        )
    };
}

/// A centre with radius and unit, and what follows.
macro_rules! radius {
    ($center:literal, $any:literal, $behind:literal) => {
        concat!(
            "key ",
            $center,
            " radius:double {unit=M|KM|FT|MI} [WITHCOORD] [WITHDIST] [WITHHASH] [count-block=COUNT count:integer ",
            $any,
            "] [order=ASC|DESC]",
            $behind
        )
    };
}

const COST: &str = "O(n + log m) for n members in the cells around the area and m inside of it";

pub const COMMANDS: &[Command] = &[
    reading("GEOSEARCH", from_and_by!("key", "[WITHCOORD] [WITHDIST] [WITHHASH]"), -7)
        .since("6.2.0")
        .says("The members in a circle, a box or a polygon.")
        .data(|call, db| search(call, db, Form::Search)),
    command("GEOSEARCHSTORE", from_and_by!("destination:key source:key", "[STOREDIST]"), -8)
        .since("6.2.0")
        .group(Group::Geo)
        .flags(WRITE | DENYOOM)
        .keys(at(1).overwrite().update())
        .keys(at(2).read_only().access())
        .cost(COST)
        .says("Stores the members in a circle, a box or a polygon.")
        .data(|call, db| search(call, db, Form::SearchStore)),
    storing(
        "GEORADIUS",
        radius!(
            "longitude:double latitude:double",
            "[ANY]@6.2.0",
            " [store=STORE storekey<key>|STOREDIST storedistkey<key>]"
        ),
        -6,
    )
    .since("3.2.0")
    .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")
    .says("The members in a circle, answered or stored.")
    .data(|call, db| search(call, db, Form::Radius { may_store: true })),
    reading("GEORADIUS_RO", radius!("longitude:double latitude:double", "[ANY]@6.2.0", ""), -6)
        .since("3.2.10")
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
        .says("The members in a circle.")
        .data(|call, db| search(call, db, Form::Radius { may_store: false })),
    storing(
        "GEORADIUSBYMEMBER",
        radius!("member", "[ANY]", " [store=STORE storekey<key>|STOREDIST storedistkey<key>]"),
        -5,
    )
    .since("3.2.0")
    .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments")
    .says("The members in a circle around one of them, answered or stored.")
    .data(|call, db| search(call, db, Form::RadiusByMember { may_store: true })),
    reading("GEORADIUSBYMEMBER_RO", radius!("member", "[ANY]", ""), -5)
        .since("3.2.10")
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")
        .says("The members in a circle around one of them.")
        .data(|call, db| search(call, db, Form::RadiusByMember { may_store: false })),
];

const fn reading(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).group(Group::Geo).flags(READONLY).keys(at(1).read_only().access()).cost(COST)
}

const fn storing(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    let options = -arity as i16;
    command(name, grammar, arity)
        .group(Group::Geo)
        .flags(WRITE | DENYOOM | MOVABLE_KEYS)
        .keys(at(1).read_only().access())
        .keys(behind("STORE", options).overwrite().update())
        .keys(behind("STOREDIST", options).overwrite().update())
        .cost(COST)
}

const GEOSEARCHSTORE: Event = event(class::ZSET, "geosearchstore");
const GEORADIUSSTORE: Event = event(class::ZSET, "georadiusstore");

/// A member inside the area.
#[derive(Clone, Copy)]
struct Found<'z> {
    member: Item<'z>,
    score: f64,
    place: Position,
    metres: f64,
}

fn search(call: &mut Call, db: &mut Db, form: Form) -> Outcome {
    let zset = db.read::<Zset>(call.key(form.source()))?;
    let (request, area) = Request::parse(call, zset, form)?;
    let (Some(zset), Some(area)) = (zset, area) else {
        match request.target {
            Some(target) => {
                db.remove_even_due(call.key(target.key), event::DEL);
                call.reply.integer(0);
            }
            None => call.reply.array(0),
        }
        return Ok(());
    };
    let mut found = find(zset, &area, if request.any { request.count } else { usize::MAX });
    put_in_order(&mut found, request);
    match request.target {
        None => {
            reply(call, &found, request, area.unit());
            Ok(())
        }
        Some(target) => {
            let result = collect(&found, target, area.unit());
            store(call, db, target, result, if form == Form::SearchStore { GEOSEARCHSTORE } else { GEORADIUSSTORE })
        }
    }
}

/// The members inside an area, cell by cell, as soon as there are `limit` only those.
fn find<'z>(zset: &'z Zset, area: &Area, limit: usize) -> Vec<Found<'z>> {
    let mut found = Vec::new();
    for cell in area.cover() {
        let (from, to) = cell.scores();
        for (member, score) in zset.iter_from(zset.count_below(from)) {
            if score >= to {
                break;
            }
            if let Some((place, metres)) = area.find(score) {
                found.push(Found { member, score, place, metres });
                if found.len() >= limit {
                    return found;
                }
            }
        }
    }
    found
}

/// Sorts if asked to, and keeps as many as asked for.
fn put_in_order(found: &mut Vec<Found>, request: Request) {
    let count = if request.count == 0 { found.len() } else { request.count.min(found.len()) };
    if let Some(order) = request.order {
        let compare = |a: &Found, b: &Found| match order {
            Order::NearestFirst => a.metres.total_cmp(&b.metres),
            Order::FarthestFirst => b.metres.total_cmp(&a.metres),
        };
        if count > 0 && count < found.len() {
            // Equals in the order of the set, so that it does not depend on chance which of them are in.
            found.select_nth_unstable_by(count - 1, |a, b| compare(a, b).then_with(|| a.score.total_cmp(&b.score)));
        }
        found.truncate(count);
        found.sort_by(compare);
    }
    found.truncate(count);
}

fn reply(call: &mut Call, found: &[Found], request: Request, unit: f64) {
    let details = request.details;
    call.reply.array(found.len());
    if details.count() == 0 {
        let mut strings = call.reply.strings();
        return found.iter().for_each(|found| push_item(&mut strings, found.member));
    }
    let mut text = Vec::with_capacity(32);
    for found in found {
        call.reply.array(1 + details.count());
        write_item(&mut call.reply, found.member);
        if details.distance {
            text.clear();
            write_f64_4f(&mut text, found.metres / unit);
            call.reply.bulk(&text);
        }
        if details.hash {
            call.reply.integer(found.score as i64);
        }
        if details.place {
            call.reply.array(2);
            call.reply.double(found.place.longitude);
            call.reply.double(found.place.latitude);
        }
    }
}

/// What is found as a set to be stored.
fn collect(found: &[Found], target: Target, unit: f64) -> Builder {
    let (mut result, mut text) = (Builder::with_capacity(found.len()), IntegerText::new());
    for found in found {
        let score = if target.keeps_distances { found.metres / unit } else { found.score };
        result.insert(found.member.to_bytes(&mut text), score);
    }
    result
}

fn store(call: &mut Call, db: &mut Db, target: Target, result: Builder, event: Event) -> Outcome {
    let (count, limits) = (result.len(), db.rules.limits);
    db.store_counting(call.key(target.key), result.finish(&limits), event, count as u64);
    call.reply.integer(count as i64);
    Ok(())
}
