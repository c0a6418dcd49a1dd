//! What a script sees: chosen globals, libraries that it cannot change, no way out.
//!
//! ```text
//! globals of a chunk ─▶ [ empty, locked ] ──reads──▶ [ real globals ] ──missing──▶ error
//!                                                      redis ─▶ [ empty, locked ] ──reads──▶ [ call, pcall, … ]
//! ```
//!
//! Lua 5.1 has no table that is read only. So a script holds an empty table that reads through to the real one and refuses
//! to be written; what would go round that (`rawset`, `setmetatable`, `pairs`) knows the locked tables.

use std::rc::Rc;

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaString, MultiValue, Table, Value};

use super::engine::{Kind, SANDBOX, Shared, handle_error};
use super::raise::{Raise, bad_argument, fail, wrong_type};
use super::{api, bit, cjson, cmsgpack, convert, pack, random};

/// Globals of Lua that scripts have.
const BUILT_IN: &[&str] = &[
    "xpcall",
    "tostring",
    "next",
    "assert",
    "tonumber",
    "rawequal",
    "collectgarbage",
    "getmetatable",
    "pcall",
    "type",
    "select",
    "gcinfo",
    "ipairs",
    "_VERSION",
    "error",
];
/// Those they have only if `lua-enable-deprecated-api` says so.
const DEPRECATED: &[&str] = &["newproxy", "setfenv", "getfenv"];

/// What the sandbox's own functions in Lua are made of: errors that come from Rust are turned into Lua's own wherever a
/// script could see them.
const PRELUDE: &str = r#"
local real, compiled, handler, text_of, table_of, raw_pcall, raw_xpcall, raw_resume, unpack, type, tonumber, error = ...

local function caught(ok, ...)
  if ok then return ok, ... end
  local e = ...
  local kind = type(e)
  if kind == 'userdata' then
    e = text_of(e)
  elseif kind == 'table' then
    local text = e.err
    kind = type(text)
    if kind == 'string' or kind == 'number' then e = text end
  end
  return false, e
end

local function resumed(ok, ...)
  if ok then return ok, ... end
  return false, table_of((...))
end

local function pcall(...)
  return caught(raw_pcall(...))
end

local function xpcall(f, handle)
  return raw_xpcall(f, function(e) return handle(table_of(e)) end)
end

local function resume(...)
  return resumed(raw_resume(...))
end

-- Lua's own overflows where first and last are far apart.
local function bounded_unpack(list, i, j)
  if i == nil and j == nil then return unpack(list) end
  local first = i == nil and 1 or tonumber(i)
  local last = j == nil and type(list) == 'table' and #list or tonumber(j)
  if first and last then
    if first > last then return end
    if not (last - first < 8000 and first >= -2147483648 and last <= 2147483647) then
      error('too many results to unpack', 2)
    end
  end
  return unpack(list, i, j)
end

local function run_script(index, keys, arguments)
  real.KEYS = keys
  real.ARGV = arguments
  return raw_xpcall(compiled[index], handler)
end

local function run_function(index, keys, arguments)
  local f = compiled[index]
  return raw_xpcall(function() return f(keys, arguments) end, handler)
end

return pcall, xpcall, resume, bounded_unpack, run_script, run_function
"#;

/// What the engine keeps of a sandbox.
pub struct Built {
    pub run: Function,
    pub loading: Option<Loading>,
}

/// The globals of libraries that load, in place of those of functions that run.
#[derive(Clone)]
pub struct Loading {
    /// The metatable of what chunks have as globals.
    door: Table,
    while_loading: Table,
    while_running: Table,
}

impl Loading {
    pub fn begin(&self) -> mlua::Result<()> {
        self.door.raw_set("__index", &self.while_loading)
    }

    pub fn end(&self) -> mlua::Result<()> {
        self.door.raw_set("__index", &self.while_running)
    }
}

