//! The append-only file in the simulation: of what was acknowledged nothing is lost (`always`), or nothing that is older than the
//! policy promises (`everysec`); and nothing is there that was never sent.
//!
//! ```text
//! a turn:   commands ─▶ children, rewrites that are due ─▶ file and disk ─▶ acknowledged      sent: the data after each command
//!           while a disk fails now and then: one operation, a kind of them for a while, all from one on
//! the end:  leaves well · is killed (what the system has stays, but for what a sync failed for) · the machine crashes
//! a start:  may meet the same faults; then the data must be that after some command, no earlier than the last one that was `firm`
//! ```
//!
//! A start may be refused in two cases only: a fault of the disk is met in it; or writes that no sync had covered yet have come to the
//! disk with a gap in them. Then the message names file and offset, and the checker must be able to cut off what is behind the gap.

use gyre::base::random::Random;
use gyre::config::Settings;
use gyre::config::choices::AppendFsync;
use gyre::exec::{append_only, readers, snapshot};
use gyre::keyspace::SessionKey;
use gyre::keyspace::digest::Digest;
use gyre::persist::aof::State;
use gyre::persist::aof::check::{self, Task};
use gyre::persist::simulated::{Lie, SimulatedDisk, Trouble};
use gyre::persist::{ChildEnd, LoadFailure};
use gyre::server::ShutdownRequest;
use std::path::Path;

use super::{CRASHES_A_SEED, find, is_replay, survive};
use crate::harness::{Engine, NOON};

/// Turns between two crashes at most.
const TURNS_MAX: u64 = 70;

/// Operations of the disk in which the stop falls: those of some turns, or of a rewrite.
const OPERATIONS_MAX: u64 = 90;

/// Operations of a start, about.
const START_OPERATIONS: u64 = 16;

/// After a fault comes a start without one, after a gap one that is mended.
const STARTS_MAX: usize = 4;

/// A turn's time at most: the loop comes by ten times a second at least.
const TURN_MS_MAX: u64 = 100;

/// A sync beside the loop is asked after so often at most before it is done.
const SYNC_ASKS_MAX: u64 = 5;

/// What `everysec` may lose at most: a second until a sync begins, what the sync takes, and the turns in which both are noticed.
const LOSS_MS_MAX: i64 = 1_000 + (SYNC_ASKS_MAX + 3) as i64 * TURN_MS_MAX as i64;

const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";

/// The data after a command.
struct Sent {
    at: i64,
    digest: Digest,
    /// Of the journal.
    position: u64,
}

/// A child has done its work, and the server does not know yet.
struct Ended {
    said: Vec<u8>,
    code: i32,
    turns_left: u64,
}

/// A kind of operation fails for some turns.
struct Spell {
    trouble: Trouble,
    turns: std::ops::Range<u64>,
    /// It is over with the first sync that fails.
    strikes_once: bool,
}

/// How often it came to what is to be tried.
#[derive(Debug, Default)]
struct Reached {
    /// Rewrites that put a base in place, and syncs that failed.
    rewrites: u64,
    failed_syncs: u64,
    /// Servers that went on after a sync that failed, all healed.
    healed: u64,
    /// Killed with something on the way to the disk that a sync had failed for.
    killed_in_doubt: u64,
    left_well: u64,
    /// Starts that met a fault of the disk, and starts that were refused for a gap.
    broken_starts: u64,
    gaps: u64,
}

struct Simulation {
    random: Random,
    disk: SimulatedDisk,
    /// What the configuration file says.
    policy: AppendFsync,
    /// The settings of the file change while the server runs.
    switches: bool,
    engine: Engine,
    session: SessionKey,
    now: i64,
    sent: Vec<Sent>,
    /// Before the command of this number nothing may be lost; and, as long as the machine lives, before that one.
    firm: usize,
    given: usize,
    /// Since then `everysec` has held without a break.
    everysec_since: i64,
    child: Option<Ended>,
    reached: Reached,
    trace: String,
}

