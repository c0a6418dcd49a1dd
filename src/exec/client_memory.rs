//! `maxmemory-clients`: when clients take too much together, those who take the most are closed.

use super::command::CommandTable;
use super::describe_client::describe;
use crate::server::Server;

/// Closes clients, the largest first, until what is left is below the limit, or nobody is left who may be closed.
#[cold]
pub fn evict(server: &mut Server, commands: &CommandTable) {
    while server.client_memory.is_above() {
        let Some(key) = server.client_memory.largest() else {
            log::warn!("Over client maxmemory after evicting all evictable clients");
            return;
        };
        let session = server.sessions.get(key).expect("whoever leaves is taken out of the account first");
        let mut line = String::new();
        describe(&mut line, session, server, commands);
        log::info!("Evicting client: {line}");
        server.observe.totals.evicted_clients += 1;
        server.sessions.queue_close(key);
        server.count_client(key);
    }
}
