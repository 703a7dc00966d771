//! Finds personal data and secrets in a text, in one pass that allocates nothing if it finds
//! nothing.
//!
//! Most bytes of most texts belong to nothing that is searched for. The pass goes in strides of
//! eight bytes, and looks closer only if a stride holds a digit or a sign, or is the inside of one
//! long word. The closer look is at whole tokens: a secret or an address is one token, and digits
//! go to [`Numbers`], which follows a number over as many tokens as it takes.

mod announced;
mod assignment;
mod byte_class;
mod candidate;
mod card;
mod context;
mod email;
mod found;
mod iban;
mod known_format;
mod message_id;
mod name_before;
mod named_secret;
mod number;
mod opaque;
mod own_code;
mod pem;
mod phone;
mod prefix;
mod secret;
mod sentence;
mod url;
mod words;

use std::cmp::Reverse;
use std::ops::Range;

use self::byte_class::{
    AT, COLON, DASH, DIGIT, MARK, STRIDE, TOKEN, WIDE, class_of, next_stride, token_end, word_end,
};
pub use self::found::Found;
pub(super) use self::found::ScanScope;
use self::number::Numbers;
use super::kind::Kind;

/// The shortest thing that is found: `a@b.rw`.
const MIN_LEN: usize = 6;

/// Finds everything of the scope, left to right, without overlap.
pub(super) fn scan(text: &str, scope: ScanScope) -> Vec<Found> {
    if text.len() < MIN_LEN {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    let mut pass = Pass { text, scope, numbers: None, found: Vec::new() };
    let mut from = 0;
    loop {
        let stride = next_stride(bytes, from);
        if stride >= bytes.len() {
            break;
        }
        from = pass.stride(from, stride);
    }
    if let Some(numbers) = &mut pass.numbers {
        numbers.end(&mut pass.found);
    }
    settled(pass.found)
}

struct Pass<'a> {
    text: &'a str,
    scope: ScanScope,
    /// Created at the first digit, because most texts have none.
    numbers: Option<Numbers<'a>>,
    found: Vec<Found>,
}

impl Pass<'_> {
    /// Looks at every token that begins before the stride's end, and returns where to go on. Nothing before `from` is
    /// looked at again, so the pass is linear.
    fn stride(&mut self, from: usize, stride: usize) -> usize {
        let bytes = self.text.as_bytes();
        let before = bytes[from..stride].iter().rev();
        let mut start = stride - before.take_while(|byte| class_of(**byte) & TOKEN != 0).count();
        loop {
            start = self.token_at(start);
            while let Some(class) = bytes.get(start).map(|byte| class_of(*byte))
                && class & TOKEN == 0
            {
                if class & AT != 0
                    && self.scope != ScanScope::AtRest
                    && let Some(at) = email::spelled(self.text, start)
                {
                    self.found.push(Found { at, kind: Kind::Email });
                }
                start += 1;
            }
            if start >= stride + STRIDE || start >= bytes.len() {
                return start;
            }
        }
    }

    /// Looks at the token that begins here, and returns where the next may begin.
    fn token_at(&mut self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        if let Some(end) = word_end(bytes, start) {
            return end;
        }
        // A UUID after the name of a secret is a secret all the same.
        if let Some(end) = opaque::uuid_end(bytes, start)
            && assignment::assigned(self.text, start).is_none()
        {
            return end;
        }
        if bytes.get(start).is_some_and(u8::is_ascii_digit)
            && self.numbers.is_none()
            && let Some((end, digits)) = opaque::small_end(bytes, start)
            && !(digits == 3 && named_secret::is_short_code(self.text, start))
        {
            return end;
        }
        let (end, any) = token_end(bytes, start);
        let is_plain = any & (DIGIT | WIDE | AT | MARK) == 0;
        if is_plain { end } else { self.token(start..end, any) }
    }

    /// Looks at one token, and returns where the next may begin.
    fn token(&mut self, token: Range<usize>, any: u8) -> usize {
        let end = token.end;
        if any & DASH != 0 {
            if opaque::is_one_keyed_hash(&self.text[token.clone()])
                && assignment::assigned(self.text, token.start).is_none()
            {
                return end;
            }
            if let Some(block) = pem::block(self.text, &token) {
                let end = block.end;
                self.found.push(Found { at: block, kind: Kind::Secret });
                return end;
            }
        }
        if any & COLON != 0
            && let Some(whole) = url::with_password(self.text, &token)
        {
            let end = whole.end;
            self.found.push(Found { at: whole, kind: Kind::Secret });
            return end;
        }
        let found_before = self.found.len();
        secret::find(self.text, token.clone(), any, &mut self.found);
        if self.scope == ScanScope::AtRest {
            return end;
        }
        let is_whole =
            |found: &Found| found.at == token && matches!(found.kind, Kind::Secret | Kind::Media);
        if self.found[found_before..].iter().any(is_whole) {
            return end;
        }
        if any & MARK != 0
            && let Some(at) = message_id::find(self.text, &token)
        {
            let end = at.end;
            self.found.push(Found { at, kind: Kind::MessageId });
            return end;
        }
        if any & (AT | WIDE) != 0 {
            email::find(self.text, token.clone(), &mut self.found);
        }
        if any & (DIGIT | WIDE) != 0 {
            let numbers = self.numbers.get_or_insert_with(|| Numbers::new(self.text));
            numbers.feed(token, &mut self.found);
        }
        end
    }
}

/// Sorts findings and removes overlaps. Of two that overlap, the one that begins first, or the longer one, stays and
/// also covers the other's part.
fn settled(mut found: Vec<Found>) -> Vec<Found> {
    if found.len() > 1 {
        found.sort_by_key(|found| (found.at.start, Reverse(found.at.end)));
        found.dedup_by(|next, kept| {
            let overlaps = next.at.start < kept.at.end;
            if overlaps {
                kept.at.end = kept.at.end.max(next.at.end);
            }
            overlaps
        });
    }
    found
}
