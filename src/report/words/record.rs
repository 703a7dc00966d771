//! Words of the record in three languages beside each other, so that none lacks one.

use crate::event::Language;

/// What is recorded, and what a page says of it in English, French and Kinyarwanda.
type Row = (&'static str, [&'static str; 3]);

/// What a page says of something that is recorded.
pub(in crate::report) fn of(
    rows: &[Row],
    recorded: &str,
    language: Language,
) -> Option<&'static str> {
    let (_, words) = rows.iter().find(|(one, _)| *one == recorded)?;
    let [english, french, kinyarwanda] = *words;
    Some(match language {
        Language::En => english,
        Language::Fr => french,
        Language::Rw => kinyarwanda,
    })
}

/// Kinds of events. One that is not here is shown as it is recorded.
#[rustfmt::skip]
pub(in crate::report) const EVENTS: &[Row] = &[
    ("ai.disclosed", ["told that it is an AI", "a annoncé une IA", "byavuzwe ko ari AI"]),
    ("audit.reconciled", [
        "compared with the host's tables", "comparé aux tables de l'hôte",
        "byagereranyijwe n'imbonerahamwe",
    ]),
    ("budget.warned", ["most of a limit used", "limite presque atteinte", "umupaka wegereje"]),
    ("call.consent_denied", ["call not allowed", "appel refusé par le client", "guhamagara ntikwemewe"]),
    ("call.consent_expired", ["permission to call lapsed", "consentement expiré", "uruhushya rwarangiye"]),
    ("call.consent_granted", ["call allowed", "appel permis par le client", "guhamagara kwemewe"]),
    ("call.consent_requested", ["asked whether to call", "consentement demandé", "habajijwe uruhushya"]),
    ("call.failed", ["call failed", "appel échoué", "guhamagara kwanze"]),
    ("call.started", ["call placed", "appel lancé", "guhamagara kwatangiye"]),
    ("call.status_updated", ["state of the call", "état de l'appel", "uko guhamagara kumeze"]),
    ("effect.admitted", ["let run", "action admise", "cyemerewe"]),
    ("effect.expired", ["outcome not known", "issue inconnue", "iherezo ntirizwi"]),
    ("effect.refused", ["refused", "refusé", "cyanzwe"]),
    ("effect.replayed", ["answered from the record", "répondu d'après le journal", "byasubijwe bivuye mu nyandiko"]),
    ("effect.resolved", ["outcome found out", "issue éclaircie", "iherezo ryamenyekanye"]),
    ("effect.undo_started", ["undo begun", "annulation commencée", "gusubiza inyuma byatangiye"]),
    ("moltbot.budget_exceeded", ["AI calls used up", "appels à l'IA épuisés", "inshuro za AI zarashize"]),
    ("moltbot.called", ["the AI decided", "l'IA a décidé", "AI yafashe icyemezo"]),
    ("moltbot.injection_detected", [
        "attempted manipulation seen", "tentative de manipulation vue",
        "hagaragaye kugerageza kuyobya",
    ]),
    ("moltbot.output_accepted", ["answer accepted", "réponse acceptée", "igisubizo cyemewe"]),
    ("moltbot.output_blocked", ["answer blocked", "réponse bloquée", "igisubizo cyahagaritswe"]),
    ("moltbot.output_rejected", ["answer rejected", "réponse rejetée", "igisubizo cyanzwe"]),
    ("ocr.budget_exceeded", ["photos used up", "photos épuisées", "amafoto yarangiye"]),
    ("ocr.job_created", ["photo to be read", "photo à lire", "ifoto igomba gusomwa"]),
    ("ocr.job_done", ["photo read", "photo lue", "ifoto yasomwe"]),
    ("ocr.job_failed", ["photo not read", "photo non lue", "ifoto ntiyasomwe"]),
    ("pack.exported", ["pack exported", "dossier exporté", "dosiye yasohotse"]),
    ("request.created", ["request opened", "demande ouverte", "ubusabe bwafunguwe"]),
    ("request.state_changed", ["state", "état", "uko bumeze"]),
    ("request.time_budget_exceeded", ["time used up", "temps écoulé", "igihe cyarangiye"]),
    ("request.time_budget_warning", ["most of the time used", "temps presque écoulé", "igihe kiri hafi kurangira"]),
    ("shortlist.generated", ["shortlist made", "liste courte faite", "urutonde rwakozwe"]),
    ("shortlist.handoff", ["contacts given to the client", "contacts remis au client", "aderesi zahawe umukiriya"]),
    ("shortlist.outreach_cancelled", [
        "open questions to vendors withdrawn", "questions aux vendeurs retirées",
        "ibibazo ku bacuruzi byahagaritswe",
    ]),
    ("shortlist.sent", ["shortlist sent", "liste courte envoyée", "urutonde rwoherejwe"]),
    ("shortlist.withdrawn", ["shortlist taken back", "liste courte retirée", "urutonde rwakuweho"]),
    ("switch.engaged", ["AI stopped", "IA arrêtée", "AI yahagaritswe"]),
    ("switch.lapsed", ["stop ended by itself", "arrêt terminé de lui-même", "ihagarikwa ryarangiye"]),
    ("switch.reset", ["AI started again", "IA relancée", "AI yongeye gutangizwa"]),
    ("vendor.batch_limit_reached", [
        "no more vendors to ask", "plus de vendeurs à interroger",
        "nta bandi bacuruzi babazwa",
    ]),
    ("vendor.batch_sent", [
        "round of vendors asked", "groupe de vendeurs interrogé",
        "itsinda ry'abacuruzi ryabajijwe",
    ]),
    ("vendor.candidates_selected", ["vendors looked up", "vendeurs recherchés", "abacuruzi bashakishijwe"]),
    ("vendor.no_response", ["no reply", "pas de réponse", "nta gisubizo"]),
    ("vendor.outreach_sent", ["vendor asked", "vendeur interrogé", "umucuruzi yabajijwe"]),
    ("vendor.outreach_withdrawn", [
        "vendor told that it is no longer needed", "vendeur prévenu que ce n'est plus nécessaire",
        "umucuruzi yabwiwe ko bitagikenewe",
    ]),
    ("vendor.reply_recorded", ["vendor replied", "le vendeur a répondu", "umucuruzi yasubije"]),
    ("whatsapp.duplicate_message", ["same message again", "même message de nouveau", "ubutumwa bumwe bwongeye kuza"]),
    ("whatsapp.inbound_received", ["client wrote", "le client a écrit", "umukiriya yanditse"]),
    ("whatsapp.outbound_sent", ["message to the client", "message au client", "ubutumwa ku mukiriya"]),
    ("whatsapp.send_failed", ["message not sent", "message non envoyé", "ubutumwa ntibwoherejwe"]),
    ("whatsapp.status_updated", ["delivery report", "accusé de livraison", "raporo y'ubutumwa"]),
];

