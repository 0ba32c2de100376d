//! Schedules in the SRAM that Vela 5.2 needs, against Vela's cycles.
//!
//! Every row of Vela's totals gives an amount of SRAM and the cycles that Vela gets in it, by its
//! default strategy and by `--optimise Size`. In no more bytes our schedule must take no more cycles;
//! both sides count them by Vela's formulas, over a layout that the plan's verifier has checked.

use std::io::Write;
use std::path::Path;

use cofit_compile::ethos_u::within;
use cofit_ethos_u::WeightEncoding;
use cofit_explore::goldens::{NETWORKS, Row, Setting, Strategy, chip, parse_for};
use cofit_ir::Verified;
use cofit_shared::shared_dir;

fn model(path: &Path) -> Verified {
    let bytes = std::fs::read(path).expect("a model of the shared folder");
    let (model, found) = cofit_import::load(bytes.into(), &path.display().to_string());
    let model = model.unwrap_or_else(|| panic!("{}: {:?}", path.display(), found.iter().next()));
    Verified::new(model).expect("a sound model")
}

/// Holds every row of a setting and strategy to Vela's cycles; prints both sides.
fn check(setting: Setting, strategy: Strategy) {
    let Some(shared) = shared_dir() else { return };
    let table = std::fs::read_to_string(shared.join("golden/vela-5.2.0/totals.csv"));
    let rows = parse_for(&table.expect("the totals"), strategy).expect("a sound table");
    let only = std::env::var("NETWORK").ok();
    let mut worse: Vec<String> = Vec::new();
    let mut compared = 0;
    for (network, file) in NETWORKS {
        if only.as_deref().is_some_and(|only| !network.contains(only)) {
            continue;
        }
        let model = model(&shared.join("models").join(file));
        for row in rows.iter().filter(|row| row.setting == setting && row.network == *network) {
            compared += 1;
            worse.extend(compare(&model, row));
        }
    }
    assert!(only.is_some() || compared == 4 * NETWORKS.len(), "four accelerators a network");
    assert!(worse.is_empty(), "{} of {compared} rows:\n{}", worse.len(), worse.join("\n"));
}

/// One row; what is wrong with it, if anything.
fn compare(model: &Verified, row: &Row) -> Option<String> {
    let chip = chip(row).unwrap_or_else(|faults| panic!("{faults:?}"));
    let name = format!("{} on {}", row.network, row.chip);
    let Some((point, mistakes)) = within(model, &chip, WeightEncoding::Exact, row.sram) else {
        return Some(format!("{name}: nothing fits {} bytes", row.sram.get()));
    };
    assert!(mistakes.is_empty(), "{name}: {:?}", mistakes.iter().next());
    let line = format!(
        "{name:50} Vela {:>8} B {:>9} cycles, ours {:>8} B {:>9} cycles {:+.2} %",
        row.sram.get(),
        row.cycles.get(),
        point.bytes.get(),
        point.cycles.get(),
        (point.cycles.as_f64() / row.cycles.as_f64() - 1.0) * 100.0,
    );
    writeln!(std::io::stderr(), "{line}").expect("stderr");
    if std::env::var_os("DEBUGC").is_some() { let sch = point.plan.ethos_u.as_ref().unwrap(); for c in &sch.cascades { eprintln!("{}..={} {:?} {:?}", c.first, c.last, c.stripes, c.rolling.iter().map(|r| r.rows).collect::<Vec<_>>()); } for (id, step) in &point.plan.steps { if let cofit_compile::plan::StepSchedule::EthosU{first,count,..} = step.schedule { for o in &sch.operations[first as usize..(first+count) as usize] { eprintln!("{id} {:?} {:?} total {} compute {} {:?} {:?} ports {:?}", o.block.ofm_block, o.weights.buffering, o.total.get(), o.compute.total.get(), o.weights.depths, o.weights.pre_buffered, o.ports.map(|p| p.cycles.get())); } } } for b in point.plan.buffers.values() { eprintln!("{:?} {} {}..{}", b.role, b.bytes.get(), b.first_step, b.last_step);} }
    (point.cycles > row.cycles || point.bytes > row.sram).then_some(line)
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
