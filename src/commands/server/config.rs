//! CONFIG: directives read, changed and written back to their file.

use crate::commands::help::help_row;
use crate::config::load::system_text;
use crate::config::{get as reading, rewrite, set as setting};
use crate::exec::{Call, Command, Outcome, Stop, settings};
use crate::server::{Server, Session, World, standing};
use crate::spec::flag::{ADMIN, ENDS_BATCH, LOADING, NOSCRIPT, STALE};
use crate::spec::{Group, Spec, command};

pub const COMMANDS: &[Command] = &[command("CONFIG", "", -2)
    .since("2.0.0")
    .group(Group::Server)
    // What is parsed behind a CONFIG SET obeys the new limits.
    .flags(ENDS_BATCH)
    .cost("Depends on the subcommand")
    .says("The configuration.")
    .container(&[
        row("GET", "parameter+", -3, "2.0.0")
            .cost("O(n) over the parameters")
            .says("The values of the directives that match.")
            .server(get),
        help_row(Group::Server, "5.0.0"),
        row("RESETSTAT", "", 2, "2.0.0")
            .tips(ALL_NODES)
            .cost("O(1)")
            .says("Sets statistics to zero.")
            .server(reset_stat),
        row("REWRITE", "", 2, "2.8.0")
            .tips(ALL_NODES)
            .cost("O(1)")
            .says("Writes the configuration to its file.")
            .server(rewrite_file),
        row("SET", "{data=parameter value}+", -4, "2.0.0")
            .tips(ALL_NODES)
            .cost("O(n) over the parameters")
            .says("Sets directives, all or none.")
            .server(set),
    ])];

const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

const fn row(name: &'static str, grammar: &'static str, arity: i32, since: &'static str) -> Spec {
    command(name, grammar, arity).since(since).group(Group::Server).flags(ADMIN | NOSCRIPT | LOADING | STALE)
}

fn get(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let patterns: Vec<&[u8]> = call.args.from(2).iter().collect();
    let found = reading::get(&server.settings, &patterns);
    call.reply.map(found.len());
    for (name, value) in found {
        call.reply.bulk(&name);
        call.reply.bulk(&value);
    }
    Ok(())
}

fn set(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let words: Vec<&[u8]> = call.args.from(2).iter().collect();
    let is_local = server.sessions.get(call.session).is_some_and(Session::is_local);
    let now = setting::Circumstances {
        is_loading: server.standing & (standing::LOADING | standing::ASYNC_LOADING) != 0,
        may_set_protected: server.settings.protected_configs.permits(is_local),
    };
    let proposal = setting::propose(&server.settings, &words, now);
    let outcome = proposal.and_then(|proposal| settings::put(server, world, proposal, !call.may_block));
    outcome.map_err(|error| Stop::error_owned(error.reply()))?;
    call.reply.ok();
    Ok(())
}

fn reset_stat(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    server.observe.reset();
    server.keyspace.reset_counters();
    server.scripts.reset_evicted();
    server.replication.reset_counters();
    server.memory_peak = server.used_memory();
    call.reply.ok();
    Ok(())
}

fn rewrite_file(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    write_to_file(server, world, rewrite::Extent::Changed)?;
    call.reply.ok();
    Ok(())
}

/// Brings the configuration file up to date.
pub(super) fn write_to_file(server: &mut Server, world: &mut dyn World, extent: rewrite::Extent) -> Outcome {
    let Some(path) = &server.identity.config_file else {
        return Err("ERR The server is running without a config file".into());
    };
    let old = match world.read_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        old => Ok(old.unwrap_or_default()),
    };
    // Users live in this file unless they have one of their own.
    let users: Vec<Vec<u8>> = match server.settings.acl_file.is_empty() {
        true => server.acl.users().map(|(name, user)| [name, b" ", &user.describe()].concat()).collect(),
        false => Vec::new(),
    };
    let text = old.map(|old| rewrite::rewrite(&old, &server.settings, &users, extent));
    if let Err(error) = text.and_then(|text| world.replace_file(path, &text)) {
        let reason = system_text(&error);
        log::warn!("CONFIG REWRITE failed: {reason}");
        return Err(Stop::error_owned(format!("ERR Rewriting config file: {reason}")));
    }
    log::info!("CONFIG REWRITE executed with success.");
    Ok(())
}
