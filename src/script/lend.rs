//! The server, lent to a script for the time of its run.
//!
//! Functions given to Lua live as long as Lua does, and cannot hold what is borrowed for one call. So the host lies in a
//! place of the thread while a script runs, and a function takes it out of there for the time in which it needs it.
//!
//! Invariant: the place holds a pointer only within `lend`, which has the host borrowed exclusively and does not touch it;
//! `with` takes the pointer out while it is in use, so that there is one user at a time.

use std::cell::Cell;
use std::ptr::NonNull;

use crate::protocol::args::Args;
use crate::protocol::output::Output;

/// What a script is told when it asks whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breath {
    GoOn,
    /// It is to end with this error (code first).
    End(&'static str),
}

/// For whom effects are, as `redis.set_repl` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journals {
    pub to_file: bool,
    pub to_replicas: bool,
}

impl Journals {
    pub const ALL: Journals = Journals { to_file: true, to_replicas: true };
}

/// What a script asks of the server.
pub trait Host {
    /// Runs a command; the reply, an error too, goes to `out` in the protocol that the script chose. `journals`: for
    /// whom its effects are.
    fn call(&mut self, words: Args, is_resp3: bool, journals: Journals, out: &mut Output);

    /// True when these words call a command that the user may call; `None` when there is no such command.
    fn may_call(&mut self, words: Args) -> Option<bool>;

    /// Asked every so many instructions: others are served meanwhile if it takes long.
    fn breathe(&mut self) -> Breath;
}

thread_local! {
    static PLACE: Cell<Option<NonNull<dyn Host>>> = const { Cell::new(None) };
}

/// Puts back what lay in the place, however it is left.
struct Restore(Option<NonNull<dyn Host>>);

impl Drop for Restore {
    fn drop(&mut self) {
        PLACE.set(self.0.take());
    }
}

/// Lends `host` to everything that `work` runs.
pub fn lend<R>(host: &mut dyn Host, work: impl FnOnce() -> R) -> R {
    let pointer: NonNull<dyn Host + '_> = NonNull::from(host);
    // SAFETY: only the lifetime is left out. The pointer is gone from the place before `host`'s borrow ends: `Restore` takes
    // it away when this function is left, and nobody can copy it out of `with`.
    let pointer: NonNull<dyn Host + 'static> = unsafe { std::mem::transmute(pointer) };
    let _restore = Restore(PLACE.replace(Some(pointer)));
    work()
}

/// Hands the lent host to `work`; `None` when there is none, or when it is in use.
pub fn with<R>(work: impl FnOnce(&mut dyn Host) -> R) -> Option<R> {
    let mut restore = Restore(PLACE.take());
    let pointer = restore.0.as_mut()?;
    // SAFETY: it points to what `lend` has borrowed exclusively and leaves alone, and while it is out of the place nobody else
    // can reach it.
    Some(work(unsafe { pointer.as_mut() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(u32);

    impl Host for Counter {
        fn call(&mut self, _: Args, _: bool, _: Journals, _: &mut Output) {
            self.0 += 1;
        }
        fn may_call(&mut self, _: Args) -> Option<bool> {
            None
        }
        fn breathe(&mut self) -> Breath {
            self.0 += 10;
            Breath::GoOn
        }
    }

    #[test]
    fn a_host_is_there_while_it_is_lent_and_for_one_at_a_time() {
        assert_eq!(with(|host| host.breathe()), None);
        let mut counter = Counter(0);
        lend(&mut counter, || {
            assert_eq!(with(|host| host.breathe()), Some(Breath::GoOn));
            with(|_| assert_eq!(with(|host| host.breathe()), None, "it is in use"));
            assert_eq!(with(|host| host.breathe()), Some(Breath::GoOn));
        });
        assert_eq!(counter.0, 20);
        assert_eq!(with(|host| host.breathe()), None);
    }

    #[test]
    fn lending_may_be_nested() {
        let (mut outer, mut inner) = (Counter(0), Counter(0));
        lend(&mut outer, || {
            lend(&mut inner, || with(|host| host.breathe()));
            with(|host| host.breathe());
        });
        assert_eq!((outer.0, inner.0), (10, 10));
    }
}
