//! Health is hidden from outsiders in three languages, and ordinary trade is not.
//!
//! The texts are made by combination, so that no list in the crate was written beside one of them: sentences of
//! three languages, and words that are said in them.

use serde_json::{Value, json};

use crate::pack::{both_packs, story};
use crate::support::seeded::Seeded;
use crate::support::stores;
use moltbot_audit::{Actor, AuditEvent, EventType};

/// What people have, take and look for, with sentences that take it.
const MEDICAL: [(&[&str], &[&str]); 9] = [
    (
        &[
            "I need {} for my mother",
            "do you sell {}?",
            "how much is {}",
            "is {} in stock today",
            "Looking for {}, urgent",
        ],
        &[
            "amoxicillin 500mg",
            "Coartem",
            "paracetamol syrup",
            "insulin pens",
            "omeprazole",
            "ARVs",
            "a pregnancy test",
            "eye drops",
            "metformin",
            "a blood pressure monitor",
            "condoms",
            "vitamin C tablets",
            "antibiotics",
            "an inhaler",
            "ciprofloxacin",
            "cough syrup",
            "diclofenac gel",
            "losartan 50 mg",
            "ibuprofen",
            "azithromycin",
            "a wheelchair",
            "sanitary pads",
            "fluconazole",
            "family planning pills",
            "PrEP for HIV",
        ],
    ),
    (
        &[
            "my son has {}",
            "I have {} since Monday",
            "she is treated for {}",
            "he was told it is {}",
            "can you help, {}?",
        ],
        &[
            "malaria",
            "a high fever",
            "diarrhoea",
            "asthma",
            "back pain",
            "TB treatment",
            "diabetes",
            "a skin rash",
            "a toothache",
            "hepatitis B",
            "epilepsy",
            "chest pain",
            "an ear infection",
            "ulcers",
            "high blood pressure",
            "a urinary infection",
            "depression",
            "a migraine",
            "gonorrhea",
            "anaemia",
            "typhoid",
            "vomiting and cramps",
            "a sore throat",
            "cervical cancer",
            "HIV",
        ],
    ),
    (
        &["where is {}", "take me to {}", "I have an appointment at {}", "he waits at {}"],
        &[
            "the hospital",
            "a pharmacy",
            "the dentist",
            "the health center",
            "the clinic",
            "a doctor",
            "the maternity ward",
            "the physiotherapist",
        ],
    ),
    (
        &[
            "je cherche {} pour ma mere",
            "vous avez {} ?",
            "C'est combien {}",
            "Il me faut {} aujourd'hui",
            "{} svp",
        ],
        &[
            "de l'amoxicilline",
            "du paracétamol",
            "du doliprane 1000",
            "un test de grossesse",
            "des antibiotiques",
            "de l'insuline",
            "une pommade",
            "du sirop contre la toux",
            "la pilule du lendemain",
            "des préservatifs",
            "un tensiomètre",
            "de l'oméprazole",
            "un vaccin",
            "des gélules",
            "une béquille",
            "un fauteuil roulant",
            "des comprimés d'ibuprofène",
            "une seringue",
            "de la metformine",
            "des pansements",
            "un antidouleur",
            "du Coartem",
            "des lunettes de vue",
            "un collyre ophtalmique",
        ],
    ),
    (
        &[
            "ma fille a {}",
            "j'ai {} depuis hier",
            "il souffre de {}",
            "on lui a trouvé {}",
            "c'est pour {}",
        ],
        &[
            "le palu",
            "de la fièvre",
            "la diarrhée",
            "de l'asthme",
            "mal au dos",
            "la tuberculose",
            "le diabète",
            "une angine",
            "mal aux dents",
            "l'hépatite",
            "une crise d'épilepsie",
            "des douleurs à la poitrine",
            "une otite",
            "un ulcère",
            "de la tension artérielle",
            "une infection urinaire",
            "une dépression",
            "des migraines",
            "le VIH",
            "de l'anémie",
            "la typhoïde",
            "des vomissements",
            "la grippe",
            "un cancer du sein",
            "une grossesse difficile",
        ],
    ),
    (
        &["ou est {}", "je suis a {}", "rendez-vous chez {}", "il faut appeler {}"],
        &[
            "l'hôpital",
            "la pharmacie",
            "le dentiste",
            "le centre de santé",
            "la clinique",
            "le médecin",
            "la maternité",
            "l'infirmière",
        ],
    ),
    (
        &["Ndashaka {}", "mufite {}?", "ni angahe {}", "nkeneye {} vuba", "Mwambonera {}"],
        &[
            "umuti wa malariya",
            "imiti y'igituntu",
            "ibinini bya parasetamol",
            "imiti ya SIDA",
            "agakingirizo",
            "udukingirizo",
            "amogisisilini",
            "umuti w'inkorora",
            "urukingo rwa hepatite",
            "inshinge",
            "imiti igabanya ubukana",
            "umuti wo mu nda",
            "imiti y'umuvuduko w'amaraso",
            "umuti w'inzoka zo mu nda",
            "kwartem cyangwa Coartem",
        ],
    ),
    (
        &["{}", "Muraho, {}", "{} kuva ejo", "umwana wanjye, {}", "mumfashe, {}"],
        &[
            "ndwaye malariya",
            "arwaye igituntu",
            "mfite umuriro mwinshi",
            "ndababara umutwe",
            "ararwaye cyane",
            "afite impiswi",
            "arakorora cyane",
            "mu nda harandya",
            "ndwaye diyabete",
            "afite kanseri",
            "arwaye igicuri",
            "mfite ibicurane",
            "aruka kandi ahitwa, kuruka gusa",
            "ndatwite, ntwite amezi atatu",
            "afite ubwandu bwa virusi itera SIDA",
            "ndwaye umugongo",
            "iryinyo rirandya",
            "amaso arandya",
            "afite uburwayi bwo mu mutwe",
            "yakomeretse ku kuboko",
            "umuvuduko w'amaraso wazamutse",
            "arwaye umwijima",
            "mfite isereri n'iseseme",
        ],
    ),
    (
        &["{} iri he?", "ngiye {}", "ndi {}", "munyereke {}"],
        &[
            "kwa muganga",
            "ku bitaro",
            "kuri farumasi",
            "mu ivuriro",
            "ku kigo nderabuzima",
            "kwivuza",
            "gusura umurwayi",
            "ku muganga w'amenyo",
        ],
    ),
];

