//! `cargo xtask memory`: every published figure about memory, made anew, beside what others reach.
//!
//! Fails where one of ours is not what it has to be. Writes `docs/memory.md` between its markers with
//! `--write`, and finds it stale with `--check`.

mod packing;
mod streaming;

use std::path::Path;

/// What to do with the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Print the figures.
    Print,
    /// Write them into the page.
    Write,
    /// Fail where the page has others.
    Check,
}

/// The page, from the workspace's folder.
const PAGE: &str = "docs/memory.md";

/// Lines of the page between which the figures stand.
const MARKERS: (&str, &str) = ("<!-- figures -->", "<!-- end of figures -->");

/// A table of figures, and what does not hold.
#[derive(Default)]
struct Section {
    text: String,
    faults: Vec<String>,
}

/// Makes all figures.
pub fn run(workspace: &Path, mode: Mode) -> Result<String, String> {
    let mut text = String::new();
    let mut faults = Vec::new();
    for section in [streaming::section(workspace)?, packing::section()?] {
        text.push('\n');
        text.push_str(&section.text);
        faults.extend(section.faults);
    }
    if !faults.is_empty() {
        return Err(format!("{text}\n{}", faults.join("\n")));
    }
    if mode == Mode::Print {
        return Ok(text);
    }
    let path = workspace.join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(|fault| format!("{PAGE}: {fault}"))?;
    let (Some(begin), Some(end)) = (page.find(MARKERS.0), page.find(MARKERS.1)) else {
        return Err(format!("{PAGE} has no `{}` and `{}`", MARKERS.0, MARKERS.1));
    };
    let fresh = format!("{}{}\n{text}\n{}", &page[..begin], MARKERS.0, &page[end..]);
    if fresh == page {
        return Ok(text);
    }
    if mode == Mode::Check {
        return Err(format!("{PAGE} is stale: run `cargo xtask memory --write`"));
    }
    std::fs::write(&path, fresh).map_err(|fault| format!("{PAGE}: {fault}"))?;
    Ok(text)
}
