//! What a handler is given and what it gives back.

use std::borrow::Cow;
use std::cell::Cell;

use crate::base::clock::Ms;
use crate::base::long_double::LongDouble;
use crate::base::number::{parse_f64, parse_i64};
use crate::base::random::Random;
use crate::config::Settings;
use crate::keyspace::{Key, SessionKey};
use crate::protocol::args::{Args, OwnedRequest};
use crate::protocol::reply::Reply;
use crate::server::journal::Propagation;
use crate::server::session::flag as session_flag;
use crate::value::{Kind, WrongType};

use super::batch::Rest;
use super::command::CommandTable;

/// Why a handler did not answer by itself.
#[derive(Debug)]
pub enum Stop {
    /// The whole error line, code first ("ERR syntax error"), without the dash.
    Error(Cow<'static, [u8]>),
    /// Nothing to answer yet: the session waits.
    Block(Box<Block>),
}

/// What a handler gives back; the reply itself is written through `Call::reply`.
pub type Outcome = Result<(), Stop>;

/// What a session waits for.
#[derive(Clone, Debug)]
pub struct Block {
    /// Any of these keys.
    pub keys: Vec<Vec<u8>>,
    /// The type that a key must have to serve.
    pub kind: Kind,
    /// When waiting ends without an answer; `None`: never.
    pub deadline: Option<Ms>,
    pub when_denied: WhenDenied,
    /// The command is also to run again when one of the keys is gone, or of another type.
    pub on_absence: bool,
    /// The words to run again with, where they are not those that came: `$` means the end of a stream as it is now.
    pub words: Option<OwnedRequest>,
    /// When it is to run again by itself: what it waits for may come with time alone.
    pub again: Option<Ms>,
}

impl Block {
    /// Waits for one of these keys, with the words that came.
    pub fn on(keys: Vec<Vec<u8>>, kind: Kind, deadline: Option<Ms>, when_denied: WhenDenied) -> Block {
        Block { keys, kind, deadline, when_denied, on_absence: false, words: None, again: None }
    }
}

/// What answers a command that may not wait where it stands, in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDenied {
    Null,
    NullArray,
    /// How many replicas acknowledged: none.
    NoReplica,
    /// The same, behind the same of the own disk.
    NoDiskNoReplica,
}

impl WhenDenied {
    pub fn answer(self, reply: &mut Reply) {
        match self {
            WhenDenied::Null => reply.null(),
            WhenDenied::NullArray => reply.null_array(),
            WhenDenied::NoReplica => reply.integer(0),
            WhenDenied::NoDiskNoReplica => {
                reply.array(2);
                reply.integer(0);
                reply.integer(0);
            }
        }
    }

    /// What answers who waited in vain: the same count, or a null array whatever else was waited for.
    pub fn late(self) -> fn(&mut Reply) {
        match self {
            WhenDenied::Null | WhenDenied::NullArray => |reply| reply.null_array(),
            WhenDenied::NoReplica => |reply| WhenDenied::NoReplica.answer(reply),
            WhenDenied::NoDiskNoReplica => |reply| WhenDenied::NoDiskNoReplica.answer(reply),
        }
    }
}

impl Stop {
    /// The session waits.
    pub fn wait(block: Block) -> Stop {
        Stop::Block(Box::new(block))
    }

    pub const fn error(text: &'static str) -> Stop {
        Stop::Error(Cow::Borrowed(text.as_bytes()))
    }

    /// An error whose text is made at run time.
    pub fn error_owned(text: impl Into<Vec<u8>>) -> Stop {
        Stop::Error(Cow::Owned(text.into()))
    }

    /// An error that repeats a client's word.
    #[cold]
    pub fn quoting(before: &str, word: &[u8], after: &str) -> Stop {
        Stop::error_owned([before.as_bytes(), shown(word, usize::MAX), after.as_bytes()].concat())
    }

