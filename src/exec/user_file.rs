//! The ACL file (`aclfile`): read as a whole, and written as a whole.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::config::load::system_text;
use crate::keyspace::SessionKey;
use crate::server::{Server, World};

fn path(server: &Server) -> PathBuf {
    PathBuf::from(OsString::from_vec(server.settings.acl_file.clone()))
}

/// Puts the file's users in the place of all there are; if anything is wrong with it, nothing is changed. `caller` gets its answer
/// before it is closed, if it may no longer be there. Errors are without a code.
pub fn load(server: &mut Server, world: &mut dyn World, caller: Option<SessionKey>) -> Result<(), Vec<u8>> {
    let path = path(server);
    let shown = path.display().to_string();
    let text = world
        .read_file(&path)
        .map_err(|error| format!("Error loading ACLs, opening file '{shown}': {}", system_text(&error)).into_bytes())?;
    let users = server.acl.parse_file(&shown, &text)?;
    server.replace_users(users, caller);
    Ok(())
}

/// Writes the users to the file.
pub fn save(server: &Server, world: &mut dyn World) -> std::io::Result<()> {
    let mut text = Vec::new();
    for line in server.acl.lines() {
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    world.replace_file(&path(server), &text)
}
