//! COMMAND DOCS: commands described for people, arguments and all.

use crate::exec::{Call, Outcome};
use crate::server::{Server, World};
use crate::spec::grammar::{self, Argument, ArgumentKind};

pub(super) fn docs(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let commands = call.commands;
    let ids: Vec<usize> = if call.argc() == 2 {
        commands.names().map(|(_, id)| id).collect()
    } else {
        (2..call.argc()).filter_map(|at| commands.find_full(call.arg(at))).collect()
    };
    call.reply.map(ids.len());
    for id in ids {
        write_command(call, id);
    }
    Ok(())
}

fn write_command(call: &mut Call, id: usize) {
    let row = call.commands.row(id);
    let spec = &row.command.spec;
    let arguments = grammar::parse(spec.grammar).expect("the grammar of every row parses, which a test holds");
    call.reply.bulk(row.full_name.as_bytes());
    let optional = [!spec.complexity.is_empty(), !arguments.is_empty(), !row.children.is_empty()];
    call.reply.map(3 + optional.iter().filter(|is_there| **is_there).count());
    write_text(call, "summary", spec.summary);
    write_text(call, "since", spec.since);
    write_text(call, "group", spec.group.name());
    if !spec.complexity.is_empty() {
        write_text(call, "complexity", spec.complexity);
    }
    if !arguments.is_empty() {
        call.reply.bulk(b"arguments");
        let mut key_specs_seen = 0;
        write_arguments(call, &arguments, &mut key_specs_seen);
    }
    if !row.children.is_empty() {
        call.reply.bulk(b"subcommands");
        call.reply.map(row.children.len());
        row.children.iter().for_each(|&child| write_command(call, child));
    }
}

fn write_text(call: &mut Call, name: &str, text: &str) {
    call.reply.bulk(name.as_bytes());
    call.reply.bulk(text.as_bytes());
}

/// Arguments, one map each. Key arguments are numbered: each belongs to the key specification of its number.
fn write_arguments(call: &mut Call, arguments: &[Argument], key_specs_seen: &mut i64) {
    call.reply.array(arguments.len());
    for argument in arguments {
        write_argument(call, argument, key_specs_seen);
    }
}

fn write_argument(call: &mut Call, argument: &Argument, key_specs_seen: &mut i64) {
    let (kind, parts) = match &argument.kind {
        ArgumentKind::Plain(kind) => (kind.as_str(), None),
        ArgumentKind::PureToken => ("pure-token", None),
        ArgumentKind::OneOf(parts) => ("oneof", Some(parts)),
        ArgumentKind::Block(parts) => ("block", Some(parts)),
    };
    let flags: Vec<&str> = [(argument.optional, "optional"), (argument.multiple, "multiple")]
        .into_iter()
        .filter(|flag| flag.0)
        .map(|flag| flag.1)
        .collect();
    let (has_text, is_key) = (parts.is_none(), kind == "key");
    let fields = [has_text, is_key, argument.token.is_some(), !flags.is_empty(), parts.is_some()];
    call.reply.map(2 + fields.iter().filter(|is_there| **is_there).count());
    write_text(call, "name", &argument.name);
    write_text(call, "type", kind);
    if has_text {
        write_text(call, "display_text", &argument.name);
    }
    if is_key {
        call.reply.bulk(b"key_spec_index");
        call.reply.integer(*key_specs_seen);
        *key_specs_seen += 1;
    }
    if let Some(token) = &argument.token {
        write_text(call, "token", token);
    }
    if !flags.is_empty() {
        call.reply.bulk(b"flags");
        call.reply.set(flags.len());
        flags.iter().for_each(|flag| call.reply.simple(flag));
    }
    if let Some(parts) = parts {
        call.reply.bulk(b"arguments");
        write_arguments(call, parts, key_specs_seen);
    }
}
