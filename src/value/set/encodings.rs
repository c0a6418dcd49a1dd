//! The value itself: adding, removing, finding and walking in each encoding, and the ways from one to the next.
//! Invariant: members are distinct as texts; in a pack, numbers are kept as numbers, so one member has one form.

use crate::base::memory::usable_size;
use crate::base::number::{IntegerText, parse_i64};
use crate::structures::int_set::IntSet;
use crate::structures::list_pack::{self, BYTES_MAX, Item, ListPack};
use crate::structures::member_set::{self, MemberSet};
use crate::value::limits::EncodingLimits;
use crate::value::{Kind, Object};

/// No more integers than this in an intset, whatever the configuration says: its sizes have 32 bits.
const INT_ENTRIES_MAX: usize = 1 << 30;
/// The most that an integer takes in a pack.
const INT_ITEM_BYTES_MAX: usize = 10;

/// A set in one of its encodings.
#[derive(Clone)]
pub enum Set {
    Ints(IntSet),
    Pack(ListPack),
    Table(Box<MemberSet>),
}

impl Default for Set {
    fn default() -> Set {
        Set::Ints(IntSet::new())
    }
}

impl Object for Set {
    const KIND: Kind = Kind::Set;

    #[inline]
    fn len(&self) -> usize {
        match self {
            Set::Ints(ints) => ints.len(),
            Set::Pack(pack) => pack.len(),
            Set::Table(table) => table.len(),
        }
    }

    #[inline]
    fn prefetch_place(&self, hash: u64) {
        if let Set::Table(members) = self {
            members.prefetch_place(hash);
        }
    }

    #[inline]
    fn prefetch_element(&self, hash: u64) {
        if let Set::Table(members) = self {
            members.prefetch_member(hash);
        }
    }

    fn encoding(&self) -> &'static str {
        match self {
            Set::Ints(_) => "intset",
            Set::Pack(_) => "listpack",
            Set::Table(_) => "hashtable",
        }
    }

    /// Exact in every encoding: the table counts its members' bytes as they come and go.
    fn bytes(&self, _samples: usize) -> usize {
        match self {
            Set::Ints(ints) => ints.allocated_bytes(),
            Set::Pack(pack) => pack.allocated_bytes(),
            Set::Table(table) => usable_size(size_of::<MemberSet>()) + table.allocated_bytes(),
        }
    }

    fn free_effort(&self) -> usize {
        match self {
            Set::Ints(_) | Set::Pack(_) => 1,
            Set::Table(table) => table.len(),
        }
    }

    fn free_some(&mut self, budget: usize) -> bool {
        match self {
            Set::Ints(_) | Set::Pack(_) => true,
            Set::Table(table) => table.free_some(budget),
        }
    }
}

impl Set {
    /// An empty set in the encoding that suits `first` and about `count` members of its kind.
    pub fn for_members(first: &[u8], count: usize, limits: &EncodingLimits) -> Set {
        if count <= limits.set_int_entries && parse_i64(first).is_some() {
            return Set::Ints(IntSet::new());
        }
        if count <= limits.set_pack_entries {
            return Set::Pack(ListPack::new());
        }
        let mut table = Box::new(MemberSet::new());
        table.reserve(count);
        Set::Table(table)
    }

    /// Before about `count` members are added: what would not hold them becomes a table at once.
    pub fn expect_more(&mut self, count: usize, limits: &EncodingLimits) {
        let is_too_many = match self {
            Set::Ints(_) => count > limits.set_int_entries,
            Set::Pack(_) => count > limits.set_pack_entries,
            Set::Table(_) => false,
        };
        if is_too_many {
            self.become_table(count);
        }
    }

    /// Adds a member; false when it was there.
    pub fn add(&mut self, member: Item<'_>, limits: &EncodingLimits) -> bool {
        match self {
            Set::Table(table) => table.add(member.to_bytes(&mut IntegerText::new())),
            Set::Pack(pack) => {
                if find_in_pack(pack, member).is_some() {
                    return false;
                }
                let len = member.len();
                if pack.len() < limits.set_pack_entries && len <= limits.set_pack_value_bytes && pack.would_fit(len) {
                    push(pack, member);
                } else {
                    self.become_table(1);
                    self.add_to_table(member);
                }
                true
            }
            Set::Ints(ints) => match as_integer(member) {
                Some(number) => {
                    let added = ints.add(number);
                    if added && ints.len() > limits.set_int_entries.min(INT_ENTRIES_MAX) {
                        self.become_table(0);
                    }
                    added
                }
                None => {
                    self.add_first_text(member, limits);
                    true
                }
            },
        }
    }

