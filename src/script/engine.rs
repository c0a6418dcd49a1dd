//! One Lua: its sandbox, chunks compiled in it, and a run of one of them.
//!
//! ```text
//! run ──▶ xpcall(function, handler) in Lua ──▶ value
//!              │ redis.call ──▶ lend::with ──▶ Host::call         └ error ──▶ handler notes text, source, line ──▶ Failure
//!              └ every INSTRUCTIONS_PER_BREATH ──▶ Host::breathe
//! ```

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::state::{GcIncParams, GcMode};
use mlua::{Function, HookTriggers, Lua, LuaOptions, MultiValue, StdLib, Table, Value, VmState};

use super::lend::{self, Breath, Host, Journals};
use super::library::Registration;
use super::raise::Raise;
use super::random::Lrand48;
use super::sandbox;
use super::stack::Opening;
use crate::protocol::args::OwnedRequest;
use crate::protocol::output::Output;

/// Instructions of Lua between two questions whether to go on: about a millisecond.
const INSTRUCTIONS_PER_BREATH: u32 = 100_000;
/// Runs between two steps of collecting what scripts left.
const RUNS_PER_COLLECTION: u32 = 50;

/// Steps of collecting after so many texts were compiled: more than they leave.
const STEPS_AFTER_COMPILING: usize = 50;

/// One step more for each so many bytes in use: a round through all of them is over before much has been left behind.
const BYTES_PER_STEP: usize = 64 * 1024;

/// What an engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Scripts of EVAL: keys and arguments are globals.
    Eval,
    /// Functions of libraries: keys and arguments are theirs.
    Functions,
}

/// Why a run ended without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Code first.
    pub text: Vec<u8>,
    /// Source and line, where they are known.
    pub place: Option<(String, usize)>,
    /// Statistics have it already.
    pub counted: bool,
}

/// Functions that were compiled or registered, in a table of Lua: handles would be too few, there is room for some thousands.
pub struct Store {
    table: Table,
    free: RefCell<Vec<i64>>,
    next: Cell<i64>,
}

/// A function that can be run; it is forgotten when this is dropped.
pub struct Compiled {
    index: i64,
    store: Rc<Store>,
    /// Keeps the Lua of the table alive.
    _lua: Lua,
}

impl Store {
    fn new(table: Table) -> Store {
        Store { table, free: RefCell::default(), next: Cell::new(1) }
    }

    /// The table, for the functions in Lua that run what is in it.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Keeps a function.
    pub fn keep(self: &Rc<Store>, lua: &Lua, function: Function) -> mlua::Result<Compiled> {
        let index = self.free.borrow_mut().pop().unwrap_or_else(|| self.next.replace(self.next.get() + 1));
        self.table.raw_set(index, function)?;
        Ok(Compiled { index, store: Rc::clone(self), _lua: lua.clone() })
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // Taking something out of a table needs no memory.
        let _ = self.store.table.raw_set(self.index, Value::Nil);
        self.store.free.borrow_mut().push(self.index);
    }
}

/// What the functions given to Lua share with the engine.
pub struct Shared {
    pub kind: Kind,
    /// Replies come to the script as RESP3 has them.
    pub is_resp3: Cell<bool>,
    /// For whom what the script does is.
    pub journals: Cell<Journals>,
    /// Words of the command that is called, and its reply: kept, so that a call allocates neither.
    pub request: RefCell<OwnedRequest>,
    pub reply: RefCell<Output>,
    /// What the run's error handler found.
    pub failure: RefCell<Option<Failure>>,
    /// What a library that is loading registered so far; `None`: none is loading.
    pub registered: RefCell<Option<Vec<Registration>>>,
    /// Tables that scripts may not change, with what they read through them.
    pub locked: RefCell<Vec<(Table, Table)>>,
    pub store: Rc<Store>,
    pub random: Rc<Lrand48>,
}

/// One Lua.
pub struct Engine {
    pub lua: Lua,
    shared: Rc<Shared>,
    run: Function,
    runs: Cell<u32>,
    /// Counted apart: a library is compiled and run in turn, so that of one count the compilations would never be the fiftieth.
    compiled: Cell<u32>,
    /// What a library sees as globals while it loads, and the table through which it sees them; not for EVAL.
    pub(super) loading: Option<sandbox::Loading>,
}

