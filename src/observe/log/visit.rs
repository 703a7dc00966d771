//! Renders the values of an event or a span.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};

use super::fields::LineFields;
use super::json::{push_float, push_masked};
use super::limits::LineLimits;
use super::plan::{CallsitePlan, ERROR_MESSAGE, FieldPlace, FieldPlan};
use super::{NAME_MAX, RAW_MAX};
use crate::json::write_line_string;
use crate::redact::LogField;

/// Numbers with fewer digits are not phone numbers.
const DIGITS_MIN: usize = 7;
/// Most errors of a chain.
const SOURCES_MAX: usize = 32;
/// The text before the stack in the `Debug` text of some errors.
const STACK_HEADS: [&str; 3] = ["Stack backtrace:", "stack backtrace:", "BACKTRACE"];

pub(super) struct Renderer<'a> {
    pub(super) plan: &'a CallsitePlan,
    pub(super) fields: &'a mut LineFields,
    pub(super) message: &'a mut String,
    pub(super) target: &'a mut String,
    pub(super) text: &'a mut String,
    pub(super) shows_stacks: bool,
    pub(super) limits: LineLimits,
}

impl<'a> Renderer<'a> {
    fn planned(&self, field: &Field) -> Option<&'a FieldPlan> {
        let plan: &'a CallsitePlan = self.plan;
        plan.fields.get(field.index()).filter(|field| field.place != FieldPlace::Dropped)
    }

    fn set(&mut self, field: &FieldPlan, write: impl FnOnce(&mut String)) {
        let whole = match field.place {
            FieldPlace::Message => &mut *self.message,
            FieldPlace::Target => &mut *self.target,
            FieldPlace::Dropped | FieldPlace::Further | FieldPlace::Lifted(_) => {
                self.fields.set(field, write);
                return;
            }
        };
        whole.clear();
        write(whole);
    }

    fn set_text(&mut self, field: &FieldPlan, text: &str) {
        let text = if self.shows_stacks { text } else { without_stack(text) };
        let max_len = self.max_len(field);
        self.set(field, |out| push_masked(out, field.named, &field.name, text, max_len));
    }

    fn set_number(&mut self, field: &Field, number: impl fmt::Display) {
        let Some(field) = self.planned(field) else { return };
        self.text.clear();
        // A `String` takes everything.
        _ = write!(self.text, "{number}");
        let digits = std::mem::take(self.text);
        let is_plain = digits.len() < DIGITS_MIN && field.named.is_plain();
        let masked = if is_plain { None } else { field.named.mask_number(&field.name, &digits) };
        self.set(field, |out| match &masked {
            Some(masked) => write_line_string(masked, out),
            None => out.push_str(&digits),
        });
        *self.text = digits;
    }

    fn max_len(&self, field: &FieldPlan) -> usize {
        match field.place {
            FieldPlace::Lifted(ERROR_MESSAGE) | FieldPlace::Message | FieldPlace::Further => {
                self.limits.value
            }
            FieldPlace::Target => self.limits.id.min(NAME_MAX),
            FieldPlace::Lifted(_) | FieldPlace::Dropped => self.limits.id,
        }
    }

    /// Formats into this thread's text buffer, and returns the buffer afterwards.
    fn format(&mut self, write: impl FnOnce(&mut Bounded<'_>) -> fmt::Result) -> String {
        let mut text = std::mem::take(self.text);
        text.clear();
        let mut bounded = Bounded { text: &mut text, is_full: false };
        let result = write(&mut bounded);
        if result.is_err() && !bounded.is_full {
            text.push_str(" [could not be formatted]");
        }
        text
    }
}

impl Visit for Renderer<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        let Some(field) = self.planned(field) else { return };
        self.set(field, |out| match field.named.mask_flag() {
            Some(masked) => write_line_string(masked, out),
            None => out.push_str(if value { "true" } else { "false" }),
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set_number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set_number(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => self.set_number(field, value),
            (_, Ok(value)) => self.set_number(field, value),
            _ => self.record_str(field, &value.to_string()),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.set_number(field, value),
            Err(_) => self.record_str(field, &value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let Some(planned) = self.planned(field) else { return };
        if !value.is_finite() {
            self.set(planned, |out| push_float(out, value));
            return;
        }
        let mut number = std::mem::take(self.text);
        number.clear();
        push_float(&mut number, value);
        self.set_number(field, &number);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(field) = self.planned(field) {
            self.set_text(field, value);
        }
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        if let Some(field) = self.planned(field) {
            let instead = LogField::payload(value.len());
            self.set(field, |out| write_line_string(&instead, out));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let Some(field) = self.planned(field) else { return };
        let chain = self.format(|out| write_chain(out, value));
        self.set_text(field, &chain);
        if !self.plan.has_error_message && self.fields.lifted[ERROR_MESSAGE].is_empty() {
            let out = &mut self.fields.lifted[ERROR_MESSAGE];
            push_masked(out, LogField::PLAIN, "", without_stack(&chain), self.limits.value);
        }
        *self.text = chain;
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let Some(field) = self.planned(field) else { return };
        let mut text = self.format(|out| write!(out, "{value:?}"));
        unescape(&mut text);
        self.set_text(field, &text);
        *self.text = text;
    }
}

/// Writes an error and its causes, joined by colons.
fn write_chain(out: &mut Bounded<'_>, error: &(dyn Error + 'static)) -> fmt::Result {
    write!(out, "{error}")?;
    let mut source = error.source();
    for _ in 0..SOURCES_MAX {
        let Some(error) = source else { break };
        let start = out.text.len();
        write!(out, ": {error}")?;
        // Some errors include their cause in their own text.
        let (before, cause) = out.text.split_at(start);
        if cause.len() > 2 && before.ends_with(&cause[2..]) {
            out.text.truncate(start);
        }
        source = error.source();
    }
    Ok(())
}

/// The part of an error's `Debug` text before the stack.
fn without_stack(text: &str) -> &str {
    if !text.contains('\n') {
        return text;
    }
    let heads = STACK_HEADS.iter().filter_map(|head| {
        let at = text.find(head)?;
        let before = text[..at].trim_end_matches([' ', '━', '─']);
        // On a line of its own. Otherwise it is a sentence about stacks.
        (before.is_empty() || before.ends_with('\n')).then(|| before.trim_end())
    });
    heads.min_by_key(|before| before.len()).unwrap_or(text)
}

/// Restores characters that `Debug` writes as `\u{a0}`, because a scan knows the separators of numbers but
/// not their escapes.
fn unescape(text: &mut String) {
    const HEAD: &str = "\\u{";
    if !text.contains(HEAD) {
        return;
    }
    let mut unescaped = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(HEAD) {
        unescaped.push_str(&rest[..at]);
        rest = &rest[at + HEAD.len()..];
        let end = rest.bytes().take(7).position(|byte| byte == b'}');
        let code = end.and_then(|end| u32::from_str_radix(&rest[..end], 16).ok());
        match (end, code.and_then(char::from_u32)) {
            (Some(end), Some(c)) => {
                unescaped.push(c);
                rest = &rest[end + 1..];
            }
            _ => unescaped.push_str(HEAD),
        }
    }
    unescaped.push_str(rest);
    *text = unescaped;
}

/// A text that stops at a limit, for values with a long `Debug` text.
struct Bounded<'a> {
    text: &'a mut String,
    is_full: bool,
}

impl Write for Bounded<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = RAW_MAX - self.text.len();
        let taken = part.floor_char_boundary(room);
        self.text.push_str(&part[..taken]);
        self.is_full |= taken < part.len();
        if self.is_full { Err(fmt::Error) } else { Ok(()) }
    }
}
