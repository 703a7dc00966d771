//! Finds prices in a reply: `8,000-12,000 RWF`, `15k`, `15k–30k`, `7 500 Frw`, `Price: 4500`.

/// Every price in the text, in whole Rwandan francs. If a number is certainly a price (it has a
/// currency, a `k` or a thousands separator), bare numbers do not count.
pub(crate) fn prices(text: &str) -> Vec<i64> {
    let numbers = numbers(text);
    let certain: Vec<i64> = numbers.iter().filter(|n| n.certain).map(|n| n.value).collect();
    if certain.is_empty() {
        numbers.into_iter().map(|number| number.value).collect()
    } else {
        certain
    }
}

struct Number {
    value: i64,
    certain: bool,
}

fn numbers(text: &str) -> Vec<Number> {
    let chars: Vec<char> = text.to_lowercase().chars().collect();
    let mut found: Vec<Number> = Vec::new();
    let mut open_range: Option<i64> = None;
    let mut at = 0;
    while at < chars.len() {
        let starts = chars[at].is_ascii_digit()
            && (at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '+'));
        if !starts {
            at += 1;
            continue;
        }
        let (digits, grouped, end) = digits(&chars, at);
        let (factor, currency, end) = suffix(&chars, end);
        let leading_zero = chars[at] == '0';
        at = end;
        let glued = chars.get(end).is_some_and(|c| c.is_alphanumeric());
        let Ok(value) = digits.parse::<i64>() else { continue };
        // Numbers of nine digits or with a leading zero are phone numbers.
        if glued || leading_zero || digits.len() >= 9 {
            open_range = None;
            continue;
        }
        // In "15-20k", the first number is in thousands too.
        if let Some(low) = open_range.take().filter(|low| factor > 1 && *low < 1_000) {
            found.push(Number { value: low * factor, certain: true });
        }
        let value = value * factor;
        if is_range_mark(&chars, end) && value < LOWEST {
            open_range = Some(value);
        }
        if (LOWEST..=HIGHEST).contains(&value) {
            found.push(Number { value, certain: grouped || currency || factor > 1 });
        }
    }
    found
}

/// The digits from `at`, without thousands separators: whether there were any, and where it ends.
fn digits(chars: &[char], at: usize) -> (String, bool, usize) {
    let digit = |index: usize| chars.get(index).filter(|c| c.is_ascii_digit());
    let mut text = String::new();
    let mut grouped = false;
    let mut end = at;
    loop {
        if let Some(c) = digit(end) {
            text.push(*c);
            end += 1;
            continue;
        }
        let separates =
            chars.get(end).is_some_and(|c| matches!(c, ',' | '.' | ' ' | '\u{a0}' | '\u{202f}'));
        let group = (1..=3).all(|offset| digit(end + offset).is_some()) && digit(end + 4).is_none();
        // Only up to three digits can stand before a separator: "2500 300" is two numbers.
        if separates && group && (grouped || text.len() <= 3) {
            grouped = true;
            end += 1;
        } else {
            return (text, grouped, end);
        }
    }
}

/// A `k` or a currency after the digits: the factor, whether there is a currency, and where it ends.
fn suffix(chars: &[char], end: usize) -> (i64, bool, usize) {
    let rest = |from: usize| -> String { chars[from..].iter().take(7).collect() };
    let (factor, end) = match rest(end) {
        text if text.starts_with('k') && !text[1..].starts_with(char::is_alphanumeric) => {
            (1_000, end + 1)
        }
        _ => (1, end),
    };
    let behind = rest(end);
    let spaces = behind.chars().take_while(|c| c.is_whitespace()).count();
    let behind = behind.trim_start();
    for currency in ["rwf", "frw", "francs", "f"] {
        let tail = behind.strip_prefix(currency);
        if tail.is_some_and(|tail| !tail.starts_with(char::is_alphanumeric)) {
            return (factor, true, end + spaces + currency.len());
        }
    }
    (factor, false, end)
}

fn is_range_mark(chars: &[char], end: usize) -> bool {
    let rest: String = chars[end..].iter().take(4).collect();
    ["-", "–", " - ", " – ", " to ", " à "].iter().any(|mark| rest.starts_with(mark))
}

/// No shop sells anything for less. A smaller number is a quantity, a dose or an hour.
const LOWEST: i64 = 100;
const HIGHEST: i64 = 100_000_000;
