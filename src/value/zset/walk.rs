//! Walking members and scores by rank, in either direction and either encoding.

use super::pack::score_of;
use crate::structures::list_pack::{Item, Iter, IterRev};
use crate::structures::ranked_map;

/// Members in rising order, with their scores.
pub enum Forward<'a> {
    Pack(Iter<'a>),
    Map(ranked_map::Forward<'a>),
    Nothing,
}

/// Members in falling order, with their scores.
pub enum Backward<'a> {
    Pack(IterRev<'a>),
    Map(ranked_map::Backward<'a>),
    Nothing,
}

impl<'a> Iterator for Forward<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, f64)> {
        match self {
            Forward::Pack(items) => Some((items.next()?, score_of(items.next()?))),
            Forward::Map(members) => members.next().map(as_item),
            Forward::Nothing => None,
        }
    }
}

impl<'a> Iterator for Backward<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Item<'a>, f64)> {
        match self {
            Backward::Pack(items) => {
                let score = score_of(items.next()?);
                Some((items.next()?, score))
            }
            Backward::Map(members) => members.next().map(as_item),
            Backward::Nothing => None,
        }
    }
}

#[inline]
fn as_item((name, score): (&[u8], f64)) -> (Item<'_>, f64) {
    (Item::Bytes(name), score)
}
