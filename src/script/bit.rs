//! The library `bit`: operations on 32-bit integers, which Lua 5.1 lacks.

use mlua::{Lua, MultiValue, Table, Value};

use super::convert::{function, number_of};
use super::raise::wrong_type;

/// Added to a double, it leaves the integer's low bits at the end of the mantissa.
const SHIFTER: f64 = 6_755_399_441_055_744.0;

/// Argument `number` (from 1) as 32 bits.
fn bits(lua: &Lua, args: &MultiValue, number: usize) -> mlua::Result<u32> {
    let value = args.get(number - 1);
    let Some(double) = value.and_then(|value| number_of(lua, value)) else {
        return Err(wrong_type(lua, number, "number", value));
    };
    Ok((double + SHIFTER).to_bits() as u32)
}

fn signed(bits: u32) -> Value {
    Value::Integer(i64::from(bits as i32))
}

/// Adds a function that folds all its arguments.
fn fold(lua: &Lua, library: &Table, name: &str, combine: fn(u32, u32) -> u32) -> mlua::Result<()> {
    let made = function(lua, move |lua, args| {
        let mut result = bits(lua, &args, 1)?;
        for number in 2..=args.len() {
            result = combine(result, bits(lua, &args, number)?);
        }
        Ok(signed(result))
    })?;
    library.raw_set(name, made)
}

/// Adds a function of one argument.
fn map(lua: &Lua, library: &Table, name: &str, change: fn(u32) -> u32) -> mlua::Result<()> {
    library.raw_set(name, function(lua, move |lua, args| Ok(signed(change(bits(lua, &args, 1)?))))?)
}

/// Adds a function that shifts by its second argument, modulo 32.
fn shift(lua: &Lua, library: &Table, name: &str, change: fn(u32, u32) -> u32) -> mlua::Result<()> {
    let made = function(lua, move |lua, args| {
        let value = bits(lua, &args, 1)?;
        Ok(signed(change(value, bits(lua, &args, 2)? & 31)))
    })?;
    library.raw_set(name, made)
}

/// Hexadecimal digits; a negative number of them means upper case.
fn to_hexadecimal(lua: &Lua, args: MultiValue) -> mlua::Result<Value> {
    let value = bits(lua, &args, 1)?;
    let digits = if args.len() < 2 { 8 } else { bits(lua, &args, 2)? as i32 };
    let count = digits.unsigned_abs().min(8) as usize;
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    Ok(Value::String(lua.create_string(&text.as_bytes()[8 - count..])?))
}

/// The library's table.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let library = lua.create_table()?;
    map(lua, &library, "tobit", |b| b)?;
    map(lua, &library, "bnot", |b| !b)?;
    map(lua, &library, "bswap", u32::swap_bytes)?;
    fold(lua, &library, "band", |a, b| a & b)?;
    fold(lua, &library, "bor", |a, b| a | b)?;
    fold(lua, &library, "bxor", |a, b| a ^ b)?;
    shift(lua, &library, "lshift", |b, n| b << n)?;
    shift(lua, &library, "rshift", |b, n| b >> n)?;
    shift(lua, &library, "arshift", |b, n| ((b as i32) >> n) as u32)?;
    shift(lua, &library, "rol", u32::rotate_left)?;
    shift(lua, &library, "ror", u32::rotate_right)?;
    library.raw_set("tohex", function(lua, to_hexadecimal)?)?;
    Ok(library)
}