impl Simulation {
    fn new(seed: u64, lie: Option<Lie>) -> Simulation {
        let (mut random, disk) = (Random::new(seed), SimulatedDisk::default());
        if let Some(lie) = lie {
            disk.plant(lie);
        }
        let policies = [AppendFsync::Always, AppendFsync::EverySecond, AppendFsync::Always, AppendFsync::No];
        let policy = policies[random.below(4) as usize];
        let switches = random.below(3) == 0;
        let engine = engine(&disk, policy, NOON, &mut random);
        let mut simulation = Simulation {
            random,
            disk,
            policy,
            switches,
            engine,
            session: SessionKey(0),
            now: NOON,
            sent: Vec::new(),
            firm: 0,
            given: 0,
            everysec_since: NOON,
            child: None,
            reached: Reached::default(),
            trace: format!("{policy:?}{}", if switches { ", switching" } else { "" }),
        };
        simulation.engine.start().expect("a new server starts on an empty disk");
        simulation.begin();
        simulation
    }

    /// A server has started: what it has loaded is firm.
    fn begin(&mut self) {
        self.session = self.engine.connect();
        self.sent.clear();
        self.note_sent();
        (self.firm, self.given, self.everysec_since, self.child) = (0, 0, self.now, None);
    }

    fn note_sent(&mut self) {
        let (digest, position) = (Digest::of_all(&self.engine.server.keyspace), readers::position(&self.engine.server));
        self.sent.push(Sent { at: self.now, digest, position });
    }

    /// Work until the disk stops or the turns are over, an end, and a start; then the judgement.
    fn crash_once(&mut self) -> Result<(), String> {
        self.plan_faults(OPERATIONS_MAX);
        let mut spell = self.plan_spell();
        let failures = self.engine.server.persist.aof.sync_failures;
        for turn in 0..self.random.below(TURNS_MAX + 1) {
            let trouble = spell.as_ref().filter(|spell| spell.turns.contains(&turn)).map(|spell| spell.trouble);
            self.disk.trouble.set(trouble);
            if self.disk.has_stopped() || !self.turn()? {
                break;
            }
            let has_struck = self.engine.server.persist.aof.sync_failures > failures;
            spell = spell.filter(|spell| !(spell.strikes_once && has_struck));
        }
        let file = &self.engine.server.persist.aof;
        let failed = file.sync_failures - failures;
        self.reached.failed_syncs += failed;
        self.reached.healed += u64::from(failed > 0 && file.fault().is_none() && file.state == State::On);
        self.end();
        self.start()?;
        self.judge()?;
        self.begin();
        Ok(())
    }

    /// From an operation on all fail; one before that may, too.
    fn plan_faults(&mut self, operations: u64) {
        let now = self.disk.operations();
        self.disk.recover();
        if self.random.below(4) > 0 {
            self.disk.stop_at(now + 1 + self.random.below(operations));
        }
        if self.random.below(2) == 0 {
            self.disk.fail_at(now + 1 + self.random.below(operations));
        }
        self.disk.slow_syncs(self.random.below(SYNC_ASKS_MAX + 1) as u32);
    }

    fn plan_spell(&mut self) -> Option<Spell> {
        let trouble = match self.random.below(16) {
            0 => Trouble::Create,
            1 => Trouble::Write(self.random.below(3_000)),
            2 | 3 => Trouble::Sync,
            4 => Trouble::Rename,
            5 => Trouble::Fork,
            _ => return None,
        };
        let (begin, strikes_once) = (self.random.below(TURNS_MAX / 2), self.random.below(4) > 0);
        Some(Spell { trouble, turns: begin..begin + 1 + self.random.below(TURNS_MAX), strikes_once })
    }

    /// A turn of the loop; false if the server leaves.
    fn turn(&mut self) -> Result<bool, String> {
        for _ in 0..self.random.between(1, 3) {
            self.command()?;
        }
        self.periodic();
        // Before any reply leaves.
        if self.engine.end_turn().is_err() {
            return Ok(false);
        }
        self.engine.replies(self.session);
        self.note_firm();
        let ms = self.random.below(TURN_MS_MAX + 1);
        self.now += ms as i64;
        self.engine.pass(ms);
        self.engine.server.keyspace.set_now(self.now);
        Ok(true)
    }

