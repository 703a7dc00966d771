//! Numbers and addresses written so that who looks for them does not see them.

use moltbot_audit::redact::{find_phones, mask};

#[track_caller]
fn assert_masked(texts: &[(&str, &str)]) {
    let wrong: Vec<_> = texts.iter().filter(|(text, masked)| mask(text) != *masked).collect();
    let got: Vec<_> = wrong.iter().map(|(text, _)| mask(text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?} became {got:#?}");
}

/// The digits of a number in a row of Unicode that begins with this zero, or with this one.
fn drawn(zero: u32, one: u32, digits: &str) -> String {
    let digit = |c: char| match c.to_digit(10).expect("a digit") {
        0 => char::from_u32(zero),
        value => char::from_u32(one + value - 1),
    };
    digits.chars().map(|c| digit(c).expect("a character")).collect()
}

#[test]
fn digits_of_every_form_are_digits() {
    for (zero, one) in [
        (0x24ea, 0x2460),   // circled
        (0x24ff, 0x2776),   // negative circled, a dingbat
        (0x24ea, 0x24f5),   // double circled
        (0x24ea, 0x2780),   // sans-serif circled, a dingbat
        (0x24ff, 0x278a),   // negative sans-serif circled, a dingbat
        (0x24ea, 0x2474),   // in brackets
        (0x1f100, 0x2488),  // with a full stop
        (0x1f101, 0x1f102), // with a comma
        (0x2080, 0x2081),   // subscript
        (0x1fbf0, 0x1fbf1), // in segments
        (0xff10, 0xff11),   // full-width
        (0x1d7ce, 0x1d7cf), // bold
        (0x1810, 0x1811),   // Mongolian
        (0xa620, 0xa621),   // Vai
        (0xabf0, 0xabf1),   // Meetei
    ] {
        for digits in ["0788123456", "250788123456", "447911123456"] {
            let text = format!("hey {} ok", drawn(zero, one, digits));
            assert_eq!(mask(&text), "hey ***456 ok", "{text}");
            assert!(find_phones(&text)[0].digits.ends_with("123456"), "{text}");
        }
    }
    assert_masked(&[
        ("⁰⁷⁸⁸¹²³⁴⁵⁶", "***456"),
        ("x ⁰⁷⁸⁸ ¹²³ ⁴⁵⁶", "x ***456"),
        ("5m² and 10³", "5m² and 10³"),
    ]);
}

#[test]
fn escaped_digits_are_digits() {
    assert_masked(&[
        ("%30%37%38%38%31%32%33%34%35%36", "***456"),
        ("q=%30788%31%32%33%34%35%36&x=1", "q=***456&x=1"),
        ("%2530%2537%2538%2538%2531%2532%2533%2534%2535%2536", "***456"),
        ("&#48;&#55;&#56;&#56;&#49;&#50;&#51;&#52;&#53;&#54;", "***456"),
        ("&#x30;&#x37;&#x38;&#x38;&#x31;&#x32;&#x33;&#x34;&#x35;&#x36;", "***456"),
        ("0788&#49;23&#52;56", "***456"),
        ("50%788123456", "50%***456"),
        ("100%0788123456", "100%***456"),
    ]);
}

#[test]
fn what_is_drawn_or_not_seen_between_digits_does_not_hide_them() {
    assert_masked(&[
        ("0788😀123😀456", "***456"),
        ("0😀7😀8😀8😀1😀2😀3😀4😀5😀6", "***456"),
        ("0788👍🏽123👍🏽456", "***456"),
        ("0788<br>123<br>456", "***456"),
        ("0788<br/>123<br />456", "***456"),
        ("<b>0788</b>123<i>456</i>", "<b>***456</i>"),
        ("0788…123…456", "***456"),
        ("0788→123→456", "***456"),
        (
            "0\u{305}7\u{305}8\u{305}8\u{305}1\u{305}2\u{305}3\u{305}4\u{305}5\u{305}6\u{305}",
            "***456\u{305}",
        ),
        ("0️⃣7️⃣8️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣", "***456\u{fe0f}\u{20e3}"),
        ("0\u{200b}7\u{2060}8\u{ad}8123\u{200d}456", "***456"),
        (
            "4\u{336}4\u{336}7\u{336}9\u{336}1\u{336}1\u{336}1\u{336}2\u{336}3\u{336}4\u{336}5\u{336}6",
            "***456",
        ),
        ("078\u{e0020}812\u{e0020}3456", "***456"),
        ("📍 12 📞 34 ⭐ 56", "📍 12 📞 34 ⭐ 56"),
        ("✅ 250 ✅ 300 ✅ 788", "✅ 250 ✅ 300 ✅ 788"),
    ]);
}

#[test]
fn an_address_is_known_with_its_sign_in_words_or_set_apart() {
    assert_masked(&[
        ("jean(at)mail.rw", "j***@***.rw"),
        ("write jean (at) mail.rw now", "write j***@***.rw now"),
        ("jean[at]mail.rw", "j***@***.rw"),
        ("jean [AT] mail [dot] rw", "j***@***.***"),
        ("jean @ mail.rw", "j***@***.rw"),
        ("jean.d @ mail.co.rw, merci", "j***@***.rw, merci"),
        ("jean(arobase)mail.rw", "j***@***.rw"),
        ("look (at) this", "look (at) this"),
        ("5 @ 10.50", "5 @ 10.50"),
        ("3 boxes @ 1500", "3 boxes @ 1500"),
        ("(at) 10.30 and [at] the shop", "(at) 10.30 and [at] the shop"),
    ]);
}

#[test]
fn long_disguises_cost_linear_time() {
    // Not timed: a quadratic scan of 256 KiB would take an unoptimised build many minutes.
    for piece in [
        "(at)",
        "a(at)",
        "[at]a.",
        " @ ",
        "a @ ",
        "&#48;",
        "&#",
        "%3",
        "%30",
        "①",
        "7\u{305}",
        "\u{305}",
        "7😀",
        "7<br>",
        "<",
        "wamid.",
        "wa_id=",
        "7…",
        "call ",
        "a(at)b(dot)",
    ] {
        let text = piece.repeat((1 << 18) / piece.len());
        assert!(mask(&text).len() <= 2 * text.len(), "{piece}");
    }
}
