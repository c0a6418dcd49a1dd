//! Loading the data at start, a bounded piece each turn, while clients that ask for data are told -LOADING.

use super::tick::EventLoop;
use crate::exec::{append_only, snapshot};
use crate::persist::{LoadFailure, Step};

impl EventLoop {
    /// Looks for the data and begins to load it.
    pub(super) fn begin_loading(&mut self) {
        match snapshot::begin_loading_at_start(&mut self.server, &mut self.outside) {
            Ok(Some(loading)) => self.loading = Some(loading),
            Ok(None) => self.end_loading(),
            Err(failure) => self.give_up_loading(&failure),
        }
    }

    /// One piece of the data.
    pub(super) fn load(&mut self) {
        let Some(mut loading) = self.loading.take() else { return };
        match loading.step(&mut self.dispatcher.context(), &mut self.server, &mut self.outside) {
            Ok(Step::GoesOn) => self.loading = Some(loading),
            Ok(Step::Done) => self.end_loading(),
            Err(failure) => self.give_up_loading(&failure),
        }
    }

    /// All is there: the append-only file goes on from here, and then everybody may come.
    fn end_loading(&mut self) {
        if let Err(line) = append_only::begin_at_start(&mut self.server, &mut self.outside) {
            return self.give_up_loading(&LoadFailure(vec![line]));
        }
        // What was said of it meanwhile is seen to now.
        if append_only::apply(&mut self.server, &mut self.outside, false).is_err() {
            return self.give_up_loading(&LoadFailure(Vec::new()));
        }
        self.tell_ready();
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
