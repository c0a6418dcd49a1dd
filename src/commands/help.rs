//! HELP of every command that has subcommands: told from their rows, so that it cannot grow stale.

use crate::exec::call::{Call, Outcome};
use crate::exec::command::Command;
use crate::server::{Server, World};
use crate::spec::{Group, command, flag, grammar, syntax};

/// The row of a HELP subcommand.
pub const fn help_row(group: Group, since: &'static str) -> Command {
    help_row_in(group, 0, since)
}

/// The same in `categories` beyond those of the group.
pub const fn help_row_in(group: Group, categories: u32, since: &'static str) -> Command {
    command("HELP", "", 2)
        .categories(categories)
        .since(since)
        .group(group)
        .flags(flag::LOADING | flag::STALE)
        .cost("O(1)")
        .says("Print this help.")
        .server(help)
}

fn help(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let parent = call.commands.row(call.command_id).parent.expect("HELP is a subcommand");
    let container = call.commands.row(parent).command;
    let mut lines = vec![format!(
        "{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        container.spec.name.to_ascii_uppercase()
    )];
    for sub in container.subcommands {
        let arguments = grammar::parse(sub.spec.grammar).expect("the grammar of every row parses, which a test holds");
        lines.push(format!("{} {}", sub.spec.name, syntax(&arguments)).trim_end().to_string());
        lines.push(format!("    {}", sub.spec.summary));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    call.reply.help(&lines);
    Ok(())
}
