//! What the engine is given to do between two ends: commands, time, children, and a disk that fails now and then.

use gyre::exec::{append_only, snapshot};
use gyre::persist::ChildEnd;
use gyre::persist::simulated::Trouble;

use super::{Simulation, TURNS_MAX};

/// Operations of the disk in which the stop falls: those of some turns, or of a rewrite.
pub(super) const OPERATIONS_MAX: u64 = 90;

/// A turn's time at most: the loop comes by ten times a second at least.
pub(super) const TURN_MS_MAX: u64 = 100;

/// A sync beside the loop is asked after so often at most before it is done.
pub(super) const SYNC_ASKS_MAX: u64 = 5;

/// A child has done its work, and the server does not know yet.
pub(super) struct Ended {
    said: Vec<u8>,
    code: i32,
    turns_left: u64,
}

/// A kind of operation fails for some turns.
pub(super) struct Spell {
    pub(super) trouble: Trouble,
    pub(super) turns: std::ops::Range<u64>,
    /// It is over with the first sync that fails.
    pub(super) strikes_once: bool,
}

impl Simulation {
    /// From an operation on all fail; one before that may, too.
    pub(super) fn plan_faults(&mut self, operations: u64) {
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

    pub(super) fn plan_spell(&mut self) -> Option<Spell> {
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
    pub(super) fn turn(&mut self) -> Result<bool, String> {
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
}
