//! Subscriptions by topic: channels, patterns, shard channels.

use std::collections::HashMap;

use crate::base::glob;
use crate::keyspace::SessionKey;

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Channel,
    Pattern,
    Shard,
}

type Listeners = HashMap<Box<[u8]>, Vec<SessionKey>>;

/// Subscriptions of all sessions.
#[derive(Default)]
pub struct PubSub {
    by_topic: [Listeners; 3],
}

impl PubSub {
    /// Adds a subscription; false when it was there.
    pub fn subscribe(&mut self, topic: Topic, name: &[u8], session: SessionKey) -> bool {
        let listeners = self.by_topic[topic as usize].entry(name.into()).or_default();
        if listeners.contains(&session) {
            return false;
        }
        listeners.push(session);
        true
    }

    /// Takes a subscription away; false when there was none.
    pub fn unsubscribe(&mut self, topic: Topic, name: &[u8], session: SessionKey) -> bool {
        let map = &mut self.by_topic[topic as usize];
        let Some(listeners) = map.get_mut(name) else { return false };
        let Some(at) = listeners.iter().position(|s| *s == session) else { return false };
        listeners.remove(at);
        if listeners.is_empty() {
            map.remove(name);
        }
        true
    }

    /// True when nobody listens to a channel or pattern: a message need not be built.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.by_topic[Topic::Channel as usize].is_empty() && self.by_topic[Topic::Pattern as usize].is_empty()
    }

    /// Those who listen to exactly this name.
    pub fn listeners(&self, topic: Topic, name: &[u8]) -> &[SessionKey] {
        self.by_topic[topic as usize].get(name).map_or(&[], Vec::as_slice)
    }

    /// The patterns that match the channel, with those who listen to them.
    pub fn matching_patterns<'p>(&'p self, channel: &'p [u8]) -> impl Iterator<Item = (&'p [u8], &'p [SessionKey])> {
        let patterns = self.by_topic[Topic::Pattern as usize].iter();
        let matching = patterns.filter(move |(pattern, _)| glob::matches(pattern, channel));
        matching.map(|(pattern, listeners)| (&**pattern, listeners.as_slice()))
    }

    /// Names of one kind with the number of listeners.
    pub fn names(&self, topic: Topic) -> impl Iterator<Item = (&[u8], usize)> {
        self.by_topic[topic as usize].iter().map(|(name, listeners)| (&**name, listeners.len()))
    }
}
