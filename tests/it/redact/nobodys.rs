//! Digits that are nobody's number, of a hundred kinds.

use crate::support::seeded::Seeded;

/// A kind, and how one of it is made.
type Kind = (&'static str, fn(&mut Seeded) -> String);

pub(super) const KINDS: [Kind; 118] = [
    ("date, slashes", |s| format!("on {:02}/{:02}/2026", among(s, 1, 28), among(s, 1, 12))),
    ("date, dashes", |s| format!("2026-{:02}-{:02} it was", among(s, 1, 12), among(s, 1, 28))),
    ("date, dots", |s| format!("le {:02}.{:02}.2026", among(s, 1, 28), among(s, 1, 12))),
    ("days and months", |s| {
        format!(
            "{:02}/{:02} {:02}/{:02} {:02}/{:02}",
            among(s, 1, 28),
            among(s, 1, 12),
            among(s, 1, 28),
            among(s, 1, 12),
            among(s, 1, 28),
            among(s, 1, 12)
        )
    }),
    ("opening days", |s| {
        format!(
            "Ouvert {:02}/{:02} {:02}/{:02} {:02}/{:02} cette année",
            among(s, 1, 9),
            among(s, 1, 12),
            among(s, 1, 28),
            among(s, 1, 12),
            among(s, 1, 28),
            among(s, 1, 12)
        )
    }),
    ("American dates", |s| {
        format!(
            "{}/{}/2025 and {}/{}/2026",
            among(s, 1, 12),
            among(s, 1, 28),
            among(s, 1, 12),
            among(s, 1, 28)
        )
    }),
    ("time", |s| {
        format!(
            "at {:02}:{:02}:{:02}.{}",
            among(s, 0, 23),
            among(s, 0, 59),
            among(s, 0, 59),
            s.digits(6)
        )
    }),
    ("times in a row", |s| {
        format!(
            "{:02}:{:02} {:02}:{:02} {:02}:{:02}",
            among(s, 0, 23),
            among(s, 0, 59),
            among(s, 0, 23),
            among(s, 0, 59),
            among(s, 0, 23),
            among(s, 0, 59)
        )
    }),
    ("RFC 3339", |s| {
        format!(
            "2026-{:02}-{:02}T{:02}:{:02}:{:02}.{}Z ok",
            among(s, 1, 12),
            among(s, 1, 28),
            among(s, 0, 23),
            among(s, 0, 59),
            among(s, 0, 59),
            s.digits(6)
        )
    }),
    ("compact time", |s| {
        format!(
            "backup-2026{:02}{:02}{:02}{:02}{:02}.tar",
            among(s, 1, 12),
            among(s, 1, 28),
            among(s, 0, 23),
            among(s, 0, 59),
            among(s, 0, 59)
        )
    }),
    ("compact minutes", |s| {
        format!(
            "run 2026{:02}{:02}{:02}{:02} done",
            among(s, 1, 12),
            among(s, 1, 28),
            among(s, 0, 23),
            among(s, 0, 59)
        )
    }),
    ("compact day", |s| format!("file 2026{:02}{:02} saved", among(s, 1, 12), among(s, 1, 28))),
    ("epoch, seconds", |s| format!("ts 17{}", s.digits(8))),
    ("epoch, milliseconds", |s| format!("17{} now", s.digits(11))),
    ("epoch, microseconds", |s| format!("t=17{}", s.digits(14))),
    ("epoch, nanoseconds", |s| format!("17{} ns", s.digits(17))),
    ("ISBN-13", |s| format!("ISBN {}", isbn_13(s))),
    ("ISBN-13, no word", |s| format!("read {} again", isbn_13(s))),
    ("ISBN-10", |s| format!("{} is the book", isbn_10(s))),
    ("ISBN, digits", |s| format!("isbn: {}", ean(s, "978"))),
    ("EAN", |s| format!("EAN {}", ean(s, "6"))),
    ("UPC", |s| format!("UPC 0{}", s.digits(11))),
    ("GTIN", |s| format!("gtin {}", s.digits(14))),
    ("barcode", |s| format!("barcode: 0{}", s.digits(12))),
    ("SKU", |s| format!("SKU {}", s.digits(10))),
    ("parcel of land", |s| {
        format!(
            "UPI {}/{:02}/{:02}/{:02}/{}",
            among(s, 1, 5),
            among(s, 1, 8),
            among(s, 1, 15),
            among(s, 1, 9),
            s.digits(4)
        )
    }),
    ("parcel, no word", |s| {
        format!(
            "plot {}/{:02}/{:02}/{:02}/{} sold",
            among(s, 1, 5),
            among(s, 1, 8),
            among(s, 1, 15),
            among(s, 1, 9),
            s.digits(5)
        )
    }),
    ("bytes", |s| format!("allocated {} bytes", s.digits(9))),
    ("bytes, ten", |s| format!("{}{} bytes free", among(s, 1, 9), s.digits(9))),
    ("kilobytes", |s| format!("{} KB read", s.digits(9))),
    ("nanoseconds", |s| format!("took {} ns", s.digits(9))),
    ("rows", |s| format!("{}{} rows", among(s, 1, 9), s.digits(8))),
    ("tracking, S10", |s| {
        format!("{}{}RW arrived", of(s, 2, b"ABCDEFGHJKLMNPQRSTUVWXYZ"), s.digits(9))
    }),
    ("tracking, UPS", |s| format!("tracking 1Z{}", s.digits(10))),
    ("tracking number", |s| format!("tracking number {}", s.digits(12))),
    ("tracking, DHL", |s| format!("colis {}", s.digits(10))),
    ("IP", |s| format!("from 144.{}.{}.{}", among(s, 1, 255), among(s, 1, 255), among(s, 1, 255))),
    ("IP and port", |s| {
        format!(
            "{}.{}.{}.{}:{}",
            among(s, 100, 223),
            among(s, 100, 255),
            among(s, 10, 99),
            among(s, 100, 255),
            among(s, 1024, 65535)
        )
    }),
    ("IPs in a row", |s| {
        format!(
            "10.{}.{}.{}, 10.{}.{}.{}",
            among(s, 0, 255),
            among(s, 0, 255),
            among(s, 0, 255),
            among(s, 0, 255),
            among(s, 0, 255),
            among(s, 0, 255)
        )
    }),
    ("version", |s| format!("v{}.{}.{}", among(s, 1, 30), among(s, 0, 30), among(s, 0, 300))),
    ("browser", |s| {
        format!(
            "Chrome/{}.0.{}.{} Safari/537.36",
            among(s, 100, 140),
            among(s, 4000, 7000),
            among(s, 10, 250)
        )
    }),
    ("browser, long", |s| {
        format!(
            "Mozilla/5.0 (X11; Linux) Edg/{}.0.{}.{}",
            among(s, 100, 140),
            among(s, 1000, 3000),
            among(s, 10, 150)
        )
    }),
    ("OS", |s| {
        format!(
            "Android 14; build/{}.{}.{}",
            of(s, 3, b"ABCDEFGHJKLMNPQRSTUVWXYZ"),
            s.digits(6),
            s.digits(3)
        )
    }),
    ("media id", |s| format!("\"media_id\":\"{}{}\"", among(s, 1, 9), s.digits(15))),
    ("media id, sentence", |s| format!("media id {}{}", among(s, 1, 9), s.digits(14))),
    ("phone number id", |s| format!("phone number id {}{}", among(s, 1, 9), s.digits(14))),
    ("call id", |s| format!("call id {}{} ended", among(s, 1, 9), s.digits(9))),
    ("message id", |s| format!("message id {}", s.digits(12))),
    ("order id", |s| format!("order id: {}", s.digits(11))),
    ("order number", |s| format!("order number {}{}", among(s, 1, 9), s.digits(9))),
    ("order", |s| format!("order {}{} paid", among(s, 1, 9), s.digits(9))),
    ("commande", |s| format!("commande n° {}{}", among(s, 1, 9), s.digits(8))),
    ("commande, numéro", |s| format!("numéro de commande {}{}", among(s, 1, 9), s.digits(9))),
    ("invoice", |s| format!("invoice {}{}", among(s, 1, 9), s.digits(9))),
    ("facture", |s| format!("facture {}", s.digits(8))),
    ("receipt", |s| format!("receipt no {}", s.digits(9))),
    ("order code", |s| format!("ORD-{}", s.digits(10))),
    ("invoice code", |s| format!("INV{}", s.digits(10))),
    ("ticket", |s| format!("#{} was closed", s.digits(9))),
    ("MoMo transaction", |s| format!("TxId:{}{}. Your new balance", among(s, 1, 9), s.digits(10))),
    ("MoMo transaction, words", |s| {
        format!("Financial Transaction Id: {}{}", among(s, 1, 9), s.digits(10))
    }),
    ("MoMo, French", |s| format!("Id de transaction {}{}", among(s, 1, 9), s.digits(10))),
    ("transaction", |s| format!("transaction {}{} failed", among(s, 1, 9), s.digits(9))),
    ("txn", |s| format!("\"txn_id\": {}{}", among(s, 1, 9), s.digits(10))),
    ("reference", |s| format!("ref {}{}", among(s, 1, 9), s.digits(9))),
    ("reference, French", |s| format!("référence: {}{}", among(s, 1, 9), s.digits(11))),
    ("IMEI", |s| format!("IMEI 35{}", s.digits(13))),
    ("ICCID", |s| format!("iccid 89250{}", s.digits(14))),
    ("serial", |s| format!("serial number {}", s.digits(12))),
    ("meter", |s| format!("meter {}", s.digits(11))),
    ("tax number", |s| format!("TIN {}{}", among(s, 1, 9), s.digits(8))),
    ("account", |s| format!("account {}{}", among(s, 1, 9), s.digits(12))),
    ("bank account, groups", |s| format!("compte {}-{}-{}", s.digits(5), s.digits(8), s.digits(2))),
    ("price", |s| format!("{},000 RWF", among(s, 1, 999))),
    ("price, spaces", |s| format!("{} 000 Frw", among(s, 1, 999))),
    ("price, millions", |s| format!("RWF {},{},{}", among(s, 1, 99), s.digits(3), s.digits(3))),
    ("price, millions, spaces", |s| format!("{} {} 000 francs", among(s, 1, 99), s.digits(3))),
    ("price, digits", |s| format!("{}{} RWF", among(s, 1, 9), s.digits(8))),
    ("price, euro", |s| format!("{}{} €", among(s, 1, 9), s.digits(7))),
    ("price of a phone", |s| format!("iPhone {} Pro {}000", among(s, 11, 16), among(s, 100, 999))),
    ("phone and price", |s| format!("phone {}000 only", among(s, 50, 900))),
    ("range", |s| format!("{} 000 - {} 000 Frw", among(s, 100, 900), among(s, 100, 900))),
    ("counts in a row", |s| {
        format!(
            "{:02} {:02} {} {} {:02} {:02} {:02} {:02}",
            among(s, 10, 99),
            among(s, 10, 99),
            among(s, 1, 9),
            among(s, 1, 9),
            among(s, 10, 99),
            among(s, 10, 99),
            among(s, 10, 99),
            among(s, 10, 99)
        )
    }),
    ("lottery", |s| {
        format!(
            "{} {:02} {:02} {:02} {:02} {:02}",
            among(s, 1, 9),
            among(s, 10, 49),
            among(s, 10, 49),
            among(s, 10, 49),
            among(s, 10, 49),
            among(s, 10, 49)
        )
    }),
    ("scores", |s| {
        format!(
            "{}-{}, {}-{}, {}-{}, {}-{}",
            among(s, 0, 5),
            among(s, 0, 5),
            among(s, 0, 5),
            among(s, 0, 5),
            among(s, 0, 5),
            among(s, 0, 5),
            among(s, 0, 5),
            among(s, 0, 5)
        )
    }),
    ("sizes", |s| format!("{}x{}x{} cm", among(s, 10, 99), among(s, 10, 99), among(s, 10, 99))),
    ("resolution", |s| format!("{}x{}", among(s, 1000, 3999), among(s, 1000, 2999))),
    ("coordinates", |s| format!("-1.{}, 30.{}", s.digits(6), s.digits(6))),
    ("coordinates, long", |s| format!("lat=-1.{} lng=30.{}", s.digits(14), s.digits(14))),
    ("decimal", |s| format!("0.{}", s.digits(12))),
    ("decimal, share", |s| format!("confidence 0.{}", s.digits(9))),
    ("percent", |s| format!("{}.{}%", among(s, 1, 99), s.digits(5))),
    ("UUID", |s| {
        format!(
            "{}-{}-{}-{}-{}",
            of(s, 8, b"0123456789abcdef"),
            of(s, 4, b"0123456789abcdef"),
            of(s, 4, b"0123456789abcdef"),
            of(s, 4, b"0123456789abcdef"),
            of(s, 12, b"0123456789abcdef")
        )
    }),
    ("SHA-256", |s| of(s, 64, b"0123456789abcdef")),
    ("MD5", |s| format!("etag {}", of(s, 32, b"0123456789abcdef"))),
    ("commit", |s| format!("commit {}", of(s, 40, b"0123456789abcdef"))),
    ("trace", |s| {
        format!(
            "trace_id={} span_id={}",
            of(s, 32, b"0123456789abcdef"),
            of(s, 16, b"0123456789abcdef")
        )
    }),
    ("base64", |s| format!("aGVsbG8{}=", s.letters(24))),
    ("colour", |s| format!("#{}", of(s, 6, b"0123456789abcdef"))),
    ("coupon", |s| {
        format!(
            "{}-{}-{}",
            of(s, 4, b"ABCDEFGHJKLMNPQRSTUVWXYZ"),
            s.digits(4),
            of(s, 4, b"ABCDEFGHJKLMNPQRSTUVWXYZ")
        )
    }),
    ("plate", |s| {
        format!(
            "RA{} {} {}",
            of(s, 1, b"ABCDEFGHJKLMNPQRSTUVWXYZ"),
            s.digits(3),
            of(s, 1, b"ABCDEFGHJKLMNPQRSTUVWXYZ")
        )
    }),
    ("flight", |s| format!("WB{} at {:02}h{:02}", s.digits(3), among(s, 0, 23), among(s, 0, 59))),
    ("dose", |s| {
        format!("{}00mg, {} tablets, {}x daily", among(s, 1, 9), among(s, 1, 30), among(s, 1, 4))
    }),
    ("article", |s| {
        format!("Galaxy A{} {}GB {}GB", among(s, 10, 55), among(s, 64, 512), among(s, 4, 12))
    }),
    ("log counters", |s| {
        format!(
            "duration_ms={}{} attempt={} tokens={}{}",
            among(s, 1, 9),
            s.digits(3),
            among(s, 1, 8),
            among(s, 1, 9),
            s.digits(3)
        )
    }),
    ("log of bytes", |s| format!("\"GET /shop?id={} HTTP/1.1\" 200 {}", s.digits(6), s.digits(5))),
    ("process", |s| format!("pid {} tid {}", s.digits(7), s.digits(15))),
    ("row id", |s| format!("row {}{}", among(s, 1, 9), s.digits(9))),
    ("big id", |s| format!("id={}{}", among(s, 1, 9), s.digits(18))),
    ("cursor", |s| format!("cursor {}", s.digits(17))),
    ("long digits", |s| s.digits(30)),
    ("phone sold, with memory", |s| {
        format!(
            "Samsung {} GB, {} GB, {}.000",
            among(s, 64, 512),
            among(s, 4, 12),
            among(s, 100, 900)
        )
    }),
    ("street", |s| {
        format!(
            "KN {} St, house {}, KG {} Av",
            among(s, 1, 200),
            among(s, 1, 200),
            among(s, 1, 700)
        )
    }),
    ("box", |s| format!("PO Box {} Kigali", s.digits(4))),
    ("ratio", |s| format!("1:{} and {}:{}", s.digits(3), among(s, 1, 9), s.digits(6))),
    ("table", |s| {
        format!("| {} | {} | {} | {} |", s.digits(3), s.digits(3), s.digits(3), s.digits(3))
    }),
    ("list", |s| {
        format!(
            "{}, {}, {}, {}",
            among(s, 1, 9),
            among(s, 10, 99),
            among(s, 100, 999),
            among(s, 1000, 9999)
        )
    }),
    ("formula", |s| {
        format!(
            "{} + {} + {} = {}",
            among(s, 1, 99),
            among(s, 1, 99),
            among(s, 1, 99),
            among(s, 1, 299)
        )
    }),
];

/// A number from the first to the last.
fn among(seeded: &mut Seeded, first: usize, last: usize) -> usize {
    first + seeded.below(last - first + 1)
}

/// So many characters of an alphabet.
fn of(seeded: &mut Seeded, count: usize, alphabet: &[u8]) -> String {
    (0..count).map(|_| char::from(alphabet[seeded.below(alphabet.len())])).collect()
}

/// Thirteen digits that begin so, with their check digit.
fn ean(seeded: &mut Seeded, start: &str) -> String {
    let body = format!("{start}{}", seeded.digits(12 - start.len()));
    let weights = [1, 3].into_iter().cycle();
    let sum: u32 =
        body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn isbn_13(seeded: &mut Seeded) -> String {
    let book = ean(seeded, "978");
    [&book[..3], &book[3..4], &book[4..8], &book[8..12], &book[12..]].join("-")
}

fn isbn_10(seeded: &mut Seeded) -> String {
    loop {
        let body = format!("{}{}", seeded.below(8), seeded.digits(8));
        let weights = (2..=10).rev();
        let sum: u32 =
            body.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        let check = (11 - sum % 11) % 11;
        // Ten is written as X.
        if check < 10 {
            return format!("{}-{}-{}-{check}", &body[..1], &body[1..5], &body[5..]);
        }
    }
}
