//! New settings put in place: every owner acts on its part of the change, or none does.

use std::rc::Rc;

use crate::base::collate;
use crate::config::change::Change;
use crate::config::reference::changed_without_effect;
use crate::config::set::{Proposal, SetError};
use crate::config::value::Failure;
use crate::server::{Server, World};

/// Puts a proposal in place; `in_transaction`: more of a transaction follows. If an owner refuses, the old settings come back, and who has acted acts again on those.
pub fn put(
    server: &mut Server,
    world: &mut dyn World,
    proposal: Proposal,
    in_transaction: bool,
) -> Result<(), SetError> {
    let old = std::mem::replace(&mut server.settings, Rc::new(proposal.settings));
    server.apply_settings();
    for (index, &(change, name)) in proposal.changes.iter().enumerate() {
        let Err(reason) = act(change, name, server, world, in_transaction) else { continue };
        log::warn!(
            "Failed applying new configuration. Possibly related to new {name} setting. Restoring previous settings."
        );
        server.settings = old;
        server.apply_settings();
        for &(change, name) in &proposal.changes[..=index] {
            if let Err(reason) = act(change, name, server, world, in_transaction) {
                log::warn!("Failed applying restored failed CONFIG SET command: {reason}");
            }
        }
        return Err(SetError::Failed { argument: name.into(), reason });
    }
    for (row, why) in changed_without_effect(&old, &server.settings) {
        log::warn!("{} is accepted without effect: {why}", row.name);
    }
    Ok(())
}

/// What an owner does about its part. Parts that are read where they matter need no arm of their own.
fn act(
    change: Change,
    name: &str,
    server: &mut Server,
    world: &mut dyn World,
    in_transaction: bool,
) -> Result<(), Failure> {
    let settings = Rc::clone(&server.settings);
    match change {
        Change::Listeners => world.listen(&settings).map_err(|_| match name {
            "port" => "Unable to listen on this port. Check server logs.".into(),
            _ => "Failed to bind to specified addresses.".into(),
        }),
        Change::MaxClients => match world.admit_clients(settings.clients_max) {
            reached if reached < settings.clients_max => Err(Failure::from(format!(
                "The operating system is not able to handle the specified number of clients, try with {reached}"
            ))),
            _ => Ok(()),
        },
        Change::WorkingDirectory => {
            let here = world.change_dir(&settings.dir);
            let here = here.map_err(|error| Failure::from(crate::config::load::system_text(&error)))?;
            let mut settings = (*settings).clone();
            settings.dir = here;
            server.settings = Rc::new(settings);
            Ok(())
        }
        Change::LogLevel => {
            world.set_log_level(settings.log_level);
            Ok(())
        }
        Change::Memory => {
            warn_of_full_memory(server);
            Ok(())
        }
        Change::Tracking => {
            super::tracking::check_limit(server);
            Ok(())
        }
        Change::Collation => match collate::set_locale(&settings.collation) {
            true => Ok(()),
            false => Err("Invalid locale name".into()),
        },
        Change::Signals => {
            world.apply_crash_settings(&settings);
            Ok(())
        }
        Change::OomScore => world
            .adjust_oom_score(&settings)
            .map_err(|_| "Failed to set current oom_score_adj. Check server logs.".into()),
        Change::ProcessTitle => {
            world.set_process_title(&settings);
            Ok(())
        }
        Change::AppendOnly => {
            server.persist.aof.remove_history(&settings, world.persistence());
            super::append_only::apply(server, world, in_transaction).map_err(Failure::from)
        }
        Change::Clients => {
            server.watch_idle_sessions();
            Ok(())
        }
        Change::Replication => {
            super::replication::acks::count_good(server);
            Ok(())
        }
        Change::Password => {
            server.acl.set_default_password(&settings.requirepass);
            server.users_changed();
            Ok(())
        }
        // Copied by `apply_settings`, or read from the settings whenever they matter.
        Change::Limits
        | Change::Pace
        | Change::Acl
        | Change::KeyspaceEvents
        | Change::SlowLog
        | Change::Latency
        | Change::SavePoints => Ok(()),
        // Kept without effect until the service that reads them is there.
        Change::Tls | Change::Cluster | Change::Allocator => Ok(()),
    }
}

fn warn_of_full_memory(server: &mut Server) {
    let (limit, used) = (server.settings.maxmemory_bytes, server.used_memory());
    if limit > 0 && limit < used {
        log::warn!(
            "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory usage ({used}). \
             Keys will be evicted, or commands that need memory refused, as the maxmemory-policy says."
        );
        server.eviction_goes_on = true;
    }
}
