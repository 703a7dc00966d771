//! The story in a terminal: the page's words and facts, in lines that fit, and nothing that a terminal obeys.

use std::process::Command;
use std::sync::Arc;

use moltbot_audit::event::Language;
use moltbot_audit::pack::{RequestPack, VerifyOptions, export_request_pack, read_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::report::{self, Terminal};
use moltbot_audit::testing::MemoryStore;
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
use regex::Regex;
use serde_json::json;

use super::Played;
use crate::cli::program;
use crate::support::records::{KEY, fresh_request};

const LANGUAGES: [Language; 3] = [Language::En, Language::Fr, Language::Rw];
const WIDTHS: [usize; 3] = [40, 80, 200];

fn at(width: usize) -> Terminal {
    Terminal { width, ..Terminal::default() }
}

/// Columns of a line, counted without the crate that the library counts with.
fn columns(line: &str) -> usize {
    let wide = |c: char| {
        matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xff00..=0xff60
            | 0x1f300..=0x1faff)
    };
    let none = |c: char| matches!(u32::from(c), 0x300..=0x36f | 0xfe00..=0xfe0f);
    line.chars().map(|c| if none(c) { 0 } else { 1 + usize::from(wide(c)) }).sum()
}

fn assert_fits(story: &str, width: usize) {
    for line in story.lines() {
        assert!(columns(line) <= width, "{width} columns: {line:?}");
        assert!(!line.ends_with(' '), "{line:?}");
    }
    let obeyed = |c: char| c.is_control() && c != '\n';
    assert_eq!(story.find(obeyed), None, "no character that a terminal obeys");
}

/// Without white space and frames, so that it does not matter where lines break.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '│').collect()
}

/// Every text of the page's main part, except those that a terminal does not have.
fn texts_of_page(html: &str) -> Vec<String> {
    let main = html.split_once("<main").expect("a main part").1;
    let main = main.split_once("</main>").expect("its end").0;
    let browser = r#"(?s)<section class="panel".*?</section>|<section aria-labelledby="h-events">.*?</section>|<pre.*?</pre>|<svg.*?</svg>|<details class="more"><summary>[^<]*</summary><ol"#;
    let main = Regex::new(browser).expect("a pattern").replace_all(main, "");
    let texts = Regex::new(">([^<]+)<").expect("a pattern");
    let text = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        squeezed(&text.replace("&amp;", "&"))
    };
    texts
        .captures_iter(&main)
        .map(|found| text(&found[1]))
        .filter(|text| !text.is_empty())
        .collect()
}

fn pack_of(file: &str) -> RequestPack {
    let json = std::fs::read(file).expect("a pack");
    let (pack, verified) =
        read_request_pack(&json, &VerifyOptions::default()).expect("it verifies");
    assert_eq!(
        serde_json::to_value(&pack).expect("JSON"),
        serde_json::from_slice::<serde_json::Value>(&json).expect("JSON")
    );
    assert_eq!(verified.events(), pack.events.len());
    pack
}

