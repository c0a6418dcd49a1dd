//! Users and the sessions that speak as them: whatever changes a user changes its sessions in the same breath.
//!
//! Invariants: a session's user is there; `RESTRICTED` is set exactly if that user may not do everything; `standing::AUTH` is set
//! exactly if the default user needs a password or is off.

use super::session::flag;
use super::state::{Server, standing};
use crate::acl::{DEFAULT_NAME, User, UserId, Users};
use crate::keyspace::SessionKey;
use crate::pubsub::Topic;

impl Server {
    /// A session speaks as this user from here on.
    pub fn set_session_user(&mut self, key: SessionKey, user: UserId) {
        let is_unrestricted = self.acl.user(user).is_unrestricted();
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.user = user;
        session.set(flag::AUTHENTICATED);
        session.clear(flag::RESTRICTED | flag::READS_EVERY_KEY);
        if !is_unrestricted {
            session.set(flag::RESTRICTED);
        }
    }

    /// A session is as it was when it came: the default user, welcome if that one needs no password.
    pub fn reset_session_user(&mut self, key: SessionKey) {
        self.set_session_user(key, UserId::DEFAULT);
        if !self.acl.is_open()
            && let Some(session) = self.sessions.get_mut(key)
        {
            session.clear(flag::AUTHENTICATED);
        }
    }

    /// Puts a user in place. Sessions that listen to what it may no longer listen to are closed; `caller` gets its answer first.
    pub fn put_user(&mut self, name: &[u8], user: User, caller: SessionKey) {
        if let Some(id) = self.acl.find(name) {
            self.close_revoked(id, &user, Some(caller));
        }
        self.acl.put(name, user);
        self.users_changed();
    }

    /// Takes a user away, and closes its sessions.
    pub fn remove_user(&mut self, name: &[u8], caller: Option<SessionKey>) -> bool {
        let Some((id, _)) = self.acl.remove(name) else { return false };
        for key in self.sessions_of(id) {
            self.expel(key, caller);
        }
        true
    }

    /// Puts these users in the place of all there were.
    pub fn replace_users(&mut self, users: Users, caller: Option<SessionKey>) {
        let gone: Vec<Box<[u8]>> =
            self.acl.users().map(|(name, _)| name.into()).filter(|name| !users.contains_key(name)).collect();
        for (name, user) in users {
            if let Some(id) = self.acl.find(&name) {
                self.close_revoked(id, &user, caller);
            }
            self.acl.put(&name, user);
        }
        for name in gone.iter().filter(|name| ***name != *DEFAULT_NAME) {
            self.remove_user(name, caller);
        }
        self.users_changed();
    }

    /// Brings up to date what is derived from the users' rules.
    pub fn users_changed(&mut self) {
        for session in self.sessions.iter_mut() {
            session.clear(flag::RESTRICTED | flag::READS_EVERY_KEY);
            if !self.acl.user(session.user).is_unrestricted() {
                session.set(flag::RESTRICTED);
            }
        }
        self.set_standing(standing::AUTH, !self.acl.is_open());
        self.watch_output();
    }

    fn sessions_of(&self, user: UserId) -> Vec<SessionKey> {
        self.sessions.iter().filter(|session| session.user == user).map(|session| session.key).collect()
    }

    /// Closes the sessions of a user that listen to what it may not listen to by its new rules.
    fn close_revoked(&mut self, id: UserId, new: &User, caller: Option<SessionKey>) {
        let Some(is_revoked) = new.revoked_since(self.acl.user(id)) else { return };
        let listens_in_vain = |key: &SessionKey| {
            [(Topic::Pattern, true), (Topic::Channel, false), (Topic::Shard, false)].into_iter().any(
                |(topic, is_pattern)| self.pubsub.names_of(topic, *key).iter().any(|name| is_revoked(name, is_pattern)),
            )
        };
        let expelled: Vec<SessionKey> = self.sessions_of(id).into_iter().filter(listens_in_vain).collect();
        for key in expelled {
            self.expel(key, caller);
        }
    }

    /// Closes a session whose user it may no longer be: until it is gone it is nobody.
    fn expel(&mut self, key: SessionKey, caller: Option<SessionKey>) {
        self.set_session_user(key, UserId::DEFAULT);
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.clear(flag::AUTHENTICATED);
        if caller == Some(key) {
            session.set(flag::CLOSE_AFTER_REPLY);
        } else {
            self.sessions.queue_close(key);
        }
    }
}