/// What people buy, with sentences that take it.
const TRADE: [(&[&str], &[&str]); 9] = [
    (
        &[
            "I need {} for my sister",
            "do you have {}?",
            "how much is {}",
            "{} in black, please",
            "Looking for {}, today if possible",
        ],
        &[
            "a Samsung A15 with 128 GB",
            "an iPhone charger",
            "a Bluetooth speaker",
            "a screen protector",
            "a power bank of 20000 mAh",
            "a laptop with 1 TB",
            "a lithium battery",
            "a phone whose battery health is over 85",
            "headphones",
            "a SIM card",
            "a router",
            "a tablet with a keyboard",
            "a 43 inch TV",
            "a surge protector",
            "a memory card",
            "a phone cover",
            "a used Tecno Spark",
            "a USB C cable",
            "a printer cartridge",
        ],
    ),
    (
        &[
            "I want {}",
            "can you deliver {} to Remera?",
            "what does {} cost",
            "is {} still available",
        ],
        &[
            "a chest of drawers",
            "a table with six chairs",
            "a king size bed",
            "an office desk",
            "a bookshelf of wood",
            "a sofa with two seats",
            "an orthopedic mattress",
            "kitchen cabinets",
            "a wardrobe with a mirror",
            "a rocking chair",
            "window blinds",
            "a chair with a broken leg",
        ],
    ),
    (
        &["please bring {}", "the price of {}?", "{} from the market", "add {} to my order"],
        &[
            "two kilos of rice",
            "kidney beans",
            "orange juice",
            "cold drinks for ten",
            "a tray of eggs",
            "maple syrup",
            "cooking oil, 5 liters",
            "fresh bread",
            "a bag of sugar",
            "tomatoes and onions",
            "coffee capsules",
            "milk, 500 ml",
            "ice cream",
        ],
    ),
    (
        &[
            "je cherche {}",
            "vous avez {} ?",
            "combien pour {}",
            "{} en noir svp",
            "livraison de {} a Kimironko",
        ],
        &[
            "un téléphone Samsung",
            "un chargeur rapide",
            "une enceinte Bluetooth",
            "une coque",
            "un écran pour Tecno",
            "une batterie de moto",
            "un ordinateur portable",
            "une carte mémoire",
            "une télé de 43 pouces",
            "un câble USB",
            "une imprimante avec scanner",
            "un régulateur de tension",
            "un onduleur",
            "des écouteurs",
        ],
    ),
    (
        &["il me faut {}", "c'est combien {}", "{} pour le salon", "avez-vous encore {}"],
        &[
            "une table basse",
            "six chaises en bois",
            "un lit avec tête de lit",
            "une armoire",
            "un canapé d'angle",
            "une étagère",
            "un bureau",
            "des rideaux",
            "un matelas orthopédique",
            "une commode a quatre tiroirs",
            "un fauteuil de jardin",
        ],
    ),
    (
        &["je veux {}", "mettez {} dans la commande", "le prix de {}", "{} du marché"],
        &[
            "deux kilos de riz",
            "du pain complet",
            "des pains au chocolat",
            "de l'huile, 5 litres",
            "du sirop de menthe",
            "un plateau d'oeufs",
            "du lait",
            "des tomates",
            "du café en capsules",
            "des boissons fraîches",
            "du sucre",
            "des épis de maïs",
        ],
    ),
    (
        &["Ndashaka {}", "mufite {}?", "ni angahe {}", "munyoherereze {}", "nkeneye {} uyu munsi"],
        &[
            "telefoni ya Samsung",
            "sharijeri",
            "batiri ya telefoni",
            "mudasobwa",
            "ekara ya Tecno",
            "radiyo nini",
            "televiziyo ya pouce 43",
            "ekuteri",
            "karitasimu",
            "insinga z'amashanyarazi",
        ],
    ),
    (
        &["Muraho, ndashaka {}", "{} igura angahe?", "mufite {} nziza?"],
        &[
            "intebe esheshatu",
            "ameza yo kuriraho",
            "igitanda kinini",
            "akabati k'imyenda",
            "matera nziza",
            "intebe yo mu biro",
            "amarido",
        ],
    ),
    (
        &["Muzane {}", "{} ku isoko", "nongeraho {}", "igiciro cya {}"],
        &[
            "ibiro bibiri by'umuceri",
            "ibirayi",
            "isukari",
            "amavuta yo guteka",
            "umugati",
            "amata",
            "inyanya n'ibitunguru",
            "ibiribwa bya buri munsi",
            "ibishyimbo",
            "imbuto",
            "amagi",
        ],
    ),
];

