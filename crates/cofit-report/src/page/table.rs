//! Tables of a page: real ones, with a caption and scopes, that the script can sort and filter.

use crate::markup::{escaped, number, put};

/// A table. `columns` are titles, each with whether its cells are numbers; `rows` are whole `<tr>`s of
/// which the first cell is a `<th scope="row">`; `class` tells the script what to offer.
pub(super) fn table(caption: &str, columns: &[(&str, bool)], rows: &str, class: &str) -> String {
    // The style sheet aligns the cells of these columns.
    let mut class = class.to_owned();
    for (at, _) in columns.iter().enumerate().filter(|(_, (_, is_number))| *is_number) {
        put(&mut class, format_args!(" n{}", at + 1));
    }
    let class = class.trim();
    let mut html = String::new();
    put(
        &mut html,
        format_args!(
            "<div class=\"scroll\"><table class=\"{class}\"><caption>{}</caption><thead><tr>",
            escaped(caption, 120)
        ),
    );
    for (title, is_number) in columns {
        let class = if *is_number { " class=\"n\"" } else { "" };
        put(&mut html, format_args!("<th scope=\"col\"{class}>{}</th>", escaped(title, 60)));
    }
    put(&mut html, format_args!("</tr></thead><tbody>{rows}</tbody></table></div>\n"));
    html
}

/// A share, 0 to 1, as a number with its bar.
pub(super) fn share(share: f64, class: &str) -> String {
    format!(
        "<span class=\"pc\">{:.1} %</span><svg class=\"bar\" aria-hidden=\"true\">{}</svg>",
        share * 100.0,
        part(class, 0.0, share)
    )
}

/// A part of a bar, from and for a share of its width.
pub(super) fn part(class: &str, from: f64, length: f64) -> String {
    let percent = |share: f64| number((share * 100.0).clamp(0.0, 100.0));
    format!(
        "<rect class=\"{class}\" x=\"{}%\" width=\"{}%\" height=\"100%\"/>",
        percent(from),
        percent(length)
    )
}

/// A bar of parts, given as classes with shares of the whole.
pub(super) fn parts(parts: &[(&str, f64)]) -> String {
    let mut svg = String::from("<svg class=\"bar\" aria-hidden=\"true\">");
    let mut from = 0.0;
    for (class, length) in parts {
        svg += &part(class, from, *length);
        from += length;
    }
    svg + "</svg>"
}
