//! Users whose rules change while they are about: in a transaction, waiting, listening, or gone.

use super::harness::Engine;

const CHANGED: &str = "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
                       command is no longer allowed for the following reason: ";

#[test]
fn what_was_queued_is_asked_again_at_exec() {
    let mut engine = Engine::new();
    let (admin, bob) = (engine.connect(), engine.connect());
    engine.ask(admin, "ACL SETUSER bob on nopass +@all ~* &*");
    engine.ask(bob, "AUTH bob x");
    for line in ["MULTI", "SET k v", "GET k", "PUBLISH c m", "PING"] {
        engine.ask(bob, line);
    }
    engine.ask(admin, "ACL SETUSER bob -set resetkeys resetchannels");
    let expected = format!(
        "*4\r\n{CHANGED}no permission to execute the command or subcommand\r\n{CHANGED}no permission to touch the specified \
         keys\r\n{CHANGED}no permission to access one of the channels used as arguments\r\n+PONG\r\n"
    );
    assert_eq!(engine.ask(bob, "EXEC"), expected);
    let counts = engine.server.acl.log.counts();
    assert_eq!((counts.command, counts.key, counts.channel), (1, 1, 1));
    // The log shows the client as it was: inside a transaction of so many commands, which is over now.
    assert!(engine.ask(admin, "ACL LOG 1").contains("flags=x db=0 sub=0 psub=0 ssub=0 multi=4 watch=0"));
    assert!(engine.ask(admin, "CLIENT LIST USER bob").contains("flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0"));
}

#[test]
fn who_waits_is_asked_again_when_the_key_comes() {
    let mut engine = Engine::new();
    let (admin, bob) = (engine.connect(), engine.connect());
    engine.ask(admin, "ACL SETUSER bob on nopass +@all ~*");
    engine.ask(bob, "AUTH bob x");
    assert_eq!(engine.ask(bob, "BLPOP list 0"), "");
    engine.ask(admin, "ACL SETUSER bob resetkeys");
    engine.ask(admin, "RPUSH list a");
    assert_eq!(engine.replies(bob), b"-NOPERM No permissions to access a key\r\n");
    assert_eq!(engine.ask(admin, "LLEN list"), ":1\r\n");
    assert_eq!(engine.ask(bob, "PING"), "+PONG\r\n");
}

#[test]
fn subscribers_go_with_the_right_to_their_channel() {
    let mut engine = Engine::new();
    let (admin, kept, lost) = (engine.connect(), engine.connect(), engine.connect());
    engine.ask(admin, "ACL SETUSER bob on nopass +@all &a &b*");
    for (session, line) in [(kept, "SUBSCRIBE b1"), (lost, "SUBSCRIBE a")] {
        engine.ask(session, "AUTH bob x");
        engine.ask(session, line);
    }
    engine.ask(admin, "ACL SETUSER bob &c");
    assert!(engine.is_open(kept) && engine.is_open(lost));
    engine.ask(admin, "ACL SETUSER bob resetchannels &b*");
    assert!(engine.is_open(kept) && !engine.is_open(lost));
}

#[test]
fn sessions_of_a_user_that_is_removed_are_closed() {
    let mut engine = Engine::new();
    let (admin, bob, own) = (engine.connect(), engine.connect(), engine.connect());
    engine.ask(admin, "ACL SETUSER bob on nopass +@all");
    engine.ask(bob, "AUTH bob x");
    engine.ask(own, "AUTH bob x");
    assert_eq!(engine.ask(own, "ACL DELUSER bob nobody"), ":1\r\n", "who asked gets the answer");
    assert!(!engine.is_open(bob) && !engine.is_open(own) && engine.is_open(admin));
    // The number of the user that went goes to the next.
    engine.ask(admin, "ACL SETUSER eve on nopass");
    assert_eq!(engine.ask(admin, "ACL WHOAMI"), "$7\r\ndefault\r\n");
}

#[test]
fn a_script_may_call_what_its_caller_may() {
    let mut engine = Engine::new();
    let (admin, bob) = (engine.connect(), engine.connect());
    engine.ask(admin, "ACL SETUSER bob on nopass +@all -incr ~k");
    engine.ask(bob, "AUTH bob x");
    let denied = engine.ask(bob, "EVAL \"return redis.pcall('incr','k')\" 0");
    assert_eq!(denied, "-ERR ACL failure in script: User bob has no permissions to run the 'incr' command\r\n");
    let asked = engine.ask(bob, "EVAL \"return {redis.acl_check_cmd('get','k'), redis.acl_check_cmd('get','x')}\" 0");
    assert_eq!(asked, "*2\r\n:1\r\n$-1\r\n");
    assert_eq!(engine.ask(bob, "EVAL \"return redis.call('set','k','v')\" 0"), "+OK\r\n");
}

#[test]
fn sort_follows_patterns_only_for_who_may_read_every_key() {
    let mut engine = Engine::new();
    let (admin, bob) = (engine.connect(), engine.connect());
    engine.ask(admin, "RPUSH l 2 1");
    engine.ask(admin, "ACL SETUSER bob on nopass +sort +eval +multi +exec ~l");
    engine.ask(bob, "AUTH bob x");
    let denied = "-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n";
    assert_eq!(engine.ask(bob, "SORT l"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    assert_eq!(engine.ask(bob, "SORT l BY w*"), denied);
    assert_eq!(engine.ask(bob, "EVAL \"return redis.pcall('sort','l','by','w*')\" 1 l"), denied);
    assert!(engine.ask(bob, "SORT l BY nosort GET #").starts_with("-ERR GET option of SORT denied"));
    engine.ask(admin, "ACL SETUSER bob %R~*");
    assert_eq!(engine.ask(bob, "SORT l BY w*"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    for line in ["MULTI", "SORT l BY w*"] {
        engine.ask(bob, line);
    }
    engine.ask(admin, "ACL SETUSER bob resetkeys ~l");
    assert_eq!(engine.ask(bob, "EXEC"), format!("*1\r\n{denied}"), "what counts is what holds when it runs");
}

#[test]
fn a_default_user_that_is_off_lets_nobody_new_in() {
    let mut engine = Engine::new();
    let admin = engine.connect();
    engine.ask(admin, "ACL SETUSER bob on >secret +ping");
    engine.ask(admin, "ACL SETUSER default off");
    let stranger = engine.connect();
    engine.server.reset_session_user(stranger);
    assert_eq!(engine.ask(stranger, "PING"), "-NOAUTH Authentication required.\r\n");
    assert_eq!(
        engine.ask(stranger, "AUTH bob wrong"),
        "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
    );
    assert_eq!(engine.ask(stranger, "AUTH bob secret"), "+OK\r\n");
    assert_eq!(engine.ask(stranger, "PING"), "+PONG\r\n");
    assert_eq!(engine.ask(stranger, "GET k"), "-NOPERM User bob has no permissions to run the 'get' command\r\n");
    assert_eq!(engine.ask(admin, "PING"), "+PONG\r\n", "who is in stays in");
}
