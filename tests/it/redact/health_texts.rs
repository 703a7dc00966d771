//! Messages of clients, shops and the bot, written by people who did not write the lists of words: of illness, which no
//! outsider sees in a request about trade, and of trade, which stay readable.
//!
//! `MOLTBOT_AUDIT_TEXTS=FILE cargo test --test it own_texts -- --nocapture` counts how many of your own are shown, one a
//! line, each behind its language and a tab.

use std::collections::BTreeMap;

use super::health::shown;

/// What the lists did not hide when they were last extended; see docs/privacy.md.
const MEDICAL_SHOWN_MAX: usize = 2;

/// In percent.
const TRADE_SHOWN_MIN: usize = 97;

/// How the lists say that an item is compared.
const HOW: [&str; 10] = [
    "adjective",
    "class",
    "form",
    "morpheme",
    "phrase",
    "start",
    "stem",
    "subject",
    "verb",
    "word",
];

const CATEGORIES: [&str; 4] = ["electronics", "furniture", "groceries", "phones"];

fn texts(lines: &str) -> Vec<(&str, String)> {
    let texts = lines.lines().filter_map(|line| line.split_once('\t'));
    texts.map(|(language, text)| (language, text.to_owned())).collect()
}

/// The texts that an outsider reads, each said alone in a request about trade.
async fn readable<'a>(texts: &[(&'a str, String)]) -> Vec<(&'a str, String)> {
    let mut readable = Vec::new();
    for (category, nth) in CATEGORIES.into_iter().zip(0..) {
        let texts: Vec<_> = texts.iter().skip(nth).step_by(CATEGORIES.len()).cloned().collect();
        let said: Vec<_> = texts.iter().map(|(_, text)| text.clone()).collect();
        let shown = shown(Some(category), &said).await;
        let pairs = texts.into_iter().zip(shown);
        readable.extend(pairs.filter(|(_, shown)| shown != "[hidden]").map(|(text, _)| text));
    }
    readable
}

#[tokio::test]
async fn messages_about_an_illness_are_hidden_in_a_request_about_trade() {
    let texts = texts(include_str!("../../texts/medical.txt"));
    let leaked = readable(&texts).await;
    assert!(texts.len() >= 540);
    assert!(leaked.len() <= MEDICAL_SHOWN_MAX, "{} of {}: {leaked:#?}", leaked.len(), texts.len());
}

#[tokio::test]
async fn messages_about_trade_are_readable() {
    let texts = texts(include_str!("../../texts/trade.txt"));
    let readable = readable(&texts).await;
    assert!(texts.len() >= 540);
    let hidden: Vec<_> = texts.iter().filter(|text| !readable.contains(text)).collect();
    assert!(
        readable.len() * 100 >= texts.len() * TRADE_SHOWN_MIN,
        "{} of {}: {hidden:#?}",
        hidden.len(),
        texts.len()
    );
}

#[tokio::test]
async fn own_texts_are_counted() {
    let Ok(path) = std::env::var("MOLTBOT_AUDIT_TEXTS") else { return };
    let lines = std::fs::read_to_string(path).expect("a file of texts");
    let texts = texts(&lines);
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (language, _) in &texts {
        counts.entry(language).or_default().1 += 1;
    }
    for (language, _) in readable(&texts).await {
        counts.entry(language).or_default().0 += 1;
    }
    for (language, (shown, all)) in counts {
        eprintln!("{language}: {shown} of {all} shown");
    }
}

/// Texts that say nothing of anybody's health, and nothing of goods.
#[tokio::test]
async fn small_talk_numbers_and_times_are_readable() {
    let texts = [
        "Hello",
        "good morning",
        "Muraho",
        "Mwaramutse",
        "bonjour",
        "salut, ça va ?",
        "ok",
        "OK thanks!",
        "yes",
        "oui",
        "yego",
        "oya",
        "non merci",
        "murakoze cyane",
        "merci beaucoup",
        "see you tomorrow",
        "à demain",
        "15000",
        "12k",
        "8,500 RWF",
        "10:30",
        "14h",
        "saa sita",
        "2",
        "tomorrow at 9",
        "lundi à 8h",
        "👍",
        "👍🏾 thanks",
        "?",
        "one moment please",
        "un instant",
        "two of them, please",
    ];
    let texts = texts.map(str::to_owned);
    for (text, shown) in texts.iter().zip(shown(Some("groceries"), &texts).await) {
        assert_eq!(shown, *text);
    }
}

/// Nothing in them is a word of health.
#[tokio::test]
async fn a_text_without_evidence_of_trade_is_hidden() {
    let texts = [
        "he has not kept anything down since yesterday",
        "je ne dors plus depuis trois nuits",
        "nta kintu arya kuva ejo",
        "she just sits there and looks at the wall",
        "it came back last night, stronger than before",
        "they took it out on Tuesday, when can I wash",
        "on ne le reconnaît plus",
        "ein Satz auf Deutsch",
        "🤒",
        "v0mit",
        "ძალიან ცუდად არის",
    ];
    let texts = texts.map(str::to_owned);
    for (text, shown) in texts.iter().zip(shown(Some("electronics"), &texts).await) {
        assert_eq!(shown, "[hidden]", "{text}");
    }
}

#[test]
fn no_word_of_trade_has_two_weights() {
    let rules = moltbot_audit::redact::Profile::rules();
    let tables = rules["trade"].as_array().expect("tables");
    let lines = tables.iter().flat_map(|table| table.as_str().expect("a table").lines());
    let mut weights: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in lines.filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (head, items) = line.split_once(':').expect(line);
        let (weight, how) = head.split_once(' ').expect(line);
        let by = if how == "phrase" { ", " } else { " " };
        assert!(["2", "1", "0", "-1", "-2", "hide"].contains(&weight), "{line}");
        assert!(HOW.contains(&how), "{line}");
        for item in items.trim().split(by) {
            assert!(!item.is_empty(), "{line}");
            assert_eq!(weights.insert((how, item), weight), None, "{item} stands twice");
        }
    }
}
