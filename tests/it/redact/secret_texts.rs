//! Secrets in texts, as people, programs and configuration files write them.

use moltbot_audit::redact::mask;
use serde_json::json;

use super::entered;

/// Fails for each text that does not become what stands beside it.
fn assert_masked(texts: &[(&str, &str)]) {
    let wrong: Vec<_> = texts.iter().filter(|(text, masked)| mask(text) != *masked).collect();
    let got: Vec<_> = wrong.iter().map(|(text, _)| mask(text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?} became {got:#?}");
    for (text, masked) in texts.iter().filter(|(text, masked)| text != masked) {
        let kept = entered(json!({ "text": text })).to_string();
        assert!(kept.contains("[secret "), "at rest: {text}: {kept}");
        assert_eq!(mask(masked), *masked, "masking twice changes nothing");
    }
}

#[test]
fn a_code_is_secret_where_a_sentence_says_that_it_is_one() {
    assert_masked(&[
        ("your verification code is 482913", "your verification code is [secret]"),
        ("Your OTP is 482913", "Your OTP is [secret]"),
        ("Your OTP is 482913.", "Your OTP is [secret]."),
        ("OTP: 482913", "OTP: [secret]"),
        ("PIN ya MoMo ni 48291", "PIN ya MoMo ni [secret]"),
        ("cvv 913", "cvv [secret]"),
        ("card ok, cvv 913 thanks", "card ok, cvv [secret] thanks"),
        ("CVC: 913", "CVC: [secret]"),
        ("my MoMo PIN is 1234", "my MoMo PIN is [secret]"),
        (
            "The OTP for your account at the bank is 482913",
            "The OTP for your account at the bank is [secret]",
        ),
        ("Your WhatsApp code: 123-456", "Your WhatsApp code: [secret]"),
        ("Your one time code is: 482913", "Your one time code is: [secret]"),
        ("utilise le code 739154 pour te connecter", "utilise le code [secret] pour te connecter"),
        ("Use 482913 as your login code", "Use [secret] as your login code"),
        ("Enter code 482913 to log in", "Enter code [secret] to log in"),
        ("Enter the code 482913", "Enter the code [secret]"),
        ("Voici votre code : 482913", "Voici votre code : [secret]"),
        ("Saisissez le code 482913 pour confirmer", "Saisissez le code [secret] pour confirmer"),
        ("koresha kode 482913", "koresha kode [secret]"),
        ("Your security code is 123-456", "Your security code is [secret]"),
        ("Your code is 482 913", "Your code is [secret]"),
        ("Kode yawe ni 482913", "Kode yawe ni [secret]"),
        ("kode yo kwemeza ni 482913", "kode yo kwemeza ni [secret]"),
        ("Votre code est 482913", "Votre code est [secret]"),
        ("code de vérification : 482913", "code de vérification : [secret]"),
        ("votre code PIN est 1234", "votre code PIN est [secret]"),
        ("482913 is your verification code", "[secret] is your verification code"),
        (
            "G-482913 is your Google verification code.",
            "[secret] is your Google verification code.",
        ),
        ("482913 est votre code de confirmation", "[secret] est votre code de confirmation"),
        ("Your passcode is\n482913", "Your passcode is\n[secret]"),
        ("one-time password: 482913", "one-time password: [secret]"),
        ("{\"otp\":482913,\"n\":1", "{\"otp\":[secret],\"n\":1"),
    ]);
}

#[test]
fn a_code_may_stand_before_its_name_or_with_what_it_is_for() {
    assert_masked(&[
        (
            "482913 is the code to confirm your payment",
            "[secret] is the code to confirm your payment",
        ),
        ("482913 is the code", "[secret] is the code"),
        ("482913 is the code we sent you", "[secret] is the code we sent you"),
        ("Use 482913 to verify your account", "Use [secret] to verify your account"),
        ("Code to log in: 482913", "Code to log in: [secret]"),
        (
            "The code to confirm your order at the shop is 482913",
            "The code to confirm your order at the shop is [secret]",
        ),
        ("log in with code 482913", "log in with code [secret]"),
        ("482913 - your verification code", "[secret] - your verification code"),
        ("482913 (your code)", "[secret] (your code)"),
        ("Utilisez 482913 pour vous connecter", "Utilisez [secret] pour vous connecter"),
        (
            "482913 est le code pour confirmer votre commande",
            "[secret] est le code pour confirmer votre commande",
        ),
        ("482913 - votre code de confirmation", "[secret] - votre code de confirmation"),
        ("482913 ni kode yo kwemeza", "[secret] ni kode yo kwemeza"),
        ("482913 niyo kode yawe", "[secret] niyo kode yawe"),
        ("Koresha 482913 kugira ngo winjire", "Koresha [secret] kugira ngo winjire"),
        ("Koresha kode 482913 winjire", "Koresha kode [secret] winjire"),
    ]);
    for text in [
        "4155 is the code of the product",
        "I need 48 29 13 pieces",
        "Use 250 to open the door",
        "Use 5000 RWF to pay",
        "Reply 1234 to confirm",
        "Use the 2024 model to log in",
        "your order 482913 is confirmed",
        "order 482913 is the one",
        "error code 482913",
    ] {
        assert_eq!(mask(text), text);
    }
}

#[test]
fn a_code_in_groups_is_one_code() {
    assert_masked(&[
        ("Your code: 48 29 13", "Your code: [secret]"),
        ("Your code is 48 29 13.", "Your code is [secret]."),
        ("Your code: 482-913", "Your code: [secret]"),
        ("48 29 13 is your code", "[secret] is your code"),
        ("code OTP 48-29-13", "code OTP [secret]"),
        ("OTP 4829 1342", "OTP [secret]"),
        ("otp=482 913", "otp=[secret]"),
        ("my pin: 4 8 2 9", "my pin: [secret]"),
        ("votre code : 48 29 13", "votre code : [secret]"),
        ("kode yawe ni 482 913", "kode yawe ni [secret]"),
    ]);
}

#[test]
fn a_secret_is_found_where_urls_markup_and_databases_write_its_name() {
    assert_masked(&[
        (
            "https://x.io/cb?redirect=%2Fa%3Ftoken%3Dabc123def456&x=1",
            "https://x.io/cb?redirect=%2Fa%3Ftoken%3D[secret]&x=1",
        ),
        ("%7B%22password%22%3A%22hunter22%22%7D", "%7B%22password%22%3A%22[secret]%22%7D"),
        (
            "{&quot;password&quot;:&quot;hunter22&quot;}",
            "{&quot;password&quot;:&quot;[secret]&quot;}",
        ),
        (
            "Key (email, otp)=(a7, 482913) already exists.",
            "Key (email, otp)=(a7, [secret]) already exists.",
        ),
        (
            "insert into t (id, pin) values ('7', '4829')",
            "insert into t (id, pin) values ('7', '[secret]')",
        ),
        ("api_keys: [\"abc123def456xyz\"]", "api_keys: [\"[secret]\"]"),
        ("Login { otp: Otp(482913) }", "Login { otp: Otp([secret]) }"),
    ]);
}

#[test]
fn a_password_is_secret_where_a_sentence_says_that_it_is_one() {
    assert_masked(&[
        ("mdp: Umuganda#2026", "mdp: [secret]"),
        ("mot de passe : Umuganda#2026", "mot de passe : [secret]"),
        ("Mon mot de passe est Umuganda#2026", "Mon mot de passe est [secret]"),
        ("ijambo ry'ibanga ni Umuganda#2026", "ijambo ry'ibanga ni [secret]"),
        ("ijambo ry\u{2019}ibanga: Umuganda#2026", "ijambo ry\u{2019}ibanga: [secret]"),
        ("my password is hunter2", "my password is [secret]"),
        ("Mdp wifi : Kigali2026!", "Mdp wifi : [secret]!"),
        ("{\"access_token\":\"x7ab9k\",\"n\":1", "{\"access_token\":\"[secret]\",\"n\":1"),
        ("ENV APP_SECRET q7Zr2LmX9vTb4KcP1sWd", "ENV APP_SECRET [secret]"),
        ("DB_PASSWORD hunter2x", "DB_PASSWORD [secret]"),
        ("x-hub-signature-256: sha256=757107ea0eb2509fc211", "x-hub-signature-256: [secret]"),
        ("the wifi password is \"hunter2\"", "the wifi password is \"[secret]\""),
        ("authtoken=ab12cd34ef", "authtoken=[secret]"),
        ("login --password hunter22", "login --password [secret]"),
        (
            "curl -u elastic:P@ssw0rd1 https://localhost:9200",
            "curl -u elastic:[secret] https://localhost:9200",
        ),
        ("curl --user 'api:d2LkV78zLx!t' x", "curl --user 'api:[secret]' x"),
    ]);
}

#[test]
fn what_is_said_of_codes_and_passwords_is_none() {
    let same = [
        "the pin is 3000 RWF",
        "a safety pin 500 Frw",
        "order code is 482913",
        "postal code is 482913",
        "your order is 482913",
        "The price is 482913",
        "the total is 12500, pay with your code",
        "the password is required, the token is missing",
        "your password is 8 characters at least",
        "my password is 2 weeks old",
        "12500 is your balance",
        "mot de passe : obligatoire",
        "PIN code: required",
        "Igiciro ni 15000",
        "the token count is 812",
        "password reset in 2026",
        "your pin is at 10:30",
        "token: 12 of 100",
        "ni 482913",
    ];
    for text in same {
        assert_eq!(mask(text), text);
    }
}

#[test]
fn a_name_that_says_secret_is_understood_in_the_common_languages() {
    let value = "q7Zr2LmX9vTb4KcP1sWd";
    for form in [
        "xToken := \"{s}\"",
        "xToken := `{s}`",
        "$xToken .= \"{s}\"",
        "$xToken ??= \"{s}\"",
        "X_TOKEN ?= \"{s}\"",
        "X_TOKEN += \"{s}\"",
        "X_TOKEN ::= \"{s}\"",
        "X_TOKEN :::= \"{s}\"",
        "X_TOKEN = {s}",
        "export X_TOKEN={s}",
        "var xToken string = \"{s}\"",
        "var xToken: string = \"{s}\"",
        "const X_TOKEN: &'static str = \"{s}\";",
        "let x_token: &str = \"{s}\";",
        "String xToken = \"{s}\";",
        "xToken: str = '{s}'",
        "config[\"x_token\"] = \"{s}\"",
        "os.environ['X_TOKEN'] = '{s}'",
        "<xToken>{s}</xToken>",
        "<xToken>\n    {s}\n</xToken>",
        "<entry name=\"xToken\" value=\"{s}\" />",
        "<add key=\"Password\" value=\"{s}\" />",
        "<string name=\"x_token\">{s}</string>",
        "set(\"X_TOKEN\", \"{s}\")",
        "System.setProperty(\"X_TOKEN\", \"{s}\")",
        "setApiKey(\"{s}\")",
        "\"xToken\" => \"{s}\"",
        "x_token: |\n  {s}",
        "x_token: >\n  {s}",
        "x_token: '{s}'",
        "{\n  \"x_token\": \"{s}\"\n}",
        "\\{\n  \\\"x_token\\\": \\\"{s}\\\"\n\\}",
        "{\"name\": \"x_token\", \"value\": \"{s}\", ",
        "--x-token {s}",
        "-xToken {s}",
        "x-token: {s}",
        "Authorization: Token {s}",
        "Authorization: Api-Token {s}",
        "Authorization: {s}",
        "AccountKey={s}==;EndpointSuffix=x",
    ] {
        let text = form.replace("{s}", value);
        let masked = mask(&text);
        assert!(!masked.contains(value) && masked.contains("[secret]"), "{text}: {masked}");
        let kept = entered(json!({ "text": text })).to_string();
        assert!(!kept.contains(value), "at rest: {kept}");
    }
    // Other names assign nothing secret.
    for form in [
        "author := \"{s}\"",
        "<title>{s}</title>",
        "set(\"order\", \"{s}\")",
        "name=\"x\" value=\"{s}\"",
    ] {
        let text = form.replace("{s}", value);
        assert_eq!(mask(&text), text);
    }
}
