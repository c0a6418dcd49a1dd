//! Rules as Redis takes and shows them, what they allow, and that what is shown can be read again.

use super::*;
use crate::protocol::args::OwnedRequest;
use crate::spec::flag::{FAST, NO_AUTH, PUBSUB, READONLY, WRITE};
use crate::spec::{Group, Spec, at, command};
use proptest::prelude::*;

const GET: Spec = command("GET", "key", 2).group(Group::String).flags(READONLY | FAST).keys(at(1).read_only().access());
const SET: Spec = command("SET", "key value", -3).group(Group::String).flags(WRITE).keys(at(1).overwrite().update());
const EXISTS: Spec = command("EXISTS", "key+", -2).flags(READONLY | FAST).keys(at(1).to(-1).read_only());
const MGET: Spec = command("MGET", "key+", -2).group(Group::String).flags(READONLY).keys(at(1).to(-1).access());
const SELECT: Spec = command("SELECT", "index", 2).group(Group::Connection).flags(FAST);
const AUTH: Spec = command("AUTH", "password", -2).group(Group::Connection).flags(FAST | NO_AUTH);
const CONFIG: Spec = Spec { is_container: true, ..command("CONFIG", "", -2).group(Group::Server) };
const CONFIG_GET: Spec = command("GET", "parameter", -3).group(Group::Server);
const CONFIG_SET: Spec = command("SET", "parameter", -4).group(Group::Server);
const PUBLISH: Spec = command("PUBLISH", "channel message", 3).group(Group::PubSub).flags(PUBSUB);
const PSUBSCRIBE: Spec = command("PSUBSCRIBE", "pattern+", -2).group(Group::PubSub).flags(PUBSUB);
const SUBSCRIBE: Spec = command("SUBSCRIBE", "channel+", -2).group(Group::PubSub).flags(PUBSUB);
const UNSUBSCRIBE: Spec = command("UNSUBSCRIBE", "channel+", -2).group(Group::PubSub).flags(PUBSUB);

fn catalog() -> Catalog {
    let rows: [(&str, &'static Spec, Option<usize>); 13] = [
        ("config", &CONFIG, None),
        ("config|get", &CONFIG_GET, Some(0)),
        ("config|set", &CONFIG_SET, Some(0)),
        ("get", &GET, None),
        ("set", &SET, None),
        ("exists", &EXISTS, None),
        ("mget", &MGET, None),
        ("select", &SELECT, None),
        ("auth", &AUTH, None),
        ("publish", &PUBLISH, None),
        ("psubscribe", &PSUBSCRIBE, None),
        ("subscribe", &SUBSCRIBE, None),
        ("unsubscribe", &UNSUBSCRIBE, None),
    ];
    Catalog::new(rows.into_iter().map(|(name, spec, parent)| (name.to_owned(), spec, parent)))
}

fn user_of(acl: &Acl, rules: &str) -> Result<User, String> {
    let words = rules.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes);
    acl.with_rules(b"bob", words).map_err(|text| String::from_utf8_lossy(&text).into_owned())
}

/// Holds the description of a new user with these rules.
#[track_caller]
fn check(rules: &str, expected: &str) {
    let acl = Acl::new(catalog());
    let shown = match user_of(&acl, rules) {
        Ok(user) => String::from_utf8_lossy(&user.describe()).into_owned(),
        Err(text) => text,
    };
    assert_eq!(shown.strip_prefix("off sanitize-payload ").unwrap_or(&shown), expected, "{rules}");
}

