//! Words before digits that say what they are: somebody's number, or the number of a thing.

use std::cell::OnceCell;

use super::context::{self, word_before};
use crate::redact::key_name::KeyKind;

/// Words that say a phone number follows, in English, French and Kinyarwanda.
const PHONE_WORDS: [&str; 36] = [
    "call",
    "cell",
    "cellphone",
    "cellulaire",
    "dial",
    "fax",
    "fone",
    "gsm",
    "joignable",
    "joindre",
    "joignez",
    "landline",
    "mobile",
    "msisdn",
    "nimero",
    "numero",
    "numéro",
    "phone",
    "phones",
    "portable",
    "ring",
    "sms",
    "tel",
    "tele",
    "telefone",
    "telefoni",
    "telephone",
    "telephoni",
    "terefone",
    "terefoni",
    "tél",
    "téléphone",
    "viber",
    "wa",
    "watsapp",
    "whatsapp",
];

/// How words begin that say so in any of their forms: `appelez`, `mpamagara`, `mwampamagara kuri`.
const PHONE_STEMS: [&str; 8] =
    ["appel", "hamagar", "mpamagar", "mwampamagar", "nhamagar", "rappel", "umpamagar", "whatsap"];

/// Words that say so if a little word lies between them and the number: `text me on …`.
const REACHING_WORDS: [&str; 18] = [
    "andika",
    "andikira",
    "cherchez",
    "contact",
    "contacter",
    "contactez",
    "contacts",
    "ecrire",
    "ecrivez",
    "ping",
    "reach",
    "reached",
    "telegram",
    "text",
    "vugisha",
    "write",
    "écrire",
    "écrivez",
];

/// Words that may lie between and are longer than little words.
const LITTLE_WORDS: [&str; 9] =
    ["anytime", "cyangwa", "directly", "maintenant", "number", "please", "yacu", "yanjye", "yawe"];

/// Longest little word between one of these and the number. `call about order 4155552671` counts orders.
const MAX_LITTLE_WORD: usize = 4;

/// Most words between.
const MAX_WORDS: usize = 4;

/// Words that say what a number is of, when it is nobody's.
const LABELS: [&str; 89] = [
    "account",
    "amount",
    "article",
    "asin",
    "awb",
    "balance",
    "barcode",
    "batch",
    "bill",
    "booking",
    "build",
    "case",
    "checksum",
    "code",
    "colis",
    "commande",
    "commandes",
    "commit",
    "compte",
    "confirmation",
    "count",
    "cursor",
    "doi",
    "dossier",
    "ean",
    "epoch",
    "facture",
    "flight",
    "gtin",
    "hash",
    "iccid",
    "id",
    "ids",
    "imei",
    "imsi",
    "index",
    "invoice",
    "invoices",
    "isbn",
    "item",
    "job",
    "konti",
    "lot",
    "meter",
    "mid",
    "model",
    "montant",
    "nif",
    "nonce",
    "offset",
    "order",
    "orders",
    "page",
    "parcel",
    "part",
    "pid",
    "port",
    "product",
    "rc",
    "receipt",
    "recu",
    "ref",
    "reference",
    "references",
    "reçu",
    "row",
    "rowid",
    "référence",
    "seed",
    "seq",
    "sequence",
    "serial",
    "session",
    "size",
    "sku",
    "sn",
    "span",
    "tid",
    "ticket",
    "timestamp",
    "tin",
    "total",
    "trace",
    "tracking",
    "transaction",
    "transactions",
    "ts",
    "txn",
    "upc",
];

/// Labels of what has numbers in all ranges that phones have, and no less digits.
const PRODUCT_LABELS: [&str; 6] = ["barcode", "ean", "gtin", "isbn", "sku", "upc"];

/// How clearly words say that a number follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Announced {
    No,
    /// `phone 1200000` may be a price.
    Perhaps,
    /// `my number is 51234`.
    Clearly,
}

/// What stands before digits, each looked for once at most, however many groups follow.
pub(super) struct Around<'a> {
    text: &'a str,
    start: usize,
    announced: OnceCell<Announced>,
    named: OnceCell<Option<KeyKind>>,
    label: OnceCell<Option<&'a str>>,
}

impl<'a> Around<'a> {
    pub(super) const fn new(text: &'a str, start: usize) -> Self {
        let (announced, named, label) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { text, start, announced, named, label }
    }

    /// How clearly words before say that a number follows.
    pub(super) fn announced(&self) -> Announced {
        *self.announced.get_or_init(|| announced(self.text, self.start))
    }

    /// What the name of the value says, if it says that it is a phone number.
    pub(super) fn named(&self) -> Option<KeyKind> {
        *self.named.get_or_init(|| context::phone_name(self.text, self.start))
    }

    /// Whether a word before says that it is the number of a thing.
    pub(super) fn is_labelled(&self) -> bool {
        (self.label().is_some() || self.text[..self.start].ends_with('#')) && self.named().is_none()
    }

    /// Whether it is the number of a product.
    pub(super) fn is_product(&self) -> bool {
        self.label().is_some_and(|label| is_one_of(label, &PRODUCT_LABELS))
    }

