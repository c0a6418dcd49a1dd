//! COMMAND DOCS: commands described for people, arguments and all.

use crate::exec::{Call, Outcome};
use crate::server::{Server, World};
use crate::spec::grammar::{self, Argument, ArgumentKind};
use crate::spec::{Group, Spec};

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
    let (deprecated_since, instead) = spec.deprecated;
    let doc_flags = doc_flags(spec);
    let optional = [
        !spec.complexity.is_empty(),
        !doc_flags.is_empty(),
        !deprecated_since.is_empty(),
        !instead.is_empty(),
        !arguments.is_empty(),
        !row.children.is_empty(),
    ];
    call.reply.map(3 + optional.iter().filter(|is_there| **is_there).count());
    write_text(call, "summary", spec.summary);
    write_text(call, "since", spec.since);
    write_text(call, "group", spec.group.name());
    if !spec.complexity.is_empty() {
        write_text(call, "complexity", spec.complexity);
    }
    if !doc_flags.is_empty() {
        call.reply.bulk(b"doc_flags");
        call.reply.set(doc_flags.len());
        doc_flags.iter().for_each(|flag| call.reply.simple(flag));
    }
    if !deprecated_since.is_empty() {
        write_text(call, "deprecated_since", deprecated_since);
    }
    if !instead.is_empty() {
        // A name alone, or words around names.
        let text = if instead.contains('`') { instead.to_owned() } else { format!("`{instead}`") };
        write_text(call, "replaced_by", &text);
    }
    if !arguments.is_empty() {
        call.reply.bulk(b"arguments");
        let last = spec.key_specs.iter().flatten().count().saturating_sub(1) as i64;
        write_arguments(call, &arguments, &mut KeyCount { next: 0, last });
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

/// Flags that concern the page about a command.
fn doc_flags(spec: &Spec) -> Vec<&'static str> {
    let is_debug = spec.name == "DEBUG" && matches!(spec.group, Group::Server);
    let flags = [
        (!spec.deprecated.0.is_empty(), "deprecated"),
        (is_debug || matches!(spec.name, "RESTORE-ASKING" | "REPLCONF" | "PFDEBUG" | "PFSELFTEST"), "syscmd"),
    ];
    flags.into_iter().filter(|flag| flag.0).map(|flag| flag.1).collect()
}

/// Numbers the key arguments: each belongs to the key specification of its number, the last to all that follow.
struct KeyCount {
    next: i64,
    last: i64,
}

fn write_arguments(call: &mut Call, arguments: &[Argument], keys: &mut KeyCount) {
    call.reply.array(arguments.len());
    for argument in arguments {
        write_argument(call, argument, keys);
    }
}

fn write_argument(call: &mut Call, argument: &Argument, keys: &mut KeyCount) {
    let (kind, parts) = match &argument.kind {
        ArgumentKind::Plain(kind) => (kind.as_str(), None),
        ArgumentKind::PureToken => ("pure-token", None),
        ArgumentKind::OneOf(parts) => ("oneof", Some(parts)),
        ArgumentKind::Block(parts) => ("block", Some(parts)),
    };
    let flags =
        [(argument.optional, "optional"), (argument.multiple, "multiple"), (argument.repeats_token, "multiple_token")];
    let flags: Vec<&str> = flags.into_iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
    let (has_text, is_key) = (parts.is_none(), kind == "key");
    let key_spec = argument.key_spec.map(i64::from).or(is_key.then_some(keys.next.min(keys.last)));
    keys.next += i64::from(is_key);
    let since = argument.since.as_deref();
    let fields =
        [has_text, key_spec.is_some(), argument.token.is_some(), since.is_some(), !flags.is_empty(), parts.is_some()];
    call.reply.map(2 + fields.iter().filter(|is_there| **is_there).count());
    write_text(call, "name", &argument.name);
    write_text(call, "type", kind);
    if has_text {
        write_text(call, "display_text", argument.label.as_deref().unwrap_or(&argument.name));
    }
    if let Some(number) = key_spec {
        call.reply.bulk(b"key_spec_index");
        call.reply.integer(number);
    }
    if let Some(token) = &argument.token {
        write_text(call, "token", token);
    }
    if let Some(since) = since {
        write_text(call, "since", since);
    }
    if !flags.is_empty() {
        call.reply.bulk(b"flags");
        call.reply.set(flags.len());
        flags.iter().for_each(|flag| call.reply.simple(flag));
    }
    if let Some(parts) = parts {
        call.reply.bulk(b"arguments");
        write_arguments(call, parts, keys);
    }
}
