//! An entry: key, value and header of one key in one allocation.
//!
//! ```text
//!   [ timer link, 24 ]   only with HAS_FIELD_LINK, of a hash: for the wheel of fields, at its earliest field's deadline
//!   [ timer link, 24 ]   only with HAS_DEADLINE: the wheel's link, deadline included
//! → [ repr 1 | flags 1 | inline length 2 | access 3 | key length 1 ]   the header; the table points here, 8-aligned
//!   [ value word(s) ]    integer or shared bytes: 8; list, set, hash, sorted set: 16; inline string: none
//!   [ key length 4 ]     only with WIDE_KEY (255 bytes and more)
//!   [ key bytes ][ inline string bytes ]
//! ```
//!
//! Invariants: an `Entry` pointer is made by `EntryBox::new*` and given back to `EntryBox` exactly once; the bytes between
//! `start()` and `start() + size()` belong to it; the value words hold an initialised value of the type that `repr` tells.
//! The size is derived from the header, so it is kept true by whatever rewrites the header.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::base::clock::Ms;
use crate::base::memory::usable_size;
use crate::base::number::integer_length;
use crate::base::shared_bytes::SharedBytes;
use crate::structures::table::Element;
use crate::structures::wheel::TimerLink;
use crate::value::hash::Hash;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::stream::Stream;
use crate::value::zset::Zset;
use crate::value::{Kind, Object, WrongType};

/// How the value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Repr {
    /// String bytes behind the key.
    Inline,
    /// A string that is a canonical 64-bit integer.
    Int,
    /// A string in a reference-counted buffer.
    Shared,
    List,
    Set,
    Zset,
    Hash,
    Stream,
}

/// The entry carries a timer link in front of its header.
const HAS_DEADLINE: u8 = 1 << 0;
/// The key's length stands in 4 bytes before the key.
const WIDE_KEY: u8 = 1 << 1;
/// A string that was edited in place: reported as `raw` however short it is.
const EDITED: u8 = 1 << 2;
/// The entry, a hash, carries a timer link for its fields in front of all else.
const HAS_FIELD_LINK: u8 = 1 << 3;

/// Longest string that lives inside its entry; longer ones have a buffer of their own.
pub const INLINE_BYTES_MAX: usize = 1024;
/// Longest string that OBJECT ENCODING calls `embstr`.
const EMBSTR_BYTES_MAX: usize = 44;
/// Marks a wide key in the header's length byte.
const KEY_LENGTH_WIDE: u8 = u8::MAX;

const LINK_BYTES: usize = size_of::<TimerLink>();

const _: () = assert!(LINK_BYTES == 24 && align_of::<TimerLink>() <= 8);
const _: () = assert!(size_of::<Entry>() == 8 && align_of::<Entry>() == 8);
const _: () = assert!(size_of::<List>() <= 16 && size_of::<Set>() <= 16);
const _: () = assert!(size_of::<Hash>() <= 16 && size_of::<Zset>() <= 16);
// So that `entry_of_field_link` can tell a header from a link.
const _: () = assert!(!(Repr::Hash as u8).is_multiple_of(8));
const _: () = assert!(size_of::<SharedBytes>() == 8 && INLINE_BYTES_MAX <= u16::MAX as usize);

/// The entry whose link on the wheel of fields this is. Behind it stands the header, or the link of a deadline first: that one begins with
/// a pointer, of which either end is a multiple of 8, and the header of a hash with its `repr`, which is none.
///
/// # Safety
/// The link is the field link of a live entry.
pub(super) unsafe fn entry_of_field_link(link: NonNull<TimerLink>) -> NonNull<Entry> {
    // Safety: something of the entry stands behind the link.
    unsafe {
        let behind = link.as_ptr().cast::<u8>().add(LINK_BYTES);
        let is_link = (*behind).is_multiple_of(8);
        NonNull::new_unchecked(if is_link { behind.add(LINK_BYTES) } else { behind }.cast())
    }
}