    /// Whether it is an id's value: of a picture, a message, but not of somebody or of a card.
    pub(super) fn is_id(&self) -> bool {
        self.label().is_some_and(|label| label.len() >= 2 && ends_with_id(label))
    }

    fn label(&self) -> Option<&'a str> {
        *self.label.get_or_init(|| label(self.text, self.start))
    }
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    // Most words differ from most others in their first letter.
    let Some(first) = word.bytes().next().map(|byte| byte | 0x20) else { return false };
    let begins = |known: &&&str| known.len() == word.len() && known.as_bytes()[0] | 0x20 == first;
    words.iter().filter(begins).any(|known| word.eq_ignore_ascii_case(known))
}

/// `id`, `ID`, `orderId`.
fn ends_with_id(word: &str) -> bool {
    word.eq_ignore_ascii_case("id") || word.ends_with("Id") || word.ends_with("ID")
}

/// The word that labels the digits at `at`, with `number`, `is` and the like between.
fn label(text: &str, at: usize) -> Option<&str> {
    const BETWEEN: [&str; 12] =
        ["is", "est", "ni", "no", "nr", "num", "number", "numero", "numéro", "nimero", "was", "n°"];
    let mut end = at;
    for _ in 0..3 {
        let word = word_before(text, end, b" :.#=-_(/\"'");
        let word = word.trim_start_matches(|c: char| !c.is_alphabetic());
        if word.is_empty() {
            return None;
        }
        if is_one_of(word, &LABELS) || ends_with_id(word) {
            return Some(word);
        }
        if !is_one_of(word, &BETWEEN) {
            return None;
        }
        end = word.as_ptr().addr() - text.as_ptr().addr();
    }
    None
}

fn announced(text: &str, at: usize) -> Announced {
    const SIGNS: &[u8] = b" :.(=#\"'->";
    let mut end = at;
    let mut is_linked = false;
    let mut has_other = false;
    for nth in 0..=MAX_WORDS {
        let mut word = word_before(text, end, SIGNS);
        // One word may announce two numbers: `tel 0788 123 456 / …`.
        if word.is_empty()
            && !has_other
            && let Some(start) = number_before(text, end)
        {
            (end, has_other) = (start, true);
            word = word_before(text, end, SIGNS);
        }
        if word.is_empty() || is_one_of(word, &LABELS) {
            return Announced::No;
        }
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        let gap = &text.as_bytes()[start + word.len()..end];
        // `ORD-…` is the number of a thing, whatever stands before.
        let is_code = nth == 0 && matches!(gap, [b'-' | b'#', ..]);
        is_linked |= nth > 0 || gap.iter().any(|byte| matches!(byte, b':' | b'='));
        if is_phone_word(word)
            || is_linked && is_one_of(word, &["contact", "contacts", "number"])
            || nth > 0 && is_one_of(word, &REACHING_WORDS)
        {
            return said(text, start, word, is_linked);
        }
        if is_code || word.chars().count() > MAX_LITTLE_WORD && !is_one_of(word, &LITTLE_WORDS) {
            return Announced::No;
        }
        end = start;
    }
    Announced::No
}

/// Where digits begin that end before `at`, with what may stand between two numbers.
fn number_before(text: &str, at: usize) -> Option<usize> {
    /// Fewest digits of a number, and most bytes.
    const MIN: usize = 5;
    const MAX: usize = 24;
    let before = &text.as_bytes()[..at];
    let is_part = |byte: &&u8| byte.is_ascii_digit() || b" +-./,()".contains(byte);
    let len = before.iter().rev().take(MAX).take_while(is_part).count();
    let digits = before[at - len..].iter().filter(|byte| byte.is_ascii_digit()).count();
    (digits >= MIN).then_some(at - len)
}

fn is_phone_word(word: &str) -> bool {
    is_one_of(word, &PHONE_WORDS)
        || PHONE_STEMS.iter().any(|stem| {
            let start = word.get(..stem.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(stem))
        })
}

/// How clearly one of the words says it, which may be the number of a thing: `order number is …`.
fn said(text: &str, start: usize, word: &str, is_linked: bool) -> Announced {
    const NUMBERS: [&str; 4] = ["number", "nimero", "numero", "numéro"];
    /// What `number` alone does not say.
    const OWNERS: [&str; 19] = [
        "cell",
        "client",
        "contact",
        "her",
        "his",
        "home",
        "mobile",
        "momo",
        "my",
        "new",
        "office",
        "other",
        "our",
        "phone",
        "telephone",
        "their",
        "whatsapp",
        "work",
        "your",
    ];
    if !is_one_of(word, &NUMBERS) {
        return if is_linked { Announced::Clearly } else { Announced::Perhaps };
    }
    let owner = word_before(text, start, b" -_'");
    if is_one_of(owner, &LABELS) {
        return Announced::No;
    }
    if word.eq_ignore_ascii_case("number") && !is_one_of(owner, &OWNERS) {
        return Announced::No;
    }
    Announced::Clearly
}
