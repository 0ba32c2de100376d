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
    let sizes = match setting {
        Setting::HighEndSharedSram
        | Setting::HighEndSramOnly
        | Setting::DeepSharedSram
        | Setting::DeepSramOnly => 4,
        Setting::U65EmbeddedSharedSram
        | Setting::U65EmbeddedSramOnly
        | Setting::U65MidEndDedicated256
        | Setting::U65HighEndDedicated384
        | Setting::U65ClientServerDedicated384 => 2,
        Setting::U85FlashHighSharedSram
        | Setting::U85FlashHighSramOnly
        | Setting::U85DramMidDedicated384 => 5,
    };
    assert_eq!(found.len(), sizes * NETWORKS.len(), "every accelerator for every network");
    found
}

/// Largest relative difference of the arenas: a few bytes of weight buffers, whose encoded sizes
/// differ a little.
const ARENA_BOUND: f64 = 0.000_2;

/// The same where several cores have a stream each, which the distribution tells less well.
const STREAMS_ARENA_BOUND: f64 = 0.002;

/// Holds every row of a setting to `bound`, and says what the median and the worst are.
fn check(setting: Setting, bound: f64, arena_bound: f64) {
    let Some(shared) = shared_dir() else { return };
    let mut rows = comparisons(&shared, setting);
    let exact = rows.iter().filter(|(_, it)| it.cycles == it.vela_cycles).count();
    rows.sort_by(|a, b| a.1.error().abs().total_cmp(&b.1.error().abs()));
    let worst = rows.last().expect("there are rows");
    let mut text = format!(
        "{setting:?}: {exact} of {} exact, median {:.3} %, worst {:+.3} % ({} on {})\n",
        rows.len(),
        rows[rows.len() / 2].1.error().abs() * 100.0,
        worst.1.error() * 100.0,
        worst.0.network,
        worst.0.chip
    );
    for (row, it) in rows.iter().filter(|(_, it)| it.error().abs() > bound) {
        text += &format!("  {} on {}: {it:?}\n", row.network, row.chip);
    }
    let arena = rows
        .iter()
        .max_by(|a, b| a.1.sram_difference().abs().total_cmp(&b.1.sram_difference().abs()))
        .expect("there are rows");
    text += &format!("  arena, worst: {:+.4} %\n", arena.1.sram_difference() * 100.0);
    std::io::stderr().write_all(text.as_bytes()).expect("stderr");
    assert!(worst.1.error().abs() <= bound, "{text}");
    if !setting.is_dedicated() {
        assert!(arena.1.sram_difference().abs() <= arena_bound, "{arena:?}");
    }
}

#[test]
fn high_end_embedded_shared_sram() {
    check(Setting::HighEndSharedSram, 0.03, ARENA_BOUND);
}

#[test]
fn high_end_embedded_sram_only() {
    check(Setting::HighEndSramOnly, 0.03, ARENA_BOUND);
}

#[test]
fn deep_embedded_shared_sram() {
    check(Setting::DeepSharedSram, 0.03, ARENA_BOUND);
}

#[test]
fn deep_embedded_sram_only() {
    check(Setting::DeepSramOnly, 0.03, ARENA_BOUND);
}

#[test]
fn u65_embedded_shared_sram() {
    check(Setting::U65EmbeddedSharedSram, 0.03, STREAMS_ARENA_BOUND);
}

#[test]
fn u65_embedded_sram_only() {
    check(Setting::U65EmbeddedSramOnly, 0.03, ARENA_BOUND);
}

#[test]
fn u85_sys_flash_high_shared_sram() {
    check(Setting::U85FlashHighSharedSram, 0.08, 0.1);
}

#[test]
fn u85_sys_flash_high_sram_only() {
    check(Setting::U85FlashHighSramOnly, 0.08, ARENA_BOUND);
}

#[test]
fn u65_mid_end_dedicated_sram_256kb() {
    check(Setting::U65MidEndDedicated256, 0.08, ARENA_BOUND);
}

#[test]
fn u65_high_end_dedicated_sram_384kb() {
    check(Setting::U65HighEndDedicated384, 0.08, ARENA_BOUND);
}

#[test]
fn u65_client_server_dedicated_sram_384kb() {
    check(Setting::U65ClientServerDedicated384, 0.08, ARENA_BOUND);
}

#[test]
fn u85_sys_dram_mid_dedicated_sram_384kb() {
    check(Setting::U85DramMidDedicated384, 0.08, ARENA_BOUND);
}
