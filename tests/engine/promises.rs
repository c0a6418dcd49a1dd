//! The append-only file in the simulation: of what was acknowledged nothing is lost (`always`), or nothing that is older than the
//! policy promises (`everysec`); and nothing is there that was never sent.
//!
//! The data after each command is known by its digest. After a crash it must be that after some command: no earlier than the last one
//! that was promised, no later than the last one that was sent.

use gyre::base::random::Random;
use gyre::config::Settings;
use gyre::config::choices::AppendFsync;
use gyre::exec::{append_only, snapshot};
use gyre::keyspace::SessionKey;
use gyre::persist::aof::check::{self, Task};
use gyre::persist::simulated::{Lie, SimulatedDisk};
use gyre::persist::{ChildEnd, LoadFailure};

use crate::harness::{Engine, NOON};
use gyre::keyspace::digest::Digest;
use std::path::Path;

/// Operations of the disk in which the stop falls: those of some turns, or of a rewrite.
const OPERATIONS_MAX: u64 = 80;

/// Turns between two crashes at most.
const TURNS_MAX: u64 = 60;

/// What `everysec` may lose at most: a second until the sync begins, and two for which it may be put off.
const LOSS_MS_MAX: i64 = 3_000;

/// A turn's time at most: the loop comes by ten times a second at least.
const TURN_MS_MAX: u64 = 100;

/// The data after a command that was sent at a time.
struct Sent {
    at: i64,
    line: String,
    parts: Vec<(String, String)>,
    digest: String,
}

pub struct Simulation {
    random: Random,
    pub disk: SimulatedDisk,
    policy: AppendFsync,
    engine: Engine,
    session: SessionKey,
    now: i64,
    sent: Vec<Sent>,
    /// The last of them that was acknowledged.
    acknowledged: usize,
    /// What the child that rewrote has sent, its code, and for how many turns that is still on its way.
    child: Option<(Vec<u8>, i32, u64)>,
    /// Starts that were refused until the checker had cut off what no crash-proof reader may guess at.
    pub mended: u64,
    trace: String,
}

impl Simulation {
    pub fn new(seed: u64, policy: AppendFsync, lie: Option<Lie>) -> Simulation {
        let disk = SimulatedDisk::default();
        if let Some(lie) = lie {
            disk.plant(lie);
        }
        let (mut random, now) = (Random::new(seed), NOON);
        let engine = engine(&disk, policy, now, &mut random);
        let mut simulation = Simulation {
            random,
            disk,
            policy,
            engine,
            session: SessionKey(0),
            now,
            sent: Vec::new(),
            acknowledged: 0,
            child: None,
            mended: 0,
            trace: String::new(),
        };
        simulation.engine.start().expect("a new server starts");
        simulation.session = simulation.engine.connect();
        simulation.sent = vec![Sent { at: now, digest: digest(&simulation.engine), line: String::new(), parts: Vec::new() }];
        simulation
    }

    /// A turn of the loop with some commands in it; false if the server leaves.
    fn turn(&mut self) -> bool {
        let lines = self.lines();
        self.engine.feed(self.session, lines.as_bytes());
        self.engine.settle();
        let parts = parts(&self.engine);
        self.sent.push(Sent { at: self.now, digest: digest(&self.engine), line: lines.chars().take(60).collect(), parts });
        self.periodic();
        // Before any reply leaves.
        if self.engine.end_turn().is_err() {
            return false;
        }
        let replies = String::from_utf8_lossy(&self.engine.replies(self.session)).into_owned();
        if !replies.contains("-MISCONF") {
            self.acknowledged = self.sent.len() - 1;
        }
        self.advance();
        true
    }

    fn advance(&mut self) {
        let ms = self.random.below(TURN_MS_MAX + 1);
        self.now += ms as i64;
        self.engine.server.clock.advance_ms(ms);
        self.engine.server.now = self.now;
        self.engine.server.keyspace.set_now(self.now);
    }

