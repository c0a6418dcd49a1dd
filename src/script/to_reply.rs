//! Lua values as replies: what a script gives back goes to its client.
//!
//! Sequences may be nested as deep as they like, in themselves too: places where to go on lie on a stack of our own, with a
//! limit like that of Lua's stack. Maps and sets within one another have a lower one.

use mlua::{Table, Value};

use super::number::to_integer;
use crate::protocol::reply::{Deferred, Reply};

/// Sequences within sequences; the innermost is an error.
const NESTING_MAX: usize = 7000;
/// Maps and sets within maps and sets.
const MAP_NESTING_MAX: usize = 100;

/// A sequence that is being written: its next index, and the place of its length.
struct Open {
    table: Table,
    next: i64,
    place: Deferred,
}

/// Writes values of one script.
pub struct ValueWriter<'w, 'o> {
    pub reply: &'w mut Reply<'o>,
    /// The script chose RESP3.
    pub is_script_resp3: bool,
    /// Told of errors among the replies, and whether statistics have them already.
    pub on_error: &'w mut dyn FnMut(&[u8], bool),
}

impl ValueWriter<'_, '_> {
    /// Writes a value.
    pub fn write(&mut self, value: Value) -> mlua::Result<()> {
        self.write_within(value, 0)
    }

    /// The same within so many maps and sets.
    fn write_within(&mut self, value: Value, maps: usize) -> mlua::Result<()> {
        let mut open: Vec<Open> = Vec::new();
        let mut at_hand = Some(value);
        loop {
            if let Some(value) = at_hand.take() {
                if open.len() >= NESTING_MAX || maps >= MAP_NESTING_MAX {
                    self.error(b"ERR reached lua stack limit", false);
                } else {
                    open.extend(self.write_plain(value, maps)?);
                }
            }
            let Some(last) = open.last_mut() else { return Ok(()) };
            match last.table.raw_get::<Value>(last.next)? {
                Value::Nil => {
                    let done = open.pop().expect("it was the last");
                    self.reply.finish_array(done.place, (done.next - 1) as usize);
                }
                element => {
                    last.next += 1;
                    at_hand = Some(element);
                }
            }
        }
    }

    fn error(&mut self, text: &[u8], counted: bool) {
        (self.on_error)(text, counted);
        self.reply.error(text);
    }

    /// Writes a value that is no sequence, or the head of one.
    fn write_plain(&mut self, value: Value, maps: usize) -> mlua::Result<Option<Open>> {
        let reply = &mut *self.reply;
        match value {
            Value::String(string) => reply.bulk(&string.as_bytes()),
            Value::Integer(integer) => reply.integer(integer),
            Value::Number(number) => reply.integer(to_integer(number)),
            Value::Boolean(value) if self.is_script_resp3 => reply.boolean(value),
            Value::Boolean(true) => reply.integer(1),
            Value::Table(table) => return self.write_table(table, maps),
            _ => reply.null(),
        }
        Ok(None)
    }

    /// A table that stands for something by one of its fields, or a sequence.
    fn write_table(&mut self, table: Table, maps: usize) -> mlua::Result<Option<Open>> {
        if let Value::String(text) = table.raw_get("err")? {
            let ignored: Value = table.get("ignore_error_stats_update")?;
            self.error(&text.as_bytes(), matches!(ignored, Value::Boolean(true)));
            return Ok(None);
        }
        if let Value::String(text) = table.raw_get("ok")? {
            self.reply.output().bytes.push(b'+');
            push_line(self.reply, &text.as_bytes());
            return Ok(None);
        }
        let double = match table.raw_get("double")? {
            Value::Number(number) => Some(number),
            Value::Integer(integer) => Some(integer as f64),
            _ => None,
        };
        if let Some(double) = double {
            self.reply.double(double);
            return Ok(None);
        }
        if let Value::String(digits) = table.raw_get("big_number")? {
            let digits: Vec<u8> = digits.as_bytes().iter().map(|b| without_line_end(*b)).collect();
            self.reply.big_number(&digits);
            return Ok(None);
        }
        if let Value::Table(verbatim) = table.raw_get("verbatim_string")?
            && let (Value::String(format), Value::String(text)) =
                (verbatim.raw_get("format")?, verbatim.raw_get("string")?)
        {
            let mut letters: String = format.to_string_lossy().chars().filter(char::is_ascii).take(3).collect();
            while letters.len() < 3 {
                letters.push(' ');
            }
            self.reply.verbatim(&letters, &text.as_bytes());
            return Ok(None);
        }
        if let Value::Table(map) = table.raw_get("map")? {
            let (place, mut pairs) = (self.reply.deferred(), 0);
            for pair in map.pairs::<Value, Value>() {
                let (key, value) = pair?;
                self.write_within(key, maps + 1)?;
                self.write_within(value, maps + 1)?;
                pairs += 1;
            }
            self.reply.finish_map(place, pairs);
            return Ok(None);
        }
        if let Value::Table(set) = table.raw_get("set")? {
            let (place, mut members) = (self.reply.deferred(), 0);
            for pair in set.pairs::<Value, Value>() {
                self.write_within(pair?.0, maps + 1)?;
                members += 1;
            }
            self.reply.finish_set(place, members);
            return Ok(None);
        }
        let place = self.reply.deferred();
        Ok(Some(Open { table, next: 1, place }))
    }
}

fn without_line_end(byte: u8) -> u8 {
    if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }
}

fn push_line(reply: &mut Reply, text: &[u8]) {
    let bytes = &mut reply.output().bytes;
    bytes.extend(text.iter().map(|byte| without_line_end(*byte)));
    bytes.extend_from_slice(b"\r\n");
}
