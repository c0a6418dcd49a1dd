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
use gyre::config::choices::AppendFsync;
use gyre::exec::readers;
use gyre::keyspace::SessionKey;
use gyre::keyspace::digest::Digest;
use gyre::persist::aof::State;
use gyre::persist::simulated::{Lie, SimulatedDisk};

mod ends;
mod work;

use self::ends::engine;
use self::work::{Ended, OPERATIONS_MAX, SYNC_ASKS_MAX, TURN_MS_MAX};
use super::{CRASHES_A_SEED, assert_replays, find, is_replay, survive};
use crate::harness::{Engine, NOON};

/// Turns between two crashes at most.
const TURNS_MAX: u64 = 70;

/// What `everysec` may lose at most: a second until a sync begins, what the sync takes, and the turns in which both are noticed.
const LOSS_MS_MAX: i64 = 1_000 + (SYNC_ASKS_MAX + 3) as i64 * TURN_MS_MAX as i64;

/// The data after a command.
struct Sent {
    at: i64,
    digest: Digest,
    /// Of the journal.
    position: u64,
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
    /// The journal's position when `always` was not in force, or when the server had started.
    before_always: u64,
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
            before_always: 0,
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
        self.before_always = readers::position(&self.engine.server);
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
        // What was answered before the switch to `always` is synced with the first write after it: until then it has the older promise.
        let position = readers::position(&self.engine.server);
        if policy != AppendFsync::Always {
            self.before_always = position;
        } else if position > self.before_always {
            self.firm = self.sent.len() - 1;
            return;
        }
        // What WAITAOF would say.
        let told = self.sent.iter().rposition(|sent| file.is_safe(sent.position));
        let due = self.now - LOSS_MS_MAX;
        let old = self.sent.iter().rposition(|sent| sent.at <= due).filter(|_| self.everysec_since <= due);
        self.firm = self.firm.max(told.unwrap_or(0)).max(old.unwrap_or(0));
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
    assert_replays(|seed| {
        let mut simulation = Simulation::new(seed, None);
        let ended = simulation.crash_once();
        (ended, simulation.trace, simulation.disk.operations())
    });
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
