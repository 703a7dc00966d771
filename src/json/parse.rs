//! A parser for JSON (RFC 8259) that gives no name a special meaning.

use serde_json::{Map, Number, Value};

/// Deepest nesting that [`parse`] reads: deeper than anything that is sealed, and shallow enough for
/// those who walk the value recursively.
const MAX_DEPTH: usize = 1024;

/// Text that is not JSON, or not JSON that can be trusted to mean one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (line {line}, column {column})")]
#[non_exhaustive]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Where reading ended, from 1.
    pub line: usize,
    /// Where reading ended, in bytes from 1.
    pub column: usize,
}

/// What is wrong with a text that should be JSON. It never quotes the text, which may hold personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The text ends in the middle of a value.
    #[error("the JSON breaks off")]
    BreaksOff,
    /// The text is not JSON.
    #[error("it is not JSON")]
    NotJson,
    /// A number is larger than any that a double can hold.
    #[error("a number is out of range")]
    OutOfRange,
    /// An object has two members of one name (RFC 7493 forbids it): a reader that takes the first and one
    /// that takes the last would see different data.
    #[error("a member name occurs twice in one object")]
    Repeated,
    /// Arrays and objects are nested deeper than this parser goes.
    #[error("it is nested too deeply")]
    TooDeep,
    /// An object has more members than its reader knows names for.
    #[error("an object has too many members")]
    TooMany,
}

/// Reads one JSON text: strictly by RFC 8259, without repeated member names. Unlike `serde_json` it has
/// no names of its own that mean something else.
///
/// Integers that fit into 64 bits are read exactly, all other numbers as doubles.
///
/// # Errors
/// [`JsonError`], with the kind of fault and its place.
///
/// ```
/// use moltbot_audit::json::parse;
/// let value = parse(r#"{ "$serde_json::private::RawValue": "[1]" }"#)?;
/// assert_eq!(value["$serde_json::private::RawValue"], "[1]");
/// # Ok::<_, moltbot_audit::json::JsonError>(())
/// ```
pub fn parse(text: &str) -> Result<Value, JsonError> {
    Parser { text, at: 0, is_lenient: false, depth_max: MAX_DEPTH }.document()
}

/// As [`parse`], and loses nothing of what [`Value`] cannot hold: values under one name become a list of
/// them, and a number that is no double its text.
pub(crate) fn parse_leniently(text: &str, depth_max: usize) -> Result<Value, JsonError> {
    Parser { text, at: 0, is_lenient: true, depth_max }.document()
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    /// How much of it has been read.
    pub(super) at: usize,
    pub(super) is_lenient: bool,
    pub(super) depth_max: usize,
}

/// An array or object whose end has not been read.
enum Open {
    Array(Vec<Value>),
    /// With the name of the member that is being read.
    Object(Map<String, Value>, String),
}

