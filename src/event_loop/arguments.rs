//! What the program was asked to do, done: `--version`, `--help`, or serve with the configuration that was named.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::ExitCode;

use super::boot::{self, Start};
use super::process;
use crate::acl::{Catalog, UserLines};
use crate::base::clock::Clock;
use crate::config::arguments::{self, Request};
use crate::config::load::{Outside, load};
use crate::exec::{Command, CommandTable};
use crate::persist::check::{self, Style};
use crate::persist::{RealFiles, aof};
use crate::server::REDIS_VERSION;

/// Files and the working directory, for the loading of the configuration; renamed commands are noted.
struct Files {
    /// Names of commands in small letters, as they are renamed so far.
    names: HashSet<Vec<u8>>,
    renamed: Vec<(Vec<u8>, Vec<u8>)>,
    /// The `user` lines, and the commands that they may name.
    users: UserLines,
    catalog: Catalog,
}

impl Files {
    fn new(families: &[&'static [&'static [Command]]]) -> Files {
        let commands = families.iter().flat_map(|family| family.iter()).flat_map(|part| part.iter());
        let names = commands.map(|command| command.spec.name.to_ascii_lowercase().into_bytes()).collect();
        let catalog = CommandTable::new(families, &[]).map(|commands| commands.catalog()).unwrap_or_default();
        Files { names, renamed: Vec::new(), users: UserLines::default(), catalog }
    }
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

impl Outside for Files {
    fn read_file(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
        fs::read(path_of(path))
    }

    fn read_stdin(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map(|_| text)
    }

    fn expand_pattern(&mut self, pattern: &[u8]) -> Vec<Vec<u8>> {
        let whole = path_of(pattern);
        let folder = whole.parent().filter(|p| !p.as_os_str().is_empty()).map_or(PathBuf::from("."), PathBuf::from);
        let mut paths: Vec<Vec<u8>> = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| whole.with_file_name(entry.file_name()).into_os_string().into_vec())
            .filter(|path| crate::base::glob::matches(pattern, path))
            .collect();
        paths.sort();
        paths
    }

    fn change_dir(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
        std::env::set_current_dir(path_of(path))?;
        std::env::current_dir().map(|dir| dir.into_os_string().into_vec())
    }

    fn try_log_file(&mut self, path: &[u8]) -> io::Result<()> {
        fs::OpenOptions::new().create(true).append(true).open(path_of(path)).map(drop)
    }

    fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), crate::config::value::Failure> {
        if !self.names.remove(&from.to_ascii_lowercase()) {
            return Err("No such command in rename-command".into());
        }
        if !to.is_empty() && !self.names.insert(to.to_ascii_lowercase()) {
            return Err("Target command name already exists".into());
        }
        self.renamed.push((from.to_vec(), to.to_vec()));
        Ok(())
    }

    fn add_user(&mut self, words: &[Vec<u8>]) -> Result<(), crate::config::value::Failure> {
        self.users.add(words, &self.catalog).map_err(|text| String::from_utf8_lossy(&text).into_owned().into())
    }
}

const HELP: &str = "\
Usage: gyre-server [/path/to/redis.conf] [options] [-]
       gyre-server - (read the configuration from standard input)
       gyre-server -v or --version
       gyre-server -h or --help
       gyre-server --test-memory <megabytes>
       gyre-server --check-system

Every directive of redis.conf can be given as an option:
       gyre-server                        (defaults, port 6379)
       gyre-server /etc/redis/redis.conf
       gyre-server --port 7777
       gyre-server /etc/redis.conf --loglevel verbose -
";

