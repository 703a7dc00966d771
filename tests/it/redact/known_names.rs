//! What a request knows of people is found again in its texts, in whatever spelling, and nothing else is.

use moltbot_audit::redact::{CallingCode, Profile, RedactionKey};
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use crate::pack::{both_packs, export, story};
use crate::support::stores;

/// First names and surnames of Rwanda, France and Kenya, common ones, of nobody in particular.
const NAMES: [(&[&str], &[&str]); 3] = [
    (
        &[
            "Béatrice",
            "Divine",
            "Jean Bosco",
            "Espérance",
            "Marie Claire",
            "Aimable",
            "Emmanuel",
            "Josiane",
        ],
        &[
            "Uwase",
            "Mukamana",
            "Habimana",
            "Nshimiyimana",
            "Uwimana",
            "Niyonzima",
            "Ingabire",
            "Mutangana",
            "Ishimwe",
            "Nyirahabimana",
        ],
    ),
    (
        &["François", "Hélène", "Jean-Noël", "Chloé", "Zoé", "Maël", "Thérèse", "Aurélien"],
        &[
            "Lefèvre",
            "D'Aubigné",
            "Müller",
            "de La Tour",
            "Béranger",
            "Garçon",
            "Saint-Léger",
            "Œuvrard",
            "Guérin",
            "Noël",
        ],
    ),
    (
        &["Wanjiru", "Otieno", "Grace", "Kipchoge", "Amina", "Brian", "Njeri", "Mwende"],
        &[
            "Kamau",
            "Odhiambo",
            "Ng'ang'a",
            "Wambui",
            "Cheruiyot",
            "Mutua",
            "Omondi",
            "Njoroge",
            "Abdi",
            "Kiplagat",
        ],
    ),
];

fn names() -> Vec<String> {
    let of_country = |(first, last): &(&[&str], &[&str])| -> Vec<String> {
        let pairs =
            (0..76).map(|nth| (first[nth % first.len()], last[(nth / 8 + nth) % last.len()]));
        pairs.map(|(first, last)| format!("{first} {last}")).collect()
    };
    NAMES.iter().flat_map(of_country).collect()
}

/// A word with something between its middle letters.
fn split(name: &str, with: char) -> String {
    let middle = name.char_indices().nth(name.chars().count() - 2).map_or(0, |(at, _)| at);
    format!("{}{with}{}", &name[..middle], &name[middle..])
}

/// Each letter apart from its accent.
fn decomposed(name: &str) -> String {
    const ACCENTS: [(&str, &str); 4] =
        [("éÉ", "\u{301}"), ("èÈ", "\u{300}"), ("ëöüïË", "\u{308}"), ("çÇ", "\u{327}")];
    let apart = |c: char| {
        let accent = ACCENTS.iter().find(|(letters, _)| letters.contains(c));
        accent.map_or(c.to_string(), |(_, accent)| format!("{}{accent}", plain(&c.to_string())))
    };
    name.chars().map(apart).collect()
}

fn plain(name: &str) -> String {
    let letter = |c: char| match c {
        'é' | 'è' | 'ë' | 'ê' => "e".to_owned(),
        'É' | 'È' => "E".to_owned(),
        'ç' => "c".to_owned(),
        'ö' => "o".to_owned(),
        'ü' => "u".to_owned(),
        'ï' => "i".to_owned(),
        'Œ' => "Oe".to_owned(),
        'œ' => "oe".to_owned(),
        c => c.to_string(),
    };
    name.chars().map(letter).collect()
}

fn wide(name: &str) -> String {
    let wide = |c: char| match c {
        'A'..='Z' | 'a'..='z' => char::from_u32(u32::from(c) + 0xfee0).expect("a letter"),
        c => c,
    };
    plain(name).chars().map(wide).collect()
}

fn capitals(name: &str) -> String {
    let glued = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or(String::new(), |first| {
            first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect()
        })
    };
    name.split([' ', '-', '\'']).map(glued).collect()
}

