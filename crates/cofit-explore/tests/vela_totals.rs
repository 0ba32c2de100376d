//! Totals of whole networks against Vela 5.2.

use std::io::Write;
use std::path::Path;

use cofit_explore::goldens::{Comparison, NETWORKS, Row, Setting, compare, parse};
use cofit_ir::Verified;
use cofit_shared::shared_dir;

fn model(path: &Path) -> Verified {
    let bytes = std::fs::read(path).expect("a model of the shared folder");
    let (model, found) = cofit_import::load(bytes.into(), &path.display().to_string());
    let model = model.unwrap_or_else(|| panic!("{}: {:?}", path.display(), found.iter().next()));
    Verified::new(model).expect("a sound model")
}

/// Every row of a setting with its comparison.
fn comparisons(shared: &Path, setting: Setting) -> Vec<(Row, Comparison)> {
    let table = std::fs::read_to_string(shared.join("golden/vela-5.2.0/totals.csv"));
    let rows = parse(&table.expect("the totals")).expect("a sound table");
    let mut found = Vec::new();
    for (network, file) in NETWORKS {
        let model = model(&shared.join("models").join(file));
        for row in rows.iter().filter(|row| row.setting == setting && row.network == *network) {
            let compared = compare(&model, row).unwrap_or_else(|faults| panic!("{faults:?}"));
            found.push((row.clone(), compared));
        }
    }
    assert_eq!(found.len(), 4 * NETWORKS.len(), "four accelerators for every network");
    found
}

/// Largest relative difference of the arenas: a few bytes of weight buffers, whose encoded sizes
/// differ a little.
const ARENA_BOUND: f64 = 0.000_2;

/// Holds every row of a setting to `bound`, and says which is worst.
fn check(setting: Setting, bound: f64) {
    let Some(shared) = shared_dir() else { return };
    let rows = comparisons(&shared, setting);
    let exact = rows.iter().filter(|(_, it)| it.cycles == it.vela_cycles).count();
    let worst = rows
        .iter()
        .max_by(|a, b| a.1.error().abs().total_cmp(&b.1.error().abs()))
        .expect("there are rows");
    writeln!(
        std::io::stderr(),
        "{setting:?}: {exact} of {} exact, worst {:+.3} % ({} on {})",
        rows.len(),
        worst.1.error() * 100.0,
        worst.0.network,
        worst.0.chip
    )
    .expect("stderr");
    assert!(worst.1.error().abs() <= bound, "{worst:?}");
    let arena = rows
        .iter()
        .max_by(|a, b| a.1.sram_difference().abs().total_cmp(&b.1.sram_difference().abs()))
        .expect("there are rows");
    assert!(arena.1.sram_difference().abs() <= ARENA_BOUND, "{arena:?}");
}

#[test]
fn high_end_embedded_shared_sram() {
    check(Setting::HighEndSharedSram, 0.05);
}

#[test]
fn high_end_embedded_sram_only() {
    check(Setting::HighEndSramOnly, 0.05);
}

#[test]
fn deep_embedded_shared_sram() {
    check(Setting::DeepSharedSram, 0.05);
}

#[test]
fn deep_embedded_sram_only() {
    check(Setting::DeepSramOnly, 0.05);
}
