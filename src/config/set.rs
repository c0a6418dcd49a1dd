//! CONFIG SET: several directives at once, all or nothing.
//!
//! `propose` judges the whole request against a copy of the settings and touches nothing. The dispatcher puts the
//! proposal in place and lets each owner act on its `Change`; if one refuses, it puts the old settings back, tells
//! the owners again, and answers with `SetError::Failed`.

use super::change::Change;
use super::directive::{Named, find};
use super::table::Settings;
use super::value::Failure;

/// What the caller may do, and when.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// A dump is being loaded.
    pub is_loading: bool,
    /// `enable-protected-configs` allows this client to set protected directives.
    pub may_set_protected: bool,
}

/// Settings as they would be, and who has to act, each with the name of the directive that first asked for it.
#[derive(Debug)]
pub struct Proposal {
    pub settings: Settings,
    pub changes: Vec<(Change, &'static str)>,
}

/// Why nothing was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// Names and values do not pair up.
    Syntax,
    /// There is no such directive.
    Unknown(Vec<u8>),
    /// A directive that cannot be set while loading.
    Loading,
    /// The value, or setting it now, was refused.
    Failed { argument: Vec<u8>, reason: Failure },
}

impl SetError {
    /// The error reply, its code included.
    pub fn reply(&self) -> Vec<u8> {
        match self {
            SetError::Syntax => b"ERR syntax error".to_vec(),
            SetError::Loading => b"LOADING Redis is loading the dataset in memory".to_vec(),
            SetError::Unknown(name) => {
                // A name ends at a zero byte, as C's strings do.
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                [b"ERR Unknown option or number of arguments for CONFIG SET - '", name, b"'"].concat()
            }
            SetError::Failed { argument, reason } => {
                let before: &[u8] = b"ERR CONFIG SET failed (possibly related to argument '";
                [before, argument, b"') - ", reason.as_bytes()].concat()
            }
        }
    }
}

/// Judges `CONFIG SET name value [name value ...]`.
pub fn propose(settings: &Settings, words: &[&[u8]], now: Circumstances) -> Result<Proposal, SetError> {
    if words.len() % 2 == 1 {
        return Err(SetError::Syntax);
    }
    let named = find_all(words, now)?;
    let mut proposal = Proposal { settings: settings.clone(), changes: Vec::new() };
    for (named, pair) in named.iter().zip(words.chunks_exact(2)) {
        let row = named.row;
        let value = if row.is_multi_word { split_at_spaces(pair[1]) } else { vec![pair[1]] };
        let changed = row
            .set(&mut proposal.settings, &value)
            .map_err(|reason| SetError::Failed { argument: named.name.into(), reason })?;
        if let (true, Some(change)) = (changed, row.change)
            && !proposal.changes.iter().any(|known| known.0 == change)
        {
            proposal.changes.push((change, named.name));
        }
    }
    proposal.settings.settle();
    Ok(proposal)
}

/// Looks every name up before any value is read. An unknown name outweighs other failures only if it comes first.
fn find_all(words: &[&[u8]], now: Circumstances) -> Result<Vec<Named>, SetError> {
    let mut all: Vec<Named> = Vec::new();
    for name in words.iter().step_by(2) {
        let Some(named) = find(name) else { return Err(SetError::Unknown(name.to_vec())) };
        let refuse = |reason: &'static str| Err(SetError::Failed { argument: name.to_vec(), reason: reason.into() });
        if named.row.is_immutable {
            return refuse("can't set immutable config");
        }
        if named.row.is_protected && !now.may_set_protected {
            return refuse("can't set protected config");
        }
        if named.row.is_denied_while_loading && now.is_loading {
            return Err(SetError::Loading);
        }
        // An alias is another name, and may be set beside it: so it is in Redis.
        if all.iter().any(|earlier| earlier.name == named.name) {
            return refuse("duplicate parameter");
        }
        all.push(named);
    }
    Ok(all)
}

