//! This model against Vela 5.2.0, operation by operation (`tests/data/vela-5.2.0`).

use std::path::Path;

use cofit_ethos_u::goldens::{Comparison, Golden, compare, parse};
use cofit_ethos_u::{Config, Options, schedule};
use expect_test::{Expect, expect};

/// Every network on every size.
fn tables() -> Vec<(String, Vec<Golden>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vela-5.2.0");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the golden tables are in the repository")
        .map(|entry| entry.expect("readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let name = file.file_stem().expect("a file name").to_string_lossy().into_owned();
        let rows = parse(&std::fs::read_to_string(&file).expect("readable table"))
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        for rows in rows.chunk_by(|a, b| a.macs == b.macs) {
            found.push((format!("{name} on U55-{}", rows[0].macs), rows.to_vec()));
        }
    }
    found
}

fn compared() -> Vec<(String, Comparison)> {
    let one = |(name, rows): (String, Vec<Golden>)| {
        let comparison = compare(&rows).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        (name, comparison)
    };
    tables().into_iter().map(one).collect()
}

fn sum() -> Comparison {
    let mut sum = Comparison::default();
    compared().iter().for_each(|(_, one)| sum.add(one));
    sum
}

#[track_caller]
fn check(agreeing: impl Fn(&Comparison) -> (usize, usize), floor: f64) {
    let sum = sum();
    let (agreeing, all) = agreeing(&sum);
    assert!(all > 2000, "only {all} operations were compared");
    assert!(
        agreeing as f64 >= all as f64 * floor,
        "{agreeing} of {all} agree: {:#?}",
        sum.mismatches
    );
}

#[test]
fn given_velas_block_every_component_of_the_cycles_is_velas() {
    check(|sum| (sum.components, sum.operations), 1.0);
}

#[test]
fn given_velas_block_and_slices_the_cycles_are_velas() {
    check(|sum| (sum.cycles, sum.operations), 1.0);
}

#[test]
fn the_search_finds_velas_blocks() {
    check(|sum| (sum.blocks, sum.operations), 1.0);
}

#[test]
fn given_velas_slices_and_encoded_bytes_the_ports_are_velas() {
    check(|sum| (sum.sram, sum.known_slices), 1.0);
    check(|sum| (sum.flash, sum.known_slices), 1.0);
    check(|sum| (sum.bytes, sum.known_slices), 1.0);
}

#[test]
fn given_the_encoded_share_buffering_is_velas_but_where_a_slice_sits_on_the_fence() {
    check(|sum| (sum.buffering, sum.operations), 0.99);
}

#[test]
fn given_the_encoded_share_every_network_total_is_within_a_thousandth() {
    for (name, one) in compared() {
        let error = one.total_error();
        assert!(error.abs() < 0.001, "{name}: {:+.3} %", error * 100.0);
    }
}

#[test]
fn nothing_hides_the_transfer_of_an_operation_after_the_cpu() {
    // Vela runs one mean of MCUNet on the CPU; the sum of the next one comes after it.
    let after = 55;
    for (name, rows) in tables() {
        if name.starts_with("mcunet_vww") {
            let operations: Vec<_> = rows.iter().map(|row| row.operation.clone()).collect();
            let config = Config::ethos_u55(rows[0].macs).expect("a size");
            let options = Options { after_cpu: vec![after], ..Options::default() };
            let plan = schedule(&operations, &config, &options).expect("scheduled");
            assert_eq!(plan.operations[after].total.get(), rows[after].total, "{name}");
        }
    }
}

#[track_caller]
fn refused(table: &str, expected: Expect) {
    expected.assert_eq(&parse(table).expect_err("not a table").to_string());
}

#[test]
fn a_broken_table_is_refused_by_line() {
    refused("", expect!["CF-NPU-006: the table is empty"]);
    refused("# comment\nmacs,id\n128\n", expect!["CF-NPU-006: line 3 is not a golden row"]);
}
