//! Loading a dump at start, a bounded piece each turn, while clients that ask for data are told -LOADING.

use super::tick::EventLoop;
use crate::exec::snapshot;
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

    /// One piece of the dump.
    pub(super) fn load(&mut self) {
        let Some(mut loading) = self.loading.take() else { return };
        let (keyspace, persist) = (&mut self.server.keyspace, &mut self.server.persist);
        match loading.step(keyspace, persist, &self.server.settings, &mut self.outside, &self.server.clock) {
            Ok(Step::GoesOn) => self.loading = Some(loading),
            Ok(Step::Done) => match snapshot::end_loading(&mut self.server) {
                Ok(()) => self.tell_ready(),
                Err(failure) => self.give_up_loading(&failure),
            },
            Err(failure) => self.give_up_loading(&failure),
        }
    }

    fn tell_ready(&self) {
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
