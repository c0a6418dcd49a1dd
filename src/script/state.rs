//! The state of scripts and functions: both engines, the cache, the registry, and what runs now.

use std::cell::Cell;
use std::rc::Rc;

use super::cache::Cache;
use super::engine::{Engine, Kind};
use super::library::Registry;
use super::random::Lrand48;
use crate::base::clock::Clock;
use crate::keyspace::SessionKey;
use crate::protocol::args::OwnedRequest;

/// A script or function that runs.
pub struct Running {
    /// The session that called it.
    pub caller: SessionKey,
    /// The SHA-1 of a script, the name of a function.
    pub name: Vec<u8>,
    pub is_eval: bool,
    /// By the cycle counter.
    pub started_cycles: u64,
    /// The one time that it sees, wall microseconds, once it has asked.
    pub seen_wall_us: Cell<Option<i64>>,
    /// It called a command that writes: it cannot be stopped any more.
    pub wrote: bool,
    /// Somebody asked for its end.
    pub is_killed: bool,
    /// It runs longer than `busy-reply-threshold`: others are told so.
    pub is_busy: bool,
    /// The words of the call, kept once it is busy.
    pub command: OwnedRequest,
}

impl Running {
    /// How long it has been running.
    pub fn elapsed_ms(&self, clock: &Clock) -> u64 {
        self.elapsed_ns(clock) / 1_000_000
    }

    fn elapsed_ns(&self, clock: &Clock) -> u64 {
        clock.cycles_to_ns(clock.cycles().wrapping_sub(self.started_cycles))
    }

    /// Wall time at its start, microseconds: whatever it asks and however long it runs, it sees the same. Few ask, so the
    /// system's clock is not read for the others.
    pub fn wall_us(&self, clock: &Clock) -> i64 {
        let at_start = || clock.wall_us() - (self.elapsed_ns(clock) / 1_000) as i64;
        let seen = self.seen_wall_us.get().unwrap_or_else(at_start);
        self.seen_wall_us.set(Some(seen));
        seen
    }
}

/// All there is of scripts and functions.
#[derive(Default)]
pub struct Scripts {
    eval: Option<Rc<Engine>>,
    functions: Option<Rc<Engine>>,
    pub cache: Cache,
    pub registry: Registry,
    pub running: Option<Running>,
    random: Rc<Lrand48>,
    /// `lua-enable-deprecated-api`.
    pub allows_deprecated: bool,
    /// Commands that scripts may not call may be called; only by DEBUG SET-DISABLE-DENY-SCRIPTS.
    pub allows_every_command: bool,
    /// Scripts forgotten by caches that are gone.
    evicted_before: u64,
    /// What was flushed and waits for the end of the turn to be freed.
    discarded: Vec<Discarded>,
}

/// What was flushed: the records go before the Lua that holds what they stand for.
#[derive(Default)]
struct Discarded {
    cache: Cache,
    registry: Registry,
    _engine: Option<Rc<Engine>>,
}

/// So few scripts or functions are freed at once whatever was asked, as Redis does.
const FREED_AT_ONCE_MAX: usize = 64;

impl Scripts {
    /// The Lua of scripts, made when it is first needed.
    #[inline]
    pub fn eval(&mut self) -> &Rc<Engine> {
        let (allows_deprecated, random) = (self.allows_deprecated, &self.random);
        self.eval.get_or_insert_with(|| Rc::new(Engine::new(Kind::Eval, allows_deprecated, Rc::clone(random))))
    }

    /// The Lua of functions, made when it is first needed.
    pub fn functions(&mut self) -> &Rc<Engine> {
        let (allows_deprecated, random) = (self.allows_deprecated, &self.random);
        self.functions
            .get_or_insert_with(|| Rc::new(Engine::new(Kind::Functions, allows_deprecated, Rc::clone(random))))
    }

    /// The Lua of scripts and the cache of those compiled in it.
    #[inline]
    pub fn eval_and_cache(&mut self) -> (Rc<Engine>, &mut Cache) {
        let engine = Rc::clone(self.eval());
        (engine, &mut self.cache)
    }

    /// Forgets all scripts, and the Lua that they ran in. `later`: they may be freed at the end of the turn.
    pub fn flush_scripts(&mut self, later: bool) {
        self.evicted_before += self.cache.evicted;
        let later = later && self.cache.len() > FREED_AT_ONCE_MAX;
        let (cache, engine) = (std::mem::take(&mut self.cache), self.eval.take());
        let discarded = Discarded { cache, _engine: engine, ..Discarded::default() };
        self.discarded.extend(later.then_some(discarded));
    }

    /// Forgets all libraries, and the Lua that they ran in. `later`: they may be freed at the end of the turn.
    pub fn flush_functions(&mut self, later: bool) {
        let later = later && self.registry.function_count() > FREED_AT_ONCE_MAX;
        let (registry, engine) = (std::mem::take(&mut self.registry), self.functions.take());
        let discarded = Discarded { registry, _engine: engine, ..Discarded::default() };
        self.discarded.extend(later.then_some(discarded));
    }

    /// Something waits to be freed.
    pub fn has_discarded(&self) -> bool {
        !self.discarded.is_empty()
    }

    /// Frees what was flushed; gives how many scripts, functions and Luas that were.
    pub fn free_discarded(&mut self) -> u64 {
        let count = |gone: &Discarded| gone.cache.len() + gone.registry.function_count() + 1;
        let freed = self.discarded.iter().map(|gone| count(gone) as u64).sum();
        self.discarded.clear();
        freed
    }

    /// Begins to count what is forgotten to make room anew.
    pub fn reset_evicted(&mut self) {
        (self.evicted_before, self.cache.evicted) = (0, 0);
    }

    /// Scripts forgotten to make room for others.
    pub fn evicted(&self) -> u64 {
        self.evicted_before + self.cache.evicted
    }

    /// Bytes held by the Lua of scripts and by that of functions.
    pub fn vm_bytes(&self) -> (usize, usize) {
        let of = |engine: &Option<Rc<Engine>>| engine.as_ref().map_or(0, |engine| engine.used_memory());
        (of(&self.eval), of(&self.functions))
    }

    /// True while this session's script calls a command.
    #[inline]
    pub fn is_called_by(&self, session: SessionKey) -> bool {
        self.running.as_ref().is_some_and(|running| running.caller == session)
    }

    /// The texts of all libraries, as a dump has them.
    pub fn library_codes(&self) -> Vec<&[u8]> {
        self.registry.libraries().map(|library| library.code.as_slice()).collect()
    }
}
