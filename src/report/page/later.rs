//! What can be undone, and whether trail, tables and bill agree.

use maud::{Markup, html};

use super::Page;
use super::structured::structured;

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let (w, sections) = (page.words, &page.pack.sections);
    html! {
        (page.part("reversal", w.undo, &sections.reversal, |found| structured(page, found)))
        (page.part("reconciliation", w.agree, &sections.reconciliation, |found| structured(page, found)))
    }
}
