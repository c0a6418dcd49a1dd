//! The log, in the form that tools know: `pid:role day month year time level message`, to standard output or a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use log::{Level, LevelFilter};

use crate::config::choices::LogLevel;

/// Writes each line to the file, opened anew each time, so that it may be rotated under us.
struct LogFile(PathBuf);

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0)?;
        file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The levels of `loglevel` as those of the `log` crate: notice is info, verbose is debug, debug is trace.
pub fn filter_of(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::Trace,
        LogLevel::Verbose => LevelFilter::Debug,
        LogLevel::Notice => LevelFilter::Info,
        LogLevel::Warning => LevelFilter::Warn,
        LogLevel::Nothing => LevelFilter::Off,
    }
}

fn mark_of(level: Level) -> char {
    match level {
        Level::Error | Level::Warn => '#',
        Level::Info => '*',
        Level::Debug => '-',
        Level::Trace => '.',
    }
}

/// Installs the logger; once a process. An empty path is standard output.
pub fn install(path: &[u8], level: LogLevel) {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Trace).format(|out, record| {
        // mio tells of each registration at this level: not our log.
        if record.target().starts_with("mio") {
            return Ok(());
        }
        let (pid, time, mark) = (std::process::id(), local_time(), mark_of(record.level()));
        writeln!(out, "{pid}:M {time} {mark} {}", record.args())
    });
    if path.is_empty() {
        builder.target(env_logger::Target::Stdout);
    } else {
        let path = PathBuf::from(String::from_utf8_lossy(path).into_owned());
        builder.target(env_logger::Target::Pipe(Box::new(LogFile(path))));
    }
    // A second server in one process (tests) keeps the first one's log.
    let _ = builder.try_init();
    log::set_max_level(filter_of(level));
}

/// `20 Nov 2026 15:04:05.123` in local time.
fn local_time() -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seconds = since_epoch.as_secs() as libc::time_t;
    // Safety: localtime_r fills the struct it is given, from the time it is given.
    let local = unsafe {
        let mut local: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const seconds, &raw mut local);
        local
    };
    format!(
        "{:02} {} {} {:02}:{:02}:{:02}.{:03}",
        local.tm_mday,
        MONTHS[local.tm_mon as usize % MONTHS.len()],
        local.tm_year + 1900,
        local.tm_hour,
        local.tm_min,
        local.tm_sec,
        since_epoch.subsec_millis()
    )
}
