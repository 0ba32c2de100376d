//! The chips of the Cortex-M families: what their sources say of them, and that every runtime of
//! theirs costs every operator that it runs.

use cofit_chip::{
    Card, Chip, Content, EnergyModel, NumberKind, OperatorClass, Selection, Tier, Timing, catalogue,
};
use cofit_vocab::Bytes;

/// Chip, core, clock in MHz, KiB of RAM on the chip, KiB of its largest block, KiB of flash in or on
/// the chip's side, default runtime. Sources: the device trees, kits and submissions that the
/// cards cite; sums by hand.
const CHIPS: &[(&str, &str, f64, u64, u64, u64, &str)] = &[
    ("stm32g0b1", "cortex-m0plus", 64.0, 144, 144, 512, "tflm-cmsis-nn"),
    ("rp2040", "cortex-m0plus", 133.0, 264, 264, 2048, "tflm-cmsis-nn"),
    ("samd21", "cortex-m0plus", 48.0, 32, 32, 256, "tflm-cmsis-nn"),
    ("stm32f103c8", "cortex-m3", 72.0, 20, 20, 64, "tflm-cmsis-nn"),
    ("stm32f103rc", "cortex-m3", 72.0, 48, 48, 256, "tflm-cmsis-nn"),
    ("stm32f401", "cortex-m4", 84.0, 96, 96, 512, "st-edge-ai"),
    ("stm32f411ce", "cortex-m4", 100.0, 128, 128, 512, "st-edge-ai"),
    ("stm32g474re", "cortex-m4", 170.0, 128, 128, 512, "st-edge-ai"),
    ("stm32l496", "cortex-m4", 80.0, 256 + 64, 256, 1024, "st-edge-ai"),
    ("stm32l4r5", "cortex-m4", 120.0, 640, 640, 2048, "st-edge-ai"),
    ("nrf52840", "cortex-m4", 64.0, 256, 256, 1024, "tflm-cmsis-nn"),
    ("samd51", "cortex-m4", 120.0, 192, 192, 512, "tflm-cmsis-nn"),
    ("psoc62", "cortex-m4", 150.0, 1024, 1024, 2048, "plumerai"),
    ("stm32u385", "cortex-m33", 96.0, 256, 256, 1024, "st-edge-ai"),
    ("stm32u575", "cortex-m33", 160.0, 768, 768, 2048, "st-edge-ai"),
    ("stm32u585", "cortex-m33", 160.0, 768, 768, 2048, "st-edge-ai"),
    ("efr32xg24", "cortex-m33", 78.0, 256, 256, 1536, "tflm-mltk"),
    ("nrf5340", "cortex-m33", 128.0, 512, 512, 1024, "tflm-cmsis-nn"),
    ("ra6m4", "cortex-m33", 200.0, 256, 256, 1024, "tflm-cmsis-nn"),
    ("rp2350", "cortex-m33", 150.0, 520, 520, 4096, "tflm-cmsis-nn"),
    ("apollo510", "cortex-m55", 250.0, 496 + 3072, 3072, 4032, "helia"),
    ("alif-e8-m55", "cortex-m55", 400.0, 1024 + 8192, 8192, 5632, "executorch-cmsis-nn"),
    ("ra8d1", "cortex-m85", 480.0, 896 + 64, 896, 2048, "tflm-cmsis-nn"),
    ("stm32f746", "cortex-m7", 216.0, 320, 320, 1024, "tflm-cmsis-nn"),
    ("stm32f767", "cortex-m7", 216.0, 512, 512, 2048, "st-edge-ai"),
    ("stm32f769", "cortex-m7", 216.0, 512, 512, 2048, "st-edge-ai"),
    ("stm32h743", "cortex-m7", 480.0, 512 + 288 + 128 + 64, 512, 2048, "st-edge-ai"),
    ("stm32h747", "cortex-m7", 400.0, 512 + 288 + 128 + 64, 512, 2048, "st-edge-ai"),
    ("stm32h750", "cortex-m7", 480.0, 512 + 288 + 128 + 64, 512, 128, "st-edge-ai"),
    ("stm32h7a3", "cortex-m7", 280.0, 1024 + 128 + 128 + 32, 1024, 2048, "st-edge-ai"),
    ("imxrt1062", "cortex-m7", 600.0, 256 + 512, 512, 2048, "tflm-cmsis-nn"),
    ("imxrt1170", "cortex-m7", 996.0, 1024 + 256, 1024, 16 * 1024, "tflm-cmsis-nn"),
];

