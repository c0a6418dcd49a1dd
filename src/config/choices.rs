//! Settings that are one word of a few, each an enum of its own, so that a reader of `Settings` never compares text.

use super::directive::Directive;
use super::value::{Failure, Setting, not_allowed, position};

/// Declares an enum whose variants are the words of a directive, in the order in which Redis lists them in errors.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl Default for $name {
            fn default() -> Self {
                Self::ALL[0]
            }
        }

        impl $name {
            /// The words, in the order of the variants.
            pub const WORDS: &[&str] = &[$($word),+];
            const ALL: &[$name] = &[$($name::$variant),+];

            /// The word for this value.
            pub fn word(self) -> &'static str {
                Self::WORDS[self as usize]
            }
        }

        impl Setting for $name {
            fn parse(row: &Directive, words: &[&[u8]], _: &Self) -> Result<Self, Failure> {
                match words {
                    [word] => Ok(Self::ALL[position(row, word)?]),
                    _ => Err(not_allowed(row)),
                }
            }
            fn print(&self, out: &mut Vec<u8>) {
                out.extend(self.word().bytes());
            }
        }
    )* };
}

choices! {
    /// `maxmemory-policy`: which keys go when memory is short.
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru", VolatileLfu = "volatile-lfu", VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl", VolatileLrm = "volatile-lrm", AllkeysLru = "allkeys-lru",
        AllkeysLfu = "allkeys-lfu", AllkeysRandom = "allkeys-random", AllkeysLrm = "allkeys-lrm",
        NoEviction = "noeviction",
    }
    /// `loglevel`.
    LogLevel { Debug = "debug", Verbose = "verbose", Notice = "notice", Warning = "warning", Nothing = "nothing" }
    /// `syslog-facility`.
    SyslogFacility {
        User = "user", Local0 = "local0", Local1 = "local1", Local2 = "local2", Local3 = "local3",
        Local4 = "local4", Local5 = "local5", Local6 = "local6", Local7 = "local7",
    }
    /// `supervised`.
    Supervised { Upstart = "upstart", Systemd = "systemd", Auto = "auto", No = "no" }
    /// `appendfsync`: when the append-only file reaches the disk.
    AppendFsync { EverySecond = "everysec", Always = "always", No = "no" }
    /// `repl-diskless-load`.
    DisklessLoad { Disabled = "disabled", OnEmptyDb = "on-empty-db", Swapdb = "swapdb" }
    /// `tls-auth-clients`.
    TlsAuthClients { No = "no", Yes = "yes", Optional = "optional" }
    /// `oom-score-adj`; `yes` is the older word for `relative`.
    OomScoreAdj { No = "no", Yes = "yes", Relative = "relative", Absolute = "absolute" }
    /// `acl-pubsub-default`.
    AclPubsubDefault { AllChannels = "allchannels", ResetChannels = "resetchannels" }
    /// `enable-*-command`, `enable-protected-configs`: who may.
    Allowed { No = "no", Yes = "yes", Local = "local" }
    /// `cluster-preferred-endpoint-type`.
    EndpointType { Ip = "ip", Hostname = "hostname", UnknownEndpoint = "unknown-endpoint" }
    /// `propagation-error-behavior`.
    PropagationErrors { Ignore = "ignore", Panic = "panic", PanicOnReplicas = "panic-on-replicas" }
    /// `rdb-version`: whom a dump is written for.
    RdbVersion { Redis5 = "9", Redis70 = "10", Redis72 = "11", Redis8 = "12", Valkey9 = "80" }
    /// `sanitize-dump-payload`: whose payloads are checked in depth.
    SanitizeDump { No = "no", Yes = "yes", Clients = "clients" }
}

impl RdbVersion {
    /// The number that the dump bears.
    pub fn number(self) -> u32 {
        match self {
            RdbVersion::Redis5 => 9,
            RdbVersion::Redis70 => 10,
            RdbVersion::Redis72 => 11,
            RdbVersion::Redis8 => 12,
            RdbVersion::Valkey9 => 80,
        }
    }
}

impl Allowed {
    /// May a client do it that connects from this machine (`is_local`), or from elsewhere?
    pub fn permits(self, is_local: bool) -> bool {
        match self {
            Allowed::No => false,
            Allowed::Yes => true,
            Allowed::Local => is_local,
        }
    }
}
