//! Arguments as people write them, as in the manual: `key value [NX | XX] [EX seconds | PX milliseconds]`, `key [key ...]`.

use super::grammar::{Argument, ArgumentKind};

/// The arguments of a command in one line.
pub fn syntax(arguments: &[Argument]) -> String {
    joined(arguments, " ")
}

fn joined(arguments: &[Argument], between: &str) -> String {
    arguments.iter().map(one).collect::<Vec<_>>().join(between)
}

fn one(argument: &Argument) -> String {
    let body = match &argument.kind {
        ArgumentKind::Plain(_) => argument.name.clone(),
        ArgumentKind::PureToken => String::new(),
        ArgumentKind::Block(parts) => joined(parts, " "),
        // The brackets of what may be left out part it from the rest; a choice that must be made has its own.
        ArgumentKind::OneOf(choices) if argument.optional && argument.token.is_none() => joined(choices, " | "),
        ArgumentKind::OneOf(choices) => format!("<{}>", joined(choices, " | ")),
    };
    let token = argument.token.as_deref().map(|token| if token.is_empty() { "\"\"" } else { token });
    let with_token = match token {
        Some(token) if body.is_empty() => token.to_owned(),
        Some(token) => format!("{token} {body}"),
        None => body.clone(),
    };
    let whole = match (argument.multiple, argument.repeats_token) {
        (true, true) => format!("{with_token} [{with_token} ...]"),
        (true, false) => format!("{with_token} [{body} ...]"),
        (false, _) => with_token,
    };
    if argument.optional { format!("[{whole}]") } else { whole }
}

#[cfg(test)]
mod tests {
    use super::super::grammar::parse;
    use super::*;

    #[track_caller]
    fn check(grammar: &str, expected: &str) {
        assert_eq!(syntax(&parse(grammar).expect("the grammar parses")), expected);
    }

    #[test]
    fn arguments_as_people_write_them() {
        check("key value [condition=NX|XX]@2.6.12 [GET]@6.2.0", "key value [NX | XX] [GET]");
        check("key [SAMPLES count:integer]", "key [SAMPLES count]");
        check("[event+]", "[event [event ...]]");
        check("{data=parameter value}+", "parameter value [parameter value ...]");
        check("source:key LEFT|RIGHT", "source <LEFT | RIGHT>");
        check(
            "[GET pattern]+^ [LIMIT {limit=offset:integer count:integer}]",
            "[GET pattern [GET pattern ...]] [LIMIT offset count]",
        );
        check("[EX seconds:integer|KEEPTTL]", "[EX seconds | KEEPTTL]");
    }
}
