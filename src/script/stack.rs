//! Bytes straight onto Lua's stack and off it, for what every run of a script has: its keys and arguments, and the words of each
//! command that it calls.
//!
//! ```text
//! words of EVAL ──Opening──▶ [ index, KEYS, ARGV ] ──▶ script ──redis.call──▶ [ "INCR", "key" ] ──Words──▶ the request
//! ```
//!
//! mlua gives each value that it hands out a handle: a place in a second stack, moved there and given back. That costs more than
//! the short strings that most scripts pass. Its traits let a type say how it comes from the stack and goes onto it; these two do
//! so without handles.

use std::ffi::c_int;

use mlua::state::RawLua;
use mlua::{Error, FromLuaMulti, IntoLuaMulti, Lua, MultiValue, Value, ffi};

use crate::base::number::{write_f64, write_i64};
use crate::protocol::args::OwnedRequest;

/// What a run is called with: the function's number, the keys and the arguments, each as a table.
pub struct Opening<K, A> {
    pub index: i64,
    pub keys: K,
    pub arguments: A,
}

impl<'w, K, A> IntoLuaMulti for Opening<K, A>
where
    K: ExactSizeIterator<Item = &'w [u8]>,
    A: ExactSizeIterator<Item = &'w [u8]>,
{
    fn into_lua_multi(self, lua: &Lua) -> mlua::Result<MultiValue> {
        let list = |words: &mut dyn Iterator<Item = &'w [u8]>| {
            let strings: mlua::Result<Vec<Value>> = words.map(|w| lua.create_string(w).map(Value::String)).collect();
            lua.create_sequence_from(strings?).map(Value::Table)
        };
        let (mut keys, mut arguments) = (self.keys, self.arguments);
        Ok([Value::Integer(self.index), list(&mut keys)?, list(&mut arguments)?].into_iter().collect())
    }

    unsafe fn push_into_stack_multi(self, lua: &RawLua) -> mlua::Result<c_int> {
        let state = lua.state();
        // Safety: the state is alive while mlua lends it, and there is room for three values, a table's element and what Lua
        // itself needs. Memory that is not there ends the process, as everywhere (mlua, too, runs these unprotected).
        unsafe {
            if ffi::lua_checkstack(state, 3 + ELEMENTS_SLOTS) == 0 {
                return Err(Error::StackError);
            }
            ffi::lua_pushinteger(state, self.index as ffi::lua_Integer);
            push_list(state, self.keys);
            push_list(state, self.arguments);
        }
        Ok(3)
    }
}

/// Slots above a table while it is filled.
const ELEMENTS_SLOTS: c_int = 2;

/// Pushes a table of strings.
///
/// Safety: a live state with room for a table and one element.
#[inline]
unsafe fn push_list<'w>(state: *mut ffi::lua_State, words: impl ExactSizeIterator<Item = &'w [u8]>) {
    unsafe {
        ffi::lua_createtable(state, words.len().min(c_int::MAX as usize) as c_int, 0);
        for (place, word) in (1..).zip(words) {
            ffi::lua_pushlstring(state, word.as_ptr().cast(), word.len());
            ffi::lua_rawseti(state, -2, place);
        }
    }
}

/// The arguments of a function that is called, where they lie.
///
/// Invariant: made by mlua only, for a function that it is about to call, below whose frame the arguments stay until that returns;
/// nothing here outlives the call, because a function takes its `Words` by value and only `copy_to` reads them, at once.
pub struct Words {
    state: *mut ffi::lua_State,
    first: c_int,
    count: c_int,
}

impl FromLuaMulti for Words {
    fn from_lua_multi(_: MultiValue, _: &Lua) -> mlua::Result<Words> {
        Err(Error::runtime("these arguments are read where they lie"))
    }

