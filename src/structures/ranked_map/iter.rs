//! Walking a map by rank; the members ahead are on their way from memory.

use super::map::view;
use super::member::Member;
use crate::structures::ranked_tree;

/// Names and scores in rising order.
pub struct Forward<'a>(pub(super) ranked_tree::Forward<'a, Member>);

/// Names and scores in falling order.
pub struct Backward<'a>(pub(super) ranked_tree::Backward<'a, Member>);

impl<'a> Iterator for Forward<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        // Safety: the map is borrowed as long as the iterator lives.
        self.0.next().map(|member| unsafe { view(member) })
    }
}

impl<'a> Iterator for Backward<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        // Safety: the map is borrowed as long as the iterator lives.
        self.0.next().map(|member| unsafe { view(member) })
    }
}
