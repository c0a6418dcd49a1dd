//! A list pack of fields with values and deadlines, those that are due first in front: the form that Redis calls `listpackex`.
//!
//! ```text
//! field, value, deadline, field, value, deadline, …        by deadline; a deadline of 0 is none, and stands behind all others
//! ```
//! A field that gets a deadline goes before those that have the same; one that loses it goes to the end. So the first deadline is the
//! earliest, and what is due is taken from the front.
//!
//! Invariants: three elements for each field; deadlines are integers from 0 up to `DEADLINE_END`, ascending, zeros last.

use super::deadline_heap::DEADLINE_END;
use super::list_pack::{Corrupt, Item, ListPack, PackRef, Position};
use crate::base::clock::Ms;
use crate::base::number::IntegerText;

/// A field, its value, and when it is due if it is at all.
pub type TimedItem<'a> = (Item<'a>, Item<'a>, Option<Ms>);

/// See the head of the file.
#[derive(Clone)]
pub struct TimedPack {
    pack: ListPack,
}

/// Elements behind a field that belong to it.
const BEHIND_FIELD: usize = 2;

fn deadline_from(item: Item<'_>) -> Option<Ms> {
    match item {
        Item::Int(0) | Item::Bytes(_) => None,
        Item::Int(deadline) => Some(deadline),
    }
}

impl TimedPack {
    /// The fields of a pack of pairs, none with a deadline.
    pub fn of_pairs(pairs: PackRef<'_>) -> TimedPack {
        let mut pack = ListPack::new();
        for (field, value) in pairs.pairs() {
            push(&mut pack, field);
            push(&mut pack, value);
            pack.push_back_int(0);
        }
        TimedPack { pack }
    }

    /// Takes over a pack of triples after a look at their number, and at deadlines and their order.
    pub fn of_triples(pack: ListPack) -> Result<TimedPack, Corrupt> {
        let (mut before, mut count) = (Some(0), 0);
        for deadline in pack.iter().skip(BEHIND_FIELD).step_by(BEHIND_FIELD + 1) {
            let Item::Int(0..DEADLINE_END) = deadline else { return Err(Corrupt) };
            let deadline = deadline_from(deadline);
            if deadline.is_some_and(|deadline| before.is_none_or(|before| deadline < before)) {
                return Err(Corrupt);
            }
            before = deadline;
            count += 1;
        }
        if count * (BEHIND_FIELD + 1) == pack.len() { Ok(TimedPack { pack }) } else { Err(Corrupt) }
    }

    /// The pack of triples.
    pub fn pack(&self) -> &ListPack {
        &self.pack
    }

    /// Number of fields.
    #[inline]
    pub fn len(&self) -> usize {
        self.pack.len() / (BEHIND_FIELD + 1)
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.pack.is_empty()
    }

    /// The deadline that comes first.
    #[inline]
    pub fn earliest(&self) -> Option<Ms> {
        self.iter().next()?.2
    }

    fn find(&self, field: &[u8]) -> Option<Position> {
        self.pack.find(self.pack.first()?, field, BEHIND_FIELD)
    }

    fn follower(&self, at: Position) -> Position {
        self.pack.next(at).expect("value and deadline stand behind each field")
    }

