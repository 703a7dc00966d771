//! The spellings of a person's or a shop's name.

use super::fold::folded;

/// One way in which a name may be written.
pub(super) struct Spelling {
    /// Its words, folded.
    pub(super) words: Vec<String>,
    /// True if it is a name only with a capital. Without one it may be an ordinary word.
    pub(super) needs_capital: bool,
}

/// The fewest letters of a word that is a name on its own.
const MIN_PERSON: usize = 3;

/// The fewest letters of a word that is a shop's name on its own.
const MIN_VENDOR: usize = 5;

/// The fewest letters of a name of several words.
const MIN_PHRASE: usize = 4;

/// The most words of a name of which we try all orders.
const MAX_ORDERED: usize = 3;

/// Legal forms of companies in Rwanda, Kenya, France and elsewhere, and titles before the name of a shop.
#[rustfmt::skip]
const LEGAL_FORMS: &[&str] = &[
    "ab", "ag", "asbl", "bhd", "bv", "cie", "co", "company", "coop", "cooperative", "corp", "corporation",
    "ei", "enterprise", "enterprises", "entreprise", "etablissement", "etablissements", "ets", "eurl", "fils", "freres",
    "gie", "gmbh", "group", "groupe", "holding", "holdings", "inc", "incorporated", "kg", "koperative",
    "limited", "llc", "llp", "lp", "ltd", "ltda", "nv", "ong", "oy", "partners", "plc", "pty", "sa",
    "sarl", "sarlu", "sas", "sasu", "snc", "societe", "sprl", "srl", "ste", "sons", "trading",
];

/// What joins a name and its legal form.
const JOINING: &[&str] = &["and", "et", "na", "the"];

/// Words beside a person's name in English, French and Kinyarwanda, and words between its parts.
#[rustfmt::skip]
const BESIDE_PERSONS: &[&str] = &[
    "and", "ben", "bin", "bint", "bwana", "chez", "client", "customer", "dame", "das", "del", "della",
    "der", "des", "did", "dit", "doc", "docteur", "doctor", "dos", "dr", "epouse", "fils", "for", "from",
    "ibn", "les", "madam", "madame", "mademoiselle", "maitre", "md", "miss", "mlle", "mme", "monsieur",
    "mrs", "mwalimu", "nee", "not", "papa", "mama", "pasteur", "pastor", "prof", "professeur", "professor",
    "sir", "soeur", "the", "und", "van", "veuve", "von", "you", "patient", "unknown", "user",
];

/// Names that are ordinary words too. They are names only with a capital.
#[rustfmt::skip]
const ALSO_WORDS: &[&str] = &[
    "aimable", "ange", "angel", "april", "art", "august", "baker", "bell", "belle", "bien", "bill", "blanche",
    "bless", "blessing", "bon", "bonne", "bosco", "brave", "brown", "charity", "christmas", "clement", "cook", "dawn",
    "deo", "desire", "dieu", "divine", "don", "faith", "fidele", "fleur", "florence", "fortune", "frank",
    "gift", "glory", "goodluck", "grace", "grand", "green", "happy", "honest", "hope", "innocent", "jack",
    "joy", "june", "king", "lily", "love", "lucky", "mark", "martin", "may", "mercy", "miracle", "modeste",
    "noel", "olive", "pacifique", "patience", "peace", "petit", "pierre", "prince", "princess", "prosper",
    "prudence", "rich", "rose", "sale", "tour", "violette", "white", "will", "young", "black", "noir", "blanc", "roi", "leroy", "chance",
    "juste", "bonheur", "fine", "long", "short", "case", "price", "best", "good", "moreau", "gold", "silver", "star", "moon", "sun", "bien", "fils", "fille",
];

