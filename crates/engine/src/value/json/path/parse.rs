//! Reads paths of the `$` syntax.

use super::{
    NESTING_MAX, Selector, Step,
    filter::{Comparison, Filter, Operand, pattern},
};
use crate::value::json::Json;

/// What is wrong with a path: where, and what should stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathFault {
    position: usize,
    expected: &'static str,
}

impl PathFault {
    pub(super) fn not_utf8() -> PathFault {
        PathFault { position: 0, expected: "UTF-8" }
    }

    /// In the words of RedisJSON.
    pub(crate) fn text(&self) -> String {
        format!("Error occurred on position {}, expected {}", self.position, self.expected)
    }
}

/// Reads a whole path that begins with `$`.
pub(super) fn path(text: &str) -> Result<Vec<Step>, PathFault> {
    let mut reader = Reader { text, at: 0, nesting: 0 };
    reader.expect("$", "'$'")?;
    let steps = reader.steps()?;
    if reader.rest().is_empty() { Ok(steps) } else { reader.fault("'.' or '['") }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    nesting: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn fault<T>(&self, expected: &'static str) -> Result<T, PathFault> {
        Err(PathFault { position: self.at, expected })
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), PathFault> {
        if self.take(token) { Ok(()) } else { self.fault(expected) }
    }

    fn spaces(&mut self) {
        while self.rest().starts_with([' ', '\t', '\r', '\n']) {
            self.at += 1;
        }
    }

    /// Runs `read` one level deeper.
    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'t>) -> Result<T, PathFault>,
    ) -> Result<T, PathFault> {
        if self.nesting >= NESTING_MAX {
            return self.fault("less nesting");
        }
        self.nesting += 1;
        let outcome = read(self);
        self.nesting -= 1;
        outcome
    }

    /// As many steps as there are.
    fn steps(&mut self) -> Result<Vec<Step>, PathFault> {
        let mut steps = Vec::new();
        loop {
            self.spaces();
            let deep = self.take("..");
            let dotted = deep || self.take(".");
            self.spaces();
            let selector = if self.rest().starts_with('[') {
                self.nested(Reader::bracket)?
            } else if !dotted {
                return Ok(steps);
            } else if self.take("*") {
                Selector::All
            } else {
                Selector::Name(self.name()?)
            };
            steps.push(Step { deep, selector });
        }
    }

    /// A name without quotes.
    fn name(&mut self) -> Result<Box<str>, PathFault> {
        let part_of_name =
            |char: char| char.is_alphanumeric() || !char.is_ascii() || "_-$^:+/%~#".contains(char);
        let rest = self.rest();
        let end = rest.find(|char| !part_of_name(char)).unwrap_or(rest.len());
        if end == 0 {
            return self.fault("a name, '*' or '['");
        }
        self.at += end;
        Ok(rest[..end].into())
    }

    fn bracket(&mut self) -> Result<Selector, PathFault> {
        self.expect("[", "'['")?;
        self.spaces();
        let selector = if self.take("*") {
            Selector::All
        } else if self.take("?") {
            self.spaces();
            Selector::Filter(Box::new(self.any()?))
        } else if self.rest().starts_with(['"', '\'']) {
            self.names()?
        } else {
            self.indexes()?
        };
        self.spaces();
        self.expect("]", "']'")?;
        Ok(selector)
    }

    fn names(&mut self) -> Result<Selector, PathFault> {
        let mut names = vec![self.quoted()?.into_boxed_str()];
        loop {
            self.spaces();
            if !self.take(",") {
                break;
            }
            self.spaces();
            names.push(self.quoted()?.into_boxed_str());
        }
        Ok(match names.len() {
            1 => Selector::Name(names.remove(0)),
            _ => Selector::Names(names),
        })
    }

    fn indexes(&mut self) -> Result<Selector, PathFault> {
        let first = self.index()?;
        self.spaces();
        if self.take(":") {
            self.spaces();
            let end = self.index()?;
            self.spaces();
            let mut step = 1;
            if self.take(":") {
                self.spaces();
                if let Some(wanted) = self.index()? {
                    step = u64::try_from(wanted).or_else(|_| self.fault("a positive step"))?;
                }
            }
            return Ok(Selector::Slice { start: first, end, step });
        }
        let Some(first) = first else { return self.fault("a name, an index, '*', ':' or '?'") };
        let mut indexes = vec![first];
        while self.take(",") {
            self.spaces();
            match self.index()? {
                Some(index) => indexes.push(index),
                None => return self.fault("an index"),
            }
            self.spaces();
        }
        Ok(if indexes.len() == 1 { Selector::Index(first) } else { Selector::Indexes(indexes) })
    }

    /// An integer, if one stands there.
    fn index(&mut self) -> Result<Option<i64>, PathFault> {
        let rest = self.rest();
        let digits = rest.strip_prefix('-').unwrap_or(rest);
        let count = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
        if count == 0 {
            return if digits.len() < rest.len() { self.fault("a digit") } else { Ok(None) };
        }
        let text = &rest[..rest.len() - digits.len() + count];
        let Ok(index) = text.parse() else { return self.fault("a smaller index") };
        self.at += text.len();
        Ok(Some(index))
    }

    /// A text in either kind of quotes.
    fn quoted(&mut self) -> Result<String, PathFault> {
        let Some(quote @ ('"' | '\'')) = self.rest().chars().next() else { return self.fault("quotes") };
        self.at += 1;
        let mut text = String::new();
        while let Some(char) = self.rest().chars().next() {
            self.at += char.len_utf8();
            match char {
                char if char == quote => return Ok(text),
                '\\' => text.push(self.escaped()?),
                char => text.push(char),
            }
        }
        self.fault("a quote")
    }

    /// What stands for one character behind a backslash.
    fn escaped(&mut self) -> Result<char, PathFault> {
        let Some(char) = self.rest().chars().next() else { return self.fault("an escape") };
        self.at += char.len_utf8();
        Ok(match char {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let digits = self.rest().get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let Some(char) = digits.and_then(char::from_u32) else {
                    return self.fault("four hex digits");
                };
                self.at += 4;
                char
            }
            other => other,
        })
    }

    fn any(&mut self) -> Result<Filter, PathFault> {
        let mut filters = vec![self.all()?];
        while self.operator("||") {
            filters.push(self.all()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::Any(filters) })
    }

    fn all(&mut self) -> Result<Filter, PathFault> {
        let mut filters = vec![self.condition()?];
        while self.operator("&&") {
            filters.push(self.condition()?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::All(filters) })
    }

    fn operator(&mut self, token: &str) -> bool {
        self.spaces();
        let found = self.take(token);
        if found {
            self.spaces();
        }
        found
    }

    fn condition(&mut self) -> Result<Filter, PathFault> {
        self.spaces();
        if self.take("(") {
            return self.nested(|reader| {
                let filter = reader.any()?;
                reader.spaces();
                reader.expect(")", "')'")?;
                Ok(filter)
            });
        }
        if self.rest().starts_with('!') && !self.rest().starts_with("!=") {
            self.at += 1;
            return self.nested(|reader| Ok(Filter::Not(Box::new(reader.condition()?))));
        }
        let left = self.operand()?;
        self.spaces();
        if self.take("=~") {
            self.spaces();
            let right = match self.operand()? {
                Operand::Literal(Json::Text(text)) => Operand::Pattern(pattern(&text)),
                operand => operand,
            };
            return Ok(Filter::Matches(left, right));
        }
        const COMPARISONS: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (token, how) in COMPARISONS {
            if self.take(token) {
                self.spaces();
                return Ok(Filter::Compare(left, how, self.operand()?));
            }
        }
        Ok(Filter::Exists(left))
    }

    fn operand(&mut self) -> Result<Operand, PathFault> {
        if self.take("@") {
            return Ok(Operand::Here(self.nested(Reader::steps)?));
        }
        if self.take("$") {
            return Ok(Operand::Root(self.nested(Reader::steps)?));
        }
        if self.rest().starts_with(['"', '\'']) {
            return Ok(Operand::Literal(Json::Text(self.quoted()?.into_boxed_str())));
        }
        for (word, value) in [("true", Json::Bool(true)), ("false", Json::Bool(false)), ("null", Json::Null)]
        {
            if self.take(word) {
                return Ok(Operand::Literal(value));
            }
        }
        let rest = self.rest();
        let end =
            rest.find(|char: char| !char.is_ascii_digit() && !"+-.eE".contains(char)).unwrap_or(rest.len());
        match crate::value::json::parse(&rest.as_bytes()[..end]) {
            Ok(number) => {
                self.at += end;
                Ok(Operand::Literal(number))
            }
            Err(_) => self.fault("'@', '$', a number, a text, true, false or null"),
        }
    }
}
