//! The library `cmsgpack`: Lua values as MessagePack and back.
//!
//! A table whose keys are exactly 1 to n is an array, any other a map; a number that is an integer goes as the shortest
//! integer, another as a float if that loses nothing, else as a double; tables nested too deep go as nil.

use mlua::{Lua, MultiValue, Table, Value};

use super::convert::{function, integer_argument, optional_integer, string_argument};
use super::raise::{bad_argument, fail};

/// Tables nested deeper are written as nil: tables may contain themselves.
const NESTING_MAX: usize = 16;
/// Collections nested deeper are not read: a text of many opening bytes must not exhaust the stack.
const READ_NESTING_MAX: usize = 2000;

/// Values that one call gives back at most.
const RESULTS_MAX: usize = 4000;

/// The library's table.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    library.raw_set("pack", function(lua, pack)?)?;
    library.raw_set("unpack", function(lua, |lua, args| unpack(lua, &args, 0, 0))?)?;
    let one = |lua: &Lua, args: MultiValue| {
        let offset = optional_integer(lua, &args, 2, 0)?;
        unpack(lua, &args, 1, offset)
    };
    library.raw_set("unpack_one", function(lua, one)?)?;
    let limited = |lua: &Lua, args: MultiValue| {
        let limit = integer_argument(lua, &args, 2)?;
        let offset = optional_integer(lua, &args, 3, 0)?;
        unpack(lua, &args, limit, offset)
    };
    library.raw_set("unpack_limit", function(lua, limited)?)?;
    library.raw_set("_NAME", "cmsgpack")?;
    library.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    library.raw_set("_COPYRIGHT", "Copyright (C) 2012, Redis Ltd.")?;
    library.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(library)
}

