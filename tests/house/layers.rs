//! A module may use only what stands below it. One table says what stands where; every path in the source is held against it.
//!
//! Paths are read from the text: `crate::a::b`, trees of `use crate::{a, b::{c, d}}`, and chains of `super` that leave their layer. A re-export
//! (`pub use`) may not carry an item out of its layer, or the table could be walked around.

use super::source::{File, Token, rust_files, tokens};

/// The layers from the ground up. A module may use those before it.
const LAYERS: &[&str] = &[
    "base",
    "structures",
    "protocol",
    "reactor",
    "spec",
    "value",
    "keyspace",
    // The services: each a state machine of its own; one may use those to its left.
    "config",
    "observe",
    "acl",
    "pubsub",
    "tracking",
    "rdb",
    "persist",
    "replication",
    "cluster",
    "script",
    "server",
    "exec",
    "commands",
    "event_loop",
    "main",
];

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|&l| l == layer)
}

/// A path written in a file, resolved to modules from the crate's root.
struct Written {
    path: Vec<String>,
    is_reexport: bool,
    at: usize,
}

/// Every path that begins with `crate`, `super` or the crate's own name.
fn paths_of(file: &File) -> Vec<Written> {
    let tokens = tokens(&file.code);
    let mut module = file.module();
    let mut depth = 0;
    let mut inline: Vec<usize> = Vec::new(); // brace depths at which inline modules opened
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].text {
            "mod" if tokens.get(at + 2).is_some_and(|t| t.text == "{") => {
                module.push(tokens[at + 1].text.to_owned());
                inline.push(depth);
                depth += 1;
                at += 2;
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    module.pop();
                }
            }
            "crate" | "super" | "gyre"
                if tokens.get(at + 1).is_some_and(|t| t.text == "::") && !is_continued(&tokens, at) =>
            {
                let is_reexport = is_behind_pub_use(&tokens, at);
                let begin = at;
                let mut written = Vec::new();
                at = tree(&tokens, at, &module, &mut written);
                found.extend(written.into_iter().map(|path| Written { path, is_reexport, at: tokens[begin].at }));
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Whether the token is in the middle of a path (`a::super` or `$crate`).
fn is_continued(tokens: &[Token], at: usize) -> bool {
    at > 0 && matches!(tokens[at - 1].text, "::" | "$")
}

/// Whether a path begins a `pub use` or `pub(…) use`.
fn is_behind_pub_use(tokens: &[Token], at: usize) -> bool {
    if at == 0 || tokens[at - 1].text != "use" {
        return false;
    }
    let before: Vec<&str> = tokens[at.saturating_sub(6)..at - 1].iter().map(|t| t.text).collect();
    matches!(before.as_slice(), [.., "pub"] | [.., "pub", "(", _, ")"] | [.., "pub", "(", "in", _, ")"])
}

/// Reads a path or a tree of paths from `at`, resolved from `from`; returns where it ends.
fn tree(tokens: &[Token], mut at: usize, from: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = from.to_vec();
    let mut is_first = true;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "crate" | "gyre" if is_first => path.clear(),
            "super" => {
                path.pop();
            }
            "self" => {}
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|t| t.text != "}") {
                    at = tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|t| t.text == "as") {
                        at += 2;
                    }
                    if tokens.get(at).is_some_and(|t| t.text == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            word if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => path.push(word.to_owned()),
            "*" => {
                path.push("*".to_owned());
                at += 1;
                break;
            }
            _ => break,
        }
        is_first = false;
        at += 1;
        if tokens.get(at).is_some_and(|t| t.text == "::") {
            at += 1;
        } else {
            break;
        }
    }
    found.push(path);
    at
}

/// What a file does against the table, a line each.
fn faults(file: &File) -> Vec<String> {
    let own =
        if file.path == "src/main.rs" { "main".to_owned() } else { file.module().first().cloned().unwrap_or_default() };
    let Some(own_rank) = rank(&own) else {
        return if file.path == "src/lib.rs" {
            Vec::new()
        } else {
            vec![format!("{}: layer `{own}` is not in the table", file.path)]
        };
    };
    let mut found = Vec::new();
    for written in paths_of(file) {
        let Some(used) = written.path.first() else { continue };
        if *used == own || (used == "gyre" && own == "main") {
            continue;
        }
        let place = format!("{}:{}: {}", file.path, file.line_of(written.at), written.path.join("::"));
        match rank(used) {
            None => found.push(format!("{place} is outside the layers")),
            Some(used_rank) if used_rank > own_rank => {
                found.push(format!("{place}: `{own}` stands below `{used}` and may not use it"))
            }
            Some(_) if written.is_reexport => found.push(format!("{place} is re-exported from another layer")),
            Some(_) => {}
        }
    }
    found
}

#[test]
fn every_path_goes_down() {
    let found: Vec<String> = rust_files("src").iter().flat_map(faults).collect();
    assert!(found.is_empty(), "{} paths against the layers:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_map_in_lib_rs_is_the_table() {
    let lib = rust_files("src").into_iter().find(|file| file.path == "src/lib.rs").expect("src/lib.rs exists");
    let map: Vec<&str> =
        lib.code.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let table: Vec<&str> = LAYERS.iter().copied().filter(|layer| map.contains(layer)).collect();
    assert_eq!(map, table, "src/lib.rs lists the modules from the ground up, and no others");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, code: &str, expected: usize) {
        let file = File { path: path.to_owned(), text: code.to_owned(), code: code.to_owned() };
        let found = faults(&file);
        assert_eq!(found.len(), expected, "{path}: {code}: {found:?}");
    }

    #[test]
    fn downwards_is_allowed_and_upwards_is_not() {
        check("src/exec/call.rs", "use crate::base::clock::Ms; fn f() { crate::server::x() }", 0);
        check("src/base/clock.rs", "use crate::exec::Call;", 1);
        check("src/keyspace/db.rs", "fn f() { let x = crate::commands::string::f(); }", 1);
        check("src/pubsub/mod.rs", "use crate::rdb::X;", 1);
        check("src/rdb/mod.rs", "use crate::pubsub::X;", 0);
    }

    #[test]
    fn trees_and_supers_are_followed() {
        check("src/base/glob.rs", "use crate::{base::clock, exec::{Call, dispatch::Dispatcher as D}, server::*};", 3);
        check("src/base/glob.rs", "use super::super::exec::Call;", 1);
        check(
            "src/base/glob.rs",
            "mod tests { use super::*; use super::super::clock; fn f() { super::super::super::exec::g() } }",
            1,
        );
        check("src/base/mod.rs", "use super::exec::Call;", 1);
    }

    #[test]
    fn a_reexport_across_layers_is_refused() {
        check("src/exec/mod.rs", "pub use crate::base::clock::Ms;", 1);
        check("src/exec/mod.rs", "pub(crate) use super::base::clock::Ms;", 1);
        check("src/exec/mod.rs", "pub use self::call::Call; pub use call::Stop;", 0);
    }

    #[test]
    fn an_unknown_layer_is_refused() {
        check("src/helpers/mod.rs", "", 1);
        check("src/exec/mod.rs", "use crate::helpers::x;", 1);
    }
}
