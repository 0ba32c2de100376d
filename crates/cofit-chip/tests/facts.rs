//! Figures of the catalogue against what their sources say.

use cofit_chip::{
    Card, Chip, Content, Domain, NumberKind, PrecisionMode, Residency, Selection, Tier, Timing,
};
use cofit_vocab::{Bytes, Cycles, Hertz, OperatorKind};

#[track_caller]
fn chip(id: &str) -> Chip {
    chip_with(id, &Selection::default())
}

#[track_caller]
fn chip_with(id: &str, selection: &Selection) -> Chip {
    let card = Card::from_catalogue(id).expect("in the catalogue").expect("a card");
    card.resolve(selection).unwrap_or_else(|rejected| panic!("{}", rejected.render()))
}

fn runtime(id: &str) -> Selection {
    Selection { runtime: Some(id.to_owned()), ..Selection::default() }
}

fn operating_point(id: &str) -> Selection {
    Selection { operating_point: Some(id.to_owned()), ..Selection::default() }
}

#[track_caller]
fn size(chip: &Chip, memory: &str) -> Bytes {
    chip.memory(memory).expect("a memory of the chip").size.value
}

#[test]
fn stm32h747_has_regions_and_not_one_ram() {
    let chip = chip("stm32h747");
    assert_eq!(size(&chip, "axi_sram"), Bytes::from_kib(512));
    assert_eq!(size(&chip, "dtcm"), Bytes::from_kib(128));
    assert_eq!(size(&chip, "d2_sram"), Bytes::from_kib(128 + 128 + 32));
    assert_eq!(size(&chip, "sram4"), Bytes::from_kib(64));
    assert_eq!(size(&chip, "flash"), Bytes::from_kib(2048));
    assert_eq!(size(&chip, "sdram"), Bytes::from_kib(32 * 1024));
    let inside = chip.memories_for(Content::Activation).filter(|m| m.tier == Tier::Sram);
    let largest = inside.map(|memory| memory.largest_block()).max();
    assert_eq!(largest, Some(Bytes::from_kib(512)));
    assert_eq!(chip.clock(Domain::Cpu).map(|clock| clock.value), Some(Hertz(400e6)));
    assert_eq!(chip.weights.residency, Residency::InPlace);
    assert_eq!(chip.runtime.id, "st-edge-ai");
}

/// zephyr, dts/arm/nxp/nxp_rt11xx.dtsi: OCRAM1 and OCRAM2 are one block, and the M7 has 512 KiB of TCM.
#[test]
fn imxrt1170_has_no_block_of_two_megabytes() {
    let chip = chip("imxrt1170");
    assert_eq!(size(&chip, "ocram"), Bytes::from_kib(1024));
    assert_eq!(size(&chip, "dtcm") + size(&chip, "itcm"), Bytes::from_kib(512));
    assert_eq!(size(&chip, "m4_ram"), Bytes::from_kib(256));
    let inside = chip.memories_for(Content::Activation).filter(|m| m.tier == Tier::Sram);
    let largest = inside.map(|memory| memory.largest_block()).max();
    assert_eq!(largest, Some(Bytes::from_kib(1024)));
    assert_eq!(chip.weights.residency, Residency::InPlace);
}

/// esp-idf, memory.ld.in: 0x53700 bytes of the 416 KiB of D/IRAM are static data's; flash and PSRAM
/// share a bus.
#[test]
fn esp32_s3_keeps_flash_and_psram_on_one_bus() {
    let chip = chip("esp32-s3");
    let sram = chip.memory("sram").expect("a memory of the chip");
    assert_eq!(sram.usable(0), Bytes(341_760));
    let bus = |memory: &str| chip.memory(memory).and_then(|memory| memory.bus.clone());
    assert!(bus("flash").is_some() && bus("flash") == bus("psram"));
}

/// gap_sdk: 1,400,000 bytes of L2 are a model's by default, and weights stream layer by layer.
#[test]
fn gap9_streams_weights_through_l2() {
    let chip = chip("gap9");
    assert_eq!(chip.memory("l2").map(|memory| memory.usable(0)), Some(Bytes(1_400_000)));
    assert_eq!(size(&chip, "l1"), Bytes::from_kib(128));
    assert_eq!(chip.weights.residency, Residency::StreamPerLayer);
}

