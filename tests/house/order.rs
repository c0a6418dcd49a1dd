//! The order of the loop's phases and of the gates before a command. Both are lists in the code; here stands why they are as they are.

use gyre::event_loop::PHASES;
use gyre::exec::gates::GATES;

/// Holds a list to pairs of (earlier, later, why); every name must exist, and each may stand once.
fn check(names: &[&str], rules: &[(&str, &str, &str)]) {
    let place = |name: &str| {
        let found: Vec<usize> = (0..names.len()).filter(|&i| names[i] == name).collect();
        assert_eq!(found.len(), 1, "`{name}` stands {} times in {names:?}", found.len());
        found[0]
    };
    for (earlier, later, why) in rules {
        assert!(place(earlier) < place(later), "`{earlier}` must come before `{later}`: {why}");
    }
    for name in names {
        let is_ruled = rules.iter().any(|(earlier, later, _)| earlier == name || later == name);
        assert!(is_ruled, "`{name}` has no rule here: say what it must precede or follow, and why");
    }
}

#[test]
fn phases_come_in_their_order() {
    let names: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    assert_eq!(names.first(), Some(&"poll"), "a turn begins with what woke it");
    check(
        &names,
        &[
            ("poll", "clock", "the time of a turn is the time at which it woke, not at which it fell asleep"),
            ("clock", "read", "every command of a turn sees one time"),
            ("signals", "read", "a command that follows a signal knows of the shutdown"),
            ("children", "read", "a command that follows a child's end sees its outcome"),
            ("links", "read", "who waits for another server's answer has it before he is read further"),
            ("accept", "read", "a new client's first request is met in the turn that accepted it"),
            ("load", "timers", "what a dump brought may be due at once"),
            ("read", "load", "clients are answered between two pieces of a dump"),
            ("read", "timers", "expiry's share is measured by the commands that ran"),
            ("timers", "before sleep", "what expired goes to the journal before the replies of this turn leave"),
            ("free", "before sleep", "work in slices is done while the turn still runs"),
            ("before sleep", "write", "no reply leaves before the journal has what it acknowledges"),
            ("write", "close", "a client that is to be closed gets its last reply"),
            ("close", "leave", "leaving comes last"),
        ],
    );
}

#[test]
fn gates_come_in_their_order() {
    let names: Vec<&str> = GATES.iter().map(|gate| gate.name).collect();
    assert_eq!(names.last(), Some(&"transaction"), "only what every other gate lets pass is queued");
    check(
        &names,
        &[
            ("protected", "authentication", "a command that is switched off says so to everybody"),
            ("authentication", "not in transactions", "a stranger learns nothing of the server's state"),
            ("not in transactions", "permissions", "what no transaction may hold is refused whoever asks, as in Redis"),
            ("permissions", "clients", "who may not call a command does not decide who has to go"),
            ("permissions", "memory", "who may not call a command learns nothing of the server's state by it"),
            ("clients", "memory", "what clients give back need not be taken from the data"),
            ("memory", "tracking", "what is evicted is told before more is forgotten"),
            ("tracking", "writes", "a command that is refused makes room all the same, as in Redis"),
            ("memory", "writes", "the reply to a write names memory first, as Redis does"),
            ("writes", "read only", "as in Redis"),
            ("read only", "subscribed", "what a replica does not take is refused whoever sends it"),
            ("subscribed", "stale", "as in Redis"),
            ("stale", "loading", "a replica that has no master yet says so first, as in Redis"),
            ("busy", "replica", "a replica is told of a script before it is told what it may not ask"),
            ("replica", "paused", "a replica is not held: it would not acknowledge"),
            ("writes", "subscribed", "a write that cannot be kept is refused whoever sends it"),
            ("subscribed", "loading", "what a subscriber may not say does not depend on the data"),
            ("loading", "busy", "while loading, LOADING is the answer"),
            ("busy", "paused", "a busy server answers at once instead of holding the client"),
            ("paused", "migrating", "a pause holds everybody, whatever his keys"),
            ("migrating", "transaction", "EXEC waits with what it queued; what is queued needs no key yet"),
            ("paused", "transaction", "a held command is met again as it came, not queued twice"),
        ],
    );
}
