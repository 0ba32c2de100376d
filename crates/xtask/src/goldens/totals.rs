//! Totals of whole networks, compiled and simulated from their files, beside Vela's.
//!
//! One line per network and size for the preset that the cards take by default, one per setting,
//! and one for all. The files are not part of the repository.

use std::fmt::Write;
use std::path::Path;

use cofit_explore::goldens::{
    Comparison, NETWORKS, Row, Setting, Strategy, compare, compare_within, parse, parse_for,
};
use cofit_ir::Verified;
use cofit_vocab::Diagnostics;

/// Appends the lines, or one that says why there are none.
pub fn summary(text: &mut String) -> Result<(), String> {
    let Some(shared) = cofit_shared::shared_dir() else {
        text.push_str("totals: skipped, ../shared is absent\n");
        return Ok(());
    };
    let table = shared.join("golden/vela-5.2.0/totals.csv");
    let table = std::fs::read_to_string(&table).map_err(|fault| format!("{table:?}: {fault}"))?;
    let rows = parse(&table).map_err(|faults| words(&faults))?;
    let mut results: Vec<(&Row, Comparison)> = Vec::new();
    for (network, file) in NETWORKS {
        let model = load(&shared.join("models").join(file))?;
        for row in rows.iter().filter(|row| row.network == *network) {
            results.push((row, compare(&model, row).map_err(|faults| words(&faults))?));
        }
    }
    text.push_str("\nwhole networks: cycles and SRAM, ours and Vela's\n");
    for (row, it) in results.iter().filter(|(row, _)| row.setting == Setting::HighEndSharedSram) {
        row_line(text, row, it);
    }
    for setting in Setting::ALL {
        let (preset, mode) = setting.vela_names();
        let of: Vec<_> = results.iter().filter(|(row, _)| row.setting == setting).collect();
        line(text, &format!("{preset}, {mode}"), &of);
    }
    line(text, "worst total", &results.iter().collect::<Vec<_>>());
    cascades(text, &shared, &table)
}

/// Appends the schedules of fewest cycles in the SRAM of Vela's `--optimise Size`.
fn cascades(text: &mut String, shared: &Path, table: &str) -> Result<(), String> {
    let rows = parse_for(table, Strategy::Size).map_err(|faults| words(&faults))?;
    text.push_str("\nin the SRAM of `--optimise Size`: cycles and SRAM, ours and Vela's\n");
    for (network, file) in NETWORKS {
        let model = load(&shared.join("models").join(file))?;
        for row in rows.iter().filter(|row| row.network == *network) {
            let found = compare_within(&model, &[row]).map_err(|faults| words(&faults))?;
            found.iter().for_each(|it| row_line(text, row, it));
        }
    }
    Ok(())
}

/// One network on one size.
fn row_line(text: &mut String, row: &Row, it: &Comparison) {
    let _ = writeln!(
        text,
        "{:<28} {:<13} {:>10} {:>10} {:>+7.3} %  {:>7.1} {:>7.1} KiB",
        row.network,
        row.chip,
        it.cycles.get(),
        it.vela_cycles.get(),
        it.error() * 100.0,
        it.sram.as_kib(),
        it.vela_sram.as_kib(),
    );
}

fn line(text: &mut String, name: &str, of: &[&(&Row, Comparison)]) {
    let exact = of.iter().filter(|(_, it)| it.cycles == it.vela_cycles).count();
    let same = of.iter().filter(|(_, it)| it.sram == it.vela_sram).count();
    let worst = of.iter().max_by(|a, b| a.1.error().abs().total_cmp(&b.1.error().abs()));
    let Some((row, it)) = worst else { return };
    let _ = writeln!(
        text,
        "{name:<44} {exact:>3} of {} exact, SRAM equal {same}, worst {:+.2} % ({} on {})",
        of.len(),
        it.error() * 100.0,
        row.network,
        row.chip,
    );
}

fn load(path: &Path) -> Result<Verified, String> {
    let bytes = std::fs::read(path).map_err(|fault| format!("{path:?}: {fault}"))?;
    let (model, faults) = cofit_import::load(bytes.into(), &path.display().to_string());
    let model = model.ok_or_else(|| words(&faults))?;
    Verified::new(model).map_err(|faults| words(&faults))
}

fn words(faults: &Diagnostics) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
