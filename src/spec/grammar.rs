//! The notation in which a row writes its arguments, and its parser.
//!
//! ```text
//! ZADD      key [NX|XX] [GT|LT] [CH] [INCR] {score:double member}+
//! word      an argument of that name; `word:type` gives its type (string, integer, double, key, pattern, unix-time)
//! WORD      a token, typed as it stands; `WORD word` inside brackets or braces: the token with its argument
//! [ … ]     may be left out          { … }   belongs together         a|b   one of them
//! x+        once or more often            [name=…] {name=…}   what belongs together, or is a choice, by a name of its own
//!
//! Outside of brackets and braces `|` stands between two words; inside it parts all that is there: `[EX seconds|PX ms]`.
//! ```

/// One argument, as COMMAND DOCS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    pub name: String,
    pub kind: ArgumentKind,
    /// The token typed before the argument (or as the argument, for a pure token).
    pub token: Option<String>,
    pub optional: bool,
    pub multiple: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// string, integer, double, key, pattern, unix-time
    Plain(String),
    PureToken,
    OneOf(Vec<Argument>),
    Block(Vec<Argument>),
}

/// Parses a row's grammar. Errors name the place; rows are constants, so a test is where they show.
pub fn parse(grammar: &str) -> Result<Vec<Argument>, String> {
    let mut parser = Parser { text: grammar.as_bytes(), at: 0 };
    let arguments = parser.sequence(b"")?;
    if parser.at < parser.text.len() {
        return Err(format!("unexpected '{}' at {} in {grammar:?}", parser.text[parser.at] as char, parser.at));
    }
    Ok(arguments)
}

/// Least number of words that the arguments take, and whether there may be more.
pub fn words(arguments: &[Argument]) -> (usize, bool) {
    let mut least = 0;
    let mut open = false;
    for argument in arguments {
        let token = argument.token.is_some() as usize;
        let (inner, inner_open) = match &argument.kind {
            ArgumentKind::Plain(_) => (1 + token, false),
            ArgumentKind::PureToken => (1, false),
            ArgumentKind::Block(parts) => {
                let (n, o) = words(parts);
                (n + token, o)
            }
            ArgumentKind::OneOf(choices) => {
                let all: Vec<(usize, bool)> = choices.iter().map(|c| words(std::slice::from_ref(c))).collect();
                let low = all.iter().map(|x| x.0).min().unwrap_or(0);
                (low + token, all.iter().any(|x| x.1 || x.0 != low))
            }
        };
        if argument.optional {
            open = true;
        } else {
            least += inner;
            open |= inner_open || argument.multiple;
        }
    }
    (least, open)
}

/// The arity that a grammar implies for a command whose name is `name_words` words (2 for a subcommand).
pub fn arity(arguments: &[Argument], name_words: usize) -> i32 {
    let (least, open) = words(arguments);
    let total = (least + name_words) as i32;
    if open { -total } else { total }
}

