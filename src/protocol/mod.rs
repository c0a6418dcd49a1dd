//! RESP2 and RESP3: bytes to requests, replies to bytes, and the limits of both. Allocates nothing per request.

pub mod args;
pub mod limits;
pub mod output;
pub mod reply;
pub mod request;