/// Words of the record. One that is not here is shown as it is recorded, with a space for each underscore.
#[rustfmt::skip]
pub(in crate::report) const CODES: &[Row] = &[
    ("accepted", ["accepted", "acceptée", "byemewe"]),
    ("admin", ["host's staff", "personnel", "umukozi"]),
    ("ai", ["AI", "IA", "AI"]),
    ("ask_client", ["asked the client", "a interrogé le client", "yabajije umukiriya"]),
    ("awaiting_vendor_replies", ["waiting for vendors", "attente des vendeurs", "gutegereza abacuruzi"]),
    ("calling", ["calling", "appels", "guhamagara"]),
    ("cancelled", ["cancelled", "annulé", "byahagaritswe"]),
    ("claimed", ["a name that was only typed", "un nom seulement saisi", "izina ryanditswe gusa"]),
    ("client", ["client", "client", "umukiriya"]),
    ("closed", ["closed", "close", "yafunzwe"]),
    ("collecting_requirements", ["collecting what is needed", "recueil du besoin", "gukusanya ibikenewe"]),
    ("compensable", ["can be made up for", "peut être compensé", "bishobora gukosorwa"]),
    ("contact", ["contacts", "contacts", "aderesi"]),
    ("conversation", ["conversation", "conversation", "ikiganiro"]),
    ("cost_microusd", [
        "AI cost in millionths of a dollar", "coût de l'IA en millionièmes de dollar",
        "igiciro cya AI mu bice bya miliyoni by'idolari",
    ]),
    ("day", ["a day", "par jour", "ku munsi"]),
    ("delivered", ["delivered", "livré", "bwagezeyo"]),
    ("denied", ["not allowed", "refusé", "ntibyemewe"]),
    ("done", ["done", "fait", "byakozwe"]),
    ("elapsed_ms", ["time", "temps", "igihe"]),
    ("electronics", ["electronics", "électronique", "elegitoroniki"]),
    ("error", ["error", "erreur", "ikosa"]),
    ("failed", ["failed", "échoué", "byanze"]),
    ("final", ["cannot be taken back", "ne peut être repris", "ntibishobora gusubizwa"]),
    ("granted", ["allowed", "permis", "byemewe"]),
    ("handed_off", ["handed off to the vendors", "remise aux vendeurs", "yashyikirijwe abacuruzi"]),
    ("health", ["health", "santé", "ubuzima"]),
    ("host", ["the host's program", "le programme de l'hôte", "porogaramu y'urubuga"]),
    ("id", ["ids", "identifiants", "ibiranga"]),
    ("in_doubt", ["in doubt", "dans le doute", "ntibizwi"]),
    ("in_stock", ["in stock", "en stock", "birahari"]),
    ("jwt", ["a signed token", "un jeton signé", "tokeni yasinywe"]),
    ("location", ["place", "lieu", "ahantu"]),
    ("medical", ["perhaps about health", "santé, peut-être", "bishobora kuvuga ubuzima"]),
    ("member_names", ["names of members", "noms de champs", "amazina y'imyanya"]),
    ("message", ["messages", "messages", "ubutumwa"]),
    ("moltbot", ["Moltbot", "Moltbot", "Moltbot"]),
    ("moltbot_calls", ["AI calls", "appels à l'IA", "guhamagara AI"]),
    ("moltbot_microusd", [
        "AI cost in millionths of a dollar", "coût de l'IA en millionièmes de dollar",
        "igiciro cya AI mu bice bya miliyoni by'idolari",
    ]),
    ("moltbot_tokens", ["AI tokens", "jetons d'IA", "tokeni za AI"]),
    ("name", ["names", "noms", "amazina"]),
    ("not_listed", ["on no list", "sur aucune liste", "bitari ku rutonde"]),
    ("not_of_kind", ["of another kind", "d'un autre type", "by'ubundi bwoko"]),
    ("ocr", ["reading photos", "lecture de photos", "gusoma amafoto"]),
    ("ocr_jobs", ["photos read", "photos lues", "amafoto yasomwe"]),
    ("out_of_stock", ["out of stock", "épuisé", "byashize"]),
    ("panicked", ["crashed", "planté", "byahagaze nabi"]),
    ("phone", ["phone numbers", "numéros de téléphone", "nimero za telefone"]),
    ("photo", ["photos", "photos", "amafoto"]),
    ("read", ["read", "lu", "bwasomwe"]),
    ("refused", ["refused", "refusé", "byanzwe"]),
    ("rejected", ["rejected", "rejetée", "byanzwe"]),
    ("request", ["a request", "par demande", "ku busabe"]),
    ("reversible", ["can be taken back", "peut être repris", "bishobora gusubizwa inyuma"]),
    ("rule", ["the rule", "la règle", "itegeko"]),
    ("sent", ["sent", "envoyé", "bwoherejwe"]),
    ("session", ["the login of the database", "la connexion à la base", "konti ya database"]),
    ("shortlist", ["made a shortlist", "a fait une liste courte", "yakoze urutonde"]),
    ("shortlist_ready", ["shortlist ready", "liste courte prête", "urutonde rwateguwe"]),
    ("succeeded", ["succeeded", "réussi", "byakunze"]),
    ("system", ["system", "système", "sisitemu"]),
    ("text", ["texts", "textes", "inyandiko"]),
    ("tokens", ["AI tokens", "jetons d'IA", "tokeni za AI"]),
    ("unclear", ["unclear", "pas clair", "ntibisobanutse"]),
    ("unknown", ["unknown", "inconnu", "ntibizwi"]),
    ("vendor", ["vendor", "vendeur", "umucuruzi"]),
    ("vendor_batches", ["rounds of vendors", "groupes de vendeurs", "amatsinda y'abacuruzi"]),
    ("vendor_outreach", ["asking vendors", "interrogation des vendeurs", "kubaza abacuruzi"]),
    ("vendor_outreach_plan", ["planned whom to ask", "a prévu qui interroger", "yateguye abo kubaza"]),
    ("vendors", ["vendors asked", "vendeurs interrogés", "abacuruzi babajijwe"]),
    ("voided", ["given back", "rendu", "byasubijwe"]),
    ("warning", ["warning", "avertissement", "umuburo"]),
];

