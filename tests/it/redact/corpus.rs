//! Texts with and without personal data, made by combination from a seed: the same in every run.

use moltbot_audit::redact::Kind;

use crate::support::seeded::Seeded;

/// A text with one thing planted in it.
pub(crate) struct Positive {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// What must not be readable afterwards: a number's digits, or the thing as it is written.
    pub(crate) planted: String,
}

/// What people and programs write around numbers, in English, French and Kinyarwanda; `@` is where.
pub(crate) const AROUND: [&str; 24] = [
    "@",
    "Call me on @ please",
    "my number is @, thanks",
    "MoMo @ in the name of Aline",
    "Hello, price is 15,000 RWF. @",
    "Is 12 500 Frw ok? Reach me: @!",
    "Appelez-moi au @ avant 18h",
    "mon numéro: @ (WhatsApp)",
    "C'est 8 000 francs, @ merci",
    "Mwampamagara kuri @ ejo",
    "nimero yanjye ni @",
    "Muraho! Mfite iPhone, @ murakoze",
    "Ni angahe? @",
    "2026-11-24T03:21:45Z inbound from=@ type=text",
    "{\"from\":\"@\",\"type\":\"text\"}",
    "request:7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11:to:@:hash:ab12",
    "error: recipient @ is not on WhatsApp",
    "ring @\nor come to KN 12 St",
    "contact=@;lang=rw",
    "«@»",
    "📞@📞",
    "order 451, 3 boxes, @",
    "(@)",
    "to @ at 07:30 on 24/11/2026",
];

const SEPARATORS: [&str; 24] = [
    " ", "-", ".", "/", "_", "  ", " - ", "\u{a0}", "\u{202f}", "\u{2009}", "\u{200b}", "\u{2011}",
    "\u{2013}", "\u{2060}", "\u{ad}", "\u{feff}", "\u{3000}", "\t", ") ", " (", "\u{2212}", "%20",
    "\u{b7}", "\u{200d}",
];

/// Ways to group nine digits.
const GROUPS: [&[usize]; 8] = [
    &[9],
    &[3, 3, 3],
    &[2, 3, 4],
    &[3, 2, 2, 2],
    &[1, 2, 3, 3],
    &[4, 5],
    &[6, 3],
    &[1, 1, 1, 1, 1, 1, 1, 1, 1],
];

/// A Rwandan mobile number's nine digits.
pub(crate) fn subscriber(seeded: &mut Seeded) -> String {
    let prefix = seeded.of(&["70", "72", "73", "78", "79"]).to_owned();
    // No group of three zeros: such a number without any prefix is taken for a price.
    prefix + &seeded.digits(7).replace("000", "404")
}

/// The number in one of the ways it is written: prefix, grouping, separator, script.
pub(crate) fn written(seeded: &mut Seeded, subscriber: &str) -> String {
    let separator = SEPARATORS[seeded.below(SEPARATORS.len())];
    let groups = GROUPS[seeded.below(GROUPS.len())];
    let mut number = String::new();
    let mut from = 0;
    for (nth, len) in groups.iter().enumerate() {
        if nth > 0 {
            number.push_str(separator);
        }
        number.push_str(&subscriber[from..from + len]);
        from += len;
    }
    let prefix = [
        "+250",
        "+250 ",
        "250",
        "250-",
        "0",
        "00250",
        "+250 (0) ",
        "(+250) ",
        "0",
        "",
        "wa.me/250",
        "tel:+250",
    ];
    let prefix = prefix[seeded.below(prefix.len())];
    // In other groups with full stops, and without any prefix, it is a machine's address as well.
    let number = if prefix.is_empty() && separator == "." { subscriber.to_owned() } else { number };
    let number = format!("{prefix}{number}");
    let zero = ['0', '0', '0', '٠', '۰', '０'][seeded.below(6)];
    // A link's escapes and host are ASCII.
    if zero == '0' || number.contains(['%', '/']) {
        return number;
    }
    let shifted = |c: char| char::from_u32(u32::from(zero) + c.to_digit(10)?);
    number.chars().map(|c| shifted(c).unwrap_or(c)).collect()
}

pub(crate) fn around(seeded: &mut Seeded, planted: &str) -> String {
    AROUND[seeded.below(AROUND.len())].replace('@', planted)
}

