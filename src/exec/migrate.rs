//! MIGRATE: keys go to another server, and from here once it has them.
//!
//! The keys are held from the command's start to its end: commands that name one of them, or that may touch any key, wait
//! (`holds_back`), and all others go on. So a key is seen here or there, never in two states
//! (docs/decisions/0009-migrate-holds-keys.md). In a transaction or script, where nothing may wait, the whole server
//! stands still for it, as Redis does.

use super::blocking;
use super::call::{Block, Call, Outcome, Stop, WhenDenied};
use super::command::{CommandTable, Row};
use super::effects;
use crate::base::number::parse_i64;
use crate::keyspace::{Key, SessionKey, event};
use crate::protocol::args::Args;
use crate::rdb::write_value::payload_of;
use crate::rdb::writer::Choices;
use crate::server::links::{LinkKey, LinkNews};
use crate::server::migrations::{Ending, IDLE_LINK_MS_MAX, IdleLink, Migration, Order, Talk};
use crate::server::{Alarm, Server, World, standing};
use crate::spec::{Group, find_keys, flag};
use crate::value::Kind;

const CANNOT_CONNECT: &str = "IOERR error or timeout connecting to the client";

/// Begins to move what the order names; the keys are there. Waits, or does it all at once where waiting is not allowed.
pub fn begin(call: &mut Call, server: &mut Server, world: &mut dyn World, order: Order) -> Outcome {
    if world.links().is_none() {
        return Err(Stop::error(CANNOT_CONNECT));
    }
    let link = match start(server, world, order, true) {
        Ok(link) => link,
        Err(ending) => return reply_with(call, &ending),
    };
    if call.may_block {
        server.migrations.awaited_by(link, call.session);
        server.set_standing(standing::MIGRATING, true);
        // Answered by `finish`.
        return Err(Stop::Block(Box::new(Block::on(Vec::new(), Kind::String, None, WhenDenied::Null))));
    }
    let ending = stand_still(server, world);
    // Its DEL stands in the journal already, and MIGRATE itself is nothing that is repeated.
    call.propagation.suppress();
    reply_with(call, &ending)
}

fn reply_with(call: &mut Call, ending: &Ending) -> Outcome {
    match error_of(ending) {
        None => {
            call.reply.ok();
            Ok(())
        }
        Some(text) => Err(Stop::error_owned(text)),
    }
}

/// The error line, its code first.
fn error_of(ending: &Ending) -> Option<Vec<u8>> {
    Some(match ending {
        Ending::Done => return None,
        Ending::Refused(text) => [b"ERR Target instance replied with error: ", text.as_slice()].concat(),
        Ending::Unsayable => "ERR A value cannot be written in the RDB version that rdb-version asks for".into(),
        Ending::CannotConnect => CANNOT_CONNECT.into(),
        Ending::CannotWrite => "IOERR error or timeout writing to target instance".into(),
        Ending::CannotRead => "IOERR error or timeout reading to target instance".into(),
    })
}

/// Takes a link that is there, or opens one; the ending if that fails at once, or nothing is left to do.
fn start(server: &mut Server, world: &mut dyn World, order: Order, may_retry: bool) -> Result<LinkKey, Ending> {
    let deadline = server.clock.wall_ms().saturating_add(order.timeout_ms);
    let idle = server.migrations.take_idle(&order.target);
    let (link, selected, is_connected) = match idle {
        Some(idle) => (idle.link, idle.selected, true),
        None => {
            let port = parse_i64(&order.target.port).and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
            let links = world.links().ok_or(Ending::CannotConnect)?;
            let link = links.open(&order.target.host, port).map_err(|_| Ending::CannotConnect)?;
            (link, None, false)
        }
    };
    server.migrations.begin(Migration {
        order,
        link,
        session: None,
        talk: None,
        unsent_bytes: 0,
        selected,
        may_retry,
        deadline,
    });
    server.timers.insert(deadline, Alarm::LinkTimeout(link));
    if is_connected && let Some(ending) = talk(server, world, link) {
        return Err(ending);
    }
    Ok(link)
}

