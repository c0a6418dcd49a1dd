//! (being written)

use super::{Kind, Object};

#[derive(Default, Clone)]
pub struct List(Box<Vec<Box<[u8]>>>);

impl Object for List {
    const KIND: Kind = Kind::List;
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
