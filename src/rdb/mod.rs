//! The dump format of Redis: reading every version from 1 to 13 and that of Valkey 9, writing version 12, or an older one for
//! older servers.
//!
//! A file is a header, records, and a trailer; a record is an opcode with its operands, or a value with its key:
//!
//! ```text
//! "REDIS0012" | AUX* FUNCTION2* ( SELECTDB RESIZEDB ( [EXPIRETIME_MS] [IDLE|FREQ] kind key value )* )* | EOF crc64
//! ```
//!
//! This room owns the bytes and nothing else: `format` names them, `reader` and `writer` move them over a `Source` (a file, or what a link brings: `inflow`) or a
//! `Sink`, `record` reads what surrounds the values, `legacy` opens encodings that are no longer written, `read_value` and
//! `write_value` turn bytes into values and back (`older` for older servers, `module` reads over what is not served), `load` and `save` do so with whole dumps, `payload` frames DUMP and RESTORE. Bytes come from outside and may be anything: what is wrong with them is a value
//! (`Fault`), with the offset at which it was seen, never a panic and never memory beyond what has really arrived.

/// The numbers of the format: opcodes, kinds of value, length codes.
pub mod format;
/// Values in, some elements at a time.
pub mod growing;
/// A dump as it comes, by a link.
pub mod inflow;
/// Views of the packed encodings that old versions wrote: ziplist, zipmap; and of the list pack.
pub mod legacy;
/// A whole dump in.
pub mod load;
/// What modules left.
pub mod module;
/// What older versions cannot say, and how they are written.
pub mod older;
/// What DUMP hands out and RESTORE takes: one value with its version and checksum.
pub mod payload;
/// Values in: every kind.
pub mod read_value;
/// Bytes in: lengths, strings, integers, scores, with running checksum and offset.
pub mod reader;
/// What surrounds the values: header, opcodes, trailer.
pub mod record;
/// A whole dump out.
pub mod save;
/// Streams, in and out.
mod stream;
/// Values out.
pub mod write_value;
/// Bytes out.
pub mod writer;

#[cfg(test)]
mod tests;