#[test]
fn rules_are_shown_as_redis_shows_them() {
    check("", "resetchannels -@all");
    check("on nopass allkeys allchannels allcommands", "on nopass sanitize-payload ~* &* +@all");
    check("skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all");
    check("~a %R~b %W~b %r~c %WR~d %RW ~a", "~a ~b %R~c ~d ~ resetchannels -@all");
    check("&x &y &x", "resetchannels &x &y -@all");
    check("+get -set +GET", "resetchannels -@all -set +get");
    check("+config|get +config|set +config", "resetchannels -@all +config");
    check("+config -config|set", "resetchannels -@all +config -config|set");
    check("+select|0 +SELECT|0 +select|1", "resetchannels -@all +select|0 +select|1");
    check("+select|0 +select", "resetchannels -@all +select");
    check("+@all -@string +@STRING", "resetchannels +@all +@string");
    check("+@all +get -@all", "resetchannels -@all");
    check(
        "+get (~x +set) ( &y ) ()",
        "resetchannels -@all +get (~x resetchannels -@all +set) (resetchannels &y -@all) (resetchannels -@all)",
    );
    check("(+get) clearselectors", "resetchannels -@all");
    check("on >a ~x +@all (+get) reset", "resetchannels -@all");
    let hash = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    check(">a >a nopass >a", &format!("#{hash} resetchannels -@all"));
    check(&format!("#{hash} <a"), "resetchannels -@all");
    check(&format!(">a !{hash}"), "resetchannels -@all");
}

#[test]
fn mistakes_in_the_words_of_redis() {
    let wrong = |rule: &str, fault: RuleFault| check(rule, &format!("Error in ACL SETUSER modifier '{rule}': {fault}"));
    for rule in ["nonsense", "%", "%~", "%RR~x", "%Rx", "+config|", "+get|", ")", "( )x", "+select|\"a\"", "(on)"] {
        if rule != "( )x" {
            wrong(rule, RuleFault::Syntax);
        }
    }
    for rule in
        ["+nope", "-nope", "+", "-", "+@", "-@nope", "+|x", "-get|x", "+get|a|b", "+config|nope", "-config|nope"]
    {
        wrong(rule, RuleFault::UnknownCommand);
    }
    wrong("+config|get|x", RuleFault::FirstArgOfSubcommand);
    wrong("<a", RuleFault::NoSuchPassword);
    wrong("#abc", RuleFault::BadHash);
    wrong("!ABC", RuleFault::BadHash);
    check("~* ~x", &format!("Error in ACL SETUSER modifier '~x': {}", RuleFault::PatternAfterAllKeys));
    check("&* &x", &format!("Error in ACL SETUSER modifier '&x': {}", RuleFault::PatternAfterAllChannels));
    check("+get (+get (+set", "Unmatched parenthesis in acl selector starting at '(+get'.");
}

/// Holds what a user with these rules may call: `None`, or why not and because of which word.
#[track_caller]
fn allows(rules: &str, call: &str, expected: Option<(Reason, usize)>) {
    let mut acl = Acl::new(catalog());
    let user = user_of(&acl, rules).expect(rules);
    let id = acl.put(b"bob", user);
    let mut request = OwnedRequest::default();
    call.split(' ').for_each(|word| request.push(word.as_bytes()));
    let words = request.args();
    let full = [words.get(0), b"|", words.get(1.min(words.len() - 1))].concat();
    let command = acl.catalog().find(&full).or_else(|| acl.catalog().find(words.get(0))).expect(call);
    let denied = acl.check(id, command, words).err().map(|denial| (denial.reason, denial.at));
    assert_eq!(denied, expected, "{rules}: {call}");
}

