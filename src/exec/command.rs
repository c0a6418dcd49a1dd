//! A command as it is dispatched: its row (`spec`) joined with the function that runs it, and the table of all of them.

use std::collections::HashMap;

use super::call::{Call, Outcome};
use crate::acl::Catalog;
use crate::keyspace::{Db, Keyspace};
use crate::protocol::args::Args;
use crate::server::{Server, World};
use crate::spec::{Begin, Find, Spec};

/// The function of a command; its type says what the command may touch.
#[derive(Clone, Copy)]
pub enum Run {
    /// One database.
    Data(fn(&mut Call, &mut Db) -> Outcome),
    /// Several databases (MOVE, COPY, SWAPDB, FLUSHALL).
    Keyspace(fn(&mut Call, &mut Keyspace) -> Outcome),
    /// Everything, and the world outside.
    Server(fn(&mut Call, &mut Server, &mut dyn World) -> Outcome),
    /// Nothing by itself: a name for its subcommands.
    Container,
}

/// One row of the table of commands.
pub struct Command {
    pub spec: Spec,
    pub run: Run,
    pub subcommands: &'static [Command],
}

impl Spec {
    /// Runs on one database.
    pub const fn data(self, run: fn(&mut Call, &mut Db) -> Outcome) -> Command {
        Command { spec: self, run: Run::Data(run), subcommands: &[] }
    }

    /// Runs on all databases.
    pub const fn keyspace(self, run: fn(&mut Call, &mut Keyspace) -> Outcome) -> Command {
        Command { spec: self, run: Run::Keyspace(run), subcommands: &[] }
    }

    /// Runs on the whole server.
    pub const fn server(self, run: fn(&mut Call, &mut Server, &mut dyn World) -> Outcome) -> Command {
        Command { spec: self, run: Run::Server(run), subcommands: &[] }
    }

    /// Has subcommands and does nothing by itself.
    pub const fn container(self, subcommands: &'static [Command]) -> Command {
        let spec = Spec { is_container: true, ..self };
        Command { spec, run: Run::Container, subcommands }
    }
}

/// A command (or subcommand) with its number and full name.
pub struct Row {
    pub command: &'static Command,
    /// As statistics and errors name it: "get", "config|get". Lower case.
    pub full_name: String,
    /// Number of the containing command; `None` for a command of its own.
    pub parent: Option<usize>,
    /// Numbers of the subcommands.
    pub children: Vec<usize>,
    /// Word index of the first key, where every call that has one has it at the same place; else 0.
    pub first_key: usize,
    /// How many words it takes, name included: the least and the most.
    words_min: usize,
    words_max: usize,
}

impl Row {
    /// True when `words` (name included) is a number of words that the command takes.
    #[inline]
    pub fn accepts(&self, words: usize) -> bool {
        self.words_min <= words && words <= self.words_max
    }
}

/// All commands by name; made once at boot.
pub struct CommandTable {
    rows: Vec<Row>,
    by_name: NameIndex,
}

impl CommandTable {
    /// Builds the table. `renamed`: pairs of old and new name (`rename-command`); an empty new name takes the command away.
    /// Errors name the command that does not exist or the name that is taken.
    pub fn new(
        families: &[&'static [&'static [Command]]],
        renamed: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<CommandTable, String> {
        let mut rows = Vec::new();
        let mut names: HashMap<Vec<u8>, usize> = HashMap::new();
        for command in families.iter().flat_map(|family| family.iter()).flat_map(|rows| rows.iter()) {
            let id = rows.len();
            rows.push(row(command, command.spec.name.to_ascii_lowercase(), None));
            for sub in command.subcommands {
                let child = rows.len();
                let name = format!("{}|{}", rows[id].full_name, sub.spec.name.to_ascii_lowercase());
                rows.push(row(sub, name, Some(id)));
                rows[id].children.push(child);
            }
            if names.insert(command.spec.name.to_ascii_lowercase().into_bytes(), id).is_some() {
                return Err(format!("command {} is declared twice", command.spec.name));
            }
        }
        for (old, new) in renamed {
            let old = old.to_ascii_lowercase();
            let id = names.remove(&old).ok_or("No such command in rename-command")?;
            if !new.is_empty() && names.insert(new.to_ascii_lowercase(), id).is_some() {
                return Err("Target command name already exists".to_owned());
            }
        }
        Ok(CommandTable { rows, by_name: NameIndex::new(&names) })
    }

