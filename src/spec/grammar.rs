//! The notation in which a row writes its arguments, and its parser.
//!
//! ```text
//! ZADD      key [NX|XX] [GT|LT] [CH] [INCR] {score:double member}+
//! word      an argument of that name; `word:type` gives its type (string, integer, double, key, pattern, unix-time)
//! WORD      a token, typed as it stands; `WORD word` inside brackets or braces: the token with its argument
//! w<label>  its label, where clients are to show another word than its name
//! [ … ]     may be left out          { … }   belongs together         a|b   one of them
//! x+        once or more often            [name=…] {name=…}   what belongs together, or is a choice, by a name of its own
//!
//! Outside of brackets and braces `|` stands between two words; inside it parts all that is there: `[EX seconds|PX ms]`.
//! ```

/// One argument, as COMMAND DOCS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    pub name: String,
    /// What clients show, where that is not the name.
    pub label: Option<String>,
    pub kind: ArgumentKind,
    /// The token typed before the argument (or as the argument, for a pure token).
    pub token: Option<String>,
    pub optional: bool,
    pub multiple: bool,
    /// Of what is given several times, the token stands before each.
    pub repeats_token: bool,
    /// The version that brought it, where that is not the command's own.
    pub since: Option<String>,
    /// The number of its key specification, where counting the keys does not tell.
    pub key_spec: Option<u16>,
}

impl Argument {
    fn new(name: String, kind: ArgumentKind) -> Argument {
        let (label, token, since, key_spec) = (None, None, None, None);
        Argument { name, label, kind, token, optional: false, multiple: false, repeats_token: false, since, key_spec }
    }

    /// A group by the name of its first part; a single part is no group.
    fn group(mut parts: Vec<Argument>, kind: fn(Vec<Argument>) -> ArgumentKind) -> Argument {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        Argument::new(parts.first().map(|part| part.name.clone()).unwrap_or_default(), kind(parts))
    }
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
                item = Argument::group(choices, ArgumentKind::OneOf);
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
                let parts = self.alternatives(close)?;
                if self.peek() != Some(close) {
                    return Err(format!("'{}' expected at {}", close as char, self.at));
                }
                self.at += 1;
                let mut inner = Argument::group(parts, ArgumentKind::Block);
                if let Some(name) = name {
                    inner.name = name;
                }
                inner.optional |= open == b'[';
                inner
            }
            _ => self.word()?,
        };
        self.marks(&mut item)?;
        Ok(item)
    }

    /// What may stand right behind an item.
    fn marks(&mut self, item: &mut Argument) -> Result<(), String> {
        while let Some(mark @ (b'+' | b'^' | b'@' | b'#')) = self.peek() {
            self.at += 1;
            match mark {
                b'+' => item.multiple = true,
                b'^' => item.repeats_token = true,
                b'@' => item.since = Some(self.number()),
                _ => {
                    item.key_spec =
                        Some(self.number().parse().map_err(|_| format!("a number expected at {}", self.at))?)
                }
            }
        }
        Ok(())
    }

    /// Digits and points.
    fn number(&mut self) -> String {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        self.at += length;
        String::from_utf8_lossy(&rest[..length]).into_owned()
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
        let choices = choices.into_iter().map(|parts| Argument::group(parts, ArgumentKind::Block)).collect();
        Ok(vec![Argument::group(choices, ArgumentKind::OneOf)])
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
            if b" []{}|+^@#".contains(&c) {
                break;
            }
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).map_err(|e| e.to_string())?;
        if text.is_empty() {
            return Err(format!("a word expected at {start}"));
        }
        let (text, label) = match text.split_once('<').and_then(|(name, rest)| Some((name, rest.split_once('>')?))) {
            Some((name, (label, rest))) => (format!("{name}{rest}"), Some(label.to_owned())),
            None => (text.to_owned(), None),
        };
        let text = text.as_str();
        // The one token that is no word: an empty argument, written as such.
        let text = if text == "\"\"" { "" } else { text };
        let is_token = !text.bytes().any(|b| b.is_ascii_lowercase());
        let (name, kind) = match text.rsplit_once(':') {
            Some((name, kind)) => (name, ArgumentKind::Plain(kind.to_owned())),
            None if is_token => (text, ArgumentKind::PureToken),
            None => (text, ArgumentKind::Plain(if text.ends_with("key") { "key" } else { "string" }.to_owned())),
        };
        let token = matches!(kind, ArgumentKind::PureToken).then(|| text.to_owned());
        Ok(Argument { token, label, ..Argument::new(name.to_ascii_lowercase(), kind) })
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
        let [wrapped, own] = &parse("{count=ANY} {equal==}").expect("the grammar parses")[..] else { panic!() };
        assert_eq!((&*wrapped.name, wrapped.token.as_deref()), ("count", Some("ANY")));
        assert_eq!((&*own.name, own.token.as_deref()), ("equal", Some("=")));
    }

    #[test]
    fn marks_stand_behind_what_they_mark() {
        let [get, by] = &parse("[GET pattern]+^@2.0.0 BY pattern#1").expect("the grammar parses")[..] else { panic!() };
        assert!(get.optional && get.multiple && get.repeats_token);
        assert_eq!((get.token.as_deref(), get.since.as_deref()), (Some("GET"), Some("2.0.0")));
        assert_eq!((by.token.as_deref(), by.key_spec), (Some("BY"), Some(1)));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(parse("key [NX").is_err());
        assert!(parse("key ]").is_err());
    }
}
