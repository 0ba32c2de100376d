//! `cargo xtask goldens`: how far the timing models agree with their golden figures.
//!
//! First operation by operation: one line per network of `crates/cofit-ethos-u/tests/data/vela-5.2.0`, over the four sizes of
//! Ethos-U55, and one line for all of them. Then whole networks, see [`totals`].

mod totals;

use std::fmt::Write;
use std::path::Path;

use cofit_ethos_u::goldens::{Comparison, compare, parse};

/// The lines, or what went wrong.
pub fn summary(workspace: &Path) -> Result<String, String> {
    let folder = workspace.join("crates/cofit-ethos-u/tests/data/vela-5.2.0");
    let list = std::fs::read_dir(&folder).map_err(|fault| format!("{folder:?}: {fault}"))?;
    let mut files: Vec<_> = list.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();

    let mut text = String::from("ethos_u against Vela 5.2.0, High-End Embedded, Shared SRAM\n");
    let mut sum = Comparison::default();
    let mut range = Errors::default();
    for file in files {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let table = std::fs::read_to_string(&file).map_err(|fault| format!("{file:?}: {fault}"))?;
        let rows = parse(&table).map_err(|fault| format!("{name}: {fault}"))?;
        let (mut network, mut errors) = (Comparison::default(), Errors::default());
        for rows in rows.chunk_by(|a, b| a.macs == b.macs) {
            let one = compare(rows).map_err(|fault| format!("{name}: {fault}"))?;
            errors.include(one.total_error());
            network.add(&one);
        }
        line(&mut text, &name, &network, errors);
        range.include(errors.least);
        range.include(errors.most);
        sum.add(&network);
    }
    line(&mut text, "all", &sum, range);
    totals::summary(&mut text)?;
    Ok(text)
}

/// The range of relative errors of totals.
#[derive(Clone, Copy, Default)]
struct Errors {
    least: f64,
    most: f64,
}

impl Errors {
    fn include(&mut self, error: f64) {
        self.least = self.least.min(error);
        self.most = self.most.max(error);
    }
}

fn line(text: &mut String, name: &str, of: &Comparison, errors: Errors) {
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{name:<28} operations {:>4}: cycles exact {:>4}, blocks equal {:>4}, \
         ports exact {:>4} of {:>4}, buffering equal {:>4}, totals {:+.2} to {:+.2} %",
        of.operations,
        of.cycles.min(of.components),
        of.blocks,
        of.sram.min(of.flash),
        of.known_slices,
        of.buffering,
        errors.least * 100.0,
        errors.most * 100.0,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_has_a_line_and_their_sum_comes_last() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = summary(&workspace).expect("the tables are in the repository");
        assert!(text.lines().count() > 10);
        assert!(text.lines().any(|line| line.starts_with("all ")));
        let last = text.lines().last().expect("lines");
        assert!(last.contains("KiB") || last.starts_with("totals: skipped"), "{last}");
    }
}
