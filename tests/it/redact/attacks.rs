//! Ways of writing that once came through.

use moltbot_audit::redact::mask;

/// What a text must become, and texts that must stay as they are.
fn assert_masked(texts: &[(&str, &str)]) {
    let wrong: Vec<_> = texts.iter().filter(|(text, masked)| mask(text) != *masked).collect();
    let got: Vec<_> = wrong.iter().map(|(text, _)| mask(text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?} became {got:#?}");
}

#[test]
fn a_percent_sign_does_not_swallow_a_numbers_beginning() {
    assert_masked(&[
        ("%0788123456B", "%***456B"),
        ("100%0788123456", "100%***456"),
        ("?to=%2B250788123456", "?to=***456"),
        ("0788%20123%20456", "***456"),
    ]);
}

#[test]
fn a_word_two_little_words_before_announces_a_number() {
    assert_masked(&[
        ("appelle moi au 06 12 34 56 78", "appelle moi au ***678"),
        ("mon numero 0612345678", "mon numero ***678"),
        ("mon numéro est 06 12 34 56 78", "mon numéro est ***678"),
        ("nimero ni 0612345678", "nimero ni ***678"),
        ("telefoni: 0612345678", "telefoni: ***678"),
        ("call me at 415 555 2671", "call me at ***671"),
        ("call about order 4155552671", "call about order 4155552671"),
        ("please call: we have 415 555 2671 RWF", "please call: we have 415 555 2671 RWF"),
    ]);
}

#[test]
fn a_merchants_code_is_told_by_what_it_is_assigned_to() {
    assert_masked(&[
        ("momo: 123456", "momo: [momo_code]"),
        ("momo_code=123456", "momo_code=[momo_code]"),
        ("momo code 123456", "momo code [momo_code]"),
        ("MTN code 123456", "MTN code [momo_code]"),
        ("merchant code: 123456", "merchant code: [momo_code]"),
        ("momo: 15000 RWF", "momo: 15000 RWF"),
        ("paid by momo 15000 RWF", "paid by momo 15000 RWF"),
        ("the merchant sold 12345 of them", "the merchant sold 12345 of them"),
    ]);
}
