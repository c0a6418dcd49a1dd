//! ACL: users and what they may do. The users themselves are `acl::Acl`; what a change of them means to sessions is
//! `server::users`.

mod file;
mod inquire;
mod refused;
mod users;

use crate::commands::help::help_row;
use crate::exec::Command;
use crate::spec::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use crate::spec::{Group, Spec, command};

pub const COMMANDS: &[Command] = &[command("ACL", "", -2)
    .since("6.0.0")
    .group(Group::Server)
    .cost("Depends on the subcommand.")
    .says("Says who may do what.")
    .container(&[
        sub("CAT", "[category]", -2)
            .cost("O(1): categories and commands are a fixed set")
            .says("Lists the categories, or the commands of one.")
            .server(inquire::cat),
        admin("DELUSER", "username+", -3)
            .tips(ALL_NODES)
            .cost("O(n) over the connections")
            .says("Removes users, and closes their connections.")
            .server(users::delete),
        admin("DRYRUN", "username command [arg+]", -4)
            .since("7.0.0")
            .cost("O(1)")
            .says("Tells whether a user could make a call, without making it.")
            .server(inquire::dry_run),
        sub("GENPASS", "[bits:integer]", -2)
            .cost("O(1)")
            .says("Makes a password that cannot be guessed.")
            .server(inquire::generate_password),
        admin("GETUSER", "username", 3)
            .cost("O(n) over the user's rules")
            .says("Shows the rules of a user.")
            .server(users::get),
        admin("LIST", "", 2)
            .cost("O(n) over the users")
            .says("Shows all users as lines of an ACL file.")
            .server(users::list),
        admin("LOAD", "", 2)
            .cost("O(n) over the users")
            .says("Reads the users from the ACL file anew.")
            .server(file::load),
        admin("LOG", "[operation=count:integer|RESET]", -2)
            .cost("O(n) over the entries shown")
            .says("Shows what was refused lately, or forgets it.")
            .server(refused::log),
        admin("SAVE", "", 2)
            .tips(ALL_NODES)
            .cost("O(n) over the users")
            .says("Writes the users to the ACL file.")
            .server(file::save),
        admin("SETUSER", "username [rule+]", -3)
            .tips(ALL_NODES)
            .cost("O(n) over the rules given")
            .says("Makes a user, or changes one.")
            .server(users::set),
        admin("USERS", "", 2).cost("O(n) over the users").says("Lists the names of all users.").server(users::names),
        sub("WHOAMI", "", 2)
            .cost("O(1)")
            .says("The name of the user that the connection speaks as.")
            .server(users::own),
        help_row(Group::Server, "6.0.0"),
    ])];

const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

/// What anybody may ask.
const fn sub(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    command(name, grammar, arity).since("6.0.0").group(Group::Server).flags(NOSCRIPT | LOADING | STALE)
}

/// What is for those who look after users.
const fn admin(name: &'static str, grammar: &'static str, arity: i32) -> Spec {
    sub(name, grammar, arity).flags(ADMIN)
}
