//! Schedules in the SRAM that Vela 5.2 needs, against Vela's cycles.
//!
//! Every row of Vela's totals gives an amount of SRAM and the cycles that Vela gets in it, by its
//! default strategy and by `--optimise Size`. In no more bytes our schedule must take no more cycles;
//! both sides count them by Vela's formulas, over a layout that the plan's verifier has checked.

use std::path::Path;

use cofit_compile::ethos_u::{WeightEncoding, front};
use cofit_explore::goldens::{NETWORKS, Row, Setting, Strategy, chip, compare_within, parse_for};
use cofit_ir::Verified;
use cofit_shared::shared_dir;

fn model(path: &Path) -> Verified {
    let bytes = std::fs::read(path).expect("a model of the shared folder");
    let (model, found) = cofit_import::load(bytes.into(), &path.display().to_string());
    let model = model.unwrap_or_else(|| panic!("{}: {:?}", path.display(), found.iter().next()));
    Verified::new(model).expect("a sound model")
}

/// Holds the rows of a table to Vela's cycles; how many there were. `cargo xtask goldens` prints both.
fn hold(shared: &Path, table: &str, strategy: Strategy, settings: &[Setting]) -> usize {
    let mut rows = parse_for(table, strategy).expect("a sound table");
    rows.retain(|row| settings.contains(&row.setting));
    let mut wrong: Vec<String> = Vec::new();
    let mut compared = 0;
    for (network, file) in NETWORKS {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.network == *network).collect();
        if rows.is_empty() {
            continue;
        }
        let model = model(&shared.join("models").join(file));
        for rows in rows.chunk_by(|a, b| (&a.chip, a.setting) == (&b.chip, b.setting)) {
            let found = compare_within(&model, rows)
                .unwrap_or_else(|faults| panic!("{network}: {:?}", faults.iter().next()));
            compared += found.len();
            let worse =
                found.iter().filter(|it| it.cycles > it.vela_cycles || it.sram > it.vela_sram);
            wrong.extend(worse.map(|it| format!("{network} on {}: {it:?}", rows[0].chip)));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} rows:\n{}", wrong.len(), wrong.join("\n"));
    compared
}

/// Holds every row of a setting and strategy of the totals.
fn check(setting: Setting, strategy: Strategy) {
    let Some(shared) = shared_dir() else { return };
    let table = std::fs::read_to_string(shared.join("golden/vela-5.2.0/totals.csv"));
    let compared = hold(&shared, &table.expect("the totals"), strategy, &[setting]);
    assert_eq!(compared, 4 * NETWORKS.len(), "four accelerators for every network");
}

#[test]
fn a_front_is_laid_out_and_reaches_both_of_velas_points() {
    let Some(shared) = shared_dir() else { return };
    let table = std::fs::read_to_string(shared.join("golden/vela-5.2.0/totals.csv"));
    let table = table.expect("the totals");
    for (network, file) in NETWORKS {
        let model = model(&shared.join("models").join(file));
        let is_here = |row: &Row| {
            row.network == *network
                && row.chip == "ethos-u55-128"
                && row.setting == Setting::HighEndSharedSram
        };
        let vela: Vec<Row> = [Strategy::Size, Strategy::Performance]
            .into_iter()
            .flat_map(|strategy| parse_for(&table, strategy).expect("a sound table"))
            .filter(is_here)
            .collect();
        let [size, performance] = vela.as_slice() else { panic!("{network}: {vela:?}") };
        let chip = chip(size).unwrap_or_else(|faults| panic!("{faults:?}"));
        let found = front(&model, &chip, WeightEncoding::Exact, 1000);
        assert!(found.mistakes.is_empty(), "{network}: {:?}", found.mistakes.iter().next());
        let points = &found.points;
        for pair in points.windows(2) {
            assert!(pair[0].cycles < pair[1].cycles && pair[0].bytes > pair[1].bytes, "{network}");
        }
        for vela in [size, performance] {
            assert!(
                points.iter().any(|it| it.bytes <= vela.sram && it.cycles <= vela.cycles),
                "{network}: no point is as good as Vela's {} B, {} cycles",
                vela.sram.get(),
                vela.cycles.get(),
            );
        }
    }
}

/// Between Vela's two points: `vela MODEL --accelerator-config ACCEL --arena-cache-size BYTES` with
/// the other options of the totals, `sram_kb` and `total_cycles` from its summary.
#[test]
fn arena_sizes_between() {
    let Some(shared) = shared_dir() else { return };
    let table = include_str!("data/vela-5.2.0-arena-sizes.csv");
    let compared = hold(&shared, table, Strategy::ArenaSize, &[Setting::HighEndSharedSram]);
    assert_eq!(compared + 1, table.lines().count(), "every row is of a known network");
}

#[test]
fn size() {
    check(Setting::HighEndSharedSram, Strategy::Size);
}

#[test]
fn performance_high_end_shared_sram() {
    check(Setting::HighEndSharedSram, Strategy::Performance);
}

#[test]
fn performance_deep_shared_sram() {
    check(Setting::DeepSharedSram, Strategy::Performance);
}

#[test]
fn performance_high_end_sram_only() {
    check(Setting::HighEndSramOnly, Strategy::Performance);
}

#[test]
fn performance_deep_sram_only() {
    check(Setting::DeepSramOnly, Strategy::Performance);
}
