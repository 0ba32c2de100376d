//! The front of a study: points of which none is better than another in everything.
//!
//! A picture for each objective against the first, and a table; a point lights up in all of them.

use super::figure::{self, Details, Picture};
use super::table;
use crate::markup::{escaped, number, put};
use crate::words;

/// A point of a front. Texts are shown as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrontPoint {
    /// Its id, by which the study makes it again.
    pub id: String,
    /// Its objectives, in the same order for every point.
    pub objectives: Vec<Objective>,
    /// The parameters that make it.
    pub parameters: String,
    /// A page of its own, as a relative path; empty where there is none.
    pub page: String,
}

/// What a point is judged by; less is better.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objective {
    /// What it is, as `latency`.
    pub name: String,
    /// Its value, in the unit of the text.
    pub value: f64,
    /// The value with its unit.
    pub text: String,
}

/// Points that a page shows; more are for the study's own files.
const SHOWN: usize = 500;

/// Pictures at most.
const PICTURES: usize = 4;

/// A picture: two stand beside each other.
const WIDTH: f64 = 470.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 26.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;

/// The pictures and the table, or nothing where there is no front.
pub(super) fn html(front: &[FrontPoint]) -> String {
    let shown = &front[..front.len().min(SHOWN)];
    let Some(first) = shown.first() else { return String::new() };
    let mut html = String::from("<div class=\"beside\">");
    for other in (1..first.objectives.len()).take(PICTURES) {
        if let Some(picture) = picture(shown, other) {
            html += &super::figure_of(&picture);
        }
    }
    html += "</div>";
    html += &table(shown, first);
    if front.len() > shown.len() {
        put(
            &mut html,
            format_args!(
                "<p class=\"note\">{} more points are in the study.</p>",
                front.len() - shown.len()
            ),
        );
    }
    html
}

/// The values of two objectives, where they are numbers.
fn values(point: &FrontPoint, other: usize) -> Option<(f64, f64)> {
    let (x, y) = (point.objectives.first()?.value, point.objectives.get(other)?.value);
    (x.is_finite() && y.is_finite()).then_some((x, y))
}

/// The least and the largest of some values, never equal.
fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(f64::NEG_INFINITY, f64::max);
    let margin = ((most - least) * 0.08).max(most.abs() * 1e-3).max(f64::MIN_POSITIVE);
    (least - margin, most + margin)
}

fn picture(front: &[FrontPoint], other: usize) -> Option<Picture> {
    let first = front.first()?;
    let (across, upwards) = (first.objectives.first()?, first.objectives.get(other)?);
    let points: Vec<(usize, &FrontPoint, (f64, f64))> = front
        .iter()
        .enumerate()
        .filter_map(|(at, point)| Some((at, point, values(point, other)?)))
        .collect();
    if points.is_empty() {
        return None;
    }
    let (left, right) = range(points.iter().map(|(_, _, (x, _))| *x));
    let (low, high) = range(points.iter().map(|(_, _, (_, y))| *y));
    let place = |x: f64, y: f64| {
        let (across, upwards) = ((x - left) / (right - left), (y - low) / (high - low));
        (LEFT + across.clamp(0.0, 1.0) * PLOT, 8.0 + (1.0 - upwards.clamp(0.0, 1.0)) * HEIGHT)
    };
    let bottom = HEIGHT + 8.0;
    let mut body = String::new();
    for at in 0..=4 {
        let share = f64::from(at) / 4.0;
        let (x, y) = (left + (right - left) * share, low + (high - low) * share);
        let ((across, _), (_, upwards)) = (place(x, low), place(left, y));
        body += &figure::line("grid", (across, 8.0), (across, bottom));
        body += &figure::line("grid", (LEFT, upwards), (WIDTH - RIGHT, upwards));
        body += &figure::text("mid", across, bottom + 15.0, &words::significant(x));
        body += &figure::text("end", LEFT - 8.0, upwards + 4.0, &words::significant(y));
    }
    for (at, point, (x, y)) in &points {
        let (cx, cy) = place(*x, *y);
        let shape = format!("<circle cx=\"{}\" cy=\"{}\" r=\"5\"/>", number(cx), number(cy));
        let mut details = Details::of(&point.id);
        for objective in point.objectives.iter().take(8) {
            details = details.with(&escaped(&objective.name, 40), &objective.text);
        }
        details = details.with("parameters", &point.parameters);
        body += &figure::group("k0 dot", &format!("p{at}"), "", &details, &shape);
    }
    let axis = format!("{}; upwards: {}", across.name, upwards.name);
    body += &figure::text("note", LEFT, bottom + 31.0, &axis);
    Some(Picture {
        title: format!("{} against {}", upwards.name, across.name),
        description: format!("{} of the front; less is better in both.", points.len()),
        width: WIDTH,
        height: bottom + 40.0,
        body,
        role: "",
    })
}

fn table(front: &[FrontPoint], first: &FrontPoint) -> String {
    let mut columns: Vec<(&str, bool)> = vec![("point", false)];
    columns.extend(first.objectives.iter().map(|objective| (objective.name.as_str(), true)));
    columns.push(("parameters", false));
    let mut rows = String::new();
    for (at, point) in front.iter().enumerate() {
        let id = escaped(&point.id, 60);
        // Only a path below the page's folder is a link.
        let is_local = !point.page.is_empty()
            && point.page.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
            && !point.page.starts_with('/')
            && !point.page.contains("..");
        let name = if is_local { format!("<a href=\"{}\">{id}</a>", point.page) } else { id };
        put(&mut rows, format_args!("<tr data-s=\"p{at}\"><th scope=\"row\">{name}</th>"));
        for objective in &point.objectives {
            put(&mut rows, format_args!("<td>{}</td>", escaped(&objective.text, 60)));
        }
        put(&mut rows, format_args!("<td>{}</td></tr>", escaped(&point.parameters, 300)));
    }
    table::table("Pareto front", &columns, &rows, "front sort")
}