/// Places, and words in the names of many shops. They are not a shop's name on their own.
#[rustfmt::skip]
const OF_MANY_VENDORS: &[&str] = &[
    "accessories", "africa", "african", "afrique", "agency", "airtel", "alimentation", "appliances", "auto",
    "autos", "bakery", "beauty", "best", "bookshop", "boutique", "brothers", "building", "business",
    "butare", "butchery", "camera", "cameras", "center", "central", "centre", "charger", "chargers", "chemist", "city", "clinic",
    "collection", "computer", "computers", "construction", "corner", "cosmetics", "cuisine", "dealer", "dealers", "depot",
    "design", "designs", "digital", "direct", "discount", "display", "distribution", "distributors", "drugstore",
    "electric", "electrical", "electro", "electronic", "electronics", "electronique", "energy", "engineering", "express",
    "family", "farmasi", "fashion", "first", "foods", "fresh", "fruits", "furniture", "gadget", "gadgets", "garage", "garden",
    "gasabo", "general", "gikondo", "gisenyi", "global", "grocery", "hardware", "health", "hospital",
    "hotel", "house", "household", "ibikoresho", "import", "industries", "informatique", "international", "internet", "investment",
    "kacyiru", "kampala", "kenya", "kicukiro", "kigali", "kimironko", "kisumu", "kitchen", "laboratory", "laptop", "laptops",
    "light", "lighting", "lights", "living", "logistics", "machine", "magasin", "maison", "marche", "market", "marketing",
    "marseille", "materials", "meubles", "mobile", "mobiles", "modern", "mombasa", "motor", "motors", "muhanga", "musanze", "nairobi",
    "nakuru", "network", "nyabugogo", "nyamirambo", "nyarugenge", "nyarutarama", "office", "online", "optique", "paris", "parts",
    "pharma", "pharmacie", "pharmacy", "phone", "phones", "photo", "place", "plaza", "plumbing", "point", "power",
    "print", "printing", "products", "quality", "quincaillerie", "remera", "repair", "repairs", "restaurant", "retail",
    "royal", "rubavu", "rusizi", "rwanda", "rwandan", "sales", "samsung", "school", "service", "services",
    "shoes", "shopping", "smart", "solar",
    "solution", "solutions", "sound", "sport", "sports", "station", "stationery", "stores", "store", "studio",
    "super", "supermarche", "supermarket", "supplier", "suppliers", "supplies", "supply", "system",
    "systems", "techno", "technologies", "technology", "telecom", "telefoni", "telephone", "textile", "tigo",
    "tools", "tower", "towers", "traders", "transport", "travel", "tyres", "uganda", "union", "universal",
    "vision", "wholesale", "world",
];

/// The ways to write a person's name: its words in any order, and each on its own.
pub(super) fn of_person(name: &str) -> Vec<Spelling> {
    let all = words(name);
    let is_beside = |word: &String| BESIDE_PERSONS.contains(&word.as_str());
    let named: Vec<_> = all.iter().filter(|word| !is_beside(word)).cloned().collect();
    let mut spellings = orders(&named);
    spellings.push(all.clone());
    // `N'Diaye` is one name, although it is two words.
    spellings.extend(name.split_whitespace().map(words).filter(|words| words.len() > 1));
    let whole = spellings
        .into_iter()
        .filter(|words| is_long(words))
        .map(|words| Spelling { needs_capital: false, words });
    let is_name = |word: &&String| {
        word.chars().count() >= MIN_PERSON && word.chars().all(char::is_alphabetic)
    };
    let single = named.iter().filter(is_name).map(|word| Spelling {
        needs_capital: word.chars().count() <= MIN_PERSON || ALSO_WORDS.contains(&word.as_str()),
        words: vec![word.clone()],
    });
    whole.chain(single).collect()
}

