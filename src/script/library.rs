//! Libraries of functions: loading their code, the registry of what they registered.
//!
//! ```text
//! code ──head──▶ name ──compile, run──▶ registrations ──checks──▶ Library ──▶ Registry { libraries, functions by name }
//! ```
//!
//! Invariant: a function's name (in any case) belongs to one library only; a library that fails to load changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::engine::{Compiled, Engine, Shared};
use super::flags::{self, flag_named, is_name};
use super::lend::Host;
use super::raise::Raise;

/// What a library registered while it loaded.
pub struct Registration {
    pub name: Vec<u8>,
    pub description: Option<Vec<u8>>,
    pub flags: u32,
    pub callback: Compiled,
}

/// A function that can be called.
pub struct LibFunction {
    pub name: Vec<u8>,
    pub description: Option<Vec<u8>>,
    pub flags: u32,
    pub callback: Compiled,
}

/// A library.
pub struct Library {
    pub name: Vec<u8>,
    /// Its whole text, first line included.
    pub code: Vec<u8>,
    pub functions: Vec<Rc<LibFunction>>,
}

/// All libraries, and their functions by lower case name.
#[derive(Clone, Default)]
pub struct Registry {
    libraries: BTreeMap<Vec<u8>, Rc<Library>>,
    functions: HashMap<Vec<u8>, Rc<LibFunction>>,
}

const NAME_RULE: &str =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

impl Registry {
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Rc<Library>> {
        self.libraries.values()
    }

    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.libraries.is_empty()
    }

    /// The function of this name, in any case.
    pub fn function(&self, name: &[u8]) -> Option<Rc<LibFunction>> {
        match self.functions.get(name) {
            Some(function) => Some(Rc::clone(function)),
            None => self.functions.get(&name.to_ascii_lowercase()).cloned(),
        }
    }

    /// Bytes of the texts and records, without what Lua holds.
    pub fn bytes(&self) -> usize {
        let of_function = |function: &Rc<LibFunction>| {
            size_of::<LibFunction>() + 2 * function.name.len() + function.description.as_ref().map_or(0, Vec::len)
        };
        let of_library = |library: &Rc<Library>| {
            let functions: usize = library.functions.iter().map(of_function).sum();
            size_of::<Library>() + 2 * library.name.len() + library.code.len() + functions
        };
        self.libraries.values().map(of_library).sum()
    }

    /// Loads a library's code and gives its name; errors are texts without a code, and leave everything as it was.
    pub fn load(
        &mut self,
        engine: &Engine,
        host: &mut dyn Host,
        code: &[u8],
        replaces: bool,
    ) -> Result<Vec<u8>, Vec<u8>> {
        let head = flags::of_library(code)?;
        if !is_name(&head.name) {
            return Err(NAME_RULE.into());
        }
        if !head.engine.eq_ignore_ascii_case(b"lua") {
            return Err([b"Engine '", &*head.engine, b"' not found"].concat());
        }
        if self.libraries.contains_key(&head.name) && !replaces {
            return Err([b"Library '", &*head.name, b"' already exists"].concat());
        }
        let library = build(engine, host, &head, code)?;
        let old = self.remove(&head.name);
        if let Err(name) = self.find_collision(&library) {
            old.into_iter().for_each(|old| self.insert(old));
            return Err([b"Function ", &*name, b" already exists"].concat());
        }
        self.insert(Rc::new(library));
        Ok(head.name)
    }

    fn find_collision(&self, library: &Library) -> Result<(), Vec<u8>> {
        let taken = library.functions.iter().find(|f| self.functions.contains_key(&f.name.to_ascii_lowercase()));
        taken.map_or(Ok(()), |function| Err(function.name.clone()))
    }

    fn insert(&mut self, library: Rc<Library>) {
        for function in &library.functions {
            self.functions.insert(function.name.to_ascii_lowercase(), Rc::clone(function));
        }
        self.libraries.insert(library.name.clone(), library);
    }

    /// Takes a library away.
    pub fn remove(&mut self, name: &[u8]) -> Option<Rc<Library>> {
        let library = self.libraries.remove(name)?;
        for function in &library.functions {
            self.functions.remove(&function.name.to_ascii_lowercase());
        }
        Some(library)
    }

    /// Takes in all libraries of another registry, or none of them: a name that is taken is an error unless the new library
    /// replaces the old one.
    pub fn join(&mut self, other: Registry, replaces: bool) -> Result<(), Vec<u8>> {
        let mut joined = self.clone();
        for library in other.libraries.values() {
            if joined.remove(&library.name).is_some() && !replaces {
                return Err([b"Library ", &*library.name, b" already exists"].concat());
            }
        }
        for library in other.libraries.into_values() {
            if let Err(name) = joined.find_collision(&library) {
                return Err([b"Function ", &*name, b" already exists"].concat());
            }
            joined.insert(library);
        }
        *self = joined;
        Ok(())
    }
}

