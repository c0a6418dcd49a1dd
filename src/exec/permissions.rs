//! Access control around a call: asked before it runs, and what was refused is noted.
//!
//! Asked are only sessions whose user may not do everything (`RESTRICTED`): by the gate for what a client sends, again by EXEC for
//! what was queued, again for who waited for a key, and for each command of a script.

use super::command::CommandTable;
use super::describe_client::describe;
use crate::acl::{Context, Denial, Occurrence, Reason};
use crate::keyspace::SessionKey;
use crate::protocol::args::Args;
use crate::server::Server;
use crate::server::session::flag;

/// True when the session's calls are to be checked.
#[inline]
pub fn is_restricted(server: &Server, key: SessionKey) -> bool {
    server.sessions.get(key).is_some_and(|session| session.has(flag::RESTRICTED))
}

/// May the session make this call? A refusal is counted and logged.
pub fn check(
    server: &mut Server,
    commands: &CommandTable,
    key: SessionKey,
    id: usize,
    words: Args,
    context: Context,
) -> Result<(), Denial> {
    let Some(session) = server.sessions.get_mut(key) else { return Ok(()) };
    let user = session.user;
    let checked = server.acl.check(user, id, words);
    // Which keys SORT reads by its options is known when it runs, and its handler does not see the users.
    if matches!(server.acl.catalog().spec(id).name, "SORT" | "SORT_RO") {
        session.clear(flag::READS_EVERY_KEY);
        if checked.is_ok() && server.acl.may_read_every_key(user, id, words) {
            session.set(flag::READS_EVERY_KEY);
        }
    }
    if let Err(denial) = checked {
        let object = match denial.reason {
            Reason::Command => commands.row(id).full_name.as_bytes(),
            Reason::Key | Reason::Channel | Reason::Auth => words.get(denial.at),
        };
        let user = server.acl.name(user).to_vec();
        add(server, commands, key, Occasion { reason: denial.reason, context, object, user });
    }
    checked
}

/// What a client is told, without a code.
pub fn text(server: &Server, key: SessionKey, id: usize, denial: Denial) -> Vec<u8> {
    let user = server.sessions.get(key).map_or(&b""[..], |session| server.acl.name(session.user));
    denial.text(user, server.acl.catalog().name(id).unwrap_or_default(), b"", false)
}

/// Why a command that was queued may not run any more.
pub fn text_at_exec(denial: Denial) -> String {
    let reason = match denial.reason {
        Reason::Command => "no permission to execute the command or subcommand",
        Reason::Key => "no permission to touch the specified keys",
        Reason::Channel => "no permission to access one of the channels used as arguments",
        Reason::Auth => "no permission",
    };
    format!(
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no \
         longer allowed for the following reason: {reason}"
    )
}

/// Somebody could not prove who he is. `command`: by which command, as it was typed.
#[cold]
pub fn note_failed_login(
    server: &mut Server,
    commands: &CommandTable,
    key: SessionKey,
    command: &[u8],
    user: &[u8],
    context: Context,
) {
    add(server, commands, key, Occasion { reason: Reason::Auth, context, object: command, user: user.to_vec() });
}

struct Occasion<'o> {
    reason: Reason,
    context: Context,
    object: &'o [u8],
    user: Vec<u8>,
}

#[cold]
fn add(server: &mut Server, commands: &CommandTable, key: SessionKey, occasion: Occasion) {
    let (len_max, now) = (server.settings.acl_log_len_max, server.now);
    let Occasion { reason, context, object, user } = occasion;
    let mut client = String::new();
    if len_max > 0
        && let Some(session) = server.sessions.get(key)
    {
        describe(&mut client, session, server, commands);
    }
    let object = object.to_vec();
    server.acl.log.add(reason, len_max, now, || Occurrence { reason, context, object, user, client });
}
