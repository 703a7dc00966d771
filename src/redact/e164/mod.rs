//! The canonical form of a phone number: E.164 without the plus. All spellings of one number have the same form, and
//! two numbers never do.
//!
//! A number with a plus, with `00`, or in a WhatsApp link names its country itself. Other digits are tried as a
//! number of the deployment's country: with its trunk prefix, then with its calling code, then with neither. If the
//! country has no trunk prefix, the last two are tried the other way round. At last they are tried as a number of
//! another country. A reading fits if the country's numbers have that length and those first digits.

mod error;
mod notation;
pub(super) mod plan;

pub use self::error::PhoneError;
use self::notation::WrittenNumber;
use self::plan::NumberingPlan;
use super::digit::digits_of;

/// The fewest digits by which a known number is found again. Fewer may be a price, or the number of a house.
const MIN_SPELLED: usize = 8;

/// The most digits of a number (ITU-T E.164).
const MAX_DIGITS: usize = 15;

/// The calling code of the deployment's country. A number that names no country belongs to this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallingCode(&'static str);

impl CallingCode {
    /// Rwanda, +250.
    pub const RWANDA: Self = Self("250");

    /// Takes the digits of a calling code, such as `254`.
    ///
    /// # Errors
    /// [`PhoneError::UnknownCallingCode`].
    pub fn new(digits: &str) -> Result<Self, PhoneError> {
        plan::find(digits)
            .filter(|(code, _)| *code == digits)
            .map(|(code, _)| Self(code))
            .ok_or(PhoneError::UnknownCallingCode)
    }
}

/// The number's digits with its country's calling code, and `;ext=` before the extension if it has one.
///
/// Digits that fit no country get a question mark before them, so that they never equal a number.
pub(super) fn canonical(text: &str, home: CallingCode) -> Result<String, PhoneError> {
    let WrittenNumber { digits, is_international, extension } = notation::read(text)?;
    if digits.is_empty() {
        return Err(PhoneError::NoDigit);
    }
    let mut number = of_digits(&digits, is_international, home);
    if number.trim_start_matches('?').len() > MAX_DIGITS {
        return Err(PhoneError::TooLong);
    }
    if let Some(extension) = extension {
        number.push_str(";ext=");
        number.push_str(&extension);
    }
    Ok(number)
}

/// As `canonical`, for ASCII digits. `is_international` is true if a plus stood before them.
pub(super) fn of_digits(digits: &str, is_international: bool, home: CallingCode) -> String {
    let Some((_, country)) = plan::find(home.0) else { return format!("?{digits}") };
    // A plus before a trunk zero says nothing.
    if is_international && !digits.starts_with('0') {
        return international(digits);
    }
    let abroad = country.abroad.iter().find_map(|prefix| digits.strip_prefix(prefix));
    if let Some(rest) = abroad.filter(|rest| !rest.is_empty() && !rest.starts_with('0')) {
        return international(rest);
    }
    let fits = [NumberingPlan::is_plausible, NumberingPlan::has_length];
    let read =
        |is_fit: &fn(&NumberingPlan, &str) -> bool| national(digits, (home.0, country), *is_fit);
    fits.iter().find_map(read).unwrap_or_else(|| format!("?{digits}"))
}

/// The canonical form of a number that was found in a text.
pub(super) fn of_found(written: &str, home: CallingCode) -> String {
    canonical(written, home).unwrap_or_else(|_| {
        of_digits(&digits_of(written), written.contains(['+', '\u{ff0b}']), home)
    })
}

/// The digits that people may write for a number in its canonical form: with its calling code, or without it and with
/// or without a trunk prefix.
pub(super) fn spellings(number: &str) -> Vec<String> {
    let mut spellings = vec![number.to_owned(), format!("00{number}")];
    if let Some((code, plan)) = plan::find(number) {
        let national = &number[code.len()..];
        spellings.push(national.to_owned());
        spellings.extend(plan.trunks.iter().map(|trunk| format!("{trunk}{national}")));
    }
    spellings.retain(|digits| digits.len() >= MIN_SPELLED);
    spellings
}

/// A number that begins with its calling code.
fn international(digits: &str) -> String {
    let Some((code, plan)) = plan::find(digits) else { return digits.to_owned() };
    format!("{code}{}", plan.without_trunk(&digits[code.len()..]))
}

/// A number that does not say whether it has a calling code.
fn national(
    digits: &str,
    (code, home): (&str, &NumberingPlan),
    is_fit: fn(&NumberingPlan, &str) -> bool,
) -> Option<String> {
    let fits = |national: &&str| is_fit(home, national);
    let behind_code =
        |digits: &str| digits.strip_prefix(code).map(|rest| home.without_trunk(rest).to_owned());
    let trunkless = home.trunks.iter().filter_map(|trunk| digits.strip_prefix(trunk));
    let with_trunk = trunkless.clone().find(fits).map(str::to_owned);
    let with_code = behind_code(digits).filter(|national| fits(&national.as_str()));
    let whole = Some(digits).filter(fits).map(str::to_owned);
    // If a country has a trunk prefix, few people leave it out. Countries without one have national numbers of at
    // most ten digits.
    let read = if home.trunks.is_empty() && digits.len() <= 10 {
        with_trunk.or(whole).or(with_code)
    } else {
        with_trunk.or(with_code).or(whole)
    };
    // A trunk zero before the calling code: 0250 788 …
    let both = || trunkless.filter_map(behind_code).find(|national| fits(&national.as_str()));
    if let Some(national) = read.or_else(both) {
        return Some(format!("{code}{national}"));
    }
    let (code, plan) = plan::find(digits)?;
    let national = plan.without_trunk(&digits[code.len()..]);
    is_fit(plan, national).then(|| format!("{code}{national}"))
}
