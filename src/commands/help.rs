//! HELP of every command that has subcommands: told from their rows, so that it cannot grow stale.

use crate::exec::call::{Call, Outcome};
use crate::exec::command::Command;
use crate::server::{Server, World};
use crate::spec::{Group, command, flag};

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
        lines.push(format!("{} {}", sub.spec.name, syntax(sub.spec.grammar)).trim_end().to_string());
        lines.push(format!("    {}", sub.spec.summary));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    call.reply.help(&lines);
    Ok(())
}

/// A row's grammar as people write it: `[count:integer]` is `[<count>]`, `x+` is `<x> [<x> ...]`.
fn syntax(grammar: &str) -> String {
    let mut text = String::new();
    let mut rest = grammar;
    while let Some(first) = rest.chars().next() {
        let is_part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ':');
        let end = rest.find(|c| !is_part_of_word(c)).unwrap_or(rest.len());
        if end == 0 {
            match first {
                '+' => text.push_str(" ..."),
                '{' | '}' => {}
                _ => text.push(first),
            }
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let word = rest[..end].split(':').next().unwrap_or_default();
        let is_token = !word.bytes().any(|byte| byte.is_ascii_lowercase());
        if is_token {
            text.push_str(word)
        } else {
            text.push_str(&format!("<{word}>"))
        }
        rest = &rest[end..];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::syntax;

    #[test]
    fn grammar_as_people_write_it() {
        assert_eq!(syntax("[count:integer]"), "[<count>]");
        assert_eq!(syntax("key [SAMPLES count:integer]"), "<key> [SAMPLES <count>]");
        assert_eq!(syntax("[event+]"), "[<event> ...]");
        assert_eq!(syntax("{parameter value}+"), "<parameter> <value> ...");
        assert_eq!(syntax("ON|OFF"), "ON|OFF");
    }
}
