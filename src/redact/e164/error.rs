//! Why a text is not a phone number.

/// A text is not a phone number. The error never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// There is no digit in it.
    #[error("the phone number has no digit")]
    NoDigit,
    /// It holds letters or signs that do not belong in a number.
    #[error("the phone number has letters or signs that do not belong in it: pass only the number")]
    NotANumber,
    /// It is too long to be one.
    #[error("the phone number has over 15 digits")]
    TooLong,
    /// No country has this calling code.
    #[error("no country has this calling code: give its digits, such as 250")]
    UnknownCallingCode,
}
