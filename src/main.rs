//! The program: arguments, logger, run.

#[global_allocator]
static ALLOCATOR: gyre::base::memory::Jemalloc = gyre::base::memory::Jemalloc;

fn main() {}
