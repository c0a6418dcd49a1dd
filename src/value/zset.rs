//! (being written)

use super::{Kind, Object};

#[derive(Default)]
pub struct Zset(Box<Vec<Box<[u8]>>>);

impl Object for Zset {
    const KIND: Kind = Kind::Zset;
    fn len(&self) -> usize {
        self.0.len()
    }
    fn encoding(&self) -> &'static str {
        "listpack"
    }
    fn bytes(&self, _samples: usize) -> usize {
        0
    }
    fn free_some(&mut self, _budget: usize) -> bool {
        true
    }
}
