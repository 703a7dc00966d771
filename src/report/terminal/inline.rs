//! The text inside a block: its pieces, and how they look.

use super::line::{Look, Piece};
use super::markup::{Element, Node};

/// The text of an element, whose parts look as they are.
pub(super) fn text(element: &Element, look: Look) -> Vec<Piece> {
    let mut pieces = Vec::new();
    element.children.iter().for_each(|node| add(node, look, &mut pieces));
    pieces
}

/// The text of an element in one look.
pub(super) fn joined(element: &Element, look: Look) -> Piece {
    let text = text(element, look).into_iter().map(|piece| piece.text).collect::<String>();
    Piece::new(look, text.replace('\n', " "))
}

/// Adds the text of a node.
pub(super) fn add(node: &Node, look: Look, to: &mut Vec<Piece>) {
    let element = match node {
        Node::Text(text) => return to.push(Piece::new(look, text.clone())),
        Node::Element(element) => element,
    };
    let inner = match element.name.as_str() {
        // Beside its name for screen readers, or drawn elsewhere.
        "svg" => return,
        "span" if element.has("place") => return,
        "span" if element.has("tag") => return add_tag(element, to),
        "b" => Look::Strong,
        _ if element.has("about") => Look::Faint,
        _ => look,
    };
    element.children.iter().for_each(|node| add(node, inner, to));
}

/// A tag stands in brackets: its colour alone says nothing.
fn add_tag(tag: &Element, to: &mut Vec<Piece>) {
    let look = match () {
        () if tag.has("bad") => Look::Bad,
        () if tag.has("good") => Look::Good,
        () => Look::Plain,
    };
    to.push(Piece::new(look, "["));
    tag.children.iter().for_each(|node| add(node, look, to));
    to.push(Piece::new(look, "]"));
}
