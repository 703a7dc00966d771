//! What finding personal data costs, against a row of regular expressions for the same classes.
//!
//! `cargo bench --all-features --bench redact` prints one table, over medians of rounds in which the
//! ways take turns. `-- --quick` runs a small size, to see that it works.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock, divides and prints"
)]

use std::hint::black_box;
use std::time::Instant;

use moltbot_audit::redact::{find, mask};
use regex::Regex;

/// The classes as a careful host would write them; each is searched in the whole text.
const PATTERNS: [&str; 9] = [
    r"\+?\(?\d{1,4}\)?(?:[\s.\-/()\u{a0}]{0,3}\d){6,14}",
    r"[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+",
    r"eyJ[A-Za-z0-9_\-]{9,}\.[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]*",
    r"\b(?:sk-|sbp_|AKIA|gh[pousr]_|xox[abprs]-|AIza|EAA|sk_live_)[A-Za-z0-9_\-]{12,}",
    r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9+/=_.\-]{8,}",
    r"(?i)https?://\S*[?&](?:token|sig|signature|x-amz-[a-z]+|oh|hash)=\S+",
    r"\b[A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]{4}){2,7}\b",
    r"\b(?:\d[ \-]?){13,19}\b",
    r"[a-z]+://[^\s:@/]+:[^\s@]+@\S+",
];

const CLEAN: &str = "The concierge asked three shops in Kimironko whether they have a phone charger in \
stock, and at what price. Two answered within a few minutes, le troisième n'a pas encore répondu, kandi \
umukiriya arategereje. The cheaper offer was chosen because the shop is near and its rating is good. ";

const CHAT: &str = "Muraho! Mfite iPhone charger original, igiciro ni 15,000 RWF, turi Kimironko. Call \
me 0788 123 456 or write to shop@example.rw before 18:00. Bonjour, c'est disponible à 12 500 Frw, \
livraison possible demain le 24/11/2026. I need 2 boxes of paracetamol 500mg, do you have it in stock? \
Yego dufite 3 gusa, order 7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11, murakoze cyane! ";

const LOG_LINE: &str = "vendor outreach sent: request 7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11, batch 2 of 3, \
vendor vendor-0f3a9b2c1d4e, duration 412 ms";

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, len) = if quick { (3, 1 << 14) } else { (31, 1 << 20) };
    let regexes: Vec<Regex> =
        PATTERNS.iter().map(|pattern| Regex::new(pattern).expect("a valid pattern")).collect();
    println!("{:<34} {:>10} {:>12} {:>8}", "medians of rounds", "MB/s", "regexes MB/s", "ratio");
    for (name, sample) in [("clean text", CLEAN), ("chat text", CHAT)] {
        let text = sample.repeat(len / sample.len());
        let (ours, theirs) = both(&text, &regexes, rounds);
        let speed = |seconds: f64| text.len() as f64 / seconds / 1e6;
        let (ours, theirs) = (speed(ours), speed(theirs));
        println!("{name:<34} {ours:>10.0} {theirs:>12.1} {:>8.1}", ours / theirs);
    }
    let nanos = median(
        (0..rounds)
            .map(|_| {
                seconds(|| {
                    for _ in 0..1_000 {
                        black_box(mask(black_box(LOG_LINE)));
                    }
                })
            })
            .collect(),
    ) * 1e6;
    println!("{:<34} {nanos:>10.0} ns", "one log line, masked");
    for piece in [
        "7",
        "a@",
        "[",
        "+7 ",
        "a-",
        "eyJ-",
        "sk-",
        "7 ",
        "password=*",
        "://",
        "0788 ",
        "DE8",
        "x-----BEGIN ",
    ] {
        let time = |len: usize| {
            let text = piece.repeat(len / piece.len());
            median((0..3).map(|_| seconds(|| drop(black_box(find(&text))))).collect())
        };
        let (one, eight) = (time(len / 8), time(len));
        println!("hostile {piece:<26?} {:>10.1} {:>21.1}", len as f64 / eight / 1e6, eight / one);
    }
}

/// Seconds for the whole text: with the scanner, with the regexes.
fn both(text: &str, regexes: &[Regex], rounds: usize) -> (f64, f64) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for nth in 0..=rounds {
        let one = seconds(|| drop(black_box(find(text))));
        let other = if nth < 5 {
            seconds(|| {
                black_box(regexes.iter().map(|regex| regex.find_iter(text).count()).sum::<usize>());
            })
        } else {
            continue;
        };
        // The first round fills caches.
        if nth > 0 {
            ours.push(one);
            theirs.push(other);
        }
    }
    (median(ours), median(theirs))
}

fn seconds(run: impl FnOnce()) -> f64 {
    let started = Instant::now();
    run();
    started.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
