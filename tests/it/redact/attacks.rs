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

#[test]
fn any_sign_may_stand_inside_of_a_number_with_its_whole_prefix() {
    let signs = [
        "|", ";", ":", "*", "'", "\u{2019}", "\"", "`", "\\", "=", "#", "^", "·", "・", "\u{1680}",
        "\u{2028}", "\u{3164}", "\\n", "&nbsp;", " : ",
    ];
    for sign in signs {
        for groups in [
            vec!["0788", "123", "456"],
            vec!["+250", "788", "123", "456"],
            vec!["250", "788", "123456"],
            vec!["00250", "788", "12", "34", "56"],
        ] {
            let text = format!("call {} now", groups.join(sign));
            assert_eq!(mask(&text), "call ***456 now", "{text}");
        }
    }
    for whole in [
        "at 07:45:12.1234 and 07:23:45.6789",
        "from 07:30:45:123456",
        "at 07:45:12.5",
        "788:123:456",
        "788|123|456",
        "1:250:300",
        "2507;88;1;23456",
        "price=0788;qty=123456",
        "10.0.0.1:5432#0788",
        "{\"a\":788,\"b\":123456}",
        "788'123'456",
        "2026-11-24T07:88:12",
    ] {
        assert_eq!(mask(whole), whole);
    }
}

#[test]
fn ids_are_known_in_other_groups_too() {
    assert_masked(&[
        ("DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00", "[iban ***000]"),
        ("card 4242 4242 42424242", "card [card ***242]"),
        ("id 1199 8800 1234 5678", "id [national_id]"),
        ("id 1 1998 8 0012345 1 78", "id [national_id]"),
        ("sold 1 1998 8 0 0 12345 1 78", "sold 1 1998 8 0 0 12345 1 78"),
    ]);
}

#[test]
fn an_address_is_known_behind_what_is_not_seen() {
    assert_masked(&[
        ("a@b.rw", "a***@***.rw"),
        ("jean\u{200b}@mail.rw", "j***@***.rw"),
        ("jean@\u{200b}mail.rw", "j***@***.rw"),
        ("jean@mail\u{200b}.rw", "j***@***.rw"),
        ("jean&#64;mail.rw", "j***@***.rw"),
        ("@\u{200b}.rw", "@\u{200b}.rw"),
        ("\u{200b}@mail.rw", "\u{200b}@mail.rw"),
    ]);
    for text in ["jean@mail\u{3002}rw", "jean@mail\u{ff0e}rw", "jean@mail.\u{200b}rw"] {
        assert!(mask(text).starts_with("j***@***."), "{text}: {}", mask(text));
    }
}
