//! Keyspace events: the classes that `notify-keyspace-events` switches on by letter, and the events by name.

/// Bits of the classes.
pub mod class {
    pub const KEYSPACE: u16 = 1 << 0;
    pub const KEYEVENT: u16 = 1 << 1;
    pub const GENERIC: u16 = 1 << 2;
    pub const STRING: u16 = 1 << 3;
    pub const LIST: u16 = 1 << 4;
    pub const SET: u16 = 1 << 5;
    pub const HASH: u16 = 1 << 6;
    pub const ZSET: u16 = 1 << 7;
    pub const EXPIRED: u16 = 1 << 8;
    pub const EVICTED: u16 = 1 << 9;
    pub const STREAM: u16 = 1 << 10;
    pub const KEY_MISS: u16 = 1 << 11;
    pub const MODULE: u16 = 1 << 12;
    pub const NEW: u16 = 1 << 13;
    /// What `A` stands for: everything but key misses and new keys.
    pub const ALL: u16 = GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

    /// Letters, in the order in which CONFIG GET prints them.
    const LETTERS: &[(u16, u8)] = &[
        (GENERIC, b'g'),
        (STRING, b'$'),
        (LIST, b'l'),
        (SET, b's'),
        (HASH, b'h'),
        (ZSET, b'z'),
        (EXPIRED, b'x'),
        (EVICTED, b'e'),
        (STREAM, b't'),
        (MODULE, b'd'),
        (NEW, b'n'),
    ];

    /// Letters to bits; `None` for a letter that means nothing.
    pub fn parse(letters: &[u8]) -> Option<u16> {
        let mut bits = 0;
        for &letter in letters {
            bits |= match letter {
                b'A' => ALL,
                b'K' => KEYSPACE,
                b'E' => KEYEVENT,
                b'm' => KEY_MISS,
                _ => LETTERS.iter().find(|(_, l)| *l == letter)?.0,
            };
        }
        Some(bits)
    }

    /// Bits to letters, as CONFIG GET prints them.
    pub fn letters(bits: u16) -> String {
        let mut text = String::new();
        if bits & ALL == ALL {
            text.push('A');
        } else {
            let named = LETTERS.iter().filter(|(bit, letter)| bits & bit != 0 && *letter != b'n');
            text.extend(named.map(|&(_, letter)| letter as char));
        }
        let rest = [(NEW, 'n'), (KEYSPACE, 'K'), (KEYEVENT, 'E'), (KEY_MISS, 'm')];
        text.extend(rest.iter().filter(|(bit, _)| bits & bit != 0).map(|&(_, letter)| letter));
        text
    }
}

/// What happened to a key: its class and its name on the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub class: u16,
    pub name: &'static str,
}

/// An event of one class by name.
pub const fn event(class: u16, name: &'static str) -> Event {
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
pub const EVICTED: Event = event(class::EVICTED, "evicted");
pub const NEW: Event = event(class::NEW, "new");
pub const KEY_MISS: Event = event(class::KEY_MISS, "keymiss");
pub const SET: Event = event(class::STRING, "set");

#[cfg(test)]
mod tests {
    use super::class::*;

    #[test]
    fn letters_and_bits_agree() {
        assert_eq!(letters(parse(b"KEA").expect("letters")), "AKE");
        assert_eq!(letters(parse(b"Elgx").expect("letters")), "glxE");
        assert_eq!(letters(parse(b"KEAmn").expect("letters")), "AnKEm");
        assert_eq!(parse(b"q"), None);
    }
}
