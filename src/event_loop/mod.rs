//! The loop: the tick with its phases, accepting, reading and writing, periodic jobs, boot and shutdown.
//!
//! Owns the sockets and the order of things in a turn. Must not decide what data means.

mod accept;
pub mod arguments;
mod boot;
mod busy;
mod children;
mod close;
mod crash;
mod cron;
mod descriptors;
mod links;
mod loading;
mod logging;
mod outside;
mod process;
mod read;
mod shutdown;
mod start_up;
mod tick;
mod time;
mod write;

pub use boot::{BootError, run};
pub use tick::{EventLoop, PHASES};
