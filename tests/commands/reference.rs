//! COMMAND INFO and COMMAND DOCS against what a real Redis 8.0.6 says of its core commands: `tests/data/commands-8.0.6.txt`, written by
//! `scripts/record_commands.py`, which explains the lines. A command that is there must agree in every fact; one that is not must be on the
//! list of those to come, `tests/data/commands-to-come.txt`, which may only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::server::{Connection, Server};

/// Commands that Redis 8.0.6 does not have, and why they are here.
const OUR_COMMANDS: &[(&str, &str)] = &[
    ("blmovem", "Redis 8.10"),
    ("delex", "Redis 8.4"),
    ("delifeq", "Valkey"),
    ("digest", "Redis 8.4"),
    ("increx", "Redis 8.8"),
    ("lmovem", "Redis 8.10"),
    ("msetex", "Redis 8.4"),
    ("sdiffcard", "Redis 8.10"),
    ("sunioncard", "Redis 8.10"),
    ("client|capa", "Valkey"),
    ("client|import-source", "Valkey"),
    ("script|show", "Valkey"),
    ("commandlog", "Valkey"),
    ("commandlog|get", "Valkey"),
    ("commandlog|help", "Valkey"),
    ("commandlog|len", "Valkey"),
    ("commandlog|reset", "Valkey"),
    ("hotkeys", "Redis 8.6"),
    ("hotkeys|get", "Redis 8.6"),
    ("hotkeys|help", "Redis 8.6"),
    ("hotkeys|reset", "Redis 8.6"),
    ("hotkeys|start", "Redis 8.6"),
    ("hotkeys|stop", "Redis 8.6"),
    ("xackdel", "Redis 8.2"),
    ("xcfgset", "Redis 8.6"),
    ("xdelex", "Redis 8.2"),
];

/// Arguments that Redis 8.0.6 does not have, as lines of the data write them, with their commands.
const OUR_ARGUMENTS: &[(&str, &str)] = &[
    ("xadd", " condition:oneof?@8.2.0(keepref:pure-token=KEEPREF delref:pure-token=DELREF acked:pure-token=ACKED)"),
    ("xadd", " idmp:oneof?@8.6.0(pid:string=IDMPAUTO pid:block(pid:string=IDMP iid:string))"),
    ("xread", LIMITS),
    ("xreadgroup", LIMITS),
    ("xreadgroup", " min-idle-time:integer=CLAIM?@8.4.0"),
    ("xtrim", " condition:oneof?@8.2.0(keepref:pure-token=KEEPREF delref:pure-token=DELREF acked:pure-token=ACKED)"),
    // Of 8.2.
    ("bitop", " diff:pure-token=DIFF diff1:pure-token=DIFF1 andor:pure-token=ANDOR one:pure-token=ONE"),
    // Valkey 9.
    ("geosearch", AREA),
    ("geosearch", POLYGON),
    ("geosearchstore", AREA),
    ("geosearchstore", POLYGON),
    ("zscan", " noscores:pure-token=NOSCORES?"),
    // Redis 8.4 and 8.8.
    ("set", "form:oneof(plain:block("),
    ("set", COMPARED),
    ("zinter", COUNT),
    ("zinterstore", COUNT),
    ("zunion", COUNT),
    ("zunionstore", COUNT),
];

const COUNT: &str = " count:pure-token=COUNT@8.8.0";
const LIMITS: &str = " maxcount:integer=MAXCOUNT?@8.10.0 maxsize:integer=MAXSIZE?@8.10.0";
/// The other form of SET.
const COMPARED: &str = ") compared:block(value:string comparison:oneof(ifeq-value:string=IFEQ@8.4.0 \
    ifne-value:string=IFNE@8.4.0 ifdeq-digest:integer=IFDEQ@8.4.0 ifdne-digest:integer=IFDNE@8.4.0) \
    get:pure-token=GET?@6.2.0 expiration:oneof?(seconds:integer=EX@2.6.12 milliseconds:integer=PX@2.6.12 \
    unix-time-seconds:unix-time=EXAT@6.2.0 unix-time-milliseconds:unix-time=PXAT@6.2.0 \
    keepttl:pure-token=KEEPTTL@6.0.0)))";