#[track_caller]
fn card(id: &str) -> Card {
    Card::from_catalogue(id).expect("in the catalogue").expect("a card")
}

#[track_caller]
fn resolved(card: &Card, selection: &Selection) -> Chip {
    card.resolve(selection).unwrap_or_else(|rejected| panic!("{}", rejected.render()))
}

#[track_caller]
fn chip(id: &str, selection: &Selection) -> Chip {
    resolved(&card(id), selection)
}

#[test]
fn memories_and_clocks_are_the_vendors() {
    for &(id, core, clock, ram, block, flash, runtime) in CHIPS {
        let chip = chip(id, &Selection::default());
        let inside = || chip.memories_for(Content::Activation).filter(|m| m.tier == Tier::Sram);
        let sum: Bytes = inside().map(|memory| memory.size.value).sum();
        let found = (
            chip.target.core.as_deref(),
            chip.reference_clock().map(|clock| clock.value.get() / 1e6),
            sum,
            inside().map(|memory| memory.largest_block()).max(),
            chip.memory("flash").map(|memory| memory.size.value),
            chip.runtime.id.as_str(),
        );
        let stated = (
            Some(core),
            Some(clock),
            Bytes::from_kib(ram),
            Some(Bytes::from_kib(block)),
            Some(Bytes::from_kib(flash)),
            runtime,
        );
        assert_eq!(found, stated, "{id}");
    }
}

/// A chip of a core family is in the table above, or its figures are pinned nowhere.
#[test]
fn every_chip_with_a_core_is_listed() {
    for entry in catalogue() {
        let chip = chip(entry.id, &Selection::default());
        let is_cortex_m = chip.target.core.as_deref().is_some_and(|c| c.starts_with("cortex-m"));
        assert_eq!(is_cortex_m, CHIPS.iter().any(|row| row.0 == entry.id), "{}", entry.id);
    }
}

/// An operator that a runtime runs and no row prices would be free of charge.
#[test]
fn every_operator_has_a_cost_in_every_runtime() {
    for &(id, ..) in CHIPS {
        let card = card(id);
        let runtimes = resolved(&card, &Selection::default()).runtimes;
        for runtime in runtimes {
            let selection = Selection { runtime: Some(runtime.clone()), ..Selection::default() };
            let chip = resolved(&card, &selection);
            let engine = &chip.engines[0];
            let Timing::Simd(timing) = &engine.timing else { panic!("{id} has another model") };
            for kind in engine.operators.kinds() {
                for number in [NumberKind::Integer, NumberKind::Float] {
                    let row = timing.cost_of(OperatorClass::of(kind), Some(8), 8, number);
                    let costs = row.is_some_and(|row| {
                        [&row.per_mac, &row.per_output, &row.per_input, &row.per_call]
                            .iter()
                            .any(|cost| cost.value > 0.0)
                    });
                    assert!(costs, "{id} with {runtime}: {kind:?} in {number:?} costs nothing");
                }
            }
        }
    }
}

/// MLPerf Tiny's energy of an inference over its cycles: 322 to 396 pJ at 1.8 V on the STM32L4R5.
#[test]
fn energy_follows_the_supply() {
    let per_cycle = |id: &str, point: Option<&str>| {
        let selection =
            Selection { operating_point: point.map(str::to_owned), ..Selection::default() };
        let energy = chip(id, &selection).energy.expect("the card states energy");
        assert_eq!(energy.model, EnergyModel::CycleByteStatic, "{id}");
        energy.per_cycle.map(|each| each.value.get())
    };
    assert_eq!(per_cycle("stm32l4r5", None), Some(355.0));
    assert_eq!(per_cycle("stm32l4r5", Some("120mhz-3v")), Some(600.0));
    assert_eq!(per_cycle("stm32u385", None), Some(55.0));
}