/// The ways to write a shop's name: with and without its legal form and the words in brackets, and each word that few
/// shops have in their names.
pub(super) fn of_vendor(name: &str) -> Vec<Spelling> {
    let all = words(name);
    let bare = without_legal_form(&words(&without_brackets(name)));
    let mut spellings = vec![without_legal_form(&all), words(&without_brackets(name)), all];
    spellings.extend(orders(&bare));
    let whole = spellings
        .into_iter()
        .filter(|words| is_long_vendor(words))
        .map(|words| Spelling { needs_capital: false, words });
    let is_name = |word: &&String| {
        let word = word.as_str();
        word.chars().count() >= MIN_VENDOR
            && word.chars().all(char::is_alphabetic)
            && !OF_MANY_VENDORS.contains(&word)
    };
    let single = bare
        .iter()
        .filter(is_name)
        .map(|word| Spelling { words: vec![word.clone()], needs_capital: true });
    whole.chain(single).collect()
}

/// The ways to write any other term: whole, and each long word of it.
pub(super) fn of_term(term: &str) -> Vec<Spelling> {
    let all = words(term);
    let is_long_word = |word: &&String| {
        word.chars().count() >= MIN_VENDOR && word.chars().all(char::is_alphabetic)
    };
    let single = all.iter().filter(is_long_word).map(|word| vec![word.clone()]);
    let spellings: Vec<_> =
        single.chain(std::iter::once(all.clone()).filter(|words| is_long(words))).collect();
    spellings.into_iter().map(|words| Spelling { words, needs_capital: false }).collect()
}

/// Whether a folded word is the legal form of a company.
pub(super) fn is_legal_form(word: &str) -> bool {
    LEGAL_FORMS.contains(&word)
}

/// Whether a folded word may stand between a name and its legal form.
pub(super) fn is_joining(word: &str) -> bool {
    JOINING.contains(&word)
}

/// All orders of a few words. Of many words, one order beginning with each of them.
fn orders(words: &[String]) -> Vec<Vec<String>> {
    if words.len() > MAX_ORDERED {
        let mut turned = words.to_vec();
        let next = |_| {
            turned.rotate_left(1);
            turned.clone()
        };
        return (0..words.len().min(8)).map(next).collect();
    }
    let Some((first, rest)) = words.split_first() else { return vec![Vec::new()] };
    let with_first = |order: Vec<String>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, first.clone());
            order
        })
    };
    orders(rest).into_iter().flat_map(with_first).collect()
}

fn is_long(words: &[String]) -> bool {
    let letters: usize = words.iter().map(|word| word.chars().count()).sum();
    letters >= if words.len() > 1 { MIN_PHRASE } else { MIN_PERSON }
}

fn is_long_vendor(words: &[String]) -> bool {
    let is_known = |word: &String| {
        let word = word.as_str();
        word.chars().count() < MIN_VENDOR || OF_MANY_VENDORS.contains(&word)
    };
    is_long(words) && (words.len() > 1 || !words.iter().all(is_known))
}

/// A name without the legal form before or after it, and without the words that join them.
fn without_legal_form(words: &[String]) -> Vec<String> {
    let joined = spelled_together(words);
    let mut words = joined.as_slice();
    while let Some((last, before)) = words.split_last() {
        let is_form = is_legal_form(last);
        let is_joining = words.len() < joined.len() && is_joining(last);
        if !is_form && !is_joining {
            break;
        }
        words = before;
    }
    while let Some((first, behind)) = words.split_first()
        && is_legal_form(first)
    {
        words = behind;
    }
    words.to_vec()
}

/// `S.A.R.L.` as one word.
fn spelled_together(words: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    let mut after_letter = false;
    for word in words {
        let is_letter = word.chars().count() == 1;
        match joined.last_mut().filter(|_| is_letter && after_letter) {
            Some(last) => last.push_str(word),
            None => joined.push(word.clone()),
        }
        after_letter = is_letter;
    }
    joined
}

fn without_brackets(name: &str) -> String {
    let mut depth = 0_usize;
    let mut outside = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    outside
}

/// The words of a name, folded.
fn words(name: &str) -> Vec<String> {
    folded(name).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