    fn command(&mut self) -> Result<(), String> {
        let line = self.line();
        let dirty = self.engine.server.keyspace.dirty;
        let reply = self.engine.ask(self.session, &line);
        self.disk.note(format_args!("      {line:?} {}: {reply:?}", self.sent.len()));
        if reply.contains("-ERR unknown") || reply.contains("-ERR wrong") || reply.contains("-WRONGTYPE") {
            return Err(format!("{line}: {reply}"));
        }
        if self.engine.server.keyspace.dirty != dirty {
            self.note_sent();
        }
        self.note_child();
        Ok(())
    }

    fn line(&mut self) -> String {
        let (key, number) = (self.random.below(4), self.random.below(1000));
        match self.random.below(20) {
            0 | 1 => format!("SET string{key} {number}"),
            2 => format!("SET big{key} {number}{}", "x".repeat(self.random.below(500) as usize)),
            3 | 4 => format!("INCRBY counter{key} {number}"),
            5 => format!("RPUSH list{key} {number} element"),
            6 => format!("LPOP list{key} 3"),
            7 => format!("HSET hash{key} field{} {number}", number % 7),
            8 => format!("ZADD zset{key} {number} member{}", number % 7),
            9 if number % 3 == 0 => format!("SPOP set{key} 2"),
            9 => format!("SADD set{key} m{} n{}", number % 7, number % 5),
            10 => format!("XADD stream{key} MAXLEN 5 * field {number}"),
            11 => format!("DEL big{key} list{key} string{key}"),
            12 => format!("MULTI\r\nINCR counter{key}\r\nSET string{key} {number}\r\nRPUSH list{key} {number}\r\nEXEC"),
            13 => format!("EVAL \"redis.call('INCR','counter{key}') redis.call('SET','big{key}','{number}')\" 0"),
            14 => format!("SET string{key} {number} PX 100000000"),
            15 if number % 4 == 0 => format!("SELECT {}", number % 2),
            16 if number % 3 == 0 => "BGREWRITEAOF".to_owned(),
            17 if number % 8 == 0 => "BGSAVE".to_owned(),
            17 if number % 8 == 1 => "SAVE".to_owned(),
            17 if number % 40 == 2 => "FLUSHALL".to_owned(),
            18 if self.switches && number % 3 == 0 => {
                let policies = ["always", "everysec", "always", "no"];
                format!("CONFIG SET appendfsync {}", policies[self.random.below(4) as usize])
            }
            18 if self.switches && number % 3 == 1 => {
                let is_on = self.engine.server.settings.append_only;
                format!("CONFIG SET appendonly {}", if is_on && number % 2 == 0 { "no" } else { "yes" })
            }
            _ => format!("GET string{key}"),
        }
    }

    /// What the loop does now and then: it hears of the ends of children, and begins rewrites.
    fn periodic(&mut self) {
        match &mut self.child {
            Some(Ended { turns_left: 0, .. }) => self.end_child(),
            Some(ended) => ended.turns_left -= 1,
            None => {}
        }
        append_only::rewrite_if_due(&mut self.engine.server, &mut self.engine.world);
        self.note_child();
    }

    /// A child was begun, or is gone.
    fn note_child(&mut self) {
        if let Some((said, code)) = self.engine.world.disk.children.pop() {
            self.engine.world.disk.children.clear();
            self.child = Some(Ended { said, code, turns_left: self.random.below(8) });
        }
        if self.engine.server.persist.child.is_none() {
            self.child = None;
        }
    }

    fn end_child(&mut self) {
        let (Some(Ended { said, code, .. }), Some(child)) = (self.child.take(), &mut self.engine.server.persist.child)
        else {
            return;
        };
        child.hear(&said, self.now);
        let bases = self.engine.server.persist.aof.manifest.base_seq;
        snapshot::child_ended(&mut self.engine.server, &mut self.engine.world, ChildEnd::Left(code));
        self.reached.rewrites += u64::from(self.engine.server.persist.aof.manifest.base_seq > bases);
    }