/// At least 1,500 texts with something planted, of every kind.
pub(crate) fn positives() -> Vec<Positive> {
    let mut seeded = Seeded::new(5);
    let mut texts = Vec::new();
    for _ in 0..1_500 {
        let planted = subscriber(&mut seeded);
        let number = written(&mut seeded, &planted);
        texts.push(Positive { kind: Kind::Phone, text: around(&mut seeded, &number), planted });
    }
    for _ in 0..400 {
        let (planted, number) = of_the_world(&mut seeded);
        texts.push(Positive { kind: Kind::Phone, text: around(&mut seeded, &number), planted });
    }
    for _ in 0..200 {
        for (kind, make) in MAKERS {
            let planted = make(&mut seeded);
            let text = if kind == Kind::MomoCode {
                seeded
                    .of(&[
                        "MoMo code: @",
                        "momo code @",
                        "code MoMo @",
                        "MomoPay @",
                        "*182*8*1*@#",
                        "Kode ya MoMo @",
                    ])
                    .replace('@', &planted)
            } else if matches!(kind, Kind::Secret | Kind::SignedUrl | Kind::Media) {
                let around =
                    ["@", "key @ leaked", "see @ now", "{\"a\":\"@\"}", "voici @", "dore @"];
                seeded.of(&around).replace('@', &planted)
            } else {
                around(&mut seeded, &planted)
            };
            texts.push(Positive { kind, text, planted });
        }
    }
    texts
}

/// A number of another country, with its plus, in its own grouping.
fn of_the_world(seeded: &mut Seeded) -> (String, String) {
    let (code, lens): (&str, &[usize]) = [
        ("44", &[2, 4, 4][..]),
        ("1", &[3, 3, 4]),
        ("33", &[1, 2, 2, 2, 2]),
        ("49", &[3, 8]),
        ("256", &[3, 3, 3]),
        ("254", &[3, 6]),
        ("255", &[3, 3, 3]),
        ("243", &[2, 3, 4]),
        ("257", &[2, 2, 2, 2]),
        ("91", &[5, 5]),
        ("86", &[3, 4, 4]),
        ("971", &[2, 3, 4]),
        ("27", &[2, 3, 4]),
        ("234", &[3, 3, 4]),
        ("32", &[3, 2, 2, 2]),
    ][seeded.below(15)];
    let mut digits = code.to_owned();
    let separator = seeded.of(&[" ", "-", ".", "", "\u{a0}", " "]).to_owned();
    let mut number = format!("{}{code}", seeded.of(&["+", "+", "00", "＋"]));
    for (nth, len) in lens.iter().enumerate() {
        let mut group = seeded.digits(*len).replace('0', "5");
        if nth == 0 {
            group.replace_range(0..1, "7");
        }
        digits.push_str(&group);
        number.push_str(&separator);
        number.push_str(&group);
    }
    (digits, number)
}

type Maker = fn(&mut Seeded) -> String;

const MAKERS: [(Kind, Maker); 8] = [
    (Kind::Card, card),
    (Kind::Email, email),
    (Kind::Iban, iban),
    (Kind::Media, media),
    (Kind::MomoCode, |seeded| format!("{}{}", seeded.below(9), seeded.digits(5))),
    (Kind::NationalId, national_id),
    (Kind::Secret, secret),
    (Kind::SignedUrl, signed_url),
];

fn card(seeded: &mut Seeded) -> String {
    let prefix = seeded.of(&["4", "51", "55", "4539", "2221", "62"]);
    let body = format!("{prefix}{}", seeded.digits(15 - prefix.len()));
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            doubled / 10 + doubled % 10
        })
        .sum();
    let number = format!("{body}{}", (10 - sum % 10) % 10);
    let separator = seeded.of(&["", " ", "-"]);
    [&number[..4], &number[4..8], &number[8..12], &number[12..]].join(separator)
}

fn email(seeded: &mut Seeded) -> String {
    let local = seeded.of(&["aline", "j.doe", "keza+shop", "éric", "vendor_1", "m%", "李雷", "a"]);
    let domain = seeded.of(&[
        "gmail.com",
        "mail.example.rw",
        "yahoo.fr",
        "xn--bcher-kva.example",
        "bücher.de",
        "a-b.co.uk",
    ]);
    let at = seeded.of(&["@", "@", "@", "%40", "＠"]);
    format!("{}{local}{at}{domain}", seeded.of(&["", "", "mailto:"]))
}