    /// The number of the command of this name, in any case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.by_name.find(name)
    }

    /// The number of the command of this full name ("get", "config|get"), in any case.
    pub fn find_full(&self, name: &[u8]) -> Option<usize> {
        match name.iter().position(|byte| *byte == b'|') {
            None => self.find(name),
            Some(at) => self.find_subcommand(self.find(&name[..at])?, &name[at + 1..]),
        }
    }

    /// The number of the command that a whole request means, the subcommand's where there is one.
    pub fn find_words(&self, words: Args) -> Option<usize> {
        let id = self.find(words.get(0))?;
        if self.rows[id].children.is_empty() || words.len() == 1 {
            return Some(id);
        }
        self.find_subcommand(id, words.get(1))
    }

    #[inline]
    pub fn row(&self, id: usize) -> &Row {
        &self.rows[id]
    }

    /// All rows, subcommands behind their container.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The number of the subcommand of this name, in any case.
    pub fn find_subcommand(&self, id: usize, name: &[u8]) -> Option<usize> {
        let named = |&child: &usize| self.rows[child].command.spec.name.as_bytes().eq_ignore_ascii_case(name);
        self.rows[id].children.iter().copied().find(named)
    }

    /// The commands as access control names them: by what they were declared as.
    pub fn catalog(&self) -> Catalog {
        Catalog::new(self.rows.iter().map(|row| (row.full_name.clone(), &row.command.spec, row.parent)))
    }

    /// The names under which commands can be called now (lower case) with their numbers.
    pub fn names(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.by_name.names()
    }
}

fn row(command: &'static Command, full_name: String, parent: Option<usize>) -> Row {
    let first_key = match command.spec.key_specs[0] {
        Some(spec) => match (spec.begin, spec.find) {
            (Begin::Index(index), Find::Range { .. }) => index as usize,
            // Where there is one at all: without, the word is looked up for nothing.
            (Begin::Index(count), Find::Number { first, .. }) => usize::from(count) + usize::from(first),
            _ => 0,
        },
        None => 0,
    };
    let words_min = command.spec.arity.unsigned_abs() as usize;
    let words_max = if command.spec.arity < 0 { usize::MAX } else { words_min };
    Row { command, full_name, parent, children: Vec::new(), first_key, words_min, words_max }
}

/// The command that was found last, by its name as it was typed: a pipeline mostly repeats one command.
#[derive(Default)]
pub struct LastFound {
    /// Up to eight bytes of name, and how many; 0: none yet.
    word: u64,
    len: usize,
    id: usize,
}

impl LastFound {
    /// The number of the command of this name, in any case.
    #[inline]
    pub fn find(&mut self, commands: &CommandTable, name: &[u8]) -> Option<usize> {
        if !(1..=8).contains(&name.len()) {
            return commands.find(name);
        }
        let word = word(name);
        if word == self.word && name.len() == self.len {
            return Some(self.id);
        }
        let id = commands.find(name)?;
        *self = LastFound { word, len: name.len(), id };
        Some(id)
    }
}

/// Longest name that is packed into words for comparison; longer ones are compared as text.
const PACKED_NAME_BYTES: usize = 16;

/// A hash table from names to numbers, for look-ups of a few nanoseconds: names of up to 16 bytes are folded to lower
/// case and compared as two words.
struct NameIndex {
    slots: Vec<NameSlot>,
    mask: usize,
}

#[derive(Clone, Default)]
struct NameSlot {
    packed: [u64; 2],
    len: u32,
    id_plus_one: u32,
    /// Nothing but letters, and all of them in `packed`: equal words are equal names.
    is_packed: bool,
    name: Box<[u8]>,
}

/// Folds letters to lower case, eight bytes at a time (other bytes may change too, but alike on both sides; where a name
/// has any, the text is compared again).
const FOLD: u64 = 0x2020_2020_2020_2020;

/// The first eight bytes, zeros where there are fewer; by loads of fixed sizes that overlap, with no loop and no copy.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    let n = bytes.len();
    let four = |at: usize| u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")));
    match n {
        0 => 0,
        1..=3 => {
            let one = |at: usize| u64::from(bytes[at]) << (8 * at);
            one(0) | one(n / 2) | one(n - 1)
        }
        4..=7 => four(0) | four(n - 4) << (8 * (n - 4)),
        _ => u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")),
    }
}

