//! Lua values as JSON.

use mlua::{Lua, Table, Value};

use super::{DEPTH_MAX, Invalid, Settings};
use crate::base::number::write_i64;
use crate::script::number::write_g;
use crate::script::raise::{fail, type_name};

/// The JSON text of a value.
pub fn encode(lua: &Lua, settings: &Settings, value: &Value) -> mlua::Result<Vec<u8>> {
    let mut writer = Writer { lua, settings, out: Vec::new() };
    writer.value(value, 0)?;
    Ok(writer.out)
}

struct Writer<'w> {
    lua: &'w Lua,
    settings: &'w Settings,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn refuse(&self, value: &Value, reason: &str) -> mlua::Error {
        fail(self.lua, format!("Cannot serialise {}: {reason}", type_name(value)))
    }

    fn value(&mut self, value: &Value, depth: i64) -> mlua::Result<()> {
        match value {
            Value::String(string) => self.string(&string.as_bytes()),
            Value::Integer(_) | Value::Number(_) => self.number(value)?,
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(address) if address.0.is_null() => self.out.extend_from_slice(b"null"),
            Value::Table(table) => {
                let depth = depth + 1;
                if depth > self.settings.encode_depth_max.min(DEPTH_MAX) {
                    return Err(fail(self.lua, format!("Cannot serialise, excessive nesting ({depth})")));
                }
                match self.array_length(table)? {
                    Some(length) if length > 0 => self.array(table, length, depth)?,
                    _ => self.object(table, depth)?,
                }
            }
            other => return Err(self.refuse(other, "type not supported")),
        }
        Ok(())
    }

    /// The length of a table that is an array: its greatest index. `None`: an object.
    fn array_length(&self, table: &Table) -> mlua::Result<Option<i64>> {
        let (mut max, mut items) = (0i64, 0i64);
        for pair in table.pairs::<Value, Value>() {
            match pair?.0 {
                Value::Integer(index) if index >= 1 => {
                    max = max.max(index);
                    items += 1;
                }
                _ => return Ok(None),
            }
        }
        let settings = self.settings;
        if settings.sparse_ratio > 0 && max > items.saturating_mul(settings.sparse_ratio) && max > settings.sparse_safe
        {
            if !settings.sparse_convert {
                return Err(self.refuse(&Value::Table(table.clone()), "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(Some(max))
    }

    fn array(&mut self, table: &Table, length: i64, depth: i64) -> mlua::Result<()> {
        self.out.push(b'[');
        for index in 1..=length {
            if index > 1 {
                self.out.push(b',');
            }
            let element: Value = table.raw_get(index)?;
            self.value(&element, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: i64) -> mlua::Result<()> {
        self.out.push(b'{');
        let mut is_first = true;
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            if !is_first {
                self.out.push(b',');
            }
            is_first = false;
            match &key {
                Value::String(string) => self.string(&string.as_bytes()),
                Value::Integer(_) | Value::Number(_) => {
                    self.out.push(b'"');
                    self.number(&key)?;
                    self.out.push(b'"');
                }
                other => return Err(self.refuse(other, "table key must be a number or string")),
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn number(&mut self, value: &Value) -> mlua::Result<()> {
        let number = match *value {
            Value::Integer(integer) if integer.unsigned_abs() < 10u64.pow(self.settings.precision as u32) => {
                write_i64(&mut self.out, integer);
                return Ok(());
            }
            Value::Integer(integer) => integer as f64,
            Value::Number(number) => number,
            _ => unreachable!("asked for numbers only"),
        };
        if !number.is_finite() {
            match self.settings.encode_invalid {
                Invalid::Refused => return Err(self.refuse(value, "must not be NaN or Inf")),
                Invalid::Null => self.out.extend_from_slice(b"null"),
                Invalid::Written if number.is_nan() => self.out.extend_from_slice(b"nan"),
                Invalid::Written => write_g(&mut self.out, number, 1),
            }
            return Ok(());
        }
        write_g(&mut self.out, number, self.settings.precision as usize);
        Ok(())
    }

    fn string(&mut self, string: &[u8]) {
        self.out.push(b'"');
        for &byte in string {
            match byte {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'/' => self.out.extend_from_slice(b"\\/"),
                0x08 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0x0c => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                0..0x20 | 0x7f => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }
}
