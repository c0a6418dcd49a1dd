//! The numbers of the format. A length starts with two bits that say how it goes on:
//!
//! ```text
//! 00nnnnnn                     6 bits
//! 01nnnnnn nnnnnnnn           14 bits, high byte first
//! 10000000 n*4                32 bits, high byte first
//! 10000001 n*8                64 bits, high byte first
//! 110000ee                    not a length: the string that follows is packed
//!                             ee = 0, 1, 2: an integer of 1, 2, 4 bytes, low byte first; 3: LZF
//! ```

/// The version that is written unless `rdb-version` says otherwise: that of Redis 8.0.
pub const VERSION: u32 = 12;

/// The newest version of Redis's that is read: that of Redis 8.6.
pub const VERSION_MAX: u32 = 13;

/// The version of Valkey 9. Valkey counts on from here, under a magic of its own; what is between belongs to Redis.
pub const VALKEY_VERSION: u32 = 80;

/// The oldest version that is read. Versions below 5 end without a checksum.
pub const VERSION_MIN: u32 = 1;

/// First version whose trailer carries a CRC-64.
pub const VERSION_WITH_CHECKSUM: u32 = 5;

/// First version with list packs (where older ones have ziplists), functions, and what a stream knows of its past.
pub const VERSION_WITH_LIST_PACKS: u32 = 10;

/// First version with list packs of sets, and with the time of a consumer's last success.
pub const VERSION_WITH_SET_PACKS: u32 = 11;

/// First version in which fields of hashes have deadlines.
pub const VERSION_WITH_FIELD_DEADLINES: u32 = 12;

/// What every file of Redis's starts with, before four decimal digits of the version.
pub const MAGIC: &[u8; 5] = b"REDIS";

/// The same for Valkey, before three digits.
pub const VALKEY_MAGIC: &[u8; 6] = b"VALKEY";

/// Whether a file that begins so is a dump. (In an append-only file it may be one, or commands.)
pub fn is_dump(front: &[u8]) -> bool {
    front.starts_with(MAGIC) || front.starts_with(VALKEY_MAGIC)
}

/// Whose numbers a dump uses. Both servers have given kind 22 a meaning, each its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Redis,
    Valkey,
}

impl Dialect {
    /// The dialect of a version; `None` if that version is not read.
    pub fn of(version: u32) -> Option<Dialect> {
        match version {
            VERSION_MIN..=VERSION_MAX => Some(Dialect::Redis),
            VALKEY_VERSION => Some(Dialect::Valkey),
            _ => None,
        }
    }
}

/// Bytes of magic and version.
pub const HEADER_BYTES: usize = 9;

/// Strings up to this length may be stored as integers: the longest is "-2147483648".
pub const INTEGER_TEXT_BYTES_MAX: usize = 11;

/// Strings above this length are worth an attempt at compression.
pub const COMPRESS_BYTES_OVER: usize = 20;

/// The longest stretch that one LZF back reference of three bytes can unfold to is 264 bytes, so no honest
/// string grows by more than this factor.
pub const LZF_GROWTH_MAX: u64 = 264 / 3;

/// First bytes of a length.
pub const LENGTH_32_BITS: u8 = 0x80;
pub const LENGTH_64_BITS: u8 = 0x81;

/// First bytes of a packed string.
pub const INTEGER_8_BITS: u8 = 0xc0;
pub const INTEGER_16_BITS: u8 = 0xc1;
pub const INTEGER_32_BITS: u8 = 0xc2;
pub const COMPRESSED: u8 = 0xc3;

/// Opcodes: bytes that stand where a kind could stand.
pub mod opcode {
    /// Slots that are on their way in from another node of a cluster. Valkey's only.
    pub const SLOT_IMPORT: u8 = 243;
    /// Keys of one hash slot follow: slot number, its keys, its keys with a deadline. Hints only.
    pub const SLOT_INFO: u8 = 244;
    /// One function library, as its source text.
    pub const FUNCTION: u8 = 245;
    /// Functions as release candidates of 7.0 wrote them; nobody reads these.
    pub const FUNCTION_PRE_RELEASE: u8 = 246;
    /// Data of a module that belongs to no key.
    pub const MODULE_AUX: u8 = 247;
    /// Idle time of the next key, in seconds, as a length.
    pub const IDLE: u8 = 248;
    /// Access frequency of the next key, one byte.
    pub const FREQUENCY: u8 = 249;
    /// A fact about the file: name and value.
    pub const AUX: u8 = 250;
    /// Keys of this database, and its keys with a deadline. Hints only.
    pub const RESIZE_DB: u8 = 251;
    /// Deadline of the next key: milliseconds since the epoch, eight bytes.
    pub const DEADLINE_MS: u8 = 252;
    /// Deadline of the next key: seconds since the epoch, four bytes.
    pub const DEADLINE_SECONDS: u8 = 253;
    /// The keys that follow are of this database.
    pub const SELECT_DB: u8 = 254;
    /// No more records; the checksum follows.
    pub const END: u8 = 255;
}