#[test]
fn calls_are_judged_by_command_key_and_channel() {
    const COMMAND: Option<(Reason, usize)> = Some((Reason::Command, 0));
    let key = |at| Some((Reason::Key, at));
    let channel = |at| Some((Reason::Channel, at));
    allows("", "get a", COMMAND);
    allows("", "auth x", None);
    allows("+get", "get a", key(1));
    allows("+get ~a*", "get ab", None);
    allows("+@all ~a* ~?", "mget a b abc bc", key(4));
    allows("+@all %R~a", "get a", None);
    allows("+@all %R~a", "set a 1", key(1));
    allows("+@all %R~a", "exists a", None);
    allows("+@all %W~a", "exists a", None);
    allows("+@all %W~a", "get a", key(1));
    allows("+@all %W~a", "set a 1", None);
    allows("+@all %W~a", "set a 1 GET", None);
    allows("+@all ~", "get a", key(1));
    allows("+config|get", "config get x", None);
    allows("+config|get", "config set x y", COMMAND);
    allows("+config -config|get", "config get x", COMMAND);
    allows("+config -config|get", "config set x y", None);
    allows("+select|0", "select 0", None);
    allows("+select|0", "select 1", COMMAND);
    allows("+@all -select +select|1", "select 1", None);
    allows("+@all -@string", "get a", COMMAND);
    allows("+@all", "publish c m", channel(1));
    allows("+@all &c*", "publish c1 m", None);
    allows("+@all &c*", "subscribe c1 d", channel(2));
    allows("+@all &c*", "psubscribe c*", None);
    allows("+@all &c*", "psubscribe c1", channel(1));
    allows("+@all", "unsubscribe c1", None);
    // One selector must allow all of it; what is told is how far the best of them came.
    allows("(+get ~a) (+set ~b)", "get a", None);
    allows("(+get ~a) (+set ~b)", "get b", key(1));
    allows("(+mget ~a) (+mget ~a ~b)", "mget a b c", key(3));
    allows("(+get) (~*)", "get a", key(1));
}

#[test]
fn every_key_may_be_read_by_one_selector_that_allows_the_call() {
    let may = |rules: &str| {
        let mut acl = Acl::new(catalog());
        let user = user_of(&acl, rules).expect(rules);
        let id = acl.put(b"bob", user);
        let mut request = OwnedRequest::default();
        [&b"get"[..], b"a"].iter().for_each(|word| request.push(word));
        let get = acl.catalog().find(b"get").expect("it is there");
        acl.may_read_every_key(id, get, request.args())
    };
    assert!(may("+get ~*") && may("+get ~a %R~*") && may("(+get ~a) (+get %R~*)"));
    assert!(!may("+get ~a ~v*") && !may("+get %R~a %W~*") && !may("(+get ~a) (~*)"));
}

#[test]
fn passwords() {
    let acl = Acl::new(catalog());
    let accepts = |rules: &str, password: &str| user_of(&acl, rules).expect(rules).accepts(password.as_bytes());
    assert!(accepts("on >a >b", "a") && accepts("on >a >b", "b") && !accepts("on >a >b", "c"));
    assert!(!accepts(">a", "a") && accepts("on nopass", "whatever") && !accepts("on", "") && !accepts("nopass", ""));
    assert_eq!(acl.authenticate(b"default", b"any"), Some(UserId::DEFAULT));
    assert_eq!(acl.authenticate(b"bob", b"any"), None);
}

#[test]
fn subscriptions_that_a_change_takes_away() {
    let acl = Acl::new(catalog());
    let lost = |old: &str, new: &str, channel: &str, is_pattern| {
        let (old, new) = (user_of(&acl, old).expect(old), user_of(&acl, new).expect(new));
        new.revoked_since(&old).map(|is_revoked| is_revoked(channel.as_bytes(), is_pattern))
    };
    assert_eq!(lost("&a &b*", "&a &b* &c", "zzz", false), None, "nothing was taken away");
    assert_eq!(lost("&a", "&*", "a", false), None);
    assert_eq!(lost("&a &b*", "&b*", "a", false), Some(true));
    assert_eq!(lost("&a &b*", "&b*", "b1", false), Some(false));
    assert_eq!(lost("&*", "&b*", "b*", true), Some(false));
    assert_eq!(lost("&*", "&b*", "b1", true), Some(true));
    assert_eq!(lost("&*", "(&b)", "b", false), Some(false));
}

#[test]
fn an_acl_file_is_taken_as_a_whole_or_not_at_all() {
    let acl = Acl::new(catalog());
    let text = "user alice on >x ~* +get (+set ~w )\r\n\n  user bob off  +@all\nuser \"q\"\n";
    let users = acl.parse_file("f", text.as_bytes()).expect("it is right");
    let names: Vec<_> = users.keys().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    assert_eq!(names, ["\"q\"", "alice", "bob", "default"]);
    assert!(users[DEFAULT_NAME].is_unrestricted());
    let wrong = "user x on +nope\nuser y bad ~* ~x\n# comment\nuser x on\nuser z (+get\n";
    let report = acl.parse_file("f", wrong.as_bytes()).expect_err("it is wrong");
    assert_eq!(
        String::from_utf8_lossy(&report),
        "f:1: Error in applying operation '+nope': Unknown command or category name in ACL. f:2: Syntax error. f:3 should \
         start with user keyword followed by the username. WARNING: Duplicate user 'x' found on line 4. f:5: Unmatched \
         parenthesis in selector definition.WARNING: ACL errors detected, no change to the previously active ACL rules was \
         performed"
    );
}

