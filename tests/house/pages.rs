//! What pages under `docs/` and the README say about the code is true: every `file.rs::item` names something that exists, every link leads
//! somewhere.

use std::fs;
use std::path::PathBuf;

use super::source::{home, tokens, walk};

fn pages() -> Vec<PathBuf> {
    let mut found = vec![home().join("README.md")];
    walk(&home().join("docs"), "md", &mut found);
    found.sort();
    found
}

/// The words `path/file.rs::Item::part` in a page, as (file, item path).
fn items_named(page: &str) -> Vec<(String, String)> {
    let is_part = |c: char| c.is_alphanumeric() || "_/.:-".contains(c);
    let mut found = Vec::new();
    for word in page.split(|c: char| !is_part(c)) {
        if let Some((file, item)) = word.split_once(".rs::") {
            found.push((format!("{file}.rs"), item.trim_end_matches([':', '.']).to_owned()));
        }
    }
    found
}

/// Where the target of a Markdown link begins and ends: `](target)`.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in page.split("](").skip(1) {
        if let Some((target, _)) = part.split_once(')') {
            found.push(target.split('#').next().unwrap_or("").to_owned());
        }
    }
    found.retain(|target| !target.is_empty() && !target.contains("://"));
    found
}

/// Whether every name of `item` (`Type::method`) is declared in the source text.
fn declares(code: &str, item: &str) -> bool {
    const DECLARING: &[&str] =
        &["fn", "struct", "enum", "const", "static", "trait", "type", "mod", "union", "macro_rules"];
    let tokens = tokens(code);
    item.split("::").all(|name| {
        tokens.windows(2).any(|pair| pair[1].text == name && DECLARING.contains(&pair[0].text))
            || tokens.windows(3).any(|three| three[0].text == "macro_rules" && three[2].text == name)
            || is_variant_or_field(&tokens, name)
    })
}

/// A variant or field: a name behind `{`, `,` or `pub` and before `,`, `(`, `{`, `:` or `=`.
fn is_variant_or_field(tokens: &[super::source::Token], name: &str) -> bool {
    tokens.windows(3).any(|three| {
        three[1].text == name
            && matches!(three[0].text, "{" | "," | "pub" | ")" | "]")
            && matches!(three[2].text, "," | "(" | "{" | ":" | "=" | "}")
    })
}

#[test]
fn every_item_named_in_a_page_exists() {
    let mut faults = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page is readable");
        for (file, item) in items_named(&page) {
            let found = fs::read_to_string(home().join(&file));
            if !found.is_ok_and(|code| declares(&code, &item)) {
                faults.push(format!(
                    "{}: {file}::{item}",
                    path.strip_prefix(home()).expect("below the package").display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "pages name what does not exist:\n{}", faults.join("\n"));
}

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page is readable");
        for target in links(&page) {
            if !path.parent().expect("a page is in a folder").join(&target).exists() {
                faults.push(format!("{}: {target}", path.strip_prefix(home()).expect("below the package").display()));
            }
        }
    }
    assert!(faults.is_empty(), "links lead nowhere:\n{}", faults.join("\n"));
}

/// Words that begin like a path of this repository: `src/exec`, `tests/house/order.rs::item`, `scripts/bench.py`.
fn paths_named(page: &str) -> Vec<String> {
    const ROOTS: &[&str] = &["src/", "tests/", "scripts/", "docs/"];
    let is_part = |c: char| c.is_alphanumeric() || "_/.:-".contains(c);
    let words = page.split(|c: char| !is_part(c)).filter(|word| ROOTS.iter().any(|root| word.starts_with(root)));
    words.map(|word| word.split("::").next().unwrap_or("").trim_end_matches(['.', ':', '/']).to_owned()).collect()
}

#[test]
fn every_path_named_in_a_page_exists() {
    let mut faults = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).expect("a page is readable");
        for named in paths_named(&page) {
            if !home().join(&named).exists() {
                faults.push(format!("{}: {named}", path.strip_prefix(home()).expect("below the package").display()));
            }
        }
    }
    assert!(faults.is_empty(), "pages name files that do not exist:\n{}", faults.join("\n"));
}

/// The questions of `docs/architecture.md` each have an answer that names code.
#[test]
fn ten_questions_of_a_newcomer_are_answered() {
    let page = fs::read_to_string(home().join("docs/architecture.md")).expect("docs/architecture.md exists");
    let answers: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.contains('?')).collect();
    assert!(answers.len() >= 10, "{} questions are answered", answers.len());
    for answer in answers {
        assert!(!items_named(answer).is_empty(), "no item answers: {answer}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_links_are_found() {
        assert_eq!(
            items_named("see `src/a/b.rs::Type::method`, then"),
            [("src/a/b.rs".to_owned(), "Type::method".to_owned())]
        );
        assert_eq!(links("[a](b.md#c) and [d](https://e)"), ["b.md"]);
        assert!(declares("pub struct Type { field: u8 } impl Type { fn method() {} }", "Type::method"));
        assert!(declares("enum Wake { Signal, Timer }", "Wake::Timer"));
        assert!(!declares("struct Type;", "Type::method"));
    }
}