/// Why a rule hides.
#[rustfmt::skip]
pub(in crate::report) const RULES: &[Row] = &[
    ("contact", [
        "texts with a phone number or an e-mail address, masked", "textes avec un numéro ou une adresse, masqués",
        "inyandiko zirimo nimero cyangwa aderesi, byahishwe",
    ]),
    ("host", [
        "fields that the host hides in addition", "champs que l'hôte masque en plus",
        "ibyo urubuga ruhisha by'inyongera",
    ]),
    ("id", [
        "the host's own ids, as keyed hashes", "identifiants de l'hôte, hachés",
        "ibiranga by'urubuga, byahinduwe",
    ]),
    ("medical", [
        "what people wrote, because the request may be about health",
        "ce que les gens ont écrit, car la demande peut concerner la santé",
        "ibyanditswe n'abantu, kuko ubusabe bushobora kuvuga ubuzima",
    ]),
    ("member_names", [
        "objects whose names could be data", "objets dont les noms pourraient être des données",
        "ibintu amazina yabyo ashobora kuba amakuru",
    ]),
    ("name", ["names of people and shops", "noms de personnes et de boutiques", "amazina y'abantu n'amaduka"]),
    ("not_listed", [
        "fields and words that are on no list for this reader", "champs et mots sur aucune liste pour ce lecteur",
        "ibitari ku rutonde rw'uyu musomyi",
    ]),
    ("not_of_kind", [
        "values of another kind than their field holds, which could be anything",
        "valeurs d'un autre type que leur champ, qui pourraient être n'importe quoi",
        "agaciro k'ubundi bwoko, gashobora kuba icyo ari cyo cyose",
    ]),
    ("phone", ["phone numbers, masked", "numéros de téléphone, masqués", "nimero za telefone, byahishwe"]),
    ("text", [
        "texts with contacts, known names or medical words", "textes avec contacts, noms connus ou mots médicaux",
        "inyandiko zirimo aderesi, amazina azwi cyangwa amagambo y'ubuzima",
    ]),
];