/// Does what the words ask for.
pub fn main(words: Vec<OsString>, families: &[&'static [&'static [Command]]]) -> ExitCode {
    let mut words = words.into_iter().map(OsString::into_vec);
    let program = words.next().unwrap_or_default();
    let words: Vec<Vec<u8>> = words.collect();
    if asks_for_sentinel(&program, &words) {
        eprintln!("{NO_SENTINEL}");
        return ExitCode::FAILURE;
    }
    if let Some(style) = check::style_of(&program) {
        return check_dump(&words, style);
    }
    if aof::check::is_called(&program) {
        return check_append_only(&program, &words);
    }
    match arguments::parse(&words) {
        Request::Version => {
            println!("{}", version());
            ExitCode::SUCCESS
        }
        Request::Help => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Request::CheckSystem if process::check_system() => ExitCode::SUCCESS,
        Request::CheckSystem => ExitCode::FAILURE,
        Request::TestMemory(_) => {
            eprintln!("A memory test is not part of this server; use memtest86+ or stressapptest.");
            ExitCode::FAILURE
        }
        Request::Serve(sources) => serve(program, &sources, families),
    }
}

const NO_SENTINEL: &str = "\
Gyre has no sentinel of its own: the stock redis-sentinel of Redis watches Gyre servers as it watches Redis servers.
Start that one, with this configuration.";

/// By its name, or by a word, as Redis tells.
fn asks_for_sentinel(program: &[u8], words: &[Vec<u8>]) -> bool {
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.ends_with(b"-sentinel") || words.iter().any(|word| word == b"--sentinel")
}

/// What the program does under the name `gyre-check-rdb`.
fn check_dump(words: &[Vec<u8>], style: Style) -> ExitCode {
    let path = match words {
        [flag] if matches!(&flag[..], b"-v" | b"--version") => {
            println!("{}", version());
            return ExitCode::SUCCESS;
        }
        [path] => path_of(path),
        _ => {
            eprintln!("Usage: gyre-check-rdb <rdb-file-name>");
            return ExitCode::FAILURE;
        }
    };
    let now = Clock::real().wall_ms();
    let mut out = io::BufWriter::new(io::stdout().lock());
    match check::check(&path, style, &mut RealFiles, now, &mut out) {
        Ok(true) if out.flush().is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What the program does under the name `gyre-check-aof`.
fn check_append_only(program: &[u8], words: &[Vec<u8>]) -> ExitCode {
    if let [flag] = words
        && matches!(&flag[..], b"-v" | b"--version")
    {
        println!("{}", version());
        return ExitCode::SUCCESS;
    }
    let (task, path) = match aof::check::parse_arguments(words) {
        Ok(asked) => asked,
        Err("") => {
            let program = String::from_utf8_lossy(program);
            println!("Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>");
            return ExitCode::FAILURE;
        }
        Err(text) => {
            println!("{text}");
            return ExitCode::FAILURE;
        }
    };
    let now = Clock::real().wall_ms();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut asks = || {
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).is_ok() && answer.trim_start().starts_with(['y', 'Y'])
    };
    let checked = aof::check::check(&path_of(path), task, &mut RealFiles, now, &mut out, &mut asks);
    match (checked, out.flush()) {
        (Ok(true), Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn version() -> String {
    let bits = usize::BITS;
    let gyre = env!("CARGO_PKG_VERSION");
    format!("Gyre server v={REDIS_VERSION} sha=00000000:0 malloc=jemalloc-5.3.0 bits={bits} build={gyre}")
}

fn serve(program: Vec<u8>, sources: &arguments::Sources, families: &[&'static [&'static [Command]]]) -> ExitCode {
    let mut files = Files::new(families);
    // The file's path is made absolute before `dir` moves us away from it.
    let config_file = sources.file.as_deref().map(path_of);
    let config_file = config_file.map(|path| fs::canonicalize(&path).unwrap_or(path));
    let settings = match load(sources, &mut files) {
        Ok(settings) => settings,
        Err(e) => {
            let _ = writeln!(io::stderr(), "{e}");
            return ExitCode::FAILURE;
        }
    };
    let has_options = sources.reads_stdin || sources.options.as_ref().is_some_and(|options| !options.is_empty());
    let start =
        Start { program, settings, renamed_commands: files.renamed, users: files.users, config_file, has_options };
    match boot::run(start, families) {
        Ok(code) => ExitCode::from(code as u8),
        Err(boot::BootError(text)) => {
            log::error!("{text}");
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}
