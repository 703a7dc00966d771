//! Valid names for a host's rows: any text or UUID that can belong to one row only.

use uuid::Uuid;

/// Longest name, in bytes: it stands in every event.
const MAX_LEN: usize = 256;

/// Why a text or UUID cannot be the id of one of the host's rows. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostIdFault {
    /// It is empty or blank.
    #[error("is blank")]
    Blank,
    /// A blank stands before or behind it, so that two texts would name one row.
    #[error("begins or ends with a blank: trim it")]
    Untrimmed,
    /// It holds a control character or an invisible one.
    #[error("holds a control character or an invisible one: remove it")]
    Invisible,
    /// It is too long.
    #[error("has over 256 bytes: name the row by its key")]
    TooLong,
    /// It is a language's text for a missing value.
    #[error("is a text for a missing value, such as undefined, null, NaN or [object Object]")]
    Missing,
    /// It is, or holds, a variable that was never filled in.
    #[error("is a template that was not filled in, such as {{id}} or %s")]
    Template,
    /// It has no letter, and no digit other than zero.
    #[error("has no letter and no digit other than zero")]
    Zero,
    /// It is the UUID whose bits are all zero.
    #[error("is the nil UUID")]
    NilUuid,
    /// It is the UUID whose bits are all one.
    #[error("is the max UUID")]
    MaxUuid,
}

/// What a valid id is.
pub(super) enum HostId {
    /// A UUID, in any of its written forms.
    Uuid(Uuid),
    /// Any other name.
    Name,
}

/// Reads the host's id of a row.
pub(super) fn read(text: &str) -> Result<HostId, HostIdFault> {
    if text.chars().all(|char| char.is_whitespace() || is_invisible(char)) {
        return Err(HostIdFault::Blank);
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(HostIdFault::Untrimmed);
    }
    if text.chars().any(is_invisible) {
        return Err(HostIdFault::Invisible);
    }
    if let Some(uuid) = parse_uuid(text) {
        return check_uuid(uuid).map(HostId::Uuid);
    }
    if text.len() > MAX_LEN {
        return Err(HostIdFault::TooLong);
    }
    check_name(text)?;
    // A template or a missing value may have been put into a URL on its way here.
    percent_decoded(text).map_or(Ok(()), |decoded| check_name(&decoded))?;
    Ok(HostId::Name)
}

/// Refuses the two UUIDs that stand for "none".
pub(super) fn check_uuid(uuid: Uuid) -> Result<Uuid, HostIdFault> {
    if uuid.is_nil() {
        Err(HostIdFault::NilUuid)
    } else if uuid.is_max() {
        Err(HostIdFault::MaxUuid)
    } else {
        Ok(uuid)
    }
}

/// Reads a UUID in any of its written forms, so that one row never has two ids: in capitals, without
/// hyphens, in braces, brackets or quotes, behind `urn:uuid:`.
fn parse_uuid(text: &str) -> Option<Uuid> {
    const WRAPPERS: [char; 10] = ['{', '}', '(', ')', '[', ']', '<', '>', '"', '\''];
    let bare = text.trim_matches(WRAPPERS);
    let prefix = ["urn:uuid:", "uuid:"].into_iter().find(|prefix| {
        bare.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    });
    let bare = bare[prefix.map_or(0, str::len)..].trim_matches(WRAPPERS);
    let is_uuid = matches!(bare.len(), 32 | 36);
    is_uuid.then(|| Uuid::try_parse(bare).ok()).flatten()
}

fn check_name(text: &str) -> Result<(), HostIdFault> {
    let lower = text.to_ascii_lowercase();
    if lower.contains("undefined") || lower.contains("[object ") {
        return Err(HostIdFault::Missing);
    }
    let words: Vec<&str> =
        text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.iter().all(|word| is_zero(word)) {
        return Err(HostIdFault::Zero);
    }
    if is_template(text) {
        return Err(HostIdFault::Template);
    }
    if is_missing(text, &words) { Err(HostIdFault::Missing) } else { Ok(()) }
}

fn is_template(text: &str) -> bool {
    const MARKS: [&str; 6] = ["{", "}", "$(", "%(", "%!", "xxxxxxxx-xxxx"];
    let is_wrapped = |open, close| text.starts_with(open) && text.ends_with(close);
    // An e-mail's Message-ID stands in angle brackets.
    let is_tag = text.contains(['<', '>']) && !text.contains('@');
    is_tag
        || MARKS.iter().any(|mark| text.contains(mark))
        || text.starts_with(['$', ':'])
        || is_wrapped('[', ']')
        || is_wrapped('%', '%')
        || text.split('%').skip(1).any(is_conversion)
}

/// True for what follows the percent sign in `%s`, `%d` and the like.
fn is_conversion(rest: &str) -> bool {
    let letter = rest.strip_prefix("1$").unwrap_or(rest);
    letter.starts_with(['s', 'd', 'i', 'v', 'u', 'q', '@'])
        && !letter[1..].starts_with(char::is_alphanumeric)
}

fn is_zero(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    digits.bytes().all(|byte| byte == b'0')
}

fn is_missing(text: &str, words: &[&str]) -> bool {
    let joined = words.concat().to_ascii_lowercase();
    let has_digit = |word: &&str| word.contains(char::is_numeric);
    text == "-1"
        || text == r"\N"
        || MISSING.contains(&joined.as_str())
        || words.iter().all(|word| MISSING.contains(&word.to_ascii_lowercase().as_str()))
        // As in `req-null`. Case counts, since random ids may hold any word of a few letters.
        || words.iter().any(|word| matches!(*word, "null" | "NULL" | "None"))
        || words.contains(&"NaN") && !words.iter().any(has_digit)
}

/// What the common languages, databases and spreadsheets print for no value, and what stands in examples
/// in place of one; in lower case, without punctuation.
const MISSING: [&str; 52] = [
    "anonymous",
    "any",
    "blank",
    "boolean",
    "chat",
    "conversation",
    "conversationid",
    "empty",
    "error",
    "example",
    "false",
    "function",
    "guid",
    "here",
    "id",
    "inf",
    "infinity",
    "integer",
    "invalid",
    "missing",
    "my",
    "na",
    "name",
    "nan",
    "nat",
    "nil",
    "none",
    "nothing",
    "null",
    "nullptr",
    "number",
    "object",
    "pending",
    "placeholder",
    "promise",
    "ref",
    "request",
    "requestid",
    "session",
    "sessionid",
    "string",
    "symbol",
    "tba",
    "tbd",
    "todo",
    "true",
    "unknown",
    "unset",
    "uuid",
    "value",
    "void",
    "your",
];

/// True for control characters and for those that leave no mark on a screen (Unicode's default
/// ignorable ones, the blank Braille pattern), and for what stands in place of undecodable bytes.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text without its percent escapes, if it has any.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%');
        let byte = escaped.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    (bytes.len() < text.len()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}