    /// The value of a field and its deadline.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<(Item<'_>, Option<Ms>)> {
        let value = self.follower(self.find(field)?);
        Some((self.pack.get(value), deadline_from(self.pack.get(self.follower(value)))))
    }

    /// Sets a field, new or not, which has no deadline from here on; true when it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        let Some(at) = self.find(field) else {
            self.push_back(field, value);
            return true;
        };
        let value_at = self.follower(at);
        if deadline_from(self.pack.get(self.follower(value_at))).is_some() {
            self.pack.remove_many(at, BEHIND_FIELD + 1);
            self.push_back(field, value);
        } else {
            self.pack.replace(value_at, value);
        }
        false
    }

    /// Sets a field, new or not, and lets it keep its deadline; true when it is new.
    pub fn set_keeping(&mut self, field: &[u8], value: &[u8]) -> bool {
        let at = self.find(field).map(|at| self.follower(at));
        match at {
            Some(value_at) => self.pack.replace(value_at, value),
            None => self.push_back(field, value),
        }
        at.is_none()
    }

    fn push_back(&mut self, field: &[u8], value: &[u8]) {
        self.pack.push_back(field);
        self.pack.push_back(value);
        self.pack.push_back_int(0);
    }

    /// Removes a field; false when it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let at = self.find(field);
        at.map(|at| self.pack.remove_many(at, BEHIND_FIELD + 1));
        at.is_some()
    }

    /// Gives a field a deadline, another one, or none; false when there is no such field.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<Ms>) -> bool {
        let Some(at) = self.find(field) else { return false };
        let value_at = self.follower(at);
        if deadline_from(self.pack.get(self.follower(value_at))) == deadline && deadline.is_none() {
            return true;
        }
        let value = self.pack.get(value_at).to_vec();
        self.pack.remove_many(at, BEHIND_FIELD + 1);
        match deadline.and_then(|deadline| self.place_of(deadline)) {
            Some(place) => {
                self.pack.insert_int_before(place, deadline.unwrap_or(0));
                self.pack.insert_before(place, &value);
                self.pack.insert_before(place, field);
            }
            None => {
                self.pack.push_back(field);
                self.pack.push_back(&value);
                self.pack.push_back_int(deadline.unwrap_or(0));
            }
        }
        true
    }

    /// The first field that is not due before `deadline`; `None`: all are.
    fn place_of(&self, deadline: Ms) -> Option<Position> {
        let mut at = self.pack.first()?;
        loop {
            let deadline_at = self.follower(self.follower(at));
            if deadline_from(self.pack.get(deadline_at)).is_none_or(|here| here >= deadline) {
                return Some(at);
            }
            at = self.pack.next(deadline_at)?;
        }
    }

    /// Removes the field that is due first, if it is due by `now`; `show` is given its name.
    pub fn remove_due(&mut self, now: Ms, show: impl FnOnce(&[u8])) -> bool {
        let is_due = self.earliest().is_some_and(|deadline| deadline <= now);
        if is_due {
            let first = self.pack.first().expect("it has a field");
            show(self.pack.get(first).to_bytes(&mut IntegerText::new()));
            self.pack.remove_many(first, BEHIND_FIELD + 1);
        }
        is_due
    }

    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = TimedItem<'_>> {
        let mut items = self.pack.iter();
        std::iter::from_fn(move || Some((items.next()?, items.next()?, deadline_from(items.next()?))))
    }

    /// The field of this number, from the front.
    pub fn nth(&self, number: usize) -> Option<TimedItem<'_>> {
        let field = self.pack.seek((number * (BEHIND_FIELD + 1)) as i64)?;
        let value = self.follower(field);
        let deadline = self.pack.get(self.follower(value));
        Some((self.pack.get(field), self.pack.get(value), deadline_from(deadline)))
    }
}

