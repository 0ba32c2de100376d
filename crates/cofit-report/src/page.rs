//! The report: one file that opens from disk and needs nothing beside it.
//!
//! [`body`] gives the views of one subject as HTML, [`document`] the shell around one or more of
//! them: style, fills and script, all inside, and a content security policy that forbids every load.
//! The style and the script are admitted by their hashes, so that nothing else could run even where
//! a name from a model escaped its quotes. A page that lives swaps bodies and calls
//! `cofit.attach(root)` on what it inserted; the script reads classes and data attributes only.
//!
//! Without the script everything can be read: pictures and tables are made here. The script adds
//! sorting, a filter, details on hover and focus, and the highlight of what belongs to one layer.
//!
//! Views are bounded: where a model has more layers or buffers than a view can show, the largest
//! keep their details, and the view says what became of the rest. One view, one file.

mod advice;
mod assumptions;
mod cycles;
mod energy;
mod figure;
mod front;
mod layers;
mod memory_map;
mod pair;
mod peak;
mod provenance;
mod roofline;
mod rows;
mod table;
mod timeline;
mod traffic;
mod verdict;

use sha2::{Digest, Sha256};

pub use self::advice::AdviceRow;
use self::figure::Picture;
pub use self::front::{FrontPoint, Objective};
use self::rows::Row;
pub(crate) use self::rows::live_bytes;
use crate::markup::{escaped, put};
use crate::{Subject, words};

/// A picture of the page that can stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Addresses over steps, a lane a memory.
    MemoryMap,
    /// Cycles of each layer by cause.
    Cycles,
    /// What ran when, on which engine, port and channel.
    Timeline,
    /// What layers reach against what engine and memory allow.
    Roofline,
    /// Bytes moved, by memory.
    Traffic,
    /// Energy, by what takes it.
    Energy,
}

impl View {
    /// Every view, in the order of the page.
    pub const ALL: [Self; 6] = [
        Self::MemoryMap,
        Self::Cycles,
        Self::Timeline,
        Self::Roofline,
        Self::Traffic,
        Self::Energy,
    ];

    /// The word by which commands name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemoryMap => "memory-map",
            Self::Cycles => "cycles",
            Self::Timeline => "timeline",
            Self::Roofline => "roofline",
            Self::Traffic => "traffic",
            Self::Energy => "energy",
        }
    }

    /// Its heading on the page.
    const fn title(self) -> &'static str {
        match self {
            Self::MemoryMap => "Memory map",
            Self::Cycles => "Cycles by layer",
            Self::Timeline => "Timeline",
            Self::Roofline => "Roofline",
            Self::Traffic => "Traffic",
            Self::Energy => "Energy",
        }
    }

    fn pictures(self, subject: &Subject<'_>, rows: &[Row]) -> Vec<Picture> {
        match self {
            Self::MemoryMap => memory_map::pictures(subject),
            Self::Cycles => cycles::pictures(subject, rows),
            Self::Timeline => timeline::pictures(subject, rows),
            Self::Roofline => roofline::pictures(subject, rows),
            Self::Traffic => traffic::pictures(subject),
            Self::Energy => energy::pictures(subject),
        }
    }
}

/// What a page shows beside the subject itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras<'a> {
    /// Changes that would help.
    pub advice: &'a [AdviceRow],
    /// The front of the study that the subject is a point of.
    pub front: &'a [FrontPoint],
    /// Tells the ids of several bodies on one page apart: the position of this one.
    pub position: usize,
}

/// A view alone: an SVG document with its style and fills.
pub fn svg(subject: &Subject<'_>, view: View) -> String {
    let title = format!("{}: {} on {}", view.title(), subject.model.name, subject.chip.id());
    figure::document(&title, &view.pictures(subject, &rows::rows(subject)))
}

/// The views of one subject as HTML, without the shell.
pub fn body(subject: &Subject<'_>) -> String {
    body_with(subject, &Extras::default())
}

