//! Finds international bank account numbers (ISO 13616).

use std::ops::Range;

/// Countries, each with the length of its account numbers.
const LENGTHS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27\
DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30\
KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29\
PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

/// The account number with its check digits at `digits`, if its checksum is right.
pub(super) fn range(text: &str, digits: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if !bytes.get(digits..digits + 2)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let start = digits.checked_sub(2)?;
    let country = bytes.get(start..digits)?;
    let begins = start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
    if !begins || !country.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let entry = LENGTHS.as_bytes().chunks_exact(4);
    let entry = entry.into_iter().find(|entry| entry[..2].eq_ignore_ascii_case(country))?;
    let length = usize::from(entry[2] - b'0') * 10 + usize::from(entry[3] - b'0');
    let mut account = [0; 34];
    let (mut len, mut end, mut gap) = (0, start, 0);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        if byte.is_ascii_alphanumeric() && len < length {
            account[len] = byte.to_ascii_uppercase();
            (len, end, gap) = (len + 1, at + 1, 0);
        } else if len < length && gap < 2 && matches!(byte, b' ' | b'-' | 0xc2 | 0xa0) {
            // A no-break space has two bytes.
            gap += 1;
        } else {
            break;
        }
    }
    let ends = bytes.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (len == length && ends && checks(&account[..len])).then_some(start..end)
}

/// ISO 7064, MOD 97-10: the first four characters go to the end, letters count from 10.
fn checks(account: &[u8]) -> bool {
    let (first, rest) = account.split_at(4);
    let sum = rest.iter().chain(first).fold(0_u32, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    sum == 1
}
