//! Finds secrets, signed URLs and raw media in text.

use std::borrow::Cow;
use std::ops::Range;

/// What is kept out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Media,
    Secret,
    SignedUrl,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::Secret => "secret",
            Self::SignedUrl => "signed_url",
        }
    }
}

/// Token prefixes of providers a marketplace bot meets, with the least length of the whole token.
const PREFIXES: [(&str, usize); 14] = [
    ("AIza", 30),
    ("AKIA", 16),
    ("EAA", 40),
    ("gho_", 20),
    ("ghp_", 20),
    ("github_pat_", 30),
    ("pk_live_", 16),
    ("sb_secret_", 16),
    ("sbp_", 16),
    ("sk-", 16),
    ("sk_live_", 16),
    ("whsec_", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
];

/// No secret is shorter, with the word before it that says what it is.
const MIN_LEN: usize = 12;

/// Longest run of base64 that is still taken for an id or a hash.
const MAX_BASE64_RUN: usize = 256;

/// Query parameters that make a URL a key to what it names.
const SIGNING_PARAMETERS: [&str; 14] = [
    "access_token=",
    "api_key=",
    "apikey=",
    "expires=",
    "hash=",
    "jwt=",
    "key=",
    "oh=",
    "password=",
    "sig=",
    "signature=",
    "token=",
    "x-amz-",
    "x-goog-",
];

/// Finds everything in `text` that must not be stored, left to right, without overlap.
pub(super) fn find_secrets(text: &str) -> Vec<(Range<usize>, Kind)> {
    let mut found = Vec::new();
    if text.len() < MIN_LEN {
        return found;
    }
    let mut from = 0;
    while let Some(block) = find_pem(&text[from..]) {
        let block = from + block.start..from + block.end;
        find_in_words(&text[from..block.start], from, &mut found);
        from = block.end;
        found.push((block, Kind::Secret));
    }
    find_in_words(&text[from..], from, &mut found);
    found
}

/// The first PEM block (RFC 7468), to its last line, or to the end where that is missing.
fn find_pem(text: &str) -> Option<Range<usize>> {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "-----END ";
    // Nearly every text has none, and a plain search for that is far faster than one for all matches.
    if !text.contains(BEGIN) {
        return None;
    }
    text.match_indices(BEGIN).find_map(|(start, _)| {
        let label = text[start + BEGIN.len()..].split("-----").next()?;
        let body = start + BEGIN.len() + label.len();
        let is_label = label.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ');
        if !is_label || !text[body..].starts_with("-----") {
            return None;
        }
        let end = text[body..].find(END).map_or(text.len(), |at| {
            let last_line = body + at + END.len();
            text[last_line..].find("-----").map_or(text.len(), |at| last_line + at + 5)
        });
        Some(start..end)
    })
}

fn find_in_words(text: &str, offset: usize, found: &mut Vec<(Range<usize>, Kind)>) {
    let mut scheme = "";
    for (at, token) in tokens(text) {
        let kind = match scheme {
            "bearer" if is_random(token) => Some(Kind::Secret),
            "basic" if is_base64_text(token) => Some(Kind::Secret),
            _ => kind_of(token),
        };
        found.extend(kind.map(|kind| (offset + at..offset + at + token.len(), kind)));
        let word = token.trim_end_matches(':');
        let schemes = ["bearer", "basic"];
        scheme = schemes.into_iter().find(|s| word.eq_ignore_ascii_case(s)).unwrap_or_default();
    }
}

/// Not a word of a language: long, and with a digit.
fn is_random(token: &str) -> bool {
    token.len() >= 12 && token.bytes().any(|byte| byte.is_ascii_digit())
}

/// `user:password` as HTTP's Basic scheme encodes it (RFC 7617), and not a word of a language.
fn is_base64_text(token: &str) -> bool {
    let has = |is: fn(&u8) -> bool| token.as_bytes().iter().any(is);
    token.len() >= 8
        && token.len().is_multiple_of(4)
        && token.trim_end_matches('=').bytes().all(is_base64_byte)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && (has(u8::is_ascii_digit) || token.ends_with('='))
}

/// Splits at white space, quotes and brackets: none of them occurs inside a secret.
fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_boundary = |c: char| {
        let is_mark =
            matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '|');
        is_mark || c.is_whitespace()
    };
    let mut at = 0;
    text.split_inclusive(is_boundary).filter_map(move |piece| {
        let start = at;
        at += piece.len();
        let token = piece.trim_end_matches(is_boundary);
        (!token.is_empty()).then_some((start, token))
    })
}

