//! Loading the data at start, or what a master sent, a bounded piece each turn, while clients that ask for data are told -LOADING.

use super::tick::EventLoop;
use crate::exec::snapshot::Load;
use crate::exec::replication::arrival;
use crate::exec::{append_only, replication, snapshot};
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

    /// Begins to load what a master sent.
    fn begin_loading_from_master(&mut self) {
        match snapshot::begin_loading_from_master(&mut self.server, &mut self.outside) {
            Ok(Some(loading)) => self.loading = Some(Load::Dump(Box::new(loading))),
            Ok(None) => self.fail_loading(&LoadFailure(Vec::new())),
            Err(failure) => self.fail_loading(&failure),
        }
    }

    /// All is there: the append-only file goes on from here, or begins with what a master sent, and then everybody may come.
    fn end_loading(&mut self) {
        let (server, outside) = (&mut self.server, &mut self.outside);
        if replication::follow::is_loading(server) {
            replication::follow::loaded(server, outside);
            if append_only::apply(server, outside, false).is_err() {
                log::warn!(
                    "The AOF could not be begun anew with the master's data: nothing is written to it until it is switched on."
                );
            }
            return;
        }
        if let Err(line) = append_only::begin_at_start(server, outside) {
            return self.give_up_loading(&LoadFailure(vec![line]));
        }
        // What was said of it meanwhile is seen to now.
        if append_only::apply(server, outside, false).is_err() {
            return self.give_up_loading(&LoadFailure(Vec::new()));
        }
        self.tell_ready();
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

    /// What a master sends to be loaded as it comes.
    fn load_arrival(&mut self) {
        let (server, outside) = (&mut self.server, &mut self.outside);
        let Some(mut arrival) = self.arrival.take().or_else(|| arrival::begin(server, outside)) else { return };
        if arrival.is_abandoned(server) {
            return arrival.give_up(server);
        }
        match arrival.step(server, outside) {
            Ok(Step::GoesOn) => self.arrival = Some(arrival),
            Ok(Step::Done) => match arrival.finish(server, outside) {
                Ok(()) => self.end_loading(),
                Err(failure) => self.fail_loading(&failure),
            },
            Err(failure) => arrival::fail(server, outside, arrival, &failure),
        }
    }

    /// One piece of the data.
    pub(super) fn load(&mut self) {
        self.load_arrival();
        if self.loading.is_none() && replication::follow::take_dump(&mut self.server) {
            self.begin_loading_from_master();
        }
        let Some(mut loading) = self.loading.take() else { return };
        match loading.step(&mut self.dispatcher.context(), &mut self.server, &mut self.outside) {
            Ok(Step::GoesOn) => self.loading = Some(loading),
            Ok(Step::Done) => self.end_loading(),
            Err(failure) => self.fail_loading(&failure),
        }
    }

    fn tell_ready(&mut self) {
        // The master is looked for behind one's own data: it may lack only what came since.
        replication::restart::resume(&mut self.server, &mut self.outside);
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
