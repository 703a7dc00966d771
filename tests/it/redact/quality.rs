//! How much is found of what is there, and how much of what is found is there.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::collections::BTreeMap;

use moltbot_audit::redact::{Kind, find, mask};

use super::corpus::{negatives, positives};

#[derive(Default)]
struct Score {
    planted: u32,
    hidden: u32,
    found: u32,
    right: u32,
    missed: Vec<String>,
    invented: Vec<String>,
}

/// All digits of a text in ASCII, whatever stands between them, and stars for words and masks.
pub(super) fn digits(text: &str) -> String {
    let value = |c: char| match c {
        '0'..='9' => Some(c),
        '٠'..='٩' => char::from_digit(u32::from(c) - 0x660, 10),
        '۰'..='۹' => char::from_digit(u32::from(c) - 0x6f0, 10),
        '０'..='９' => char::from_digit(u32::from(c) - 0xff10, 10),
        '*' => Some('*'),
        c if c.is_alphabetic() => Some('*'),
        _ => None,
    };
    text.replace("%20", " ").chars().filter_map(value).collect()
}

/// Whether seven digits in a row of a number are left.
pub(super) fn leaks(masked: &str, number: &str) -> bool {
    let left = digits(masked);
    number.as_bytes().windows(7).any(|run| left.as_bytes().windows(7).any(|other| other == run))
}

#[test]
fn recall_and_precision_are_what_is_promised() {
    let mut scores: BTreeMap<Kind, Score> = BTreeMap::new();
    let (positives, negatives) = (positives(), negatives());
    assert!(positives.len() >= 1_500 && negatives.len() >= 1_500);
    for positive in &positives {
        let masked = mask(&positive.text);
        let is_hidden = match positive.kind {
            Kind::Phone => !leaks(&masked, &positive.planted),
            _ => !masked.contains(&positive.planted),
        };
        let score = scores.entry(positive.kind).or_default();
        score.planted += 1;
        score.hidden += u32::from(is_hidden);
        if !is_hidden {
            score.missed.push(format!("{} -> {masked}", positive.text));
        }
        for found in find(&positive.text) {
            let score = scores.entry(found.kind).or_default();
            score.found += 1;
            score.right += u32::from(found.kind == positive.kind);
            if found.kind != positive.kind {
                score
                    .invented
                    .push(format!("{:?} in {:?}", &positive.text[found.at], positive.text));
            }
        }
    }
    for text in &negatives {
        for found in find(text) {
            let score = scores.entry(found.kind).or_default();
            score.found += 1;
            score.invented.push(format!("{:?} in {text:?}", &text[found.at]));
        }
    }
    println!("{} positive, {} negative texts", positives.len(), negatives.len());
    for (kind, score) in &scores {
        let recall = f64::from(score.hidden) / f64::from(score.planted.max(1));
        let precision = f64::from(score.right) / f64::from(score.found.max(1));
        println!("{:<12} recall {recall:.4} precision {precision:.4}", kind.as_str());
        for text in score.missed.iter().take(8) {
            println!("    missed {text}");
        }
        for text in score.invented.iter().take(8) {
            println!("    invented {text}");
        }
    }
    for (kind, score) in &scores {
        let least =
            if matches!(kind, Kind::Secret | Kind::SignedUrl | Kind::Media) { 1.0 } else { 0.995 };
        assert!(f64::from(score.hidden) >= least * f64::from(score.planted), "recall of {kind:?}");
        assert!(f64::from(score.right) >= 0.98 * f64::from(score.found), "precision of {kind:?}");
    }
}
