//! Phone numbers as software writes them, and numbers of things beside them.

use moltbot_audit::redact::{mask, mask_json};
use serde_json::{Value, json};

#[track_caller]
fn assert_masked(texts: &[(&str, &str)]) {
    let wrong: Vec<_> = texts.iter().filter(|(text, masked)| mask(text) != *masked).collect();
    let got: Vec<_> = wrong.iter().map(|(text, _)| mask(text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?} became {got:#?}");
}

#[track_caller]
fn assert_kept(texts: &[&str]) {
    let wrong: Vec<_> =
        texts.iter().filter(|text| mask(text) != **text).map(|text| mask(text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn masked(mut value: Value) -> Value {
    mask_json(&mut value);
    value
}

/// A number of each kind of plan, none of which is told by its digits alone.
const NUMBERS: [&str; 3] = ["447911123456", "4155552456", "2079460456"];

#[test]
fn a_name_beside_digits_says_that_they_are_a_number() {
    for around in [
        "duplicate: Key (phone)=(@) already exists.",
        "DETAIL:  Key (wa_id, tenant)=(@, 7) already exists.",
        "DETAIL:  Key (client_phone)=(@)",
        "DETAIL:  Key (tenant, wa_id)=(a7, @) already exists.",
        "wa_id=@",
        "phone_number: @",
        "phone_number = @, lang = rw",
        "Contact { wa_id: \"@\", lang: \"rw\" }",
        "Contact { phone: Some(\"@\") }",
        "Contact { phone: Some(@) }",
        "WaId=@&Body=hi",
        "a=1&wa_id%3D@",
        "{\"wa_id\":\"@\",\"profile\":{\"na",
        "{\\\"wa_id\\\":\\\"@\\\",\\\"x",
        "{'phone': '@'}",
        "phone => \"@\"",
        ":phone=>\"@\"",
        "[\"phone\",\"@\"]",
        "(\"wa_id\", \"@\")",
        "{\"name\":\"client_phone\",\"value\":\"@\"}",
        "<wa_id>@</wa_id>",
        "let wa_id: &str = \"@\"",
        "wa_id := @",
        "set(\"WA_ID\", \"@\")",
        "send --wa-id @ now",
        "Contact { wa_id: Some(WaId(\"@\")) }",
        "Contact { id: PhoneNumber(\"@\") }",
        "%22wa_id%22%3A%22@%22",
        "wa_id%3D@%26x",
        "&quot;wa_id&quot;:&quot;@&quot;",
        "insert into t (id, wa_id) values ('7', '@')",
        "\"wa_ids\": [\"@\"",
        "client_phone_@",
        "<phone>@</phone>",
    ] {
        for number in NUMBERS {
            let text = around.replace('@', number);
            // What is cut off in the middle ends somewhere.
            assert_eq!(mask(&text), around.replace('@', "***456"), "{text}");
        }
    }
    assert_kept(&[
        "phone_number_id=106540352242922",
        "{\"phone_number_id\":\"106540352242922\"}",
        "phone number id: 106540352242922",
        "iphone: 1250000",
        "phone: 1250000",
        "Key (id)=(5270130840) already exists.",
        "from=1790000000 to=1790000123",
        "from=20261101 to=20261124",
    ]);
}

#[test]
fn words_before_digits_say_that_they_are_a_number() {
    for around in [
        "Appelez-moi au @",
        "my number is @",
        "my phone number is @ thanks",
        "nimero yanjye ni @",
        "numéro yanjye ni @ murakoze",
        "Mwampamagara kuri @",
        "hamagara kuri @",
        "telefone ye ni @",
        "rappelle-moi au @",
        "contactez-nous au @",
        "mon numéro est le @",
        "mon numéro de téléphone est le @",
        "joignable au @",
        "text me on @",
        "reach us at @",
        "write to me on @",
        "his WhatsApp number is @",
        "WhatsApp: @",
        "Tel. @",
        "Tél : @",
        "contact: @",
    ] {
        for number in NUMBERS {
            let text = around.replace('@', number);
            assert_eq!(mask(&text), around.replace('@', "***456"), "{text}");
        }
    }
    assert_masked(&[
        ("my number is 51234", "my number is ***234"),
        ("call me on 20 49 12 34", "call me on ***234"),
        ("tel 20491234 / 20491235", "tel ***234 / ***235"),
        ("call 4155552671 or 4155552672", "call ***671 or ***672"),
    ]);
    assert_kept(&[
        "call id 5270130840 ended",
        "call me at 10:30 or 18 30",
        "my order number is 4155552671",
        "numéro de commande 4155552671",
        "commande numéro 4155552671",
        "nimero ya konti 4155552671",
        "phone 85000",
        "telephone 1200000",
        "call me at 1030",
        "your number is 45",
        "ring ORD-20260908-9694",
        "call me on #403533 please",
    ]);
}

#[test]
fn json_masks_numbers_in_pairs_names_and_decimals() {
    for (value, shown) in [
        (json!({ "447911123456": {} }), json!({ "***456": {} })),
        (json!({ "by": { "447911123456": 3 } }), json!({ "by": { "***456": 3 } })),
        (json!({ "wa_id": 447_911_123_456.0 }), json!({ "wa_id": "***456" })),
        (json!(["phone", "4155552456"]), json!(["phone", "***456"])),
        (
            json!({ "name": "client_phone", "value": "4155552456" }),
            json!({ "name": "client_phone", "value": "***456" }),
        ),
        (
            json!({ "field": "client_phone", "old": "4155552456", "new": "2079460456" }),
            json!({ "field": "client_phone", "old": "***456", "new": "***456" }),
        ),
        (
            json!({ "client_phone": { "before": "4155552456", "current": "2079460456" } }),
            json!({ "client_phone": { "before": "***456", "current": "***456" } }),
        ),
        (
            json!({ "Type": "phone", "Value": "22771" }),
            json!({ "Type": "phone", "Value": "***771" }),
        ),
        (json!({ "phone": "15000" }), json!({ "phone": "15000" })),
        (json!({ "text": "mon numéro: 33612345678" }), json!({ "text": "mon numéro: ***678" })),
    ] {
        assert_eq!(masked(value), shown);
    }
}

#[test]
fn a_name_that_says_an_id_keeps_digits_from_being_a_card_or_a_number() {
    for value in [
        json!({ "media_id": "6372819504630005" }),
        json!({ "media_id": 6_372_819_504_630_005_u64 }),
        json!({ "image": { "id": "6372819504630005" } }),
        json!({ "orderId": "447911123456" }),
        json!({ "transaction_id": 15_234_567_890_u64 }),
        json!({ "TxId": "15234567890" }),
    ] {
        assert_eq!(masked(value.clone()), value);
    }
    assert_eq!(masked(json!({ "card": "4242424242424242" })), json!({ "card": "[card ***242]" }));
    assert_eq!(masked(json!({ "note": "447911123456" })), json!({ "note": "***456" }));
    assert_kept(&["media_id: \"6372819504630005\"", "media id 6372819504630005 uploaded"]);
    assert_masked(&[("paid with 4242424242424242", "paid with [card ***242]")]);
}

#[test]
fn an_id_of_a_message_that_holds_a_number_is_hidden_wherever_it_stands() {
    let id = "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTJCQzRENUU2RjcwODkxMEEA";
    assert_masked(&[
        (id, "[message_id]"),
        (&format!("sent {id}, ok"), "sent [message_id], ok"),
        (&format!("{{\"id\":\"{id}\"}}"), "{\"id\":\"[message_id]\"}"),
        (&format!("/messages/{id}?x=1"), "/messages/[message_id]?x=1"),
        ("WAMID.HBgLMTY1MDU1NTEyMzQV", "[message_id]"),
        ("id=wamid%2EHBgLMTY1MDU1NTEyMzQV", "id=[message_id]"),
        ("no wamid. here", "no wamid. here"),
    ]);
    assert_eq!(masked(json!({ "message_id": id })), json!({ "message_id": "[message_id]" }));
}

#[test]
fn numbers_of_things_are_left_alone() {
    assert_kept(&[
        "1.4.2+20261124",
        "load 7.20 7.01 6.33",
        "IMEI 346438613135628",
        "EAN 4026815337440",
        "1ZD418C07912526458",
        "B071819675",
        "https://maps.google.com/?q=-1.004489,30.129184",
        "27/07 21/01 03/01",
        "Ouvert 07/08 09/10 11/12",
        "UPI 1/02/07/04/1234",
        "UPI 5/07/09/03/12345 sold",
        "ISBN 978-7-9572-9449-2",
        "0-7475-3269-9 is a book",
        "UPC 004065617221",
        "EAN 0788123456785",
        "allocated 788123456 bytes",
        "788123456 rows",
        "RR788123456RW",
        "parcel EE788123456FR left",
        "93 82 8 7 37 67 96 49",
        "12 5 7 88 12 34 56 3",
        "Chrome/135.0.6020.214",
        "Edg/144.0.2679.214 and OPR/106.0.4998.70",
        "144.159.79.242:8932",
        "from 79.36.134.107",
        "TxId:13913173274. Your new balance",
        "Financial Transaction Id: 15234567890",
        "Id de transaction 15234567890",
        "*162*TxId:13913173274*R*",
        "order 447911123456 paid",
        "INV447911123456",
        "ORD-447911123456",
        "backup 202611240321",
    ]);
    // Of what has a number's whole form, a word does not make another thing.
    assert_masked(&[
        ("order 0788123456", "order ***456"),
        ("mon numéro: 07.36.134.107", "mon numéro: ***107"),
        ("tel 78.36.13.107", "tel ***107"),
    ]);
}