/// What Redis asks for is one choice, a polygon the other.
const AREA: &str = "area:oneof(centered:block(";
const POLYGON: &str =
    ") polygon:block(num-vertices:integer=BYPOLYGON vertices:block*(longitude:double latitude:double)))";

/// A reply as RESP2 has it.
enum Tree {
    Text(String),
    Number(i64),
    List(Vec<Tree>),
}

impl Tree {
    fn text(&self) -> &str {
        let Tree::Text(text) = self else { panic!("a text expected") };
        text
    }

    fn list(&self) -> &[Tree] {
        let Tree::List(items) = self else { panic!("a list expected") };
        items
    }

    /// The value of a name in a list of names and values.
    fn field(&self, name: &str) -> Option<&Tree> {
        self.list().chunks(2).find(|pair| pair[0].text() == name).map(|pair| &pair[1])
    }

    fn field_text(&self, name: &str) -> Option<&str> {
        self.field(name).map(Tree::text)
    }

    fn shown(&self) -> String {
        match self {
            Tree::Text(text) => text.clone(),
            Tree::Number(number) => number.to_string(),
            Tree::List(items) => items.iter().map(Tree::shown).collect::<Vec<_>>().join(","),
        }
    }
}

fn parse(reply: &[u8], at: &mut usize) -> Tree {
    let end = *at + reply[*at..].windows(2).position(|pair| pair == b"\r\n").expect("a line ends");
    let line = String::from_utf8(reply[*at + 1..end].to_vec()).expect("these replies are text");
    let kind = reply[*at];
    *at = end + 2;
    let number = || line.parse::<i64>().expect("a number");
    match kind {
        b'+' => Tree::Text(line),
        b':' => Tree::Number(number()),
        b'$' => {
            let text = &reply[*at..*at + number() as usize];
            *at += text.len() + 2;
            Tree::Text(String::from_utf8(text.to_vec()).expect("these replies are text"))
        }
        b'*' => Tree::List((0..number().max(0)).map(|_| parse(reply, at)).collect()),
        other => panic!("unexpected {}{line}", other as char),
    }
}

fn ask(connection: &mut Connection, words: &[&str]) -> Tree {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    parse(&connection.call(&words).expect("the server answers"), &mut 0)
}

/// Names joined by commas, without the mark that stands before each.
fn listed(tree: &Tree, mark: &str) -> String {
    let names: Vec<&str> = tree.list().iter().map(|item| item.text().trim_start_matches(mark)).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

fn key_spec(spec: &Tree) -> String {
    let mut words = vec![listed(spec.field("flags").expect("flags"), "")];
    for part in ["begin_search", "find_keys"] {
        let part = spec.field(part).expect("both parts of the search");
        words.push(part.field_text("type").expect("a type").to_owned());
        words.extend(part.field("spec").expect("details").list().chunks(2).map(|pair| pair[1].shown()));
    }
    words.join(" ")
}

fn token(token: &str) -> String {
    let is_word = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_word { format!("={token}") } else { format!("='{token}'") }
}

fn argument(tree: &Tree) -> String {
    let flags: Vec<&str> = tree.field("flags").map_or(vec![], |flags| flags.list().iter().map(Tree::text).collect());
    let mark = |flag: &str, mark: &'static str| if flags.contains(&flag) { mark } else { "" };
    [
        format!("{}:{}", tree.field_text("name").expect("a name"), tree.field_text("type").expect("a type")),
        tree.field_text("token").map(token).unwrap_or_default(),
        tree.field("key_spec_index").map(|index| format!("#{}", index.shown())).unwrap_or_default(),
        [mark("optional", "?"), mark("multiple", "*"), mark("multiple_token", "^")].concat(),
        tree.field_text("since").map(|since| format!("@{since}")).unwrap_or_default(),
        tree.field("arguments").map(|inner| format!("({})", arguments(inner))).unwrap_or_default(),
    ]
    .concat()
}

fn arguments(trees: &Tree) -> String {
    trees.list().iter().map(argument).collect::<Vec<_>>().join(" ")
}

fn line(info: &Tree, docs: &Tree) -> String {
    let [name, arity, flags, first, last, step, categories, tips, key_specs, _] = info.list() else {
        panic!("ten fields expected")
    };
    let key_specs: Vec<String> = key_specs.list().iter().map(key_spec).collect();
    let mut page = vec![docs.field_text("group").expect("a group"), docs.field_text("since").expect("a version")]
        .into_iter()
        .chain(docs.field_text("deprecated_since"))
        .map(str::to_owned)
        .collect::<Vec<_>>();
    page.extend(
        docs.field("doc_flags").map_or(vec![], |flags| flags.list().iter().map(|f| format!("+{}", f.text())).collect()),
    );
    [
        format!("{} {}", name.text(), arity.shown()),
        listed(flags, ""),
        [first.shown(), last.shown(), step.shown()].join(" "),
        listed(categories, "@"),
        listed(tips, ""),
        if key_specs.is_empty() { "-".to_owned() } else { key_specs.join("; ") },
        page.join(" "),
        docs.field("arguments").map_or("-".to_owned(), arguments),
    ]
    .join(" | ")
}

/// The line of every command of a server, by name.
fn lines(connection: &mut Connection) -> BTreeMap<String, String> {
    let names = ask(connection, &["COMMAND", "LIST"]);
    let mut found = BTreeMap::new();
    for name in names.list().iter().map(Tree::text).filter(|name| !name.contains('|')) {
        let (info, docs) = (ask(connection, &["COMMAND", "INFO", name]), ask(connection, &["COMMAND", "DOCS", name]));
        let (info, docs) = (&info.list()[0], &docs.list()[1]);
        found.insert(name.to_owned(), line(info, docs));
        for sub in info.list()[9].list() {
            let name = sub.list()[0].text();
            let docs =
                docs.field("subcommands").and_then(|all| all.field(name)).expect("every subcommand is described");
            found.insert(name.to_owned(), line(sub, docs));
        }
    }
    found
}

fn data(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file)).expect("the data is there")
}

