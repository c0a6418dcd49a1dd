//! GEOADD: a ZADD whose scores are given as places.

use super::words::position;
use crate::base::number::IntegerText;
use crate::commands::zset::add::{Options, add_pairs, reply};
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::keyspace::Db;
use crate::spec::flag::{DENYOOM, WRITE};
use crate::spec::{Group, at, command};
use crate::structures::geo::Cell;

pub const COMMANDS: &[Command] = &[command(
    "GEOADD",
    "key [condition=NX|XX]@6.2.0 [change=CH]@6.2.0 {data=longitude:double latitude:double member}+",
    -5,
)
.since("3.2.0")
.group(Group::Geo)
.flags(WRITE | DENYOOM)
.keys(at(1).read_write().update())
.cost("O(log n) a member")
.says("Adds members at places, or moves those there.")
.data(geoadd)];

fn geoadd(call: &mut Call, db: &mut Db) -> Outcome {
    let mut options = Options::default();
    let mut first = 2;
    while first < call.argc() {
        let option = match call.arg(first) {
            word if word.eq_ignore_ascii_case(b"NX") => &mut options.nx,
            word if word.eq_ignore_ascii_case(b"XX") => &mut options.xx,
            word if word.eq_ignore_ascii_case(b"CH") => &mut options.ch,
            _ => break,
        };
        *option = true;
        first += 1;
    }
    let words = call.argc() - first;
    if words == 0 || words % 3 != 0 || options.nx && options.xx {
        return Err(fault::SYNTAX);
    }
    // All places are looked at before anything changes. One, the common case, needs no memory for that.
    let (mut one, mut many) = ([0; 1], Vec::new());
    let scores: &[u64] = if words == 3 {
        one[0] = score(call, first)?;
        &one
    } else {
        many.extend((first..call.argc()).step_by(3).map(|index| score(call, index)).collect::<Result<Vec<_>, _>>()?);
        &many
    };
    let args = call.args;
    let members = (first + 2..args.len()).step_by(3).map(|index| args.get(index));
    let pairs = scores.iter().map(|&score| score as f64).zip(members.clone());
    let tally = db.edit_or_create(call.key(1), |zset, changes| add_pairs(zset, changes, pairs, options))?;
    if tally.changed() > 0 && call.is_journalled() {
        // The journal has the scores: whoever reads it need not know of places.
        let mut texts: Vec<IntegerText> = scores.iter().map(|_| IntegerText::new()).collect();
        let mut words: Vec<&[u8]> = vec![b"zadd"];
        words.extend((1..first).map(|index| call.arg(index)));
        for ((text, &score), member) in texts.iter_mut().zip(scores).zip(members) {
            words.extend([text.of(score as i64), member]);
        }
        call.propagation.rewrite(&words);
    }
    reply(call, tally, options)
}

/// The place at `index` as a score.
fn score(call: &Call, index: usize) -> Result<u64, Stop> {
    Ok(Cell::of(position(call, index)?, Cell::STEP_MAX).score())
}
