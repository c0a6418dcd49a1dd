//! Who speaks, and in which protocol: AUTH, HELLO, RESET.

use super::client::{is_valid_name, set_name};
use crate::acl::{Context, DEFAULT_NAME, UserId};
use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::{Call, Command, Outcome, Stop, permissions, transactions};
use crate::server::session::flag as session_flag;
use crate::server::{Server, World};
use crate::spec::flag::{ALLOW_BUSY, ENDS_BATCH, FAST, LOADING, NO_AUTH, NOSCRIPT, STALE};
use crate::spec::{Group, command};

pub const COMMANDS: &[Command] = &[
    command("AUTH", "[username]@6.0.0 password", -2)
        .group(Group::Connection)
        .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | ENDS_BATCH)
        .cost("O(n) where n is the number of passwords of the user")
        .says("Proves who speaks.")
        .server(auth),
    command("HELLO", "[arguments=protover:integer [AUTH {auth=username password}] [SETNAME clientname]]", -1)
        .since("6.0.0")
        .group(Group::Connection)
        .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | ENDS_BATCH)
        .cost("O(1)")
        .says("Agrees on the protocol, and says who serves.")
        .server(hello),
    command("RESET", "", 1)
        .since("6.2.0")
        .group(Group::Connection)
        .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | ENDS_BATCH)
        .cost("O(1)")
        .says("Puts the connection back to how it began.")
        .server(reset),
];

const WRONG_PASSWORD: Stop = Stop::error("WRONGPASS invalid username-password pair or user is disabled.");

/// The highest protocol version that is spoken, and the lowest.
const PROTOCOL_MAX: i64 = 3;
const PROTOCOL_MIN: i64 = 2;

/// Makes the session speak as the user whose name and password these are.
fn authenticate(call: &mut Call, server: &mut Server, user: &[u8], password: &[u8]) -> Outcome {
    let Some(id) = server.acl.authenticate(user, password) else {
        // What may not wait stands in a transaction.
        let context = match call.may_block && call.session_flags & session_flag::IN_TRANSACTION == 0 {
            true => Context::TopLevel,
            false => Context::Transaction,
        };
        permissions::note_failed_login(server, call.commands, call.session, call.arg(0), user, context);
        return Err(WRONG_PASSWORD);
    };
    server.set_session_user(call.session, id);
    Ok(())
}

fn auth(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let (user, password) = match call.argc() {
        2 => {
            if server.acl.user(UserId::DEFAULT).needs_no_password() {
                return Err(Stop::error(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                     configuration is correct?",
                ));
            }
            (DEFAULT_NAME, call.arg(1))
        }
        3 => (call.arg(1), call.arg(2)),
        _ => return Err(fault::SYNTAX),
    };
    authenticate(call, server, user, password)?;
    call.reply.ok();
    Ok(())
}

fn hello(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let mut version = None;
    if call.argc() > 1 {
        let number = parse_i64(call.arg(1)).ok_or("ERR Protocol version is not an integer or out of range")?;
        if !(PROTOCOL_MIN..=PROTOCOL_MAX).contains(&number) {
            return Err("NOPROTO unsupported protocol version".into());
        }
        version = Some(number);
    }
    let (mut credentials, mut name) = (None, None);
    let mut at = 2;
    while at < call.argc() {
        let more = call.argc() - 1 - at;
        if call.is(at, "AUTH") && more >= 2 {
            credentials = Some((call.arg(at + 1), call.arg(at + 2)));
            at += 3;
        } else if call.is(at, "SETNAME") && more >= 1 {
            if !is_valid_name(call.arg(at + 1)) {
                return Err(super::client::BAD_NAME);
            }
            name = Some(call.arg(at + 1));
            at += 2;
        } else {
            return Err(Stop::quoting("ERR Syntax error in HELLO option '", call.arg(at), "'"));
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(call, server, user, password)?;
    }
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    if !session.has(session_flag::AUTHENTICATED) {
        return Err(Stop::error(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
             <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        set_name(session, name);
    }
    if let Some(version) = version {
        session.is_resp3 = version == PROTOCOL_MAX;
        call.reply.set_resp3(session.is_resp3);
    }
    let id = session.id as i64;
    describe_server(call, id);
    Ok(())
}

fn describe_server(call: &mut Call, id: i64) {
    let proto = if call.reply.is_resp3() { PROTOCOL_MAX } else { PROTOCOL_MIN };
    let reply = &mut call.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(crate::server::REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(proto);
    reply.bulk(b"id");
    reply.integer(id);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
}

fn reset(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let key = call.session;
    transactions::discard(server, key);
    server.unsubscribe_all(key);
    server.stop_monitoring(key);
    server.stop_tracking(key);
    let session = server.sessions.get_mut(key).expect("the session at hand");
    session.is_resp3 = false;
    session.db = 0;
    set_name(session, b"");
    use session_flag::{IMPORT_SOURCE, MONITOR, NO_EVICT, NO_TOUCH, REPLY_OFF, REPLY_SKIP_NEXT, SUBSCRIBED};
    session.clear(IMPORT_SOURCE | MONITOR | NO_EVICT | NO_TOUCH | REPLY_OFF | REPLY_SKIP_NEXT | SUBSCRIBED);
    server.reset_session_user(key);
    call.reply.set_resp3(false);
    call.reply.simple("RESET");
    Ok(())
}
