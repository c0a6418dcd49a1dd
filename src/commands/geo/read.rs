//! Reading places: GEOPOS, GEOHASH, GEODIST.

use super::words::unit;
use crate::base::number::write_f64_4f;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome};
use crate::keyspace::Db;
use crate::spec::flag::READONLY;
use crate::spec::{Group, Spec, at, command};
use crate::structures::geo::{Position, distance, geohash_text};
use crate::value::zset::Zset;

pub const COMMANDS: &[Command] = &[
    reading("GEODIST", "key member1 member2 [unit=M|KM|FT|MI]", -4)
        .cost("O(1)")
        .says("The distance between two members.")
        .data(geodist),
    reading("GEOHASH", "key [member]+", -2)
        .cost("O(1) a member")
        .says("The places of members as geohashes of eleven letters.")
        .data(geohash),
    reading("GEOPOS", "key [member]+", -2)
        .cost("O(1) a member")
        .says("Longitude and latitude of members.")
        .data(geopos),
];

const fn reading(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity)
        .since("3.2.0")
        .group(Group::Geo)
        .flags(READONLY)
        .keys(at(1).read_only().access())
        .element(2)
}

/// The place of a member, if there is such a member.
pub(super) fn place_of(zset: Option<&Zset>, member: &[u8]) -> Option<Position> {
    zset?.score(member).map(Position::of_score)
}

fn geodist(call: &mut Call, db: &mut Db) -> Outcome {
    let unit = match call.argc() {
        4 => 1.0,
        5 => unit(call, 4)?,
        _ => return Err(fault::SYNTAX),
    };
    let zset = db.read::<Zset>(call.key(1))?;
    match (place_of(zset, call.arg(2)), place_of(zset, call.arg(3))) {
        (Some(from), Some(to)) => {
            let mut text = Vec::with_capacity(32);
            write_f64_4f(&mut text, distance(from, to) / unit);
            call.reply.bulk(&text);
        }
        _ => call.reply.null(),
    }
    Ok(())
}

fn geohash(call: &mut Call, db: &mut Db) -> Outcome {
    let zset = db.read::<Zset>(call.key(1))?;
    call.reply.array(call.argc() - 2);
    for index in 2..call.argc() {
        match place_of(zset, call.arg(index)) {
            Some(place) => call.reply.bulk(&geohash_text(place)),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn geopos(call: &mut Call, db: &mut Db) -> Outcome {
    let zset = db.read::<Zset>(call.key(1))?;
    call.reply.array(call.argc() - 2);
    for index in 2..call.argc() {
        match place_of(zset, call.arg(index)) {
            Some(place) => {
                call.reply.array(2);
                call.reply.double(place.longitude);
                call.reply.double(place.latitude);
            }
            None => call.reply.null_array(),
        }
    }
    Ok(())
}