fn texts(of: &[(&[&str], &[&str])], count: usize, seed: u64) -> Vec<String> {
    let mut seeded = Seeded::new(seed);
    let text = |nth: usize| {
        let (sentences, words) = of[nth % of.len()];
        let word = words[seeded.below(words.len())];
        sentences[seeded.below(sentences.len())].replace("{}", word)
    };
    (0..count).map(text).collect()
}

/// What outsiders read of each text, said alone in a request of this category.
pub(super) async fn shown(category: Option<&str>, texts: &[String]) -> Vec<Value> {
    let fresh = stores::sqlite().await;
    let mut shown = Vec::new();
    for text in texts {
        let teller = story::Teller::new(fresh.store.clone());
        let mut input = json!({ "message_type": "text", "text": text });
        if let Some(category) = category {
            input["category"] = json!(category);
        }
        let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
        teller.tell(event.input(input)).await;
        let [_, external] = both_packs(&*fresh.store, &teller.request).await;
        shown.push(external["events"][0]["input"]["value"]["text"].clone());
    }
    drop(fresh.keep);
    shown
}

/// Without accents, in capitals, and as a keyboard leaves it.
fn respelled(nth: usize, text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| match c {
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'à' | 'â' => 'a',
            'ï' | 'î' => 'i',
            'ô' => 'o',
            'ç' => 'c',
            c => c,
        })
        .collect();
    match nth % 4 {
        0 => text.to_owned(),
        1 => plain,
        2 => plain.to_uppercase(),
        _ => plain.to_lowercase().replace('\'', "\u{2019}"),
    }
}

