//! What commands on consumer groups share: finding a group, finding or making a consumer.

use super::group::CREATE_CONSUMER;
use crate::exec::{Call, Stop};
use crate::keyspace::{Changes, Db, Key};
use crate::value::stream::{ConsumerId, Group, Stream};

/// The error of XPENDING, XCLAIM and XAUTOCLAIM for a key or group that is not there.
#[cold]
pub fn no_group(key: &[u8], group: &[u8]) -> Stop {
    Stop::quoting_both("NOGROUP No such key '", key, "' or consumer group '", group, "'")
}

/// True when the key holds a stream with this group; counted as a look.
pub fn has_group(db: &mut Db, key: Key, group: &[u8]) -> Result<bool, Stop> {
    Ok(db.read::<Stream>(key)?.is_some_and(|stream| stream.group(group).is_some()))
}

/// The consumer of this name, made if there is none, and whether it was; it is seen now.
#[inline]
pub fn find_or_create(group: &mut Group, changes: &mut Changes, name: &[u8], call: &Call) -> (ConsumerId, bool) {
    if let Some(consumer) = group.find_consumer(name) {
        group.consumer_mut(consumer).seen = call.now;
        return (consumer, false);
    }
    let consumer = group.create_consumer(name, call.now).expect("there is none of this name");
    changes.record_unseen(CREATE_CONSUMER, 1);
    (consumer, true)
}
