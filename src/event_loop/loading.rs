//! Loading a dump at start, a bounded piece each turn, while clients that ask for data are told -LOADING.

use super::tick::EventLoop;
use crate::exec::{replication, snapshot};
use crate::persist::{LoadFailure, Step};

impl EventLoop {
    /// Looks for a dump and begins to load it.
    pub(super) fn begin_loading(&mut self) {
        match snapshot::begin_loading(&mut self.server, &mut self.outside) {
            Ok(Some(loading)) => self.loading = Some(Box::new(loading)),
            Ok(None) => self.tell_ready(),
            Err(failure) => self.give_up_loading(&failure),
        }
    }

    /// Begins to load what a master sent.
    fn begin_loading_from_master(&mut self) {
        match snapshot::begin_loading_from_master(&mut self.server, &mut self.outside) {
            Ok(Some(loading)) => self.loading = Some(Box::new(loading)),
            Ok(None) => self.fail_loading(&LoadFailure(Vec::new())),
            Err(failure) => self.fail_loading(&failure),
        }
    }

    fn end_loading(&mut self) {
        let ended = snapshot::end_loading(&mut self.server);
        match ended {
            Ok(()) if replication::follow::is_loading(&self.server) => {
                replication::follow::loaded(&mut self.server, &mut self.outside)
            }
            Ok(()) => self.tell_ready(),
            Err(failure) => self.fail_loading(&failure),
        }
    }

    /// A master's dump that cannot be loaded is asked for again; without its own, the server does not go on.
    fn fail_loading(&mut self, failure: &LoadFailure) {
        if !replication::follow::is_loading(&self.server) {
            return self.give_up_loading(failure);
        }
        failure.0.iter().for_each(|line| log::warn!("{line}"));
        snapshot::give_up_loading(&mut self.server);
        replication::follow::not_loaded(&mut self.server, &mut self.outside);
    }

    /// One piece of the dump.
    pub(super) fn load(&mut self) {
        if self.loading.is_none() && replication::follow::take_dump(&mut self.server) {
            self.begin_loading_from_master();
        }
        let Some(mut loading) = self.loading.take() else { return };
        let (keyspace, persist) = (&mut self.server.keyspace, &mut self.server.persist);
        match loading.step(keyspace, persist, &self.server.settings, &mut self.outside, &self.server.clock) {
            Ok(Step::GoesOn) => self.loading = Some(loading),
            Ok(Step::Done) => self.end_loading(),
            Err(failure) => self.fail_loading(&failure),
        }
    }

    fn tell_ready(&mut self) {
        // The master is looked for behind one's own data: it may lack only what came since.
        if let Some(master) = self.server.settings.replica_of.clone() {
            replication::follow::begin(&mut self.server, &mut self.outside, master);
        }
        let settings = &self.server.settings;
        if settings.port != 0 {
            log::info!("Ready to accept connections tcp");
        }
        if !settings.unix_socket.is_empty() {
            log::info!("Ready to accept connections unix");
        }
        self.outside.supervision.tell_ready();
    }

    /// A dump that is there but cannot be loaded is no reason to go on without it.
    fn give_up_loading(&mut self, LoadFailure(lines): &LoadFailure) {
        lines.iter().for_each(|line| log::warn!("{line}"));
        log::warn!("Terminating server after rdb file reading failure.");
        log::warn!("Fatal error loading the DB, check server logs. Exiting.");
        self.outside.remove_traces();
        self.leaves_with = Some(1);
    }
}
