//! The texts a card was read from, and messages with the token underlined.

use std::fmt::Write as _;
use std::sync::Arc;

use cofit_vocab::{Diagnostic, Diagnostics, Place};

use crate::node::{FileId, Token};

/// The texts of a card and its bases, by the names that messages use.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceText>,
}

/// One text.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// The file as the user or the catalogue names it.
    pub name: String,
    /// What it says.
    pub text: Arc<str>,
}

impl Sources {
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push(SourceText { name: name.into(), text: text.into() });
        self.files.len() - 1
    }

    /// The texts, the card itself first, then its base, and so on; texts of `--set` come last.
    pub fn files(&self) -> &[SourceText] {
        &self.files
    }

    /// The text with the name `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.files.iter().find(|file| file.name == name).map(|file| &*file.text)
    }

    /// A place: file and byte range.
    pub(crate) fn place(&self, token: Token, key: &str) -> Place {
        Place {
            file: self.files.get(token.file).map(|file| file.name.clone()),
            span: Some((token.start, token.end)),
            key: (!key.is_empty()).then(|| key.to_owned()),
            ..Place::default()
        }
    }

    /// The message with its line and the token underlined, as plain text.
    ///
    /// Lines longer than 160 bytes are cut around the token.
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        let severity = diagnostic.severity.name();
        let mut out = format!("{severity}[{}]: {}\n", diagnostic.code.id, diagnostic.message);
        let place = &diagnostic.place;
        let file = place.file.as_deref().unwrap_or("card");
        match (self.text(file), place.span) {
            (Some(text), Some((start, end))) => excerpt(&mut out, file, text, start, end),
            (Some(_), None) | (None, _) => {
                if let Some(place) = place.file.as_deref().or(place.key.as_deref()) {
                    let _ = writeln!(out, " --> {place}");
                }
            }
        }
        let _ = writeln!(out, "  = help: {}", diagnostic.cure());
        out
    }

    /// Every message, in order, and how many more there were.
    pub fn render_all(&self, diagnostics: &Diagnostics) -> String {
        let mut out: String = diagnostics.iter().map(|one| self.render(one)).collect();
        if diagnostics.dropped() > 0 {
            let _ = writeln!(out, "and {} more", diagnostics.dropped());
        }
        out
    }
}

fn excerpt(out: &mut String, file: &str, text: &str, start: usize, end: usize) {
    let start = floor_boundary(text, start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let end = floor_boundary(text, end.clamp(start, line_end));
    let number = text[..line_start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count() + 1;
    let from = floor_boundary(text, line_start.max(start.saturating_sub(80)));
    let to = floor_boundary(text, line_end.min(start.saturating_add(80)).max(from));
    let line = text[from..to].replace('\t', " ").replace('\r', "");
    let width = text[start..end.min(to).max(start)].chars().count().max(1);
    let indent = text[from..start].chars().count();
    let gutter = number.to_string();
    let blank = " ".repeat(gutter.len());
    let _ = writeln!(out, "{blank}--> {file}:{number}:{column}");
    let _ = writeln!(out, "{gutter} | {line}");
    let _ = writeln!(out, "{blank} | {}{}", " ".repeat(indent), "^".repeat(width));
}

/// The last character boundary of `text` that is not after `index`.
fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}
