//! Finds URLs that hold a password, or that give access by themselves.

use std::ops::Range;

use crate::redact::kind::Kind;

/// The longest user and password that brackets or quotes may split into several tokens.
const MAX_USER: usize = 200;

/// Query parameters that make a URL give access to what it names.
const SIGNING_PARAMETERS: [&str; 22] = [
    "access_token=",
    "api_key=",
    "apikey=",
    "auth=",
    "awsaccesskeyid=",
    "client_secret=",
    "expires=",
    "googleaccessid=",
    "hash=",
    "hmac=",
    "jwt=",
    "key-pair-id=",
    "key=",
    "oh=",
    "password=",
    "policy=",
    "refresh_token=",
    "sig=",
    "signature=",
    "token=",
    "x-amz-",
    "x-goog-",
];

/// URLs to which anyone who knows them may post, from the rules of gitleaks and trufflehog.
const WEBHOOKS: [&str; 9] = [
    ".webhook.office.com/webhookb2/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    "hooks.slack.com/services/",
    "hooks.slack.com/triggers/",
    "hooks.slack.com/workflows/",
    "hooks.zapier.com/hooks/",
    "outlook.office.com/webhook/",
    "outlook.office365.com/webhook/",
];

/// What a token is because of the URL in it.
pub(super) fn kind_of(token: &str) -> Option<Kind> {
    let (scheme, rest) = match token.split_once("://") {
        Some(parts) => parts,
        // A host without a scheme, as people copy it.
        None if token.contains(['.', '/']) => ("https", token),
        None => return None,
    };
    if WEBHOOKS.iter().any(|webhook| rest.contains(webhook)) {
        return Some(Kind::Secret);
    }
    if token.len() > rest.len() && user_and_password(scheme, rest).is_some() {
        return Some(Kind::Secret);
    }
    let path = rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]);
    let parameters = path.find(['?', '#']).map_or("", |at| &path[at..]);
    let is_signed = parameters.split(['?', '#', '&', ';']).any(|parameter| {
        SIGNING_PARAMETERS.iter().any(|name| {
            let start = parameter.as_bytes().get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        })
    });
    is_signed.then_some(Kind::SignedUrl)
}

/// A URL whose password holds brackets, quotes or bars, which drivers accept. It goes from the token in which it
/// begins to the white space or the quote after it.
pub(super) fn with_password(text: &str, token: &Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let cut = bytes.get(token.end)?;
    if !matches!(cut, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'\'' | b'|') {
        return None;
    }
    let (scheme, _) = text[token.clone()].split_once("://")?;
    let from = token.start + scheme.len() + "://".len();
    let goes_on =
        |byte: &&u8| **byte > b' ' && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'`' | 0x7f);
    let len = bytes[from..].iter().take(MAX_USER).take_while(goes_on).count();
    let end = text.floor_char_boundary(from + len);
    let user = user_and_password(scheme, text.get(from..end)?)?;
    let is_cut_inside = user.len() > token.end - from;
    is_cut_inside.then_some(token.start..end)
}

/// `user:password` before the host of a URL. `rest` is the URL without its scheme.
fn user_and_password<'a>(scheme: &str, rest: &'a str) -> Option<&'a str> {
    // A password may hold slashes, but so may the path of a web page, which may hold an @.
    let is_web = scheme.ends_with("http") || scheme.ends_with("https");
    let may_hold = if is_web { rest.split(['/', '?', '#']).next()? } else { rest };
    let (user, _) = may_hold.rsplit_once('@')?;
    user.contains(':').then_some(user)
}