/// How a list of version 2 stores one of its nodes.
pub const NODE_PLAIN: u64 = 1;
pub const NODE_PACKED: u64 = 2;

/// The first byte of a score in text form that is not a length.
pub const SCORE_NAN: u8 = 253;
pub const SCORE_PLUS_INFINITY: u8 = 254;
pub const SCORE_MINUS_INFINITY: u8 = 255;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $byte:literal, $text:literal;)*) => {
        /// The kind of a value: its type together with its encoding, one byte before the key. A kind of Valkey's own
        /// stands above 255; its byte is the low one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Kind { $($(#[$doc])* $name = $byte),* }

        impl Kind {
            /// Every kind there is, by ascending number.
            pub const ALL: &[Kind] = &[$(Kind::$name),*];

            fn from_number(number: u16) -> Option<Kind> {
                match number { $($byte => Some(Kind::$name),)* _ => None }
            }

            /// The name that the checker prints.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$name => $text),* }
            }
        }
    };
}

impl Kind {
    /// The first byte of what is Redis's only.
    const FIRST_OF_REDIS: u8 = Kind::HashDeadlinesPreRelease as u8;

    /// The kind that a byte stands for; `None` for opcodes and for bytes that mean nothing.
    pub fn from_byte(byte: u8, dialect: Dialect) -> Option<Kind> {
        let is_valkeys = dialect == Dialect::Valkey && byte >= Kind::FIRST_OF_REDIS;
        Kind::from_number(u16::from(byte) + if is_valkeys { OF_VALKEY } else { 0 })
    }

    /// What stands for it in a dump.
    pub fn byte(self) -> u8 {
        self as u16 as u8
    }
}

/// What is added to a byte that Valkey gave a meaning of its own.
const OF_VALKEY: u16 = 256;

kinds! {
    String = 0, "string";
    /// Elements one by one.
    List = 1, "list-linked";
    /// Members one by one.
    Set = 2, "set-hashtable";
    /// Members with scores in text form.
    SortedSetText = 3, "zset-v1";
    /// Fields and values one by one.
    Hash = 4, "hash-hashtable";
    /// Members with scores as eight bytes.
    SortedSet = 5, "zset-v2";
    ModulePreRelease = 6, "module-pre-release";
    Module = 7, "module-value";
    HashZipmap = 9, "hash-zipmap";
    ListZiplist = 10, "list-ziplist";
    SetIntegers = 11, "set-intset";
    SortedSetZiplist = 12, "zset-ziplist";
    HashZiplist = 13, "hash-ziplist";
    /// A list of ziplists.
    ListOfZiplists = 14, "quicklist";
    Stream1 = 15, "stream";
    HashPack = 16, "hash-listpack";
    SortedSetPack = 17, "zset-listpack";
    /// A list of list packs and of single big elements.
    ListOfPacks = 18, "quicklist-v2";
    Stream2 = 19, "stream-v2";
    SetPack = 20, "set-listpack";
    Stream3 = 21, "stream-v3";
    HashDeadlinesPreRelease = 22, "hash-hashtable-md-pre-release";
    HashPackDeadlinesPreRelease = 23, "hash-listpack-md-pre-release";
    /// Fields and values one by one, each field with a deadline.
    HashDeadlines = 24, "hash-hashtable-md";
    /// A list pack of field, value, deadline.
    HashPackDeadlines = 25, "hash-listpack-md";
    /// A stream that knows what its producers sent; of Redis 8.6.
    Stream4 = 26, "stream-v4";
    /// Fields, values and deadlines one by one; 22 in dumps of Valkey.
    HashDeadlinesValkey = 278, "hash-volatile-items";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_its_byte_and_no_opcode() {
        for &kind in Kind::ALL {
            let dialect = if kind as u16 >= OF_VALKEY { Dialect::Valkey } else { Dialect::Redis };
            assert_eq!(Kind::from_byte(kind.byte(), dialect), Some(kind));
            assert!(kind.byte() < opcode::SLOT_IMPORT);
        }
        for byte in [8, 27, opcode::END] {
            assert_eq!(Kind::from_byte(byte, Dialect::Redis), None);
        }
        assert_eq!(Kind::from_byte(22, Dialect::Redis), Some(Kind::HashDeadlinesPreRelease));
        assert_eq!(Kind::from_byte(22, Dialect::Valkey), Some(Kind::HashDeadlinesValkey));
        assert_eq!(Kind::from_byte(24, Dialect::Valkey), None);
        assert_eq!(Kind::from_byte(21, Dialect::Valkey), Some(Kind::Stream3));
    }

    #[test]
    fn versions_belong_to_one_server_or_to_none() {
        let read = |version| Dialect::of(version);
        assert_eq!([read(0), read(14), read(79), read(81)], [None; 4]);
        assert_eq!([read(1), read(13)], [Some(Dialect::Redis); 2]);
        assert_eq!(read(80), Some(Dialect::Valkey));
    }
}
