//! What does not add up, and what a reader should know beside the verdicts.

use maud::{Markup, html};

use super::{Page, english};
use crate::pack::VerifiedPack;

pub(in crate::report) fn section(page: &Page<'_>) -> Markup {
    let w = page.words;
    let explanation = page.pack.sections.explanation.content();
    let findings = explanation.map(|found| found.findings.as_slice()).unwrap_or_default();
    let remarks = page.verified.as_ref().map(VerifiedPack::remarks).unwrap_or_default();
    let unchecked = page.verified.as_ref().map(VerifiedPack::unchecked).unwrap_or_default();
    html! {
        @if !(findings.is_empty() && remarks.is_empty() && unchecked.is_empty()) {
            section aria-labelledby="h-findings" {
                h2 #h-findings { (w.findings) }
                ul.findings {
                    @for finding in findings {
                        li.finding {
                            span.sign aria-hidden="true" { "!" }
                            div { p { (english(&finding.what)) } p.about { (page.source(&finding.source)) } }
                        }
                    }
                    @for what in unchecked {
                        li.finding {
                            span.sign aria-hidden="true" { "?" }
                            div { p { (w.unchecked) ": " (english(&what.to_string())) } }
                        }
                    }
                    @for remark in remarks {
                        li.remark {
                            span.sign aria-hidden="true" { "i" }
                            div { p { (english(remark)) } }
                        }
                    }
                }
            }
        }
    }
}
