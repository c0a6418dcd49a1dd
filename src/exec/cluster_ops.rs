//! `cluster-compatibility-sample-ratio`: what a cluster would refuse is counted, on a server that is none. It is refused nothing.
//!
//! ```text
//! request ──▶ note_request      keys in several slots, all together of what EXEC will run   ─┐ once a request,
//!    └─▶ script ──▶ note_script_call   a call in another slot than what came before it      ─┘ its script with it
//!         └─▶ note_script       the flag `no-cluster`                                         each
//! command ──▶ note_command      other databases, SORT's patterns                              each
//! ```
//!
//! Nothing of this is called while the ratio is 0 (`standing::CLUSTER_SAMPLE`).

use super::command::CommandTable;
use crate::base::slot::slot_of_key;
use crate::keyspace::SessionKey;
use crate::observe::Slots;
use crate::protocol::args::Args;
use crate::script::flags::flag as script_flag;
use crate::server::Server;
use crate::spec::find_slotted;

/// Draws whether something is looked at.
fn is_drawn(server: &mut Server) -> bool {
    let percent = u64::from(server.settings.cluster_compatibility_sample_percent);
    server.random.below(100) < percent
}

/// Counts one refusal, if it is drawn.
fn count(server: &mut Server) {
    if is_drawn(server) {
        server.observe.totals.cluster_incompatible_ops += 1;
    }
}

/// `before` and the slots of all keys and shard channels that a call names.
fn slots_with(before: Slots, commands: &CommandTable, id: usize, args: Args) -> Slots {
    let mut found = Vec::new();
    find_slotted(&commands.row(id).command.spec, args.len(), |word| args.get(word), &mut found);
    found.iter().fold(before, |slots, key| slots.with(slot_of_key(args.get(key.word))))
}

/// Keeps the slots of the request at hand for its script to go on from, or counts it and looks no further.
fn settle(server: &mut Server, slots: Slots) {
    let is_refused = slots == Slots::Several;
    server.observe.totals.cluster_incompatible_ops += u64::from(is_refused);
    server.observe.sampled_slots = (!is_refused).then_some(slots);
}

/// A client's request that is about to run, or to be queued.
pub fn note_request(server: &mut Server, commands: &CommandTable, session: SessionKey, id: usize, args: Args) {
    server.observe.sampled_slots = None;
    if !is_drawn(server) {
        return;
    }
    let mut slots = slots_with(Slots::None, commands, id, args);
    if commands.row(id).command.spec.name == "EXEC"
        && let Some(transaction) = server.sessions.get(session).and_then(|session| session.transaction.as_ref())
    {
        for (id, queued) in &transaction.queue {
            slots = slots_with(slots, commands, *id, queued.args());
        }
    }
    settle(server, slots);
}

/// A script or function of these flags (`script::flags::flag`) begins to run.
pub fn note_script(server: &mut Server, flags: u32) {
    if flags & script_flag::NO_CLUSTER != 0 {
        count(server);
    }
}

/// What a script calls. It may go from slot to slot if its flags allow that, but a single call may not.
pub fn note_script_call(server: &mut Server, commands: &CommandTable, flags: u32, id: usize, args: Args) {
    let Some(before) = server.observe.sampled_slots else { return };
    let may_wander = flags & (script_flag::ALLOW_CROSS_SLOT | script_flag::UNDECLARED) != 0;
    let own = slots_with(Slots::None, commands, id, args);
    let slots = match own {
        Slots::None => before,
        Slots::One(_) if may_wander => before,
        Slots::One(slot) => before.with(slot),
        Slots::Several => own,
    };
    settle(server, slots);
}

/// What handlers found in their words that a cluster does not know: other databases, patterns of foreign keys.
pub fn note_command(server: &mut Server, refusals: u32) {
    (0..refusals).for_each(|_| count(server));
}
