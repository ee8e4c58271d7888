//! From JSON to Lua.

use mlua::{Lua, Value};

use super::{Config, NESTED_MAX};
use crate::raise::positioned;

/// Reads a whole text.
pub(super) fn decode(lua: &Lua, config: &Config, text: &[u8]) -> mlua::Result<Value> {
    if text.len() >= 2 && text[..2].contains(&0) {
        return Err(positioned(lua, "JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut parser = Parser { lua, config, text, at: 0, depth: 0 };
    let token = parser.next();
    let value = parser.value(token)?;
    match parser.next() {
        Token { kind: Kind::End, .. } => Ok(value),
        token => Err(parser.expected("the end", &token)),
    }
}

struct Parser<'a> {
    lua: &'a Lua,
    config: &'a Config,
    text: &'a [u8],
    at: usize,
    depth: i64,
}

struct Token {
    kind: Kind,
    at: usize,
}

enum Kind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::ObjectBegin => "T_OBJ_BEGIN",
            Kind::ObjectEnd => "T_OBJ_END",
            Kind::ArrayBegin => "T_ARR_BEGIN",
            Kind::ArrayEnd => "T_ARR_END",
            Kind::Text(_) => "T_STRING",
            Kind::Number(_) => "T_NUMBER",
            Kind::Boolean(_) => "T_BOOLEAN",
            Kind::Null => "T_NULL",
            Kind::Colon => "T_COLON",
            Kind::Comma => "T_COMMA",
            Kind::End => "T_END",
            Kind::Error(problem) => problem,
        }
    }
}

