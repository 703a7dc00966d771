//! Finds secrets, signed URLs and raw media in text.

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

/// Longest run of base64 that is still taken for an id or a hash.
const MAX_BASE64_RUN: usize = 256;

/// Query parameters that make a URL a key to what it names.
const SIGNING_PARAMETERS: [&str; 8] =
    ["access_token=", "expires=", "hash=", "oh=", "sig=", "signature=", "token=", "x-amz-"];

/// Finds everything in `text` that must not be stored, left to right, without overlap.
pub(super) fn find_secrets(text: &str) -> Vec<(Range<usize>, Kind)> {
    let mut found = Vec::new();
    if let Some(at) = text.find("-----BEGIN ") {
        // A PEM block spans lines: everything from its first line on goes.
        found.extend(find_secrets(&text[..at]));
        found.push((at..text.len(), Kind::Secret));
        return found;
    }
    let mut after_scheme = false;
    for (at, token) in tokens(text) {
        let kind =
            if after_scheme && token.len() >= 8 { Some(Kind::Secret) } else { kind_of(token) };
        found.extend(kind.map(|kind| (at..at + token.len(), kind)));
        after_scheme = ["bearer", "basic"].iter().any(|scheme| token.eq_ignore_ascii_case(scheme));
    }
    found
}

/// Splits at white space, quotes and brackets: none of them occurs inside a secret.
fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_boundary = |c: char| c.is_whitespace() || "\"'`<>()[]{}|".contains(c);
    let mut at = 0;
    text.split_inclusive(is_boundary).filter_map(move |piece| {
        let start = at;
        at += piece.len();
        let token = piece.trim_end_matches(is_boundary);
        (!token.is_empty()).then_some((start, token))
    })
}

fn kind_of(token: &str) -> Option<Kind> {
    if token.len() < 12 {
        return None;
    }
    if starts_with_ignore_case(token, "data:") && token.contains(";base64,") {
        return Some(Kind::Media);
    }
    if let Some(kind) = token.split_once("://").and_then(|(_, rest)| kind_of_url(rest)) {
        return Some(kind);
    }
    if token.split(['=', ',', ';', ':', '/', '?', '&', '#']).any(is_known_secret) {
        return Some(Kind::Secret);
    }
    is_base64_run(token).then_some(Kind::Media)
}

fn is_known_secret(part: &str) -> bool {
    let is_long_enough = |(prefix, len): &(&str, usize)| {
        let mut places = part.match_indices(prefix);
        places.any(|(at, _)| part.len() - at >= *len && starts_word(part, at))
    };
    part.len() >= 12 && (PREFIXES.iter().any(is_long_enough) || is_jwt(part))
}

fn kind_of_url(after_scheme: &str) -> Option<Kind> {
    let authority_len = after_scheme.find(['/', '?', '#']).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at(authority_len);
    if authority.split_once('@').is_some_and(|(user, _)| user.contains(':')) {
        return Some(Kind::Secret);
    }
    let parameters = rest.find(['?', '#']).map_or("", |at| &rest[at..]).to_ascii_lowercase();
    let is_signed = parameters
        .split(['?', '#', '&'])
        .any(|parameter| SIGNING_PARAMETERS.iter().any(|name| parameter.starts_with(name)));
    is_signed.then_some(Kind::SignedUrl)
}

fn starts_word(text: &str, at: usize) -> bool {
    !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// Three base64url parts, the first of which decodes to `{"…`.
fn is_jwt(token: &str) -> bool {
    let Some(at) = token.find("eyJ") else { return false };
    let mut parts = token[at..].split('.');
    let is_part = |part: Option<&str>| {
        part.is_some_and(|part| part.len() >= 4 && part.bytes().all(is_base64_byte))
    };
    is_part(parts.next()) && is_part(parts.next())
}

fn is_base64_run(token: &str) -> bool {
    let mut run = 0;
    token.bytes().any(|byte| {
        run = if is_base64_byte(byte) { run + 1 } else { 0 };
        run > MAX_BASE64_RUN
    })
}

fn is_base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// What a value under this key is, by the key's name alone, in any case style.
pub(super) fn kind_by_key(key: &str) -> Option<Kind> {
    const SECRETS: [&str; 12] = [
        "accesskey",
        "apikey",
        "authorization",
        "cookie",
        "credential",
        "passphrase",
        "passwd",
        "password",
        "privatekey",
        "secret",
        "servicerole",
        "token",
    ];
    const SIGNED_URLS: [&str; 5] =
        ["imageurl", "mediaurl", "presignedurl", "recordingurl", "signedurl"];
    const MEDIA: [&str; 4] = ["base64", "binarydata", "imagedata", "mediadata"];
    let name: String =
        key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let is_one_of = |names: &[&str]| names.iter().any(|wanted| name.contains(wanted));
    if is_one_of(&SECRETS) {
        Some(Kind::Secret)
    } else if is_one_of(&SIGNED_URLS) {
        Some(Kind::SignedUrl)
    } else if is_one_of(&MEDIA) {
        Some(Kind::Media)
    } else {
        None
    }
}
