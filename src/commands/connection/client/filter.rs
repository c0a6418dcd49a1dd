//! Which connections CLIENT LIST and CLIENT KILL mean: conditions that all must hold, and others (with NOT- before their names) of
//! which none may. TYPE, ID, ADDR, LADDR, USER, SKIPME and MAXAGE are Redis's, the others Valkey's.

use super::list::Class;
use crate::acl::UserId;
use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::describe_client::letters;
use crate::exec::{Call, Stop};
use crate::server::session::flag;
use crate::server::{Server, Session};

/// Letters that a client may be asked for by: those that it may have here or in Valkey.
const LETTERS_KNOWN: &[u8] = b"AbBcdeEiIMNOPrRStTuUx";

/// The letter of what clients may say of themselves with CLIENT CAPA.
const CAPA_REDIRECT: u8 = b'r';

/// One side of the conditions.
#[derive(Default)]
struct Conditions<'c> {
    ids: Option<Vec<u64>>,
    class: Option<Class>,
    address: Option<&'c [u8]>,
    local: Option<&'c [u8]>,
    user: Option<UserId>,
    flags: Option<&'c [u8]>,
    name: Option<&'c [u8]>,
    lib_name: Option<&'c [u8]>,
    lib_version: Option<&'c [u8]>,
    db: Option<usize>,
    capabilities: Option<&'c [u8]>,
    ip: Option<&'c [u8]>,
}

impl Conditions<'_> {
    /// For each condition that was asked for, whether the session meets it.
    fn judge(&self, session: &Session) -> impl Iterator<Item = bool> {
        let says = |wanted: Option<&[u8]>, is: &[u8]| wanted.map(|wanted| wanted == is);
        // Who has no name does not have the empty one.
        let named = |wanted: Option<&[u8]>, is: &[u8]| wanted.map(|wanted| !is.is_empty() && wanted == is);
        let has_letters = |wanted: &[u8]| wanted.iter().all(|&letter| letters(session).contains(letter as char));
        let can = |wanted: &[u8]| wanted.iter().all(|_| session.has(flag::CAPA_REDIRECT));
        [
            self.ids.as_ref().map(|ids| ids.contains(&session.id)),
            self.class.map(|class| Class::of(session) == class),
            says(self.address, session.peer.as_bytes()),
            says(self.local, session.local.as_bytes()),
            self.user.map(|user| session.user == user),
            self.flags.map(has_letters),
            named(self.name, &session.name),
            named(self.lib_name, &session.lib_name),
            named(self.lib_version, &session.lib_version),
            self.db.map(|db| session.db == db),
            self.capabilities.map(can),
            says(self.ip, ip_of(&session.peer).as_bytes()),
        ]
        .into_iter()
        .flatten()
    }
}

/// The address of a peer without its port.
fn ip_of(peer: &str) -> &str {
    let address = peer.rsplit_once(':').map_or(peer, |(address, _)| address);
    address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address)
}

/// All conditions.
#[derive(Default)]
pub struct Filter<'c> {
    wanted: Conditions<'c>,
    unwanted: Conditions<'c>,
    age_s_min: Option<i64>,
    idle_s_min: Option<i64>,
    /// Whether to leave out who asks, if he said so.
    pub skips_me: Option<bool>,
}

impl<'c> Filter<'c> {
    /// Only this address, and whoever has it.
    pub fn of_address(address: &'c [u8]) -> Filter<'c> {
        let wanted = Conditions { address: Some(address), ..Conditions::default() };
        Filter { wanted, skips_me: Some(false), ..Filter::default() }
    }

    /// The conditions that stand from word `from` on; `what_ids` says what is wrong with an id that is none.
    pub fn parse(call: &Call<'c>, server: &Server, from: usize, what_ids: &'static str) -> Result<Filter<'c>, Stop> {
        let mut filter = Filter::default();
        let mut at = from;
        while at < call.argc() {
            if at + 1 >= call.argc() {
                return Err(fault::SYNTAX);
            }
            at = filter.take(call, server, at, what_ids)?;
        }
        Ok(filter)
    }

