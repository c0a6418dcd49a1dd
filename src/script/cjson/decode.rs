//! JSON as Lua values.

use mlua::{Lua, Table, Value};

use super::{DEPTH_MAX, Settings};
use crate::script::number::read_number;
use crate::script::raise::fail;

/// The value of a JSON text.
pub fn decode(lua: &Lua, settings: &Settings, text: &[u8]) -> mlua::Result<Value> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(fail(lua, "JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut parser = Parser { lua, settings, text, at: 0, depth: 0, string: Vec::new() };
    let first = parser.next();
    let value = parser.value(first)?;
    let last = parser.next();
    if last.kind != Kind::End {
        return Err(parser.unexpected("the end", last));
    }
    Ok(value)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Its bytes are in `Parser::string`.
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Bad(&'static str),
}

#[derive(Clone, Copy)]
struct Token {
    kind: Kind,
    /// Where it begins; for a bad one, where it went wrong.
    at: usize,
}

struct Parser<'p> {
    lua: &'p Lua,
    settings: &'p Settings,
    text: &'p [u8],
    at: usize,
    depth: i64,
    string: Vec<u8>,
}

impl Parser<'_> {
    /// The byte at `index`; a zero byte ends the text, as in C.
    fn byte(&self, index: usize) -> u8 {
        self.text.get(index).copied().unwrap_or(0)
    }

    fn unexpected(&self, expected: &str, token: Token) -> mlua::Error {
        let found = match token.kind {
            Kind::Bad(why) => why,
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::String => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Boolean(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
        };
        fail(self.lua, format!("Expected {expected} but found {found} at character {}", token.at + 1))
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let single = match self.byte(at) {
            0 => return Token { kind: Kind::End, at },
            b'{' => Some(Kind::ObjectBegin),
            b'}' => Some(Kind::ObjectEnd),
            b'[' => Some(Kind::ArrayBegin),
            b']' => Some(Kind::ArrayEnd),
            b',' => Some(Kind::Comma),
            b':' => Some(Kind::Colon),
            _ => None,
        };
        if let Some(kind) = single {
            self.at += 1;
            return Token { kind, at };
        }
        let rest = &self.text[at..];
        let kind = match rest[0] {
            b'"' => self.string_token(),
            b'-' | b'0'..=b'9' if !self.settings.decode_invalid && is_invalid_number(rest) => {
                Kind::Bad("invalid number")
            }
            b'-' | b'0'..=b'9' => self.number_token(),
            b't' if rest.starts_with(b"true") => self.word(4, Kind::Boolean(true)),
            b'f' if rest.starts_with(b"false") => self.word(5, Kind::Boolean(false)),
            b'n' if rest.starts_with(b"null") => self.word(4, Kind::Null),
            b'+' | b'i' | b'I' | b'n' | b'N' if self.settings.decode_invalid && is_invalid_number(rest) => {
                self.number_token()
            }
            _ => Kind::Bad("invalid token"),
        };
        let at = if matches!(kind, Kind::Bad(_)) { self.at } else { at };
        Token { kind, at }
    }

    fn word(&mut self, bytes: usize, kind: Kind) -> Kind {
        self.at += bytes;
        kind
    }

    fn number_token(&mut self) -> Kind {
        match read_number(&self.text[self.at..]) {
            (_, 0) => Kind::Bad("invalid number"),
            (number, taken) => self.word(taken, Kind::Number(number)),
        }
    }

    /// A string; its bytes go to `self.string`.
    fn string_token(&mut self) -> Kind {
        self.at += 1;
        self.string.clear();
        loop {
            match self.byte(self.at) {
                b'"' => break,
                0 => return Kind::Bad("unexpected end of string"),
                b'\\' => {
                    let plain = match self.byte(self.at + 1) {
                        b'u' => {
                            if !self.unicode_escape() {
                                return Kind::Bad("invalid unicode escape code");
                            }
                            continue;
                        }
                        byte @ (b'"' | b'\\' | b'/') => byte,
                        b'b' => 0x08,
                        b't' => b'\t',
                        b'n' => b'\n',
                        b'f' => 0x0c,
                        b'r' => b'\r',
                        _ => return Kind::Bad("invalid escape code"),
                    };
                    self.string.push(plain);
                    self.at += 2;
                }
                byte => {
                    self.string.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Kind::String
    }

    fn hexadecimal(&self, at: usize) -> Option<u32> {
        (at..at + 4).try_fold(0, |code, i| Some(code << 4 | char::from(self.byte(i)).to_digit(16)?))
    }

    /// `\uXXXX`, or two of them for a character beyond 16 bits.
    fn unicode_escape(&mut self) -> bool {
        let Some(mut code) = self.hexadecimal(self.at + 2) else { return false };
        let mut taken = 6;
        if code & 0xF800 == 0xD800 {
            let is_paired = code & 0x400 == 0 && self.byte(self.at + 6) == b'\\' && self.byte(self.at + 7) == b'u';
            let low = if is_paired { self.hexadecimal(self.at + 8) } else { None };
            let Some(low) = low.filter(|low| low & 0xFC00 == 0xDC00) else { return false };
            code = ((code & 0x3FF) << 10 | low & 0x3FF) + 0x10000;
            taken = 12;
        }
        let Some(character) = char::from_u32(code) else { return false };
        self.string.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += taken;
        true
    }

    fn value(&mut self, token: Token) -> mlua::Result<Value> {
        Ok(match token.kind {
            Kind::String => Value::String(self.lua.create_string(&self.string)?),
            Kind::Number(number) => Value::Number(number),
            Kind::Boolean(value) => Value::Boolean(value),
            Kind::Null => Value::NULL,
            Kind::ObjectBegin => Value::Table(self.object()?),
            Kind::ArrayBegin => Value::Table(self.array()?),
            _ => return Err(self.unexpected("value", token)),
        })
    }

    fn descend(&mut self) -> mlua::Result<()> {
        self.depth += 1;
        if self.depth <= self.settings.decode_depth_max.min(DEPTH_MAX) {
            return Ok(());
        }
        let (depth, at) = (self.depth, self.at);
        Err(fail(self.lua, format!("Found too many nested data structures ({depth}) at character {at}")))
    }

    fn object(&mut self) -> mlua::Result<Table> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        while token.kind != Kind::ObjectEnd {
            if token.kind != Kind::String {
                return Err(self.unexpected("object key string", token));
            }
            let key = self.lua.create_string(&self.string)?;
            let colon = self.next();
            if colon.kind != Kind::Colon {
                return Err(self.unexpected("colon", colon));
            }
            let begin = self.next();
            let value = self.value(begin)?;
            table.raw_set(key, value)?;
            token = self.next();
            match token.kind {
                Kind::ObjectEnd => {}
                Kind::Comma => {
                    token = self.next();
                    // A comma promises another member.
                    if token.kind == Kind::ObjectEnd {
                        return Err(self.unexpected("object key string", token));
                    }
                }
                _ => return Err(self.unexpected("comma or object end", token)),
            }
        }
        self.depth -= 1;
        Ok(table)
    }

    fn array(&mut self) -> mlua::Result<Table> {
        self.descend()?;
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if token.kind == Kind::ArrayEnd {
            self.depth -= 1;
            return Ok(table);
        }
        for index in 1.. {
            let value = self.value(token)?;
            table.raw_set(index, value)?;
            token = self.next();
            match token.kind {
                Kind::ArrayEnd => break,
                Kind::Comma => token = self.next(),
                _ => return Err(self.unexpected("comma or array end", token)),
            }
        }
        self.depth -= 1;
        Ok(table)
    }
}

/// Numbers that JSON does not have: with a plus, hexadecimal, with leading zeros, infinities and NaN.
fn is_invalid_number(text: &[u8]) -> bool {
    if text[0] == b'+' {
        return true;
    }
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let at = |i: usize| digits.get(i).copied().unwrap_or(0);
    match at(0) {
        b'0' => at(1) | 0x20 == b'x' || at(1).is_ascii_digit(),
        0..=b'9' => false,
        _ => {
            digits.len() >= 3 && (digits[..3].eq_ignore_ascii_case(b"inf") || digits[..3].eq_ignore_ascii_case(b"nan"))
        }
    }
}