/// tensorflow/tflite-micro:tensorflow/lite/micro/tools/benchmarking/README.md: person_detect has
/// 31 operators, 89 tensors, 29,140 persistent bytes; its convolutions have 2,738 output channels.
#[test]
fn tflm_persistent_bytes_of_person_detect() {
    let chip = chip_with("stm32h747", &runtime("tflm-cmsis-nn"));
    assert_eq!(chip.runtime.ram.total(31, 89, 2738), Bytes(29_140));
}

#[test]
fn int4_runs_where_the_kernels_have_it() {
    let engine_pair = |chip: &Chip, bits| {
        let pair =
            chip.engines[0].precision_for(OperatorKind::Conv2d, Some(bits), 8, NumberKind::Integer);
        pair.map(|pair| pair.mode)
    };
    assert_eq!(engine_pair(&chip("stm32h747"), 4), None);
    let tflm = chip_with("stm32h747", &runtime("tflm-cmsis-nn"));
    assert_eq!(engine_pair(&tflm, 4), Some(PrecisionMode::Emulated));
    assert_eq!(engine_pair(&chip("max78000"), 4), Some(PrecisionMode::StorageOnly));
    assert_eq!(engine_pair(&chip("ethos-u55-128"), 4), Some(PrecisionMode::Unsupported));
}

/// vela.ini: Deep Embedded 200 MHz, 1.6 and 0.1 GB/s; High-End Embedded 500 MHz, 4 and 0.5 GB/s.
#[test]
fn ethos_u55_presets_are_velas() {
    for (point, clock, sram, flash) in
        [("high-end-embedded", 500e6, 4e9, 0.5e9), ("deep-embedded", 200e6, 1.6e9, 0.1e9)]
    {
        let chip = chip_with("ethos-u55-64", &operating_point(point));
        let reference = chip.reference_clock().expect("the preset has a clock").value;
        assert_eq!(reference, Hertz(clock));
        for (memory, rate) in [("sram", sram), ("flash", flash)] {
            let memory = chip.memory(memory).expect("of the preset");
            let per_cycle = chip.bytes_per_cycle(memory).expect("of the preset");
            assert!((per_cycle * clock / rate - 1.0).abs() < 1e-12, "{point} {}", memory.id);
        }
    }
    let chip = chip("ethos-u55-64");
    assert_eq!(
        chip.memory("sram").and_then(|m| m.read_latency.clone()).map(|l| l.value),
        Some(Cycles(32))
    );
    assert_eq!(
        chip.memory("flash").and_then(|m| m.read_latency.clone()).map(|l| l.value),
        Some(Cycles(64))
    );
}

#[test]
fn ethos_u55_memory_modes_move_the_weights() {
    let holders = |chip: &Chip, content| -> Vec<String> {
        chip.memories_for(content).map(|memory| memory.id.clone()).collect()
    };
    for id in ["vela", "vela-shared-sram"] {
        let shared = chip_with("ethos-u55-256", &runtime(id));
        assert_eq!(shared.runtime.id, "vela");
        assert_eq!(holders(&shared, Content::Weight), ["flash"]);
        assert_eq!(holders(&shared, Content::Activation), ["sram"]);
    }
    let only = chip_with("ethos-u55-256", &runtime("vela-sram-only"));
    assert_eq!(holders(&only, Content::Weight), ["sram"]);
    assert_eq!(holders(&only, Content::Activation), ["sram"]);
}

/// ethosu/vela/architecture_features.py, `accelerator_configs`: (macs, OFM micro-block, banks,
/// granules of acc40, element units).
#[test]
fn ethos_u55_sizes_are_velas() {
    for (id, macs, micro_block, banks, acc40, units) in [
        ("ethos-u55-32", 32, [1, 1, 4], 16, 4, 1),
        ("ethos-u55-64", 64, [1, 1, 8], 16, 8, 2),
        ("ethos-u55-128", 128, [2, 1, 8], 24, 12, 4),
        ("ethos-u55-256", 256, [2, 2, 8], 48, 20, 8),
    ] {
        let chip = chip(id);
        let Timing::EthosU(timing) = &chip.engines[0].timing else { panic!("{id}: not ethos_u") };
        assert_eq!(timing.macs.value, macs);
        assert_eq!(timing.ofm_micro_block.value, micro_block);
        assert_eq!(timing.ofm_micro_block.value.iter().product::<u32>() * 8, macs);
        assert_eq!(timing.shram_banks.value, banks);
        assert_eq!(timing.granules.acc40, acc40);
        assert_eq!(timing.element_units.value, units);
        assert_eq!(timing.reserved_end_banks.value, if banks > 16 { 2 } else { 0 });
    }
}

