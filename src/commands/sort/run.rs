//! SORT from the elements to the reply or the list that is stored.

use super::elements::{Kept, Source};
use super::order::{by_score, by_text};
use super::pattern::{Found, Lookup, Pattern};
use super::request::Request;
use crate::base::collate::{collation_key, is_by_bytes};
use crate::base::number::{IntegerText, parse_f64_freely};
use crate::commands::items::{push_item, write_item};
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::event::{Event, class, event};
use crate::keyspace::{Db, Str};
use crate::server::session::flag;
use crate::structures::list_pack::Item;
use crate::value::limits::EncodingLimits;
use crate::value::list::{End, List};
use std::ops::Range;

const SORTSTORE: Event = event(class::LIST, "sortstore");

/// What a number of six digits takes in a reply.
const NUMBER_REPLY_BYTES: usize = 12;

const NOT_NUMBERS: Stop = Stop::error("ERR One or more scores can't be converted into double");

pub(super) fn sort(call: &mut Call, db: &mut Db, may_store: bool) -> Outcome {
    let mut request = Request::parse(call, may_store)?;
    let limits = db.rules.limits;
    let source = Source::of(db.lookup(call.key(1)))?;
    // A set has no order. Where others will see the result it gets one, so that it is the same everywhere.
    let is_seen = request.target.is_some() || call.session_flags & flag::IN_SCRIPT != 0;
    if request.keeps_order && source.is_set() && is_seen {
        (request.keeps_order, request.is_alpha, request.by) = (false, true, None);
    }
    let window = request.window(source.len());
    let sorts = !request.keeps_order;
    let (items, window) = match sorts {
        true => (source.all(), window),
        false => (source.part(window.clone(), request.is_descending), 0..window.len()),
    };
    if request.looks_up() {
        let kept = Kept::new(&items);
        return sort_with_others(call, db, &request, &kept.items(), window);
    }
    let order = if sorts { Order::Places(order_of(&items, &request, window)?) } else { Order::AsTheyStand };
    match request.target {
        None => {
            reply_items(call, &items, &order, &request);
            Ok(())
        }
        Some(target) => {
            let mut list = Listed::new(limits);
            order.each(&items, |item| each_get(&request, item, |item| list.push(item.unwrap_or(Item::Bytes(b"")))));
            store(call, db, target, list)
        }
    }
}

/// The places of the elements in order, or that there is nothing to put in order.
enum Order {
    AsTheyStand,
    Places(Vec<u32>),
}

impl Order {
    fn len(&self, items: &[Item]) -> usize {
        match self {
            Order::AsTheyStand => items.len(),
            Order::Places(places) => places.len(),
        }
    }

    fn each<'i>(&self, items: &[Item<'i>], mut show: impl FnMut(Item<'i>)) {
        match self {
            Order::AsTheyStand => items.iter().for_each(|&item| show(item)),
            Order::Places(places) => places.iter().for_each(|&place| show(items[place as usize])),
        }
    }
}

/// What is shown of an element where no other key is looked at: itself as often as `#` stands there.
fn each_get<'i>(request: &Request, item: Item<'i>, mut show: impl FnMut(Option<Item<'i>>)) {
    if request.gets.is_empty() {
        return show(Some(item));
    }
    request.gets.iter().for_each(|get| show((*get == Pattern::Element).then_some(item)));
}

fn reply_items(call: &mut Call, items: &[Item], order: &Order, request: &Request) {
    call.reply.array(order.len(items) * request.gets.len().max(1));
    if request.gets.is_empty() {
        call.reply.expect(order.len(items) * NUMBER_REPLY_BYTES);
        let mut strings = call.reply.strings();
        return order.each(items, |item| push_item(&mut strings, item));
    }
    let reply = &mut call.reply;
    order.each(items, |item| {
        each_get(request, item, |shown| match shown {
            Some(item) => write_item(reply, item),
            None => reply.null(),
        });
    });
}

/// The places of the elements sorted by themselves.
fn order_of(items: &[Item], request: &Request, window: Range<usize>) -> Result<Vec<u32>, Stop> {
    if !request.is_alpha {
        let scores = items.iter().map(|&item| number(item)).collect::<Option<Vec<f64>>>().ok_or(NOT_NUMBERS)?;
        return Ok(by_score(items, &scores, request.is_descending, window));
    }
    let mut text = IntegerText::new();
    if has_only_bytes(items) && compares_bytes(request) {
        let texts: Vec<Option<&[u8]>> = items.iter().map(|item| bytes_of(*item)).collect();
        return Ok(by_text(&texts, request.is_descending, window));
    }
    let keys = items.iter().map(|item| text_key(request, item.to_bytes(&mut text))).map(Some).collect();
    Ok(order_of_keys(keys, request, window))
}