impl Parser<'_> {
    fn expected(&self, wanted: &str, token: &Token) -> mlua::Error {
        let found = token.kind.name();
        positioned(self.lua, format!("Expected {wanted} but found {found} at character {}", token.at + 1))
    }

    fn value(&mut self, token: Token) -> mlua::Result<Value> {
        match token.kind {
            Kind::Text(text) => Ok(Value::String(self.lua.create_string(text)?)),
            Kind::Number(number) => Ok(Value::Number(number)),
            Kind::Boolean(value) => Ok(Value::Boolean(value)),
            Kind::Null => Ok(Value::NULL),
            Kind::ObjectBegin => self.nested(Self::object),
            Kind::ArrayBegin => self.nested(Self::array),
            _ => Err(self.expected("value", &token)),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> mlua::Result<Value>) -> mlua::Result<Value> {
        self.depth += 1;
        if self.depth > self.config.decode_depth.min(NESTED_MAX) {
            let text =
                format!("Found too many nested data structures ({}) at character {}", self.depth, self.at);
            return Err(positioned(self.lua, text));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if matches!(token.kind, Kind::ObjectEnd) {
            return Ok(Value::Table(table));
        }
        loop {
            let Kind::Text(key) = token.kind else { return Err(self.expected("object key string", &token)) };
            let colon = self.next();
            if !matches!(colon.kind, Kind::Colon) {
                return Err(self.expected("colon", &colon));
            }
            let first = self.next();
            let value = self.value(first)?;
            table.raw_set(self.lua.create_string(key)?, value)?;
            token = self.next();
            match token.kind {
                Kind::ObjectEnd => return Ok(Value::Table(table)),
                Kind::Comma => token = self.next(),
                _ => return Err(self.expected("comma or object end", &token)),
            }
        }
    }

    fn array(&mut self) -> mlua::Result<Value> {
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if matches!(token.kind, Kind::ArrayEnd) {
            return Ok(Value::Table(table));
        }
        for index in 1_i64.. {
            let value = self.value(token)?;
            table.raw_set(index, value)?;
            token = self.next();
            match token.kind {
                Kind::ArrayEnd => break,
                Kind::Comma => token = self.next(),
                _ => return Err(self.expected("comma or array end", &token)),
            }
        }
        Ok(Value::Table(table))
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(0), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let single = match self.byte(0) {
            b'{' => Some(Kind::ObjectBegin),
            b'}' => Some(Kind::ObjectEnd),
            b'[' => Some(Kind::ArrayBegin),
            b']' => Some(Kind::ArrayEnd),
            b':' => Some(Kind::Colon),
            b',' => Some(Kind::Comma),
            _ => None,
        };
        if let Some(kind) = single {
            self.at += 1;
            return Token { kind, at };
        }
        let kind = match self.byte(0) {
            0 => Kind::End,
            b'"' => match self.string() {
                Ok(text) => Kind::Text(text),
                Err(problem) => return Token { kind: Kind::Error(problem), at: self.at },
            },
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        };
        Token { kind, at }
    }

    fn word(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        for (word, kind) in
            [(&b"true"[..], Kind::Boolean(true)), (b"false", Kind::Boolean(false)), (b"null", Kind::Null)]
        {
            if rest.starts_with(word) {
                self.at += word.len();
                return kind;
            }
        }
        if self.config.decode_invalid && is_invalid_number(rest) {
            return self.number();
        }
        Kind::Error("invalid token")
    }

    fn number(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        if !self.config.decode_invalid && is_invalid_number(rest) {
            return Kind::Error("invalid number");
        }
        match number_prefix(rest) {
            Some((number, length)) => {
                self.at += length;
                Kind::Number(number)
            }
            None => Kind::Error("invalid number"),
        }
    }

    fn string(&mut self) -> Result<Vec<u8>, &'static str> {
        let mut out = Vec::new();
        self.at += 1;
        loop {
            match self.byte(0) {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                0 => return Err("unexpected end of string"),
                b'\\' if self.byte(1) == b'u' => {
                    self.unicode(&mut out).ok_or("invalid unicode escape code")?
                }
                b'\\' => {
                    out.push(match self.byte(1) {
                        b'b' => 8,
                        b'f' => 12,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        plain @ (b'"' | b'\\' | b'/') => plain,
                        _ => return Err("invalid escape code"),
                    });
                    self.at += 2;
                }
                byte => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn unicode(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let first = self.hex(2)?;
        let (point, length) = match first {
            0xd800..=0xdbff => {
                if (self.byte(6), self.byte(7)) != (b'\\', b'u') {
                    return None;
                }
                let second = self.hex(8).filter(|second| (0xdc00..=0xdfff).contains(second))?;
                (0x10000 + ((first & 0x3ff) << 10 | (second & 0x3ff)), 12)
            }
            other => (other, 6),
        };
        let letter = char::from_u32(point)?;
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += length;
        Some(())
    }

    fn hex(&self, ahead: usize) -> Option<u32> {
        (0..4)
            .try_fold(0, |value, digit| Some(value << 4 | char::from(self.byte(ahead + digit)).to_digit(16)?))
    }
}

/// Whether this is a number for C, but not for JSON.
fn is_invalid_number(text: &[u8]) -> bool {
    let digits = match text.first() {
        Some(b'+') => return true,
        Some(b'-') => &text[1..],
        _ => text,
    };
    let byte = |index: usize| digits.get(index).copied().unwrap_or(0);
    match byte(0) {
        b'0' => matches!(byte(1), b'x' | b'X' | b'0'..=b'9'),
        b'1'..=b'9' => false,
        _ => {
            let word = digits.get(..3).unwrap_or_default();
            word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
        }
    }
}

/// The number at the beginning of a text, as `strtod` reads it, and its length.
fn number_prefix(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let negative = text.first() == Some(&b'-');
    let signed = |value: f64| if negative { -value } else { value };
    let rest = &text[sign..];
    let starts = |word: &[u8]| rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if starts(b"infinity") {
        return Some((signed(f64::INFINITY), sign + 8));
    }
    if starts(b"inf") {
        return Some((signed(f64::INFINITY), sign + 3));
    }
    if starts(b"nan") {
        return Some((signed(f64::NAN), sign + 3));
    }
    if starts(b"0x") {
        let digits = rest[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > 0 {
            let value = rest[2..2 + digits].iter().fold(0.0, |value, digit| {
                value * 16.0 + f64::from(char::from(*digit).to_digit(16).unwrap_or_default())
            });
            return Some((signed(value), sign + 2 + digits));
        }
    }
    let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(0);
    let mut end = whole;
    if rest.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if end == 0 {
        return None;
    }
    if matches!(rest.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits((end + 1 + sign).min(rest.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let text = std::str::from_utf8(&rest[..end]).ok()?;
    Some((signed(text.parse().ok()?), sign + end))
}
