//! `--set`, `--clock`, `--runtime` and `--op-point`.

use cofit_chip::{Card, Chip, Rejected, Selection};
use cofit_vocab::{Bytes, Hertz};
use expect_test::{Expect, expect};

fn card() -> Card {
    Card::from_catalogue("stm32h747").expect("in the catalogue").expect("a card")
}

fn changed(assignment: &str) -> Result<Chip, Box<Rejected>> {
    let mut card = card();
    card.set(assignment)?;
    card.resolve(&Selection::default())
}

#[track_caller]
fn check(assignment: &str, expected: Expect) {
    let rejected = changed(assignment).expect_err("a change that cannot be made");
    expected.assert_eq(&rejected.render());
}

#[test]
fn a_figure_is_changed_by_its_path() {
    let chip = changed("memory.axi_sram.size=384KiB").expect("a size with a unit");
    assert_eq!(chip.memory("axi_sram").map(|m| m.size.value), Some(Bytes::from_kib(384)));
    let chip = changed("memory.axi_sram.size = 4096").expect("a plain number");
    assert_eq!(chip.memory("axi_sram").map(|m| m.size.value), Some(Bytes(4096)));
    let chip = changed("memory.axi_sram.holds=[\"act\"]").expect("a list");
    assert_eq!(chip.memory("axi_sram").map(|m| m.contents().len()), Some(1));
    let chip = changed("engine.cpu.timing.cost.dense-int.per_mac=2").expect("a nested list");
    assert!(format!("{:?}", chip.engines[0].timing).contains("value: 2.0"));
    let chip = changed("memory.axi_sram.reserve.rtos=8KiB").expect("a key that the card omits");
    assert_eq!(chip.memory("axi_sram").map(|m| m.usable(0)), Some(Bytes::from_kib(504)));
}

#[test]
fn the_list_of_runtimes_is_changed_like_any_figure() {
    let chip = changed("target.runtimes=[\"tflm-ref\", \"tflm-cmsis-nn\", \"st-edge-ai\"]")
        .expect("they exist");
    assert_eq!(chip.runtimes, ["tflm-ref", "tflm-cmsis-nn", "st-edge-ai"]);
    assert_eq!(chip.runtime.id, "tflm-ref");
}

#[test]
fn a_change_comes_after_the_operating_point() {
    let mut card = Card::from_catalogue("ethos-u55-128").expect("listed").expect("a card");
    card.set("memory.flash.bytes_per_cycle=0.25").expect("a figure of the card");
    let chip = card.resolve(&Selection::default()).expect("a sound change");
    let flash = chip.memory("flash").expect("of the family");
    assert_eq!(chip.bytes_per_cycle(flash), Some(0.25));
}

#[test]
fn changes_that_name_nothing() {
    check(
        "memory.axi_sarm.size=1",
        expect![[r#"
            error[CF-USE-004]: `memory` has no `axi_sarm`, only axi_sram, d2_sram, dtcm, sram4, sdram, flash, qspi; did you mean `axi_sram`?
             --> memory.axi_sarm.size
              = help: Use a path such as `memory.sram.size=384KiB`; `cofit chips show ID` prints the names.
        "#]],
    );
    check(
        "memory.axi_sram.sise=1",
        expect![[r#"
        error[CF-USE-004]: unknown key `sise` in `memory.axi_sram`
         --> --set memory.axi_sram.sise=1:1:1
        1 | memory.axi_sram.sise=1
          | ^^^^^^^^^^^^^^^^^^^^
          = help: did you mean `size`?
    "#]],
    );
    check(
        "memory.axi_sram.size.deeper=1",
        expect![[r#"
        error[CF-USE-004]: unknown key `deeper` in `memory.axi_sram.size`
         --> --set memory.axi_sram.size.deeper=1:1:1
        1 | memory.axi_sram.size.deeper=1
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: the keys here are: v, src, conf, note, unknown, assume, why
    "#]],
    );
    check(
        "memori.axi_sram.size=1",
        expect![[r#"
        error[CF-USE-004]: unknown key `memori`
         --> --set memori.axi_sram.size=1:1:1
        1 | memori.axi_sram.size=1
          | ^^^^^^^^^^^^^^^^^^^^
          = help: did you mean `memory`?
    "#]],
    );
    check(
        "memory.axi_sram.size",
        expect![[r#"
            error[CF-USE-004]: `memory.axi_sram.size` has no `=`: write KEY=VALUE
             --> memory.axi_sram.size
              = help: Use a path such as `memory.sram.size=384KiB`; `cofit chips show ID` prints the names.
        "#]],
    );
    check(
        "memory..size=1",
        expect![[r#"
            error[CF-USE-004]: `memory..size` is no dotted path
             --> memory..size
              = help: Use a path such as `memory.sram.size=384KiB`; `cofit chips show ID` prints the names.
        "#]],
    );
    check(
        "memory.axi_sram.size=many",
        expect![[r#"
        error[CF-USE-004]: `many` is no unit of a size: use B, KiB, MiB, GiB, kB, MB, GB
         --> --set memory.axi_sram.size=many:1:22
        1 | memory.axi_sram.size=many
          |                      ^^^^
          = help: Write the number and a unit of the right kind. KB is refused because it is read as 1000 by some and 1024 by others: write kB or KiB.
    "#]],
    );
    check(
        "memory.axi_sram.size=0",
        expect![[r#"
        error[CF-USE-004]: `memory.axi_sram.size` must be more than zero
         --> --set memory.axi_sram.size=0:1:22
        1 | memory.axi_sram.size=0
          |                      ^
          = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
    "#]],
    );
}

#[test]
fn selections_that_the_card_does_not_have() {
    let with = |runtime: Option<&str>, point: Option<&str>| {
        let selection = Selection {
            runtime: runtime.map(str::to_owned),
            operating_point: point.map(str::to_owned),
            ..Selection::default()
        };
        card().resolve(&selection).expect_err("not in the card").render()
    };
    expect![[r#"
        error[CF-USE-002]: stm32h747 has no runtime `tinymaix-o0`, only st-edge-ai, tflm-cmsis-nn, tflm-ref, tinyengine, plumerai, hale, microtvm, microtvm-cmsis-nn, microflow
          = help: See the runtimes of the card with `cofit chips show ID`.
    "#]].assert_eq(&with(Some("tinymaix-o0"), None));
    expect![[r#"
        error[CF-USE-003]: stm32h747 has no operating point `600mhz`, only 400mhz, 480mhz
          = help: See the operating points with `cofit chips show ID`, or give a clock with `--clock 120MHz`.
    "#]].assert_eq(&with(None, Some("600mhz")));
}

#[test]
fn a_clock_replaces_that_of_the_operating_point() {
    let selection = Selection { clock: Some(Hertz(120e6)), ..Selection::default() };
    let chip = card().resolve(&selection).expect("any clock");
    assert_eq!(chip.reference_clock().map(|clock| clock.value), Some(Hertz(120e6)));
}
