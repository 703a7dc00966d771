//! Looks for words before digits that say what the digits are: a phone number, or the number of a thing.

use std::cell::OnceCell;

use super::context::{self, word_before};
use super::words::Words;
use crate::redact::key_rules::KeyKind;

/// Words that announce a phone number, in English, French and Kinyarwanda.
static PHONE_WORDS: Words<36> = Words::new([
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
]);

/// Beginnings of words that announce one in any of their forms: `appelez`, `mpamagara`, `mwampamagara kuri`.
const PHONE_STEMS: [&str; 8] =
    ["appel", "hamagar", "mpamagar", "mwampamagar", "nhamagar", "rappel", "umpamagar", "whatsap"];

/// Words that announce one only if a little word stands between: `text me on …`.
static REACHING_WORDS: Words<18> = Words::new([
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
]);

/// Words that announce one only if a sign follows them, or a word stands between.
static LINKED_WORDS: Words<3> = Words::new(["contact", "contacts", "number"]);

/// Words that may stand between although they are longer than little words.
static LITTLE_WORDS: Words<9> = Words::new([
    "anytime",
    "cyangwa",
    "directly",
    "maintenant",
    "number",
    "please",
    "yacu",
    "yanjye",
    "yawe",
]);

/// The longest little word, in letters. `call about order 4155552671` names an order.
const MAX_LITTLE_WORD: usize = 4;

/// The most words between.
const MAX_WORDS: usize = 4;

/// Words that say what a number counts or names, so that it is not a phone number.
static LABELS: Words<94> = Words::new([
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
    "cost",
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
    "igiciro",
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
    "price",
    "prices",
    "prix",
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
    "ticket",
    "tid",
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
]);

/// Labels of products, whose numbers are as long as phone numbers and begin with any digits.
static PRODUCT_LABELS: Words<8> =
    Words::new(["barcode", "ean", "gtin", "iccid", "imei", "isbn", "sku", "upc"]);

/// How clearly words say that a number follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Announced {
    No,
    /// `phone 1200000` may be a price.
    Perhaps,
    /// `my number is 51234`.
    Clearly,
}

/// What stands before digits. Each answer is computed at most once, however many groups follow.
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

    /// How clearly words before the digits announce a phone number.
    pub(super) fn announced(&self) -> Announced {
        *self.announced.get_or_init(|| announced(self.text, self.start))
    }

    /// What the name of the value says, if it names a phone number.
    pub(super) fn named(&self) -> Option<KeyKind> {
        *self.named.get_or_init(|| context::phone_name(self.text, self.start))
    }

    /// Whether a word before the digits says that they are the number of a thing.
    pub(super) fn is_labelled(&self) -> bool {
        (self.label().is_some() || self.text[..self.start].ends_with('#')) && self.named().is_none()
    }

    /// Whether they are the number of a product.
    pub(super) fn is_product(&self) -> bool {
        self.label().is_some_and(|label| PRODUCT_LABELS.has(label))
    }

    /// Whether they are the value of an id: of a picture or a message, say, but not of a person or a card.
    pub(super) fn is_id(&self) -> bool {
        self.label().is_some_and(|label| label.len() >= 2 && ends_with_id(label))
    }

    fn label(&self) -> Option<&'a str> {
        *self.label.get_or_init(|| label(self.text, self.start))
    }
}

/// `id`, `ID`, `orderId`.
fn ends_with_id(word: &str) -> bool {
    word.eq_ignore_ascii_case("id") || word.ends_with("Id") || word.ends_with("ID")
}

/// The word that labels the digits at `at`. `number`, `is` and the like may stand between.
fn label(text: &str, at: usize) -> Option<&str> {
    static BETWEEN: Words<12> = Words::new([
        "is", "est", "ni", "no", "nr", "num", "number", "numero", "numéro", "nimero", "was", "n°",
    ]);
    let mut end = at;
    for _ in 0..3 {
        let word = word_before(text, end, b" :.#=-_(/\"'");
        let word = word.trim_start_matches(|c: char| !c.is_alphabetic());
        if word.is_empty() {
            return None;
        }
        if LABELS.has(word) || ends_with_id(word) {
            return Some(word);
        }
        if !BETWEEN.has(word) {
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
        if word.is_empty() || LABELS.has(word) {
            return Announced::No;
        }
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        let gap = &text.as_bytes()[start + word.len()..end];
        // `ORD-…` is the number of a thing, with any words before it.
        let is_code = nth == 0 && matches!(gap, [b'-' | b'#', ..]);
        is_linked |= nth > 0 || gap.iter().any(|byte| matches!(byte, b':' | b'='));
        if is_phone_word(word)
            || is_linked && LINKED_WORDS.has(word)
            || nth > 0 && REACHING_WORDS.has(word)
        {
            return said(text, start, word, is_linked);
        }
        if is_code || word.chars().count() > MAX_LITTLE_WORD && !LITTLE_WORDS.has(word) {
            return Announced::No;
        }
        end = start;
    }
    Announced::No
}

/// The start of the number before `at`, if only signs that join two numbers stand between.
fn number_before(text: &str, at: usize) -> Option<usize> {
    /// The fewest digits of a number, and the most bytes.
    const MIN: usize = 5;
    const MAX: usize = 24;
    let before = &text.as_bytes()[..at];
    let is_part = |byte: &&u8| byte.is_ascii_digit() || b" +-./,()".contains(byte);
    let len = before.iter().rev().take(MAX).take_while(is_part).count();
    let digits = before[at - len..].iter().filter(|byte| byte.is_ascii_digit()).count();
    (digits >= MIN).then_some(at - len)
}

fn is_phone_word(word: &str) -> bool {
    PHONE_WORDS.has(word)
        || PHONE_STEMS.iter().any(|stem| {
            let start = word.get(..stem.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(stem))
        })
}

/// How clearly this word announces a phone number. It may announce the number of a thing: `order number is …`.
fn said(text: &str, start: usize, word: &str, is_linked: bool) -> Announced {
    static NUMBERS: Words<4> = Words::new(["number", "nimero", "numero", "numéro"]);
    /// The word `number` announces a phone number only after one of these.
    static OWNERS: Words<19> = Words::new([
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
    ]);
    if !NUMBERS.has(word) {
        return if is_linked { Announced::Clearly } else { Announced::Perhaps };
    }
    let owner = word_before(text, start, b" -_'");
    if LABELS.has(owner) {
        return Announced::No;
    }
    if word.eq_ignore_ascii_case("number") && !OWNERS.has(owner) {
        return Announced::No;
    }
    Announced::Clearly
}
