//! Finds secrets by their prefix, their shape, or the name beside them.

use std::ops::Range;

use super::byte_class::{COLON, DIGIT, MARK, SIGN};
use super::found::Found;
use super::prefix::{KEY_MAX, PREFIXES, is_base64_byte};
use super::{context, named_secret, url};
use crate::redact::kind::Kind;

/// The shortest secret that is recognised by its form alone.
const MIN_LEN: usize = 12;

/// The longest run of base64 that may still be an id or a hash.
const MAX_BASE64_RUN: usize = 256;

/// Finds the secret in a token: the whole token, or the value beside a name that announces one.
pub(super) fn find(text: &str, token: Range<usize>, any: u8, found: &mut Vec<Found>) {
    let written = &text[token.clone()];
    // Most tokens are words of a language, which are not secrets.
    let is_word = any & (DIGIT | SIGN | COLON) == 0;
    if is_word && written.len() < if any & MARK == 0 { 16 } else { 8 } {
        return;
    }
    if written.len() >= MIN_LEN {
        if let Some(kind) = kind_of(written, any) {
            found.push(Found { at: token, kind });
            return;
        }
        let is_after = |scheme| context::is_after_scheme(text, token.start, scheme);
        let is_long = written.len() >= 16;
        if is_random(written)
            && (is_after("bearer") || is_long && (is_after("token") || is_after("apikey")))
        {
            found.push(Found { at: token, kind: Kind::Secret });
            return;
        }
        if let Some(start) = app_token_start(text, &token) {
            found.push(Found { at: start..token.end, kind: Kind::Secret });
            return;
        }
    }
    if written.len() >= 8
        && context::is_after_scheme(text, token.start, "basic")
        && is_credentials(written)
    {
        found.push(Found { at: token, kind: Kind::Secret });
    } else if let Some(at) = named_secret::find(text, token, any) {
        found.push(Found { at, kind: Kind::Secret });
    }
}

fn kind_of(token: &str, any: u8) -> Option<Kind> {
    if any & COLON != 0 && starts_with_ignore_case(token, "data:") && token.contains(";base64,") {
        return Some(Kind::Media);
    }
    if any & (COLON | SIGN) != 0
        && let Some(kind) = url::kind_of(token)
    {
        return Some(kind);
    }
    if has_key(token) || has_form(token, any) {
        return Some(Kind::Secret);
    }
    is_base64_run(token).then_some(Kind::Media)
}

/// Whether the token holds a key that only its whole form reveals, not its beginning.
fn has_form(token: &str, any: u8) -> bool {
    if any & COLON != 0 && (has_telegram_token(token) || has_twilio_pair(token)) {
        return true;
    }
    let bytes = token.as_bytes();
    // Client secrets of Azure, licence keys of MaxMind, keys of Mailchimp. The rules are those of gitleaks.
    (37..=44).contains(&bytes.len())
        && (bytes.windows(3).any(|part| part[0].is_ascii_digit() && part.ends_with(b"Q~"))
            || token.contains("_mmk")
            || token.split("-us").next().is_some_and(|key| {
                key.len() >= 32
                    && key.len() < token.len()
                    && key.as_bytes()[key.len() - 32..].iter().all(u8::is_ascii_hexdigit)
            }))
}

/// Whether it holds the token of a Telegram bot: the bot's number, `:A`, and 34 characters.
fn has_telegram_token(token: &str) -> bool {
    token.match_indices(":A").any(|(at, _)| {
        let digits =
            token.as_bytes()[..at].iter().rev().take(17).take_while(|b| b.is_ascii_digit());
        let key = token.as_bytes()[at + 2..].iter().take(KEY_MAX);
        (5..=16).contains(&digits.count()) && key.take_while(|b| is_base64_byte(**b)).count() >= 31
    })
}

