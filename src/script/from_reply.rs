//! Replies of commands as Lua values.
//!
//! ```text
//! :1 number    $ string    $-1 *-1 false    + {ok=}    - {err=}    * sequence
//! RESP3:  _ nil   # boolean   , {double=}   ( {big_number=}   = {verbatim_string={format=, string=}}   % {map=}   ~ {set=}
//! ```

use mlua::{Lua, Table, Value};

use super::api::error_table;
use crate::base::number::parse_i64;

/// The value of one whole reply. The bytes were written by our own writer.
pub fn value_of_reply(lua: &Lua, bytes: &[u8]) -> mlua::Result<Value> {
    Reader { lua, bytes, at: 0 }.value()
}

struct Reader<'r> {
    lua: &'r Lua,
    bytes: &'r [u8],
    at: usize,
}

impl<'r> Reader<'r> {
    /// The rest of the line at hand.
    fn line(&mut self) -> &'r [u8] {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
        self.at += end + 2;
        &rest[..end]
    }

    fn number(&mut self) -> i64 {
        parse_i64(self.line()).unwrap_or(0)
    }

    /// The next `count` bytes and their line end.
    fn string(&mut self, count: usize) -> &'r [u8] {
        let string = self.bytes.get(self.at..self.at + count).unwrap_or_default();
        self.at += count + 2;
        string
    }

    /// A table with one field.
    fn field(&self, name: &str, value: Value) -> mlua::Result<Value> {
        let table = self.lua.create_table_with_capacity(0, 1)?;
        table.raw_set(name, value)?;
        Ok(Value::Table(table))
    }

    fn text(&self, bytes: &[u8]) -> mlua::Result<Value> {
        self.lua.create_string(bytes).map(Value::String)
    }

    fn value(&mut self) -> mlua::Result<Value> {
        let Some(&mark) = self.bytes.get(self.at) else { return Ok(Value::Nil) };
        self.at += 1;
        match mark {
            b':' => Ok(Value::Number(self.number() as f64)),
            b'$' => match self.number() {
                count @ 0.. => {
                    let string = self.string(count as usize);
                    self.text(string)
                }
                _ => Ok(Value::Boolean(false)),
            },
            b'+' => {
                let line = self.line();
                self.field("ok", self.text(line)?)
            }
            b'-' => error_table(self.lua, self.line(), true).map(Value::Table),
            b'*' | b'>' => match self.number() {
                count @ 0.. => self.sequence(count as usize).map(Value::Table),
                _ => Ok(Value::Boolean(false)),
            },
            b'_' => {
                self.line();
                Ok(Value::Nil)
            }
            b'#' => Ok(Value::Boolean(self.line() == b"t")),
            b',' => {
                let text = self.line();
                let number = crate::base::number::parse_f64(text).unwrap_or(f64::NAN);
                self.field("double", Value::Number(number))
            }
            b'(' => {
                let digits = self.line();
                self.field("big_number", self.text(digits)?)
            }
            b'=' => self.verbatim(),
            b'%' => {
                let pairs = self.number() as usize;
                let map = self.map(pairs)?;
                self.field("map", Value::Table(map))
            }
            b'~' => self.set(),
            b'|' => {
                // Remarks are not for scripts.
                let pairs = self.number() as usize;
                self.map(pairs)?;
                self.value()
            }
            _ => Ok(Value::Nil),
        }
    }

    fn sequence(&mut self, count: usize) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(count, 0)?;
        for index in 1..=count {
            let value = self.value()?;
            table.raw_set(index, value)?;
        }
        Ok(table)
    }

    fn map(&mut self, pairs: usize) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(0, pairs)?;
        for _ in 0..pairs {
            let key = self.value()?;
            let value = self.value()?;
            if !key.is_nil() {
                table.raw_set(key, value)?;
            }
        }
        Ok(table)
    }

    fn set(&mut self) -> mlua::Result<Value> {
        let count = self.number() as usize;
        let table = self.lua.create_table_with_capacity(0, count)?;
        for _ in 0..count {
            let member = self.value()?;
            if !member.is_nil() {
                table.raw_set(member, true)?;
            }
        }
        self.field("set", Value::Table(table))
    }

    fn verbatim(&mut self) -> mlua::Result<Value> {
        let count = self.number() as usize;
        let whole = self.string(count);
        let (format, string) = whole.split_at_checked(4).unwrap_or((b"txt:", whole));
        let table = self.lua.create_table_with_capacity(0, 2)?;
        table.raw_set("format", self.text(&format[..3])?)?;
        table.raw_set("string", self.text(string)?)?;
        self.field("verbatim_string", Value::Table(table))
    }
}