/// The header; what follows it in memory is reached through raw pointers only.
#[repr(C, align(8))]
pub struct Entry {
    repr: Repr,
    flags: u8,
    inline_len: u16,
    /// Low 24 bits: access time or frequency; high 8: key length.
    access_and_key_len: u32,
}

/// A string value as it is stored.
#[derive(Clone, Copy)]
pub enum Str<'e> {
    Int(i64),
    Bytes(&'e [u8]),
    Shared(&'e SharedBytes),
}

impl Str<'_> {
    /// Length in bytes as text.
    pub fn len(&self) -> usize {
        match self {
            Str::Int(n) => integer_length(*n),
            Str::Bytes(b) => b.len(),
            Str::Shared(s) => s.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `f` with the text.
    #[inline]
    pub fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Str::Int(n) => f(itoa::Buffer::new().format(*n).as_bytes()),
            Str::Bytes(b) => f(b),
            Str::Shared(s) => f(s),
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.with_bytes(<[u8]>::to_vec)
    }
}

/// A value of any type, borrowed.
#[derive(Clone, Copy)]
pub enum Value<'e> {
    String(Str<'e>),
    List(&'e List),
    Set(&'e Set),
    Zset(&'e Zset),
    Hash(&'e Hash),
    Stream(&'e Stream),
}

/// The type of an object that an entry can hold: ties the Rust type to its `Repr`.
pub trait Held: Object {
    const REPR: Repr;
}
impl Held for List {
    const REPR: Repr = Repr::List;
}
impl Held for Set {
    const REPR: Repr = Repr::Set;
}
impl Held for Zset {
    const REPR: Repr = Repr::Zset;
}
impl Held for Hash {
    const REPR: Repr = Repr::Hash;
}
impl Held for Stream {
    const REPR: Repr = Repr::Stream;
}

// Safety: the key's bytes lie inside the entry's allocation and do not change while the entry lives.
unsafe impl Element for Entry {
    #[inline]
    unsafe fn key<'a>(element: NonNull<Entry>) -> &'a [u8] {
        unsafe { EntryRef::<'a>::from_raw(element).key() }
    }
}

/// A shared view of an entry; as good as `&Entry`, but it may reach behind the header.
#[derive(Clone, Copy)]
pub struct EntryRef<'e> {
    at: NonNull<Entry>,
    lives: PhantomData<&'e Entry>,
}

impl<'e> EntryRef<'e> {
    /// # Safety
    /// `at` is a live entry that nobody changes during `'e`.
    #[inline]
    pub unsafe fn from_raw(at: NonNull<Entry>) -> EntryRef<'e> {
        EntryRef { at, lives: PhantomData }
    }

    #[inline]
    fn header(self) -> &'e Entry {
        unsafe { self.at.as_ref() }
    }

    #[inline]
    pub fn repr(self) -> Repr {
        self.header().repr
    }

    #[inline]
    pub fn kind(self) -> Kind {
        match self.repr() {
            Repr::Inline | Repr::Int | Repr::Shared => Kind::String,
            Repr::List => Kind::List,
            Repr::Set => Kind::Set,
            Repr::Zset => Kind::Zset,
            Repr::Hash => Kind::Hash,
            Repr::Stream => Kind::Stream,
        }
    }

    #[inline]
    fn word(self) -> *mut u8 {
        unsafe { self.at.as_ptr().cast::<u8>().add(size_of::<Entry>()) }
    }

    /// Offset of the key's bytes from the header.
    #[inline]
    fn key_offset(self) -> usize {
        value_words(self.repr()) + size_of::<Entry>() + if self.has(WIDE_KEY) { 4 } else { 0 }
    }

    #[inline]
    fn key_len(self) -> usize {
        let short = (self.header().access_and_key_len >> 24) as u8;
        if short != KEY_LENGTH_WIDE {
            return short as usize;
        }
        // A wide key's length stands right before its bytes.
        unsafe {
            let at = self.at.as_ptr().cast::<u8>().add(self.key_offset() - 4);
            at.cast::<u32>().read_unaligned() as usize
        }
    }

    #[inline]
    pub fn key(self) -> &'e [u8] {
        unsafe { std::slice::from_raw_parts(self.at.as_ptr().cast::<u8>().add(self.key_offset()), self.key_len()) }
    }

    #[inline]
    fn has(self, flag: u8) -> bool {
        self.header().flags & flag != 0
    }

    #[inline]
    pub fn has_deadline(self) -> bool {
        self.has(HAS_DEADLINE)
    }

    /// When the key is due, in milliseconds since the epoch.
    #[inline]
    pub fn deadline(self) -> Option<Ms> {
        if self.has_deadline() { Some(unsafe { self.link().as_ref().deadline }) } else { None }
    }

    /// The wheel's link; only with a deadline.
    #[inline]
    pub(super) fn link(self) -> NonNull<TimerLink> {
        debug_assert!(self.has_deadline());
        // Invariant: with HAS_DEADLINE the allocation begins LINK_BYTES before the header.
        unsafe { NonNull::new_unchecked(self.at.as_ptr().cast::<u8>().sub(LINK_BYTES).cast()) }
    }

    /// Whether there is room for a link on the wheel of fields.
    #[inline]
    pub(super) fn has_field_link(self) -> bool {
        self.has(HAS_FIELD_LINK)
    }

    /// The link for the wheel of fields; only with room for it.
    #[inline]
    pub(super) fn field_link(self) -> NonNull<TimerLink> {
        debug_assert!(self.has_field_link());
        // Invariant: with HAS_FIELD_LINK the allocation begins with that link, the one of the deadline (if any) behind it.
        unsafe { NonNull::new_unchecked(self.at.as_ptr().cast::<u8>().sub(self.front()).cast()) }
    }

    /// Bytes before the header.
    #[inline]
    fn front(self) -> usize {
        LINK_BYTES * (self.has(HAS_DEADLINE) as usize + self.has(HAS_FIELD_LINK) as usize)
    }

    /// Access time (LRU, 24 bits of seconds-like units) or minutes and frequency (LFU).
    #[inline]
    pub fn access(self) -> u32 {
        self.header().access_and_key_len & 0x00ff_ffff
    }

    #[inline]
    fn inline_bytes(self) -> &'e [u8] {
        let offset = self.key_offset() + self.key_len();
        unsafe {
            std::slice::from_raw_parts(self.at.as_ptr().cast::<u8>().add(offset), self.header().inline_len as usize)
        }
    }

    /// The string, or `WrongType`.
    #[inline]
    pub fn string(self) -> Result<Str<'e>, WrongType> {
        match self.repr() {
            Repr::Inline => Ok(Str::Bytes(self.inline_bytes())),
            Repr::Int => Ok(Str::Int(unsafe { self.word().cast::<i64>().read() })),
            Repr::Shared => Ok(Str::Shared(unsafe { &*self.word().cast::<SharedBytes>() })),
            _ => Err(WrongType),
        }
    }

    /// The object of type `T`, or `WrongType`.
    #[inline]
    pub fn object<T: Held>(self) -> Result<&'e T, WrongType> {
        // Invariant: `repr` tells the type that was written into the value words.
        if self.repr() == T::REPR { Ok(unsafe { &*self.word().cast::<T>() }) } else { Err(WrongType) }
    }

    pub fn value(self) -> Value<'e> {
        const KNOWN: &str = "repr tells the type";
        match self.repr() {
            Repr::Inline | Repr::Int | Repr::Shared => Value::String(self.string().ok().expect(KNOWN)),
            Repr::List => Value::List(self.object().ok().expect(KNOWN)),
            Repr::Set => Value::Set(self.object().ok().expect(KNOWN)),
            Repr::Zset => Value::Zset(self.object().ok().expect(KNOWN)),
            Repr::Hash => Value::Hash(self.object().ok().expect(KNOWN)),
            Repr::Stream => Value::Stream(self.object().ok().expect(KNOWN)),
        }
    }

    /// When the first of a hash's fields is due, if one has a deadline.
    #[inline]
    pub fn earliest_field_deadline(self) -> Option<Ms> {
        if self.repr() != Repr::Hash {
            return None;
        }
        self.object::<Hash>().ok()?.earliest_deadline()
    }

    /// The name that OBJECT ENCODING gives.
    pub fn encoding(self) -> &'static str {
        match self.value() {
            Value::String(Str::Int(_)) => "int",
            Value::String(s) if s.len() <= EMBSTR_BYTES_MAX && !self.has(EDITED) => "embstr",
            Value::String(_) => "raw",
            Value::List(x) => x.encoding(),
            Value::Set(x) => x.encoding(),
            Value::Zset(x) => x.encoding(),
            Value::Hash(x) => x.encoding(),
            Value::Stream(x) => x.encoding(),
        }
    }

    /// Bytes of a string, elements of a collection: what INFO keysizes counts.
    pub fn len(self) -> usize {
        match self.value() {
            Value::String(s) => s.len(),
            Value::List(x) => x.len(),
            Value::Set(x) => x.len(),
            Value::Zset(x) => x.len(),
            Value::Hash(x) => x.len(),
            Value::Stream(x) => x.len(),
        }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Bytes from the start of the allocation to its end, before rounding to a size class.
    #[inline]
    fn size(self) -> usize {
        self.front() + self.key_offset() + self.key_len() + self.header().inline_len as usize
    }

    /// Bytes of all allocations of key and value, in size classes; see `Object::bytes` for `samples`.
    pub fn bytes(self, samples: usize) -> usize {
        let behind = match self.value() {
            Value::String(Str::Shared(s)) => s.memory_usage(),
            Value::String(_) => 0,
            Value::List(x) => x.bytes(samples),
            Value::Set(x) => x.bytes(samples),
            Value::Zset(x) => x.bytes(samples),
            Value::Hash(x) => x.bytes(samples),
            Value::Stream(x) => x.bytes(samples),
        };
        usable_size(self.size()) + behind
    }

    /// An independent copy of the value under another key, never used so far; the bytes of a large string are shared until
    /// either changes. The deadline itself is not set.
    pub fn duplicate(self, key: &[u8], with_deadline: bool, access: u32) -> EntryBox {
        match self.value() {
            Value::String(Str::Int(n)) => EntryBox::integer(key, n, with_deadline, access),
            Value::String(Str::Bytes(b)) => {
                let mut copy = EntryBox::inline(key, b, with_deadline, access);
                if self.has(EDITED) {
                    copy.as_mut().mark_edited();
                }
                copy
            }
            Value::String(Str::Shared(s)) => EntryBox::shared(key, s.clone(), with_deadline, access),
            Value::List(x) => EntryBox::object(key, x.clone(), with_deadline, access),
            Value::Set(x) => EntryBox::object(key, x.clone(), with_deadline, access),
            Value::Zset(x) => EntryBox::object(key, x.clone(), with_deadline, access),
            Value::Hash(x) => EntryBox::object(key, x.clone(), with_deadline, access),
            Value::Stream(x) => EntryBox::object(key, x.clone(), with_deadline, access),
        }
    }

    /// See `Object::prefetch_place`.
    #[inline]
    pub fn prefetch_element_place(self, hash: u64) {
        match self.value() {
            Value::Set(x) => x.prefetch_place(hash),
            Value::Zset(x) => x.prefetch_place(hash),
            Value::Hash(x) => x.prefetch_place(hash),
            Value::Stream(x) => x.prefetch_place(hash),
            Value::String(_) | Value::List(_) => {}
        }
    }

    /// See `Object::prefetch_element`.
    #[inline]
    pub fn prefetch_element(self, hash: u64) {
        match self.value() {
            Value::Set(x) => x.prefetch_element(hash),
            Value::Zset(x) => x.prefetch_element(hash),
            Value::Hash(x) => x.prefetch_element(hash),
            Value::Stream(x) => x.prefetch_element(hash),
            Value::String(_) | Value::List(_) => {}
        }
    }

    /// Number of allocations that freeing the value takes, roughly.
    pub fn free_effort(self) -> usize {
        match self.value() {
            Value::String(_) => 1,
            Value::List(x) => x.free_effort(),
            Value::Set(x) => x.free_effort(),
            Value::Zset(x) => x.free_effort(),
            Value::Hash(x) => x.free_effort(),
            Value::Stream(x) => x.free_effort(),
        }
    }
}