    /// What the loop does now and then: it begins rewrites and hears of their ends.
    fn periodic(&mut self) {
        match self.child.take() {
            Some((said, code, 0)) => {
                if let Some(child) = self.engine.server.persist.child.as_mut() {
                    child.hear(&said, self.now);
                }
                snapshot::child_ended(&mut self.engine.server, &mut self.engine.world, ChildEnd::Left(code));
            }
            Some((said, code, turns)) => self.child = Some((said, code, turns - 1)),
            None => {
                append_only::rewrite_if_due(&mut self.engine.server, &mut self.engine.world);
                let child = self.engine.world.disk.children.pop();
                self.child = child.map(|(said, code)| (said, code, self.random.below(6)));
            }
        }
    }

    fn lines(&mut self) -> String {
        let (key, number) = (self.random.below(5), self.random.below(1000));
        let big = "x".repeat(self.random.below(700) as usize);
        match self.random.below(14) {
            0 | 1 => format!("SET string{key} {number}\r\n"),
            2 => format!("SET big{key} {number}{big}\r\n"),
            3 => format!("INCRBY counter{key} {number}\r\n"),
            4 => format!("RPUSH list{key} {number} element\r\n"),
            5 => format!("LPOP list{key}\r\n"),
            6 => format!("HSET hash{key} field{number} value\r\n"),
            7 => format!("ZADD zset{key} {number} member{number}\r\n"),
            8 if number % 3 == 0 => format!("SPOP set{key} 2\r\n"),
            8 => format!("SADD set{key} {number} m{number} n{number}\r\n"),
            9 => format!("XADD stream{key} * field {number}\r\n"),
            10 => format!("DEL big{key} list{key} string{key}\r\n"),
            11 => format!(
                "MULTI\r\nINCR counter{key}\r\nSET string{key} {number}\r\nRPUSH list{key} {number}\r\nEXEC\r\n"
            ),
            12 => format!("SET string{key} {number} PX 100000000\r\n"),
            _ if self.random.below(3) == 0 => "BGREWRITEAOF\r\n".to_owned(),
            _ => format!("GET string{key}\r\n"),
        }
    }

    /// The first command before which nothing may be lost.
    fn promised(&self) -> usize {
        match self.policy {
            AppendFsync::Always => self.acknowledged,
            _ => {
                let old_enough = self.sent.iter().rposition(|sent| sent.at + LOSS_MS_MAX <= self.now).unwrap_or(0);
                old_enough.min(self.acknowledged)
            }
        }
    }

    /// Work until the disk stops, a crash, and a restart; then the judgement.
    pub fn crash_once(&mut self) -> Result<(), String> {
        let now = self.disk.operations();
        self.disk.stop_at(now + 1 + self.random.below(OPERATIONS_MAX));
        let fails = self.random.below(3) == 0;
        let at = now + 1 + self.random.below(OPERATIONS_MAX);
        let fails = fails && self.policy == AppendFsync::Always && std::env::var("SIM_NOFAIL").is_err();
        if fails {
            self.disk.fail_at(at);
        }
        self.trace.push_str(&format!(" | from {now} fail {}", if fails { at } else { 0 }));
        for _ in 0..self.random.below(TURNS_MAX + 1) {
            if self.disk.has_stopped() || !self.turn() {
                break;
            }
        }
        let is_killed = self.random.below(4) == 0;
        self.trace.push_str(&format!(" to {} {} sent {} ack {}", self.disk.operations(), if is_killed { "killed" } else { "crashed" }, self.sent.len(), self.acknowledged));
        if is_killed {
            self.disk.kill();
        } else {
            self.disk.crash(&mut self.random);
        }
        self.engine = engine(&self.disk, self.policy, self.now, &mut self.random);
        if let Err(LoadFailure(lines)) = self.engine.start() {
            self.mend(&lines)?;
        }
        let found = self.judge()?;
        // What a killed process left in the system's hands is there, but a crash of the machine may still take it.
        let first = if is_killed { self.promised() } else { found };
        self.sent.truncate(found + 1);
        self.sent.drain(..first);
        (self.acknowledged, self.child) = (0, None);
        self.session = self.engine.connect();
        Ok(())
    }