/// Builds the sandbox in a fresh Lua.
pub fn build(lua: &Lua, shared: &Rc<Shared>, allows_deprecated: bool) -> mlua::Result<Built> {
    let builder = Builder::new(lua, shared)?;
    let native = lua.globals();
    let real = lua.create_table()?;
    let deprecated = if allows_deprecated { DEPRECATED } else { &[] };
    for name in BUILT_IN.iter().chain(deprecated) {
        real.raw_set(*name, native.raw_get::<Value>(*name)?)?;
    }
    builder.add_watchful(&real)?;
    let run = builder.add_prelude(&native, &real)?;
    builder.add_libraries(&native, &real)?;
    for name in ["redis", "server"] {
        let table = api::table(lua, shared)?;
        real.raw_set(name, builder.lock(table)?)?;
    }
    builder.guard_strings(&native)?;
    let door = lua.create_table()?;
    let globals = builder.lock_behind(real.clone(), &door)?;
    real.raw_set("_G", &globals)?;
    builder.refuse_missing(&real)?;
    let loading = match shared.kind {
        Kind::Eval => None,
        Kind::Functions => {
            let table = api::table_while_loading(lua, shared)?;
            builder.refuse_missing(&table)?;
            let (while_loading, locked) = (lua.create_table()?, builder.lock(table)?);
            while_loading.raw_set("redis", &locked)?;
            while_loading.raw_set("server", &locked)?;
            builder.refuse_missing(&while_loading)?;
            Some(Loading { door, while_loading, while_running: real })
        }
    };
    lua.set_globals(globals)?;
    Ok(Built { run, loading })
}

struct Builder<'b> {
    lua: &'b Lua,
    shared: &'b Rc<Shared>,
    /// `__newindex` of all that is locked, `__index` of globals.
    refuse: Function,
    missing: Function,
    /// What scripts are given as the metatable of a locked table.
    sealed: Table,
}