/// The lines of Redis, by name.
fn recorded() -> BTreeMap<String, String> {
    let page = data("commands-8.0.6.txt");
    let rows = page.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| (row.split(' ').next().unwrap_or_default().to_owned(), row.to_owned())).collect()
}

/// The names of what is still to come: all that stands behind a colon.
pub fn to_come() -> BTreeSet<String> {
    let page = data("commands-to-come.txt");
    let rows = page.lines().filter(|line| !line.starts_with('#'));
    rows.flat_map(|row| row.split_once(": ").expect("issue: names").1.split(' ').map(str::to_owned)).collect()
}

#[test]
fn commands_describe_themselves_as_in_redis() {
    let server = Server::start(&[]);
    let ours = lines(&mut server.connect());
    let mut faults = Vec::new();
    for (name, there) in recorded() {
        let Some(mut here) = ours.get(&name).cloned() else { continue };
        for (_, argument) in OUR_ARGUMENTS.iter().filter(|(command, _)| *command == name) {
            assert!(here.contains(argument), "{name} has no argument {argument}: take it off the list");
            here = here.replacen(argument, "", 1);
        }
        if here != there {
            faults.push(format!("  Redis {there}\n  Gyre  {here}"));
        }
    }
    assert!(
        faults.is_empty(),
        "{} commands differ (scripts/record_commands.py --grammar NAME prints the arguments for a row):\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn every_command_of_redis_is_there_or_to_come() {
    let server = Server::start(&[]);
    let ours: BTreeSet<String> = lines(&mut server.connect()).into_keys().collect();
    let (theirs, to_come): (BTreeSet<String>, _) = (recorded().into_keys().collect(), to_come());
    let own: BTreeSet<String> = OUR_COMMANDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let absent: Vec<_> = theirs.difference(&ours).filter(|name| !to_come.contains(*name)).collect();
    assert!(absent.is_empty(), "neither there nor on the list of those to come: {absent:?}");
    let arrived: Vec<_> = to_come.intersection(&ours).collect();
    assert!(arrived.is_empty(), "there, and still on tests/data/commands-to-come.txt: {arrived:?}");
    let unknown: Vec<_> = to_come.difference(&theirs).collect();
    assert!(unknown.is_empty(), "to come, but Redis has no such command: {unknown:?}");
    let beyond: BTreeSet<String> = ours.difference(&theirs).cloned().collect();
    assert_eq!(beyond, own, "commands that Redis 8.0.6 does not have stand in OUR_COMMANDS");
}
