//! CLIENT and its subcommands.

mod filter;
mod kill;
mod list;
mod own;
mod pause;
mod tracking;

use crate::commands::help::help_row;
use crate::exec::call::shown;
use crate::exec::{Command, Stop};
use crate::server::Session;
use crate::spec::flag::{ADMIN, ALLOW_BUSY, LOADING, NOSCRIPT, STALE};
use crate::spec::{Group, Spec, command};

/// What all subcommands share.
const COMMON: u32 = NOSCRIPT | LOADING | STALE;

const fn sub(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).group(Group::Connection).flags(COMMON).cost("O(1)")
}

const KILL_GRAMMAR: &str = "{filter=old-format<ip:port>:string|{new-format=[ID client-id:integer@2.8.12]|\
                            [TYPE {client-type=NORMAL|MASTER@3.2.0|SLAVE|REPLICA@5.0.0|PUBSUB}]@2.8.12|\
                            [USER username]|[ADDR addr<ip:port>:string]|[LADDR laddr<ip:port>:string@6.2.0]|[SKIPME {skipme=YES|NO}]|\
                            [MAXAGE maxage:integer@7.4.0]}+}";

const TRACKING_GRAMMAR: &str =
    "{status=ON|OFF} [REDIRECT client-id:integer] [PREFIX prefix:string]+^ [BCAST] [OPTIN] [OPTOUT] [NOLOOP]";

pub const COMMANDS: &[Command] = &[command("CLIENT", "", -2)
    .since("2.4.0")
    .group(Group::Connection)
    .cost("Depends on the subcommand.")
    .says("Looks at and steers client connections.")
    .container(&[
        sub("CACHING", "{mode=YES|NO}", 3)
            .since("6.0.0")
            .says("Whether the keys of the next command are tracked.")
            .server(tracking::caching),
        sub("GETNAME", "", 2).since("2.6.9").says("The connection's name.").server(own::get_name),
        sub("GETREDIR", "", 2)
            .since("6.0.0")
            .says("The number of the connection that hears of this one's invalidations.")
            .server(tracking::get_redirection),
        sub("CAPA", "capability+", -3)
            .since("8.0.0")
            .flags(ALLOW_BUSY)
            .says("What this client can do: follow redirections.")
            .server(own::capabilities),
        help_row(Group::Connection, "5.0.0"),
        sub("ID", "", 2).since("5.0.0").says("The connection's number.").server(own::id),
        sub("IMPORT-SOURCE", "{enabled=ON|OFF}", 3)
            .since("8.1.0")
            .says("Whether this connection brings the data of another server, and so sees keys that are due.")
            .server(own::import_source),
        sub("INFO", "", 2)
            .since("6.2.0")
            .says("One line on this connection.")
            .tips(&["nondeterministic_output"])
            .server(list::info),
        sub("KILL", KILL_GRAMMAR, -3)
            .since("2.4.0")
            .flags(ADMIN)
            .cost("O(n) over the connections")
            .says("Closes connections.")
            .server(kill::kill),
        sub("LIST", "[TYPE {client-type=NORMAL|MASTER|REPLICA|PUBSUB}]@5.0.0 [ID client-id:integer+@6.2.0]", -2)
            .since("2.4.0")
            .flags(ADMIN)
            .cost("O(n) over the connections")
            .says("A line on each connection.")
            .tips(&["nondeterministic_output"])
            .server(list::list),
        sub("NO-EVICT", "{enabled=ON|OFF}", 3)
            .since("7.0.0")
            .flags(ADMIN)
            .says("Keeps this connection from being evicted.")
            .server(own::no_evict),
        sub("NO-TOUCH", "{enabled=ON|OFF}", 3)
            .since("7.2.0")
            .says("Whether this connection's reads count as use.")
            .server(own::no_touch),
        sub("PAUSE", "timeout:integer [mode=WRITE|ALL]@6.2.0", -3)
            .since("3.0.0")
            .flags(ADMIN)
            .says("Lets commands wait for a while.")
            .server(pause::pause),
        sub("REPLY", "{action=ON|OFF|SKIP}", 3)
            .since("3.2.0")
            .says("Whether this connection gets replies.")
            .server(own::reply),
        sub("SETINFO", "{attr=LIB-NAME libname|LIB-VER libver}", 4)
            .since("7.2.0")
            .says("Names the client's library.")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
            .server(own::set_info),
        sub("SETNAME", "connection-name", 3)
            .since("2.6.9")
            .says("Names the connection.")
            .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
            .server(own::set_name_command),
        sub("TRACKING", TRACKING_GRAMMAR, -3)
            .since("6.0.0")
            .cost("O(1), and O(n) in the prefixes")
            .says("Tells this connection, or another one for it, which keys it may no longer hold in a cache.")
            .server(tracking::tracking),
        sub("TRACKINGINFO", "", 2)
            .since("6.2.0")
            .says("How this connection tracks keys.")
            .server(tracking::tracking_info),
        sub("UNBLOCK", "client-id:integer [unblock-type=TIMEOUT|ERROR]", -3)
            .since("5.0.0")
            .flags(ADMIN)
            .cost("O(log n) where n is the number of connections")
            .says("Ends another connection's wait.")
            .server(pause::unblock),
        sub("UNPAUSE", "", 2)
            .since("6.2.0")
            .flags(ADMIN)
            .cost("O(n) where n is the number of paused connections")
            .says("Ends CLIENT PAUSE.")
            .server(pause::unpause),
    ])];

pub const BAD_NAME: Stop = Stop::error("ERR Client names cannot contain spaces, newlines or special characters.");

/// Printable and without blanks, so that CLIENT LIST stays readable; what stands behind a zero byte is not shown.
pub fn is_valid_name(name: &[u8]) -> bool {
    shown(name, usize::MAX).iter().all(|byte| (b'!'..=b'~').contains(byte))
}

pub fn set_name(session: &mut Session, name: &[u8]) {
    session.name = name.into();
}