    /// The replies of a turn have left: what must be there from now on.
    fn note_firm(&mut self) {
        let (file, policy) = (&self.engine.server.persist.aof, self.engine.server.settings.append_fsync);
        // Between switching on and the first base nothing is promised; with a fault, nothing new is acknowledged.
        let is_kept = file.state == State::On && file.fault().is_none();
        if !is_kept || policy != AppendFsync::EverySecond {
            self.everysec_since = self.now;
        }
        if !is_kept {
            return;
        }
        if policy == AppendFsync::Always {
            self.firm = self.sent.len() - 1;
            return;
        }
        // What WAITAOF would say.
        let told = self.sent.iter().rposition(|sent| file.is_safe(sent.position));
        let due = self.now - LOSS_MS_MAX;
        let old = self.sent.iter().rposition(|sent| sent.at <= due).filter(|_| self.everysec_since <= due);
        self.firm = self.firm.max(told.unwrap_or(0)).max(old.unwrap_or(0));
    }

    /// The server leaves, is killed, or the machine crashes.
    fn end(&mut self) {
        let way = self.random.below(8);
        if way == 0 && !self.disk.has_stopped() {
            self.leave();
        }
        if way <= 3 { self.kill() } else { self.crash() }
    }

    /// SHUTDOWN.
    fn leave(&mut self) {
        let request = ShutdownRequest { save: Some(false), force: false, now: false, asked_by: None };
        self.trace.push_str(" leaves");
        if !snapshot::prepare_to_leave(&mut self.engine.server, &mut self.engine.world, request) {
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
    fn start(&mut self) -> Result<(), String> {
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

    /// The data must be that after a command, no earlier than the firm one.
    fn judge(&mut self) -> Result<(), String> {
        let data = Digest::of_all(&self.engine.server.keyspace);
        let found = self.sent.iter().rposition(|sent| sent.digest == data);
        let firm = self.firm.max(self.given);
        self.trace.push_str(&format!(" {found:?} of {} ({firm} firm);", self.sent.len()));
        match found {
            Some(found) if found >= firm => Ok(()),
            Some(_) => Err("what was promised is lost".to_owned()),
            None => Err("what is there was never sent".to_owned()),
        }
    }
}

fn engine(disk: &SimulatedDisk, policy: AppendFsync, now: i64, random: &mut Random) -> Engine {
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

/// One seed; an error is what went wrong.
fn run(seed: u64, lie: Option<Lie>) -> Result<Reached, String> {
    let mut simulation = Simulation::new(seed, lie);
    if is_replay() {
        simulation.disk.tell_story();
    }
    for crash in 1..=CRASHES_A_SEED {
        let ended = simulation.crash_once();
        ended.map_err(|text| {
            let story = simulation.disk.story().join("\n");
            format!("crash {crash}: {text} [{}]\n{story}", simulation.trace)
        })?;
    }
    Ok(simulation.reached)
}

#[test]
fn what_was_promised_survives_every_crash() {
    let all = survive(|seed| run(seed, None));
    let sum = |count: fn(&Reached) -> u64| all.iter().map(count).sum::<u64>();
    let reached = [
        ("rewrites", sum(|reached| reached.rewrites)),
        ("failed syncs", sum(|reached| reached.failed_syncs)),
        ("healed", sum(|reached| reached.healed)),
        ("killed in doubt", sum(|reached| reached.killed_in_doubt)),
        ("left well", sum(|reached| reached.left_well)),
        ("starts that met a fault", sum(|reached| reached.broken_starts)),
        ("starts refused for a gap", sum(|reached| reached.gaps)),
    ];
    println!("{reached:?}");
    // One seed alone need not come to everything.
    let missing: Vec<_> = reached.iter().filter(|(_, count)| *count == 0).collect();
    assert!(all.len() < 100 || missing.is_empty(), "never tried: {missing:?}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..5 {
        let trace = |seed| {
            let mut simulation = Simulation::new(seed, None);
            let ended = simulation.crash_once();
            (ended, simulation.trace, simulation.disk.operations())
        };
        assert_eq!(trace(seed), trace(seed));
    }
}

#[test]
fn planted_mistakes_are_found() {
    let lies =
        [Lie::FolderSync, Lie::SyncBeforeRename, Lie::SyncBeforeReply, Lie::ShortWrite, Lie::TornTail, Lie::WriteAgain];
    for lie in lies {
        let found = find(|seed| run(seed, Some(lie)));
        println!("{lie:?}: {found:?}");
        assert!(found.is_some(), "{lie:?} makes no difference");
    }
}
