//! ROLE, REPLICAOF and SLAVEOF: what this server is, and what it becomes.

use crate::base::number::parse_i64;
use crate::config::special::MasterAddress;
use crate::exec::replication::{follow, sync};
use crate::exec::{Call, Outcome, Stop};
use crate::server::{Server, World};

pub(super) fn role(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let offset = server.replication_offset();
    if let Some(following) = &server.replication.following {
        call.reply.array(5);
        call.reply.bulk(b"slave");
        call.reply.bulk(&following.master.host);
        call.reply.integer(i64::from(following.master.port));
        call.reply.bulk(following.state_name().as_bytes());
        call.reply.integer(if following.is_up() { offset } else { -1 });
        return Ok(());
    }
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.integer(offset);
    let online: Vec<_> = server.replication.attached().filter(|replica| replica.is_online()).collect();
    call.reply.array(online.len());
    for replica in online {
        let (host, port) = sync::address_of(server, replica);
        call.reply.array(3);
        call.reply.bulk(host.as_bytes());
        call.reply.bulk(port.to_string().as_bytes());
        call.reply.bulk(replica.acked.to_string().as_bytes());
    }
    Ok(())
}

pub(super) fn replica_of(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if server.settings.cluster_enabled {
        return Err(Stop::error("ERR REPLICAOF not allowed in cluster mode."));
    }
    if server.replication.failover.is_some() {
        return Err(Stop::error("ERR REPLICAOF not allowed while failing over."));
    }
    if call.is(1, "NO") && call.is(2, "ONE") {
        if server.replication.is_replica() {
            follow::end(server, world);
            log::info!("MASTER MODE enabled (user request from '{}')", client(call, server));
        }
        call.reply.ok();
        return Ok(());
    }
    // Who is given the stream cannot give it.
    if server.replication.of(call.session).is_some_and(|replica| replica.is_attached()) {
        return Err(Stop::error("ERR Command is not valid when client is a replica."));
    }
    let port = parse_i64(call.arg(2)).and_then(|port| u16::try_from(port).ok());
    let Some(port) = port else { return Err(Stop::error("ERR Invalid master port")) };
    let master = MasterAddress { host: call.arg(1).to_vec(), port };
    let current = server.replication.following.as_ref().map(|following| &following.master);
    if current.is_some_and(|current| current.host.eq_ignore_ascii_case(&master.host) && current.port == port) {
        log::info!(
            "REPLICAOF would result into synchronization with the master we are already connected with. No operation performed."
        );
        call.reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    let name = format!("{}:{port}", String::from_utf8_lossy(&master.host));
    follow::begin(server, world, master);
    log::info!("REPLICAOF {name} enabled (user request from '{}')", client(call, server));
    call.reply.ok();
    Ok(())
}

/// Who asked, as the log tells it.
fn client(call: &Call, server: &Server) -> String {
    let mut line = String::new();
    if let Some(session) = server.sessions.get(call.session) {
        crate::exec::describe_client::describe(&mut line, session, server, call.commands);
    }
    line
}