#[test]
fn max7800x_memories_are_the_vendors() {
    let small = chip("max78000");
    assert_eq!(size(&small, "cnn_data"), Bytes::from_kib(512));
    assert_eq!(size(&small, "cnn_kernel"), Bytes(64 * 768 * 9));
    assert_eq!(size(&small, "cnn_bias"), Bytes::from_kib(2));
    assert_eq!(small.control.max_layers.as_ref().map(|n| n.value), Some(32));
    assert_eq!(small.weights.residency, Residency::AllResident);
    let large = chip("max78002");
    assert_eq!(size(&large, "cnn_data"), Bytes::from_kib(1280));
    // Processors 0, 16, 32 and 48 have 5120 kernels, the other 60 have 4096.
    assert_eq!(size(&large, "cnn_kernel"), Bytes((4 * 5120 + 60 * 4096) * 9));
    assert_eq!(large.control.max_layers.as_ref().map(|n| n.value), Some(128));
    let depthwise = OperatorKind::DepthwiseConv2d;
    assert!(!small.engines[0].operators.mentions(depthwise));
    assert!(large.engines[0].operators.mentions(depthwise));
}

#[test]
fn one_bit_means_other_values_on_the_two_max7800x() {
    for (id, values) in [("max78000", [-1, 0]), ("max78002", [-1, 1])] {
        let chip = chip(id);
        let pair = chip.engines[0].precision.iter().find(|pair| pair.weight_bits == 1);
        assert_eq!(pair.and_then(|pair| pair.values.clone()), Some(values.to_vec()), "{id}");
    }
}

#[test]
fn k210_has_eight_mebibytes_in_two_parts() {
    let chip = chip("k210");
    assert_eq!(size(&chip, "sram"), Bytes::from_kib(6 * 1024));
    assert_eq!(size(&chip, "ai_sram"), Bytes::from_kib(2 * 1024));
    assert_eq!(chip.tiling.mode.name(), "none_fail");
    let Timing::KpuK210(timing) = &chip.engines[0].timing else { panic!("not kpu_k210") };
    // 170 GMAC/s at 300 MHz.
    let rate = timing.macs_per_cycle.value * timing.measured_at.value.get();
    assert!((rate / 170e9 - 1.0).abs() < 1e-3);
}

#[test]
fn an_overlay_keeps_what_it_does_not_name() {
    let article = "extends = \"k210\"\n[target]\nid = \"k210-article\"\n\
                   [memory.sram]\nsize = 131072\n[memory.ai_sram]\nsize = 65536\n\
                   [tiling]\nmode = \"halo_patches\"\n";
    let card = Card::parse(article, "k210-article.toml", &|_| None).expect("a card");
    let overlaid = card.resolve(&Selection::default());
    let rejected = overlaid.expect_err("the reserve of the base is larger than the new size");
    assert!(
        rejected.render().contains("the reserve of 512.0 KiB is larger than sram of 128.0 KiB")
    );

    let article = format!("{article}[memory.sram.reserve]\nruntime_fixed = 0\n")
        .replace("size = 131072\n", "size = 131072\nreserve = { runtime_fixed = 0 }\n")
        .replace("[memory.sram.reserve]\nruntime_fixed = 0\n", "");
    let card = Card::parse(&article, "k210-article.toml", &|_| None).expect("a card");
    let overlaid = card.resolve(&Selection::default()).unwrap_or_else(|r| panic!("{}", r.render()));
    assert_eq!(overlaid.id(), "k210-article");
    assert_eq!(size(&overlaid, "sram"), Bytes::from_kib(128));
    assert_eq!(size(&overlaid, "ai_sram"), Bytes::from_kib(64));
    assert_eq!(overlaid.engines, chip("k210").engines);
    // The base's source says nothing about the new figure.
    assert_eq!(overlaid.memories[0].size.provenance.source, None);
    assert_ne!(overlaid.sha256, chip("k210").sha256);
}

#[test]
fn engines_work_in_memories_of_their_own() {
    let ids = |chip: &Chip, engine: &str, content| -> Vec<String> {
        let engine = chip.engine(engine).expect("of the chip");
        chip.memories_of(engine, content).iter().map(|memory| memory.id.clone()).collect()
    };
    let k210 = chip("k210");
    assert_eq!(ids(&k210, "kpu", Content::Activation), ["ai_sram"]);
    assert_eq!(ids(&k210, "cpu", Content::Activation), ["sram"]);
    let max78000 = chip("max78000");
    assert_eq!(ids(&max78000, "cnn", Content::Weight), ["cnn_kernel"]);
    assert_eq!(ids(&max78000, "cpu", Content::Weight), ["flash"]);
    assert_eq!(ids(&chip("ethos-u55-32"), "npu", Content::Weight), ["flash"]);
}