/// A way to spell a name.
type Spell = fn(&str) -> String;

/// The spellings that people, keyboards and programs make of a name.
const SPELLINGS: [(&str, Spell); 22] = [
    ("as it is", str::to_owned),
    ("capitals", |name| name.to_uppercase()),
    ("small letters", |name| name.to_lowercase()),
    ("no accents", plain),
    ("small and no accents", |name| plain(name).to_lowercase()),
    ("decomposed", decomposed),
    ("glued", |name| name.replace(' ', "")),
    ("glued, small", |name| plain(&name.replace(' ', "")).to_lowercase()),
    ("camel case", capitals),
    ("underscores", |name| name.replace(' ', "_").to_lowercase()),
    ("dots", |name| name.replace(' ', ".")),
    ("hyphens", |name| name.replace(' ', "-")),
    ("two spaces", |name| name.replace(' ', "  ")),
    ("another line", |name| name.replace(' ', "\n")),
    ("no-break space", |name| name.replace(' ', "\u{a0}")),
    ("surname first", |name| {
        let (first, last) = name.rsplit_once(' ').expect("two words");
        format!("{} {first}", last.to_uppercase())
    }),
    ("surname, first name", |name| {
        let (first, last) = name.rsplit_once(' ').expect("two words");
        format!("{last}, {first}")
    }),
    ("surname alone", |name| name.rsplit_once(' ').expect("two words").1.to_owned()),
    ("initial", |name| {
        let (first, last) = name.rsplit_once(' ').expect("two words");
        format!("{}. {last}", first.chars().next().expect("a letter"))
    }),
    ("zero-width space", |name| split(name, '\u{200b}')),
    ("soft hyphen", |name| split(name, '\u{ad}')),
    ("full-width", wide),
];

/// Sentences around a name.
fn said(nth: usize, name: &str) -> String {
    match nth % 4 {
        0 => format!("Muraho, nitwa {name}."),
        1 => format!("je suis {name}, bonjour"),
        2 => format!("Is ({name}) there?"),
        _ => format!("{name}: tomorrow at noon"),
    }
}

