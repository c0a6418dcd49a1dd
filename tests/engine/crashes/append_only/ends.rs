//! How a server ends, and how the next one starts on what is left.

use gyre::base::random::Random;
use gyre::config::Settings;
use gyre::config::choices::AppendFsync;
use gyre::exec::{readers, shutdown};
use gyre::persist::LoadFailure;
use gyre::persist::aof::State;
use gyre::persist::aof::check::{self, Task};
use gyre::persist::simulated::SimulatedDisk;
use gyre::server::ShutdownRequest;
use std::path::Path;

use super::Simulation;
use crate::harness::{Engine, NOON};

/// Operations of a start, about.
const START_OPERATIONS: u64 = 16;

/// After a fault comes a start without one, after a gap one that is mended.
const STARTS_MAX: usize = 4;

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

impl Simulation {
    /// The server leaves, is killed, or the machine crashes.
    pub(super) fn end(&mut self) {
        let way = self.random.below(8);
        if way == 0 && !self.disk.has_stopped() {
            self.leave();
        }
        if way <= 3 { self.kill() } else { self.crash() }
    }

    /// SHUTDOWN.
    fn leave(&mut self) {
        let request = ShutdownRequest { save: Some(false), force: false, now: false };
        self.trace.push_str(" leaves");
        if !shutdown::prepare(&mut self.engine.server, &mut self.engine.world, request) {
            return;
        }
        let (position, file) = (readers::position(&self.engine.server), &self.engine.server.persist.aof);
        if file.is_safe(position) && !file.is_lost() {
            self.firm = self.sent.len() - 1;
            self.reached.left_well += 1;
        }
    }

    /// What the system was given it keeps.
    fn kill(&mut self) {
        let file = &self.engine.server.persist.aof;
        let is_given = file.state == State::On && file.fault().is_none() && file.buffered() == 0 && !file.is_lost();
        self.reached.killed_in_doubt += u64::from(self.disk.is_in_doubt());
        if is_given && !self.disk.has_failed() {
            self.given = self.sent.len() - 1;
        }
        self.lose_process();
    }

    fn crash(&mut self) {
        self.trace.push_str(" crashed");
        self.disk.note(format_args!("crashed"));
        self.given = 0;
        self.disk.crash(&mut self.random);
    }

    /// New servers, until one has started.
    pub(super) fn start(&mut self) -> Result<(), String> {
        if self.random.below(3) == 0 {
            self.plan_faults(START_OPERATIONS);
        }
        for _ in 0..STARTS_MAX {
            self.engine = engine(&self.disk, self.policy, self.now, &mut self.random);
            self.disk.note(format_args!("starts"));
            let Err(LoadFailure(lines)) = self.engine.start() else { return Ok(()) };
            let said = lines.join(" / ");
            if self.disk.has_failed() {
                self.reached.broken_starts += 1;
                self.trace.push_str(" start fails,");
                if self.random.below(2) == 0 {
                    self.lose_process()
                } else {
                    self.crash()
                }
                continue;
            }
            self.mend(&said)?;
        }
        Err(format!("{STARTS_MAX} starts, and none succeeds"))
    }

    fn lose_process(&mut self) {
        self.trace.push_str(" killed");
        self.disk.note(format_args!("killed"));
        if self.disk.is_in_doubt() {
            self.given = 0;
        }
        self.disk.evict(&mut self.random);
        self.disk.kill();
    }

    /// A start was refused: for a gap among writes that no sync had covered, and the checker can mend it.
    fn mend(&mut self, said: &str) -> Result<(), String> {
        if !(said.contains("Bad file format") && said.contains("appendonly.aof.") && said.contains(" at offset ")) {
            return Err(format!("a start was refused: {said}"));
        }
        if self.policy == AppendFsync::Always && !self.switches {
            return Err(format!("under always there is a gap: {said}"));
        }
        // What mends is run when the disk is well.
        self.disk.recover();
        let mut told = Vec::new();
        let mended = check::check(Path::new(MANIFEST), Task::Fix, &mut self.disk, self.now, &mut told, &mut || true);
        if !mended.is_ok_and(|is_sound| is_sound) {
            return Err(format!("{said}; the checker says: {}", String::from_utf8_lossy(&told)));
        }
        self.trace.push_str(" mended");
        self.reached.gaps += 1;
        Ok(())
    }
}

/// A server that has not started yet.
pub(super) fn engine(disk: &SimulatedDisk, policy: AppendFsync, now: i64, random: &mut Random) -> Engine {
    let settings = Settings {
        append_only: true,
        append_fsync: policy,
        aof_use_rdb_preamble: random.below(2) == 0,
        aof_timestamps: random.below(2) == 0,
        aof_rewrite_bytes_min: 3_000,
        save_points: Vec::new(),
        ..Settings::default()
    };
    let mut engine = Engine::with(settings);
    engine.world.disk = disk.clone();
    engine.pass((now - NOON) as u64);
    engine.server.keyspace.set_now(now);
    engine
}