#[tokio::test]
async fn no_medical_text_is_shown_in_three_languages() {
    let texts: Vec<_> = texts(&MEDICAL, 300, 11)
        .iter()
        .enumerate()
        .map(|(nth, text)| respelled(nth, text))
        .collect();
    let shown = shown(Some("electronics"), &texts).await;
    let leaked: Vec<_> =
        texts.iter().zip(&shown).filter(|(_, shown)| **shown != "[hidden]").collect();
    assert!(leaked.is_empty(), "{} of {}: {leaked:#?}", leaked.len(), texts.len());
}

#[tokio::test]
async fn a_part_of_a_body_is_medical_if_it_is_somebodys_and_in_trouble() {
    let medical = [
        "My knee is swollen",
        "his left arm hurts since the fall",
        "I think my ankle is sprained, can you help",
        "the teeth of my son, his tooth is killing him",
        "mes yeux piquent et coulent",
        "ma cheville est toute gonflée",
        "son bras saigne encore",
        "ikirenge cyanjye kirabyimba",
        "umutwe wanjye uramurya",
        "ukuboko kwanjye kurandya",
    ];
    let trade = [
        "the arm of the chair is broken",
        "a table with a broken leg",
        "my phone is broken",
        "the face of my watch is scratched",
        "a head torch and a neck strap",
        "le bras du canapé est cassé",
        "le dos de la chaise",
        "mon téléphone est cassé",
        "telefone yanjye yamenetse",
        "ameza yanjye yavunitse",
    ];
    for (texts, is_hidden) in [(medical, true), (trade, false)] {
        let texts = texts.map(str::to_owned);
        for (text, shown) in texts.iter().zip(shown(Some("electronics"), &texts).await) {
            assert_eq!(shown == "[hidden]", is_hidden, "{text}");
        }
    }
}

#[tokio::test]
async fn texts_of_trade_stay_readable_in_three_languages() {
    let texts = texts(&TRADE, 300, 12);
    let shown = shown(Some("electronics"), &texts).await;
    let hidden: Vec<_> = texts.iter().zip(&shown).filter(|(text, shown)| *shown != *text).collect();
    assert!(
        hidden.len() * 100 <= texts.len() * 3,
        "{} of {}: {hidden:#?}",
        hidden.len(),
        texts.len()
    );
}

