//! Elements that look like nothing else: verdicts, steps of the timeline, messages, bars.

use super::inline::{joined, text};
use super::line::{Line, Look, Piece, WIDE, behind, hung, wrapped};
use super::markup::{Element, Node};

/// Columns of the title of a verdict, of what a bar shows, and of a bar.
const TITLE: usize = 32;
const WHAT: usize = 36;
const BAR: usize = 24;

/// A verdict: its sign, its title, and the reason beside it.
pub(super) fn verdict(item: &Element, width: usize) -> Vec<Line> {
    let look = match item.attribute("class") {
        "bad" => Look::Bad,
        "good" => Look::Good,
        _ => Look::Warning,
    };
    let sign = item.find("i").map(|sign| joined(sign, look)).unwrap_or_default();
    let title = item.find("h3").map(|title| joined(title, Look::Strong)).unwrap_or_default();
    let sign = Piece::new(look, format!("{} ", sign.text));
    let why = |width| {
        let why = item.elements().filter(|element| element.name == "p");
        why.flat_map(|why| wrapped(&text(why, Look::Plain), width)).collect()
    };
    if width < WIDE {
        let mut lines = hung(sign, width, |width| wrapped(&[title], width));
        lines.extend(behind("  ", width, why));
        return lines;
    }
    let mut head = Line::of(sign);
    head.push(title);
    columns(head, why(width - TITLE), TITLE)
}

/// A step of the timeline: when, whose, and what; what led to it below.
pub(super) fn step(
    item: &Element,
    width: usize,
    lay: impl Fn(&[Node], usize) -> Vec<Line>,
) -> Vec<Line> {
    let when = item.find("when").map(|when| joined(when, Look::Faint)).unwrap_or_default();
    let lane = item.find("lane").map(|lane| joined(lane, Look::Faint)).unwrap_or_default();
    let content = item.elements().find(|element| element.name == "div");
    let content = content.map_or(&[][..], |content| &content.children);
    // Beside the time, and not once more.
    let is_lane = |node: &Node| matches!(node, Node::Element(element) if element.has("lane"));
    let content = &content[content.iter().take_while(|node| is_lane(node)).count()..];
    let content = |width| lay(content, width);
    if width >= WIDE {
        let head = format!("{:>8}  {}", when.text, padded(&lane.text, 10));
        return hung(Piece::new(Look::Faint, head), width, content);
    }
    let head = Piece::new(Look::Faint, format!("{} {}", when.text, lane.text));
    let mut lines = wrapped(&[head], width);
    lines.extend(behind("  ", width, content));
    lines
}

/// A message: what the host sent stands to the right.
pub(super) fn bubble(
    item: &Element,
    width: usize,
    lay: impl Fn(&[Node], usize) -> Vec<Line>,
) -> Vec<Line> {
    let room = if width >= 30 { width / 6 } else { 0 };
    let before = if item.has("out") { " ".repeat(room) } else { String::new() };
    let content = |width: usize| lay(&item.children, width - (room - before.len()));
    let mut lines = vec![Line::default()];
    lines.extend(behind(&format!("{before}│ "), width, content));
    lines
}

/// Something that the reader should look at, behind its sign.
pub(super) fn finding(
    item: &Element,
    width: usize,
    lay: impl Fn(&[Node], usize) -> Vec<Line>,
) -> Vec<Line> {
    let sign = item.find("sign").map(|sign| joined(sign, Look::Warning)).unwrap_or_default();
    let content = item.elements().find(|element| element.name == "div");
    let content = content.map_or(&[][..], |content| &content.children);
    let sign = Piece::new(Look::Warning, format!("{} ", sign.text));
    hung(sign, width, |width| lay(content, width))
}

/// A number as a bar, with what it is of before it and in figures behind it.
pub(super) fn bar(
    item: &Element,
    width: usize,
    lay: impl Fn(&[Node], usize) -> Vec<Line>,
) -> Vec<Line> {
    let what = item.find("what").map(|what| joined(what, Look::Plain)).unwrap_or_default();
    let number = item.find("b").map(|number| joined(number, Look::Strong)).unwrap_or_default();
    // Besides the figures, which have room for a long limit.
    let mut lines = if width >= WHAT + BAR + 16 {
        let mut line = Line::default();
        let mut what = wrapped(&[what], WHAT - 2).into_iter();
        let first = what.next().unwrap_or_default();
        let space = WHAT.saturating_sub(first.width());
        line.extend(first);
        line.push(Piece::new(Look::Plain, " ".repeat(space)));
        line.extend(Line::of(drawn(item, BAR)));
        line.push(Piece::new(Look::Plain, "  "));
        let column = line.width();
        let mut lines = columns(line, wrapped(&[number], width - column), column);
        lines.extend(what);
        lines
    } else {
        let mut head = vec![what, Piece::new(Look::Plain, ": ")];
        head.push(number);
        let mut lines = wrapped(&head, width);
        lines.push(Line::of(drawn(item, width.min(BAR))));
        lines
    };
    for more in item.elements().filter(|element| element.name == "p") {
        lines.extend(lay(&more.children, width));
    }
    lines
}

/// The bar of a chart on the page: as much of the cells as of the chart.
fn drawn(item: &Element, cells: usize) -> Piece {
    let bars = item.find("svg").map(|svg| svg.elements().filter(|bar| bar.name == "rect"));
    let Some(bar) = bars.and_then(|bars| bars.filter(|bar| !bar.has("track")).last()) else {
        return Piece::new(Look::Faint, " ".repeat(cells));
    };
    let share = bar.attribute("width").parse::<f64>().unwrap_or(0.0) / 200.0;
    let is_full =
        |cell: usize| u32::try_from(cell).is_ok_and(|cell| f64::from(cell) < filled(share, cells));
    let text = (0..cells).map(|cell| if is_full(cell) { '█' } else { '░' }).collect::<String>();
    let look = match bar.attribute("class") {
        "loss" | "over" => Look::Bad,
        _ => Look::Good,
    };
    Piece::new(look, text)
}

/// How many cells are filled. Something is never shown as nothing.
fn filled(share: f64, cells: usize) -> f64 {
    let cells = u32::try_from(cells).map_or(0.0, f64::from);
    let filled = (share.clamp(0.0, 1.0) * cells).round();
    if share > 0.0 { filled.max(1.0) } else { filled }
}

/// The head of a row, and lines that begin in the column behind it; below it, if it reaches into that column.
fn columns(head: Line, lines: Vec<Line>, column: usize) -> Vec<Line> {
    let space = |used: usize| Piece::new(Look::Plain, " ".repeat(column.saturating_sub(used)));
    let indented = |line: Line| {
        let mut whole = Line::of(space(0));
        whole.extend(line);
        whole
    };
    let mut lines = lines.into_iter();
    let mut first = head;
    if first.width() <= column {
        first.push(space(first.width()));
        first.extend(lines.next().unwrap_or_default());
    }
    std::iter::once(first).chain(lines.map(indented)).collect()
}

fn padded(text: &str, columns: usize) -> String {
    let width = Line::of(Piece::new(Look::Plain, text)).width();
    format!("{text}{}", " ".repeat(columns.saturating_sub(width).max(1)))
}