#[inline]
const fn value_words(repr: Repr) -> usize {
    match repr {
        Repr::Inline => 0,
        Repr::Int | Repr::Shared => 8,
        Repr::List | Repr::Set | Repr::Zset | Repr::Hash | Repr::Stream => 16,
    }
}

/// An entry that is owned: not in a table (or being taken out of it). Dropping it frees key and value.
pub struct EntryBox {
    at: NonNull<Entry>,
}

impl EntryBox {
    /// An allocation with header and key, value words and inline bytes not yet written.
    #[inline]
    fn allocate(repr: Repr, key: &[u8], inline_len: usize, with_deadline: bool, access: u32) -> NonNull<Entry> {
        Self::allocate_with(repr, key, inline_len, if with_deadline { HAS_DEADLINE } else { 0 }, access)
    }

    /// The same with room for whatever links `flags` tell of.
    fn allocate_with(repr: Repr, key: &[u8], inline_len: usize, flags: u8, access: u32) -> NonNull<Entry> {
        let wide = key.len() >= KEY_LENGTH_WIDE as usize;
        let front = LINK_BYTES * (flags & (HAS_DEADLINE | HAS_FIELD_LINK)).count_ones() as usize;
        let key_offset = size_of::<Entry>() + value_words(repr) + if wide { 4 } else { 0 };
        let size = front + key_offset + key.len() + inline_len;
        // The whole size class is asked for: `try_set_inline` may later use all of it.
        let layout = Layout::from_size_align(usable_size(size), 8);
        let layout = layout.expect("a key and an inline value are far below isize::MAX");
        // Every part written below lies inside `size`; all offsets of words are multiples of 8 from an 8-aligned start.
        unsafe {
            let start = alloc(layout);
            if start.is_null() {
                handle_alloc_error(layout);
            }
            let at = start.add(front);
            let key_len = if wide { KEY_LENGTH_WIDE } else { key.len() as u8 };
            at.cast::<Entry>().write(Entry {
                repr,
                flags: flags | if wide { WIDE_KEY } else { 0 },
                inline_len: inline_len as u16,
                access_and_key_len: (access & 0x00ff_ffff) | (u32::from(key_len) << 24),
            });
            if wide {
                at.add(key_offset - 4).cast::<u32>().write_unaligned(key.len() as u32);
            }
            ptr::copy_nonoverlapping(key.as_ptr(), at.add(key_offset), key.len());
            if flags & HAS_FIELD_LINK != 0 {
                start.cast::<TimerLink>().write(TimerLink::new(0));
            }
            NonNull::new_unchecked(at.cast())
        }
    }