#[inline]
fn pack(name: &[u8]) -> [u64; 2] {
    [word(name) | FOLD, word(name.get(8..).unwrap_or(&[])) | FOLD]
}

#[inline]
fn place(packed: [u64; 2], len: usize) -> usize {
    let mixed = (packed[0] ^ packed[1].rotate_left(29) ^ len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize
}

impl NameIndex {
    fn new(names: &HashMap<Vec<u8>, usize>) -> NameIndex {
        let size = (names.len() * 4).next_power_of_two().max(16);
        let mut index = NameIndex { slots: vec![NameSlot::default(); size], mask: size - 1 };
        for (name, &id) in names {
            let packed = pack(name);
            let mut at = place(packed, name.len()) & index.mask;
            while index.slots[at].id_plus_one != 0 {
                at = (at + 1) & index.mask;
            }
            let is_packed = name.len() <= PACKED_NAME_BYTES && name.iter().all(u8::is_ascii_alphabetic);
            let (len, id_plus_one) = (name.len() as u32, id as u32 + 1);
            index.slots[at] = NameSlot { packed, len, id_plus_one, is_packed, name: name.as_slice().into() };
        }
        index
    }

    #[inline]
    fn find(&self, name: &[u8]) -> Option<usize> {
        let packed = pack(name);
        let mut at = place(packed, name.len()) & self.mask;
        loop {
            let slot = &self.slots[at];
            if slot.id_plus_one == 0 {
                return None;
            }
            let may_be = slot.packed == packed && slot.len as usize == name.len();
            if may_be && (slot.is_packed || slot.name.eq_ignore_ascii_case(name)) {
                return Some(slot.id_plus_one as usize - 1);
            }
            at = (at + 1) & self.mask;
        }
    }

    fn names(&self) -> impl Iterator<Item = (&[u8], usize)> {
        let taken = self.slots.iter().filter(|slot| slot.id_plus_one != 0);
        taken.map(|slot| (&*slot.name, slot.id_plus_one as usize - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_found_last_answers_for_itself_only() {
        fn nothing(_: &mut Call, _: &mut Db) -> Outcome {
            Ok(())
        }
        const ROWS: &[Command] = &[
            crate::spec::command("GET", "key", 2).data(nothing),
            crate::spec::command("SET", "key", 2).data(nothing),
            crate::spec::command("ZREVRANGEBYSCORE", "key", 2).data(nothing),
        ];
        let commands = CommandTable::new(&[&[ROWS]], &[]).expect("the rows are sound");
        let mut last = LastFound::default();
        for name in ["", "get", "get", "GET", "gets", "ge", "set", "", "zrevrangebyscore", "nothing", "get", "g\0\0"] {
            assert_eq!(last.find(&commands, name.as_bytes()), commands.find(name.as_bytes()), "{name:?}");
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_no_others() {
        let names =
            ["a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghijkl", "with-dash", "a2", "abcdefghijklmnopqr"];
        let index =
            NameIndex::new(&names.iter().enumerate().map(|(id, name)| (name.as_bytes().to_vec(), id)).collect());
        for (id, name) in names.iter().enumerate() {
            assert_eq!(index.find(name.as_bytes()), Some(id));
            assert_eq!(index.find(name.to_ascii_uppercase().as_bytes()), Some(id));
            for at in 0..name.len() {
                let mut other = name.as_bytes().to_vec();
                other[at] ^= 0x01;
                assert_eq!(index.find(&other), None, "{other:?}");
                other[at] ^= 0x41;
                assert_eq!(index.find(&other), None, "{other:?}");
                // The bit that tells the cases of a letter apart tells other bytes apart.
                other[at] ^= 0x60;
                let is_letter = name.as_bytes()[at].is_ascii_alphabetic();
                assert_eq!(index.find(&other).is_some(), is_letter, "{other:?}");
            }
        }
        for other in ["", "b", "abcde", "abcdefghi", "abcdefghijklmnopqs", "ab\0"] {
            assert_eq!(index.find(other.as_bytes()), None, "{other:?}");
        }
    }
}