fn push(pack: &mut ListPack, item: Item<'_>) {
    match item {
        Item::Int(number) => pack.push_back_int(number),
        Item::Bytes(text) => pack.push_back(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// Fields in the order in which they stand.
    type Model = Vec<(Vec<u8>, Vec<u8>, Option<Ms>)>;

    fn contents(pack: &TimedPack) -> Model {
        pack.iter().map(|(field, value, deadline)| (field.to_vec(), value.to_vec(), deadline)).collect()
    }

    fn put(model: &mut Model, field: &[u8], value: Vec<u8>, deadline: Option<Ms>) {
        let due = |deadline: Option<Ms>| deadline.unwrap_or(Ms::MAX);
        let place = model.iter().position(|(.., here)| deadline.is_some() && due(*here) >= due(deadline));
        model.insert(place.unwrap_or(model.len()), (field.to_vec(), value, deadline));
    }

    #[test]
    fn behaves_as_an_ordered_list() {
        let mut random = Random::new(1);
        let (mut pack, mut model) = (TimedPack::of_pairs(ListPack::new().view()), Model::new());
        for _ in 0..20_000 {
            // Numbers and texts, and few different deadlines.
            let name = |number: u64| if number % 3 == 0 { number.to_string() } else { format!("name {number}") };
            let (field, value) = (name(random.below(30)).into_bytes(), name(random.below(1 << 40)).into_bytes());
            let deadline = (random.below(3) > 0).then(|| 1 + random.below(200) as Ms);
            let at = model.iter().position(|(name, ..)| *name == field);
            match random.below(7) {
                0 => {
                    assert_eq!(pack.set(&field, &value), at.is_none());
                    match at {
                        Some(at) if model[at].2.is_none() => model[at].1 = value,
                        Some(at) => {
                            model.remove(at);
                            put(&mut model, &field, value, None);
                        }
                        None => put(&mut model, &field, value, None),
                    }
                }
                1 => {
                    assert_eq!(pack.set_keeping(&field, &value), at.is_none());
                    match at {
                        Some(at) => model[at].1 = value,
                        None => put(&mut model, &field, value, None),
                    }
                }
                2 => {
                    assert_eq!(pack.remove(&field), at.is_some());
                    at.map(|at| model.remove(at));
                }
                3 => {
                    let now = random.below(10) as Ms;
                    let mut gone = None;
                    let is_due = model.first().is_some_and(|(.., due)| due.is_some_and(|due| due <= now));
                    assert_eq!(pack.remove_due(now, |field| gone = Some(field.to_vec())), is_due);
                    assert_eq!(gone, is_due.then(|| model.remove(0).0));
                }
                4 => {
                    let found = pack.get(&field).map(|(value, deadline)| (value.to_vec(), deadline));
                    assert_eq!(found, at.map(|at| (model[at].1.clone(), model[at].2)));
                }
                _ => {
                    assert_eq!(pack.set_deadline(&field, deadline), at.is_some());
                    if let Some(at) = at
                        && (model[at].2.is_some() || deadline.is_some())
                    {
                        let (field, value, _) = model.remove(at);
                        put(&mut model, &field, value, deadline);
                    }
                }
            }
            assert_eq!(contents(&pack), model);
            assert_eq!((pack.len(), pack.earliest()), (model.len(), model.first().and_then(|first| first.2)));
        }
        for (number, (field, ..)) in model.iter().enumerate() {
            assert_eq!(pack.nth(number).map(|item| item.0.to_vec()).as_ref(), Some(field));
        }
    }

    #[test]
    fn foreign_triples_are_checked() {
        let of = |items: &[Item]| {
            let mut pack = ListPack::new();
            items.iter().for_each(|item| push(&mut pack, *item));
            TimedPack::of_triples(pack).map(|pack| contents(&pack).into_iter().map(|item| item.2).collect::<Vec<_>>())
        };
        let (a, b, c) = (Item::Bytes(b"a"), Item::Bytes(b"b"), Item::Bytes(b"c"));
        assert_eq!(of(&[a, a, Item::Int(5), b, b, Item::Int(5), c, c, Item::Int(0)]), Ok(vec![Some(5), Some(5), None]));
        assert_eq!(of(&[a, a, Item::Int(0), b, b, Item::Int(0)]), Ok(vec![None, None]));
        assert_eq!(of(&[]), Ok(vec![]));
        for broken in [
            &[a, a][..],
            &[a, a, b],
            &[a, a, Item::Int(-1)],
            &[a, a, Item::Int(DEADLINE_END)],
            &[a, a, Item::Int(0), b],
            &[a, a, Item::Int(7), b, b, Item::Int(5)],
            &[a, a, Item::Int(0), b, b, Item::Int(7)],
        ] {
            assert_eq!(of(broken), Err(Corrupt));
        }
    }
}
