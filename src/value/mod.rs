//! Values: one type a file, each with its encodings and the conversions between them.
//! Must not know where a value is stored, nor who asks.

mod object;

pub mod hash;
pub mod limits;
pub mod list;
pub mod set;
pub mod stream;
pub mod zset;

pub use object::{Kind, Object, WrongType};
