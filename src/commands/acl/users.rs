//! SETUSER, GETUSER, DELUSER, LIST, USERS, WHOAMI.

use crate::acl::{DEFAULT_NAME, Selector};
use crate::exec::{Call, Outcome, Stop};
use crate::server::{Server, World};

/// Blanks and zero bytes would not survive being written to a file.
fn is_valid_name(name: &[u8]) -> bool {
    !name.iter().any(|byte| matches!(byte, 0 | 0x0b) || byte.is_ascii_whitespace())
}

pub(super) fn set(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let name = call.arg(2);
    if !is_valid_name(name) {
        return Err(Stop::error("ERR Usernames can't contain spaces or null characters"));
    }
    let user = server.acl.with_rules(name, call.args.from(3).iter());
    let user = user.map_err(|text| Stop::error_owned([b"ERR ", &*text].concat()))?;
    server.put_user(name, user, call.session);
    call.reply.ok();
    Ok(())
}

pub(super) fn delete(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let names = call.args.from(2);
    if names.iter().any(|name| name == DEFAULT_NAME) {
        return Err(Stop::error("ERR The 'default' user cannot be removed"));
    }
    let removed = names.iter().filter(|name| server.remove_user(name, Some(call.session))).count();
    call.reply.integer(removed as i64);
    Ok(())
}

pub(super) fn get(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let Some(id) = server.acl.find(call.arg(2)) else {
        call.reply.null();
        return Ok(());
    };
    let user = server.acl.user(id);
    let reply = &mut call.reply;
    reply.map(6);
    reply.bulk(b"flags");
    let flags: Vec<&str> = user.flags().collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    let hashes = user.password_hashes();
    reply.array(hashes.len());
    hashes.for_each(|hash| reply.bulk(hash.as_bytes()));
    let (own, others) = user.selectors().split_first().expect("a user has rules of its own");
    write_selector(call, own);
    call.reply.bulk(b"selectors");
    call.reply.array(others.len());
    for selector in others {
        call.reply.map(3);
        write_selector(call, selector);
    }
    Ok(())
}

fn write_selector(call: &mut Call, selector: &Selector) {
    call.reply.bulk(b"commands");
    call.reply.bulk(&selector.describe_commands());
    call.reply.bulk(b"keys");
    call.reply.bulk(&selector.describe_keys());
    call.reply.bulk(b"channels");
    call.reply.bulk(&selector.describe_channels());
}

pub(super) fn list(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.array(server.acl.users().len());
    server.acl.lines().for_each(|line| call.reply.bulk(&line));
    Ok(())
}

pub(super) fn names(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let users = server.acl.users();
    call.reply.array(users.len());
    users.for_each(|(name, _)| call.reply.bulk(name));
    Ok(())
}

pub(super) fn own(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get(call.session).expect("the session at hand");
    call.reply.bulk(server.acl.name(session.user));
    Ok(())
}
