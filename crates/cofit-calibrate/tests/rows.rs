//! Files of measured rows, as tools write them, and what is read from them.
//!
//! `tests/rows/*.txt` is the file's name, its text, a line `----`, and the layout, the rows and the
//! messages. `UPDATE=1` rewrites what is below the line. The texts have the form of each tool's
//! output with figures made up for the test; those of Vela come from a run of release 5.2.0.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use cofit_calibrate::rows::{self, Row};
use libtest_mimic::{Arguments, Failed, Trial};

/// What parts a file's text from what is read.
const RULE: &str = "\n----\n";

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rows");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of the tests")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no tests");
    let trial = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name, move || check(&path))
    };
    libtest_mimic::run(&Arguments::from_args(), files.into_iter().map(trial).collect()).exit();
}

/// Reads one file and compares, or rewrites its expectation.
fn check(path: &Path) -> Result<(), Failed> {
    let case = std::fs::read_to_string(path).map_err(|fault| fault.to_string())?;
    let (input, expected) = case.split_once(RULE).unwrap_or((case.trim_end(), ""));
    let (file, text) = input.split_once('\n').ok_or("the first line is the file's name")?;
    let actual = outcome(text, file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{input}{RULE}{actual}"))
            .map_err(|fault| fault.to_string())?;
    } else if actual != expected {
        return Err(format!("expected\n{expected}but it is\n{actual}").into());
    }
    // A board's log comes with the line ends of a terminal.
    let terminal = outcome(&text.replace('\n', "\r\n"), file);
    if terminal != actual {
        return Err(format!("with carriage returns it is\n{terminal}").into());
    }
    Ok(())
}

fn outcome(text: &str, file: &str) -> String {
    let mut shown = String::new();
    let messages = match rows::read(text, file) {
        Ok((layout, rows, messages)) => {
            writeln!(shown, "{}", layout.name()).expect("strings take all");
            rows.iter().for_each(|row| shown += &line(row));
            messages
        }
        Err(messages) => messages,
    };
    for message in messages.iter() {
        writeln!(shown, "{message}").expect("strings take all");
    }
    shown
}

/// What is known of a row, in one line.
fn line(row: &Row) -> String {
    let mut parts = vec![format!("{}: {:?} `{}`", row.line, row.level, row.model)];
    if let Some(latency) = row.latency {
        // Six digits; the resolution is a power of ten of the written unit.
        parts.push(format!("{:.6e} s +- {:.1e}", latency.get(), row.resolution.get()));
    }
    parts.extend(row.cycles.map(|cycles| format!("{cycles} cycles")));
    parts.extend(row.energy.map(|energy| format!("{} pJ", energy.get())));
    parts.extend(row.clock.map(|clock| format!("{} Hz", clock.get())));
    if row.threads != 1 {
        parts.push(format!("{} threads", row.threads));
    }
    let words = [
        ("card", &row.card),
        ("runtime", &row.runtime),
        ("release", &row.release),
        ("chip", &row.chip),
        ("precision", &row.precision),
        ("note", &row.note),
    ];
    for (what, word) in words.iter().filter(|(_, word)| !word.is_empty()) {
        parts.push(format!("{what} `{word}`"));
    }
    parts.join(", ") + "\n"
}
