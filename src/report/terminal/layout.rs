//! Lays out the elements of the page: blocks below each other, text inside them in lines.

use super::inline::{add, joined, text};
use super::line::{Line, Look, Piece, WIDE, behind, hung, wrapped};
use super::markup::{Element, Node};
use super::shape;

#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) unfolded: bool,
}

impl Layout {
    pub(super) fn blocks(self, nodes: &[Node], width: usize) -> Vec<Line> {
        let (mut lines, mut text) = (Vec::new(), Vec::new());
        for node in nodes {
            match node {
                Node::Element(element) if element.is_block() => {
                    lines.extend(wrapped(&std::mem::take(&mut text), width));
                    lines.extend(self.block(element, width));
                }
                node => add(node, Look::Plain, &mut text),
            }
        }
        lines.extend(wrapped(&text, width));
        lines
    }

    fn block(self, element: &Element, width: usize) -> Vec<Line> {
        match element.name.as_str() {
            "h1" | "h2" | "h3" => heading(element, width),
            "section" | "header" | "footer" => {
                let mut lines = vec![Line::default()];
                lines.extend(self.blocks(&element.children, width));
                lines
            }
            "ul" | "ol" => self.list(element, width),
            "dl" => self.definitions(element, width),
            "details" => self.details(element, width),
            "blockquote" => behind("│ ", width, |width| self.blocks(&element.children, width)),
            "pre" if self.unfolded => wrapped(&text(element, Look::Plain), width),
            // Charts are drawn beside what they show, and a terminal has no controls.
            "button" | "input" | "nav" | "noscript" | "pre" | "script" | "style" | "svg" => {
                Vec::new()
            }
            "p" => paragraph(element, width),
            _ => self.blocks(&element.children, width),
        }
    }

    fn list(self, list: &Element, width: usize) -> Vec<Line> {
        let lay = |nodes: &[Node], width| self.blocks(nodes, width);
        let mut lines = Vec::new();
        for (at, item) in list.elements().enumerate() {
            lines.extend(match list.attribute("class") {
                "verdicts" => shape::verdict(item, width),
                "timeline" => shape::step(item, width, lay),
                "chat" => shape::bubble(item, width, lay),
                "meters" | "factors" => shape::bar(item, width, lay),
                "findings" => shape::finding(item, width, lay),
                "cards" => {
                    let mut card = vec![Line::default()];
                    card.extend(self.blocks(&item.children, width));
                    card
                }
                _ => {
                    let sign =
                        if list.name == "ol" { format!("{}. ", at + 1) } else { "• ".to_owned() };
                    hung(Piece::new(Look::Faint, sign), width, |width| {
                        self.blocks(&item.children, width)
                    })
                }
            });
        }
        lines
    }

    /// Terms beside what they mean, or above it where there is little room.
    fn definitions(self, list: &Element, width: usize) -> Vec<Line> {
        let terms = list.elements().filter(|element| element.name == "dt");
        let widest = terms.map(|term| Line::of(joined(term, Look::Plain)).width()).max();
        let column = widest.unwrap_or(0).min(26) + 2;
        let (mut lines, mut term) = (Vec::new(), None);
        for element in list.elements() {
            if element.name == "dt" {
                term = Some(joined(element, Look::Faint));
                continue;
            }
            let Some(of) = term.take() else { continue };
            let of_width = Line::of(of.clone()).width();
            if width >= WIDE && of_width + 2 <= column {
                let of = Piece::new(of.look, of.text + &" ".repeat(column - of_width));
                lines.extend(hung(of, width, |width| self.blocks(&element.children, width)));
            } else {
                lines.extend(wrapped(&[of], width));
                lines.extend(behind("  ", width, |width| self.blocks(&element.children, width)));
            }
        }
        lines
    }

    /// What the page folds away: unfolded, except data that only says what the lines around it say in words.
    fn details(self, details: &Element, width: usize) -> Vec<Line> {
        // The rest of a list goes on where its beginning ended.
        if details.elements().any(|element| !element.attribute("start").is_empty()) {
            let more = details.elements().filter(|element| element.name != "summary");
            return more.flat_map(|element| self.block(element, width)).collect();
        }
        let is_data = details.find("pre").is_some() && !self.unfolded;
        let sign = Piece::new(Look::Faint, if is_data { "▸ " } else { "▾ " });
        let summary: Vec<_> =
            details.find("summary").map(|of| text(of, Look::Faint)).unwrap_or_default();
        let mut lines = hung(sign, width, |width| wrapped(&summary, width));
        if !is_data {
            let content = details.elements().filter(|element| element.name != "summary");
            for element in content {
                lines.extend(behind("  ", width, |width| self.block(element, width)));
            }
        }
        lines
    }
}

fn heading(element: &Element, width: usize) -> Vec<Line> {
    let look = if element.name == "h3" { Look::Strong } else { Look::Title };
    let mut lines = wrapped(&text(element, look), width);
    match element.name.as_str() {
        "h1" => lines.insert(0, Line::default()),
        "h2" => {
            let widest = lines.iter().map(Line::width).max().unwrap_or(0);
            lines.push(Line::of(Piece::new(Look::Faint, "─".repeat(widest))));
        }
        _ => {}
    }
    lines
}

fn paragraph(element: &Element, width: usize) -> Vec<Line> {
    let is_faint = ["about", "none", "note", "who"].iter().any(|class| element.has(class));
    let mut pieces = text(element, if is_faint { Look::Faint } else { Look::Plain });
    if element.has("finding") {
        pieces.insert(0, Piece::new(Look::Warning, "! "));
    }
    wrapped(&pieces, width)
}
