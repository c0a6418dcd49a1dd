//! CLIENT TRACKING and what belongs to it: CACHING, GETREDIR, TRACKINGINFO.

use crate::exec::call::{fault, shown};
use crate::exec::{Call, Outcome, Stop};
use crate::server::session::flag as session_flag;
use crate::server::{Server, World};
use crate::tracking::{Modes, Overlap, Redirection};

const NOT_TRACKING: Stop = Stop::error(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
);
const ONE_REDIRECTION: Stop = Stop::error("ERR A client can only redirect to a single other client");
const NOBODY_THERE: Stop = Stop::error("ERR The client ID you want redirect to does not exist");
const PREFIX_WITHOUT_BROADCAST: Stop = Stop::error("ERR PREFIX option requires BCAST mode to be enabled");
const BROADCAST_SWITCHED: Stop = Stop::error(
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a \
     different mode.",
);
const BROADCAST_WITH_OPTION: Stop = Stop::error("ERR OPTIN and OPTOUT are not compatible with BCAST");
const BOTH_OPTIONS: Stop = Stop::error("ERR You can't specify both OPTIN mode and OPTOUT mode");
const OPTION_SWITCHED: Stop = Stop::error(
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a \
     different mode.",
);

/// What stands behind ON or OFF.
#[derive(Default)]
struct Options<'c> {
    modes: Modes,
    redirection: Option<Redirection>,
    prefixes: Vec<&'c [u8]>,
}

fn parse<'c>(call: &Call<'c>, server: &Server) -> Result<Options<'c>, Stop> {
    let mut options = Options::default();
    let mut at = 3;
    while at < call.argc() {
        let has_more = at + 1 < call.argc();
        if call.is(at, "REDIRECT") && has_more {
            at += 1;
            if options.redirection.is_some() {
                return Err(ONE_REDIRECTION);
            }
            let id = call.integer(at)? as u64;
            let session = server.sessions.find_id(id).ok_or(NOBODY_THERE)?.key;
            options.redirection = Some(Redirection { id, session });
        } else if call.is(at, "BCAST") {
            options.modes.is_broadcast = true;
        } else if call.is(at, "OPTIN") {
            options.modes.is_opt_in = true;
        } else if call.is(at, "OPTOUT") {
            options.modes.is_opt_out = true;
        } else if call.is(at, "NOLOOP") {
            options.modes.is_no_loop = true;
        } else if call.is(at, "PREFIX") && has_more {
            at += 1;
            options.prefixes.push(call.arg(at));
        } else {
            return Err(fault::SYNTAX);
        }
        at += 1;
    }
    Ok(options)
}

pub fn tracking(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let options = parse(call, server)?;
    match () {
        _ if call.is(2, "ON") => begin(call, server, options)?,
        _ if call.is(2, "OFF") => server.stop_tracking(call.session),
        _ => return Err(fault::SYNTAX),
    }
    call.reply.ok();
    Ok(())
}

fn begin(call: &Call, server: &mut Server, options: Options) -> Outcome {
    let Options { modes, redirection, mut prefixes } = options;
    if !modes.is_broadcast && !prefixes.is_empty() {
        return Err(PREFIX_WITHOUT_BROADCAST);
    }
    let before = server.tracking.tracker(call.session).map(|tracker| tracker.modes);
    if before.is_some_and(|before| before.is_broadcast != modes.is_broadcast) {
        return Err(BROADCAST_SWITCHED);
    }
    if modes.is_broadcast && (modes.is_opt_in || modes.is_opt_out) {
        return Err(BROADCAST_WITH_OPTION);
    }
    if modes.is_opt_in && modes.is_opt_out {
        return Err(BOTH_OPTIONS);
    }
    let switches = |before: Modes| modes.is_opt_in && before.is_opt_out || modes.is_opt_out && before.is_opt_in;
    if before.is_some_and(switches) {
        return Err(OPTION_SWITCHED);
    }
    if modes.is_broadcast {
        if let Some(overlap) = server.tracking.find_overlap(call.session, &prefixes) {
            return Err(overlap_error(&overlap));
        }
        if prefixes.is_empty() {
            prefixes.push(b"");
        }
    }
    server.tracking.begin(call.session, modes, redirection, &prefixes);
    server.update_tracking();
    let session = server.sessions.get_mut(call.session).expect("the session at hand");
    session.clear(session_flag::TRACKING_BROKEN | session_flag::TRACKING_BROADCAST);
    session.set(session_flag::TRACKING);
    if modes.is_broadcast {
        session.set(session_flag::TRACKING_BROADCAST);
    }
    Ok(())
}

fn overlap_error(overlap: &Overlap) -> Stop {
    let (given, relation, other) = match overlap {
        Overlap::WithExisting(given, existing) => (*given, "an existing", &existing[..]),
        Overlap::AmongGiven(given, other) => (*given, "another provided", *other),
    };
    let (given, other) = (shown(given, usize::MAX), shown(other, usize::MAX));
    let middle = format!("' overlaps with {relation} prefix '");
    let end = b"'. Prefixes for a single client must not overlap.";
    Stop::error_owned([b"ERR Prefix '", given, middle.as_bytes(), other, end].concat())
}

pub fn caching(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let modes = server.tracking.tracker(call.session).ok_or(NOT_TRACKING)?.modes;
    match () {
        _ if call.is(2, "YES") && !modes.is_opt_in => {
            return Err("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.".into());
        }
        _ if call.is(2, "NO") && !modes.is_opt_out => {
            return Err("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.".into());
        }
        _ if call.is(2, "YES") || call.is(2, "NO") => {}
        _ => return Err(fault::SYNTAX),
    }
    server.sessions.get_mut(call.session).expect("the session at hand").set(session_flag::CACHING_GIVEN);
    call.reply.ok();
    Ok(())
}

pub fn get_redirection(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.integer(server.tracking.redirection_id(call.session));
    Ok(())
}

pub fn tracking_info(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let session = server.sessions.get(call.session).expect("the session at hand");
    let tracker = server.tracking.tracker(call.session);
    let modes = tracker.map(|tracker| tracker.modes).unwrap_or_default();
    let caching_given = session.has(session_flag::CACHING_GIVEN);
    let flags = [
        (tracker.is_none(), "off"),
        (tracker.is_some(), "on"),
        (modes.is_broadcast, "bcast"),
        (modes.is_opt_in, "optin"),
        (modes.is_opt_in && caching_given, "caching-yes"),
        (modes.is_opt_out, "optout"),
        (modes.is_opt_out && caching_given, "caching-no"),
        (modes.is_no_loop, "noloop"),
        (session.has(session_flag::TRACKING_BROKEN), "broken_redirect"),
    ];
    let reply = &mut call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.iter().filter(|(is_set, _)| *is_set).count());
    flags.iter().filter(|(is_set, _)| *is_set).for_each(|(_, name)| reply.bulk(name.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(server.tracking.redirection_id(call.session));
    reply.bulk(b"prefixes");
    match tracker {
        None => reply.array(0),
        Some(tracker) => {
            reply.array(tracker.prefixes().len());
            tracker.prefixes().for_each(|prefix| reply.bulk(prefix));
        }
    }
    Ok(())
}
