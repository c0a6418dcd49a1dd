//! Pure containers, each with its model test; they know bytes, numbers and order, nothing of Redis.

pub mod bitmap;
pub mod deadline_heap;
pub mod field_map;
pub mod geo;
pub mod hyper_log_log;
pub mod id_map;
pub mod int_set;
mod length;
pub mod list_pack;
pub mod member_set;
pub mod pack_deque;
pub mod prefetch;
pub mod ranked_map;
pub mod ranked_tree;
pub mod stream_log;
pub mod table;
mod thin;
pub mod timed_pack;
pub mod timers;
pub mod wheel;
mod wide;