    #[inline]
    unsafe fn from_stack_multi(count: c_int, lua: &RawLua) -> mlua::Result<Words> {
        let state = lua.state();
        // Safety: a live state, with `count` values on top.
        let first = unsafe { ffi::lua_gettop(state) } - count + 1;
        Ok(Words { state, first, count })
    }
}

/// The least and the largest number that is written as an integer, as in Redis.
const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;

impl Words {
    /// Copies the words of a command; numbers are written so that none loses anything. An error is a text with its code.
    #[inline]
    pub fn copy_to(self, request: &mut OwnedRequest) -> Result<(), &'static str> {
        request.clear();
        if self.count == 0 {
            return Err("ERR Please specify at least one argument for this redis lib call");
        }
        for index in self.first..self.first + self.count {
            // Safety: within the arguments of the running function (see the invariant); a string's bytes stay where they are
            // while it is on the stack, and are copied before anything else runs.
            unsafe {
                match ffi::lua_type(self.state, index) {
                    ffi::LUA_TSTRING => {
                        let mut len = 0;
                        let bytes = ffi::lua_tolstring(self.state, index, &mut len);
                        request.push(std::slice::from_raw_parts(bytes.cast(), len));
                    }
                    ffi::LUA_TNUMBER => push_number(request, ffi::lua_tonumber(self.state, index)),
                    _ => return Err("ERR Lua redis lib command arguments must be strings or integers"),
                }
            }
        }
        Ok(())
    }
}

fn push_number(request: &mut OwnedRequest, number: f64) {
    let integer = number as i64;
    request.push_written(|text| match number.abs() <= INTEGER_MAX && integer as f64 == number {
        true => write_i64(text, integer),
        false => write_f64(text, number),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// What a function written in Lua makes of an opening.
    const TELL: &str = "local index, keys, arguments = ...
        return index .. ':' .. #keys .. ':' .. table.concat(keys, ',') .. ':' .. table.concat(arguments, ',')";

    fn told(words: &[&[u8]], keys: usize) -> [String; 2] {
        let lua = Lua::new();
        let tell = lua.load(TELL).into_function().expect("it compiles");
        let opening =
            || Opening { index: 7, keys: words[..keys].iter().copied(), arguments: words[keys..].iter().copied() };
        let by_handles = opening().into_lua_multi(&lua).expect("there is memory");
        [tell.call(opening()).expect("it runs"), tell.call(by_handles).expect("it runs")]
    }

    #[test]
    fn an_opening_comes_with_handles_and_without_as_the_same() {
        for (words, keys, expected) in [
            (&[][..], 0, "7:0::"),
            (&[b"k".as_slice(), b"a", b"b"][..], 1, "7:1:k:a,b"),
            (&[b"k".as_slice(), b"l"][..], 2, "7:2:k,l:"),
        ] {
            assert_eq!(told(words, keys), [expected, expected]);
        }
    }

    #[test]
    fn words_are_copied_as_commands_have_them() {
        let lua = Lua::new();
        let seen: Rc<RefCell<Vec<String>>> = Rc::default();
        let noted = Rc::clone(&seen);
        let take = lua.create_function(move |_, words: Words| {
            let mut request = OwnedRequest::default();
            let outcome = words.copy_to(&mut request);
            let words: Vec<_> = request.args().iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect();
            noted.borrow_mut().push(outcome.err().map_or(words.join("|"), str::to_owned));
            Ok(3)
        });
        lua.globals().set("take", take.expect("a function")).expect("a global");
        let code = "assert(take('a\\0b', 1, -3, 0.5, 2^53, 1e300, -0.0) == 3); take(); take({}); take(true, 'x')";
        lua.load(code).exec().expect("it runs");
        let seen = seen.borrow();
        assert_eq!(seen[0], "a\0b|1|-3|0.5|9007199254740992|1e+300|0");
        assert!(seen[1].starts_with("ERR Please specify"), "{seen:?}");
        assert!(seen[2].ends_with("strings or integers") && seen[3] == seen[2], "{seen:?}");
    }
}