/// Positions, among names and values, of values that must not be shown to anybody.
pub fn sensitive_positions<'a>(words: &'a [&'a [u8]]) -> impl Iterator<Item = usize> + 'a {
    let is_sensitive = |name: &[u8]| find(name).is_some_and(|named| named.row.is_sensitive);
    (0..words.len())
        .step_by(2)
        .filter(move |&at| is_sensitive(words[at]))
        .map(|at| at + 1)
        .filter(|at| *at < words.len())
}

/// Single spaces separate; two of them have an empty word between. Nothing is no words.
fn split_at_spaces(value: &[u8]) -> Vec<&[u8]> {
    if value.is_empty() { Vec::new() } else { value.split(|byte| *byte == b' ').collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proposes words separated by `|` and shows the error, or the value of the first name afterwards.
    fn check(line: &str, shown: &str) {
        let words: Vec<&[u8]> = line.as_bytes().split(|byte| *byte == b'|').collect();
        let now = Circumstances { is_loading: false, may_set_protected: true };
        let outcome = match propose(&Settings::default(), &words, now) {
            Ok(proposal) => find(words[0]).expect("it was found before").row.value(&proposal.settings),
            Err(error) => error.reply(),
        };
        let outcome = String::from_utf8_lossy(&outcome).into_owned();
        let prefix =
            format!("ERR CONFIG SET failed (possibly related to argument '{}') - ", String::from_utf8_lossy(words[0]));
        assert_eq!(outcome.strip_prefix(&prefix).unwrap_or(&outcome), shown, "{line}");
    }

    #[test]
    fn values_as_redis_takes_and_prints_them() {
        check("maxmemory|1G", "1000000000");
        check("maxmemory|1gB", "1073741824");
        check("maxmemory|", "0");
        check("maxmemory|99999999999999999999", "18446744073709551615");
        check("maxmemory-clients|5%", "5%");
        check("maxmemory-clients|0%", "0");
        check("hz|0", "1");
        check("hz|999", "500");
        check("repl-backlog-size|1", "16384");
        check("appendfsync|ALWAYS", "always");
        check("save|", "");
        check("save|5 1 6 0", "5 1 6 0");
        check("save|999999999999999999999 1", "9223372036854775807 1");
        check("notify-keyspace-events|KEA", "AKE");
        check("notify-keyspace-events|g$lshzxet", "g$lshzxet");
        check("notify-keyspace-events|g$lshzxetd", "A");
        check("notify-keyspace-events|Elgm", "glEm");
        check("notify-keyspace-events|KEAmn", "AKEm");
        check("notify-keyspace-events|KEnd", "dnKE");
        check("notify-keyspace-events|hVITSE", "hESTIV");
        check("notify-keyspace-events|K\0Z", "K");
        check(
            "client-output-buffer-limit|replica 1mb 1 5",
            "normal 0 0 0 slave 1048576 1 5 pubsub 33554432 8388608 60",
        );
        check(
            "client-output-buffer-limit|normal  1 2",
            "normal 0 1 2 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        );
        check("shutdown-on-sigterm|now nosave", "nosave now");
        check("shutdown-on-sigterm|now now force save", "save now force");
        check("shutdown-on-sigterm|default now", "now");
        check("latency-tracking-info-percentiles|0.1 100 100.0", "0.1 100 100");
        check("latency-tracking-info-percentiles|99.12345678", "99.123457");
        check("latency-tracking-info-percentiles|0x10", "16");
        check("latency-tracking-info-percentiles|", "");
        check("oom-score-adj-values|5 4 3", "5 4 3");
        check("bind|", "");
        check("bind|127.0.0.1 -::1", "127.0.0.1 -::1");
        check("hash-max-listpack-entries|1|hash-max-ziplist-entries|2", "2");
        check("list-max-listpack-size|-6", "-6");
        check("proc-title-template|{{title}", "{{title}");
        check("cluster-announce-human-nodename|a b", "a b");
        check("requirepass|two words", "two words");
    }

    #[test]
    fn failures_in_the_words_of_redis() {
        check("timeout|01", "argument couldn't be parsed into an integer");
        check("timeout|-99999999999", "argument must be between 0 and 2147483647 inclusive");
        check("slowlog-log-slower-than|-2", "argument must be between -1 and 9223372036854775807 inclusive");
        check("maxmemory|1 gb", "argument must be a memory value");
        check(
            "proto-max-bulk-len|99999999999999999999",
            "argument must be between 1048576 and 9223372036854775807 inclusive",
        );
        check("maxmemory-clients|-5%", "argument must be a memory or percent value");
        check("maxmemory-clients|05%", "argument must be a memory or percent value");
        check("maxmemory-clients|101%", "percentage argument must be less or equal to 100");
        check("crash-log-enabled|1", "argument must be 'yes' or 'no'");
        check("loglevel|x", "argument(s) must be one of the following: debug, verbose, notice, warning, nothing");
        check("shutdown-on-sigterm|", "argument(s) must be one of the following: default, save, nosave, now, force");
        check("shutdown-on-sigterm|save nosave", "shutdown options SAVE and NOSAVE can't be used simultaneously");
        for bad in ["1 2 3", "  ", " 1 2", "1  2", "0 1", "1 -1", "5 1x"] {
            check(&format!("save|{bad}"), "Invalid save parameters");
        }
        check("notify-keyspace-events|Z", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        check("client-output-buffer-limit|normal 1", "Wrong number of arguments in buffer limit configuration.");
        check(
            "client-output-buffer-limit|master 1 2 3",
            "Invalid client class specified in buffer limit configuration.",
        );
        check(
            "client-output-buffer-limit|normal 1 2 3x",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        );
        check(
            "client-output-buffer-limit|normal 1 2 -3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        );
        check("oom-score-adj-values|1 2", "wrong number of arguments");
        check(
            "oom-score-adj-values|1 2 9999",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        );
        check("latency-tracking-info-percentiles|x", "Invalid latency-tracking-info-percentiles parameters");
        check(
            "latency-tracking-info-percentiles|101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        );
        check("bind|1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "Too many bind addresses specified.");
        check("dbfilename|a/b", "dbfilename can't be a path, just a filename");
        check("proc-title-template|{title} {x}", "template format is invalid or contains unknown variables");
        check("proc-title-template|{title}", "template format is invalid or contains unknown variables");
        check("cluster-announce-hostname|a_b", "Hostnames may only contain alphanumeric characters, hyphens or dots");
        check("daemonize|yes", "can't set immutable config");
        check(
            "maxmemory|1mb|MAXMEMORY|2",
            "ERR CONFIG SET failed (possibly related to argument 'MAXMEMORY') - duplicate parameter",
        );
        check("nope|1", "ERR Unknown option or number of arguments for CONFIG SET - 'nope'");
        check("maxmemory|1|nope", "ERR syntax error");
        check("daemonize|yes|nope|1", "can't set immutable config");
        check("activedefrag|maybe", "argument must be 'yes' or 'no'");
    }

    #[test]
    fn circumstances_and_changes() {
        let settings = Settings::default();
        let bare = Circumstances::default();
        let protected = propose(&settings, &[b"dir", b"/"], bare).expect_err("it is protected");
        assert!(protected.reply().ends_with(b"can't set protected config"));
        let loading = Circumstances { is_loading: true, may_set_protected: true };
        assert_eq!(propose(&settings, &[b"dir", b"/"], loading).expect_err("loading"), SetError::Loading);

        let words: [&[u8]; 8] = [b"port", b"1", b"bind", b"::1", b"maxmemory", b"0", b"hz", b"20"];
        let proposal = propose(&settings, &words, bare).expect("all are fine");
        assert_eq!(proposal.changes, [(Change::Listeners, "port"), (Change::Pace, "hz")]);
        let words: [&[u8]; 4] = [b"port", b"1", b"requirepass", b"x"];
        assert_eq!(sensitive_positions(&words).collect::<Vec<_>>(), [3]);
    }
}
