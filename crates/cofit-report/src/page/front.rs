//! The front of a study: points of which none is better than another in everything.

use super::table;
use crate::markup::{escaped, put};

/// A point of a front. Texts are shown as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrontPoint {
    /// Its id, by which the study makes it again.
    pub id: String,
    /// Its objectives, in the same order for every point: name and value with unit.
    pub objectives: Vec<(String, String)>,
    /// The parameters that make it.
    pub parameters: String,
    /// A page of its own, as a relative path; empty where there is none.
    pub page: String,
}

/// The table, or nothing where there is no front.
pub(super) fn html(front: &[FrontPoint]) -> String {
    let Some(first) = front.first() else { return String::new() };
    let mut columns: Vec<(&str, bool)> = vec![("point", false)];
    columns.extend(first.objectives.iter().map(|(name, _)| (name.as_str(), true)));
    columns.push(("parameters", false));
    let mut rows = String::new();
    for point in front {
        let id = escaped(&point.id, 60);
        // Only a path below the page's folder is a link.
        let is_local = !point.page.is_empty()
            && point.page.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
            && !point.page.starts_with('/')
            && !point.page.contains("..");
        let name = if is_local { format!("<a href=\"{}\">{id}</a>", point.page) } else { id };
        put(&mut rows, format_args!("<tr><th scope=\"row\">{name}</th>"));
        for (_, value) in &point.objectives {
            put(&mut rows, format_args!("<td>{}</td>", escaped(value, 60)));
        }
        put(&mut rows, format_args!("<td>{}</td></tr>", escaped(&point.parameters, 300)));
    }
    table::table("Pareto front", &columns, &rows, "front sort")
}
