//! Boards, systems and accelerators that are no Cortex-M: which runtimes they have, how many threads
//! run, and what their sources say.

use cofit_chip::{Card, Chip, Fallback, Partitions, Residency, Selection, Timing};
use cofit_vocab::{Bytes, Hertz, OperatorKind};

#[track_caller]
fn chip_with(id: &str, selection: &Selection) -> Result<Chip, String> {
    let card = Card::from_catalogue(id).expect("in the catalogue").expect("a card");
    card.resolve(selection).map_err(|rejected| rejected.render())
}

#[track_caller]
fn chip(id: &str) -> Chip {
    chip_with(id, &Selection::default()).unwrap_or_else(|message| panic!("{message}"))
}

fn threads(runtime: &str, threads: Option<u32>) -> Selection {
    Selection { runtime: Some(runtime.to_owned()), threads, ..Selection::default() }
}

/// The runtimes under which measured figures of each chip are published, by the ids of those figures.
const RUNTIMES: &[(&str, &[&str])] = &[
    ("rpi3b-plus", &["ncnn", "tensorflow", "tflite-cpu", "xnnpack"]),
    ("rpi4", &["leip", "ncnn", "tensorflow", "tflite-cpu", "xnnpack"]),
    ("rpi5", &["ncnn", "tensorflow", "tflite-cpu"]),
    ("rpi-zero2w", &["ncnn"]),
    ("esp32", &["esp-nn", "microflow", "tflm-ref", "tinymaix-o0", "tinymaix-o1"]),
    ("esp32-c3", &["tinymaix-o0", "tinymaix-o1"]),
    ("esp32-s2", &["tinymaix-o0", "tinymaix-o1"]),
    ("esp32-s3", &["esp-dl", "esp-nn", "tflm-ref", "tinymaix-o0", "tinymaix-o1"]),
    ("esp32-p4", &["esp-dl", "esp-nn", "tflm-ref"]),
    ("coral-usb", &["edgetpu"]),
    ("coral-dev-board", &["edgetpu"]),
    ("vs640", &["synap", "synap-online", "tflite-cpu", "tflite-gpu"]),
    ("vs680", &["synap", "synap-online", "tflite-cpu", "tflite-gpu"]),
    ("efr32xg24-mvp", &["tflm-mltk"]),
    ("stm32n657", &["st-edge-ai"]),
    ("stm32mp135", &["tflite-cpu"]),
    ("stm32mp157", &["tflite-cpu"]),
    ("stm32mp257", &["openvx"]),
    ("ndp120", &["syntiant"]),
];

#[test]
fn every_published_runtime_is_one_of_the_card() {
    for (id, runtimes) in RUNTIMES {
        for runtime in *runtimes {
            let chip =
                chip_with(id, &threads(runtime, None)).unwrap_or_else(|text| panic!("{text}"));
            assert_eq!(chip.runtime.id, *runtime);
        }
    }
}

#[track_caller]
fn check_threads(id: &str, runtime: &str, wanted: Option<u32>, expected: Result<u32, &str>) {
    let found = chip_with(id, &threads(runtime, wanted)).map(|chip| chip.running_threads());
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{id} with {runtime}"),
        (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
        (found, _) => panic!("{id} with {runtime}: {found:?} for {expected:?}"),
    }
}

/// ncnn's rows say one or four threads, TensorFlow takes every core, and ST ran two.
#[test]
fn threads_are_the_runtimes_or_the_commands() {
    check_threads("rpi4", "ncnn", None, Ok(1));
    check_threads("rpi4", "ncnn", Some(4), Ok(4));
    check_threads("rpi4", "xnnpack", None, Ok(4));
    check_threads("rpi4", "tensorflow", Some(2), Ok(2));
    check_threads("rpi4", "ncnn", Some(5), Err("5 threads; rpi4 with ncnn runs 1 to 4"));
    check_threads("rpi4", "ncnn", Some(0), Err("CF-USE-013"));
    check_threads("stm32mp157", "tflite-cpu", None, Ok(2));
    check_threads("stm32mp135", "tflite-cpu", Some(1), Ok(1));
    check_threads("stm32mp135", "tflite-cpu", Some(2), Err("runs 1"));
    check_threads("vs680", "tflite-cpu", None, Ok(4));
    check_threads("esp32", "esp-nn", None, Ok(1));
    check_threads("esp32", "esp-nn", Some(2), Err("2 threads; esp32 with esp-nn runs 1"));
}

