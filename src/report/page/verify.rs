//! The panel that verifies the pack in the browser, and what that proves.

use maud::{Markup, html};

use super::Page;

pub(in crate::report) fn panel(page: &Page<'_>) -> Markup {
    let w = page.words;
    let head = &page.pack.integrity.head;
    html! {
        section.panel #check aria-labelledby="h-check" {
            h2 #h-check { (w.check) }
            p { (w.check_how) }
            noscript { p.finding { (w.needs_script) } }
            div #tools hidden {
                p {
                    button #verify type="button" { (w.verify) }
                    " " button.second #save type="button" { (w.save) }
                    " " progress #progress max="1" value="0" hidden aria-label=(w.progress) {}
                }
                details {
                    summary { (w.check_more) }
                    p {
                        label for="key" { (w.key) }
                        textarea #key rows="2" autocomplete="off" spellcheck="false" placeholder="name+1a2b3c4d+AbCd…" {}
                    }
                    p.drop #drop {
                        label for="file" { (w.file) } " "
                        input #file type="file" accept=".json,application/json";
                    }
                }
            }
            div #result role="status" aria-live="polite" {}
            details {
                summary { (w.not_proven) }
                ul { @for line in w.not_proven_lines { li { (line) } } }
                p { (w.head) ": " (head.seq) ", " code.hash { (head.chain_hash) } }
            }
        }
    }
}
