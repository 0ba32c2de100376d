//! Exact packing against the best published allocator.

use std::fmt::Write as _;

use cofit_pack::{Budget, csv, solve_minimise, verify};

use super::Section;

/// minimalloc's challenging files: name, and the milliseconds that its authors publish for deciding
/// them; the file names the source.
const PUBLISHED: &str = include_str!("../../../cofit-pack/examples/minimalloc.csv");

pub fn section() -> Result<Section, String> {
    let mut section = Section::default();
    section.text.push_str(
        "### Packing, minimalloc's challenging files\n\nThe lowest height that was found, and what no layout gets below. Times stand in `docs/benchmarks.md`.\n\n\
         | file | buffers | height | lower bound | proved lowest | nodes | minimalloc decides 1 MiB in |\n|---|---:|---:|---:|---|---:|---:|\n",
    );
    let Some(folder) =
        cofit_shared::shared_dir().map(|shared| shared.join("benchmarks/buffers/challenging"))
    else {
        section.text.push_str("| (the files are not here) | | | | | | |\n");
        return Ok(section);
    };
    let mut proved = 0;
    let rows = PUBLISHED.lines().filter(|line| !line.starts_with('#'));
    for (name, published) in rows.filter_map(|line| line.split_once(',')) {
        let path = folder.join(format!("{name}.1048576.csv"));
        let text = std::fs::read_to_string(&path).map_err(|fault| format!("{name}: {fault}"))?;
        let table = csv::read(&text).map_err(|fault| format!("{name}: {fault}"))?;
        let found = solve_minimise(&table.problem, Budget::STANDARD)
            .map_err(|fault| format!("{name}: {fault}"))?;
        verify(&table.problem, &found).map_err(|fault| format!("{name}: {fault}"))?;
        proved += usize::from(found.proven_optimal);
        let _ = writeln!(
            section.text,
            "| {name} | {} | {} | {} | {} | {} | {published} ms |",
            table.ids.len(),
            found.height,
            found.lower_bound,
            if found.proven_optimal { "yes" } else { "no" },
            found.nodes
        );
    }
    if proved < 9 {
        section.faults.push(format!("only {proved} of 11 minima are proved"));
    }
    Ok(section)
}
