//! The words of a request to sort.

use super::pattern::Pattern;
use crate::base::slot::{slot_of_key, slot_of_pattern};
use crate::exec::call::fault;
use crate::exec::{Call, Stop};
use std::ops::Range;

const BY_ACROSS_SLOTS: Stop = Stop::error(
    "ERR BY option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.",
);
const BY_NOT_PERMITTED: Stop = Stop::error("ERR BY option of SORT denied due to insufficient ACL permissions.");
const GET_NOT_PERMITTED: Stop = Stop::error("ERR GET option of SORT denied due to insufficient ACL permissions.");
const GET_ACROSS_SLOTS: Stop = Stop::error(
    "ERR GET option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.",
);

/// What is asked for.
pub(super) struct Request<'a> {
    pub is_descending: bool,
    pub is_alpha: bool,
    offset: i64,
    /// Elements at most; below 0: all.
    count: i64,
    pub by: Option<Pattern<'a>>,
    /// Some BY was constant, which means that nothing is sorted, whatever other BY there is.
    pub keeps_order: bool,
    pub gets: Vec<Pattern<'a>>,
    /// The word of the key where the result goes.
    pub target: Option<usize>,
}

impl<'a> Request<'a> {
    pub fn parse(call: &Call<'a>, may_store: bool) -> Result<Request<'a>, Stop> {
        let mut request = Request {
            is_descending: false,
            is_alpha: false,
            offset: 0,
            count: -1,
            by: None,
            keeps_order: false,
            gets: Vec::new(),
            target: None,
        };
        let mut index = 2;
        while index < call.argc() {
            let behind = call.argc() - index - 1;
            if call.is(index, "ASC") {
                request.is_descending = false;
            } else if call.is(index, "DESC") {
                request.is_descending = true;
            } else if call.is(index, "ALPHA") {
                request.is_alpha = true;
            } else if behind >= 2 && call.is(index, "LIMIT") {
                (request.offset, request.count) = (call.integer(index + 1)?, call.integer(index + 2)?);
                index += 2;
            } else if behind >= 1 && may_store && call.is(index, "STORE") {
                request.target = Some(index + 1);
                index += 1;
            } else if behind >= 1 && call.is(index, "BY") {
                request.set_by(call, call.arg(index + 1))?;
                index += 1;
            } else if behind >= 1 && call.is(index, "GET") {
                let word = call.arg(index + 1);
                let pattern = Pattern::parse(word);
                if !matches!(pattern, Pattern::Element) && leads_elsewhere(call, word) {
                    return Err(GET_ACROSS_SLOTS);
                }
                if !call.may_read_every_key() {
                    return Err(GET_NOT_PERMITTED);
                }
                request.gets.push(pattern);
                index += 1;
            } else {
                return Err(fault::SYNTAX);
            }
            index += 1;
        }
        Ok(request)
    }

    fn set_by(&mut self, call: &Call<'a>, word: &'a [u8]) -> Result<(), Stop> {
        let pattern = Pattern::parse(word);
        if pattern.is_constant(word) {
            self.keeps_order = true;
        } else if leads_elsewhere(call, word) {
            return Err(BY_ACROSS_SLOTS);
        } else if !call.may_read_every_key() {
            return Err(BY_NOT_PERMITTED);
        }
        self.by = Some(pattern);
        Ok(())
    }

    /// Whether other keys are looked at, which can change the database: what is due goes.
    pub fn looks_up(&self) -> bool {
        let is_key = |pattern: &Pattern| matches!(pattern, Pattern::Key { .. });
        self.gets.iter().any(is_key) || !self.keeps_order && self.by.as_ref().is_some_and(is_key)
    }

    /// The part of `len` sorted elements that LIMIT leaves.
    pub fn window(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset.max(0)).unwrap_or(usize::MAX).min(len);
        let count = if self.count < 0 { len } else { usize::try_from(self.count).unwrap_or(usize::MAX) };
        start..start.saturating_add(count).min(len)
    }
}

/// Whether, in a cluster, keys of the pattern may be in another slot than the key that is sorted. Told, where it is only counted.
fn leads_elsewhere(call: &Call, pattern: &[u8]) -> bool {
    let settings = call.settings;
    if !settings.cluster_enabled && settings.cluster_compatibility_sample_percent == 0 {
        return false;
    }
    let is_elsewhere = slot_of_pattern(pattern) != Some(slot_of_key(call.arg(1)));
    if is_elsewhere {
        call.note_beyond_cluster();
    }
    settings.cluster_enabled && is_elsewhere
}
