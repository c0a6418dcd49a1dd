//! The table `redis` (also under the name `server`): calling commands, replies, the log, what a script may set.

use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::convert::{self, number_of, string_of};
use super::engine::{Kind, Shared};
use super::from_reply::value_of_reply;
use super::lend::{self, Journals};
use super::library::register;
use super::number::to_integer;
use super::raise::Raise;
use super::stack::Words;
use crate::base::sha::{hex, sha1};

/// The version of Redis that scripts are told.
const VERSION: &str = "8.0.6";
const VERSION_NUMBER: i64 = 8 << 16 | 6;

/// Bits of `redis.set_repl`.
const REPLICATE_TO_FILE: i64 = 1;
const REPLICATE_TO_REPLICAS: i64 = 2;

const LOG_LEVELS: [(&str, log::Level); 4] = [
    ("LOG_DEBUG", log::Level::Trace),
    ("LOG_VERBOSE", log::Level::Debug),
    ("LOG_NOTICE", log::Level::Info),
    ("LOG_WARNING", log::Level::Warn),
];

type ApiFunction = fn(&Lua, &Shared, MultiValue) -> mlua::Result<Value>;

fn function(lua: &Lua, shared: &Rc<Shared>, run: ApiFunction) -> mlua::Result<Function> {
    let shared = Rc::clone(shared);
    convert::function(lua, move |lua, args| run(lua, &shared, args))
}

/// The table for scripts and functions that run.
pub fn table(lua: &Lua, shared: &Rc<Shared>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let mut functions: Vec<(&str, ApiFunction)> = vec![
        ("error_reply", error_reply),
        ("status_reply", status_reply),
        ("sha1hex", sha1_hex),
        ("setresp", set_resp),
        ("set_repl", set_repl),
    ];
    if shared.kind == Kind::Eval {
        // The debugger is never on.
        functions.push(("breakpoint", |_, _, _| Ok(Value::Boolean(false))));
        functions.push(("debug", |_, _, _| Ok(Value::Nil)));
        functions.push(("replicate_commands", |_, _, _| Ok(Value::Boolean(true))));
    }
    for (name, run) in functions {
        table.raw_set(name, function(lua, shared, run)?)?;
    }
    for (name, raises) in [("call", true), ("pcall", false)] {
        let shared = Rc::clone(shared);
        let call = lua.create_function(move |lua, words: Words| call(lua, &shared, words, raises))?;
        table.raw_set(name, call)?;
    }
    let shared_by_check = Rc::clone(shared);
    let check = lua.create_function(move |lua, words: Words| acl_check_cmd(lua, &shared_by_check, words))?;
    table.raw_set("acl_check_cmd", check)?;
    add_log_and_version(lua, shared, &table)?;
    let both = REPLICATE_TO_FILE | REPLICATE_TO_REPLICAS;
    for (name, bits) in [
        ("REPL_NONE", 0),
        ("REPL_AOF", REPLICATE_TO_FILE),
        ("REPL_SLAVE", REPLICATE_TO_REPLICAS),
        ("REPL_REPLICA", REPLICATE_TO_REPLICAS),
        ("REPL_ALL", both),
    ] {
        table.raw_set(name, bits)?;
    }
    Ok(table)
}

/// The table for libraries that load.
pub fn table_while_loading(lua: &Lua, shared: &Rc<Shared>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let shared_by_register = Rc::clone(shared);
    let register = convert::function(lua, move |lua, args| register(lua, &shared_by_register, &args))?;
    table.raw_set("register_function", register)?;
    add_log_and_version(lua, shared, &table)?;
    Ok(table)
}

fn add_log_and_version(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    table.raw_set("log", function(lua, shared, write_log)?)?;
    for (number, (name, _)) in LOG_LEVELS.iter().enumerate() {
        table.raw_set(*name, number)?;
    }
    table.raw_set("REDIS_VERSION", VERSION)?;
    table.raw_set("REDIS_VERSION_NUM", VERSION_NUMBER)
}

/// The table that stands for an error in Lua.
pub fn error_table(lua: &Lua, text: &[u8], counted: bool) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(text)?)?;
    if counted {
        table.raw_set("ignore_error_stats_update", true)?;
    }
    Ok(table)
}

/// An error: raised, or given back as a table.
fn refuse(lua: &Lua, text: impl Into<Vec<u8>>, raises: bool) -> mlua::Result<Value> {
    let text = text.into();
    if raises { Err(Raise::table(text)) } else { error_table(lua, &text, false).map(Value::Table) }
}