impl Engine {
    /// A new Lua in its sandbox. `allows_deprecated`: with `setfenv`, `getfenv` and `newproxy`.
    pub fn new(kind: Kind, allows_deprecated: bool, random: Rc<Lrand48>) -> Engine {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
        let lua = Lua::new_with(libraries, LuaOptions::new()).expect("these libraries are safe");
        let store = Rc::new(Store::new(lua.create_table().expect("a new Lua has room for a table")));
        let shared = Rc::new(Shared {
            kind,
            store,
            is_resp3: Cell::new(false),
            journals: Cell::new(Journals::ALL),
            request: RefCell::default(),
            reply: RefCell::default(),
            failure: RefCell::default(),
            registered: RefCell::default(),
            locked: RefCell::default(),
            random,
        });
        let built = sandbox::build(&lua, &shared, allows_deprecated).expect("the sandbox is made of our own code");
        // Collecting begins when half has been added to what was in use: each round walks through the whole sandbox. By itself
        // Lua would wait for twice as much, which is a lot where scripts hold much.
        lua.gc_set_mode(GcMode::Incremental(GcIncParams::default().pause(150)));
        let engine = Engine {
            lua,
            shared,
            run: built.run,
            runs: Cell::default(),
            compiled: Cell::default(),
            loading: built.loading,
        };
        engine.breathe_every(HookTriggers::new().every_nth_instruction(INSTRUCTIONS_PER_BREATH));
        engine
    }

    /// Bytes that Lua holds.
    pub fn used_memory(&self) -> usize {
        self.lua.used_memory()
    }

    /// Compiles a chunk; the error is Lua's text.
    pub fn compile(&self, name: &str, code: &[u8]) -> Result<Compiled, Vec<u8>> {
        let keep = |function| self.shared.store.keep(&self.lua, function).map_err(|error| Raise::text_of(&error));
        let compiled = sandbox::compile_text(&self.lua, code, name.as_bytes()).and_then(keep);
        self.collect_after_compiling();
        compiled
    }

    /// Runs a function with keys and arguments.
    pub fn run<'w>(
        &self,
        function: &Compiled,
        keys: impl ExactSizeIterator<Item = &'w [u8]>,
        arguments: impl ExactSizeIterator<Item = &'w [u8]>,
        host: &mut dyn Host,
    ) -> Result<Value, Failure> {
        let shared = &self.shared;
        shared.is_resp3.set(false);
        shared.journals.set(Journals::ALL);
        let opening = Opening { index: function.index, keys, arguments };
        let result = lend::lend(host, || self.run.call::<(bool, Value)>(opening));
        self.collect();
        let failure = shared.failure.take();
        match result {
            Ok((true, value)) => Ok(value),
            Ok((false, value)) => Err(failure.unwrap_or_else(|| unhandled(&value))),
            Err(error) => Err(Failure { text: with_code(Raise::text_of(&error)), place: None, counted: false }),
        }
        .inspect_err(|_| self.breathe_every(HookTriggers::new().every_nth_instruction(INSTRUCTIONS_PER_BREATH)))
    }

    /// Replies to the last run's script came as RESP3 has them.
    pub fn spoke_resp3(&self) -> bool {
        self.shared.is_resp3.get()
    }

    /// Runs a library's code; what it registers is given back.
    pub fn load(&self, code: &Compiled, host: &mut dyn Host) -> Result<Vec<Registration>, Failure> {
        let loading = self.loading.as_ref().expect("only functions are loaded");
        loading.begin().expect("a field of our own table");
        self.shared.registered.replace(Some(Vec::new()));
        let empty = std::iter::empty;
        let result = self.run(code, empty(), empty(), host);
        loading.end().expect("a field of our own table");
        let registered = self.shared.registered.take().unwrap_or_default();
        result.map(|_| registered)
    }

    /// Asks the host at these moments whether to go on.
    fn breathe_every(&self, triggers: HookTriggers) {
        let ask = |lua: &Lua| -> mlua::Result<VmState> {
            match lend::with(|host| host.breathe()) {
                Some(Breath::End(text)) => {
                    // From here on at every line: a script that catches the error meets it again.
                    lua.set_global_hook(HookTriggers::EVERY_LINE, move |_, _| Err(Raise::table(text)))?;
                    Err(Raise::table(text))
                }
                _ => Ok(VmState::Continue),
            }
        };
        let set = self.lua.set_global_hook(triggers, move |lua, _| ask(lua));
        set.expect("a hook needs no memory that is not there");
    }

    /// Compiling leaves much behind, and what is compiled mostly stays: so many steps of collecting, if the round is that long.
    fn collect_after_compiling(&self) {
        self.compiled.set(self.compiled.get() + 1);
        if self.compiled.get() % RUNS_PER_COLLECTION == 0 {
            // Nothing to say if it fails: it will be tried again.
            for _ in 0..STEPS_AFTER_COMPILING + self.used_memory() / BYTES_PER_STEP {
                if self.lua.gc_step().unwrap_or(true) {
                    break;
                }
            }
        }
    }

    /// A step of Lua's own collecting from time to time, so that it never falls far behind.
    fn collect(&self) {
        self.runs.set(self.runs.get() + 1);
        if self.runs.get() % RUNS_PER_COLLECTION == 0 {
            // Nothing to say if it fails: it will be tried again.
            let _ = self.lua.gc_step();
        }
    }
}

