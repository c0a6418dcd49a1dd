//! What the table says to people: the reference page, and the warnings at start.

use super::directive::{Directive, Standing};
use super::table::{Settings, TABLE};
use super::value::Kind;

/// Directives that were set away from their defaults but have no effect, with the reason; logged once at start.
pub fn set_without_effect(settings: &Settings) -> impl Iterator<Item = (&'static Directive, &'static str)> {
    let defaults = Settings::default();
    TABLE.iter().filter_map(move |row| match row.standing {
        Standing::WithoutEffect(why) if row.value(settings) != row.value(&defaults) => Some((row, why)),
        _ => None,
    })
}

/// Directives that changed from `old` to `new` and have no effect, with the reason; logged when they are set.
pub fn changed_without_effect(
    old: &Settings,
    new: &Settings,
) -> impl Iterator<Item = (&'static Directive, &'static str)> {
    TABLE.iter().filter_map(|row| match row.standing {
        Standing::WithoutEffect(why) if row.value(old) != row.value(new) => Some((row, why)),
        _ => None,
    })
}

/// The table as a page of Markdown: `docs/reference/config.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Every directive of Redis 8.0 and what Gyre does with it.\n\
         Printed from the table in `src/config/table/mod.rs`.\n\n\
         | directive | values | default | set by | standing |\n|---|---|---|---|---|\n",
    );
    for row in TABLE.iter().filter(|row| !row.is_hidden) {
        page += &line(row);
    }
    page
}

fn line(row: &Directive) -> String {
    let alias = if row.alias.is_empty() { String::new() } else { format!(", `{}`", row.alias) };
    let set_by = match (row.is_immutable, row.is_protected) {
        (true, _) => "file",
        (_, true) => "file, CONFIG SET where protected",
        _ => "file, CONFIG SET",
    };
    let standing = match row.standing {
        Standing::Acts => "acts".to_string(),
        Standing::WithoutEffect(why) => format!("accepted without effect: {why}"),
        Standing::Refused(why) => format!("refused: {why}"),
    };
    let default = if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) };
    format!("| `{}`{alias} | {} | {default} | {set_by} | {standing} |\n", row.name, values(row.kind))
}

pub(super) fn values(kind: Kind) -> String {
    match kind {
        Kind::YesNo => "yes, no".into(),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Memory { min, max } => format!("{min} to {max} bytes"),
        Kind::MemoryOrPercent => "bytes, or a percentage".into(),
        Kind::Octal { max } => format!("octal, up to {max:o}"),
        Kind::Choice(words) => words.join(", "),
        Kind::Words(words) => format!("some of {}", words.join(", ")),
        Kind::Text => "text".into(),
        Kind::OptionalText => "text, or nothing".into(),
        Kind::Special(form) => form.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_name_what_was_set_in_vain() {
        let mut settings = Settings::default();
        assert_eq!(set_without_effect(&settings).count(), 0);
        settings.io_threads = 4;
        settings.maxmemory_bytes = 1;
        let names: Vec<&str> = set_without_effect(&settings).map(|(row, _)| row.name).collect();
        assert_eq!(names, ["io-threads"]);
    }

    /// `GYRE_WRITE_PAGES=1 cargo test reference` prints the page anew.
    #[test]
    fn the_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/config.md");
        if std::env::var_os("GYRE_WRITE_PAGES").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference"))
                .expect("docs can be written");
            std::fs::write(path, page()).expect("docs can be written");
        }
        let on_disk = std::fs::read_to_string(path).expect("the page is committed");
        assert!(on_disk == page(), "docs/reference/config.md is stale: GYRE_WRITE_PAGES=1 cargo test reference");
    }
}