    /// An error that repeats two words of a client.
    #[cold]
    pub fn quoting_both(before: &str, first: &[u8], between: &str, second: &[u8], after: &str) -> Stop {
        let words = [shown(first, usize::MAX), shown(second, usize::MAX)];
        let text = [before.as_bytes(), words[0], between.as_bytes(), words[1], after.as_bytes()].concat();
        Stop::error_owned(text)
    }
}

/// Longest piece of a client's words that an error about commands repeats, bytes.
pub(super) const SHOWN_BYTES_MAX: usize = 128;

/// The part of a client's word that an error text repeats: it ends at a zero byte, as C's strings do.
pub fn shown(word: &[u8], bytes_max: usize) -> &[u8] {
    let end = memchr::memchr(0, word).unwrap_or(word.len());
    &word[..end.min(bytes_max)]
}

impl From<WrongType> for Stop {
    fn from(_: WrongType) -> Stop {
        fault::WRONG_TYPE
    }
}

impl From<&'static str> for Stop {
    fn from(text: &'static str) -> Stop {
        Stop::error(text)
    }
}

/// The errors that many commands share.
pub mod fault {
    use super::Stop;

    pub const WRONG_TYPE: Stop = Stop::error("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub const SYNTAX: Stop = Stop::error("ERR syntax error");
    pub const NOT_AN_INTEGER: Stop = Stop::error("ERR value is not an integer or out of range");
    pub const NOT_A_FLOAT: Stop = Stop::error("ERR value is not a valid float");
    pub const NO_SUCH_KEY: Stop = Stop::error("ERR no such key");
    pub const OUT_OF_RANGE: Stop = Stop::error("ERR index out of range");
    pub const TIMEOUT_NOT_A_FLOAT: Stop = Stop::error("ERR timeout is not a float or out of range");
    pub const TIMEOUT_NEGATIVE: Stop = Stop::error("ERR timeout is negative");
    pub const TIMEOUT_OUT_OF_RANGE: Stop = Stop::error("ERR timeout is out of range");
    pub const DB_OUT_OF_RANGE: Stop = Stop::error("ERR DB index is out of range");
    pub const INVALID_DB: Stop = Stop::error("ERR invalid DB index");
}

/// One call of one command.
pub struct Call<'a> {
    pub args: Args<'a>,
    pub reply: Reply<'a>,
    /// Milliseconds since the epoch; the same for all commands of a transaction.
    pub now: Ms,
    pub session: SessionKey,
    /// The session's database.
    pub db: usize,
    /// The session's flags (`server::session::flag`) as the command found them.
    pub session_flags: u32,
    /// Inside EXEC or a script: waiting is not allowed, and a would-be waiter answers as if its time were over.
    pub may_block: bool,
    /// Journal or replicas read what this call changes: rewritten forms are worth building.
    pub settings: &'a Settings,
    pub random: &'a mut Random,
    pub propagation: &'a mut Propagation,
    pub commands: &'a CommandTable,
    /// Hash of the first key, computed while parsing; meaningful when `first_key` is not 0.
    pub key_hash: u64,
    /// Word index of the first key; 0: none.
    pub first_key: usize,
    /// The command's number in the table (subcommand's, where there is one).
    pub command_id: usize,
    /// What was parsed behind the session at hand: for what runs long.
    pub rest: Option<&'a Rest<'a>>,
    /// What of it a cluster would refuse, keys in several slots apart (`exec::cluster_ops`).
    pub beyond_cluster: Cell<u32>,
}

