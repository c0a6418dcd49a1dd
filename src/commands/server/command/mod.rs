//! COMMAND: what the commands are, told from their rows: to clients that plan by it, and to people.

mod docs;
mod keys;
mod list;
mod rows;

use crate::commands::help::help_row_in;
use crate::exec::{Command, Run};
use crate::spec::flag::{LOADING, STALE};
use crate::spec::{Group, Spec, category, command};

pub const COMMANDS: &[Command] = &[Command {
    run: Run::Server(rows::all),
    ..row("COMMAND", "", -1)
        .tips(ANY_ORDER)
        .cost("O(n) in the commands")
        .says("Tell of every command what a client must know to plan.")
        .container(&[
            row("COUNT", "", 2).cost("O(1)").says("Count the commands.").server(list::count),
            row("DOCS", "[command-name]+", -2)
                .since("7.0.0")
                .tips(ANY_ORDER)
                .cost("O(n) in the commands named")
                .says("Describe commands for people.")
                .server(docs::docs),
            row("GETKEYS", "command [arg]+", -3)
                .cost("O(n) in the arguments")
                .says("Find the keys of a whole command.")
                .server(keys::get_keys),
            row("GETKEYSANDFLAGS", "command [arg]+", -3)
                .since("7.0.0")
                .cost("O(n) in the arguments")
                .says("Find the keys of a whole command and what it does with them.")
                .server(keys::get_keys_and_flags),
            row("INFO", "[command-name]+", -2)
                .tips(ANY_ORDER)
                .cost("O(n) in the commands named")
                .says("Tell of some commands what a client must know to plan.")
                .server(rows::info),
            row("LIST", "[FILTERBY {filterby=MODULE module-name|ACLCAT category|PATTERN pattern:pattern}]", -2)
                .since("7.0.0")
                .tips(ANY_ORDER)
                .cost("O(n) in the commands")
                .says("List the names of commands.")
                .server(list::list),
            help_row_in(Group::Server, category::CONNECTION, "5.0.0"),
        ])
}];

const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];

const fn row(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity)
        .since("2.8.13")
        .group(Group::Server)
        .flags(LOADING | STALE)
        .categories(category::CONNECTION)
}
