//! Secrets, by their prefix, their shape, or the name they stand beside.

use std::ops::Range;

use super::class::{COLON, DIGIT, MARK, SIGN};
use super::{Found, Kind, context, url};
use crate::redact::key_name::{KeyKind, secret_kind};

/// No secret is shorter, where only its form tells it.
const MIN_LEN: usize = 12;

/// Longest run of base64 that is still taken for an id or a hash.
const MAX_BASE64_RUN: usize = 256;

/// Longest part of a token that is looked at as one key.
const MAX_KEY: usize = 200;

/// Token prefixes of providers, with the least length of the whole token.
const PREFIXES: [(&str, usize); 41] = [
    ("AGE-SECRET-KEY-1", 40),
    ("AIza", 30),
    ("AKIA", 16),
    ("ASIA", 16),
    ("EAA", 40),
    ("FLWSECK", 16),
    ("GOCSPX-", 20),
    ("SG.", 40),
    ("SK", 34),
    ("dop_v1_", 30),
    ("gho_", 20),
    ("ghp_", 20),
    ("ghr_", 20),
    ("ghs_", 20),
    ("ghu_", 20),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("gsk_", 20),
    ("hf_", 20),
    ("npm_", 30),
    ("pk_live_", 16),
    ("pypi-", 40),
    ("rk_live_", 16),
    ("sb_secret_", 16),
    ("sbp_", 16),
    ("shpat_", 20),
    ("sk-", 16),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("sntrys_", 20),
    ("whsec_", 16),
    ("xai-", 24),
    ("xapp-", 16),
    ("xkeysib-", 30),
    ("xoxa-", 16),
    ("xoxb-", 16),
    ("xoxe-", 16),
    ("xoxp-", 16),
    ("xoxr-", 16),
    ("xoxs-", 16),
    ("ya29.", 20),
];