impl Parser<'_> {
    fn document(mut self) -> Result<Value, JsonError> {
        let value = self.value()?;
        match self.next() {
            None => Ok(value),
            Some(_) => Err(self.not_json()),
        }
    }

    /// Reads a value. It keeps a stack of its own, so that no text can exhaust the thread's.
    fn value(&mut self) -> Result<Value, JsonError> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let begun = self.begin()?;
            let mut value = match begun {
                Begun::Whole(value) => value,
                Begun::Open(_) if open.len() == self.depth_max => {
                    return Err(self.fault(JsonErrorKind::TooDeep));
                }
                Begun::Open(container) => {
                    open.push(container);
                    continue;
                }
            };
            // The value ends, and with it perhaps what it stands in.
            loop {
                let Some(mut container) = open.pop() else { return Ok(value) };
                self.add(&mut container, value)?;
                if self.skip(b',') {
                    if let Open::Object(_, name) = &mut container {
                        *name = self.name()?;
                    }
                    open.push(container);
                    break;
                }
                value = match container {
                    Open::Array(items) => self.close(b']', items.into())?,
                    Open::Object(members, _) => self.close(b'}', members.into())?,
                };
            }
        }
    }

    fn begin(&mut self) -> Result<Begun, JsonError> {
        Ok(match self.next() {
            Some(b'[') => {
                self.at += 1;
                if self.skip(b']') {
                    Begun::Whole(Value::Array(Vec::new()))
                } else {
                    Begun::Open(Open::Array(Vec::new()))
                }
            }
            Some(b'{') => {
                self.at += 1;
                if self.skip(b'}') {
                    Begun::Whole(Value::Object(Map::new()))
                } else {
                    Begun::Open(Open::Object(Map::new(), self.name()?))
                }
            }
            Some(b'"') => Begun::Whole(self.string()?.into()),
            Some(b'-' | b'0'..=b'9') => Begun::Whole(self.number()?),
            _ => Begun::Whole(self.word()?),
        })
    }

    fn add(&self, container: &mut Open, value: Value) -> Result<(), JsonError> {
        match container {
            Open::Array(items) => items.push(value),
            Open::Object(members, name) => {
                let name = std::mem::take(name);
                if self.is_lenient
                    && let Some(held) = members.get_mut(&name)
                {
                    *held = Value::Array(vec![held.take(), value]);
                } else if members.insert(name, value).is_some() {
                    return Err(self.fault(JsonErrorKind::Repeated));
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, end: u8, value: Value) -> Result<Value, JsonError> {
        if self.skip(end) { Ok(value) } else { Err(self.not_json()) }
    }

    pub(super) fn name(&mut self) -> Result<String, JsonError> {
        if self.next() != Some(b'"') {
            return Err(self.not_json());
        }
        let name = self.string()?;
        if self.skip(b':') { Ok(name) } else { Err(self.not_json()) }
    }

    fn word(&mut self) -> Result<Value, JsonError> {
        let words = [("null", Value::Null), ("true", true.into()), ("false", false.into())];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.not_json())
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = self.text.as_bytes()[self.at..].iter();
            let plain = rest.take_while(|byte| is_plain(**byte)).count();
            string.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    string.push(self.escape()?);
                }
                _ => return Err(self.not_json()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let char = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(self.not_json()),
        };
        self.at += 1;
        Ok(char)
    }

    fn code_point(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.not_json());
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Err(self.not_json());
        }
        self.at += 2;
        let second = self.hex()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(self.not_json());
        }
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        char::from_u32(code).ok_or_else(|| self.not_json())
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.not_json())?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = self.digits()?;
        if whole > 1 && self.text.as_bytes()[self.at - whole] == b'0' {
            return Err(self.not_json());
        }
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            is_integer = false;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
            is_integer = false;
        }
        let text = &self.text[start..self.at];
        if is_integer && text != "-0" {
            if let Ok(integer) = text.parse::<i64>() {
                return Ok(integer.into());
            }
            if let Ok(integer) = text.parse::<u64>() {
                return Ok(integer.into());
            }
            if self.is_lenient {
                return Ok(text.into());
            }
        }
        // Rounded to the nearest, as RFC 8785 has it.
        match text.parse::<f64>().ok().and_then(Number::from_f64) {
            Some(number) => Ok(number.into()),
            None if self.is_lenient => Ok(text.into()),
            None => Err(self.fault(JsonErrorKind::OutOfRange)),
        }
    }

    /// Reads digits, and says how many: at least one.
    fn digits(&mut self) -> Result<usize, JsonError> {
        let rest = self.text.as_bytes()[self.at..].iter();
        let count = rest.take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(count) } else { Err(self.not_json()) }
    }

    /// The next byte that is no white space.
    pub(super) fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes()[self.at..].iter();
        self.at += rest.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.peek()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads this byte, if it is the next one that is no white space.
    pub(super) fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// The error that the text is not JSON here, or ends here.
    pub(super) fn not_json(&self) -> JsonError {
        let is_over = self.at >= self.text.len();
        self.fault(if is_over { JsonErrorKind::BreaksOff } else { JsonErrorKind::NotJson })
    }

    #[cold]
    pub(super) fn fault(&self, kind: JsonErrorKind) -> JsonError {
        let read = &self.text.as_bytes()[..self.at];
        let line_len = read.iter().rev().take_while(|byte| **byte != b'\n').count();
        let line = read.split(|byte| *byte == b'\n').count();
        JsonError { kind, line, column: 1 + line_len }
    }
}

/// Whether a byte stands for itself in a string.
fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// What begins at a place.
enum Begun {
    Open(Open),
    Whole(Value),
}
