//! The simulation of the append-only file: the engine on a disk that crashes, from one seed. Random commands, rewrites and children, a stop
//! at any operation of the disk, a restart from what is left, and then what was promised must be there.
//!
//! ```text
//! command ──▶ end of the turn ──▶ acknowledged         history: the data after each command, and the journal's position
//!               └ the disk stops: the turn is in doubt
//! restart: the data is that after some command, no earlier than what the policy made safe
//! ```
//!
//! The simulation proves itself: mistakes planted between server and disk (`Lie`) must each turn it red.

use gyre::base::random::Random;
use gyre::config::Settings;
use gyre::config::choices::AppendFsync;
use gyre::exec::{append_only, readers};
use gyre::keyspace::SessionKey;
use gyre::keyspace::digest::Digest;
use gyre::persist::LoadFailure;
use gyre::persist::simulated::{Lie, SimulatedDisk};

use crate::harness::Engine;

/// Crashes of one seed: each starts from what the one before left.
const CRASHES_A_SEED: usize = 4;

/// Seeds in `make test`, for each policy: a thousand crashes.
const SEEDS_IN_TESTS: u64 = 125;

/// Among so many seeds a planted mistake must show.
const SEEDS_FOR_A_LIE: u64 = 200;

/// Turns between two crashes at most, and operations of the disk in which the stop falls.
const TURNS_MAX: u64 = 30;
const OPERATIONS_MAX: u64 = 60;

/// The server does not start, says where the file is damaged, and has promised nothing of what is there.
const REFUSED: &str = "refused";

struct Simulation {
    random: Random,
    policy: AppendFsync,
    disk: SimulatedDisk,
    engine: Engine,
    session: SessionKey,
    /// The data after each command since the last start, with the position of the journal that makes it safe.
    history: Vec<(String, u64)>,
    /// Those before this one are superseded by what is safe.
    safe: usize,
}

fn digest(engine: &Engine) -> String {
    Digest::of_all(&engine.server.keyspace).to_hex()
}

fn begin(policy: AppendFsync, disk: &SimulatedDisk) -> Result<(Engine, SessionKey), String> {
    let settings = Settings { append_only: true, append_fsync: policy, save_points: Vec::new(), ..Settings::default() };
    let mut engine = Engine::with(settings);
    engine.world.disk = disk.clone();
    match engine.start() {
        Ok(()) => {}
        Err(LoadFailure(lines)) => return Err(format!("it does not start: {}", lines.join(" / "))),
    }
    let session = engine.connect();
    Ok((engine, session))
}

impl Simulation {
    fn new(seed: u64, policy: AppendFsync, lie: Option<Lie>) -> Result<Simulation, String> {
        let disk = SimulatedDisk::default();
        if let Some(lie) = lie {
            disk.plant(lie);
        }
        let (engine, session) = begin(policy, &disk)?;
        let history = vec![(digest(&engine), 0)];
        Ok(Simulation { random: Random::new(seed), policy, disk, engine, session, history, safe: 0 })
    }

    /// One turn of one to three commands; false when the server has to leave.
    fn turn(&mut self) -> bool {
        for _ in 0..self.random.between(1, 3) {
            let (key, number) = (self.random.below(6), self.random.below(1000));
            let line = match self.random.below(9) {
                0 => format!("SET string{key} {number}"),
                1 => format!("RPUSH list{key} {number} element"),
                2 => format!("HSET hash{key} field{number} value"),
                3 => format!("ZADD zset{key} {number} member{number}"),
                4 => format!("INCRBY count{key} {number}"),
                5 => format!("LPOP list{key}"),
                6 => format!("EVAL \"redis.call('INCR','a') redis.call('INCR','b')\" 0 {number}"),
                7 => "BGREWRITEAOF".to_owned(),
                _ => format!("DEL list{key} string{key}"),
            };
            self.engine.ask(self.session, &line);
            // A turn that is torn may be there up to any of its commands.
            self.history.push((digest(&self.engine), readers::position(&self.engine.server)));
        }
        if !self.engine.world.disk.children.is_empty() && self.random.below(3) == 0 {
            self.engine.end_child();
        }
        self.engine.pass(self.random.below(700));
        append_only::rewrite_if_due(&mut self.engine.server, &mut self.engine.world);
        let goes_on = self.engine.end_turn().is_ok();
        if goes_on {
            self.note_safe();
        }
        goes_on
    }

