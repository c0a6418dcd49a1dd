//! DEBUG subcommands that switch something, or ask something that is not about data.

use crate::base::glob;
use crate::base::number::{parse_f64, parse_memory_size};
use crate::commands::server::config;
use crate::config::rewrite::Extent;
use crate::exec::{Call, Outcome, Stop};
use crate::server::journal::Readers;
use crate::server::{Server, World};

pub(super) fn sleep(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    // What is no number is no time at all.
    let seconds = parse_f64(call.arg(2)).unwrap_or(0.0).max(0.0);
    world.sleep((seconds * 1e6) as u64);
    // A script sees one time, however long it sleeps.
    if server.scripts.running.is_none() {
        server.now = server.clock.wall_ms();
    }
    call.reply.ok();
    Ok(())
}

/// Takes a number as C's `atoi` does: what is none is 0.
fn switch(word: &[u8]) -> bool {
    crate::base::number::parse_i64(word).unwrap_or(0) != 0
}

pub(super) fn accept_number(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.ok();
    Ok(())
}

pub(super) fn allow_in_scripts(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    server.scripts.allows_every_command = switch(call.arg(2));
    call.reply.ok();
    Ok(())
}

pub(super) fn active_expire(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    server.active_expire = switch(call.arg(2));
    call.reply.ok();
    Ok(())
}

pub(super) fn aof_flush_sleep(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    server.persist.aof.flush_sleep_us = call.integer(2)?.max(0) as u64;
    call.reply.ok();
    Ok(())
}

pub(super) fn skip_checksums(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let checks = !switch(call.arg(2));
    server.keyspace.set_rules(|rules| rules.checks_payloads = checks);
    call.reply.ok();
    Ok(())
}

pub(super) fn pause_cron(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    server.is_cron_paused = switch(call.arg(2));
    call.reply.ok();
    Ok(())
}

pub(super) fn reply_buffer(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let value = call.arg(3);
    if call.is(2, "PEAK-RESET-TIME") {
        if !value.eq_ignore_ascii_case(b"NEVER") && !value.eq_ignore_ascii_case(b"RESET") {
            call.integer(3)?;
        }
    } else if !call.is(2, "RESIZING") {
        return Err(call.wrong_subcommand());
    }
    call.reply.ok();
    Ok(())
}

/// Greatest threshold, as in Redis: lengths of packs have 32 bits there.
const PACKED_THRESHOLD_MAX: u64 = 1 << 32;

pub(super) fn packed_threshold(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let bytes = parse_memory_size(call.arg(2)).filter(|bytes| *bytes <= PACKED_THRESHOLD_MAX);
    let bytes = bytes.ok_or(Stop::error("ERR argument must be a memory value bigger than 1 and smaller than 4gb"))?;
    server.list_plain_from = bytes as usize;
    server.apply_settings();
    call.reply.ok();
    Ok(())
}

pub(super) fn log(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    log::warn!("DEBUG LOG: {}", String::from_utf8_lossy(call.arg(2)));
    call.reply.ok();
    Ok(())
}

pub(super) fn match_glob(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.integer(glob::matches(call.arg(2), call.arg(3)).into());
    Ok(())
}

pub(super) fn change_replication_id(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    log::warn!("Changing replication IDs after receiving DEBUG change-repl-id");
    server.replication.id = server.random.hex(40);
    server.replication.clear_second_id();
    call.reply.ok();
    Ok(())
}

pub(super) fn replicate(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let words: Vec<&[u8]> = call.args.from(2).iter().collect();
    server.journal.record_for(Readers::REPLICAS, call.db, words.into_iter());
    call.reply.ok();
    Ok(())
}

pub(super) fn rewrite_everything(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    config::write_to_file(server, world, Extent::Everything)?;
    call.reply.ok();
    Ok(())
}

pub(super) fn allocator_number(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let name = std::ffi::CString::new(call.arg(2)).unwrap_or_default();
    if call.argc() > 3 {
        return Err(Stop::error("ERR Operation not permitted"));
    }
    match crate::base::memory::allocator_number(&name) {
        Some(number) => call.reply.integer(number as i64),
        None => return Err(Stop::error("ERR No such file or directory")),
    }
    Ok(())
}