#[test]
fn an_overlay_that_changes_nothing_is_its_base() {
    for entry in cofit_chip::catalogue() {
        let text = format!("extends = \"{}\"\n", entry.id);
        let card = Card::parse(&text, "same.toml", &|_| None).expect("a card");
        let mut same = card.resolve(&Selection::default()).expect("as sound as its base");
        let base = chip(entry.id);
        assert_ne!(same.sha256, base.sha256, "the text is another");
        same.sha256.clone_from(&base.sha256);
        assert_eq!(same, base);
    }
}

/// Every runtime and operating point of every card, together: selections do not exclude each other.
#[test]
fn every_selection_resolves() {
    for entry in cofit_chip::catalogue() {
        let base = chip(entry.id);
        for runtime in &base.runtimes {
            for point in &base.operating_points {
                let selection = Selection {
                    runtime: Some(runtime.clone()),
                    operating_point: Some(point.clone()),
                    ..Selection::default()
                };
                let chip = chip_with(entry.id, &selection);
                assert_eq!((&chip.runtime.id, &chip.operating_point.id), (runtime, point));
                assert!(chip.memories_for(Content::Activation).next().is_some());
                assert!(chip.memories_for(Content::Weight).next().is_some());
            }
        }
    }
}

const FAMILY: &str = r#"schema = 1
[target]
id = "family"
[[memory]]
id = "sram"
size = "256 KiB"
[[engine]]
id = "cpu"
kind = "simd"
precision = [{ w = 8, a = 8 }]
operators = ["conv2d"]
timing = { model = "simd", cost = [{ id = "conv", class = "convolution", per_mac = 4.0 }] }
[[runtime]]
id = "slow"
[[runtime]]
id = "fast"
library = "kernels"
[runtime.overlay.engine.cpu.timing.cost]
conv.per_mac = 2.0
"#;

fn of_family(card: &str, selection: &Selection) -> Chip {
    let loader = |name: &str| Some((name.to_owned(), FAMILY.to_owned()));
    Card::parse(card, "card.toml", &loader)
        .and_then(|card| card.resolve(selection))
        .unwrap_or_else(|rejected| panic!("{}", rejected.render()))
}

/// A chip takes from its family the runtimes that it lists, in its order; cards above the chip's
/// may add others.
#[test]
fn a_chip_has_the_runtimes_that_it_lists() {
    let all = of_family(r#"extends = "family""#, &Selection::default());
    assert_eq!(all.runtimes, ["slow", "fast"]);
    let listed = "extends = \"family\"\ntarget.runtimes = [\"fast\", \"slow\"]";
    let chip = of_family(listed, &Selection::default());
    assert_eq!(chip.runtimes, ["fast", "slow"]);
    assert_eq!((chip.runtime.id.as_str(), chip.runtime.library()), ("fast", "kernels"));
    let one = of_family("extends = \"family\"\ntarget.runtimes = [\"slow\"]", &runtime("slow"));
    assert_eq!(one.runtimes, ["slow"]);
    assert_eq!(one.runtime.library(), "slow");
    let text = "extends = \"stm32h747\"\n[runtime.mine]\nplacement = \"no_reuse\"";
    let above = Card::parse(text, "card.toml", &|_| None)
        .and_then(|card| card.resolve(&runtime("mine")))
        .unwrap_or_else(|rejected| panic!("{}", rejected.render()));
    assert_eq!(above.runtimes.last().map(String::as_str), Some("mine"));
    assert_eq!(above.runtimes.first().map(String::as_str), Some("st-edge-ai"));
}

/// A list by id merges whether either side writes it as tables or as a list.
#[test]
fn rows_merge_however_they_are_written() {
    for rows in [
        "[runtime.fast.overlay.engine.cpu.timing.cost]\nconv.per_output = 3.0",
        "[[runtime.fast.overlay.engine.cpu.timing.cost]]\nid = \"conv\"\nper_output = 3.0",
    ] {
        let chip = of_family(&format!("extends = \"family\"\n{rows}"), &runtime("fast"));
        let Timing::Simd(timing) = &chip.engines[0].timing else { panic!("another model") };
        let [row] = timing.cost.as_slice() else { panic!("{:?}", timing.cost) };
        assert_eq!((row.per_mac.value, row.per_output.value), (2.0, 3.0), "{rows}");
    }
}
