//! CONFIG GET: the settings whose names match.

use super::directive::{all_names, find};
use super::table::Settings;
use crate::base::glob;

/// Names and values of the settings that match any of `patterns`, each once. A pattern without wildcards is a name:
/// it finds hidden directives too, and is answered in the caller's spelling.
pub fn get(settings: &Settings, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let has = |found: &[(Vec<u8>, Vec<u8>)], name: &[u8]| found.iter().any(|entry| entry.0.eq_ignore_ascii_case(name));
    for &pattern in patterns {
        if !pattern.iter().any(|byte| b"[*?".contains(byte)) {
            if let Some(named) = find(pattern).filter(|_| !has(&found, pattern)) {
                found.push((pattern.to_vec(), named.row.value(settings)));
            }
            continue;
        }
        for named in all_names().filter(|named| !named.row.is_hidden) {
            let name = named.name.as_bytes();
            if glob::matches_ignoring_case(pattern, name) && !has(&found, name) {
                found.push((name.to_vec(), named.row.value(settings)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
        let found = get(&Settings::default(), &patterns);
        found.into_iter().map(|(name, _)| String::from_utf8_lossy(&name).into_owned()).collect()
    }

    #[test]
    fn globs_names_and_both_at_once() {
        assert_eq!(names(&["maxmemory"]), ["maxmemory"]);
        assert_eq!(names(&["MaxMemory", "maxmemory"]), ["MaxMemory"]);
        assert_eq!(names(&["maxmemory", "MAXMEM*"]).len(), 5);
        assert_eq!(names(&["slave-read-onl?"]), ["slave-read-only"]);
        assert_eq!(names(&["nothing-like-it", ""]), [""; 0]);
    }

    #[test]
    fn hidden_ones_only_by_name() {
        assert_eq!(names(&["key-load-delay"]), ["key-load-delay"]);
        assert_eq!(names(&["key-load-dela?"]), [""; 0]);
    }
}