fn order_of_keys(keys: Vec<Option<Vec<u8>>>, request: &Request, window: Range<usize>) -> Vec<u32> {
    let texts: Vec<Option<&[u8]>> = keys.iter().map(Option::as_deref).collect();
    by_text(&texts, request.is_descending, window)
}

fn has_only_bytes(items: &[Item]) -> bool {
    items.iter().all(|item| matches!(item, Item::Bytes(_)))
}

fn bytes_of(item: Item<'_>) -> Option<&[u8]> {
    match item {
        Item::Bytes(bytes) => Some(bytes),
        Item::Int(_) => None,
    }
}

/// What is stored is sorted by bytes whatever the language: it must be the same everywhere.
fn compares_bytes(request: &Request) -> bool {
    request.target.is_some() || is_by_bytes()
}

/// What a text is compared by.
fn text_key(request: &Request, text: &[u8]) -> Vec<u8> {
    if compares_bytes(request) { text.to_vec() } else { collation_key(text) }
}

fn number(item: Item) -> Option<f64> {
    match item {
        Item::Int(number) => Some(number as f64),
        Item::Bytes(text) => parse_f64_freely(text),
    }
}

/// The same where other keys are looked up, for the order or for the reply.
fn sort_with_others(call: &mut Call, db: &mut Db, request: &Request, items: &[Item], window: Range<usize>) -> Outcome {
    let mut lookup = Lookup::new();
    let order = match &request.by {
        _ if request.keeps_order => Order::AsTheyStand,
        None => Order::Places(order_of(items, request, window)?),
        Some(by) => Order::Places(order_by(db, &mut lookup, by, items, request, window)?),
    };
    let count = order.len(items) * request.gets.len().max(1);
    match request.target {
        None => {
            call.reply.array(count);
            order.each(items, |item| {
                if request.gets.is_empty() {
                    return write_item(&mut call.reply, item);
                }
                for get in &request.gets {
                    match lookup.find(db, get, item) {
                        Some(Found::String(Str::Shared(bytes))) => call.reply.shared_bulk(bytes),
                        Some(found) => write_item(&mut call.reply, found.item()),
                        None => call.reply.null(),
                    }
                }
            });
            Ok(())
        }
        Some(target) => {
            let mut list = Listed::new(db.rules.limits);
            order.each(items, |item| {
                if request.gets.is_empty() {
                    return list.push(item);
                }
                for get in &request.gets {
                    list.push(lookup.find(db, get, item).map_or(Item::Bytes(b""), Found::item));
                }
            });
            store(call, db, target, list)
        }
    }
}

/// The places of the elements sorted by the values they lead to. Where there is none it counts as 0, or comes first.
fn order_by(
    db: &mut Db,
    lookup: &mut Lookup,
    by: &Pattern,
    items: &[Item],
    request: &Request,
    window: Range<usize>,
) -> Result<Vec<u32>, Stop> {
    if request.is_alpha {
        let mut text = IntegerText::new();
        let mut key = |item: &Item| {
            let found = lookup.find(db, by, *item)?;
            Some(text_key(request, found.item().to_bytes(&mut text)))
        };
        let keys = items.iter().map(&mut key).collect();
        return Ok(order_of_keys(keys, request, window));
    }
    // All are looked up, even if one is no number: it shows in the statistics of keys.
    let mut are_numbers = true;
    let mut score = |item: &Item| match lookup.find(db, by, *item) {
        None => 0.0,
        Some(found) => number(found.item()).unwrap_or_else(|| {
            are_numbers = false;
            0.0
        }),
    };
    let scores: Vec<f64> = items.iter().map(&mut score).collect();
    if are_numbers { Ok(by_score(items, &scores, request.is_descending, window)) } else { Err(NOT_NUMBERS) }
}

/// A list in the making.
struct Listed {
    list: List,
    limits: EncodingLimits,
    text: IntegerText,
}

impl Listed {
    fn new(limits: EncodingLimits) -> Listed {
        Listed { list: List::new(), limits, text: IntegerText::new() }
    }

    fn push(&mut self, item: Item) {
        let bytes = item.to_bytes(&mut self.text);
        self.list.make_room(bytes.len(), 1, &self.limits.list);
        self.list.push(End::Back, bytes);
    }
}

fn store(call: &mut Call, db: &mut Db, target: usize, listed: Listed) -> Outcome {
    let Listed { mut list, limits, .. } = listed;
    list.settle(&limits.list);
    let count = list.len();
    db.store_counting(call.key(target), list, SORTSTORE, count as u64);
    call.reply.integer(count as i64);
    Ok(())
}
