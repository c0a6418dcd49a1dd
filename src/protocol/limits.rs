//! The bounds on requests: what a client may ask the server to hold before it has proved anything.

/// A line (inline request, or the count before arguments and bytes) may be this long without its end in sight, in bytes.
pub const LINE_MAX: usize = 64 * 1024;

/// Arguments of one request.
pub const ARGUMENTS_MAX: i64 = i32::MAX as i64;

/// Arguments, and bytes of one, before the client has authenticated: enough for AUTH and HELLO, not for filling memory.
pub const UNAUTHENTICATED_ARGUMENTS_MAX: i64 = 10;
pub const UNAUTHENTICATED_BULK_MAX: u64 = 16 * 1024;

/// The lowest bound that `proto-max-bulk-len` may set on the bytes of one argument.
pub const BULK_MAX_LEAST: u64 = 1 << 20;

/// One request in one piece, in bytes: positions are 31 bits wide. Larger arguments have to be read apart (`Progress::detach`).
pub const REQUEST_MAX: u64 = 1 << 31;

/// The bounds that the configuration and the client's state move.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one argument: `proto-max-bulk-len`, not below `BULK_MAX_LEAST`; unlimited for the link from a master.
    pub bulk_max: u64,
    /// Bytes a client may send of requests not yet run: `client-query-buffer-limit`. Kept by who reads, not by the parser.
    pub query_buffer_max: usize,
    /// Whether the client has proved who it is, or need not.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bulk_max: 512 << 20, query_buffer_max: 1 << 30, authenticated: true }
    }
}