/// The failure of a run whose handler could not run.
fn unhandled(value: &Value) -> Failure {
    let text = match value {
        Value::String(string) => string.as_bytes().to_vec(),
        Value::Error(error) => Raise::text_of(error),
        _ => b"execution failure".to_vec(),
    };
    let text = [b"ERR Error running script, ", &text[..text.len().min(100)]].concat();
    Failure { text, place: None, counted: false }
}

fn with_code(text: Vec<u8>) -> Vec<u8> {
    [b"ERR ", &*text].concat()
}

/// The handler of a run's error: notes what happened and where, as Redis tells it.
pub fn handle_error(lua: &Lua, shared: &Shared, args: &MultiValue) -> mlua::Result<()> {
    let failed = args.front().cloned().unwrap_or(Value::Nil);
    let place = place_of_error(lua);
    let (text, counted) = match &failed {
        Value::Error(error) => match Raise::of(error) {
            Some(Raise::Table { err, counted }) => (err.clone(), *counted),
            _ => (with_code(Raise::text_of(error)), false),
        },
        Value::Table(table) => {
            let err: Value = table.get("err")?;
            let text = super::convert::string_of(lua, &err).map(|err| err.as_bytes().to_vec());
            let ignored: Value = table.get("ignore_error_stats_update")?;
            (text.unwrap_or_else(|| b"ERR unknown error".to_vec()), matches!(ignored, Value::Boolean(true)))
        }
        other => (with_code(text_of_value(lua, other)), false),
    };
    shared.failure.replace(Some(Failure { text, place, counted }));
    Ok(())
}

/// What `tostring` says of a value.
fn text_of_value(lua: &Lua, value: &Value) -> Vec<u8> {
    match super::convert::string_of(lua, value) {
        Some(string) => string.as_bytes().to_vec(),
        None => value.to_string().unwrap_or_default().into_bytes(),
    }
}

/// The sandbox's own functions, which are nobody's place.
pub const SANDBOX: &str = "=sandbox";

/// Source and line of the function that failed; of its caller, if it is not written in Lua. Called by the handler.
fn place_of_error(lua: &Lua) -> Option<(String, usize)> {
    let frame = |level: usize| {
        lua.inspect_stack(level, |debug| {
            let source = debug.source();
            let name = source.source.map(|name| name.into_owned()).unwrap_or_default();
            (source.what == "C", name, debug.current_line())
        })
    };
    let (is_foreign, mut name, mut line) = frame(1)?;
    let mut level = 1;
    while (is_foreign && level == 1) || name == SANDBOX {
        level += 1;
        (_, name, line) = frame(level)?;
    }
    // A call that took its caller's place has no line of its own.
    line.map(|line| (name, line))
}
