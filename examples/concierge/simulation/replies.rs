//! Reads a vendor's reply, in English, French or Kinyarwanda.
//!
//! A refusal that is read as an offer sends the client across town for nothing. So we look for a
//! refusal first, and a text that says both is `unclear`.

use moltbot_audit::event::payload::ReplyOutput;

pub(crate) const PARSER_VERSION: &str = "replies-en-fr-rw.1";

/// Reads a reply as far as it can be understood.
pub(crate) fn parse_reply(text: &str) -> ReplyOutput {
    let words = words(text);
    let unsafe_reply = unsafe_content(text);
    let (availability, mut warnings) = availability(&words);
    let prices = super::price::prices(text);
    let place = PLACES.iter().find(|place| has(&words, &place.to_lowercase()));
    warnings.extend(unsafe_reply.map(str::to_owned));
    let clear = availability != "unclear" && unsafe_reply.is_none();
    let parts = [
        (clear, 0.55),
        (warnings.iter().any(|warning| warning == "partial"), 0.15),
        (!prices.is_empty() && clear, 0.30),
        (place.is_some() && clear, 0.10),
    ];
    // If nothing was understood, the confidence is zero. (`sum` of nothing would be -0.0.)
    let holding = parts.iter().filter(|(holds, _)| *holds);
    let confidence = holding.fold(0.0, |sum, (_, part)| sum + part);
    ReplyOutput {
        // The rest of such a text cannot be relied on either.
        availability: Some(if unsafe_reply.is_some() { "unclear" } else { availability }.into()),
        price_min: prices.iter().min().copied().filter(|_| unsafe_reply.is_none()),
        price_max: prices.iter().max().copied().filter(|_| unsafe_reply.is_none()),
        location_note: place.map(|place| (*place).to_owned()),
        options: COLOURS.iter().filter(|c| has(&words, c)).map(|c| (*c).to_owned()).collect(),
        confidence: Some(f64::round(confidence * 100.0) / 100.0),
        parser_version: Some(PARSER_VERSION.into()),
        warnings,
        ..Default::default()
    }
}

/// Why a text of a vendor or of Moltbot must not be relayed or obeyed.
pub(crate) fn unsafe_content(text: &str) -> Option<&'static str> {
    let words = words(text);
    if INJECTION.iter().any(|phrase| has(&words, phrase)) {
        Some("prompt_injection")
    } else if PAYMENT.iter().any(|phrase| has(&words, phrase)) {
        Some("payment_request")
    } else {
        None
    }
}

fn availability(words: &str) -> (&'static str, Vec<String>) {
    let mut rest = words.to_owned();
    let mut refused = false;
    for phrase in REFUSAL {
        let phrase = format!(" {phrase} ");
        while let Some(at) = rest.find(&phrase) {
            rest.replace_range(at..at + phrase.len(), " | ");
            refused = true;
        }
    }
    // In Kinyarwanda the negation is a prefix that negates the following verb: "nta … dufite".
    if rest.split(' ').any(|word| word.starts_with("nta") || word.starts_with("nti")) {
        rest = rest.replace(" dufite ", " ");
        refused = true;
    }
    let offered = OFFER.iter().any(|phrase| has(&rest, phrase));
    let regret = REGRET.iter().any(|phrase| has(words, phrase));
    match (refused, offered) {
        (true, true) => ("unclear", vec!["partial".to_owned()]),
        (true, false) => ("out_of_stock", vec![]),
        (false, true) => ("in_stock", vec![]),
        (false, false) if regret => ("out_of_stock", vec![]),
        (false, false) => ("unclear", vec![]),
    }
}

/// Lower case, without accents and punctuation, one space before, between and after the words.
fn words(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'à' | 'â' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'î' | 'ï' => 'i',
            'ô' => 'o',
            'û' | 'ù' => 'u',
            'ç' => 'c',
            '’' => '\'',
            c if c.is_alphanumeric() || c == '\'' => c,
            _ => ' ',
        })
        .collect();
    format!(" {} ", plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn has(words: &str, phrase: &str) -> bool {
    words.contains(&format!(" {phrase} "))
}

const REFUSAL: &[&str] = &[
    "out of stock",
    "not in stock",
    "not available",
    "no longer available",
    "unavailable",
    "sold out",
    "is out",
    "are out",
    "is finished",
    "don't have",
    "do not have",
    "dont have",
    "we have no",
    "no stock",
    "we only have",
    "we only sell",
    "en rupture de stock",
    "rupture de stock",
    "en rupture",
    "pas disponible",
    "plus disponible",
    "indisponible",
    "epuise",
    "pas en stock",
    "plus en stock",
    "nous n'avons pas",
    "nous n'avons plus",
    "nous n'en avons pas",
    "nous n'en avons plus",
    "n'avons pas",
    "n'avons plus",
    "n'en avons plus",
    "on n'a pas",
    "on n'a plus",
    "byarashize",
    "byashize",
    "yarashize",
    "yashize",
    "twabuze",
];

const OFFER: &[&str] = &[
    "yes",
    "available",
    "in stock",
    "we have",
    "we do have",
    "oui",
    "disponible",
    "disponibles",
    "en stock",
    "nous avons",
    "nous en avons",
    "on a",
    "yego",
    "dufite",
    "turayifite",
    "turabifite",
    "turazifite",
    "irahari",
    "birahari",
    "zirahari",
];

/// Polite refusals. Alone they mean no, and beside an offer they mean nothing.
const REGRET: &[&str] =
    &["sorry", "no", "desole", "desolee", "non", "mwihangane", "mutwihanganire", "oya"];

const INJECTION: &[&str] = &[
    "ignore previous instructions",
    "ignore all previous instructions",
    "ignore your instructions",
    "disregard previous instructions",
    "system prompt",
    "you are now",
    "oublie les instructions",
    "ignorez les instructions",
];

const PAYMENT: &[&str] = &[
    "deposit",
    "send money",
    "pay first",
    "pay in advance",
    "momo pay",
    "acompte",
    "avance par momo",
    "ohereza amafaranga",
    "mwishyure mbere",
    "your pin",
    "momo pin",
];

const PLACES: &[&str] =
    &["Kigali Heights", "Kacyiru", "Kimironko", "Nyabugogo", "Nyamirambo", "Nyarutarama", "Remera"];

const COLOURS: &[&str] =
    &["black", "blue", "clear", "green", "red", "white", "noir", "blanc", "bleu", "umukara"];