    /// A string of `bytes.len()` up to `INLINE_BYTES_MAX` inside the entry.
    pub fn inline(key: &[u8], bytes: &[u8], with_deadline: bool, access: u32) -> EntryBox {
        assert!(bytes.len() <= INLINE_BYTES_MAX, "longer strings have a buffer of their own");
        let at = Self::allocate(Repr::Inline, key, bytes.len(), with_deadline, access);
        let entry = unsafe { EntryRef::from_raw(at) };
        unsafe {
            let offset = entry.key_offset() + key.len();
            ptr::copy_nonoverlapping(bytes.as_ptr(), at.as_ptr().cast::<u8>().add(offset), bytes.len());
        }
        EntryBox { at }
    }

    pub fn integer(key: &[u8], number: i64, with_deadline: bool, access: u32) -> EntryBox {
        let at = Self::allocate(Repr::Int, key, 0, with_deadline, access);
        unsafe { EntryRef::from_raw(at).word().cast::<i64>().write(number) };
        EntryBox { at }
    }

    pub fn shared(key: &[u8], bytes: SharedBytes, with_deadline: bool, access: u32) -> EntryBox {
        let at = Self::allocate(Repr::Shared, key, 0, with_deadline, access);
        unsafe { EntryRef::from_raw(at).word().cast::<SharedBytes>().write(bytes) };
        EntryBox { at }
    }

