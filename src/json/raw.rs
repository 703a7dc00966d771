//! Finds the parts of an object or a list as raw text, without building them.

use super::JsonError;
use super::parse::{JsonErrorKind, Parser};

/// The members of an object. Their content is not checked: the user parses it.
///
/// # Errors
/// [`JsonError`] if the text is no object, goes on behind it, or names a member twice.
pub(crate) fn members(text: &str) -> Result<Vec<(String, &str)>, JsonError> {
    let mut parser = Parser::new(text);
    let mut found: Vec<(String, &str)> = Vec::new();
    parser.expect(b'{')?;
    if !parser.skip(b'}') {
        loop {
            let name = parser.name()?;
            if found.iter().any(|(other, _)| *other == name) {
                return Err(parser.fault(JsonErrorKind::Repeated));
            }
            let member = parser.skim()?;
            found.push((name, member));
            if !parser.skip(b',') {
                break;
            }
            // No document of ours has so many, and looking for repeated names costs their square.
            if found.len() == MEMBERS_MAX {
                return Err(parser.fault(JsonErrorKind::TooMany));
            }
        }
        parser.expect(b'}')?;
    }
    parser.end().map(|()| found)
}

/// Most members of an object whose members are found.
const MEMBERS_MAX: usize = 256;

/// The items of a list, one after the other.
pub(crate) struct Items<'t> {
    parser: Parser<'t>,
    is_first: bool,
    is_over: bool,
}

/// Begins to read a list.
///
/// # Errors
/// [`JsonError`] if the text is no list.
pub(crate) fn items(text: &str) -> Result<Items<'_>, JsonError> {
    let mut parser = Parser::new(text);
    parser.expect(b'[')?;
    Ok(Items { parser, is_first: true, is_over: false })
}

impl<'t> Iterator for Items<'t> {
    type Item = Result<&'t str, JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let item = self.item();
        self.is_over = !matches!(item, Ok(Some(_)));
        item.transpose()
    }
}

impl<'t> Items<'t> {
    fn item(&mut self) -> Result<Option<&'t str>, JsonError> {
        let has_begun = !std::mem::take(&mut self.is_first);
        let has_more = if has_begun { self.parser.skip(b',') } else { self.parser.peek_past(b']') };
        if has_more {
            return self.parser.skim().map(Some);
        }
        self.parser.expect(b']')?;
        self.parser.end().map(|()| None)
    }
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, is_lenient: false, depth_max: 0 }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.skip(byte) { Ok(()) } else { Err(self.not_json()) }
    }

    /// Whether something else than this byte comes next.
    fn peek_past(&mut self, byte: u8) -> bool {
        self.next().is_some_and(|next| next != byte)
    }

    fn end(&mut self) -> Result<(), JsonError> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.not_json()),
        }
    }

    /// Passes over one value by its brackets and quotes alone.
    fn skim(&mut self) -> Result<&'t str, JsonError> {
        if self.next().is_none() {
            return Err(self.not_json());
        }
        let (start, mut depth) = (self.at, 0_usize);
        loop {
            match self.peek() {
                Some(b'"') => self.skim_string()?,
                Some(b'[' | b'{') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b']' | b'}') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b']' | b'}') | None if depth == 0 => break,
                Some(_) => self.at += 1,
                None => return Err(self.not_json()),
            }
        }
        if self.at == start { Err(self.not_json()) } else { Ok(&self.text[start..self.at]) }
    }

    fn skim_string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            self.at += rest.iter().take_while(|byte| !b"\"\\".contains(byte)).count();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => self.at = (self.at + 2).min(self.text.len()),
                None => return Err(self.not_json()),
            }
        }
    }
}
