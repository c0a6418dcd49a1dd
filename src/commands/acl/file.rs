//! LOAD and SAVE: the ACL file.

use crate::config::load::system_text;
use crate::exec::{Call, Outcome, Stop, user_file};
use crate::server::{Server, World};

const NO_FILE: Stop = Stop::error(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command \
     and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis \
     configuration.",
);

pub(super) fn load(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if server.settings.acl_file.is_empty() {
        return Err(NO_FILE);
    }
    let loaded = user_file::load(server, world, Some(call.session));
    loaded.map_err(|text| Stop::error_owned([b"ERR ", &*text].concat()))?;
    call.reply.ok();
    Ok(())
}

pub(super) fn save(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    if server.settings.acl_file.is_empty() {
        return Err(NO_FILE);
    }
    if let Err(error) = user_file::save(server, world) {
        log::warn!("Writing the ACL file for ACL SAVE: {}", system_text(&error));
        return Err(Stop::error(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        ));
    }
    call.reply.ok();
    Ok(())
}
