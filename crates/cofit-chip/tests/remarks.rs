//! What the lint says, and the assumptions of a card of three facts.

use cofit_chip::{Card, Selection};
use expect_test::{Expect, expect};

const THREE_FACTS: &str = r#"schema = 1
[target]
id = "acme-n1"
[[memory]]
id = "sram"
size = "256 KiB"
[[engine]]
id = "npu"
precision = [{ w = 8, a = 8 }]
operators = ["conv2d", "fully_connected", "relu"]
"#;

#[track_caller]
fn check(text: &str, expected: Expect) {
    let card = Card::parse(text, "card.toml", &|_| None).expect("sound syntax");
    let lines: String = card
        .lint()
        .iter()
        .map(|remark| format!("{:?} {}: {}\n", remark.severity, remark.code.id, remark.message))
        .collect();
    expected.assert_eq(&lines);
}

#[test]
fn three_facts() {
    check(
        THREE_FACTS,
        expect![[r#"
        Warning CF-CRD-031: `memory.sram.size` has no source
        Warning CF-CRD-033: the card names no runtime
        Note CF-CRD-032: `engine.npu.peak_macs_per_cycle` is taken as 1: the card states no peak; one multiply-accumulate per cycle is taken
        Note CF-CRD-032: `engine.npu.timing.utilisation` is taken as 0.5: no kernel was measured; half of the peak is taken
        Note CF-CRD-032: `engine.npu.timing.elements_per_cycle` is taken as 1: no kernel was measured; one element per cycle is taken
        Note CF-CRD-032: `engine.npu.timing.step_overhead` is taken as 1,000 cycles: call and set-up costs are unknown; 1,000 cycles are taken
        Note CF-CRD-032: `operating_point.assumed.npu` is taken as 100 MHz: the card states no clock; 100 MHz is taken
        Note CF-CRD-032: `runtime.generic.ram.fixed` is taken as 0 B: the card names no runtime
        Note CF-CRD-032: `runtime.generic.code.fixed` is taken as 0 B: the card names no runtime
        Note CF-CRD-032: `memory.sram.bytes_per_cycle` is taken as 4: no rate is known; a 32-bit word per cycle is taken
        Note CF-CRD-032: `memory.sram.holds` is taken as act, weight, bias, lut, runtime: the card does not say; a memory of tier sram usually does
        Note CF-CRD-036: the card has no measured row to compare with
    "#]],
    );
}

#[test]
fn a_list_left_empty_allows_nothing() {
    let text = THREE_FACTS.replace(r#"["conv2d", "fully_connected", "relu"]"#, "[]");
    let card = Card::parse(&text, "card.toml", &|_| None).expect("sound syntax");
    let chip = card.resolve(&Selection::default()).expect("an empty list is no mistake");
    assert!(chip.engines[0].operators.is_empty());
    let remarks = card.lint();
    assert!(remarks.iter().any(|remark| remark.code.id == "CF-CRD-030"));
}

#[test]
fn doubts() {
    let text = THREE_FACTS
        .replace("size = \"256 KiB\"", "size = { v = \"256 KiB\", src = \"sheet\" }\nholds = []")
        .replace("precision = [{ w = 8, a = 8 }]", "precision = []\nfallback = \"host\"")
        + "[sources.sheet]\ntitle = \"N1\"\n[sources.other]\ntitle = \"N0\"\n";
    check(
        &text,
        expect![[r#"
        Warning CF-CRD-037: no memory holds activations
        Warning CF-CRD-037: no memory holds weights
        Warning CF-CRD-035: npu has no precision pairs
        Warning CF-CRD-038: npu falls back to a host that the card lacks
        Warning CF-CRD-034: nothing is put into sram
        Warning CF-CRD-033: the card names no runtime
        Note CF-CRD-032: `engine.npu.peak_macs_per_cycle` is taken as 1: the card states no peak; one multiply-accumulate per cycle is taken
        Note CF-CRD-032: `engine.npu.timing.utilisation` is taken as 0.5: no kernel was measured; half of the peak is taken
        Note CF-CRD-032: `engine.npu.timing.elements_per_cycle` is taken as 1: no kernel was measured; one element per cycle is taken
        Note CF-CRD-032: `engine.npu.timing.step_overhead` is taken as 1,000 cycles: call and set-up costs are unknown; 1,000 cycles are taken
        Note CF-CRD-032: `operating_point.assumed.npu` is taken as 100 MHz: the card states no clock; 100 MHz is taken
        Note CF-CRD-032: `runtime.generic.ram.fixed` is taken as 0 B: the card names no runtime
        Note CF-CRD-032: `runtime.generic.code.fixed` is taken as 0 B: the card names no runtime
        Note CF-CRD-032: `memory.sram.bytes_per_cycle` is taken as 4: no rate is known; a 32-bit word per cycle is taken
        Note CF-CRD-039: no figure cites the source `other`
        Note CF-CRD-036: the card has no measured row to compare with
    "#]],
    );
}

#[test]
fn a_card_that_cannot_be_used_lints_with_its_errors() {
    check(
        &THREE_FACTS.replace("256 KiB", "256 KB"),
        expect![[r#"
        Error CF-CRD-004: `KB` is ambiguous: write kB for 1000 bytes or KiB for 1024
    "#]],
    );
}

/// The JSON Schema in the repository is the one that the code makes.
#[test]
fn the_schema_in_the_repository_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/chip-card.schema.json");
    let current = cofit_chip::json_schema();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &current).expect("the schema can be written");
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(stored == current, "run the test again with UPDATE=1 and review the difference");
}
