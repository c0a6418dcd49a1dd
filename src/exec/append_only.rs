//! The append-only file as the server has it: switched on and off, rewritten, flushed before replies leave. The ways of its files are
//! `persist::aof`'s; here they meet the journal, the keyspace, children and gates.
//!
//! ```text
//! CONFIG SET appendonly ─▶ apply ─▶ start: WaitRewrite ─▶ begin_rewrite ─▶ (child) ─▶ rewrite_ended: On
//!                               └─▶ stop: Off
//! BGREWRITEAOF, growth, a failed sync ─▶ begin_rewrite
//! ```

use super::readers;
use super::snapshot::{self, hold_tables, job};
use crate::config::load::system_text;
use crate::persist::aof::{self, AppendOnly, Desk, State};
use crate::persist::{Child, ChildEnd, Purpose, SaveFailure, UNWANTED_SIGNAL};
use crate::server::{Server, World, standing};

/// Lends the append-only file and what it works with.
pub fn with<R>(
    server: &mut Server,
    world: &mut dyn World,
    work: impl FnOnce(&mut AppendOnly, &mut Desk<'_>) -> R,
) -> R {
    let (has_child, offset) = (server.persist.child.is_some(), server.replication_offset());
    let mut desk = Desk {
        settings: &server.settings,
        files: world.persistence(),
        observe: &mut server.observe,
        clock: &server.clock,
        now: server.now,
        has_child,
        offset,
    };
    work(&mut server.persist.aof, &mut desk)
}

fn is_loading(server: &Server) -> bool {
    server.standing & (standing::LOADING | standing::ASYNC_LOADING) != 0
}

/// At start, when the data is there: the files are made or gone on with. An error is a line for the log, and a reason to leave.
pub fn begin_at_start(server: &mut Server, world: &mut dyn World) -> Result<(), String> {
    if !server.persist.aof.begins_at_start {
        server.persist.aof.remove_history(&server.settings, world.persistence());
        return Ok(());
    }
    aof::make_folder(&server.settings, world.persistence())?;
    if server.persist.aof.manifest.is_empty() {
        make_first_base(server, world)?;
    }
    let reached = with(server, world, |file, desk| {
        let reached = file.open_at_start(desk)?;
        file.remove_history(desk.settings, desk.files);
        Ok::<_, String>(reached)
    })?;
    if let Some(offset) = reached {
        // So that the next file does not begin before this one.
        server.replication.taken = offset;
    }
    readers::watch(server);
    Ok(())
}

/// Whoever begins without any files begins with a base of what is there: nothing.
fn make_first_base(server: &mut Server, world: &mut dyn World) -> Result<(), String> {
    let is_dump = server.settings.aof_use_rdb_preamble;
    let unfinished = aof::unfinished_base(server.identity.pid);
    let written = aof::write_base(&job(server, server.identity.pid, true), is_dump, &unfinished, world.persistence());
    written.map_err(|SaveFailure(line)| line)?;
    let name = server.persist.aof.manifest.replace_base(&server.settings, is_dump);
    let path = aof::path_in_folder(&server.settings, &name);
    world.persistence().rename(&unfinished, &path).map_err(|error| {
        format!("Error moving temp append only file on the final destination: {}", system_text(&error))
    })?;
    log::info!("Creating AOF base file {} on server start", String::from_utf8_lossy(&name));
    Ok(())
}

/// Brings the file to what the settings say; while loading, that is seen to afterwards.
pub fn apply(server: &mut Server, world: &mut dyn World, in_transaction: bool) -> Result<(), &'static str> {
    let is_on = server.persist.aof.state != State::Off;
    match server.settings.append_only {
        _ if is_loading(server) => Ok(()),
        true if !is_on => start(server, world, in_transaction),
        false if is_on => {
            stop(server, world);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn start(server: &mut Server, world: &mut dyn World, in_transaction: bool) -> Result<(), &'static str> {
    let file = &mut server.persist.aof;
    file.state = State::WaitRewrite;
    file.forget_faults();
    server.update_write_gate();
    let file = &mut server.persist.aof;
    if server.persist.child.as_ref().is_some_and(|child| child.purpose != Purpose::Rewrite) {
        file.is_scheduled = true;
        log::info!(
            "AOF was enabled but there is already another background operation. An AOF background was scheduled to start when \
             possible."
        );
        return Ok(());
    }
    if in_transaction {
        file.is_scheduled = true;
        log::info!("AOF was enabled during a transaction. An AOF background was scheduled to start when possible.");
        return Ok(());
    }
    if server.persist.child.is_some() {
        log::info!(
            "AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF and starting a rewrite \
             now."
        );
        end_rewrite(server, world);
    }
    if begin_rewrite(server, world) {
        return Ok(());
    }
    if server.persist.aof.is_recording() {
        with(server, world, |file, desk| file.drop_waiting(desk.settings, desk.files));
    }
    server.persist.aof.state = State::Off;
    readers::watch(server);
    log::warn!(
        "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check the above logs for more info \
         about the error."
    );
    Err("Unable to turn on AOF. Check server logs.")
}

/// The data is about to be replaced by a master's: what the file says is of another history. `apply` begins it anew.
pub fn suspend(server: &mut Server, world: &mut dyn World) {
    if server.persist.aof.state != State::Off {
        stop(server, world);
    }
}

/// Writes what there is to the disk, and no more from then on.
fn stop(server: &mut Server, world: &mut dyn World) {
    // A disk that refuses is no reason to go on with the file: the log says what is missing.
    let _ = readers::drain_to_disk(server, world);
    with(server, world, |file, desk| file.note_end(desk));
    let file = &mut server.persist.aof;
    let was_waiting = file.state == State::WaitRewrite && file.is_recording();
    file.state = State::Off;
    if std::mem::take(&mut file.is_scheduled) {
        log::info!("AOF was disabled but there is a scheduled AOF background, cancel it.");
    }
    if was_waiting {
        with(server, world, |file, desk| file.drop_waiting(desk.settings, desk.files));
    }
    server.persist.aof.close();
    readers::watch(server);
    end_rewrite(server, world);
    server.update_write_gate();
}

/// Ends the child that rewrites, if there is one, and waits for it.
pub fn end_rewrite(server: &mut Server, world: &mut dyn World) {
    if !server.persist.has_child_for(Purpose::Rewrite) {
        return;
    }
    server.persist.kill(world.persistence());
    let Some(child) = server.persist.take_child() else { return };
    world.persistence().reap_child(child.pid);
    hold_tables(&mut server.keyspace, false);
    remove_unfinished(world, child.pid);
    server.persist.aof.rewrite_began = None;
}

fn remove_unfinished(world: &mut dyn World, pid: u32) {
    // It may not have come so far as to make one.
    let _ = world.persistence().remove(&aof::unfinished_base(pid));
}

/// Forks a child that writes a base; what is recorded from here on goes to a new increment. False if there is no child: the log
/// says why.
pub fn begin_rewrite(server: &mut Server, world: &mut dyn World) -> bool {
    if server.persist.child.is_some() {
        return false;
    }
    let changed = aof::make_folder(&server.settings, world.persistence()).and_then(|()| change_file(server, world));
    if let Err(line) = changed {
        log::warn!("{line}");
        server.persist.aof.note_failed_rewrite(server.now);
        return false;
    }
    let is_dump = server.settings.aof_use_rdb_preamble;
    server.persist.aof.rewrites += 1;
    let began = snapshot::fork(server, world, Purpose::Rewrite, &mut |job, files, pipe| {
        aof::base_in_child(job, is_dump, files, pipe)
    });
    if began {
        server.persist.aof.rewrite_begun(server.now, is_dump);
    } else {
        server.persist.aof.note_failed_rewrite(server.now);
    }
    began
}

/// What was recorded so far is written to the file there is; the next record is the first of another.
fn change_file(server: &mut Server, world: &mut dyn World) -> Result<(), String> {
    readers::drain_forced(server, world).map_err(|_| "Can't write the append only file before a rewrite".to_owned())?;
    with(server, world, |file, desk| file.change_file(desk))?;
    readers::select_anew(server);
    readers::watch(server);
    Ok(())
}

/// The child that rewrote is gone.
pub fn rewrite_ended(server: &mut Server, world: &mut dyn World, child: &Child, end: ChildEnd) {
    match end {
        ChildEnd::Left(0) => {
            log::info!("Background AOF rewrite terminated with success");
            server.persist.aof.last_copied_bytes = child.copied_bytes;
            let unfinished = aof::unfinished_base(child.pid);
            match with(server, world, |file, desk| file.put_base(&unfinished, desk)) {
                Ok(()) => {
                    let file = &mut server.persist.aof;
                    (file.last_rewrite_is_good, file.failures_in_a_row) = (true, 0);
                    log::info!("Background AOF rewrite finished successfully");
                }
                Err(line) => {
                    log::warn!("{line}");
                    server.persist.aof.note_failed_rewrite(server.now);
                }
            }
        }
        ChildEnd::Left(_) => {
            log::warn!("Background AOF rewrite terminated with error");
            server.persist.aof.note_failed_rewrite(server.now);
        }
        ChildEnd::Signal(signal) => {
            log::warn!("Background AOF rewrite terminated by signal {signal}");
            if signal != UNWANTED_SIGNAL {
                server.persist.aof.note_failed_rewrite(server.now);
            }
        }
    }
    remove_unfinished(world, child.pid);
    let (now, file) = (server.now, &mut server.persist.aof);
    file.last_rewrite_s = file.rewrite_began.take().map(|began| (now - began) / 1000);
    if file.state == State::WaitRewrite {
        // What was recorded meanwhile stands on no base. The next try begins anew.
        file.is_scheduled = true;
        with(server, world, |file, desk| file.drop_waiting(desk.settings, desk.files));
        readers::watch(server);
    }
}

/// BGREWRITEAOF: what it answers, or the error.
pub fn rewrite_on_demand(
    server: &mut Server,
    world: &mut dyn World,
    in_transaction: bool,
) -> Result<&'static str, &'static str> {
    if server.persist.has_child_for(Purpose::Rewrite) {
        return Err("ERR Background append only file rewriting already in progress");
    }
    if server.persist.child.is_some() || in_transaction {
        let file = &mut server.persist.aof;
        // Who asks by hand does not wait for what went wrong before.
        (file.is_scheduled, file.failures_in_a_row) = (true, 0);
        log::info!("Background append only file rewriting scheduled.");
        return Ok("Background append only file rewriting scheduled");
    }
    if begin_rewrite(server, world) {
        return Ok("Background append only file rewriting started");
    }
    Err("ERR Can't execute an AOF background rewriting. Please check the server logs for more information.")
}

/// A periodic job: begins what was scheduled, what growth asks for, and what a failed sync needs.
pub fn rewrite_if_due(server: &mut Server, world: &mut dyn World) {
    if server.persist.child.is_some() || is_loading(server) {
        return;
    }
    let (now_s, file) = (server.now / 1000, &mut server.persist.aof);
    if file.is_scheduled {
        if !file.is_limited(now_s) {
            begin_rewrite(server, world);
        }
        return;
    }
    if file.wants_healing(server.now) {
        log::warn!("Starting a rewrite of the AOF, because what it holds may not be on the disk");
        begin_rewrite(server, world);
        return;
    }
    if let Some(growth) = file.growth_to_rewrite(&server.settings)
        && !file.is_limited(now_s)
    {
        log::info!("Starting automatic rewriting of AOF on {growth}% growth");
        begin_rewrite(server, world);
    }
}

/// Before leaving: false if the server has to stay, because the first file is still being written.
pub fn prepare_to_leave(server: &mut Server, world: &mut dyn World, forces: bool) -> bool {
    if server.persist.has_child_for(Purpose::Rewrite) {
        if server.persist.aof.state == State::WaitRewrite {
            if !forces {
                log::warn!("Writing initial AOF, can't exit");
                return false;
            }
            log::warn!("Writing initial AOF. Exit anyway.");
        }
        log::warn!("There is a child rewriting the AOF. Killing it!");
        end_rewrite(server, world);
    }
    if server.persist.aof.state != State::Off {
        log::info!("Calling fsync() on the AOF file.");
        // Leaving is what a failure would come to, too.
        let _ = readers::drain_to_disk(server, world);
        with(server, world, |file, desk| file.note_end(desk));
    }
    true
}
