//! Client-side caching at work: reads are remembered, changes are told.
//!
//! ```text
//! read ──▶ remember                    (only sessions that track come here)
//! change ──effects──▶ invalidate ──▶ outbox         by reads: one message a key and session, the own ones last
//!                        └─ prefixes ─end of the turn─▶ broadcast      by prefixes: one message a prefix and session
//! ```

use super::call::Call;
use super::command::Row;
use crate::base::shared_bytes::SharedBytes;
use crate::keyspace::{Changed, SessionKey};
use crate::protocol::args::Args;
use crate::server::outbox::Form;
use crate::server::session::flag as session_flag;
use crate::server::{Server, standing};
use crate::spec::{Group, find_keys, flag};

/// Keys forgotten in one round when more are remembered than may be; a round that is not enough makes the next one longer by as
/// many, as Redis does it.
const FORGET_ROUND_KEYS: u32 = 100;

/// A command ran for a session that tracks: what it read is remembered, unless the session said otherwise.
#[cold]
pub fn remember(server: &mut Server, key: SessionKey, row: &Row, args: Args) {
    let spec = &row.command.spec;
    // Of a script that only reads, the commands that it calls count.
    if !spec.has(flag::READONLY) || spec.group == Group::Scripting {
        return;
    }
    let Some(session) = server.sessions.get(key) else { return };
    let Some(tracker) = server.tracking.tracker(key) else { return };
    let (modes, caching_given) = (tracker.modes, session.has(session_flag::CACHING_GIVEN));
    if modes.is_broadcast || modes.is_opt_in && !caching_given || modes.is_opt_out && caching_given {
        return;
    }
    let tracking = &mut server.tracking;
    tracking.found.clear();
    find_keys(spec, args.len(), |at| args.get(at), &mut tracking.found);
    tracking.found.iter().for_each(|found| tracking.remembered.remember(args.get(found.word), key));
    check_limit(server);
}

/// More keys are remembered than may be: the next command makes room first.
pub fn check_limit(server: &mut Server) {
    let limit = server.settings.tracking_keys_max;
    let is_above = limit > 0 && server.tracking.remembered.len() as u64 > limit;
    server.set_standing(standing::TRACKING_FULL, is_above);
}

/// Forgets keys by chance, and tells those who hold them, until as few are remembered as may be, or a round is over.
pub fn make_room(server: &mut Server, by: Option<SessionKey>) {
    let rounds_above = server.tracking.rounds_above_limit;
    for _ in 0..FORGET_ROUND_KEYS.saturating_mul(rounds_above.saturating_add(1)) {
        let limit = server.settings.tracking_keys_max;
        if limit == 0 || server.tracking.remembered.len() as u64 <= limit {
            break;
        }
        let Some(key) = server.tracking.remembered.any(&mut server.random) else { break };
        tell_holders(server, &key, by);
    }
    check_limit(server);
    let is_above = server.standing & standing::TRACKING_FULL != 0;
    server.tracking.rounds_above_limit = if is_above { rounds_above.saturating_add(1) } else { 0 };
}

/// A key changed, by the command of a session (`by`), or by itself while that command ran.
pub fn invalidate(server: &mut Server, key: &[u8], by: Option<SessionKey>, by_itself: bool) {
    if !server.tracking.prefixes.is_empty() {
        // What a script changes is nobody's own change, as in Redis.
        let is_own = !by_itself && server.scripts.running.is_none();
        server.tracking.prefixes.note(key, by.filter(|_| is_own));
    }
    tell_holders(server, key, by);
}

fn tell_holders(server: &mut Server, key: &[u8], by: Option<SessionKey>) {
    let mut holders = server.tracking.remembered.forget(key);
    holders.retain(|&holder| {
        let session = server.sessions.get(holder);
        // It may be gone, or have begun to track in another way since it read the key.
        session.is_some_and(|s| s.has(session_flag::TRACKING) && !s.has(session_flag::TRACKING_BROADCAST))
    });
    if by.is_some_and(|by| holders.contains(&by) && server.tracking.tracker(by).is_some_and(|own| own.modes.is_no_loop))
    {
        holders.retain(|&holder| Some(holder) != by);
    }
    if !holders.is_empty() {
        let bytes = encode_keys(std::iter::once(key), 1);
        tell_all(server, holders, &bytes, by);
    }
}

