//! A master's dump that is loaded as it comes, with no file in between (`repl-diskless-load`).
//!
//! ```text
//!   swapdb         link ──▶ inflow ──▶ data aside ──whole──▶ takes the place of the data there is; not whole: nothing has changed
//!   on-empty-db    link ──▶ inflow ──▶ data, which was empty; not whole: it is emptied again
//! ```
//!
//! While data is gathered aside, what there is may be shown if it is of the same history (`is_async`): it is only older.

use super::follow;
use crate::config::choices::DisklessLoad;
use crate::exec::{append_only, effects, snapshot};
use crate::keyspace::Keyspace;
use crate::persist::{LoadFailure, Loading, Step};
use crate::rdb::inflow::Inflow;
use crate::replication::{Destination, Phase};
use crate::server::{Server, World, standing};

/// See the head of the file.
pub struct Arrival {
    /// By which it comes.
    link: u64,
    loading: Loading<Inflow>,
    aside: Option<Box<Keyspace>>,
    /// All of it is loaded.
    is_read: bool,
}

/// Begins when the first bytes of a dump are there that is to be loaded as it comes.
pub fn begin(server: &mut Server, world: &mut dyn World) -> Option<Arrival> {
    let following = server.replication.following.as_ref()?;
    let Phase::Receiving { link, ref transfer, into: Destination::Data { is_async } } = following.phase else {
        return None;
    };
    if following.inflow.is_empty() {
        return None;
    }
    let total = transfer.total;
    let swaps = server.settings.repl_diskless_load == DisklessLoad::Swapdb;
    let aside = if swaps {
        log::info!("MASTER <-> REPLICA sync: Loading DB in memory");
        let seed = server.random.next_u64();
        Some(Box::new(server.keyspace.like(seed)))
    } else {
        append_only::suspend(server, world);
        follow::clear_for_dump(server);
        None
    };
    let loading = Loading::of_link(total, &server.settings, &mut server.persist, &server.clock);
    server.set_standing(if is_async { standing::ASYNC_LOADING } else { standing::LOADING }, true);
    server.update_expiry();
    Some(Arrival { link, loading, aside, is_read: false })
}

impl Arrival {
    /// True while there is nothing to do before more comes.
    pub fn waits(&self, server: &Server) -> bool {
        let is_whole = follow::is_loading(server);
        let has_news = server.replication.following.as_ref().is_none_or(|following| !following.inflow.is_empty());
        !is_whole && !has_news && (self.is_read || !self.loading.source().is_worth_reading())
    }

    /// True when its link is gone: the rest will not come.
    pub fn is_abandoned(&self, server: &Server) -> bool {
        let following = server.replication.following.as_ref();
        following.and_then(|following| following.link()) != Some(self.link)
    }

    /// Takes in what has come, for a bounded time. `Done`: all is there, and it is time to `finish`.
    pub fn step(&mut self, server: &mut Server, world: &mut dyn World) -> Result<Step, LoadFailure> {
        let is_whole = follow::is_loading(server);
        let Some(following) = &mut server.replication.following else { return Ok(Step::GoesOn) };
        let inflow = self.loading.inflow();
        inflow.push(&std::mem::take(&mut following.inflow));
        if is_whole {
            inflow.finish();
        }
        if !self.is_read && inflow.is_worth_reading() {
            let keyspace = self.aside.as_deref_mut().unwrap_or(&mut server.keyspace);
            let (persist, settings) = (&mut server.persist, &server.settings);
            let step = self.loading.step(keyspace, persist, settings, world.persistence(), &server.clock)?;
            self.is_read = step == Step::Done;
        }
        Ok(if self.is_read && is_whole { Step::Done } else { Step::GoesOn })
    }

    /// The data is whole: from here on it is this server's.
    pub fn finish(self, server: &mut Server, world: &mut dyn World) -> Result<(), LoadFailure> {
        if let Some(aside) = self.aside {
            log::info!("MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
            append_only::suspend(server, world);
            follow::drop_data(server);
            server.keyspace.adopt(*aside);
            effects::hand_on_all(server, None);
            log::info!("MASTER <-> REPLICA sync: Discarding old DB in background");
        }
        server.set_standing(standing::ASYNC_LOADING, false);
        snapshot::end_loading(server)
    }

    /// Nothing comes of it.
    pub fn give_up(self, server: &mut Server) {
        server.persist.libraries.clear();
        server.set_standing(standing::ASYNC_LOADING, false);
        snapshot::give_up_loading(server);
        match self.aside {
            Some(aside) => {
                log::info!("MASTER <-> REPLICA sync: Discarding temporary DB in background");
                server.keyspace.discard(*aside);
            }
            None => follow::clear_keyspace(server),
        }
    }
}

/// The dump cannot be loaded: the link is given up, to be tried anew.
pub fn fail(server: &mut Server, world: &mut dyn World, arrival: Arrival, LoadFailure(lines): &LoadFailure) {
    lines.iter().for_each(|line| log::warn!("{line}"));
    log::warn!("Failed trying to load the MASTER synchronization DB from socket, check server logs.");
    arrival.give_up(server);
    follow::lost(server, world);
}