    /// With room for a link of its fields, if some of them have deadlines.
    pub fn object<T: Held>(key: &[u8], object: T, with_deadline: bool, access: u32) -> EntryBox {
        let fields = T::HAS_DEADLINES && object.earliest_deadline().is_some();
        let flags = if with_deadline { HAS_DEADLINE } else { 0 } | if fields { HAS_FIELD_LINK } else { 0 };
        let at = Self::allocate_with(T::REPR, key, 0, flags, access);
        unsafe { EntryRef::from_raw(at).word().cast::<T>().write(object) };
        EntryBox { at }
    }

    /// The same value under another key, or with room for a deadline made or taken away, and for a link of its fields if some of them
    /// have deadlines. The entry is on no wheel, before and after.
    pub fn rebuilt(self, key: &[u8], with_deadline: bool) -> EntryBox {
        let old = self.as_ref();
        let inline_len = old.header().inline_len as usize;
        let fields = old.earliest_field_deadline().is_some();
        let flags = if with_deadline { HAS_DEADLINE } else { 0 } | if fields { HAS_FIELD_LINK } else { 0 };
        let at = Self::allocate_with(old.repr(), key, inline_len, flags, old.access());
        // The value moves as bytes; the old allocation is freed without dropping the value.
        unsafe {
            let new = EntryRef::from_raw(at);
            ptr::copy_nonoverlapping(old.word(), new.word(), value_words(old.repr()));
            let from = old.inline_bytes();
            let to = at.as_ptr().cast::<u8>().add(new.key_offset() + key.len());
            ptr::copy_nonoverlapping(from.as_ptr(), to, inline_len);
            (*at.as_ptr()).flags |= old.header().flags & EDITED;
            Self::free(self.into_raw());
        }
        EntryBox { at }
    }

