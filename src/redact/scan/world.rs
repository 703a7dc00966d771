//! Numbers of the world without a plus, by a library of its numbering plans.

/// Whether digits, in ASCII, are a mobile number with its country's code. Nobody knows where the feature
/// `phone` is off.
#[cfg(feature = "phone")]
pub(super) fn is_mobile(digits: &[u8]) -> bool {
    use phonenumber::Type;

    let Ok(digits) = std::str::from_utf8(digits) else { return false };
    let Ok(number) = phonenumber::parse(None, format!("+{digits}")) else { return false };
    number.is_valid()
        && matches!(
            number.number_type(&phonenumber::metadata::DATABASE),
            Type::Mobile | Type::FixedLineOrMobile
        )
}

#[cfg(not(feature = "phone"))]
pub(super) const fn is_mobile(_: &[u8]) -> bool {
    false
}
