//! Reads the markup that the page's parts are made of. It is well-formed, and escapes four characters.

use crate::report::text::visible;

#[derive(Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
}

/// Elements that have no end.
const VOID: [&str; 4] = ["br", "hr", "input", "meta"];

/// The nodes of a markup.
pub(super) fn parsed(markup: &str) -> Vec<Node> {
    // The open elements; the first one stands for the whole.
    let mut open = vec![Element::default()];
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        add_text(&mut open, &rest[..at]);
        let Some(end) = rest[at..].find('>') else { break };
        let tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if tag.starts_with('/') {
            close(&mut open);
        } else if !tag.starts_with('!') {
            let element = Element::of(tag);
            let is_void = VOID.contains(&element.name.as_str());
            open.push(element);
            if is_void {
                close(&mut open);
            }
        }
    }
    add_text(&mut open, rest);
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().map(|whole| whole.children).unwrap_or_default()
}

fn add_text(open: &mut [Element], escaped: &str) {
    if let Some(inside) = open.last_mut().filter(|_| !escaped.is_empty()) {
        inside.children.push(Node::Text(visible(&unescaped(escaped))));
    }
}

fn close(open: &mut Vec<Element>) {
    if open.len() > 1
        && let Some(done) = open.pop()
        && let Some(inside) = open.last_mut()
    {
        inside.children.push(Node::Element(done));
    }
}

/// Values may hold a `>` in an attribute only as `&gt;`, so that a tag ends at the first one.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

impl Element {
    fn of(tag: &str) -> Self {
        let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes = Vec::new();
        while let Some((name, value)) = rest.split_once("=\"") {
            let Some((value, after)) = value.split_once('"') else { break };
            // An attribute without a value may stand before it.
            let name = name.rsplit(' ').next().unwrap_or_default();
            attributes.push((name.to_owned(), unescaped(value)));
            rest = after;
        }
        Self { name: name.to_owned(), attributes, children: Vec::new() }
    }

    pub(super) fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(of, _)| of == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether it is of a class.
    pub(super) fn has(&self, class: &str) -> bool {
        self.attribute("class").split(' ').any(|of| of == class)
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first element of a name or a class inside this one, at any depth.
    pub(super) fn find(&self, what: &str) -> Option<&Self> {
        self.elements().find_map(|inside| {
            if inside.name == what || inside.has(what) { Some(inside) } else { inside.find(what) }
        })
    }

    /// Whether it begins lines of its own.
    pub(super) fn is_block(&self) -> bool {
        !matches!(
            self.name.as_str(),
            "a" | "b" | "bdi" | "code" | "em" | "i" | "span" | "summary" | "time"
        )
    }
}