    /// Under `always` all that was answered for is safe; else what the server says.
    fn note_safe(&mut self) {
        let last = self.history.len() - 1;
        let is_safe = |index: &usize| match self.policy {
            AppendFsync::Always => true,
            _ => self.engine.server.persist.aof.is_safe(self.history[*index].1),
        };
        if let Some(index) = (self.safe..=last).rev().find(is_safe) {
            self.safe = index;
        }
    }

    /// Work until the disk stops, a crash, and a restart; then the judgement.
    fn crash_once(&mut self) -> Result<(), String> {
        let now = self.disk.operations();
        self.disk.stop_at(now + 1 + self.random.below(OPERATIONS_MAX));
        if self.random.below(3) == 0 {
            self.disk.fail_at(now + 1 + self.random.below(OPERATIONS_MAX));
        }
        for _ in 0..self.random.below(TURNS_MAX + 1) {
            if !self.turn() {
                break;
            }
        }
        if self.random.below(4) == 0 {
            self.disk.kill();
        } else {
            self.disk.crash(&mut self.random);
        }
        match begin(self.policy, &self.disk) {
            Ok(started) => (self.engine, self.session) = started,
            // Of several writes that no sync covers a crash may keep a later one and lose an earlier one. That is refused, with file
            // and offset, and what is before it is for who operates the server to keep: `aof-load-corrupt-tail-max-size`.
            Err(text) if self.policy != AppendFsync::Always && text.contains("Bad file format") => {
                assert!(text.contains("incr.aof at offset "), "{text}");
                return Err(REFUSED.to_owned());
            }
            Err(text) => return Err(text),
        }
        let after = digest(&self.engine);
        let possible = &self.history[self.safe..];
        if !possible.iter().any(|(data, _)| *data == after) {
            let was_there = self.history.iter().any(|(data, _)| *data == after);
            let what = if was_there { "what was safe is lost" } else { "something is there that never was" };
            return Err(what.to_owned());
        }
        // Whatever was loaded is safe from here on, also when it was in the system's hands only.
        self.history = vec![(after, 0)];
        self.safe = 0;
        Ok(())
    }
}

/// One seed; an error is what went wrong.
fn run(seed: u64, policy: AppendFsync, lie: Option<Lie>) -> Result<(), String> {
    let mut simulation = Simulation::new(seed, policy, lie)?;
    for crash in 1..=CRASHES_A_SEED {
        match simulation.crash_once() {
            Ok(()) => {}
            Err(text) if text == REFUSED => break,
            Err(text) => return Err(format!("{policy:?}, seed {seed}, crash {crash}: {text}")),
        }
    }
    Ok(())
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn check(policy: AppendFsync) {
    let seeds = match (number_from("GYRE_SIMULATION_SEED"), number_from("GYRE_SIMULATION_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(SEEDS_IN_TESTS),
    };
    let faults: Vec<String> = seeds.filter_map(|seed| run(seed, policy, None).err()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn under_always_what_was_acknowledged_survives_every_crash() {
    check(AppendFsync::Always);
}

#[test]
fn under_everysec_what_is_said_to_be_safe_survives_every_crash() {
    check(AppendFsync::EverySecond);
}

#[test]
fn planted_mistakes_are_found() {
    for lie in [Lie::FolderSync, Lie::SyncBeforeRename, Lie::SyncBeforeReply] {
        let found = (0..SEEDS_FOR_A_LIE).find_map(|seed| run(seed, AppendFsync::Always, Some(lie)).err());
        assert!(found.is_some(), "{lie:?} makes no difference");
    }
}