impl<'a> Call<'a> {
    /// The error for a number of words that the arity lets through and the command has no use for.
    #[cold]
    pub fn wrong_arity(&self) -> Stop {
        let name = &self.commands.row(self.command_id).full_name;
        Stop::error_owned(format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// The same where Redis tells it as it tells an unknown subcommand.
    #[cold]
    pub fn wrong_subcommand(&self) -> Stop {
        let before: &[u8] = b"ERR unknown subcommand or wrong number of arguments for '";
        let (container, name) = (self.arg(0).to_ascii_uppercase(), shown(self.arg(1), SHOWN_BYTES_MAX));
        Stop::error_owned([before, name, b"'. Try ", &container, b" HELP."].concat())
    }

    /// A cluster would refuse this, whatever comes of it here.
    #[inline]
    pub fn note_beyond_cluster(&self) {
        self.beyond_cluster.set(self.beyond_cluster.get() + 1);
    }

    /// Number of words, name included.
    #[inline]
    pub fn argc(&self) -> usize {
        self.args.len()
    }

    #[inline]
    pub fn arg(&self, index: usize) -> &'a [u8] {
        self.args.get(index)
    }

    /// The word at `index` as a key; the first key's hash is there already.
    #[inline(always)]
    pub fn key(&self, index: usize) -> Key<'a> {
        let bytes = self.args.get(index);
        if index == self.first_key { Key { bytes, hash: self.key_hash } } else { Key::new(bytes) }
    }

    /// True when word `index` is `option` (upper case), in any case.
    #[inline]
    pub fn is(&self, index: usize, option: &str) -> bool {
        self.args.get(index).eq_ignore_ascii_case(option.as_bytes())
    }

    /// The word at `index` as a 64-bit integer.
    #[inline]
    pub fn integer(&self, index: usize) -> Result<i64, Stop> {
        parse_i64(self.args.get(index)).ok_or(fault::NOT_AN_INTEGER)
    }

    /// The word at `index` as the number of one of `databases` databases.
    pub fn database(&self, index: usize, databases: usize) -> Result<usize, Stop> {
        let number = self.integer(index)?;
        if i32::try_from(number).is_err() {
            return Err(Stop::error("ERR value is out of range, value must between -2147483648 and 2147483647"));
        }
        usize::try_from(number).ok().filter(|&number| number < databases).ok_or(fault::DB_OUT_OF_RANGE)
    }

    /// The word at `index` as a finite or infinite double.
    pub fn double(&self, index: usize) -> Result<f64, Stop> {
        parse_f64(self.args.get(index)).ok_or(fault::NOT_A_FLOAT)
    }

    /// A timeout in seconds with fraction (0: for ever) as a deadline.
    pub fn timeout_deadline(&self, index: usize) -> Result<Option<Ms>, Stop> {
        let seconds = LongDouble::parse(self.args.get(index)).ok_or(fault::TIMEOUT_NOT_A_FLOAT)?;
        match seconds.times(1000).ceil() {
            0 => Ok(None),
            ms @ 1.. => {
                let deadline = i64::try_from(ms).ok().and_then(|ms| self.now.checked_add(ms));
                deadline.map(Some).ok_or(fault::TIMEOUT_OUT_OF_RANGE)
            }
            _ => Err(fault::TIMEOUT_NEGATIVE),
        }
    }

    /// A timeout in whole milliseconds (0: for ever) as a deadline.
    pub fn timeout_ms_deadline(&self, index: usize) -> Result<Option<Ms>, Stop> {
        match parse_i64(self.args.get(index)) {
            None => Err(Stop::error("ERR timeout is not an integer or out of range")),
            Some(0) => Ok(None),
            Some(ms @ 1..) => self.now.checked_add(ms).map(Some).ok_or(fault::TIMEOUT_OUT_OF_RANGE),
            Some(_) => Err(fault::TIMEOUT_NEGATIVE),
        }
    }

    /// True when the user may read every key by this call, so that one may follow keys that its words do not name (SORT with
    /// BY or GET).
    pub fn may_read_every_key(&self) -> bool {
        let restricted = self.session_flags & session_flag::RESTRICTED != 0;
        !restricted || self.session_flags & session_flag::READS_EVERY_KEY != 0
    }

    /// True when somebody reads the journal, so that a rewritten form is worth building.
    #[inline]
    pub fn is_journalled(&self) -> bool {
        self.propagation.is_wanted()
    }
}
