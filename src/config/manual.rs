//! The man page of the server, printed from the table: `docs/gyre-server.1`.

use std::fmt::Write;

use super::directive::{Directive, Standing};
use super::reference::values;
use super::table::TABLE;

/// What stands before the directives.
const HEAD: &str = r#".\" Printed from src/config/table/mod.rs: GYRE_WRITE_PAGES=1 cargo test manual
.TH GYRE-SERVER 1
.SH NAME
gyre\-server \- a Redis\-compatible in\-memory data structure server
.SH SYNOPSIS
.B gyre\-server
.RI [ /path/to/redis.conf ]
.RI [ \-\-directive
.IR value " ...]"
.RB [ \- ]
.br
.B gyre\-server \-\-version
|
.B \-\-help
|
.B \-\-check\-system
.br
.B gyre\-check\-rdb
.I file
.SH DESCRIPTION
Serves data structures in memory to clients of Redis: same protocol, same commands, same configuration file, same dumps.
Without arguments it serves on port 6379 with the defaults listed below.
.PP
The configuration file holds a directive a line.
Directives on the command line stand for lines behind those of the file;
.B \-
as the first or the last word reads further lines from standard input.
.SH OPTIONS
.TP
.BR \-v ", " \-\-version
Print the version and leave.
.TP
.BR \-h ", " \-\-help
Print a summary and leave.
.TP
.B \-\-check\-system
Look at the settings of the machine that hurt a database; leaves with 1 if there are any.
.TP
.B \-\-sentinel
Refused: the stock redis\-sentinel watches Gyre servers.
.SH SIGNALS
.TP
.BR SIGTERM ", " SIGINT
Leave in order, as shutdown\-on\-sigterm and shutdown\-on\-sigint say. A second SIGINT leaves at once.
.TP
.B SIGALRM
Write the stack to the log, and go on.
.TP
.BR SIGSEGV ", " SIGBUS ", " SIGFPE ", " SIGILL ", " SIGABRT
Write a crash report to the log, then do what the signal does by default.
.SH FILES
.TP
.I dump.rdb
The data, in the directory that
.B dir
names.
.SH DIRECTIVES
A directive that takes
.B yes
or
.B no
is a switch. Those marked (file) are taken from the file and the command line only; all others may be changed by CONFIG SET as well.
"#;

/// What stands behind them.
const TAIL: &str = r#".SH SEE ALSO
.BR redis\-cli (1),
.BR redis\-sentinel (1)
"#;

/// The whole page, in the language of `man`.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for row in TABLE.iter().filter(|row| !row.is_hidden) {
        write_directive(&mut page, row);
    }
    page + TAIL
}

fn write_directive(page: &mut String, row: &Directive) {
    let marked = if row.is_immutable { " (file)" } else { "" };
    let default = match row.default {
        "" => String::new(),
        default => format!(" The default is {}.", escaped(default)),
    };
    let also = if row.alias.is_empty() { String::new() } else { format!(" Also called {}.", escaped(row.alias)) };
    let standing = match row.standing {
        Standing::Acts => String::new(),
        Standing::WithoutEffect(why) => format!(" Accepted without effect: {}.", escaped(why)),
        Standing::Refused(why) => format!(" Refused: {}.", escaped(why)),
    };
    let values = escaped(&values(row.kind));
    // Writing to a string cannot fail.
    let _ = writeln!(page, ".TP\n.B {}\n{values}{marked}.{default}{also}{standing}", escaped(row.name));
}

/// Dashes are typed as they are shown; a backslash is one.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `GYRE_WRITE_PAGES=1 cargo test manual` prints the page anew.
    #[test]
    fn the_manual_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gyre-server.1");
        if std::env::var_os("GYRE_WRITE_PAGES").is_some() {
            std::fs::write(path, page()).expect("docs can be written");
        }
        let on_disk = std::fs::read_to_string(path).expect("the page is committed");
        assert!(on_disk == page(), "docs/gyre-server.1 is stale: GYRE_WRITE_PAGES=1 cargo test manual");
    }

    /// A line that begins with a dot or a quote is a command to `man`; only ours are.
    #[test]
    fn no_value_is_taken_for_a_command() {
        let own = [".TP", ".B ", ".BR ", ".SH ", ".TH ", ".RI ", ".RB ", ".IR ", ".I ", ".PP", ".br", ".\\\""];
        for line in page().lines().filter(|line| line.starts_with(['.', '\''])) {
            assert!(own.iter().any(|command| line.starts_with(command)), "{line}");
        }
    }
}
