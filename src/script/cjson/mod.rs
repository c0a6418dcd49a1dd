//! The library `cjson`: JSON to Lua values and back, with the settings and the limits that its users know.
//!
//! An empty table is an object, `cjson.null` a light userdata without an address. Settings stay as a script left them.

mod decode;
mod encode;

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::convert::{self, number_of};
use super::number::to_integer;
use super::raise::{bad_argument, wrong_type};

/// What scripts can set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Very sparse arrays become objects; else they are an error.
    sparse_convert: bool,
    sparse_ratio: i64,
    /// Arrays up to this length are never too sparse.
    sparse_safe: i64,
    encode_depth_max: i64,
    decode_depth_max: i64,
    /// NaN and infinities when encoding: refused, as they are, or as null.
    encode_invalid: Invalid,
    decode_invalid: bool,
    precision: i64,
    keeps_buffer: bool,
}

/// What becomes of numbers that JSON does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalid {
    Refused,
    Written,
    Null,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
            precision: 14,
            keeps_buffer: true,
        }
    }
}

type Shared = Rc<RefCell<Settings>>;

/// The library's table, with settings of its own.
pub fn library(lua: &Lua) -> mlua::Result<Table> {
    let settings: Shared = Shared::default();
    let library = lua.create_table()?;
    let add = |name: &str, function: fn(&Lua, &Shared, MultiValue) -> mlua::Result<MultiValue>| {
        let settings = Rc::clone(&settings);
        library.raw_set(name, convert::function(lua, move |lua, args| function(lua, &settings, args))?)
    };
    add("encode", encode)?;
    add("decode", decode)?;
    add("encode_sparse_array", encode_sparse_array)?;
    add("encode_max_depth", |lua, s, args| {
        integer_setting(lua, args, &mut s.borrow_mut().encode_depth_max, 1, INT_MAX)
    })?;
    add("decode_max_depth", |lua, s, args| {
        integer_setting(lua, args, &mut s.borrow_mut().decode_depth_max, 1, INT_MAX)
    })?;
    add("encode_number_precision", |lua, s, args| integer_setting(lua, args, &mut s.borrow_mut().precision, 1, 14))?;
    add("encode_keep_buffer", |lua, s, args| switch_setting(lua, args, &mut s.borrow_mut().keeps_buffer))?;
    add("decode_invalid_numbers", |lua, s, args| switch_setting(lua, args, &mut s.borrow_mut().decode_invalid))?;
    add("encode_invalid_numbers", encode_invalid_numbers)?;
    add("new", |lua, _, _| one(Value::Table(self::library(lua)?)))?;
    library.raw_set("null", Value::NULL)?;
    library.raw_set("_NAME", "cjson")?;
    library.raw_set("_VERSION", "2.1.0")?;
    Ok(library)
}

/// Nesting beyond this is refused whatever is set: Lua's stack ends there, and so would ours.
const DEPTH_MAX: i64 = 1800;
const INT_MAX: i64 = i32::MAX as i64;

fn one(value: Value) -> mlua::Result<MultiValue> {
    Ok(MultiValue::from_iter([value]))
}

fn encode(lua: &Lua, settings: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    if args.len() != 1 {
        return Err(bad_argument(lua, 1, "expected 1 argument"));
    }
    let text = encode::encode(lua, &settings.borrow(), &args[0])?;
    one(Value::String(lua.create_string(&text)?))
}

fn decode(lua: &Lua, settings: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    if args.len() != 1 {
        return Err(bad_argument(lua, 1, "expected 1 argument"));
    }
    let text = super::convert::string_argument(lua, &args, 1)?;
    one(decode::decode(lua, &settings.borrow(), &text.as_bytes())?)
}

/// Too many arguments for a setting are refused.
fn at_most(lua: &Lua, args: &MultiValue, count: usize) -> mlua::Result<()> {
    if args.len() > count { Err(bad_argument(lua, count + 1, "found too many arguments")) } else { Ok(()) }
}

/// Sets an integer if there is an argument, and gives the setting.
fn integer_setting(lua: &Lua, args: MultiValue, setting: &mut i64, min: i64, max: i64) -> mlua::Result<MultiValue> {
    at_most(lua, &args, 1)?;
    set_integer(lua, &args, 1, setting, min, max)?;
    one(Value::Integer(*setting))
}

fn set_integer(lua: &Lua, args: &MultiValue, number: usize, setting: &mut i64, min: i64, max: i64) -> mlua::Result<()> {
    let value = match args.get(number - 1) {
        None | Some(Value::Nil) => return Ok(()),
        Some(value) => value,
    };
    let integer = number_of(lua, value).ok_or_else(|| wrong_type(lua, number, "number", Some(value)))?;
    let integer = to_integer(integer);
    if !(min..=max).contains(&integer) {
        return Err(bad_argument(lua, 1, &format!("expected integer between {min} and {max}")));
    }
    *setting = integer;
    Ok(())
}

fn switch_setting(lua: &Lua, args: MultiValue, setting: &mut bool) -> mlua::Result<MultiValue> {
    at_most(lua, &args, 1)?;
    set_switch(lua, &args, 1, setting)?;
    one(Value::Boolean(*setting))
}

fn set_switch(lua: &Lua, args: &MultiValue, number: usize, setting: &mut bool) -> mlua::Result<()> {
    if let Some(choice) = choice(lua, args, number, &["off", "on"])? {
        *setting = choice == 1;
    }
    Ok(())
}

/// An argument that is one of these words, or a boolean for the first two.
fn choice(lua: &Lua, args: &MultiValue, number: usize, words: &[&str]) -> mlua::Result<Option<usize>> {
    match args.get(number - 1) {
        None | Some(Value::Nil) => Ok(None),
        Some(Value::Boolean(on)) => Ok(Some(usize::from(*on))),
        Some(Value::String(word)) => {
            let word = word.as_bytes();
            let found = words.iter().position(|candidate| candidate.as_bytes() == &*word);
            let unknown = || bad_argument(lua, number, &format!("invalid option '{}'", String::from_utf8_lossy(&word)));
            found.map(Some).ok_or_else(unknown)
        }
        other => Err(wrong_type(lua, number, "string", other)),
    }
}

fn encode_sparse_array(lua: &Lua, settings: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    at_most(lua, &args, 3)?;
    let settings = &mut *settings.borrow_mut();
    set_switch(lua, &args, 1, &mut settings.sparse_convert)?;
    set_integer(lua, &args, 2, &mut settings.sparse_ratio, 0, INT_MAX)?;
    set_integer(lua, &args, 3, &mut settings.sparse_safe, 0, INT_MAX)?;
    Ok(MultiValue::from_iter([
        Value::Boolean(settings.sparse_convert),
        Value::Integer(settings.sparse_ratio),
        Value::Integer(settings.sparse_safe),
    ]))
}

fn encode_invalid_numbers(lua: &Lua, settings: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    at_most(lua, &args, 1)?;
    let settings = &mut *settings.borrow_mut();
    if let Some(choice) = choice(lua, &args, 1, &["off", "on", "null"])? {
        settings.encode_invalid = [Invalid::Refused, Invalid::Written, Invalid::Null][choice];
    }
    one(match settings.encode_invalid {
        Invalid::Refused => Value::Boolean(false),
        Invalid::Written => Value::Boolean(true),
        Invalid::Null => Value::String(lua.create_string("null")?),
    })
}