impl<'b> Builder<'b> {
    fn new(lua: &'b Lua, shared: &'b Rc<Shared>) -> mlua::Result<Builder<'b>> {
        let refuse = lua.create_function(|lua, _: MultiValue| -> mlua::Result<()> { Err(fail(lua, READ_ONLY)) })?;
        let missing = lua.create_function(|lua, (_, name): (Value, Value)| -> mlua::Result<()> {
            let Some(name) = convert::string_of(lua, &name) else {
                return Err(fail(lua, "Second argument to luaProtectedTableError must be a string or number"));
            };
            let text: &[u8] = b"Script attempted to access nonexistent global variable '";
            Err(fail(lua, [text, &name.as_bytes(), b"'"].concat()))
        })?;
        let sealed = lua.create_table()?;
        let metatable = lua.create_table()?;
        metatable.raw_set("__newindex", &refuse)?;
        metatable.raw_set("__metatable", false)?;
        sealed.set_metatable(Some(metatable))?;
        shared.locked.borrow_mut().push((sealed.clone(), lua.create_table()?));
        Ok(Builder { lua, shared, refuse, missing, sealed })
    }

    /// A table that reads through to `real` and cannot be changed.
    fn lock(&self, real: Table) -> mlua::Result<Table> {
        self.lock_behind(real, &self.lua.create_table()?)
    }

    fn lock_behind(&self, real: Table, door: &Table) -> mlua::Result<Table> {
        let locked = self.lua.create_table()?;
        door.raw_set("__index", &real)?;
        door.raw_set("__newindex", &self.refuse)?;
        door.raw_set("__metatable", &self.sealed)?;
        locked.set_metatable(Some(door.clone()))?;
        self.shared.locked.borrow_mut().push((locked.clone(), real));
        Ok(locked)
    }

    /// Reading what a table does not have is an error.
    fn refuse_missing(&self, table: &Table) -> mlua::Result<()> {
        let metatable = self.lua.create_table()?;
        metatable.raw_set("__index", &self.missing)?;
        table.set_metatable(Some(metatable))
    }

    fn add_libraries(&self, native: &Table, real: &Table) -> mlua::Result<()> {
        let lua = self.lua;
        let os: Table = native.raw_get("os")?;
        let clock = lua.create_table()?;
        clock.raw_set("clock", os.raw_get::<Value>("clock")?)?;
        let math: Table = native.raw_get("math")?;
        random::install(lua, &math, &self.shared.random)?;
        let libraries = [
            ("os", clock),
            ("math", math),
            ("string", native.raw_get("string")?),
            ("table", native.raw_get("table")?),
            ("coroutine", native.raw_get("coroutine")?),
            ("bit", bit::library(lua)?),
            ("cjson", cjson::library(lua)?),
            ("cmsgpack", cmsgpack::library(lua)?),
            ("struct", pack::library(lua)?),
        ];
        for (name, library) in libraries {
            real.raw_set(name, self.lock(library)?)?;
        }
        Ok(())
    }

    /// The functions in Lua of the prelude; gives the one that runs scripts or functions.
    fn add_prelude(&self, native: &Table, real: &Table) -> mlua::Result<Function> {
        let lua = self.lua;
        let shared = Rc::clone(self.shared);
        let handler = lua.create_function(move |lua, args: MultiValue| handle_error(lua, &shared, &args))?;
        let text_of = lua.create_function(|lua, value: Value| match &value {
            Value::Error(error) => Ok(Value::String(lua.create_string(Raise::text_of(error))?)),
            _ => Ok(value),
        })?;
        let table_of = lua.create_function(|lua, value: Value| match &value {
            Value::Error(error) => match Raise::of(error) {
                Some(Raise::Table { err, counted }) => Ok(Value::Table(api::error_table(lua, err, *counted)?)),
                _ => Ok(Value::String(lua.create_string(Raise::text_of(error))?)),
            },
            _ => Ok(value),
        })?;
        let coroutine: Table = native.raw_get("coroutine")?;
        let prelude = lua.load(PRELUDE).set_name(SANDBOX).set_mode(ChunkMode::Text).into_function()?;
        let given = (
            real,
            self.shared.store.table(),
            handler,
            text_of,
            table_of,
            native.raw_get::<Function>("pcall")?,
            native.raw_get::<Function>("xpcall")?,
            coroutine.raw_get::<Function>("resume")?,
            native.raw_get::<Function>("unpack")?,
            native.raw_get::<Function>("type")?,
            native.raw_get::<Function>("tonumber")?,
            native.raw_get::<Function>("error")?,
        );
        type Made = (Function, Function, Function, Function, Function, Function);
        let (pcall, xpcall, resume, unpack, run_script, run_function): Made = prelude.call(given)?;
        real.raw_set("pcall", pcall)?;
        real.raw_set("xpcall", xpcall)?;
        real.raw_set("unpack", unpack)?;
        coroutine.raw_set("resume", resume)?;
        Ok(if self.shared.kind == Kind::Eval { run_script } else { run_function })
    }

    /// What would go round the locks, and what would load compiled chunks.
    fn add_watchful(&self, real: &Table) -> mlua::Result<()> {
        let lua = self.lua;
        let add = |name: &str, function: fn(&Lua, &Shared, MultiValue) -> mlua::Result<MultiValue>| {
            let shared = Rc::clone(self.shared);
            real.raw_set(name, convert::function(lua, move |lua, args| function(lua, &shared, args))?)
        };
        lua.set_named_registry_value(COMPILER, lua.globals().raw_get::<Function>("loadstring")?)?;
        add("rawset", raw_set)?;
        add("rawget", raw_get)?;
        add("setmetatable", set_metatable)?;
        add("load", load)?;
        add("loadstring", load_string)?;
        let next: Function = lua.globals().raw_get("next")?;
        let shared = Rc::clone(self.shared);
        let pairs = convert::function(lua, move |lua, args| {
            let table = table_argument(lua, &args, 1)?;
            // What is locked is walked through in a copy: the real table is not handed out.
            let table = match shared.real_of(&table) {
                None => table,
                Some(real) => copy(lua, &real)?,
            };
            Ok((next.clone(), table, Value::Nil))
        })?;
        real.raw_set("pairs", pairs)
    }

    /// Strings find their methods in the library's table; their metatable is not for scripts.
    fn guard_strings(&self, native: &Table) -> mlua::Result<()> {
        let Some(metatable) = self.lua.type_metatable::<LuaString>() else { return Ok(()) };
        metatable.raw_set("__index", native.raw_get::<Table>("string")?)?;
        metatable.raw_set("__newindex", &self.refuse)?;
        metatable.raw_set("__metatable", &self.sealed)
    }
}

impl Shared {
    /// What a locked table reads through to; `None`: it is not locked.
    fn real_of(&self, table: &Table) -> Option<Table> {
        let address = table.to_pointer();
        let locked = self.locked.borrow();
        locked.iter().find(|(locked, _)| locked.to_pointer() == address).map(|(_, real)| real.clone())
    }
}

const READ_ONLY: &str = "Attempt to modify a readonly table";

fn copy(lua: &Lua, table: &Table) -> mlua::Result<Table> {
    let copy = lua.create_table()?;
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        copy.raw_set(key, value)?;
    }
    Ok(copy)
}

fn table_argument(lua: &Lua, args: &MultiValue, number: usize) -> mlua::Result<Table> {
    match args.get(number - 1) {
        Some(Value::Table(table)) => Ok(table.clone()),
        other => Err(wrong_type(lua, number, "table", other)),
    }
}

fn any_argument(lua: &Lua, args: &MultiValue, number: usize) -> mlua::Result<Value> {
    args.get(number - 1).cloned().ok_or_else(|| bad_argument(lua, number, "value expected"))
}

