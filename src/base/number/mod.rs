//! Numbers to text and back, in exactly the forms Redis accepts and prints.
//!
//! `integer`: canonical decimal integers · `float`: doubles, accepted · `shortest`, `decimal`: doubles, printed ·
//! `size`: memory sizes and yes/no of the configuration.

mod decimal;
mod float;
mod integer;
mod shortest;
mod size;

pub use decimal::write_f64_4f;
pub use float::{parse_f64, parse_f64_freely};
pub use integer::{IntegerText, integer_length, parse_i64, parse_u64, write_i64, write_u64};
pub use shortest::{write_f64, write_f64_17g, write_f64_shortest};
pub use size::{parse_memory_size, parse_yes_no};