/// The link is there: everything is said in one go.
fn talk(server: &mut Server, world: &mut dyn World, link: LinkKey) -> Option<Ending> {
    let choices = Choices::for_payload(&server.settings);
    let now = server.clock.wall_ms();
    let migration = server.migrations.by_link(link)?;
    let order = &migration.order;
    let (mut bytes, mut greetings, mut sent) = (Vec::new(), 0, Vec::new());
    if !order.credentials.is_empty() {
        let words = std::iter::once(&b"AUTH"[..]).chain(order.credentials.iter().map(Vec::as_slice));
        request(&mut bytes, &words.collect::<Vec<_>>());
        greetings += 1;
    }
    if migration.selected != Some(order.target_db) {
        request(&mut bytes, &[b"SELECT", order.target_db.to_string().as_bytes()]);
        greetings += 1;
    }
    let db = server.keyspace.db(order.db);
    for key in &order.keys {
        let Some(entry) = db.peek(Key::new(key)) else { continue };
        let ttl = match entry.deadline() {
            None => 0,
            Some(deadline) => (deadline - now).max(1),
        };
        let Some(payload) = payload_of(entry.value(), choices) else {
            if let Some(links) = world.links() {
                links.close(link);
            }
            return finish(server, world, link, Ending::Unsayable);
        };
        let ttl = ttl.to_string();
        let words: [&[u8]; 5] = [b"RESTORE", key, ttl.as_bytes(), &payload, b"REPLACE"];
        request(&mut bytes, &words[..if order.replaces { 5 } else { 4 }]);
        sent.push(key.clone());
    }
    migration.unsent_bytes = bytes.len();
    migration.talk = Some(Talk::new(greetings, sent));
    if bytes.is_empty() {
        return finish(server, world, link, Ending::Done);
    }
    if let Some(links) = world.links() {
        links.send(link, bytes);
    }
    None
}

