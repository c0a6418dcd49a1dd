//! LOG: what was refused lately.

use crate::exec::{Call, Outcome};
use crate::server::{Server, World};

/// Entries that are shown when nobody says how many.
const ENTRIES_SHOWN: i64 = 10;

pub(super) fn log(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let count = match call.argc() {
        2 => ENTRIES_SHOWN,
        3 if call.is(2, "RESET") => {
            server.acl.log.clear();
            call.reply.ok();
            return Ok(());
        }
        3 => call.integer(2)?,
        _ => return Err(call.wrong_subcommand()),
    };
    let entries = server.acl.log.entries();
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX).min(entries.len());
    let (reply, now) = (&mut call.reply, call.now);
    reply.array(count);
    for entry in entries.take(count) {
        let occurrence = &entry.occurrence;
        reply.map(10);
        reply.bulk(b"count");
        reply.integer(entry.count as i64);
        for (name, value) in [
            ("reason", occurrence.reason.name().as_bytes()),
            ("context", occurrence.context.name().as_bytes()),
            ("object", &occurrence.object),
            ("username", &occurrence.user),
        ] {
            reply.bulk(name.as_bytes());
            reply.bulk(value);
        }
        reply.bulk(b"age-seconds");
        reply.double((now - entry.updated) as f64 / 1000.0);
        reply.bulk(b"client-info");
        reply.bulk(occurrence.client.as_bytes());
        for (name, value) in [
            ("entry-id", entry.id as i64),
            ("timestamp-created", entry.created),
            ("timestamp-last-updated", entry.updated),
        ] {
            reply.bulk(name.as_bytes());
            reply.integer(value);
        }
    }
    Ok(())
}