/// Tells several sessions the same: one message for all that hear of it themselves. The session at hand (`by`) hears last.
fn tell_all(server: &mut Server, mut sessions: Vec<SessionKey>, bytes: &SharedBytes, by: Option<SessionKey>) {
    sessions.retain(|&session| {
        let is_own = by == Some(session);
        let hears_itself = server.tracking.tracker(session).is_some_and(|tracker| tracker.redirection.is_none());
        if is_own || !hears_itself {
            tell(server, session, bytes.clone(), is_own);
        }
        !is_own && hears_itself
    });
    if !sessions.is_empty() {
        server.outbox.add(&sessions, bytes.clone(), Form::Invalidation { is_redirected: false }, false);
    }
}

/// A database was emptied: nothing that anybody holds is good any more.
pub fn invalidate_all(server: &mut Server, by: Option<SessionKey>) {
    let sessions = server.tracking.sessions();
    tell_all(server, sessions, &SharedBytes::from_slice(b""), by);
    server.tracking.remembered.clear();
    check_limit(server);
}

/// The same by a handler that has not replied yet: its own client reads of it first.
pub fn invalidate_all_before_reply(call: &mut Call, server: &mut Server) {
    if !server.tracking.is_active() {
        return;
    }
    // Told here, it is not told with the effects.
    server.keyspace.iter_mut().for_each(|db| db.effects.changed.retain(|changed| !matches!(changed, Changed::All)));
    let own = call.session;
    for session in server.tracking.sessions() {
        let redirection = server.tracking.tracker(session).and_then(|tracker| tracker.redirection);
        if session != own || redirection.is_some_and(|redirection| redirection.session != own) {
            tell(server, session, SharedBytes::from_slice(b""), false);
        } else if call.session_flags & (session_flag::REPLY_OFF | session_flag::REPLY_SKIP) != 0 {
            // Its replies are not sent, but this is none.
            tell(server, session, SharedBytes::from_slice(b""), false);
        } else if call.reply.is_resp3() {
            call.reply.push(2);
            call.reply.bulk(b"invalidate");
            call.reply.null();
        }
    }
    server.tracking.remembered.clear();
    check_limit(server);
}

/// Tells everybody what changed under his prefixes since the last turn.
pub fn broadcast(server: &mut Server) {
    for news in server.tracking.prefixes.take_news() {
        let names = || news.keys.iter().map(|(key, _)| &**key);
        let all = encode_keys(names(), news.keys.len());
        let (some, whole): (Vec<SessionKey>, Vec<SessionKey>) = news.sessions.iter().partition(|&&session| {
            let is_no_loop = server.tracking.tracker(session).is_some_and(|tracker| tracker.modes.is_no_loop);
            is_no_loop && news.keys.iter().any(|(_, by)| *by == Some(session))
        });
        tell_all(server, whole, &all, None);
        // Who wants to hear nothing of its own changes hears of the others'.
        for session in some {
            let of_others = || news.keys.iter().filter(|(_, by)| *by != Some(session)).map(|(key, _)| &**key);
            let count = of_others().count();
            if count > 0 {
                tell(server, session, encode_keys(of_others(), count), false);
            }
        }
    }
    super::effects::drain_outbox(server);
}

/// Puts an invalidation into the outbox for whoever hears of it for `tracker`.
fn tell(server: &mut Server, tracker: SessionKey, bytes: SharedBytes, is_last: bool) {
    let Some(redirection) = server.tracking.tracker(tracker).map(|tracker| tracker.redirection) else { return };
    let Some(redirection) = redirection else {
        return server.outbox.add(&[tracker], bytes, Form::Invalidation { is_redirected: false }, is_last);
    };
    let receiver = server.sessions.get(redirection.session);
    if receiver.is_some_and(|receiver| !receiver.has(session_flag::CLOSE_NOW)) {
        return server.outbox.add(&[redirection.session], bytes, Form::Invalidation { is_redirected: true }, is_last);
    }
    if let Some(session) = server.sessions.get_mut(tracker) {
        session.set(session_flag::TRACKING_BROKEN);
    }
    let text = format!("2\r\n$21\r\ntracking-redir-broken\r\n:{}\r\n", redirection.id);
    server.outbox.add(&[tracker], SharedBytes::from_slice(text.as_bytes()), Form::PushOrNothing, is_last);
}

/// Keys as an array.
fn encode_keys<'k>(keys: impl Iterator<Item = &'k [u8]>, count: usize) -> SharedBytes {
    let mut out = crate::protocol::output::Output::new();
    let mut reply = crate::protocol::reply::Reply::new(&mut out, false);
    reply.array(count);
    keys.for_each(|key| reply.bulk(key));
    SharedBytes::from_slice(&out.bytes)
}