/// Whether it holds a Twilio account and its token: `AC` and 32 hex digits, a colon, 32 more.
fn has_twilio_pair(token: &str) -> bool {
    let is_hex =
        |text: Option<&[u8]>| text.is_some_and(|text| text.iter().all(u8::is_ascii_hexdigit));
    token.match_indices(':').any(|(at, _)| {
        let bytes = token.as_bytes();
        let account = at.checked_sub(34).map(|start| &bytes[start..at]);
        account.is_some_and(|account| account.starts_with(b"AC") && is_hex(account.get(2..)))
            && is_hex(bytes.get(at + 1..at + 33))
    })
}

/// The start of a Meta app token that ends with this token: `911602140448729|AY-…`.
fn app_token_start(text: &str, token: &Range<usize>) -> Option<usize> {
    let bytes = text.as_bytes();
    let bar = token.start.checked_sub(1).filter(|bar| bytes[*bar] == b'|')?;
    let digits =
        bytes[..bar].iter().rev().take(17).take_while(|byte| byte.is_ascii_digit()).count();
    let key = bytes[token.clone()].iter().take_while(|byte| is_base64_byte(**byte)).count();
    ((15..=16).contains(&digits) && (27..=40).contains(&key)).then_some(bar - digits)
}

/// Whether a provider's key or a JWT begins at a word of the token, that is, after no letter or digit.
fn has_key(token: &str) -> bool {
    let bytes = token.as_bytes();
    let prefixes = &*PREFIXES;
    let mut after_word = false;
    // Words inside a part that is not a JWT cannot begin one either.
    let mut no_jwt_before = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !after_word {
            if prefixes.begins(&bytes[at..]) {
                return true;
            }
            if *byte == b'e' && at >= no_jwt_before && bytes[at..].starts_with(b"eyJ") {
                match jwt(&bytes[at..]) {
                    Ok(()) => return true,
                    Err(len) => no_jwt_before = at + len,
                }
            }
        }
        after_word = byte.is_ascii_alphanumeric();
    }
    false
}

/// Three base64url parts, the first of which decodes to `{"…` (RFC 7519). If it is not one, returns how far the first
/// part goes.
fn jwt(rest: &[u8]) -> Result<(), usize> {
    let part = |from: usize| rest[from..].iter().take_while(|byte| is_base64_byte(**byte)).count();
    let header = part(0);
    if header < 12 || rest.get(header) != Some(&b'.') {
        return Err(header);
    }
    let payload = part(header + 1);
    let is_jwt = payload >= 4 && rest.get(header + 1 + payload) == Some(&b'.');
    if is_jwt { Ok(()) } else { Err(header) }
}

/// Whether a token is long and has a digit, which no word of a language is.
fn is_random(token: &str) -> bool {
    token.len() >= 12 && token.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a token is `user:password` in the encoding of HTTP's Basic scheme (RFC 7617), and not a
/// word of a language.
fn is_credentials(token: &str) -> bool {
    let encoded = token.trim_end_matches('=').as_bytes();
    if token.len() < 8 || token.len() > KEY_MAX || !encoded.iter().all(|b| is_base64_byte(*b)) {
        return false;
    }
    let (mut bits, mut held, mut has_colon) = (0_u32, 0, false);
    for byte in encoded {
        bits = (bits << 6 | sextet(*byte)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            let decoded = bits >> held & 0xff;
            if decoded < 0x20 {
                return false;
            }
            has_colon |= decoded == u32::from(b':');
        }
    }
    has_colon
}

/// The six bits that a byte of base64 stands for.
fn sextet(byte: u8) -> u32 {
    match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}

/// Whether a token is a long run of base64 with every class of character that encoded bytes have. A
/// row of dashes is not.
fn is_base64_run(token: &str) -> bool {
    if token.len() <= MAX_BASE64_RUN {
        return false;
    }
    token.as_bytes().split(|byte| !is_base64_byte(*byte)).any(|run| {
        let has = |is: fn(&u8) -> bool| run.iter().any(is);
        let is_hex = || run.iter().all(u8::is_ascii_hexdigit);
        run.len() > MAX_BASE64_RUN
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_alphabetic)
            && (is_hex() || (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)))
    })
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