    /// Takes the condition at word `at`; where the next one stands.
    fn take(&mut self, call: &Call<'c>, server: &Server, at: usize, what_ids: &'static str) -> Result<usize, Stop> {
        let (word, value) = (call.arg(at).to_ascii_uppercase(), call.arg(at + 1));
        let (name, is_ruled_out) = match word.strip_prefix(b"NOT-") {
            Some(name) => (name, true),
            None => (&word[..], false),
        };
        let side = if is_ruled_out { &mut self.unwanted } else { &mut self.wanted };
        let place = if is_ruled_out { "NOT-" } else { "" };
        match name {
            b"ID" => {
                let (ids, next) = ids(call, at + 1, what_ids)?;
                side.ids = Some(ids);
                return Ok(next);
            }
            b"TYPE" => side.class = Some(Class::parse(value)?),
            b"ADDR" => side.address = Some(value),
            b"LADDR" => side.local = Some(value),
            b"USER" => {
                let user = server.acl.find(value);
                side.user = Some(user.ok_or_else(|| Stop::quoting("ERR No such user '", value, "'"))?);
            }
            b"FLAGS" => side.flags = Some(known(value, LETTERS_KNOWN, "flags", is_ruled_out.then_some("NOT-FLAGS"))?),
            b"NAME" => side.name = Some(value),
            b"LIB-NAME" => side.lib_name = Some(value),
            b"LIB-VER" => side.lib_version = Some(value),
            b"DB" => side.db = Some(database(value, server.keyspace.databases(), place)?),
            b"CAPA" => {
                side.capabilities = Some(known(value, &[CAPA_REDIRECT], "capa", is_ruled_out.then_some("NOT-CAPA"))?);
            }
            b"IP" => side.ip = Some(value),
            b"SKIPME" if !is_ruled_out => {
                self.skips_me = Some(match value.to_ascii_lowercase().as_slice() {
                    b"yes" => true,
                    b"no" => false,
                    _ => return Err(fault::SYNTAX),
                });
            }
            b"MAXAGE" if !is_ruled_out => self.age_s_min = Some(seconds(value, "maxage")?),
            b"IDLE" if !is_ruled_out => self.idle_s_min = Some(seconds(value, "idle")?),
            _ => return Err(fault::SYNTAX),
        }
        Ok(at + 2)
    }

    /// True when the session, at `now`, is one of those meant; who asks is left to the caller.
    pub fn meets(&self, session: &Session, now: i64) -> bool {
        self.wanted.judge(session).all(|holds| holds)
            && self.unwanted.judge(session).all(|holds| !holds)
            && self.age_s_min.is_none_or(|age| (now - session.created) / 1000 >= age)
            && self.idle_s_min.is_none_or(|idle| (now - session.last_active) / 1000 >= idle)
    }
}

/// One id or more, up to a word that is no number.
fn ids(call: &Call, from: usize, what_ids: &'static str) -> Result<(Vec<u64>, usize), Stop> {
    let mut ids = Vec::new();
    let mut at = from;
    while at < call.argc()
        && let Some(id) = parse_i64(call.arg(at))
    {
        ids.push(u64::try_from(id).ok().filter(|&id| id > 0).ok_or(Stop::error(what_ids))?);
        at += 1;
    }
    if ids.is_empty() { Err(Stop::error(what_ids)) } else { Ok((ids, at)) }
}

/// Letters of which each must be one of `letters`.
fn known<'c>(value: &'c [u8], letters: &[u8], what: &str, ruled_out: Option<&'static str>) -> Result<&'c [u8], Stop> {
    if value.iter().all(|letter| letters.contains(letter)) {
        return Ok(value);
    }
    let place = ruled_out.map_or("provided filter".to_owned(), |name| format!("{name} filter"));
    Err(Stop::quoting(&format!("ERR Unknown {what} found in the {place}: "), value, ""))
}

fn database(value: &[u8], databases: usize, place: &str) -> Result<usize, Stop> {
    let number = parse_i64(value)
        .ok_or_else(|| Stop::error_owned(format!("ERR {place}DB is not an integer or out of range")))?;
    let last = databases - 1;
    let in_range = usize::try_from(number).ok().filter(|&number| number <= last);
    in_range.ok_or_else(|| Stop::error_owned(format!("ERR {place}DB number should be between 0 and {last}")))
}

fn seconds(value: &[u8], what: &str) -> Result<i64, Stop> {
    let number =
        parse_i64(value).ok_or_else(|| Stop::error_owned(format!("ERR {what} is not an integer or out of range")))?;
    if number > 0 { Ok(number) } else { Err(Stop::error_owned(format!("ERR {what} should be greater than 0"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_ports() {
        assert_eq!(ip_of("127.0.0.1:80"), "127.0.0.1");
        assert_eq!(ip_of("[::1]:80"), "::1");
        assert_eq!(ip_of("/tmp/socket:0"), "/tmp/socket");
    }
}
