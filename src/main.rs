//! The program: the allocator, the commands it serves, and what its arguments ask for.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: gyre::base::memory::Jemalloc = gyre::base::memory::Jemalloc;

fn main() -> ExitCode {
    gyre::event_loop::arguments::main(std::env::args_os().collect(), gyre::commands::ALL)
}
