//! MIGRATE: its row and its words; what it does is in `exec::migrate`.

use crate::base::clock::Ms;
use crate::exec::{Call, Command, Outcome, Stop, fault, migrate};
use crate::keyspace::Key;
use crate::server::migrations::{Order, Target};
use crate::server::{Server, World};
use crate::spec::flag::{MOVABLE_KEYS, WRITE};
use crate::spec::{at, behind, category, command, key_flag};

pub const COMMANDS: &[Command] = &[command(
    "MIGRATE",
    "host port:integer {key-selector=key|{empty-string=\"\"}} destination-db:integer timeout:integer [COPY]@3.0.0 \
     [REPLACE]@3.0.0 [authentication=AUTH auth<password>@4.0.7|AUTH2 {auth2=username password}@6.0.0] [KEYS keys<key>:key+]@3.0.6",
    -6,
)
.since("2.6.0")
.flags(WRITE | MOVABLE_KEYS)
.categories(category::DANGEROUS)
.keys(at(3).read_write().access().delete())
.keys(behind("KEYS", -2).to(-1).read_write().access().delete().with(key_flag::INCOMPLETE))
.tips(&["nondeterministic_output"])
.cost("As DUMP, DEL, and RESTORE there, and O(n) for n bytes on their way")
.says("Moves keys to another server, at once or not at all.")
.server(run)];

/// Word index of the key, of the database there, and of the timeout.
const KEY: usize = 3;
const DATABASE: usize = 4;
const TIMEOUT: usize = 5;
/// What a timeout of nothing or less stands for.
const TIMEOUT_DEFAULT_MS: Ms = 1000;

fn run(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let mut order = parse(call)?;
    let db = server.keyspace.db_mut(call.db);
    order.keys.retain(|key| db.lookup(Key::new(key)).is_some());
    if order.keys.is_empty() {
        call.reply.simple("NOKEY");
        return Ok(());
    }
    migrate::begin(call, server, world, order)
}

/// The words, in Redis's order of judging them.
fn parse(call: &Call) -> Result<Order, Stop> {
    let mut order = Order {
        target: Target { host: call.arg(1).to_vec(), port: call.arg(2).to_vec() },
        db: call.db,
        target_db: 0,
        timeout_ms: 0,
        keys: vec![call.arg(KEY).to_vec()],
        copies: false,
        replaces: false,
        credentials: Vec::new(),
    };
    let mut at = TIMEOUT + 1;
    while at < call.argc() {
        let left = call.argc() - 1 - at;
        let words = |count: usize| (1..=count).map(|behind| call.arg(at + behind).to_vec()).collect::<Vec<_>>();
        match () {
            () if call.is(at, "COPY") => order.copies = true,
            () if call.is(at, "REPLACE") => order.replaces = true,
            () if call.is(at, "AUTH") && left >= 1 => {
                // A name that AUTH2 gave before stays.
                order.credentials.truncate(order.credentials.len().saturating_sub(1));
                order.credentials.extend(words(1));
                at += 1;
            }
            () if call.is(at, "AUTH2") && left >= 2 => {
                order.credentials = words(2);
                at += 2;
            }
            () if call.is(at, "KEYS") => {
                if !call.arg(KEY).is_empty() {
                    return Err(Stop::error(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                order.keys = words(left);
                break;
            }
            () => return Err(fault::SYNTAX),
        }
        at += 1;
    }
    order.timeout_ms = match call.integer(TIMEOUT)? {
        ms @ 1.. => ms,
        _ => TIMEOUT_DEFAULT_MS,
    };
    order.target_db = call.integer(DATABASE)?;
    Ok(order)
}