struct Parser<'g> {
    text: &'g [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Items up to one of `ends` or the end of the text.
    fn sequence(&mut self, ends: &[u8]) -> Result<Vec<Argument>, String> {
        let mut items: Vec<Argument> = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None => break,
                Some(c) if ends.contains(&c) => break,
                _ => {}
            }
            let mut item = self.item()?;
            // 1. Alternatives right behind one another.
            if self.peek() == Some(b'|') && !ends.contains(&b'|') {
                let mut choices = vec![item];
                while self.peek() == Some(b'|') {
                    self.at += 1;
                    choices.push(self.item()?);
                }
                item = Argument {
                    name: choices[0].name.clone(),
                    kind: ArgumentKind::OneOf(choices),
                    token: None,
                    optional: false,
                    multiple: false,
                };
            }
            // 2. A token followed by a plain argument inside the same brackets is one argument with a token.
            let takes_token = !matches!(item.kind, ArgumentKind::PureToken) && item.token.is_none() && !item.optional;
            if let Some(last) = items.last()
                && last.kind == ArgumentKind::PureToken
                && takes_token
                && !last.optional
                && !last.multiple
            {
                item.token = last.token.clone();
                items.pop();
            }
            items.push(item);
        }
        Ok(items)
    }

    fn item(&mut self) -> Result<Argument, String> {
        self.skip_blanks();
        let mut item = match self.peek() {
            Some(open @ (b'[' | b'{')) => {
                self.at += 1;
                let close = if open == b'[' { b']' } else { b'}' };
                let name = self.group_name();
                let mut parts = self.alternatives(close)?;
                if self.peek() != Some(close) {
                    return Err(format!("'{}' expected at {}", close as char, self.at));
                }
                self.at += 1;
                let mut inner = if parts.len() == 1 {
                    parts.remove(0)
                } else {
                    Argument {
                        name: parts.first().map(|p| p.name.clone()).unwrap_or_default(),
                        kind: ArgumentKind::Block(parts),
                        token: None,
                        optional: false,
                        multiple: false,
                    }
                };
                if let Some(name) = name {
                    inner.name = name;
                }
                inner.optional |= open == b'[';
                inner
            }
            _ => self.word()?,
        };
        if self.peek() == Some(b'+') {
            self.at += 1;
            item.multiple = true;
        }
        Ok(item)
    }

    /// A sequence that may be split by `|` into alternatives of several words each.
    fn alternatives(&mut self, close: u8) -> Result<Vec<Argument>, String> {
        let mut choices = vec![self.sequence(&[close, b'|'])?];
        while self.peek() == Some(b'|') {
            self.at += 1;
            choices.push(self.sequence(&[close, b'|'])?);
        }
        if choices.len() == 1 {
            return Ok(choices.remove(0));
        }
        let choices: Vec<Argument> = choices
            .into_iter()
            .map(|mut parts| {
                if parts.len() == 1 {
                    parts.remove(0)
                } else {
                    Argument {
                        name: parts.first().map(|p| p.name.clone()).unwrap_or_default(),
                        kind: ArgumentKind::Block(parts),
                        token: None,
                        optional: false,
                        multiple: false,
                    }
                }
            })
            .collect();
        let name = choices[0].name.clone();
        Ok(vec![Argument { name, kind: ArgumentKind::OneOf(choices), token: None, optional: false, multiple: false }])
    }

    /// `name=` at the head of brackets or braces.
    fn group_name(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|&&c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-').count();
        if length == 0 || rest.get(length) != Some(&b'=') {
            return None;
        }
        self.at += length + 1;
        Some(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn word(&mut self) -> Result<Argument, String> {
        let start = self.at;
        while let Some(c) = self.peek() {
            if b" []{}|+".contains(&c) {
                break;
            }
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).map_err(|e| e.to_string())?;
        if text.is_empty() {
            return Err(format!("a word expected at {start}"));
        }
        let is_token = !text.bytes().any(|b| b.is_ascii_lowercase());
        let (name, kind) = match text.rsplit_once(':') {
            Some((name, kind)) => (name, ArgumentKind::Plain(kind.to_owned())),
            None if is_token => (text, ArgumentKind::PureToken),
            None => (text, ArgumentKind::Plain(if text.ends_with("key") { "key" } else { "string" }.to_owned())),
        };
        Ok(Argument {
            name: name.to_ascii_lowercase(),
            token: matches!(kind, ArgumentKind::PureToken).then(|| text.to_owned()),
            kind,
            optional: false,
            multiple: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(grammar: &str, name_words: usize, expected: i32) {
        assert_eq!(arity(&parse(grammar).expect("the grammar parses"), name_words), expected, "{grammar}");
    }

    #[test]
    fn arity_follows_from_the_grammar() {
        check("", 1, 1);
        check("key", 1, 2);
        check("key value [NX|XX] [GET] [EX seconds:integer|PX ms:integer|KEEPTTL]", 1, -3);
        check("key [NX|XX] [GT|LT] [CH] [INCR] {score:double member}+", 1, -4);
        check("numkeys:integer key+ LEFT|RIGHT [COUNT count:integer]", 1, -4);
        check("key BEFORE|AFTER pivot element", 1, 5);
        check("parameter+", 2, -3);
    }

    #[test]
    fn a_token_joins_the_argument_behind_it() {
        let arguments = parse("key [COUNT count:integer]").expect("the grammar parses");
        assert_eq!(arguments[1].token.as_deref(), Some("COUNT"));
        assert_eq!(arguments[1].kind, ArgumentKind::Plain("integer".to_owned()));
        assert!(arguments[1].optional);
    }

    #[test]
    fn inside_brackets_whole_alternatives_are_apart() {
        let arguments = parse("[EX seconds:integer|PX ms:integer|KEEPTTL] LEFT|RIGHT").expect("the grammar parses");
        let ArgumentKind::OneOf(choices) = &arguments[0].kind else { panic!("{:?}", arguments[0]) };
        let tokens: Vec<_> = choices.iter().map(|choice| choice.token.as_deref()).collect();
        assert_eq!(tokens, [Some("EX"), Some("PX"), Some("KEEPTTL")]);
        assert_eq!(choices[1].kind, ArgumentKind::Plain("integer".to_owned()));
        assert!(matches!(&arguments[1].kind, ArgumentKind::OneOf(choices) if choices.len() == 2));
    }

    #[test]
    fn a_group_may_have_a_name() {
        let arguments = parse("{data=key value}+ [condition=NX|XX]").expect("the grammar parses");
        assert_eq!([&*arguments[0].name, &*arguments[1].name], ["data", "condition"]);
        assert!(arguments[0].multiple && arguments[1].optional);
        assert_eq!(parse("{key value}+").expect("the grammar parses")[0].name, "key");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(parse("key [NX").is_err());
        assert!(parse("key ]").is_err());
    }
}
