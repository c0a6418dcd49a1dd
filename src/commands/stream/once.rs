//! Adding once: the options IDMP and IDMPAUTO of XADD, and XCFGSET.

use super::trim::Options;
use crate::base::sha::sha1_of_pieces;
use crate::exec::{Call, Command, Outcome, Stop, fault};
use crate::keyspace::Db;
use crate::spec::flag::{FAST, WRITE};
use crate::spec::{Group, at, command};
use crate::value::stream::Stream;

pub const COMMANDS: &[Command] = &[command(
    "XCFGSET",
    "key [idmp-duration-block=IDMP-DURATION duration:integer] [idmp-maxsize-block=IDMP-MAXSIZE maxsize:integer]",
    -2,
)
.since("8.6.0")
.group(Group::Stream)
.flags(WRITE | FAST)
.keys(at(1).read_write().update())
.cost("O(1)")
.says("Sets how long a stream knows what its producers sent, and how much of it.")
.data(xcfgset)];

/// Bounds of XCFGSET's options: a day, and what one producer may keep the server busy with.
const DURATION_S_MAX: i64 = 86_400;
const IDS_MAX: i64 = 10_000;

fn xcfgset(call: &mut Call, db: &mut Db) -> Outcome {
    let key = call.key(1);
    match db.lookup_to_write(key) {
        Some(entry) => entry.object::<Stream>()?,
        None => return Err(fault::NO_SUCH_KEY),
    };
    let (mut duration_s, mut ids_max) = (None, None);
    let mut index = 2;
    while index < call.argc() {
        let has_more = index + 1 < call.argc();
        if call.is(index, "IDMP-DURATION") && has_more {
            set_once(call, index, DURATION_S_MAX, ("IDMP-DURATION", "seconds"), &mut duration_s)?;
        } else if call.is(index, "IDMP-MAXSIZE") && has_more {
            set_once(call, index, IDS_MAX, ("IDMP-MAXSIZE", "entries"), &mut ids_max)?;
        } else {
            return Err(fault::SYNTAX);
        }
        index += 2;
    }
    if duration_s.is_none() && ids_max.is_none() {
        return Err("ERR At least one parameter must be specified".into());
    }
    db.edit(key, |stream: &mut Stream, changes| {
        let once = stream.once_mut();
        if once.configure(duration_s.unwrap_or(once.duration_s()), ids_max.unwrap_or(once.ids_max())) {
            changes.count_unseen(1);
        }
    })?;
    call.reply.ok();
    Ok(())
}

/// Reads an option's number, from 1 to `most`; the option may be given once.
fn set_once(
    call: &Call,
    index: usize,
    most: i64,
    (option, unit): (&str, &str),
    into: &mut Option<u64>,
) -> Result<(), Stop> {
    if into.is_some() {
        return Err(Stop::error_owned(format!("ERR {option} specified multiple times")));
    }
    let number = call.integer(index + 1)?;
    if !(1..=most).contains(&number) {
        return Err(Stop::error_owned(format!("ERR {option} must be between 1 and {most} {unit}")));
    }
    *into = Some(number as u64);
    Ok(())
}

/// Bytes of an id that is made of an entry's contents.
const MADE_BYTES: usize = 16;

/// What a producer calls the entry that it sends.
pub struct Sent<'a> {
    pub producer: &'a [u8],
    given: Option<&'a [u8]>,
    /// Made of the entry's fields and values, in whatever order they stand.
    made: [u8; MADE_BYTES],
}

impl Sent<'_> {
    pub fn id(&self) -> &[u8] {
        self.given.unwrap_or(&self.made)
    }
}

/// Reads IDMP or IDMPAUTO, if one of them was given.
pub fn parse_sent<'a>(call: &Call<'a>, options: &Options, pairs: &[&[u8]]) -> Result<Option<Sent<'a>>, Stop> {
    if options.once_at == 0 {
        return Ok(None);
    }
    let is_given = call.is(options.once_at, "IDMP");
    let producer = call.arg(options.once_at + 1);
    let given = is_given.then(|| call.arg(options.once_at + 2));
    if producer.is_empty() {
        let name = if is_given { "IDMP" } else { "IDMPAUTO" };
        return Err(Stop::error_owned(format!("ERR syntax error, {name} requires a non-empty producer ID")));
    }
    if given.is_some_and(<[u8]>::is_empty) {
        return Err("ERR syntax error, IDMP requires a non-empty idempotent ID".into());
    }
    let made = if is_given { [0; MADE_BYTES] } else { fingerprint(pairs) };
    Ok(Some(Sent { producer, given, made }))
}

/// A sum over the pairs, so that their order makes no difference.
fn fingerprint(pairs: &[&[u8]]) -> [u8; MADE_BYTES] {
    let mut sum = 0u128;
    for pair in pairs.chunks_exact(2) {
        let length = (pair[0].len() as u64).to_le_bytes();
        let digest = sha1_of_pieces(&[&length[..], pair[0], pair[1]]);
        sum = sum.wrapping_add(u128::from_le_bytes(*digest.first_chunk().expect("twenty bytes")));
    }
    sum.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn the_order_of_pairs_makes_no_difference() {
        let both = fingerprint(&[b"f", b"v", b"g", b"w"]);
        assert_eq!(both, fingerprint(&[b"g", b"w", b"f", b"v"]));
        assert_ne!(both, fingerprint(&[b"f", b"w", b"g", b"v"]));
        assert_ne!(fingerprint(&[b"fv", b""]), fingerprint(&[b"f", b"v"]));
    }
}
