//! Numbers of all regions in fourteen written forms, and digits of a hundred kinds that are nobody's number.
//!
//! The numbers are libphonenumber's examples, one mobile and one landline number of each region
//! (`scripts/numbering_plans.py` writes them). The texts are made by combination from a seed.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::collections::BTreeMap;

use moltbot_audit::redact::{find, mask, mask_json};
use serde_json::{Value, json};

use super::nobodys::KINDS;
use super::quality::leaks;
use crate::support::seeded::Seeded;

const NUMBERS: &str = include_str!("example_numbers.txt");

/// Texts of each kind that holds nobody's number.
const PER_KIND: usize = 60;

struct Number<'a> {
    is_mobile: bool,
    /// Its digits with the calling code.
    digits: String,
    abroad: &'a str,
    national: &'a str,
}

fn numbers() -> Vec<Number<'static>> {
    NUMBERS
        .lines()
        .map(|line| {
            let parts: Vec<_> = line.split('\t').collect();
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect();
            Number {
                is_mobile: parts[1] == "mobile",
                digits: digits(parts[3]),
                abroad: parts[3],
                national: parts[4],
            }
        })
        .collect()
}

/// Whether nothing says that a number follows: only mobile numbers have to be found.
type IsBare = bool;

/// How a number is written into a text.
type Form = (&'static str, IsBare, fn(&Number) -> Value);

const FORMS: [Form; 14] = [
    ("+ and digits", false, |n| json!(format!("write to +{} today", n.digits))),
    ("+ and groups", false, |n| json!(format!("{} is where I am", n.abroad))),
    ("+ and dots", false, |n| json!(n.abroad.replace([' ', '-'], "."))),
    ("+ and dashes", false, |n| json!(format!("({})", n.abroad.replace(' ', "-")))),
    ("00", false, |n| json!(format!("00{} svp", n.digits))),
    ("link", false, |n| json!(format!("https://wa.me/{}?text=hi", n.digits))),
    ("announced in English", false, |n| json!(format!("My phone number is {}, thanks", n.digits))),
    ("announced in French", false, |n| json!(format!("Appelez-moi au {} avant 18h", n.digits))),
    ("announced in Kinyarwanda", false, |n| {
        json!(format!("nimero yanjye ni {} murakoze", n.digits))
    }),
    ("announced, as at home", false, |n| json!(format!("call me on {}", n.national))),
    ("member", false, |n| json!({ "client_phone": n.digits })),
    ("log line", false, |n| json!(format!("sent wa_id={} batch=2", n.digits))),
    ("bare digits", true, |n| json!(format!("c'est le bon: {} merci", n.digits))),
    ("bare groups", true, |n| json!(format!("hello {}", n.abroad.replace('+', "")))),
];

#[test]
fn numbers_of_all_regions_are_found_in_every_form() {
    let numbers = numbers();
    assert!(numbers.len() >= 480, "{} numbers", numbers.len());
    let mut low = Vec::new();
    for (name, is_bare, form) in FORMS {
        // A number of four digits, as three islands have them, is a time or a year as well.
        let is_asked = |number: &&Number| {
            let has_digits =
                |count| number.national.chars().filter(char::is_ascii_digit).count() >= count;
            (number.is_mobile || !is_bare) && (has_digits(5) || name != "announced, as at home")
        };
        let asked: Vec<_> = numbers.iter().filter(is_asked).collect();
        let mut missed = Vec::new();
        for number in &asked {
            let mut value = form(number);
            mask_json(&mut value);
            let shown = value.to_string();
            // Of a short number, every digit counts.
            let national: String = number.national.chars().filter(char::is_ascii_digit).collect();
            let is_left = |text: &str| shown.contains(text);
            if leaks(&shown, &number.digits)
                || is_left(&number.digits)
                || is_left(&national)
                || is_left(number.national)
            {
                missed.push(shown);
            }
        }
        let (asked, hidden) = (count(asked.len()), count(asked.len() - missed.len()));
        println!("{name:<26} {hidden:>4} of {asked:<4} {:.3}", hidden / asked);
        missed.iter().take(60).for_each(|shown| println!("    missed {shown}"));
        if hidden / asked < if is_bare { 0.85 } else { 0.995 } {
            low.push(name);
        }
    }
    assert!(low.is_empty(), "recall of {low:?}");
}

#[test]
fn digits_of_a_hundred_kinds_are_left_alone() {
    assert!(KINDS.len() >= 100, "{} kinds", KINDS.len());
    let mut seeded = Seeded::new(16);
    let mut changed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (kind, make) in KINDS {
        for _ in 0..PER_KIND {
            let text = make(&mut seeded);
            if !find(&text).is_empty() {
                changed.entry(kind).or_default().push(format!("{text} -> {}", mask(&text)));
            }
        }
    }
    for (kind, texts) in &changed {
        println!(
            "{kind:<26} {:>2} of {PER_KIND}: {}",
            texts.len(),
            texts[..texts.len().min(6)].join(" | ")
        );
    }
    // Of what is found in both corpora together, the share that is somebody's.
    let invented = count(changed.values().map(Vec::len).sum());
    let right = count(numbers().len() * FORMS.len());
    println!(
        "{invented} of {} changed, precision {:.4}",
        KINDS.len() * PER_KIND,
        right / (right + invented)
    );
    assert!(right / (right + invented) >= 0.985, "{invented} texts changed");
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("few"))
}