    /// The command after which the data is as it is now.
    fn judge(&self) -> Result<usize, String> {
        let (after, promised) = (digest(&self.engine), self.promised());
        // The latest, if there are several: what did not change anything may have been written all the same.
        if let Some(found) = self.sent.iter().rposition(|sent| sent.digest == after).filter(|&found| found >= promised)
        {
            return Ok(found);
        }
        let found = parts(&self.engine);
        for sent in self.sent.iter().rev().take(4) {
            let differ: Vec<&(String, String)> = sent.parts.iter().filter(|part| !found.contains(part)).chain(found.iter().filter(|part| !sent.parts.contains(part))).collect();
            println!("after {:?}: {differ:?}", sent.line);
        }
        let is_older = self.sent.iter().any(|sent| sent.digest == after);
        Err(if is_older { "what was promised is lost".to_owned() } else { "what is there was never sent".to_owned() })
    }

    /// The server has refused to start: the checker must be able to mend it.
    fn mend(&mut self, lines: &[String]) -> Result<(), String> {
        let mut said = Vec::new();
        let manifest = Path::new("appendonlydir/appendonly.aof.manifest");
        let mended = check::check(manifest, Task::Fix, &mut self.disk, self.now, &mut said, &mut || true);
        let said = String::from_utf8_lossy(&said).into_owned();
        if !mended.is_ok_and(|is_sound| is_sound) {
            return Err(format!("it does not start ({}), and cannot be mended: {said}", lines.join(" / ")));
        }
        self.mended += 1;
        self.engine = engine(&self.disk, self.policy, self.now, &mut self.random);
        self.engine.start().map_err(|LoadFailure(lines)| format!("mended, it does not start: {}", lines.join(" / ")))
    }
}

fn engine(disk: &SimulatedDisk, policy: AppendFsync, now: i64, random: &mut Random) -> Engine {
    let settings = Settings {
        append_only: true,
        append_fsync: policy,
        aof_use_rdb_preamble: random.below(2) == 0,
        aof_timestamps: random.below(2) == 0,
        aof_rewrite_bytes_min: 4_096,
        ..Settings::default()
    };
    let mut engine = Engine::with(settings);
    engine.world.disk = disk.clone();
    engine.server.clock.advance_ms((now - NOON) as u64);
    engine.server.now = now;
    engine.server.keyspace.set_now(now);
    engine
}

/// One seed; an error is what went wrong, else how often the checker had to help.
pub fn run(seed: u64, policy: AppendFsync, lie: Option<Lie>) -> Result<u64, String> {
    let mut simulation = Simulation::new(seed, policy, lie);
    for crash in 1..=CRASHES_A_SEED {
        let ended = simulation.crash_once();
        let ended = ended.map_err(|text| format!("{text} [{}] mended {}", simulation.trace, simulation.mended));
        ended.map_err(|text| format!("seed {seed}, crash {crash}, {policy:?}: {text} (make simulate SEED={seed})"))?;
    }
    Ok(simulation.mended)
}

const CRASHES_A_SEED: usize = 4;

fn parts(engine: &Engine) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = engine.server.keyspace.db(0).iter_all().map(|entry| {
        (String::from_utf8_lossy(entry.key()).into_owned(), format!("{} {:?}", Digest::of_value(entry).to_hex(), entry.deadline()))
    }).collect();
    all.sort();
    all
}

fn digest(engine: &Engine) -> String {
    Digest::of_all(&engine.server.keyspace).to_hex()
}

fn all(policy: AppendFsync) {
    let seed = std::env::var("SIM_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = seed.map_or(0..75, |seed| seed..seed + 1);
    let faults: Vec<String> = seeds.filter_map(|seed| run(seed, policy, None).err()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn promises_always() {
    all(AppendFsync::Always);
}

#[test]
fn promises_everysec() {
    all(AppendFsync::EverySecond);
}

#[test]
fn promises_lies() {
    for lie in [Lie::FolderSync, Lie::SyncBeforeRename, Lie::SyncBeforeReply, Lie::ShortWrite, Lie::TornTail] {
        let found = (0..200).find_map(|seed| run(seed, AppendFsync::Always, Some(lie)).err());
        println!("{lie:?}: {found:?}");
    }
}