fn iban(seeded: &mut Seeded) -> String {
    let (country, len) =
        [("DE", 18), ("FR", 23), ("BE", 12), ("GB", 18), ("NL", 14)][seeded.below(5)];
    let bban = match country {
        "GB" => format!("NWBK{}", seeded.digits(14)),
        "NL" => format!("ABNA{}", seeded.digits(10)),
        _ => seeded.digits(len),
    };
    let sum = format!("{bban}{country}00").bytes().fold(0_u32, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    let account = format!("{country}{:02}{bban}", 98 - sum);
    if seeded.below(2) == 0 {
        return account;
    }
    let groups: Vec<_> = account
        .as_bytes()
        .chunks(4)
        .map(|group| std::str::from_utf8(group).expect("ASCII"))
        .collect();
    groups.join(" ")
}

fn national_id(seeded: &mut Seeded) -> String {
    let year = 1940 + seeded.below(70);
    let (gender, number) = (seeded.of(&["7", "8"]).to_owned(), seeded.digits(7));
    let (card, check) = (seeded.digits(1), seeded.digits(2));
    let separator = seeded.of(&["", " ", "-"]);
    ["1".to_owned(), year.to_string(), gender, number, card, check].join(separator)
}

fn secret(seeded: &mut Seeded) -> String {
    let token = seeded.letters(36) + "7";
    match seeded.below(16) {
        15 => format!("otp: {}", seeded.digits(6)),
        14 => format!(
            "Authorization: Basic {}",
            seeded.of(&["dXNlcjpwYXNz", "YXVkaXQ6aHVudGVyMg==", "a2V6YTpQQHNzdzByZA=="])
        ),
        0 => format!("sk-proj-{token}"),
        1 => format!("sbp_{token}"),
        2 => format!("AKIA{}", seeded.digits(16)),
        3 => format!("ghp_{token}"),
        4 => format!("xoxb-{}-{token}", seeded.digits(11)),
        5 => format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{token}.{}", seeded.letters(43)),
        6 => format!("Bearer {token}"),
        7 => format!("postgres://audit:{token}@db.internal:6543/moltbot"),
        8 => format!("password={token}"),
        9 => format!("api_key: {token}"),
        10 => format!("-----BEGIN PRIVATE KEY-----\n{token}\n-----END PRIVATE KEY-----"),
        11 => format!("AIza{token}"),
        12 => format!("sb_secret_{token}"),
        _ => format!("aws_secret_access_key = {token}"),
    }
}

fn signed_url(seeded: &mut Seeded) -> String {
    let (id, token) = (seeded.digits(9), seeded.letters(32));
    match seeded.below(4) {
        0 => format!(
            "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid={id}&hash={token}"
        ),
        1 => format!("https://p.supabase.co/storage/v1/object/sign/ocr/{id}.jpg?token={token}"),
        2 => format!("https://b.s3.amazonaws.com/{id}?X-Amz-Signature={token}"),
        _ => format!("https://scontent.whatsapp.net/v/{id}.jpg?oh={token}&oe=6650"),
    }
}

fn media(seeded: &mut Seeded) -> String {
    let content = seeded.letters(400) + "aA1";
    if seeded.below(2) == 0 { content } else { format!("data:image/jpeg;base64,{content}") }
}

/// At least 1,500 texts without anything.
pub(crate) fn negatives() -> Vec<String> {
    let mut seeded = Seeded::new(6);
    let mut texts: Vec<String> = HARMLESS.iter().map(|text| (*text).to_owned()).collect();
    for _ in 0..1_800 {
        let number = harmless(&mut seeded);
        // Behind `:to:` every number is somebody's.
        texts.push(around(&mut seeded, &number).replace(":to:", ":seq:"));
    }
    texts
}

/// A number that is nobody's.
fn harmless(seeded: &mut Seeded) -> String {
    let hex = |seeded: &mut Seeded, count: usize| -> String {
        (0..count).map(|_| char::from(b"0123456789abcdef"[seeded.below(16)])).collect()
    };
    let amount = seeded.below(900) + 1;
    match seeded.below(16) {
        0 => {
            let parts = [8, 4, 4, 4, 12].map(|count| hex(seeded, count));
            parts.join("-")
        }
        1 => format!("{}", 1_700_000_000 + seeded.below(100_000_000)),
        2 => format!("{}", 1_700_000_000_000_u64 + seeded.next() % 100_000_000_000),
        3 => format!("{amount},000 RWF"),
        4 => format!("{amount} 000 Frw"),
        5 => format!("RWF {amount}500"),
        6 => format!(
            "ORD-2026{:02}{:02}-{}",
            seeded.below(12) + 1,
            seeded.below(28) + 1,
            seeded.digits(4)
        ),
        7 => format!("v{}.{}.{}", seeded.below(30), seeded.below(30), seeded.below(300)),
        8 => format!("-1.{}, 30.{}", seeded.digits(6), seeded.digits(6)),
        9 => format!("{:02}/{:02}/2026", seeded.below(28) + 1, seeded.below(12) + 1),
        10 => format!(
            "2026-{:02}-{:02} {:02}:{:02}",
            seeded.below(12) + 1,
            seeded.below(28) + 1,
            seeded.below(24),
            seeded.below(60)
        ),
        11 => hex(seeded, 64),
        12 => format!("0.{}", seeded.digits(12)),
        13 => format!("192.168.{}.{}", seeded.below(256), seeded.below(256)),
        14 => format!("#{}", seeded.digits(6)),
        _ => format!("{amount}k–{}k", amount + 5),
    }
}

/// Hand-written, in English, French and Kinyarwanda.
const HARMLESS: [&str; 39] = [
    "I need 2 boxes of paracetamol 500mg, 21 tablets, 3x daily",
    "Two chargers at 7,500 each, total 15,000 RWF",
    "785 000 - 790 000 Frw, last price",
    "725 500 300 RWF for the plot",
    "The shop opens at 08:00 and closes 20:30, KN 12 St, Kigali Heights floor 3",
    "iPhone 13 Pro Max 256GB, battery 89%, IMEI on the box",
    "version 1.2.3.4 of 24/11/2026 10:15",
    "Bonjour, je cherche un câble USB-C de 2m, budget 5 000 à 8 000 francs",
    "Livraison le 07/12/2026 à 10h30, rue KG 11 Av",
    "Il reste 3 pièces à 12.500 Frw",
    "Mfite 3 gusa, igiciro ni 15k kugeza 30k",
    "Ndashaka umuti wa malariya, udupaki 2",
    "Igiciro ni 8,000-12,000 RWF, turi Kimironko",
    "see https://example.rw/shop?id=12&page=2",
    "photo@2x.png and react@18.2.0 are no addresses",
    "the password is required, the token is missing",
    "token: none, api_key: not set, cookie: yes",
    "ask-client, risk-free, basic phone, bearer certificate",
    "sk-samsung-galaxy-a15-black is an article",
    "request state collecting_requirements -> vendor_outreach",
    "input_tokens=812 output_tokens=120 cost_microusd=4500",
    "duration_ms=1234 attempt=3 of 8, batch 2/3",
    "order 0012345678",
    "ORD-250123456789",
    "12345678-1234-1234-1234-250788123456",
    "eea880a02ddf7250e6e04a31178fa22d0a130b0a4106502ed54bdcc66a3a3f21",
    "chain_hash 0788123456abcdef0788123456abcdef",
    "2026-07-28T07:15:00.781234567Z",
    "730 000/750 000",
    "confidence 0.788123456",
    "MoMo 15000 or cash 15000",
    "send 25000 by momo today",
    "1 + 1 = 2 and 20 + 5 + 17 + 10",
    "Résumé: 4 vendeurs contactés, 3 réponses, 1 refus",
    "Ce n'est pas cher: 1 299 000 Frw",
    "TIN of the shop and 16:9 screens, 1920x1080",
    "lat=-1.94407 lng=30.06185 radius 5km",
    "***456 and j***@***.com",
    "[secret 43 0f3a9b2c1d4e] [card ***242] [national_id]",
];
