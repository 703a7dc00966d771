//! Payment cards (ISO/IEC 7812).

/// Whether ASCII digits are a card number, by issuer, length and check digit.
pub(super) fn is_card(digits: &[u8]) -> bool {
    is_issued(digits) && luhn(digits)
}

fn is_issued(digits: &[u8]) -> bool {
    let first: u32 =
        digits[..4].iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    match digits.len() {
        13 => first / 1000 == 4,
        14 => matches!(first / 100, 30 | 36 | 38 | 39),
        15 => matches!(first / 100, 34 | 37),
        16 => {
            matches!(first / 1000, 4)
                || matches!(first / 100, 35 | 50..=58 | 60..=69)
                || matches!(first, 2221..=2720)
        }
        17..=19 => {
            matches!(first / 100, 50 | 62 | 63 | 67) || (digits.len() == 19 && first / 1000 == 4)
        }
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0');
            let value = if place % 2 == 1 { value * 2 } else { value };
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}
