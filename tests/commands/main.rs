//! The table of commands: each row is whole, and does what Redis does.
//!
//! `table` looks at the rows; `examples` starts the server and sends what stands in `tests/examples`, whose replies were recorded from a real Redis
//! by `scripts/record_examples.py`. A row without an example fails. `durability` ends the server in the middle of its work, `faults` takes its disk away, `sync_order`
//! looks at its system calls. `reference` holds what COMMAND says of each row to Redis's own words. `buffers` holds a promise of
//! the server's that the suite of Redis puts in terms of its own buffers.

mod buffers;
mod crash;
mod durability;
mod examples;
mod faults;
mod process;
mod reference;
mod server;
mod sync_order;
mod table;