fn one(value: Value) -> mlua::Result<MultiValue> {
    Ok(MultiValue::from_iter([value]))
}

fn raw_set(lua: &Lua, shared: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    let table = table_argument(lua, &args, 1)?;
    let (key, value) = (any_argument(lua, &args, 2)?, any_argument(lua, &args, 3)?);
    if shared.real_of(&table).is_some() {
        return Err(Raise::Text(READ_ONLY.into()).into());
    }
    match &key {
        Value::Nil => return Err(Raise::Text(b"table index is nil".to_vec()).into()),
        Value::Number(number) if number.is_nan() => return Err(Raise::Text(b"table index is NaN".to_vec()).into()),
        _ => table.raw_set(key, value)?,
    }
    one(Value::Table(table))
}

fn raw_get(lua: &Lua, shared: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    let table = table_argument(lua, &args, 1)?;
    let key = any_argument(lua, &args, 2)?;
    one(shared.real_of(&table).unwrap_or(table).raw_get(key)?)
}

fn set_metatable(lua: &Lua, shared: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    let table = table_argument(lua, &args, 1)?;
    let metatable = match args.get(1) {
        Some(Value::Nil) => None,
        Some(Value::Table(metatable)) => Some(metatable.clone()),
        _ => return Err(bad_argument(lua, 2, "nil or table expected")),
    };
    if shared.real_of(&table).is_some() {
        return Err(Raise::Text(READ_ONLY.into()).into());
    }
    if let Some(old) = table.metatable()
        && !matches!(old.raw_get::<Value>("__metatable")?, Value::Nil)
    {
        return Err(fail(lua, "cannot change a protected metatable"));
    }
    table.set_metatable(metatable)?;
    one(Value::Table(table))
}

/// The longest text that is compiled, bytes: Lua counts parts of it in 32 bits.
const CODE_BYTES_MAX: usize = 1 << 29;

/// Compiles text; gives the function, or nil and the error. Compiled chunks are not taken.
fn compile(lua: &Lua, code: &[u8], name: &[u8]) -> mlua::Result<MultiValue> {
    let refused = |text: &[u8]| -> mlua::Result<MultiValue> {
        Ok(MultiValue::from_iter([Value::Nil, Value::String(lua.create_string(text)?)]))
    };
    if code.len() > CODE_BYTES_MAX {
        return refused(b"the text is too long");
    }
    if code.first() == Some(&0x1b) {
        return refused(b"attempt to load a compiled chunk");
    }
    match compile_text(lua, code, name) {
        Ok(function) => one(Value::Function(function)),
        Err(text) => refused(&text),
    }
}

/// Where Lua's own `loadstring` is kept from scripts.
const COMPILER: &str = "compiler";

/// Compiles what is no compiled chunk, by Lua's own function: its errors repeat the text byte for byte.
pub fn compile_text(lua: &Lua, code: &[u8], name: &[u8]) -> Result<Function, Vec<u8>> {
    let call = || {
        let compiler: Function = lua.named_registry_value(COMPILER)?;
        compiler.call::<(Value, Value)>((lua.create_string(code)?, lua.create_string(name)?))
    };
    match call() {
        Ok((Value::Function(function), _)) => Ok(function),
        Ok((_, Value::String(text))) => Err(text.as_bytes().to_vec()),
        Ok(_) => Err(b"the text does not compile".to_vec()),
        Err(error) => Err(Raise::text_of(&error)),
    }
}

fn load_string(lua: &Lua, _: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    let code = convert::string_argument(lua, &args, 1)?;
    let name = match args.get(1) {
        None | Some(Value::Nil) => code.clone(),
        Some(_) => convert::string_argument(lua, &args, 2)?,
    };
    compile(lua, &code.as_bytes(), &name.as_bytes())
}

/// The text comes in pieces from a function.
fn load(lua: &Lua, _: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    let Some(Value::Function(reader)) = args.front() else {
        return Err(wrong_type(lua, 1, "function", args.front()));
    };
    let name = match args.get(1) {
        None | Some(Value::Nil) => lua.create_string("=(load)")?,
        Some(_) => convert::string_argument(lua, &args, 2)?,
    };
    let mut code = Vec::new();
    loop {
        match reader.call::<Value>(())? {
            Value::Nil => break,
            piece => match convert::string_of(lua, &piece) {
                Some(piece) if piece.as_bytes().is_empty() => break,
                Some(piece) => code.extend_from_slice(&piece.as_bytes()),
                None => return Err(fail(lua, "reader function must return a string")),
            },
        }
    }
    compile(lua, &code, &name.as_bytes())
}