    /// Adds the first member that is no integer to a set of integers.
    fn add_first_text(&mut self, member: Item<'_>, limits: &EncodingLimits) {
        let Set::Ints(ints) = self else { unreachable!("the caller has a set of integers") };
        let (count, len) = (ints.len(), member.len());
        let longest = [ints.first(), ints.last()].into_iter().flatten().map(|number| Item::Int(number).len()).max();
        let fits = count < limits.set_pack_entries
            && len.max(longest.unwrap_or(0)) <= limits.set_pack_value_bytes
            && count.saturating_mul(INT_ITEM_BYTES_MAX).saturating_add(len) < BYTES_MAX;
        if !fits {
            self.become_table(1);
            self.add_to_table(member);
            return;
        }
        let mut pack = ListPack::new();
        ints.iter().for_each(|number| pack.push_back_int(number));
        push(&mut pack, member);
        *self = Set::Pack(pack);
    }

    fn add_to_table(&mut self, member: Item<'_>) {
        let Set::Table(table) = self else { unreachable!("the caller has made a table") };
        table.add(member.to_bytes(&mut IntegerText::new()));
    }

    /// Changes to the table encoding, with room for `more` members.
    pub fn become_table(&mut self, more: usize) {
        if matches!(self, Set::Table(_)) {
            return;
        }
        let mut table = Box::new(MemberSet::new());
        table.reserve(self.len() + more);
        let mut text = IntegerText::new();
        for member in self.iter() {
            table.add(member.to_bytes(&mut text));
        }
        *self = Set::Table(table);
    }

    /// If every member is an integer, and there are not too many, changes to the intset encoding: for results that may
    /// be smaller than what they were made of. The caller knows that all are integers.
    pub fn become_ints(&mut self, limits: &EncodingLimits) {
        if matches!(self, Set::Ints(_)) || self.len() > limits.set_int_entries.min(INT_ENTRIES_MAX) {
            return;
        }
        let mut numbers: Vec<i64> = self.iter().filter_map(as_integer).collect();
        debug_assert_eq!(numbers.len(), self.len(), "every member is an integer");
        // Ascending members are appended; any other order would move the rest each time.
        numbers.sort_unstable();
        let mut ints = IntSet::new();
        numbers.into_iter().for_each(|number| _ = ints.add(number));
        *self = Set::Ints(ints);
    }

    /// Removes a member; false when it was not there.
    pub fn remove(&mut self, member: Item<'_>) -> bool {
        match self {
            Set::Ints(ints) => as_integer(member).is_some_and(|number| ints.remove(number)),
            Set::Pack(pack) => {
                let Some(position) = find_in_pack(pack, member) else { return false };
                pack.remove(position);
                true
            }
            Set::Table(table) => table.remove(member.to_bytes(&mut IntegerText::new())),
        }
    }

    #[inline]
    pub fn contains(&self, member: Item<'_>) -> bool {
        match self {
            Set::Ints(ints) => as_integer(member).is_some_and(|number| ints.contains(number)),
            Set::Pack(pack) => find_in_pack(pack, member).is_some(),
            Set::Table(table) => table.contains(member.to_bytes(&mut IntegerText::new())),
        }
    }

    /// All members in the order of the encoding.
    pub fn iter(&self) -> Members<'_> {
        match self {
            Set::Ints(ints) => Members::Ints(ints, 0),
            Set::Pack(pack) => Members::Pack(pack.iter()),
            Set::Table(table) => Members::Table(table.iter()),
        }
    }

    /// One step of SSCAN: the compact encodings show all at once. 0 is the beginning and the end.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Item<'_>)) -> u64 {
        match self {
            Set::Table(table) => table.scan(cursor, &mut |member| visit(Item::Bytes(member))),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }
}

/// The members of a set.
pub enum Members<'a> {
    Ints(&'a IntSet, usize),
    Pack(list_pack::Iter<'a>),
    Table(member_set::Iter<'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        match self {
            Members::Ints(ints, index) => {
                let number = ints.get(*index)?;
                *index += 1;
                Some(Item::Int(number))
            }
            Members::Pack(items) => items.next(),
            Members::Table(members) => members.next().map(Item::Bytes),
        }
    }
}

/// The integer that a member reads as.
#[inline]
pub(super) fn as_integer(member: Item<'_>) -> Option<i64> {
    match member {
        Item::Int(number) => Some(number),
        Item::Bytes(text) => parse_i64(text),
    }
}

pub(super) fn push(pack: &mut ListPack, member: Item<'_>) {
    match member {
        Item::Int(number) => pack.push_back_int(number),
        Item::Bytes(text) => pack.push_back(text),
    }
}

fn find_in_pack(pack: &ListPack, member: Item<'_>) -> Option<list_pack::Position> {
    pack.find(pack.first()?, member.to_bytes(&mut IntegerText::new()), 0)
}
