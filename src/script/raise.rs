//! Errors that functions given to Lua raise, and what becomes of them.
//!
//! What a Rust function raises travels through Lua as a userdata. Wherever a script could see it (`pcall`, `xpcall`,
//! `coroutine.resume`) it is turned into what Redis raises: a string with the place in front, or a table with a field `err`.

use std::fmt;

use mlua::{Error, Lua, Value};

/// An error on its way through Lua.
#[derive(Clone, Debug)]
pub enum Raise {
    /// A string, as `error` in Lua raises it; it begins with its place.
    Text(Vec<u8>),
    /// A table with this field `err`. `counted`: statistics have it already.
    Table { err: Vec<u8>, counted: bool },
}

impl fmt::Display for Raise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Raise::Text(text) | Raise::Table { err: text, .. }) = self;
        f.write_str(&String::from_utf8_lossy(text))
    }
}

impl std::error::Error for Raise {}

impl From<Raise> for Error {
    fn from(raise: Raise) -> Error {
        Error::external(raise)
    }
}

impl Raise {
    /// A table whose text is not counted yet.
    pub fn table(err: impl Into<Vec<u8>>) -> Error {
        Raise::Table { err: err.into(), counted: false }.into()
    }

    /// What was raised, if it was raised by one of our functions.
    pub fn of(error: &Error) -> Option<&Raise> {
        match error {
            Error::CallbackError { cause, .. } | Error::WithContext { cause, .. } => Raise::of(cause),
            Error::ExternalError(inner) => inner.downcast_ref(),
            _ => None,
        }
    }

    /// The text of any error.
    pub fn text_of(error: &Error) -> Vec<u8> {
        match Raise::of(error) {
            Some(Raise::Text(text) | Raise::Table { err: text, .. }) => text.clone(),
            None => match root(error) {
                Error::RuntimeError(text) | Error::MemoryError(text) => text.clone().into_bytes(),
                other => other.to_string().into_bytes(),
            },
        }
    }
}

fn root(error: &Error) -> &Error {
    match error {
        Error::CallbackError { cause, .. } | Error::WithContext { cause, .. } => root(cause),
        other => other,
    }
}

/// The place of the function at `level` of the stack, as errors begin with it ("user_script:3: "); empty for what is not Lua.
pub fn place(lua: &Lua, level: usize) -> String {
    let described = lua.inspect_stack(level, |debug| {
        let line = debug.current_line()?;
        let source = debug.source();
        source.short_src.map(|name| format!("{name}:{line}: "))
    });
    described.flatten().unwrap_or_default()
}

/// An error of the running function, as `luaL_error` makes it: its caller's place, then the text.
pub fn fail(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    Raise::Text([place(lua, 1).as_bytes(), text.as_ref()].concat()).into()
}

/// An error about an argument of the running function.
pub fn bad_argument(lua: &Lua, number: usize, text: &str) -> Error {
    let name = lua.inspect_stack(0, |debug| debug.names().name.map(|name| name.into_owned())).flatten();
    fail(lua, format!("bad argument #{number} to '{}' ({text})", name.as_deref().unwrap_or("?")))
}

/// An error about an argument that is of the wrong type.
pub fn wrong_type(lua: &Lua, number: usize, expected: &str, got: Option<&Value>) -> Error {
    bad_argument(lua, number, &format!("{expected} expected, got {}", got.map_or("no value", type_name)))
}

/// The name of a value's type in Lua.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Number(_) => "number",
        Value::LightUserData(_) | Value::UserData(_) | Value::Error(_) => "userdata",
        other => other.type_name(),
    }
}
