//! A reader of the HTML that this crate writes: tags with attributes, and text. It refuses what a browser would have to
//! guess about: unclosed elements, unquoted quotes, attributes without end.

use std::collections::BTreeMap;

/// One piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Open(Element),
    Close(String),
    Text(String),
}

/// An opening tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

const VOID: [&str; 8] = ["meta", "link", "input", "br", "rect", "path", "hr", "img"];

/// Reads a document into tokens and checks that its elements nest.
#[track_caller]
pub(crate) fn read(html: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = html
        .strip_prefix("<!doctype html>")
        .expect("a page begins with its document type");
    while let Some((text, after)) = rest.split_once('<') {
        if !text.trim().is_empty() {
            tokens.push(Token::Text(text.to_owned()));
        }
        if let Some(after) = after.strip_prefix('/') {
            let (name, after) = after.split_once('>').expect("a closing tag ends");
            let expected = open.pop();
            assert_eq!(expected.as_deref(), Some(name), "elements nest");
            tokens.push(Token::Close(name.to_owned()));
            rest = after;
            continue;
        }
        let (element, closed, after) = open_tag(after);
        if !closed && !VOID.contains(&element.name.as_str()) {
            open.push(element.name.clone());
        }
        tokens.push(Token::Open(element));
        rest = after;
    }
    assert!(open.is_empty(), "left open: {open:?}");
    assert!(rest.trim().is_empty(), "text after the end: {rest}");
    tokens
}

fn open_tag(text: &str) -> (Element, bool, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric())
        .expect("a tag ends");
    let mut element = Element {
        name: text[..end].to_owned(),
        ..Element::default()
    };
    assert!(!element.name.is_empty(), "a raw `<` in text: {text:.60}");
    let mut rest = &text[end..];
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            return (element, true, after);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (element, false, after);
        }
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':')))
            .expect("an attribute's name ends");
        assert!(end > 0, "no attribute at {rest:.60}");
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix("=\"") {
            let (text, after) = after.split_once('"').expect("a value ends");
            text.clone_into(&mut value);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('=') {
            let end = after
                .find(|c: char| c.is_whitespace() || c == '>')
                .expect("a value ends");
            after[..end].clone_into(&mut value);
            rest = &after[end..];
        }
        let before = element.attributes.insert(name.clone(), value);
        assert_eq!(before, None, "`{name}` twice on `{}`", element.name);
    }
}

/// Returns the opening tags.
pub(crate) fn elements(tokens: &[Token]) -> Vec<&Element> {
    tokens
        .iter()
        .filter_map(|token| match token {
            Token::Open(element) => Some(element),
            _ => None,
        })
        .collect()
}
