//! Recognises phrases that name a person's own one-time code: `your code`, `kode yawe`,
//! `code to confirm your payment`.

use super::words::Words;

pub(super) static CODES: Words<2> = Words::new(["code", "kode"]);

static OWN: Words<7> = Words::new(["mon", "my", "ton", "votre", "yanjye", "yawe", "your"]);

pub(super) static ARTICLES: Words<5> = Words::new(["ce", "iyi", "le", "the", "this"]);

/// What people do with a code that they were sent, and the words that lead to one.
pub(super) static VERBS: Words<17> = Words::new([
    "avec",
    "enter",
    "entrez",
    "injiza",
    "koresha",
    "saisir",
    "saisis",
    "saisissez",
    "shyiramo",
    "tape",
    "tapez",
    "type",
    "ukoresheje",
    "use",
    "utilise",
    "utilisez",
    "with",
]);

/// Words that lead to what a code is for.
pub(super) static FOR: Words<8> =
    Words::new(["for", "kugira", "ngo", "pour", "ryo", "to", "wo", "yo"]);

/// Beginnings of words that say what a one-time code is for.
const PURPOSES: [&str; 26] = [
    "accéder",
    "activ",
    "approuv",
    "approve",
    "authenti",
    "authori",
    "autoris",
    "confirm",
    "connect",
    "connexion",
    "emeza",
    "finalis",
    "gufungura",
    "kugenzura",
    "kwemeza",
    "kwinjira",
    "kwiyandikisha",
    "log",
    "reset",
    "réinitialis",
    "sign",
    "unlock",
    "valid",
    "verif",
    "vérifi",
    "winjir",
];

/// `your code`, `votre code`, `kode yawe`, `enter the code`: such a code is a person's own. So is a
/// `code to confirm`.
pub(super) fn is_ones_own_code(phrase: &str) -> bool {
    // A code of one of these is still a person's own.
    static SENDERS: Words<6> =
        Words::new(["facebook", "google", "instagram", "telegram", "uber", "whatsapp"]);
    let mut words = phrase.rsplit([' ', '\'']).filter(|word| !word.is_empty());
    let (Some(last), Some(before)) = (words.next(), words.next()) else { return false };
    let is_sent = |before: &str| {
        let verb =
            if ARTICLES.has(before) { words.clone().next().unwrap_or_default() } else { before };
        OWN.has(before) || SENDERS.has(before) || VERBS.has(verb)
    };
    CODES.has(last) && is_sent(before) || CODES.has(before) && OWN.has(last) || is_code_for(phrase)
}

/// `code to confirm your payment`, `kode yo kwinjira`.
pub(super) fn is_code_for(phrase: &str) -> bool {
    let mut rest = phrase;
    while let Some((word, behind)) = rest.split_once(' ') {
        if CODES.has(word) {
            let (leads, purpose) = behind.split_at(behind.find(' ').unwrap_or(behind.len()));
            return FOR.has(leads) && is_purpose(purpose);
        }
        rest = behind;
    }
    false
}

/// Whether one of the next words says what a one-time code is for: ` confirm`, ` your login`, ` vous connecter`.
pub(super) fn is_purpose(text: &str) -> bool {
    sentence_of(text).split([' ', '\'']).take(4).any(|word| {
        PURPOSES.iter().any(|stem| {
            let start = word.get(..stem.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(stem))
        })
    })
}

/// The rest of a sentence, at most 64 bytes.
pub(super) fn sentence_of(text: &str) -> &str {
    let sentence = &text[..text.floor_char_boundary(64.min(text.len()))];
    sentence.split(['.', '!', '?', '\n']).next().unwrap_or_default()
}