#[test]
fn more_threads_gain_what_the_card_says() {
    let chip = chip("rpi4");
    let Timing::Simd(timing) = &chip.engines[0].timing else { panic!("not simd") };
    let class = cofit_chip::OperatorClass::Convolution;
    let gain = |threads| (timing.speed_up(class, threads) * 100.0).round();
    assert_eq!([gain(1), gain(2), gain(4)], [100.0, 170.0, 340.0]);
}

/// google-coral/libedgetpu, driver/config/beagle: 16 tiles of 64 cells, 500 MHz and its halves.
#[test]
fn the_edge_tpu_takes_one_partition_and_keeps_what_fits() {
    let chip = chip("coral-usb");
    let tpu = &chip.engines[0];
    assert_eq!(tpu.count.value, 16);
    assert_eq!(tpu.fallback, Fallback::PartitionTail);
    assert_eq!(chip.control.partitions, Partitions::One);
    assert_eq!(chip.weights.residency, Residency::CachedFirstRun);
    assert!(!tpu.operators.mentions(OperatorKind::Elu));
    let rate = |point: &str| {
        let selection =
            Selection { operating_point: Some(point.to_owned()), ..Selection::default() };
        let chip = chip_with("coral-usb", &selection).unwrap_or_else(|text| panic!("{text}"));
        let Timing::EdgeTpu(timing) = &chip.engines[0].timing else { panic!("not edge_tpu") };
        assert_eq!(timing.cache.value, Bytes(8_000_000));
        (chip.reference_clock().map(|clock| clock.value), timing.to_device.value.get())
    };
    assert_eq!(rate("usb3"), (Some(Hertz(500e6)), 440e6));
    assert_eq!(rate("usb3-standard"), (Some(Hertz(250e6)), 440e6));
    assert_eq!(rate("usb2"), (Some(Hertz(500e6)), 36e6));
}

/// synaptics-synap/doc, manual/npu_operators.rst: 22, 8 and 1 cores, and 4, 6 and 1.
#[test]
fn synap_places_by_kinds_of_cores() {
    let counts = |id| {
        let chip = chip(id);
        let count = |name| chip.engine(name).expect("an engine of the NPU").count.value;
        [count("nn"), count("tp"), count("ppu")]
    };
    assert_eq!(counts("vs680"), [22, 8, 1]);
    assert_eq!(counts("vs640"), [4, 6, 1]);
    let chip = chip("vs680");
    let convolution = chip.engines[0].operators.for_kind(OperatorKind::Conv2d).next();
    let rule = convolution.expect("a rule for convolutions");
    let accepts = |limit: &Option<cofit_chip::WindowLimit>, side| {
        limit.as_ref().is_some_and(|limit| limit.accepts(side, side))
    };
    assert!(accepts(&rule.stride, 1) && !accepts(&rule.stride, 2));
    assert!(accepts(&rule.kernel, 15) && !accepts(&rule.kernel, 16));
    assert!(accepts(&rule.dilated_kernel, 15) && !accepts(&rule.dilated_kernel, 16));
    assert!(!chip.engines[1].operators.mentions(OperatorKind::Softmax));
    assert!(chip.engines[2].operators.mentions(OperatorKind::Softmax));
    let gpu = chip_with("vs680", &threads("tflite-gpu", None)).expect("a runtime of the card");
    let engines: Vec<&str> = gpu.engines.iter().map(|engine| engine.id.as_str()).collect();
    assert_eq!(engines, ["gpu", "cpu"]);
}
