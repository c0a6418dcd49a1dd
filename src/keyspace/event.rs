//! Keyspace events: the classes that `notify-keyspace-events` switches on (the bits are those of the configuration), and the
//! events by name.

/// Bits of the classes.
pub mod class {
    pub const KEYSPACE: u32 = 1 << 0;
    pub const KEYEVENT: u32 = 1 << 1;
    pub const GENERIC: u32 = 1 << 2;
    pub const STRING: u32 = 1 << 3;
    pub const LIST: u32 = 1 << 4;
    pub const SET: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const ZSET: u32 = 1 << 7;
    pub const EXPIRED: u32 = 1 << 8;
    pub const EVICTED: u32 = 1 << 9;
    pub const STREAM: u32 = 1 << 10;
    pub const KEY_MISS: u32 = 1 << 11;
    pub const NEW: u32 = 1 << 14;
    pub const OVERWRITTEN: u32 = 1 << 15;
    pub const TYPE_CHANGED: u32 = 1 << 16;
    /// Channels that name the fields, too: by key, by event, by key and field, by event and key.
    pub const SUBKEYSPACE: u32 = 1 << 17;
    pub const SUBKEYEVENT: u32 = 1 << 18;
    pub const SUBKEYSPACE_ITEM: u32 = 1 << 19;
    pub const SUBKEYSPACE_EVENT: u32 = 1 << 20;
    pub const SUBKEYS: u32 = SUBKEYSPACE | SUBKEYEVENT | SUBKEYSPACE_ITEM | SUBKEYSPACE_EVENT;
}

/// What happened to a key: its class and its name on the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub class: u32,
    pub name: &'static str,
}

/// An event of one class by name.
pub const fn event(class: u32, name: &'static str) -> Event {
    Event { class, name }
}

pub const DEL: Event = event(class::GENERIC, "del");
pub const EXPIRE: Event = event(class::GENERIC, "expire");
pub const PERSIST: Event = event(class::GENERIC, "persist");
pub const RENAME_FROM: Event = event(class::GENERIC, "rename_from");
pub const RENAME_TO: Event = event(class::GENERIC, "rename_to");
pub const MOVE_FROM: Event = event(class::GENERIC, "move_from");
pub const MOVE_TO: Event = event(class::GENERIC, "move_to");
pub const COPY_TO: Event = event(class::GENERIC, "copy_to");
pub const RESTORE: Event = event(class::GENERIC, "restore");
pub const EXPIRED: Event = event(class::EXPIRED, "expired");
pub const FIELDS_EXPIRED: Event = event(class::HASH, "hexpired");
pub const EVICTED: Event = event(class::EVICTED, "evicted");
pub const NEW: Event = event(class::NEW, "new");
pub const KEY_MISS: Event = event(class::KEY_MISS, "keymiss");
pub const OVERWRITTEN: Event = event(class::OVERWRITTEN, "overwritten");
pub const TYPE_CHANGED: Event = event(class::TYPE_CHANGED, "type_changed");
pub const SET: Event = event(class::STRING, "set");
