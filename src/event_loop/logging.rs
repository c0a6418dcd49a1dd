//! The log, in the form that tools know: `pid:role day month year time level message`, to standard output or a file, and to
//! the system's log beside it if so configured.

use std::ffi::CString;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use log::{Level, LevelFilter};

use crate::config::Settings;
use crate::config::choices::{LogLevel, SyslogFacility};

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

/// Installs the logger; once a process.
pub fn install(settings: &Settings) {
    let is_told_to_system = settings.syslog_enabled;
    if is_told_to_system {
        open_system_log(&settings.syslog_ident, settings.syslog_facility);
    }
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Trace).format(move |out, record| {
        // mio tells of each registration at this level: not our log.
        if record.target().starts_with("mio") {
            return Ok(());
        }
        if is_told_to_system {
            tell_system(record.level(), record.args());
        }
        let (pid, time, mark) = (std::process::id(), local_time(), mark_of(record.level()));
        writeln!(out, "{pid}:M {time} {mark} {}", record.args())
    });
    if settings.log_file.is_empty() {
        builder.target(env_logger::Target::Stdout);
    } else {
        let path = PathBuf::from(std::ffi::OsString::from_vec(settings.log_file.clone()));
        builder.target(env_logger::Target::Pipe(Box::new(LogFile(path))));
    }
    // A second server in one process (tests) keeps the first one's log.
    let _ = builder.try_init();
    log::set_max_level(filter_of(settings.log_level));
}

/// Opens the system's log under a name, which must stay where it is.
fn open_system_log(name: &[u8], facility: SyslogFacility) {
    let facility = match facility {
        SyslogFacility::User => libc::LOG_USER,
        SyslogFacility::Local0 => libc::LOG_LOCAL0,
        SyslogFacility::Local1 => libc::LOG_LOCAL1,
        SyslogFacility::Local2 => libc::LOG_LOCAL2,
        SyslogFacility::Local3 => libc::LOG_LOCAL3,
        SyslogFacility::Local4 => libc::LOG_LOCAL4,
        SyslogFacility::Local5 => libc::LOG_LOCAL5,
        SyslogFacility::Local6 => libc::LOG_LOCAL6,
        SyslogFacility::Local7 => libc::LOG_LOCAL7,
    };
    let name = CString::new(name).unwrap_or_default().into_raw();
    // Safety: the name ends in a zero byte and is never freed.
    unsafe { libc::openlog(name, libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT, facility) };
}

fn tell_system(level: Level, text: &fmt::Arguments) {
    let priority = match level {
        Level::Error | Level::Warn => libc::LOG_WARNING,
        Level::Info => libc::LOG_NOTICE,
        Level::Debug => libc::LOG_INFO,
        Level::Trace => libc::LOG_DEBUG,
    };
    // A zero byte would end the line early; there is none in our own texts.
    let text = CString::new(text.to_string()).unwrap_or_default();
    // Safety: the format takes one C text, and is given one.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
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
