//! MODULE: there are none, and none can be loaded. What lists them says so, what would change them refuses.

use crate::commands::help::help_row;
use crate::exec::{Call, Command, Outcome, Stop};
use crate::server::{Server, World};
use crate::spec::flag::{ADMIN, NO_ASYNC_LOADING, NOSCRIPT, PROTECTED};
use crate::spec::{Group, Spec, command};

pub const COMMANDS: &[Command] = &[command("MODULE", "", -2)
    .since("4.0.0")
    .group(Group::Server)
    .cost("Depends on the subcommand")
    .says("Parts that can be loaded into Redis; here there are none.")
    .container(&[
        help_row(Group::Server, "5.0.0"),
        row("LIST", "", 2)
            .tips(&["nondeterministic_output_order"])
            .cost("O(1)")
            .says("Lists the modules that are loaded: none.")
            .server(list),
        change("LOAD", "path [arg+]", -3).says("Refused: modules of Redis do not fit in here.").server(load),
        change("LOADEX", "path [CONFIG {configs=name value}]+^ [ARGS args+]", -3)
            .since("7.0.0")
            .says("Refused: modules of Redis do not fit in here.")
            .server(load),
        change("UNLOAD", "name", 3).says("Refused: there is nothing to unload.").server(unload),
    ])];

const fn row(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).since("4.0.0").group(Group::Server).flags(ADMIN | NOSCRIPT)
}

const fn change(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    row(name, grammar, arity).flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED).cost("O(1)")
}

fn list(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.array(0);
    Ok(())
}

fn load(_: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    Err(Stop::error(
        "ERR Error loading the extension. Modules are built against Redis's own memory layout and cannot be loaded here.",
    ))
}

fn unload(_: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    Err(Stop::error("ERR Error unloading module: no such module with that name"))
}