    #[inline]
    pub fn as_ref(&self) -> EntryRef<'_> {
        unsafe { EntryRef::from_raw(self.at) }
    }

    #[inline]
    pub fn as_mut(&mut self) -> EntryMut<'_> {
        unsafe { EntryMut::from_raw(self.at) }
    }

    /// Hands the entry to a table.
    #[inline]
    pub fn into_raw(self) -> NonNull<Entry> {
        let at = self.at;
        std::mem::forget(self);
        at
    }

    /// # Safety
    /// `at` came from `into_raw` and is in no table and on no wheel any more.
    #[inline]
    pub unsafe fn from_raw(at: NonNull<Entry>) -> EntryBox {
        EntryBox { at }
    }

    /// Frees the allocation without dropping the value.
    unsafe fn free(at: NonNull<Entry>) {
        unsafe {
            let entry = EntryRef::from_raw(at);
            let layout = Layout::from_size_align_unchecked(usable_size(entry.size()), 8);
            dealloc(at.as_ptr().cast::<u8>().sub(entry.front()), layout);
        }
    }

    /// Frees up to `budget` elements of a collection; true when dropping the rest is cheap.
    pub fn free_some(&mut self, budget: usize) -> bool {
        let word = self.as_ref().word();
        // Invariant: `repr` tells the type in the value words, and the box owns it.
        unsafe {
            match self.as_ref().repr() {
                Repr::Inline | Repr::Int | Repr::Shared => true,
                Repr::List => (*word.cast::<List>()).free_some(budget),
                Repr::Set => (*word.cast::<Set>()).free_some(budget),
                Repr::Zset => (*word.cast::<Zset>()).free_some(budget),
                Repr::Hash => (*word.cast::<Hash>()).free_some(budget),
                Repr::Stream => (*word.cast::<Stream>()).free_some(budget),
            }
        }
    }
}