/// Compiles and runs a library's code.
fn build(engine: &Engine, host: &mut dyn Host, head: &flags::LibraryHead, code: &[u8]) -> Result<Library, Vec<u8>> {
    let compiled = engine.compile("@user_function", &code[head.begin..]);
    let compiled = compiled.map_err(|text| [b"Error compiling function: ", &*text].concat())?;
    let registered = engine.load(&compiled, host);
    let registered = registered.map_err(|failure| [b"Error registering functions: ", &*failure.text].concat())?;
    let mut functions: Vec<Rc<LibFunction>> = Vec::new();
    for Registration { name, description, flags, callback } in registered {
        if !is_name(&name) {
            return Err(NAME_RULE.into());
        }
        if functions.iter().any(|function| function.name.eq_ignore_ascii_case(&name)) {
            return Err(b"Function already exists in the library".to_vec());
        }
        functions.push(Rc::new(LibFunction { name, description, flags, callback }));
    }
    if functions.is_empty() {
        return Err(b"No functions registered".to_vec());
    }
    Ok(Library { name: head.name.clone(), code: code.to_vec(), functions })
}

/// `redis.register_function`, with a name and a function or with a table of named arguments.
pub fn register(lua: &Lua, shared: &Shared, args: &MultiValue) -> mlua::Result<()> {
    let mut registered = shared.registered.borrow_mut();
    let Some(registered) = registered.as_mut() else {
        return Err(Raise::table("ERR redis.register_function can only be called on FUNCTION LOAD command"));
    };
    let refuse = |text: &str| Err(Raise::table(format!("ERR {text}")));
    let registration = match args.len() {
        1 => match &args[0] {
            Value::Table(table) => by_names(lua, shared, table),
            _ => {
                return refuse(
                    "calling redis.register_function with a single argument is only applicable to Lua table \
                     (representing named arguments).",
                );
            }
        },
        2 => by_position(lua, shared, args),
        _ => return refuse("wrong number of arguments to redis.register_function"),
    };
    match registration {
        Ok(registration) => {
            registered.push(registration);
            Ok(())
        }
        Err(text) => refuse(text),
    }
}

/// A string, or a number as Lua shows it.
fn text_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(string) => Some(string.as_bytes().to_vec()),
        Value::Integer(_) | Value::Number(_) => value.to_string().ok().map(String::into_bytes),
        _ => None,
    }
}

/// No memory is left for a function.
const NO_ROOM: &str = "not enough memory";

fn by_position(lua: &Lua, shared: &Shared, args: &MultiValue) -> Result<Registration, &'static str> {
    let name = text_of(&args[0]).ok_or("first argument to redis.register_function must be a string")?;
    let Value::Function(callback) = &args[1] else {
        return Err("second argument to redis.register_function must be a function");
    };
    let callback = shared.store.keep(lua, callback.clone()).map_err(|_| NO_ROOM)?;
    Ok(Registration { name, description: None, flags: 0, callback })
}

fn by_names(lua: &Lua, shared: &Shared, table: &Table) -> Result<Registration, &'static str> {
    let (mut name, mut description, mut callback, mut flags) = (None, None, None, 0);
    for pair in table.pairs::<Value, Value>() {
        let Ok((key, value)) = pair else { break };
        let key = text_of(&key).ok_or("named argument key given to redis.register_function is not a string")?;
        match key.to_ascii_lowercase().as_slice() {
            b"function_name" => {
                let text = text_of(&value);
                name = Some(text.ok_or("function_name argument given to redis.register_function must be a string")?);
            }
            b"description" => {
                let text = text_of(&value);
                description =
                    Some(text.ok_or("description argument given to redis.register_function must be a string")?);
            }
            b"callback" => match value {
                Value::Function(function) => callback = Some(function),
                _ => return Err("callback argument given to redis.register_function must be a function"),
            },
            b"flags" => match value {
                Value::Table(list) => flags = read_flags(&list).ok_or("unknown flag given")?,
                _ => {
                    return Err(
                        "flags argument to redis.register_function must be a table representing function flags",
                    );
                }
            },
            _ => return Err("unknown argument given to redis.register_function"),
        }
    }
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    let callback = callback.ok_or("redis.register_function must get a callback argument")?;
    let callback = shared.store.keep(lua, callback).map_err(|_| NO_ROOM)?;
    Ok(Registration { name, description, flags, callback })
}

fn read_flags(list: &Table) -> Option<u32> {
    let mut flags = 0;
    for index in 1.. {
        match list.get::<Value>(index).ok()? {
            Value::Nil => break,
            name => flags |= flag_named(&text_of(&name)?.to_ascii_lowercase())?,
        }
    }
    Some(flags)
}