/// The views of one subject as HTML, with advice and front where there are any.
pub fn body_with(subject: &Subject<'_>, extras: &Extras<'_>) -> String {
    let rows = rows::rows(subject);
    let mut sections: Vec<(&str, &str, String)> = vec![
        ("verdict", "Verdict", verdict::html(subject)),
        ("provenance", "How it is known", provenance::html(subject)),
        ("advice", "Advice", advice::html(extras.advice)),
        ("front", "Pareto front", front::html(extras.front)),
    ];
    for view in View::ALL {
        let mut html: String = view.pictures(subject, &rows).iter().map(figure_of).collect();
        if view == View::Roofline && !html.is_empty() {
            html = format!("<div class=\"beside\">{html}</div>");
        }
        // Tables that say in figures what the pictures show.
        match view {
            View::MemoryMap => html += &peak::html(subject),
            View::Roofline => html.insert_str(0, &roofline::binding(subject, &rows)),
            View::Cycles | View::Timeline | View::Traffic | View::Energy => {}
        }
        sections.push((view.name(), view.title(), html));
    }
    sections.push(("layers", "Layers", layers::html(&rows)));
    sections.push(("assumptions", "Assumptions", assumptions::html(subject)));
    // What has nothing to show has no heading.
    sections.retain(|(_, _, html)| !html.is_empty());

    let prefix = format!("run{}", extras.position);
    let mut html = format!(
        "<article class=\"run\" id=\"{prefix}\"><header><h1>{} <span>on</span> {}</h1>\
         <p class=\"note\">{}</p></header><nav aria-label=\"views\"><ul>",
        escaped(&subject.model.name, 120),
        escaped(subject.chip.name(), 120),
        escaped(&subtitle(subject), 300)
    );
    for (id, title, _) in &sections {
        put(&mut html, format_args!("<li><a href=\"#{prefix}-{id}\">{title}</a></li>"));
    }
    html += "</ul></nav>\n";
    for (id, title, section) in &sections {
        put(
            &mut html,
            format_args!("<section id=\"{prefix}-{id}\"><h2>{title}</h2>\n{section}</section>\n"),
        );
    }
    html + "</article>\n"
}

/// Two runs side by side, for the page that holds the bodies of both: the first one's at position 0,
/// the second one's at 1.
pub fn pair(first: &Subject<'_>, second: &Subject<'_>) -> String {
    pair::html(first, second)
}

/// A picture with its caption.
fn figure_of(picture: &Picture) -> String {
    format!(
        "<figure><figcaption><b>{}</b> {}</figcaption>{}</figure>",
        escaped(&picture.title, 160),
        escaped(&picture.description, 600),
        picture.inline()
    )
}

fn subtitle(subject: &Subject<'_>) -> String {
    let chip = subject.chip;
    let mut text = format!("{} · {} · {}", chip.id(), chip.runtime.id, chip.operating_point.id);
    if let Some(clock) = chip.reference_clock() {
        text += &format!(" at {}", clock.value);
    }
    if !subject.model.source.sha256.is_empty() {
        text += &format!(" · model {}", words::short_hash(&subject.model.source.sha256));
    }
    text + &format!(" · card {}", words::short_hash(&chip.sha256))
}

/// What every page carries.
const STYLE: &str = concat!(include_str!("page/figure.css"), include_str!("page/style.css"));
const SCRIPT: &str = include_str!("page/script.js");

/// The shell around bodies: a whole HTML document.
pub fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"cofit {}\">\n\
         <title>{}</title>\n<style>{STYLE}</style></head>\n<body>{}\n<main>\n{body}</main>\n\
         <footer><p>Made by cofit {}. The file needs no network and loads nothing.</p></footer>\n\
         <script>{SCRIPT}</script></body></html>\n",
        digest(STYLE),
        digest(SCRIPT),
        env!("CARGO_PKG_VERSION"),
        escaped(title, 200),
        figure::patterns(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// The SHA-256 of a text in base 64, as a content security policy names what it admits.
fn digest(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let hash = Sha256::digest(text.as_bytes());
    let mut result = String::new();
    for group in hash.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit <= group.len() {
                let index = (word >> (18 - 6 * digit)) & 63;
                result.push(char::from(DIGITS[index as usize]));
            } else {
                result.push('=');
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_other_tools() {
        // printf '' | openssl dgst -sha256 -binary | base64
        assert_eq!(digest(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(digest("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn style_and_script_stay_inside_their_elements() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</"), "an end tag would close the element");
            assert!(!text.contains("http"), "a page refers to nothing outside");
            assert!(!text.contains('\r'), "browsers hash a changed text");
        }
    }
}
