//! The subscriptions of all sessions, by what they are to: channels, patterns, shard channels.

use super::topics::Topics;
use crate::base::glob;
use crate::keyspace::SessionKey;
use std::rc::Rc;

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Channel,
    Pattern,
    Shard,
}

impl Topic {
    const ALL: [Topic; 3] = [Topic::Channel, Topic::Pattern, Topic::Shard];
}

/// Subscriptions of all sessions.
#[derive(Default)]
pub struct PubSub {
    by_topic: [Topics; 3],
}

impl PubSub {
    /// Adds a subscription; false when it was there.
    pub fn subscribe(&mut self, topic: Topic, name: &[u8], session: SessionKey) -> bool {
        self.by_topic[topic as usize].subscribe(session, name)
    }

    /// Takes a subscription away; false when there was none.
    pub fn unsubscribe(&mut self, topic: Topic, name: &[u8], session: SessionKey) -> bool {
        self.by_topic[topic as usize].unsubscribe(session, name)
    }

    /// A session listens to nothing any more.
    pub fn forget(&mut self, session: SessionKey) {
        for topic in Topic::ALL {
            for name in self.names_of(topic, session) {
                self.unsubscribe(topic, &name, session);
            }
        }
    }

    /// True when nobody listens to a channel or pattern: a message need not be built.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.by_topic[Topic::Channel as usize].is_empty() && self.by_topic[Topic::Pattern as usize].is_empty()
    }

    /// Those who listen to exactly this name.
    #[inline]
    pub fn listeners(&self, topic: Topic, name: &[u8]) -> &[SessionKey] {
        self.by_topic[topic as usize].listeners(name)
    }

    /// The patterns that match the channel, with those who listen to them.
    pub fn matching_patterns<'p>(&'p self, channel: &'p [u8]) -> impl Iterator<Item = (&'p [u8], &'p [SessionKey])> {
        self.by_topic[Topic::Pattern as usize].iter().filter(move |(pattern, _)| glob::matches(pattern, channel))
    }

    /// Names of one kind with the number of listeners.
    pub fn names(&self, topic: Topic) -> impl Iterator<Item = (&[u8], usize)> {
        self.by_topic[topic as usize].iter().map(|(name, listeners)| (name, listeners.len()))
    }

    /// How many names of one kind somebody listens to.
    pub fn len(&self, topic: Topic) -> usize {
        self.by_topic[topic as usize].len()
    }

    /// How many names of one kind a session listens to.
    pub fn count_of(&self, topic: Topic, session: SessionKey) -> usize {
        self.by_topic[topic as usize].count_of(session)
    }

    /// The names of one kind that a session listens to, in byte order.
    pub fn names_of(&self, topic: Topic, session: SessionKey) -> Vec<Rc<[u8]>> {
        self.by_topic[topic as usize].names_of(session)
    }

    /// The count that a confirmation carries: channels and patterns are counted together, shard channels apart.
    pub fn confirmed_count(&self, topic: Topic, session: SessionKey) -> usize {
        match topic {
            Topic::Channel | Topic::Pattern => {
                self.count_of(Topic::Channel, session) + self.count_of(Topic::Pattern, session)
            }
            Topic::Shard => self.count_of(Topic::Shard, session),
        }
    }

    /// True while a session listens to anything.
    pub fn is_subscriber(&self, session: SessionKey) -> bool {
        Topic::ALL.into_iter().any(|topic| self.count_of(topic, session) > 0)
    }

    /// Estimate of the bytes that a session's subscriptions take.
    pub fn bytes_of(&self, session: SessionKey) -> usize {
        self.by_topic.iter().map(|topics| topics.bytes_of(session)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: SessionKey = SessionKey(1);
    const BOB: SessionKey = SessionKey(2);

    #[test]
    fn kinds_are_apart_but_counted_together_where_redis_does() {
        let mut pubsub = PubSub::default();
        assert!(pubsub.is_silent());
        assert!(pubsub.subscribe(Topic::Channel, b"news", ALICE));
        assert!(pubsub.subscribe(Topic::Pattern, b"n*", ALICE));
        assert!(pubsub.subscribe(Topic::Shard, b"news", ALICE));
        assert!(!pubsub.subscribe(Topic::Shard, b"news", ALICE));
        assert_eq!(pubsub.confirmed_count(Topic::Channel, ALICE), 2);
        assert_eq!(pubsub.confirmed_count(Topic::Shard, ALICE), 1);
        assert_eq!(pubsub.listeners(Topic::Channel, b"news"), [ALICE]);
        let patterns: Vec<_> = pubsub.matching_patterns(b"news").collect();
        assert_eq!(patterns, [(&b"n*"[..], &[ALICE][..])]);
        assert_eq!(pubsub.matching_patterns(b"old").count(), 0);
    }

    #[test]
    fn whoever_leaves_is_forgotten_and_nobody_else() {
        let mut pubsub = PubSub::default();
        for topic in Topic::ALL {
            pubsub.subscribe(topic, b"x", ALICE);
            pubsub.subscribe(topic, b"x", BOB);
        }
        pubsub.forget(ALICE);
        assert!(!pubsub.is_subscriber(ALICE) && pubsub.is_subscriber(BOB));
        assert_eq!(pubsub.listeners(Topic::Pattern, b"x"), [BOB]);
        pubsub.forget(BOB);
        assert!(pubsub.is_silent() && pubsub.len(Topic::Shard) == 0);
    }
}