/// Finds what of a token is secret: the whole of it, or the value beside a telling name.
pub(super) fn find(text: &str, token: Range<usize>, any: u8, found: &mut Vec<Found>) {
    let written = &text[token.clone()];
    // A word of a language is none, and is what most tokens are.
    let is_word = any & (DIGIT | SIGN | COLON) == 0;
    if is_word && written.len() < if any & MARK == 0 { 16 } else { 8 } {
        return;
    }
    if written.len() >= MIN_LEN {
        if let Some(kind) = kind_of(written, any) {
            found.push(Found { at: token, kind });
            return;
        }
        if is_random(written) && context::is_after_scheme(text, token.start, "bearer") {
            found.push(Found { at: token, kind: Kind::Secret });
            return;
        }
    }
    if context::is_after_scheme(text, token.start, "basic") && is_credentials(written) {
        found.push(Found { at: token, kind: Kind::Secret });
    } else if let Some(at) = named_value(text, token, any) {
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
    if has_key(token) || (any & COLON != 0 && has_telegram_token(token)) {
        return Some(Kind::Secret);
    }
    is_base64_run(token).then_some(Kind::Media)
}

/// Whether a Telegram bot's token is in it: the bot's number, `:AA`, and at least 30 characters.
fn has_telegram_token(token: &str) -> bool {
    token.match_indices(":AA").any(|(at, _)| {
        let digits =
            token.as_bytes()[..at].iter().rev().take(11).take_while(|b| b.is_ascii_digit());
        let key = token.as_bytes()[at + 3..].iter().take(MAX_KEY);
        (8..=10).contains(&digits.count()) && key.take_while(|b| is_base64_byte(**b)).count() >= 30
    })
}

/// Whether a provider's key or a JWT begins at one of the token's words: one begins where no letter or
/// digit precedes.
fn has_key(token: &str) -> bool {
    let bytes = token.as_bytes();
    let mut after_word = false;
    // Words of a part that is no JWT are none either.
    let mut no_jwt_before = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !after_word && IS_FIRST[usize::from(*byte)] {
            if has_known_prefix(&bytes[at..]) {
                return true;
            }
            if at >= no_jwt_before && bytes[at..].starts_with(b"eyJ") {
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

/// First letters of known prefixes, and of a JWT.
const IS_FIRST: [bool; 256] = {
    let mut is_first = [false; 256];
    is_first[b'e' as usize] = true;
    let mut index = 0;
    while index < PREFIXES.len() {
        is_first[PREFIXES[index].0.as_bytes()[0] as usize] = true;
        index += 1;
    }
    is_first
};

fn has_known_prefix(rest: &[u8]) -> bool {
    PREFIXES.iter().any(|(prefix, min_len)| {
        if !rest.starts_with(prefix.as_bytes()) {
            return false;
        }
        let is_part = |byte: &&u8| is_base64_byte(**byte) || **byte == b'.';
        let len = rest.iter().take(MAX_KEY).take_while(is_part).count();
        let key = &rest[..len];
        let has_digit = || key.iter().any(u8::is_ascii_digit);
        len >= *min_len
            && match *prefix {
                // It begins article numbers too: only a long part without dashes makes it a key.
                "sk-" => key.split(|byte| *byte == b'-').any(|run| run.len() >= 16),
                "SK" => key[2..34].iter().all(u8::is_ascii_hexdigit),
                "AKIA" | "ASIA" => {
                    key[..16].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                }
                "EAA" | "SG." | "hf_" | "npm_" => has_digit() || len > *min_len,
                _ => true,
            }
    })
}

/// Three base64url parts, the first of which decodes to `{"…` (RFC 7519); else how far its first part
/// goes.
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

/// Not a word of a language: long, and with a digit.
fn is_random(token: &str) -> bool {
    token.len() >= 12 && token.bytes().any(|byte| byte.is_ascii_digit())
}

/// `user:password` as HTTP's Basic scheme encodes it (RFC 7617), and not a word of a language.
fn is_credentials(token: &str) -> bool {
    let encoded = token.trim_end_matches('=').as_bytes();
    if token.len() < 8 || token.len() > MAX_KEY || !encoded.iter().all(|b| is_base64_byte(*b)) {
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

/// A long run of base64 with everything in it that encoded bytes have: dashes in a row are none.
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

const fn is_base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// A value beside a name that says it is secret: `password=…`, `api_key: …`, also across tokens.
fn named_value(text: &str, token: Range<usize>, any: u8) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if any & (SIGN | COLON) != 0 {
        for at in token.clone().filter(|at| matches!(bytes[*at], b'=' | b':')) {
            let Some(kind) = secret_kind(context::name_before(text, at)) else { continue };
            let ends = |byte: &u8| matches!(byte, b'&' | b';' | b',');
            let rest = &bytes[at + 1..token.end];
            let len = rest.iter().take(MAX_KEY).position(ends).unwrap_or(rest.len());
            // Of a value that goes on and on, the first part says whether it is one.
            let part = text[at + 1..at + 1 + len].floor_char_boundary(MAX_KEY);
            if is_value(kind, &text[at + 1..at + 1 + part], bytes[at]) {
                return Some(at + 1..at + 1 + len);
            }
        }
    }
    let (name, joint) = context::name_assigned(text, token.start)?;
    let value = text[token.clone()].trim_end_matches([',', ';', '.', '!', '?']);
    let is_named = secret_kind(name).is_some_and(|kind| is_value(kind, value, joint));
    is_named.then(|| token.start..token.start + value.len())
}

/// Whether a text beside a secret's name is one, and not a remark on it.
fn is_value(kind: KeyKind, value: &str, joint: u8) -> bool {
    let has = |is: fn(&u8) -> bool| value.as_bytes().iter().any(is);
    if value.starts_with(['*', '$']) || value.contains("***") {
        return false;
    }
    let has_digit = has(u8::is_ascii_digit);
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return match kind {
            KeyKind::Code => (3..=10).contains(&value.len()),
            KeyKind::Password => value.len() >= 4,
            _ => false,
        };
    }
    let has_letter = has(u8::is_ascii_alphabetic);
    let is_assigned = joint == b'=';
    let is_random = has_digit && has_letter && value.len() >= if is_assigned { 6 } else { 8 };
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && value.len() >= 16;
    // Beside a colon, a word of a language is a remark.
    let is_password = (is_assigned || has_digit) && value.len() >= 4 && kind == KeyKind::Password;
    is_random || is_mixed || is_password
}