#[test]
fn user_lines_of_a_configuration() {
    let mut acl = Acl::new(catalog());
    let mut lines = UserLines::default();
    let mut add = |line: &str| {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        lines.add(&words, acl.catalog()).map_err(|text| String::from_utf8_lossy(&text).into_owned())
    };
    assert_eq!(add("default on >x ~a +get"), Ok(()));
    assert_eq!(add("bob on bad"), Err("Error in user declaration 'bob': Syntax error".to_owned()));
    assert_eq!(add("eve (+get"), Err("Error in user declaration 'user': Wrong format".to_owned()));
    let twice =
        "Error in user declaration 'default': Duplicate user found. A user can only be defined once in config files";
    assert_eq!(add("default"), Err(twice.to_owned()));
    assert_eq!(lines.apply(&mut acl), Ok(()));
    assert!(!acl.is_open() && !acl.user(UserId::DEFAULT).is_unrestricted());
    lines.add(&[b"mallory".to_vec(), b"+nope".to_vec()], acl.catalog()).expect("commands are looked for later");
    assert_eq!(
        lines.apply(&mut acl),
        Err("Error loading ACL rule '+nope' for the user named 'mallory': Unknown command or category name in ACL"
            .to_owned())
    );
}

/// Rules that are often right.
fn rules() -> impl Strategy<Value = Vec<String>> {
    let simple = prop::sample::select(
        "on off nopass resetpass skip-sanitize-payload sanitize-payload >a >b <a allkeys resetkeys allchannels resetchannels \
         +@all -@all ~a ~b* %R~a %W~a %RW~c ~* &x &y* &* +get -get +set -set +@string -@string +@read -@fast +@fast \
         +config -config +config|get -config|get +config|set +select|0 +select|1 +select -select +mget +@connection -@all \
         -@connection +exists|a"
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    );
    let inner = prop::collection::vec(simple.clone(), 0..5).prop_map(|rules| format!("({})", rules.join(" ")));
    prop::collection::vec(prop_oneof![8 => simple, 1 => inner, 1 => Just("clearselectors".to_owned())], 0..24)
}

proptest! {
    /// A user that is described and read again may do the same, and is described the same.
    #[test]
    fn what_is_described_is_the_same_user_again(rules in rules()) {
        let mut acl = Acl::new(catalog());
        let mut user = acl.new_user();
        for rule in &rules {
            // A rule that is wrong where it stands changes nothing.
            let mut next = user.clone();
            if next.apply(rule.as_bytes(), acl.catalog(), false).is_ok() {
                user = next;
            }
        }
        let shown = user.describe();
        let line = [b"user bob ", &shown[..]].concat();
        let mut users = acl.parse_file("f", &line).expect("what is shown can be read");
        let again = users.remove(&b"bob"[..]).expect("it is there");
        prop_assert_eq!(again.describe(), shown);
        let (first, second) = (acl.put(b"first", user), acl.put(b"second", again));
        for call in ["get a", "set b1 v", "mget a c", "config get x", "config set x y", "select 0", "select 1", "exists a",
            "publish x m", "psubscribe y*", "subscribe y1 z"] {
            let mut request = OwnedRequest::default();
            call.split(' ').for_each(|word| request.push(word.as_bytes()));
            let words = request.args();
            let full = [words.get(0), b"|", words.get(1)].concat();
            let id = acl.catalog().find(&full).or_else(|| acl.catalog().find(words.get(0))).expect("it is there");
            prop_assert_eq!(acl.check(first, id, words), acl.check(second, id, words), "{}", call);
        }
    }
}