/// `redis.call` and `redis.pcall`.
fn call(lua: &Lua, shared: &Shared, words: Words, raises: bool) -> mlua::Result<Value> {
    let Ok(mut request) = shared.request.try_borrow_mut() else {
        return refuse(lua, "ERR redis.call() cannot be called from within itself", raises);
    };
    if let Err(text) = words.copy_to(&mut request) {
        return refuse(lua, text, raises);
    }
    let mut reply = shared.reply.borrow_mut();
    reply.clear();
    let (is_resp3, journals) = (shared.is_resp3.get(), shared.journals.get());
    let called = lend::with(|host| host.call(request.args(), is_resp3, journals, &mut reply));
    if called.is_none() {
        return refuse(lua, "ERR redis.call/pcall can only be called inside a script invocation", raises);
    }
    let whole;
    let bytes: &[u8] = if reply.len() == reply.bytes.len() {
        &reply.bytes
    } else {
        whole = reply.to_vec();
        &whole
    };
    if raises && bytes.first() == Some(&b'-') {
        let line = &bytes[1..];
        let end = memchr::memchr(b'\r', line).unwrap_or(line.len());
        return Err(Raise::Table { err: line[..end].to_vec(), counted: true }.into());
    }
    value_of_reply(lua, bytes)
}

fn error_reply(lua: &Lua, _: &Shared, args: MultiValue) -> mlua::Result<Value> {
    let Some(Value::String(text)) = args.front().filter(|_| args.len() == 1) else {
        return refuse(lua, "ERR wrong number or type of arguments", false);
    };
    // The text begins with its code; a text of one word has the usual one.
    let text = text.as_bytes();
    let text = text.strip_prefix(b"-").unwrap_or(&text);
    let trim = |text: &[u8]| {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let begin = text.iter().take_while(|b| is_line_end(b)).count();
        let end = text.len() - text[begin..].iter().rev().take_while(|b| is_line_end(b)).count();
        text[begin..end].to_vec()
    };
    let whole = match memchr::memchr(b' ', text) {
        None => [b"ERR ", &*trim(text)].concat(),
        Some(at) => [&text[..at], b" ", &trim(&text[at + 1..])].concat(),
    };
    error_table(lua, &whole, false).map(Value::Table)
}

fn status_reply(lua: &Lua, _: &Shared, args: MultiValue) -> mlua::Result<Value> {
    let Some(Value::String(text)) = args.front().filter(|_| args.len() == 1) else {
        return refuse(lua, "ERR wrong number or type of arguments", false);
    };
    let table = lua.create_table()?;
    table.raw_set("ok", text)?;
    Ok(Value::Table(table))
}

fn sha1_hex(lua: &Lua, _: &Shared, args: MultiValue) -> mlua::Result<Value> {
    if args.len() != 1 {
        return Err(Raise::table("ERR wrong number of arguments"));
    }
    // What is no string has the digest of nothing.
    let text = string_of(lua, &args[0]).map(|text| text.as_bytes().to_vec()).unwrap_or_default();
    Ok(Value::String(lua.create_string(hex(&sha1(&text)))?))
}

fn set_resp(lua: &Lua, shared: &Shared, args: MultiValue) -> mlua::Result<Value> {
    if args.len() != 1 {
        return Err(Raise::table("ERR redis.setresp() requires one argument."));
    }
    match number_of(lua, &args[0]).map(to_integer) {
        Some(version @ (2 | 3)) => shared.is_resp3.set(version == 3),
        _ => return Err(Raise::table("ERR RESP version must be 2 or 3.")),
    }
    Ok(Value::Nil)
}

fn set_repl(lua: &Lua, shared: &Shared, args: MultiValue) -> mlua::Result<Value> {
    if args.len() != 1 {
        return Err(Raise::table("ERR redis.set_repl() requires one argument."));
    }
    let bits = number_of(lua, &args[0]).map_or(0, to_integer);
    if bits & !(REPLICATE_TO_FILE | REPLICATE_TO_REPLICAS) != 0 {
        let text = "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
        return Err(Raise::table(text));
    }
    shared
        .journals
        .set(Journals { to_file: bits & REPLICATE_TO_FILE != 0, to_replicas: bits & REPLICATE_TO_REPLICAS != 0 });
    Ok(Value::Nil)
}

fn acl_check_cmd(lua: &Lua, shared: &Shared, words: Words) -> mlua::Result<Value> {
    let Ok(mut request) = shared.request.try_borrow_mut() else { return Ok(Value::Nil) };
    if let Err(text) = words.copy_to(&mut request) {
        return refuse(lua, text, true);
    }
    match lend::with(|host| host.may_call(request.args())).flatten() {
        Some(may) => Ok(Value::Boolean(may)),
        None => Err(Raise::table("ERR Invalid command passed to redis.acl_check_cmd()")),
    }
}

fn write_log(lua: &Lua, _: &Shared, args: MultiValue) -> mlua::Result<Value> {
    if args.len() < 2 {
        return Err(Raise::table("ERR redis.log() requires two arguments or more."));
    }
    let Some(level) = number_of(lua, &args[0]).map(to_integer) else {
        return Err(Raise::table("ERR First argument must be a number (log level)."));
    };
    let Some((_, level)) = usize::try_from(level).ok().and_then(|level| LOG_LEVELS.get(level)) else {
        return Err(Raise::table("ERR Invalid log level."));
    };
    let words: Vec<String> = args
        .iter()
        .skip(1)
        .filter_map(|value| string_of(lua, value))
        .map(|text| String::from_utf8_lossy(&text.as_bytes()).into_owned())
        .collect();
    log::log!(*level, "{}", words.join(" "));
    Ok(Value::Nil)
}
