//! Snapshots in the simulation: random commands and snapshots, a stop at any operation of the disk, a restart from what is left, and
//! then the last snapshot that was acknowledged, or a later one, must be there.
//!
//! ```text
//! commands, SAVE, BGSAVE ──▶ the disk stops at an operation ──▶ crash or kill ──▶ a new server loads ──▶ judge ──▶ again
//! ```

use gyre::base::random::Random;
use gyre::exec::snapshot;
use gyre::keyspace::SessionKey;
use gyre::keyspace::digest::Digest;
use gyre::persist::simulated::{Lie, SimulatedDisk};
use gyre::persist::{ChildEnd, LoadFailure, Step};

use super::{CRASHES_A_SEED, assert_replays, find, survive};
use crate::harness::{Engine, NOON};

/// Snapshots between two crashes at most.
const SNAPSHOTS_MAX: u64 = 4;

/// Operations of the disk in which the stop falls: those of some snapshots.
const OPERATIONS_MAX: u64 = 30;

struct Simulation {
    random: Random,
    disk: SimulatedDisk,
    engine: Engine,
    session: SessionKey,
    /// The data of the last snapshot that was acknowledged: it, or a later one, must be there.
    promised: String,
    /// The data of snapshots that were begun since then, and failed or were not acknowledged.
    possible: Vec<String>,
}

fn digest(engine: &Engine) -> String {
    Digest::of_all(&engine.server.keyspace).to_hex()
}

fn start(disk: &SimulatedDisk) -> (Engine, SessionKey) {
    let mut engine = Engine::new();
    engine.world.disk = disk.clone();
    let session = engine.connect();
    // So that a snapshot is several writes.
    engine.ask(session, "CONFIG SET rdbcompression no");
    // A snapshot that fails keeps nobody from writing: there would be nothing to lose.
    engine.ask(session, "CONFIG SET stop-writes-on-bgsave-error no");
    (engine, session)
}

impl Simulation {
    fn new(seed: u64, lie: Option<Lie>) -> Simulation {
        let disk = SimulatedDisk::default();
        if let Some(lie) = lie {
            disk.plant(lie);
        }
        let (engine, session) = start(&disk);
        let promised = digest(&engine);
        Simulation { random: Random::new(seed), disk, engine, session, promised, possible: Vec::new() }
    }

    fn ask(&mut self, line: &str) -> String {
        self.engine.ask(self.session, line)
    }

    /// Some commands that change the data.
    fn change(&mut self) {
        for _ in 0..self.random.between(1, 8) {
            let (key, number) = (self.random.below(6), self.random.below(1000));
            let line = match self.random.below(8) {
                0 => format!("SET string{key} {number}"),
                1 => format!("SETRANGE big{key} {} {number}", self.random.below(40_000)),
                2 => format!("RPUSH list{key} {number} element"),
                3 => format!("HSET hash{key} field{number} value"),
                4 => format!("ZADD zset{key} {number} member{number}"),
                5 => format!("SADD set{key} {number} member{number}"),
                6 => format!("XADD stream{key} * field {number}"),
                _ => format!("DEL big{key} list{key} string{key}"),
            };
            let reply = self.ask(&line);
            assert!(!reply.starts_with('-'), "{line}: {reply}");
        }
    }

    /// A snapshot, by the server or by its child.
    fn snapshot(&mut self) {
        let data = digest(&self.engine);
        self.possible.push(data.clone());
        let is_acknowledged =
            if self.random.below(2) == 0 { self.ask("SAVE") == "+OK\r\n" } else { self.save_in_child() };
        if is_acknowledged {
            self.promised = data;
            self.possible.clear();
        }
    }

    fn save_in_child(&mut self) -> bool {
        self.ask("BGSAVE");
        let Some((said, code)) = self.engine.world.disk.children.pop() else { return false };
        let child = self.engine.server.persist.child.as_mut().expect("it was forked");
        child.hear(&said, NOON);
        snapshot::child_ended(&mut self.engine.server, &mut self.engine.world, ChildEnd::Left(code));
        self.engine.server.persist.last_is_good
    }

    /// Work until the disk stops, a crash, and a restart; then the judgement.
    fn crash_once(&mut self) -> Result<(), String> {
        let now = self.disk.operations();
        self.disk.stop_at(now + 1 + self.random.below(OPERATIONS_MAX));
        if self.random.below(3) == 0 {
            self.disk.fail_at(now + 1 + self.random.below(OPERATIONS_MAX));
        }
        for _ in 0..self.random.below(SNAPSHOTS_MAX + 1) {
            self.change();
            self.snapshot();
        }
        let is_killed = self.random.below(4) == 0;
        if is_killed {
            self.disk.kill();
        } else {
            self.disk.crash(&mut self.random);
        }
        (self.engine, self.session) = start(&self.disk);
        let loaded = load(&mut self.engine);
        let after = digest(&self.engine);
        if let Err(LoadFailure(lines)) = loaded {
            return Err(format!("it does not start: {}", lines.join(" / ")));
        }
        if after != self.promised && !self.possible.contains(&after) {
            return Err("what was acknowledged is lost, or something is there that never was".to_owned());
        }
        // What a killed process left in the system's hands is there, but a crash of the machine may still take it.
        if !is_killed {
            self.promised = after;
            self.possible.clear();
        }
        Ok(())
    }
}

/// What the loop does at the start.
fn load(engine: &mut Engine) -> Result<(), LoadFailure> {
    let Some(mut loading) = snapshot::begin_loading(&mut engine.server, &mut engine.world)? else { return Ok(()) };
    let server = &mut engine.server;
    let (keyspace, persist, files) = (&mut server.keyspace, &mut server.persist, &mut engine.world.disk);
    while loading.step(keyspace, persist, &server.settings, files, &server.clock)? == Step::GoesOn {}
    snapshot::end_loading(&mut engine.server)
}

/// One seed; an error is what went wrong.
fn run(seed: u64, lie: Option<Lie>) -> Result<(), String> {
    let mut simulation = Simulation::new(seed, lie);
    (1..=CRASHES_A_SEED).try_for_each(|crash| simulation.crash_once().map_err(|text| format!("crash {crash}: {text}")))
}

#[test]
fn what_was_acknowledged_survives_every_crash() {
    survive(|seed| run(seed, None));
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_replays(|seed| {
        let mut simulation = Simulation::new(seed, None);
        let ended = simulation.crash_once();
        (ended, simulation.promised, simulation.disk.operations())
    });
}

#[test]
fn planted_mistakes_are_found() {
    for lie in [Lie::FolderSync, Lie::SyncBeforeRename] {
        assert!(find(|seed| run(seed, Some(lie))).is_some(), "{lie:?} makes no difference");
    }
}