#[test]
fn every_scenario_is_told_as_its_page_tells_it_at_every_width_and_in_every_language() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios");
    let names = std::fs::read_dir(folder).expect("a folder").map(|file| {
        let path = file.expect("a file").path();
        path.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8").to_owned()
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    let played = Played::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let packs = played.files("pack.internal.json").into_iter();
    let packs: Vec<_> =
        packs.chain(played.files("pack.external.json").into_iter().take(3)).collect();
    assert!(packs.len() > 18, "{packs:?}");
    for (number, file) in packs.iter().enumerate() {
        let pack = pack_of(file);
        // Each language and width for one of them; the others take turns, because to verify takes a test's time.
        let all = (0..9).map(|turn| (LANGUAGES[turn % 3], WIDTHS[turn / 3]));
        let one = (LANGUAGES[number % 3], WIDTHS[number / 3 % 3]);
        let turns = if number == 0 { all.collect() } else { vec![one] };
        for (language, width) in turns {
            let story = report::story(&pack, language, &at(width));
            assert_fits(&story, width);
            let story = squeezed(&story);
            for text in texts_of_page(&report::render(&pack, language)) {
                assert!(story.contains(&text), "{file}: {width} columns lack {text:?}");
            }
        }
    }
    told_by_the_program(&packs[0]);
}

fn told_by_the_program(pack: &str) {
    let run = |arguments: &[&str]| {
        let output = Command::new(program("story")).args(arguments).output().expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, told, _) = run(&[pack, "--width", "40", "--language", "fr"]);
    assert_eq!(code, Some(0));
    // Without printing both, which are long.
    assert!(told == report::story(&pack_of(pack), Language::Fr, &at(40)), "the program differs");
    let (_, told, _) = run(&[pack]);
    let expected = report::story(&pack_of(pack), Language::En, &at(80));
    assert!(told == expected, "no terminal, so 80 columns");
    let (_, unfolded, _) = run(&[pack, "--unfold"]);
    assert!(unfolded.len() > told.len());
    let changed = std::fs::read_to_string(pack).expect("a pack");
    let changed = changed.replacen("\"outcome\": \"succeeded\"", "\"outcome\": \"failed\"", 1);
    let file = format!("{pack}.changed");
    std::fs::write(&file, changed).expect("a file");
    let (code, told, error) = run(&[&file]);
    assert_eq!((code, told.as_str()), (Some(1), ""), "{error}");
    assert!(error.contains("TAMPERED"), "{error}");
    for (arguments, why) in [
        (vec!["no-such-file"], "no-such-file"),
        (vec![pack, "--width", "1"], "--width"),
        (vec![pack, "--language", "de"], "--language"),
    ] {
        let (code, _, error) = run(&arguments);
        assert!(code == Some(2) && error.contains(why), "{arguments:?}: {error}");
    }
}

/// Values of a vendor that would clear the screen, set the title, turn the text, or hide in it.
const HOSTILE: [&str; 7] = [
    "\u{1b}[2J\u{1b}]0;pwned\u{7}\u{1b}[31mred",
    "\u{9b}31m C1 \u{90}q\u{9c}",
    "\u{202e}txet desrever\u{2066}\u{200f}",
    "\u{e0041}\u{e0042}invisible\u{200b}",
    "line\r\n\t\u{8}\u{8}over",
    "&lt;b&gt;</bdi></p></section><h2>forged</h2><svg><rect width=\"200\">",
    "漢字仮名交じり文の長い長い長い長い文章である👨\u{200d}👩\u{200d}👧 e\u{301}\u{301}\u{301}",
];

async fn hostile() -> RequestPack {
    let store: Arc<MemoryStore> = Arc::default();
    let auditor = Auditor::builder(store.clone(), KEY).build();
    let request = fresh_request();
    for text in HOSTILE {
        let named = |event_type: EventType, actor, input| {
            AuditEvent::new(event_type, actor).request(&request).input(input)
        };
        let events = [
            named(
                EventType::WHATSAPP_INBOUND_RECEIVED,
                Actor::Client,
                json!({ "message_type": text, "text": text }),
            ),
            named(
                EventType::VENDOR_OUTREACH_SENT,
                Actor::System,
                json!({ "vendor_id": text, "vendor_name": text, "text": text }),
            ),
            named(
                EventType::VENDOR_REPLY_RECORDED,
                Actor::Vendor,
                json!({ "vendor_id": text, "text": text }),
            ),
            named(
                EventType::MOLTBOT_CALLED,
                Actor::Moltbot,
                json!({ "model": text, "context": { text: text } }),
            ),
            named(EventType::REQUEST_STATE_CHANGED, Actor::System, json!({ "to_state": text })),
        ];
        for event in events {
            auditor.record(event).await.expect("it is recorded");
        }
    }
    export_request_pack(&*store, &request, &Profile::internal()).await.expect("it has events")
}

#[tokio::test]
async fn no_value_does_anything_to_a_terminal_of_any_width() {
    let pack = hostile().await;
    let colour = Regex::new("\u{1b}\\[(1|2|31|32|33|1;36)m|\u{1b}\\[0m").expect("a pattern");
    for width in (0..=20).chain(WIDTHS) {
        let terminal = Terminal { colours: width % 2 == 0, unfolded: true, width };
        let told = report::story(&pack, LANGUAGES[width % 3], &terminal);
        assert_eq!(told.contains('\u{1b}'), terminal.colours, "{width}");
        let story = colour.replace_all(&told, "");
        assert_fits(&story, width.max(2));
        let turns = |c: char| {
            matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        };
        assert_eq!(story.find(turns), None, "{width}");
        let story = squeezed(&story);
        for shown in [
            "\\u202etxetdesrever",
            "␛[2J␛]0;pwned␇",
            "\\u{e0041}",
            "<h2>forged</h2>",
            "漢字仮名交じり文",
        ] {
            assert!(story.contains(shown), "{width}: {shown}");
        }
    }
}
