//! DEBUG subcommands that end the server with a crash report, to see that there is one.

use crate::exec::{Call, Outcome};
use crate::server::{Server, World};

pub(super) fn segfault(_: &mut Call, _: &mut Server, world: &mut dyn World) -> Outcome {
    world.touch_forbidden_memory();
    Err("ERR There is no memory here that may not be touched".into())
}

pub(super) fn assert(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    assert!(call.argc() == usize::MAX, "1 == 2");
    Ok(())
}

pub(super) fn panic(_: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    panic!("Guru Meditation: Unguru Meditation")
}