fn kind_of(token: &str) -> Option<Kind> {
    if token.len() < MIN_LEN {
        return None;
    }
    if starts_with_ignore_case(token, "data:") && token.contains(";base64,") {
        return Some(Kind::Media);
    }
    if let Some(kind) = kind_of_url(token) {
        return Some(kind);
    }
    let is_joint = |c| matches!(c, '=' | ',' | ';' | ':' | '/' | '?' | '&' | '#');
    if token.split(is_joint).any(is_known_secret) {
        return Some(Kind::Secret);
    }
    is_base64_run(token).then_some(Kind::Media)
}

fn is_known_secret(part: &str) -> bool {
    part.len() >= MIN_LEN && word_starts(part).any(|word| has_known_prefix(word) || is_jwt(word))
}

fn has_known_prefix(word: &str) -> bool {
    let first = word.as_bytes().first();
    // By their first bytes, most words are none.
    let mut likely = PREFIXES.iter().filter(|(prefix, _)| prefix.as_bytes().first() == first);
    likely.any(|(prefix, len)| {
        // `sk-` begins article numbers too: only a long part without dashes makes it a key.
        let is_key = || *prefix != "sk-" || word.split('-').any(|run| run.len() >= 16);
        word.len() >= *len && word.starts_with(prefix) && is_key()
    })
}

fn kind_of_url(token: &str) -> Option<Kind> {
    if !token.contains("://") {
        return None;
    }
    let (scheme, after_scheme) = token.split_once("://")?;
    let authority_len = after_scheme.find(['/', '?', '#']).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at(authority_len);
    // A password may hold slashes, and a web page's path an @.
    let is_web = scheme.ends_with("http") || scheme.ends_with("https");
    let user = if is_web { authority } else { after_scheme }.rsplit_once('@');
    if user.is_some_and(|(user, _)| user.contains(':')) {
        return Some(Kind::Secret);
    }
    let parameters = rest.find(['?', '#']).map_or("", |at| &rest[at..]).to_ascii_lowercase();
    let is_signed = parameters
        .split(['?', '#', '&'])
        .any(|parameter| SIGNING_PARAMETERS.iter().any(|name| parameter.starts_with(name)));
    is_signed.then_some(Kind::SignedUrl)
}

/// What is left of a text from each of its words on: a word begins where no letter or digit precedes.
fn word_starts(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let begins = |at: usize| at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
    (0..text.len()).filter(move |at| begins(*at)).filter_map(|at| text.get(at..))
}

/// Three base64url parts, the first of which decodes to `{"…` (RFC 7519).
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let is_part = |part: Option<&str>, len| {
        part.is_some_and(|part| part.len() >= len && part.bytes().all(is_base64_byte))
    };
    word.starts_with("eyJ")
        && is_part(parts.next(), 12)
        && is_part(parts.next(), 4)
        && parts.next().is_some()
}

/// A long run of base64 with everything in it that encoded bytes have: dashes in a row are none.
fn is_base64_run(token: &str) -> bool {
    if token.len() <= MAX_BASE64_RUN {
        return false;
    }
    token.split(|c: char| !c.is_ascii() || !u8::try_from(c).is_ok_and(is_base64_byte)).any(|run| {
        let has = |is: fn(&u8) -> bool| run.as_bytes().iter().any(is);
        run.len() > MAX_BASE64_RUN
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
    })
}

fn is_base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// What a value under this key is, by the last words of the key's name, in any case style.
pub(super) fn kind_by_key(key: &str) -> Option<Kind> {
    let name = snake_case(key);
    let mut words = name.rsplit('_');
    let (last, before) = (words.next()?, words.next().unwrap_or_default());
    match last {
        "apikey" | "auth" | "authorization" | "cookie" | "cookies" | "credential"
        | "credentials" | "dsn" | "jwt" | "otp" | "passphrase" | "passwd" | "password" | "pwd"
        | "secret" | "token" => Some(Kind::Secret),
        "key" => match before {
            "access" | "api" | "private" | "secret" | "service" => Some(Kind::Secret),
            "role" if words.next() == Some("service") => Some(Kind::Secret),
            _ => None,
        },
        "role" if before == "service" => Some(Kind::Secret),
        "string" if before == "connection" => Some(Kind::Secret),
        "url" => match before {
            "image" | "media" | "presigned" | "recording" | "signed" => Some(Kind::SignedUrl),
            _ => None,
        },
        "base64" => Some(Kind::Media),
        "data" if matches!(before, "binary" | "image" | "media") => Some(Kind::Media),
        _ => None,
    }
}

/// `apiKey`, `API-KEY` and `api key` as `api_key`.
fn snake_case(key: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if key.bytes().all(is_plain) && !key.contains("__") {
        return Cow::Borrowed(key);
    }
    let mut name = String::with_capacity(key.len() + 4);
    let mut after_lower = false;
    for c in key.chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && after_lower {
                name.push('_');
            }
            name.extend(c.to_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        after_lower = c.is_lowercase() || c.is_numeric();
    }
    Cow::Owned(name)
}
