//! Arguments of functions given to Lua, read as Lua's own library reads them.

use mlua::{Function, IntoLuaMulti, Lua, LuaString, MultiValue, Value};

use super::number::to_integer;
use super::raise::{fail, wrong_type};

/// Arguments that a function takes at most. Each needs a handle, of which there are some thousands: beyond this there might
/// be none left for what the function makes.
const ARGUMENTS_MAX: usize = 4000;

/// A function for Lua that takes any number of arguments, up to the bound.
pub fn function<R: IntoLuaMulti>(
    lua: &Lua,
    run: impl Fn(&Lua, MultiValue) -> mlua::Result<R> + 'static,
) -> mlua::Result<Function> {
    lua.create_function(move |lua, args: MultiValue| {
        if args.len() > ARGUMENTS_MAX {
            return Err(fail(lua, "too many arguments"));
        }
        run(lua, args)
    })
}

/// A number, or a string that reads as one.
pub fn number_of(lua: &Lua, value: &Value) -> Option<f64> {
    match value {
        Value::Integer(integer) => Some(*integer as f64),
        Value::Number(number) => Some(*number),
        Value::String(_) => lua.coerce_number(value.clone()).ok().flatten(),
        _ => None,
    }
}

/// A string, or a number as text.
pub fn string_of(lua: &Lua, value: &Value) -> Option<LuaString> {
    match value {
        Value::String(string) => Some(string.clone()),
        Value::Integer(_) | Value::Number(_) => lua.coerce_string(value.clone()).ok().flatten(),
        _ => None,
    }
}

/// Argument `number` (from 1) as a number.
pub fn number_argument(lua: &Lua, args: &MultiValue, number: usize) -> mlua::Result<f64> {
    let value = args.get(number - 1);
    value.and_then(|value| number_of(lua, value)).ok_or_else(|| wrong_type(lua, number, "number", value))
}

/// Argument `number` (from 1) as an integer: a fraction is cut off.
pub fn integer_argument(lua: &Lua, args: &MultiValue, number: usize) -> mlua::Result<i64> {
    number_argument(lua, args, number).map(to_integer)
}

/// The same, or `default` where there is none.
pub fn optional_integer(lua: &Lua, args: &MultiValue, number: usize, default: i64) -> mlua::Result<i64> {
    match args.get(number - 1) {
        None | Some(Value::Nil) => Ok(default),
        Some(_) => integer_argument(lua, args, number),
    }
}

/// Argument `number` (from 1) as a string.
pub fn string_argument(lua: &Lua, args: &MultiValue, number: usize) -> mlua::Result<LuaString> {
    let value = args.get(number - 1);
    value.and_then(|value| string_of(lua, value)).ok_or_else(|| wrong_type(lua, number, "string", value))
}
