//! Cycles by layer and cause: a column a layer, stacked.

use cofit_sim::{Cause, Causes};
use cofit_vocab::{Cycles, units};

use super::figure::{self, Details, LEFT, PLOT, Picture, RIGHT, WIDTH};
use super::rows::Row;
use crate::{Subject, words};

/// Height of the plot.
const HEIGHT: f64 = 250.0;

/// Columns at most; with more layers, neighbours share one.
const COLUMNS: usize = 300;

/// The picture, or nothing where nothing takes a cycle.
pub(super) fn pictures(subject: &Subject<'_>, rows: &[Row]) -> Vec<Picture> {
    let together = rows.len().div_ceil(COLUMNS).max(1);
    let columns: Vec<&[Row]> = rows.chunks(together).collect();
    let sum = |rows: &[Row]| -> Causes { rows.iter().map(|row| row.causes).sum() };
    let most = columns.iter().map(|rows| sum(rows).sum()).max().unwrap_or(Cycles::ZERO);
    if most.is_zero() {
        return Vec::new();
    }
    let top = most.as_f64() * 1.05;
    let y = |cycles: f64| 8.0 + HEIGHT - cycles / top * HEIGHT;
    let mut body = String::new();
    for tick in figure::ticks(top, 5) {
        body += &figure::line("grid", (LEFT, y(tick)), (WIDTH - RIGHT, y(tick)));
        body += &figure::text("end", LEFT - 8.0, y(tick) + 4.0, &figure::brief(tick));
    }
    let width = PLOT / columns.len() as f64;
    let gap = (width * 0.16).min(4.0);
    body += &format!(
        "<g class=\"columns\" data-x=\"{LEFT}\" data-w=\"{}\">",
        crate::markup::number(width)
    );
    for (at, rows) in columns.iter().enumerate() {
        body += &column(subject, rows, &sum(rows), (LEFT + at as f64 * width, width - gap), &y);
    }
    body += "</g>";
    let bottom = HEIGHT + 8.0;
    body += &figure::line("axis", (LEFT, bottom), (WIDTH - RIGHT, bottom));
    body += "<g class=\"in-order\">";
    let every = (columns.len() / 24 + 1) * together;
    for (at, rows) in
        columns.iter().enumerate().filter(|(at, _)| (at * together).is_multiple_of(every))
    {
        let number = rows.first().map_or(0, Row::number).to_string();
        let x = LEFT + (at as f64 + 0.5) * width - gap / 2.0;
        body += &figure::text("mid", x, bottom + 15.0, &number);
    }
    body += "</g>";
    let axis = "cycles of each layer, by step of the plan";
    body += &figure::text("note", LEFT, bottom + 31.0, axis);
    let (legend, height) = legend(&subject.evaluation.profile.causes, bottom + 42.0);
    body += &legend;
    let shared = match together {
        1 => String::new(),
        together => format!(" Every column is {together} layers."),
    };
    vec![Picture {
        title: "Cycles by layer and cause".to_owned(),
        description: format!(
            "{} layers take {} cycles.{shared} {}",
            rows.len(),
            units::grouped(subject.evaluation.profile.cycles.get()),
            said(&subject.evaluation.profile.causes)
        ),
        width: WIDTH,
        height: bottom + 42.0 + height,
        body,
        role: "sort",
    }]
}

/// The causes in words, the largest first.
pub(super) fn said(causes: &Causes) -> String {
    let mut parts: Vec<(Cycles, Cause)> =
        causes.iter().filter(|(_, cycles)| !cycles.is_zero()).map(|(c, n)| (n, c)).collect();
    parts.sort_by_key(|&(cycles, cause)| (std::cmp::Reverse(cycles), cause));
    let whole = causes.sum().as_f64().max(1.0);
    let parts: Vec<String> = parts
        .iter()
        .map(|(cycles, cause)| {
            format!("{} {}", figure::cause_words(*cause), words::percent(cycles.as_f64() / whole))
        })
        .collect();
    format!("{}.", parts.join(", "))
}

fn column(
    subject: &Subject<'_>,
    rows: &[Row],
    causes: &Causes,
    (x, width): (f64, f64),
    y: &impl Fn(f64) -> f64,
) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let cycles = causes.sum();
    let share = cycles.as_f64() / subject.evaluation.profile.cycles.as_f64().max(1.0);
    let mut details = match rows.last().filter(|_| rows.len() > 1) {
        Some(last) => Details::of(&format!("layers {} to {}", first.number(), last.number())),
        None => Details::of(&format!("{} {}", first.number(), first.short()))
            .with("operators", &first.operators)
            .with("on", &first.engine),
    };
    details = details.with("cycles", &units::grouped(cycles.get()));
    details = details.with("share", &format!("{:.1} %", share * 100.0));
    let mut parts = String::new();
    let mut below = 0.0;
    for (cause, amount) in causes.iter().filter(|(_, amount)| !amount.is_zero()) {
        details = details.with(figure::cause_words(cause), &units::grouped(amount.get()));
        let (top, bottom) = (y(below + amount.as_f64()), y(below));
        let class = figure::parted(figure::cause_class(cause), width.min(bottom - top));
        parts += &figure::bar(&class, (0.0, top, width, bottom - top));
        below += amount.as_f64();
    }
    // The whole height answers the pointer, however short the column is.
    let catch = format!(
        "<rect fill=\"none\" pointer-events=\"all\" x=\"0\" y=\"8\" width=\"{}\" height=\"{HEIGHT}\"/>",
        crate::markup::number(width)
    );
    let steps: Vec<String> = rows.iter().take(32).map(|row| row.number().to_string()).collect();
    let more = format!(
        " data-v=\"{}\" transform=\"translate({} 0)\"",
        cycles.get(),
        crate::markup::number(x)
    );
    figure::group("column", &steps.join(" "), &more, &details, &(catch + &parts))
}

/// The causes that occur.
pub(super) fn legend(causes: &Causes, y: f64) -> (String, f64) {
    let entries: Vec<(&str, &str)> = causes
        .iter()
        .filter(|(_, cycles)| !cycles.is_zero())
        .map(|(cause, _)| (figure::cause_class(cause), figure::cause_words(cause)))
        .collect();
    figure::legend(&entries, y)
}
