//! RAM as a board's log splits it, against what tflite-micro and CMSIS-NN report.

use cofit_chip::{Card, Chip, Selection};
use cofit_compile::plan::BufferRole;
use cofit_compile::{Plan, compile, tflm};
use cofit_import::load;
use cofit_ir::Model;
use cofit_shared::shared_dir;
use cofit_vocab::Bytes;

/// Bytes of a model in tflite-micro.
struct Golden {
    /// The file, below the shared models.
    file: &'static str,
    /// The head of the arena: activations as tflite-micro itself lays them out, reference kernels.
    /// Source: `RecordingMicroInterpreter` of tflite-micro 0.dev20261023.
    head: u64,
    /// The largest working space of a kernel, with the DSP extension and with Helium. Source:
    /// the size functions of CMSIS-NN, called by C code for each layer.
    scratch: [u64; 2],
}

const GOLDENS: [Golden; 4] = [
    Golden { file: "mlperf_tiny/ad01_int8.tflite", head: 768, scratch: [0, 2560] },
    Golden { file: "mlperf_tiny/kws_ref_model.tflite", head: 16_000, scratch: [256, 4464] },
    Golden {
        file: "mlperf_tiny/pretrainedResnet_quant.tflite",
        head: 49_152,
        scratch: [2304, 2304],
    },
    Golden { file: "mlperf_tiny/vww_96_int8.tflite", head: 73_728, scratch: [1024, 4464] },
];

fn model(file: &str) -> Option<Model> {
    let path = shared_dir()?.join("models").join(file);
    let bytes = std::fs::read(path).expect("the file is readable");
    let (model, faults) = load(bytes.into(), file);
    Some(model.unwrap_or_else(|| {
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        panic!("{file}: {said:?}")
    }))
}

fn chip(id: &str, runtime: &str) -> Chip {
    let selection = Selection { runtime: Some(runtime.to_owned()), ..Selection::default() };
    Card::from_catalogue(id)
        .expect("in the catalogue")
        .and_then(|card| card.resolve(&selection))
        .unwrap_or_else(|rejected| panic!("{}", rejected.render()))
}

fn planned(model: &Model, id: &str, runtime: &str) -> Plan {
    let compiled = compile(model, &chip(id, runtime), &mut ());
    assert!(compiled.mistakes.is_empty(), "{id}: {:?}", compiled.mistakes);
    compiled.plan
}

/// Activations, scratch, persistent state and reserve of the memory with the activations.
fn split(plan: &Plan) -> [Bytes; 4] {
    let used = plan.memories.values().max_by_key(|used| used.activations).expect("a memory");
    [used.activations, used.scratch, used.runtime, used.reserved]
}

#[test]
fn heads_are_tflite_micros() {
    for golden in &GOLDENS {
        let Some(model) = model(golden.file) else { return };
        let graph = model.main().expect("a model has a graph");
        let plan = tflm::plan(graph).expect("sizes are those of real models");
        assert_eq!(plan.unplanned_head, Some(Bytes(golden.head)), "{}", golden.file);
    }
}

/// Of the four networks tflite-micro wastes room for one, and a check says so.
#[test]
fn a_wider_layout_of_the_runtime_is_noted() {
    for golden in &GOLDENS {
        let Some(model) = model(golden.file) else { return };
        let plan = planned(&model, "stm32l4r5", "tflm-ref");
        let [planned, ..] = split(&plan);
        let note = plan.notes.iter().find(|note| note.code.id == "CF-CHP-052");
        let expected = (planned < Bytes(golden.head)).then(|| {
            format!(
                "the runtime lays activations out in {} by itself; {} are enough",
                Bytes(golden.head).human(),
                planned.human()
            )
        });
        assert_eq!(note.map(|note| note.message.clone()), expected, "{}", golden.file);
        assert_eq!(expected.is_some(), golden.file.contains("vww"), "{}", golden.file);
    }
}

#[test]
fn scratch_is_what_the_kernels_ask_for() {
    for golden in &GOLDENS {
        let Some(model) = model(golden.file) else { return };
        for ((id, runtime), bytes) in
            [("stm32l4r5", "tflm-cmsis-nn"), ("apollo510", "tflm-cmsis-nn")]
                .into_iter()
                .zip(golden.scratch)
        {
            let plan = planned(&model, id, runtime);
            let largest = plan
                .buffers
                .values()
                .filter(|buffer| buffer.role == BufferRole::Scratch)
                .map(|buffer| buffer.bytes)
                .max();
            assert_eq!(largest.unwrap_or_default(), Bytes(bytes), "{} on {id}", golden.file);
        }
        let plan = planned(&model, "stm32l4r5", "tflm-ref");
        assert!(plan.buffers.values().all(|buffer| buffer.role != BufferRole::Scratch));
    }
}

/// tflite-micro's own benchmark of person_detect on Corstone-300 with CMSIS-NN: 55,296 bytes in the
/// head and 29,140 in the tail. The largest layers ask for no scratch, so the head does not grow.
#[test]
fn person_detect_is_split_as_the_benchmark_prints_it() {
    let Some(model) = model("mcufit_bench/person_detect.tflite") else { return };
    for id in ["stm32h747", "stm32l4r5"] {
        let [activations, scratch, runtime, reserved] =
            split(&planned(&model, id, "tflm-cmsis-nn"));
        assert_eq!((activations, scratch), (Bytes(55_296), Bytes(0)), "{id}");
        assert_eq!(runtime, Bytes(29_140), "{id}");
        let stack = if id == "stm32l4r5" { 16 } else { 0 };
        assert_eq!(reserved, Bytes::from_kib(stack), "{id}");
    }
}