/// A request as the other side reads it.
fn request(bytes: &mut Vec<u8>, words: &[&[u8]]) {
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

/// News of a link; the ending of its migration, if it is over and nobody waits for the answer in a session.
pub fn on_news(server: &mut Server, world: &mut dyn World, link: LinkKey, news: LinkNews) -> Option<Ending> {
    let Some(migration) = server.migrations.by_link(link) else {
        // A link that waits has nothing to say: it is gone, or not what it should be.
        if server.migrations.forget_idle(link).is_some()
            && news != LinkNews::Gone
            && let Some(links) = world.links()
        {
            links.close(link);
        }
        return None;
    };
    migration.deadline = server.clock.wall_ms().saturating_add(migration.order.timeout_ms);
    match news {
        LinkNews::Connected => talk(server, world, link),
        LinkNews::Sent { left } => {
            migration.unsent_bytes = left;
            None
        }
        LinkNews::Heard(bytes) => {
            let Some(talk) = &mut migration.talk else { return lost(server, world, link, false) };
            if !talk.hear(&bytes) {
                return lost(server, world, link, true);
            }
            if !talk.is_over() {
                return None;
            }
            let ending = talk.error().map_or(Ending::Done, |error| Ending::Refused(error.clone()));
            finish(server, world, link, ending)
        }
        LinkNews::Gone => lost(server, world, link, true),
    }
}

/// The time that was set for a link is over: it waited long enough, or the other side is silent.
pub fn on_timeout(server: &mut Server, world: &mut dyn World, link: LinkKey) -> Option<Ending> {
    let now = server.clock.wall_ms();
    let until = match server.migrations.by_link(link) {
        Some(migration) => migration.deadline,
        None => server.migrations.idle_until(link)?,
    };
    if until > now {
        server.timers.insert(until, Alarm::LinkTimeout(link));
        return None;
    }
    if server.migrations.forget_idle(link).is_none() {
        return lost(server, world, link, false);
    }
    if let Some(links) = world.links() {
        links.close(link);
    }
    None
}

/// A migration's link is of no use any more. It is tried once more if the other side has done nothing yet and was not
/// silent: a kept link is often closed by the other side meanwhile.
fn lost(server: &mut Server, world: &mut dyn World, link: LinkKey, may_retry: bool) -> Option<Ending> {
    if let Some(links) = world.links() {
        links.close(link);
    }
    let migration = server.migrations.by_link(link)?;
    let talk = migration.talk.as_ref();
    let has_acted = talk.is_some_and(Talk::has_acted);
    let ending = match talk {
        // A refused connection shows itself to Redis when it writes; only silence, or no address, is one that cannot be made.
        None if may_retry => Ending::CannotWrite,
        None => Ending::CannotConnect,
        Some(talk) => match talk.error() {
            Some(error) => Ending::Refused(error.clone()),
            None if migration.unsent_bytes > 0 => Ending::CannotWrite,
            None => Ending::CannotRead,
        },
    };
    if may_retry && migration.may_retry && !has_acted {
        let Migration { order, session, .. } = server.migrations.end(link)?;
        return match (start(server, world, order, false), session) {
            (Ok(link), Some(session)) => {
                server.migrations.awaited_by(link, session);
                None
            }
            (Ok(_), None) => None,
            (Err(ending), Some(session)) => answer(server, session, &ending),
            (Err(ending), None) => Some(ending),
        };
    }
    finish(server, world, link, ending)
}

/// A migration is over: what the other side has goes from here, its link is kept if it is sound, and who waits is answered.
fn finish(server: &mut Server, world: &mut dyn World, link: LinkKey, ending: Ending) -> Option<Ending> {
    let migration = server.migrations.end(link)?;
    let order = migration.order;
    let acknowledged = migration.talk.map_or_else(Vec::new, |talk| talk.acknowledged);
    if !order.copies && !acknowledged.is_empty() {
        remove(server, order.db, &acknowledged);
    }
    if matches!(ending, Ending::Done | Ending::Refused(_)) && migration.unsent_bytes == 0 {
        let until = server.clock.wall_ms() + IDLE_LINK_MS_MAX;
        let selected = (ending == Ending::Done).then_some(order.target_db);
        server.timers.insert(until, Alarm::LinkTimeout(link));
        let goes = server.migrations.keep(IdleLink { target: order.target, link, selected, until });
        if let (Some(goes), Some(links)) = (goes, world.links()) {
            links.close(goes);
        }
    }
    match migration.session {
        Some(session) => answer(server, session, &ending),
        None => Some(ending),
    }
}

/// Deletes keys that are elsewhere now. One that was due meanwhile went by itself.
fn remove(server: &mut Server, db: usize, keys: &[Vec<u8>]) {
    server.keyspace.set_now(server.clock.wall_ms().max(server.now));
    let database = server.keyspace.db_mut(db);
    let gone: Vec<&[u8]> =
        keys.iter().map(Vec::as_slice).filter(|key| database.remove(Key::new(key), event::DEL)).collect();
    effects::hand_on(server, db, None);
    if !gone.is_empty() && server.journal.is_read() {
        let words: Vec<&[u8]> = std::iter::once(&b"DEL"[..]).chain(gone).collect();
        server.journal.record(db, words.into_iter());
    }
}

/// Answers who waited, and lets go on whoever was held back.
fn answer(server: &mut Server, session: SessionKey, ending: &Ending) -> Option<Ending> {
    match error_of(ending) {
        None => blocking::end_with(server, session, b"+OK\r\n"),
        Some(text) => blocking::end_with_error(server, session, &String::from_utf8_lossy(&text)),
    }
    if server.migrations.is_empty() {
        server.set_standing(standing::MIGRATING, false);
    }
    server.ready.append(&mut server.migrations.unserved);
    server.release_held();
    None
}

/// Carries a migration that nobody waits for in a session to its end, while everybody waits.
fn stand_still(server: &mut Server, world: &mut dyn World) -> Ending {
    loop {
        // A second try has another link.
        let Some(migration) = server.migrations.unawaited() else { return Ending::CannotConnect };
        let link = migration.link;
        let left_ms = (migration.deadline - server.clock.wall_ms()).max(0);
        let news = world.links().map(|links| links.wait(link, left_ms)).unwrap_or_default();
        let ending = match news.is_empty() {
            true => on_timeout(server, world, link),
            false => news.into_iter().find_map(|news| on_news(server, world, link, news)),
        };
        if let Some(ending) = ending {
            return ending;
        }
    }
}

/// Must this command wait because a key is on its way? Those that name such a key, and those that may touch any.
pub fn holds_back(server: &Server, commands: &CommandTable, row: &Row, args: Args, session: SessionKey) -> bool {
    let spec = &row.command.spec;
    if spec.name == "EXEC" {
        let queue = server.sessions.get(session).and_then(|session| session.transaction.as_deref());
        let waits = |(id, request): &(usize, crate::protocol::args::OwnedRequest)| {
            touches_held(server, commands.row(*id), request.args())
        };
        return queue.is_some_and(|transaction| transaction.queue.iter().any(waits));
    }
    touches_held(server, row, args)
}

/// Does this command name a key that is on its way, or may it touch any?
pub fn touches_held(server: &Server, row: &Row, args: Args) -> bool {
    let spec = &row.command.spec;
    let runs_scripts = spec.group == Group::Scripting && spec.key_specs[0].is_some();
    if runs_scripts || spec.name == "DEBUG" {
        return true;
    }
    let mut keys = Vec::new();
    let word = |at: usize| args.get(at);
    if find_keys(spec, args.len(), word, &mut keys) {
        return keys.iter().any(|key| server.migrations.holds(args.get(key.word)));
    }
    spec.has(flag::WRITE)
}
