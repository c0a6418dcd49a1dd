//! The elements that are sorted, whatever holds them.

use crate::exec::Stop;
use crate::exec::call::fault;
use crate::keyspace::{EntryRef, Value};
use crate::structures::list_pack::Item;
use crate::value::Object;
use crate::value::list::{End, List};
use crate::value::set::Set;
use crate::value::zset::Zset;
use std::ops::Range;

/// What holds the elements.
#[derive(Clone, Copy)]
pub(super) enum Source<'d> {
    Nothing,
    List(&'d List),
    Set(&'d Set),
    Zset(&'d Zset),
}

impl<'d> Source<'d> {
    pub fn of(entry: Option<EntryRef<'d>>) -> Result<Source<'d>, Stop> {
        match entry.map(EntryRef::value) {
            None => Ok(Source::Nothing),
            Some(Value::List(list)) => Ok(Source::List(list)),
            Some(Value::Set(set)) => Ok(Source::Set(set)),
            Some(Value::Zset(zset)) => Ok(Source::Zset(zset)),
            Some(_) => Err(fault::WRONG_TYPE),
        }
    }

    pub fn is_set(self) -> bool {
        matches!(self, Source::Set(_))
    }

    pub fn len(self) -> usize {
        match self {
            Source::Nothing => 0,
            Source::List(list) => list.len(),
            Source::Set(set) => set.len(),
            Source::Zset(zset) => zset.len(),
        }
    }

    /// All elements, in the order in which they are held.
    pub fn all(self) -> Vec<Item<'d>> {
        let mut items = Vec::with_capacity(self.len());
        match self {
            Source::Nothing => {}
            Source::List(list) => items.extend(list.iter(End::Front)),
            Source::Set(set) => items.extend(set.iter()),
            Source::Zset(zset) => items.extend(zset.iter_from(0).map(|(member, _)| member)),
        }
        items
    }

    /// A part of the elements in the order in which they are held, or from behind. A set has no order to turn round.
    pub fn part(self, part: Range<usize>, is_backward: bool) -> Vec<Item<'d>> {
        let (start, count) = (part.start, part.len());
        let mut items = Vec::with_capacity(count);
        match self {
            Source::Nothing => {}
            Source::List(list) => {
                let end = if is_backward { End::Back } else { End::Front };
                items.extend(list.iter(end).skip(start).take(count));
            }
            Source::Set(set) => items.extend(set.iter().skip(start).take(count)),
            Source::Zset(_) if count == 0 => {}
            Source::Zset(zset) if is_backward => {
                let from = zset.len() - 1 - start;
                items.extend(zset.iter_back_from(from).take(count).map(|(member, _)| member));
            }
            Source::Zset(zset) => items.extend(zset.iter_from(start).take(count).map(|(member, _)| member)),
        }
        items
    }
}

/// Elements that outlive what held them: looking others up may change the database.
pub(super) struct Kept {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
}

enum Piece {
    Int(i64),
    Bytes(Range<usize>),
}

impl Kept {
    pub fn new(items: &[Item]) -> Kept {
        let mut kept = Kept { bytes: Vec::new(), pieces: Vec::with_capacity(items.len()) };
        items.iter().for_each(|&item| kept.push(item));
        kept
    }

    pub fn push(&mut self, item: Item) {
        self.pieces.push(match item {
            Item::Int(number) => Piece::Int(number),
            Item::Bytes(bytes) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Piece::Bytes(start..self.bytes.len())
            }
        });
    }

    pub fn items(&self) -> Vec<Item<'_>> {
        let item = |piece: &Piece| match piece {
            Piece::Int(number) => Item::Int(*number),
            Piece::Bytes(range) => Item::Bytes(&self.bytes[range.clone()]),
        };
        self.pieces.iter().map(item).collect()
    }
}