/// Diseases, signs and medicines as lists say them that others made: a French triage tool, price lists of
/// medicines in West Africa, a Rwandan application for health centres.
const LISTED_BY_OTHERS: &[&str] = &[
    "abcès osseux",
    "acidocétose diabétique",
    "adénite mésentérique",
    "anémie de Fanconi",
    "appendicite",
    "arthrite juvénile",
    "asthme",
    "bronchiolite",
    "brucellose",
    "cardiomyopathie",
    "céphalée",
    "chlamydia",
    "cirrhose",
    "colite hémorragique",
    "cystite",
    "drépanocytose",
    "encéphalite",
    "endocardite",
    "épilepsie",
    "fièvre typhoïde",
    "gastrite à HP",
    "giardiase",
    "hépatite virale",
    "hernie inguinale",
    "impétigo",
    "infection génitale haute",
    "laryngite",
    "leishmaniose",
    "lèpre",
    "leucémie",
    "malnutrition",
    "méningite",
    "myocardite",
    "neuroblastome",
    "oesophagite",
    "oreillon",
    "ostéomyélite",
    "pancréatite",
    "péricardite",
    "péritonite",
    "purpura rhumatoïde",
    "pyélonéphrite",
    "rougeole",
    "rubéole",
    "scarlatine",
    "septicémie",
    "sinusite",
    "syphilis",
    "tachycardie",
    "thalassémie",
    "toxoplasmose",
    "tuberculose",
    "tumeur de l'ovaire",
    "varicelle",
    "primo-infection VIH",
    "hémoculture",
    "dyspnée",
    "hématurie",
    "polypnée",
    "vulvovaginite",
    "Abacavir+Lamivudine",
    "Acenocoumarol tablet",
    "Acetazolamide",
    "Acetylsalicylic Acid",
    "Aciclovir",
    "Albendazole",
    "Amitriptyline",
    "Amlodipine",
    "Ampicillin+Sulbactam",
    "Anastrozole",
    "Antivenom Serum",
    "Artemether",
    "Artesunate",
    "Asparaginase",
    "Atazanavir",
    "Atenolol",
    "Atorvastatin",
    "Atovaquone+Proguanil",
    "Atropine Sulfate",
    "Azathioprine",
    "Azithromycin",
    "Flucloxacillin",
    "Clarithromycin",
    "Doxycycline",
    "Trimethoprim",
    "Nitrofurantoin",
    "Metronidazole",
    "Calpol",
    "Nurofen",
    "Efferalgan",
    "Riamet",
    "Umuvuduko w'amaraso",
    "Indwara z'umutima",
    "Kuvura Uburwayi",
    "Ibipimo by'inda",
    "Isuzuma ku mugore utwite",
    "umwana urwaye",
    "imbangukiragutabara",
    "Uburwayi butunguranye",
    "Gukurikirana umurwayi",
    "ku kigo nderabuzima",
    "Kubyimba inda",
    "Indwara yo mu nda",
    "imiti wafashe",
    "igiye kubyara",
    "indwara y'umwijima",
    "uguhinda umuriro",
    "kurwara umutwe",
    "kugira iseseme no kuruka",
    "abajyanama b'ubuzima",
    "imiti y'igituntu",
    "udukingirizo tw'abagabo",
    "abagore batwite",
];

#[tokio::test]
async fn terms_that_others_list_are_hidden() {
    let texts: Vec<_> = LISTED_BY_OTHERS.iter().map(|term| (*term).to_owned()).collect();
    let shown = shown(Some("electronics"), &texts).await;
    let leaked: Vec<_> =
        texts.iter().zip(&shown).filter(|(_, shown)| **shown != "[hidden]").collect();
    assert!(leaked.len() * 50 <= texts.len(), "{} of {}: {leaked:#?}", leaked.len(), texts.len());
}

#[tokio::test]
async fn only_a_category_that_is_listed_has_nothing_to_do_with_health() {
    let text = ["two of them, please".to_owned()];
    for category in [
        "electronics",
        "Electronics & Phones",
        "meubles",
        "Épicerie",
        "pièces détachées",
        "ibikoresho_by_ikoranabuhanga",
        "mobile-phones",
    ] {
        assert_eq!(shown(Some(category), &text).await, [text[0].as_str()], "{category}");
    }
    for category in [
        "farumasi",
        "hospital",
        "dentist",
        "santé",
        "sante",
        "pharmacy",
        "Pharmacie",
        "optique",
        "herbal",
        "wellness",
        "baby",
        "other",
        "unknown",
        "",
        "pharmacy electronics",
        "umuti",
        "beauté",
        "43",
        "apotheke",
        "клиника",
    ] {
        assert_eq!(shown(Some(category), &text).await, ["[hidden]"], "{category}");
    }
    assert_eq!(shown(None, &text).await, ["[hidden]"]);
}

#[tokio::test]
async fn a_disease_or_a_medicine_makes_the_whole_request_one_about_health() {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let inbound = |input: Value| {
        AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client).input(input)
    };
    teller.tell(inbound(json!({ "category": "electronics", "text": "good morning" }))).await;
    teller.tell(inbound(json!({ "notes": "asked for metformin" }))).await;
    teller.tell(inbound(json!({ "text": "twice a day, he says" }))).await;
    let [internal, external] = both_packs(&*fresh.store, &teller.request).await;
    drop(fresh.keep);
    for event in [0, 2] {
        let text = |pack: &Value| pack["events"][event]["input"]["value"]["text"].clone();
        assert_ne!(text(&internal), "[hidden]");
        assert_eq!(text(&external), "[hidden]");
    }
}