fn pack(lua: &Lua, args: MultiValue) -> mlua::Result<Value> {
    if args.is_empty() {
        return Err(bad_argument(lua, 0, "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for value in &args {
        write_value(&mut out, value, 0)?;
    }
    Ok(Value::String(lua.create_string(&out)?))
}

fn write_value(out: &mut Vec<u8>, value: &Value, level: usize) -> mlua::Result<()> {
    match value {
        Value::String(string) => write_string(out, &string.as_bytes()),
        Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
        Value::Integer(integer) => write_integer(out, *integer),
        Value::Number(number) => write_number(out, *number),
        Value::Table(table) if level < NESTING_MAX => write_table(out, table, level)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

fn write_string(out: &mut Vec<u8>, string: &[u8]) {
    match string.len() {
        len @ ..32 => out.push(0xa0 | len as u8),
        len @ ..0x100 => out.extend_from_slice(&[0xd9, len as u8]),
        len => write_length(out, len, 0xda, 0xdb),
    }
    out.extend_from_slice(string);
}

/// A length of 16 or of 32 bits behind its mark.
fn write_length(out: &mut Vec<u8>, len: usize, short: u8, long: u8) {
    match u16::try_from(len) {
        Ok(len) => {
            out.push(short);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(long);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn write_integer(out: &mut Vec<u8>, integer: i64) {
    let mut put = |mark: u8, bytes: usize| {
        out.push(mark);
        out.extend_from_slice(&integer.to_be_bytes()[8 - bytes..]);
    };
    match integer {
        -32..=127 => out.push(integer as u8),
        128..=0xff => put(0xcc, 1),
        0x100..=0xffff => put(0xcd, 2),
        0x1_0000..=0xffff_ffff => put(0xce, 4),
        0x1_0000_0000.. => put(0xcf, 8),
        -0x80..=-33 => put(0xd0, 1),
        -0x8000..=-0x81 => put(0xd1, 2),
        -0x8000_0000..=-0x8001 => put(0xd2, 4),
        _ => put(0xd3, 8),
    }
}

fn write_number(out: &mut Vec<u8>, number: f64) {
    let integer = number as i64;
    if number.is_finite() && integer as f64 == number && integer != i64::MAX {
        write_integer(out, integer);
    } else if f64::from(number as f32) == number {
        out.push(0xca);
        out.extend_from_slice(&(number as f32).to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn write_table(out: &mut Vec<u8>, table: &Table, level: usize) -> mlua::Result<()> {
    let (mut count, mut max, mut is_array) = (0usize, 0i64, true);
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(index) if (1..=i64::from(i32::MAX)).contains(&index) => max = max.max(index),
            _ => is_array = false,
        }
        count += 1;
    }
    if is_array && max as usize == count {
        match count {
            ..16 => out.push(0x90 | count as u8),
            _ => write_length(out, count, 0xdc, 0xdd),
        }
        for index in 1..=max {
            let element: Value = table.raw_get(index)?;
            write_value(out, &element, level + 1)?;
        }
        return Ok(());
    }
    match count {
        ..16 => out.push(0x80 | count as u8),
        _ => write_length(out, count, 0xde, 0xdf),
    }
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        write_value(out, &key, level + 1)?;
        write_value(out, &value, level + 1)?;
    }
    Ok(())
}

/// Reads up to `limit` values from `offset` on; with a limit or an offset, where to go on comes first (-1 at the end).
fn unpack(lua: &Lua, args: &MultiValue, limit: i64, offset: i64) -> mlua::Result<MultiValue> {
    let text = string_argument(lua, args, 1)?;
    let text = text.as_bytes();
    let (limit32, offset32) = (limit as i32, offset as i32);
    if offset < 0 || limit < 0 {
        // The length stands where the limit is meant, as users of the library know it.
        let length = text.len() as i32;
        let _ = limit32;
        let problem = format!("Invalid request to unpack with offset of {offset32} and limit of {length}.");
        return Err(fail(lua, problem));
    }
    if offset as usize > text.len() {
        return Err(fail(lua, format!("Start offset {offset32} greater than input length {}.", text.len())));
    }
    let reads_all = limit == 0 && offset == 0;
    let limit = if reads_all { i64::from(i32::MAX) } else { limit };
    let mut reader = Reader { lua, rest: &text[offset as usize..], depth: 0 };
    let mut values = MultiValue::new();
    while !reader.rest.is_empty() && (values.len() as i64) < limit {
        match reader.value() {
            Ok(_) if values.len() == RESULTS_MAX => return Err(fail(lua, "too many results")),
            Ok(value) => values.push_back(value),
            Err(Problem::Missing) => return Err(fail(lua, "Missing bytes in input.")),
            Err(Problem::Bad) => return Err(fail(lua, "Bad data format in input.")),
            Err(Problem::Nested) => return Err(fail(lua, "stack overflow (in function mp_decode_to_lua_array)")),
            Err(Problem::Lua(error)) => return Err(error),
        }
    }
    if !reads_all {
        let next = if reader.rest.is_empty() { -1 } else { (text.len() - reader.rest.len()) as i64 };
        values.push_front(Value::Integer(next));
    }
    Ok(values)
}

/// Why a value cannot be read.
enum Problem {
    Missing,
    Bad,
    Nested,
    Lua(mlua::Error),
}

impl From<mlua::Error> for Problem {
    fn from(error: mlua::Error) -> Problem {
        Problem::Lua(error)
    }
}

struct Reader<'r> {
    lua: &'r Lua,
    rest: &'r [u8],
    depth: usize,
}

impl<'r> Reader<'r> {
    fn take(&mut self, count: usize) -> Result<&'r [u8], Problem> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Problem::Missing)?;
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned number of so many bytes, high byte first.
    fn number(&mut self, bytes: usize) -> Result<u64, Problem> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn value(&mut self) -> Result<Value, Problem> {
        let mark = self.take(1)?[0];
        Ok(match mark {
            0x00..=0x7f => Value::Integer(i64::from(mark)),
            0xe0..=0xff => Value::Integer(i64::from(mark as i8)),
            0x80..=0x8f => self.map(usize::from(mark & 0x0f))?,
            0x90..=0x9f => self.array(usize::from(mark & 0x0f))?,
            0xa0..=0xbf => self.string(usize::from(mark & 0x1f))?,
            0xc0 => Value::Nil,
            0xc2 => Value::Boolean(false),
            0xc3 => Value::Boolean(true),
            0xca => Value::Number(f64::from(f32::from_bits(self.number(4)? as u32))),
            0xcb => Value::Number(f64::from_bits(self.number(8)?)),
            0xcc => Value::Integer(self.number(1)? as i64),
            0xcd => Value::Integer(self.number(2)? as i64),
            0xce => Value::Integer(self.number(4)? as i64),
            0xcf => Value::Number(self.number(8)? as f64),
            0xd0 => Value::Integer(i64::from(self.number(1)? as i8)),
            0xd1 => Value::Integer(i64::from(self.number(2)? as i16)),
            0xd2 => Value::Integer(i64::from(self.number(4)? as i32)),
            0xd3 => Value::Integer(self.number(8)? as i64),
            0xd9 => self.sized(1, Reader::string)?,
            0xda => self.sized(2, Reader::string)?,
            0xdb => self.sized(4, Reader::string)?,
            0xdc => self.sized(2, Reader::array)?,
            0xdd => self.sized(4, Reader::array)?,
            0xde => self.sized(2, Reader::map)?,
            0xdf => self.sized(4, Reader::map)?,
            _ => return Err(Problem::Bad),
        })
    }

    fn sized(
        &mut self,
        bytes: usize,
        read: fn(&mut Reader<'r>, usize) -> Result<Value, Problem>,
    ) -> Result<Value, Problem> {
        let length = self.number(bytes)? as usize;
        read(self, length)
    }

    fn string(&mut self, length: usize) -> Result<Value, Problem> {
        let bytes = self.take(length)?;
        Ok(Value::String(self.lua.create_string(bytes)?))
    }

    fn descend(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > READ_NESTING_MAX { Err(Problem::Nested) } else { Ok(()) }
    }

    fn array(&mut self, length: usize) -> Result<Value, Problem> {
        self.descend()?;
        let table = self.lua.create_table()?;
        for index in 1..=length {
            let value = self.value()?;
            table.raw_set(index, value)?;
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }

    fn map(&mut self, length: usize) -> Result<Value, Problem> {
        self.descend()?;
        let table = self.lua.create_table()?;
        for _ in 0..length {
            let key = self.value()?;
            let value = self.value()?;
            table.set(key, value)?;
        }
        self.depth -= 1;
        Ok(Value::Table(table))
    }
}
