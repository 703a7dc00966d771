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