/// What an outsider reads of texts in a request that knows these people and shops.
async fn shown(people: &[String], vendors: &[&str], texts: &[String]) -> Vec<String> {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let profiles: Vec<_> = people.iter().map(|name| json!({ "profile_name": name })).collect();
    teller
        .tell(event.clone().input(json!({ "category": "electronics", "people": profiles })))
        .await;
    let shops: Vec<_> = vendors.iter().map(|name| json!({ "vendor_name": name })).collect();
    let found = AuditEvent::new(EventType::VENDOR_CANDIDATES_SELECTED, Actor::System);
    teller.tell(found.input(json!({ "shops": shops }))).await;
    teller.tell(event.input(json!({ "options": texts }))).await;
    let [_, external] = both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
    let view = &external["events"][2]["input"]["value"]["options"];
    let items = view.as_array().expect("a list");
    items.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// Whether a word of the name, or the name, is left in a text.
fn is_left(shown: &str, name: &str) -> bool {
    let squeezed = |text: &str| -> String {
        let text = plain(text).to_lowercase();
        text.chars().filter(|c| c.is_alphanumeric() && c.is_ascii()).collect()
    };
    let shown = squeezed(shown);
    let surname = name.rsplit_once(' ').map_or(name, |(_, last)| last);
    shown.contains(&squeezed(surname)) || wide_left(&shown)
}

fn wide_left(shown: &str) -> bool {
    shown.chars().any(|c| ('\u{ff21}'..='\u{ff5a}').contains(&c))
}

#[tokio::test]
async fn names_are_found_in_every_spelling() {
    let names = names();
    assert_eq!(names.len(), 228);
    let mut missed = vec![Vec::new(); SPELLINGS.len()];
    // Twelve people to a request: one person's words hide nothing of another's.
    for people in names.chunks(12) {
        let spelled: Vec<_> = people
            .iter()
            .flat_map(|name| {
                SPELLINGS.iter().enumerate().map(move |(nth, (_, spell))| (name, nth, spell(name)))
            })
            .collect();
        let texts: Vec<_> = spelled.iter().map(|(_, nth, name)| said(*nth, name)).collect();
        for ((name, nth, _), shown) in spelled.iter().zip(shown(people, &[], &texts).await) {
            if is_left(&shown, name) || !shown.contains("[name]") {
                missed[*nth].push(shown);
            }
        }
    }
    let all: usize = missed.iter().map(Vec::len).sum();
    for ((spelling, _), missed) in SPELLINGS.iter().zip(&missed) {
        assert!(missed.len() * 20 <= names.len(), "{spelling}: {missed:?}");
    }
    assert!(all * 50 <= names.len() * SPELLINGS.len(), "{all} missed: {missed:?}");
}

#[tokio::test]
async fn texts_without_the_names_stay_as_they_are() {
    let people: Vec<_> = ["Grace Uwase", "Jean de La Tour", "Ali Abdi", "Rose Petit", "Max May"]
        .map(str::to_owned)
        .to_vec();
    let vendors =
        ["Volt Corner Ltd", "Plug and Co (fictitious)", "Kigali Phones", "Best Electronics SARL"];
    let texts = [
        "the phone is at the corner of the road, with grace and peace",
        "une table de la cuisine, rose et petit modele, a lire",
        "may I have the max price for electronics in Kigali? I plug it in",
        "220 volt charger, best phones for the tour",
        "a table and the jeans, maximum quality",
        "Kigali has phones, and electronics of the best kind",
        "the shop sells phones, mayonnaise, roses and petits pois on the way",
    ]
    .map(str::to_owned);
    assert_eq!(shown(&people, &vendors, &texts).await, texts);
}

#[tokio::test]
async fn a_shop_is_found_with_and_without_its_legal_form_and_punctuation_stays() {
    let vendors = [
        "Volt Corner Ltd",
        "Plug and Co (fictitious)",
        "Ets Mukamana & Fils S.A.R.L.",
        "Société Générale du Meuble SA",
        "Simba Supermarket",
    ];
    let texts = [
        ("Volt Corner has it", "[vendor] has it"),
        ("VOLT CORNER LTD has it", "[vendor] has it"),
        ("voltcorner has it.", "[vendor] has it."),
        ("ask Volt Corner Limited, please", "ask [vendor], please"),
        ("Plug and Co (fictitious): yes", "[vendor]: yes"),
        ("(Plug and Co (fictitious)) yes", "([vendor]) yes"),
        ("[Volt Corner]: no", "[[vendor]]: no"),
        ("chez Mukamana et Fils? non", "chez [vendor]? non"),
        ("«generale du meuble», oui", "«[vendor]», oui"),
        ("Simba Supermarket's price", "[vendor]'s price"),
        ("at Simba!", "at [vendor]!"),
    ];
    let said: Vec<_> = texts.iter().map(|(text, _)| (*text).to_owned()).collect();
    let shown = shown(&[], &vendors, &said).await;
    for ((text, expected), shown) in texts.iter().zip(shown) {
        assert_eq!(shown, *expected, "{text}");
    }
}

#[tokio::test]
async fn a_request_that_knows_three_hundred_vendors_is_exported_as_fast_as_one_that_knows_three() {
    let names: Vec<_> = (0..300).map(|nth| format!("Umucuruzi{nth} Ibikoresho Ltd")).collect();
    let vendors: Vec<&str> = names.iter().map(String::as_str).collect();
    let text = "Umucuruzi ibikoresho ".repeat(20_000);
    let texts = [format!("{text}; ask Umucuruzi299 Ibikoresho")];
    let few = tokio::time::Instant::now();
    let _shown = shown(&[], &vendors[..3], &texts).await;
    let few = few.elapsed();
    let many = tokio::time::Instant::now();
    let shown = shown(&[], &vendors, &texts).await;
    let many = many.elapsed();
    assert!(shown[0].ends_with("ask [vendor]"), "the last one is found");
    assert!(many < 20 * few, "{many:?} for 300 vendors, {few:?} for three");
}

/// A conversation about numbers, as either reader sees its last text.
async fn told(client: &str, vendor: &str, text: &str) -> [String; 2] {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let sent = AuditEvent::new(EventType::VENDOR_OUTREACH_SENT, Actor::System);
    teller.tell(sent.input(json!({ "vendor_phone": vendor }))).await;
    let input = json!({ "category": "electronics", "client_phone": client, "text": text });
    teller.tell(event.input(input)).await;
    let packs = both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
    packs.map(|pack| {
        pack["events"][1]["input"]["value"]["text"].as_str().expect("a text").to_owned()
    })
}

#[tokio::test]
async fn the_clients_number_is_found_in_every_way_it_is_written() {
    for written in [
        "447700900123",
        "+44 7700 900123",
        "07700 900123",
        "07700-900-123",
        "7700900123",
        "0044 7700 900 123",
        "whatsapp:447700900123",
        "٤٤٧٧٠٠٩٠٠١٢٣",
    ] {
        let text = format!("Appelez-moi au {written}");
        for shown in told("+447700900123", "+250780000201", &text).await {
            assert!(shown.starts_with("Appelez-moi au ") && shown.ends_with("***123"), "{shown}");
        }
    }
}

#[tokio::test]
async fn the_clients_number_is_found_in_disguise_too() {
    // Without the request, these are the numbers of orders.
    for written in [
        "07700900123",
        "%30%37700900123",
        "&#48;7700900123",
        "07700%20900%20123",
        "07700&nbsp;900 123",
    ] {
        let text = format!("order {written} is mine");
        for shown in told("+447700900123", "+250780000201", &text).await {
            assert_eq!(shown, "order ***123 is mine", "{written}");
        }
    }
}

#[tokio::test]
async fn a_strangers_number_with_a_vendors_ending_is_a_strangers() {
    for (written, is_shown) in [
        ("+250780000201", true),
        ("0780000201", true),
        ("250 780 000 201", true),
        ("+254780000201", false),
        ("+256780000201", false),
        ("254780000201", false),
        ("00254780000201", false),
    ] {
        let text = format!("call {written} now");
        let [internal, external] = told("+250788100901", "+250780000201", &text).await;
        assert_eq!(
            internal,
            if is_shown { text } else { "call ***201 now".to_owned() },
            "{written}"
        );
        assert_eq!(external, "call ***201 now", "{written}");
    }
}

#[tokio::test]
async fn a_national_number_belongs_to_the_deployments_country() {
    let kenya = CallingCode::new("254").expect("a code");
    let key = RedactionKey::from_bytes([9; 32]).calling_code(kenya);
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let sent = AuditEvent::new(EventType::VENDOR_OUTREACH_SENT, Actor::System);
    let text = "call 0722000111, or +250722000111";
    let input = json!({ "vendor_phone": "+254722000111", "message_template": text });
    teller.tell(sent.input(input)).await;
    let read = async |profile: Profile| -> Value {
        let pack = export(&*fresh.store, &teller.request, &profile).await.to_json_pretty();
        let pack: Value = serde_json::from_str(&pack).expect("a pack is JSON");
        pack["events"][0]["input"]["value"]["message_template"].clone()
    };
    let shown = read(Profile::internal().calling_code(kenya)).await;
    assert_eq!(shown, "call 0722000111, or ***111");
    assert_eq!(read(Profile::internal()).await, "call ***111, or ***111");
    assert_eq!(read(Profile::external(&key)).await, "[hidden]");
    drop(fresh.keep);
}