impl Drop for EntryBox {
    fn drop(&mut self) {
        let word = self.as_ref().word();
        // Invariant: as in `free_some`; the value is dropped once, then its allocation.
        unsafe {
            match self.as_ref().repr() {
                Repr::Inline | Repr::Int => {}
                Repr::Shared => ptr::drop_in_place(word.cast::<SharedBytes>()),
                Repr::List => ptr::drop_in_place(word.cast::<List>()),
                Repr::Set => ptr::drop_in_place(word.cast::<Set>()),
                Repr::Zset => ptr::drop_in_place(word.cast::<Zset>()),
                Repr::Hash => ptr::drop_in_place(word.cast::<Hash>()),
                Repr::Stream => ptr::drop_in_place(word.cast::<Stream>()),
            }
            Self::free(self.at);
        }
    }
}

/// An exclusive view of an entry that may be in a table: key, layout and size stay as they are.
pub struct EntryMut<'e> {
    at: NonNull<Entry>,
    lives: PhantomData<&'e mut Entry>,
}

impl<'e> EntryMut<'e> {
    /// # Safety
    /// `at` is a live entry that nobody else looks at during `'e`.
    #[inline]
    pub unsafe fn from_raw(at: NonNull<Entry>) -> EntryMut<'e> {
        EntryMut { at, lives: PhantomData }
    }

    #[inline]
    pub fn as_ref(&self) -> EntryRef<'_> {
        unsafe { EntryRef::from_raw(self.at) }
    }

    #[inline]
    pub fn set_access(&mut self, access: u32) {
        unsafe {
            let field = &raw mut (*self.at.as_ptr()).access_and_key_len;
            *field = (*field & 0xff00_0000) | (access & 0x00ff_ffff);
        }
    }

    #[inline]
    pub fn object<T: Held>(self) -> Result<&'e mut T, WrongType> {
        let entry: EntryRef<'e> = unsafe { EntryRef::from_raw(self.at) };
        if entry.repr() == T::REPR { Ok(unsafe { &mut *entry.word().cast::<T>() }) } else { Err(WrongType) }
    }

    /// Overwrites a number with a number.
    #[inline]
    pub fn try_set_integer(&mut self, number: i64) -> bool {
        if self.as_ref().repr() != Repr::Int {
            return false;
        }
        unsafe { self.as_ref().word().cast::<i64>().write(number) };
        true
    }

    /// Overwrites an inline string where the new one needs the same size class.
    #[inline]
    pub fn try_set_inline(&mut self, bytes: &[u8]) -> bool {
        let entry = self.as_ref();
        if entry.repr() != Repr::Inline || bytes.len() > INLINE_BYTES_MAX {
            return false;
        }
        let old_len = entry.header().inline_len as usize;
        let size = entry.size();
        if old_len != bytes.len() && usable_size(size) != usable_size(size - old_len + bytes.len()) {
            return false;
        }
        let offset = entry.key_offset() + entry.key_len();
        // The allocation has the size class of both lengths.
        unsafe {
            let at = self.at.as_ptr().cast::<u8>().add(offset);
            ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len());
            (*self.at.as_ptr()).inline_len = bytes.len() as u16;
            (*self.at.as_ptr()).flags &= !EDITED;
        }
        true
    }

    /// Replaces a part of an inline string where the whole then needs the same size class. The part lies inside.
    #[inline]
    pub fn try_splice_inline(&mut self, at: usize, removed: usize, inserted: &[u8]) -> bool {
        let entry = self.as_ref();
        if entry.repr() != Repr::Inline {
            return false;
        }
        let old_len = entry.header().inline_len as usize;
        let new_len = old_len - removed + inserted.len();
        let size = entry.size();
        assert!(at + removed <= old_len, "the part lies inside");
        if new_len > INLINE_BYTES_MAX || usable_size(size) != usable_size(size - old_len + new_len) {
            return false;
        }
        let offset = entry.key_offset() + entry.key_len();
        // The allocation has the size class of both lengths.
        unsafe {
            let part = self.at.as_ptr().cast::<u8>().add(offset + at);
            ptr::copy(part.add(removed), part.add(inserted.len()), old_len - removed - at);
            ptr::copy_nonoverlapping(inserted.as_ptr(), part, inserted.len());
            (*self.at.as_ptr()).inline_len = new_len as u16;
        }
        true
    }

    /// The bytes of an inline string, to be edited in place.
    #[inline]
    pub fn inline_bytes(self) -> Option<&'e mut [u8]> {
        let entry = self.as_ref();
        if entry.repr() != Repr::Inline {
            return None;
        }
        let offset = entry.key_offset() + entry.key_len();
        let len = entry.header().inline_len as usize;
        Some(unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr().cast::<u8>().add(offset), len) })
    }

    /// The buffer of a large string.
    #[inline]
    pub fn shared(self) -> Option<&'e mut SharedBytes> {
        if self.as_ref().repr() != Repr::Shared {
            return None;
        }
        // Invariant: `repr` tells the type in the value word, and the view is exclusive.
        Some(unsafe { &mut *self.as_ref().word().cast::<SharedBytes>() })
    }

    /// From now on the string is `raw`.
    #[inline]
    pub fn mark_edited(&mut self) {
        unsafe { (*self.at.as_ptr()).flags |= EDITED };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_keeps_key_value_and_size() {
        for key_len in [0, 1, 16, 254, 255, 256, 70_000] {
            for value_len in [0, 1, 16, 44, 45, INLINE_BYTES_MAX] {
                for with_deadline in [false, true] {
                    let (key, value) = (vec![b'k'; key_len], vec![b'v'; value_len]);
                    let mut entry = EntryBox::inline(&key, &value, with_deadline, 0xabcdef);
                    assert_eq!(entry.as_ref().key(), &key[..]);
                    assert_eq!(entry.as_ref().string().ok().expect("a string").to_vec(), value);
                    assert_eq!(entry.as_ref().access(), 0xabcdef);
                    assert_eq!(entry.as_ref().has_deadline(), with_deadline);
                    entry.as_mut().set_access(7);
                    let entry = entry.rebuilt(b"other", !with_deadline);
                    assert_eq!(entry.as_ref().key(), b"other");
                    assert_eq!(entry.as_ref().string().ok().expect("a string").to_vec(), value);
                    assert_eq!((entry.as_ref().access(), entry.as_ref().has_deadline()), (7, !with_deadline));
                }
            }
        }
    }

    #[test]
    fn overwriting_in_place_keeps_to_the_size_class() {
        let mut entry = EntryBox::inline(b"0123456789abcdef", b"0123456789abcdef", false, 0);
        assert!(entry.as_mut().try_set_inline(b"fedcba9876543210"));
        assert!(entry.as_mut().try_set_inline(b"fedcba987654321"));
        assert_eq!(entry.as_ref().string().ok().expect("a string").to_vec(), b"fedcba987654321");
        assert!(!entry.as_mut().try_set_inline(&[b'x'; 100]));
    }

    #[test]
    fn a_part_is_replaced_within_the_size_class() {
        let mut entry = EntryBox::inline(b"key", b"0123456789", false, 0);
        assert!(entry.as_mut().try_splice_inline(2, 3, b"ab"));
        assert!(entry.as_mut().try_splice_inline(9, 0, b"xyz"));
        assert!(entry.as_mut().try_splice_inline(0, 1, b""));
        assert_eq!(entry.as_ref().string().ok().expect("a string").to_vec(), b"1ab56789xyz");
        assert!(!entry.as_mut().try_splice_inline(0, 0, &[b'x'; 100]));
    }

    #[test]
    fn a_string_of_sixteen_bytes_costs_forty() {
        let entry = EntryBox::inline(b"key:000000000001", b"v000000000000001", false, 0);
        assert_eq!(entry.as_ref().bytes(0), 40);
        let entry = EntryBox::inline(b"key:000000000001", b"v000000000000001", true, 0);
        assert_eq!(entry.as_ref().bytes(0), 64);
    }
}
