//! The golden networks with their own weights: what Vela was given beside the weights comes from
//! the golden tables, everything else is decided here, and all figures must be Vela's.
//!
//! The model files are not part of the repository; the tests look for them in `$COFIT_SHARED`, or
//! in `shared` beside the workspace.

use std::path::Path;

use cofit_ethos_u::goldens::{Golden, parse};
use cofit_ethos_u::weight_stream::{Encoder, WeightEncoding, WeightLayout, WeightSign};
use cofit_ethos_u::{
    Config, MemoryMode, NpuOperation, OperationKind, Options, SystemPreset, WeightValues, schedule,
};
use cofit_shared::shared_dir;

/// Golden table, name in `totals.csv`, model file, and operations that come after the CPU.
const NETWORKS: [(&str, &str, &str, &[usize]); 12] = [
    ("mcunet_vww", "mcunet_vww_int8", "tinyengine/vww", &[55]),
    ("mlperf_ad01_int8", "mlperf_ad01_int8", "mlperf_tiny/ad01_int8", &[]),
    ("mlperf_ic_resnet8_int8", "mlperf_ic_resnet8_int8", "mlperf_tiny/pretrainedResnet_quant", &[]),
    ("mlperf_kws_dscnn_int8", "mlperf_kws_dscnn_int8", "mlperf_tiny/kws_ref_model", &[]),
    ("mlperf_sww_int8", "mlperf_sww_int8", "mlperf_tiny/str_ww_ref_model", &[]),
    ("mlperf_vww96_int8", "mlperf_vww96_int8", "mlperf_tiny/vww_96_int8", &[]),
    (
        "mobilenet_v1_0.25_128_uint8",
        "mobilenet_v1_0.25_128_uint8",
        "coral_test_data/mobilenet_v1_0.25_128_quant",
        &[],
    ),
    (
        "mobilenet_v1_0.5_160_uint8",
        "mobilenet_v1_0.5_160_uint8",
        "coral_test_data/mobilenet_v1_0.5_160_quant",
        &[],
    ),
    (
        "mobilenet_v2_1.0_224_int8",
        "mobilenet_v2_1.0_224_int8",
        "coral_test_data/tf2_mobilenet_v2_1.0_224_ptq",
        &[],
    ),
    (
        "mobilenet_v2_1.0_224_uint8",
        "mobilenet_v2_1.0_224_uint8",
        "coral_test_data/mobilenet_v2_1.0_224_quant",
        &[],
    ),
    ("tflm_micro_speech", "tflm_micro_speech_int8", "microflow_rs/speech", &[]),
    ("tflm_person_detect_int8", "tflm_person_detect_int8", "mcufit_bench/person_detect", &[]),
];

/// Just enough of FlatBuffers to find the weights of an operator in a sound TFLite file.
struct Table<'f> {
    file: &'f [u8],
    at: usize,
}

impl<'f> Table<'f> {
    fn root(file: &'f [u8]) -> Self {
        Self { file, at: number(file, 0, 4) }
    }

    fn field(&self, index: usize) -> Option<usize> {
        // The distance is signed: a vtable may stand on either side.
        let distance = number(self.file, self.at, 4) as u32 as i32;
        let vtable = self.at.checked_add_signed(-(distance as isize)).expect("a sound file");
        let known = number(self.file, vtable, 2) / 2;
        let offset = (index + 2 < known).then(|| number(self.file, vtable + 4 + 2 * index, 2))?;
        (offset > 0).then_some(self.at + offset)
    }

    fn target(&self, at: usize) -> usize {
        at + number(self.file, at, 4)
    }

    fn scalar(&self, index: usize, bytes: usize) -> usize {
        self.field(index).map_or(0, |at| number(self.file, at, bytes))
    }

    fn table(&self, index: usize) -> Option<Table<'f>> {
        Some(Table { file: self.file, at: self.target(self.field(index)?) })
    }

    /// Position of the first element of a vector, and how many there are.
    fn vector(&self, index: usize) -> Option<(usize, usize)> {
        let at = self.target(self.field(index)?);
        Some((at + 4, number(self.file, at, 4)))
    }

    fn element(&self, index: usize, position: usize) -> Table<'f> {
        let (at, count) = self.vector(index).expect("a vector of tables");
        assert!(position < count, "element {position} of {count}");
        Table { file: self.file, at: self.target(at + 4 * position) }
    }
}

fn number(file: &[u8], at: usize, bytes: usize) -> usize {
    file[at..at + bytes].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The weights of an operator: its second input.
fn weights_of(file: &[u8], operator: usize) -> WeightValues<'_> {
    const DEPTHWISE_CONV_2D: usize = 4;
    const INT8: usize = 9;
    let model = Table::root(file);
    let graph = model.element(2, 0);
    let operator = graph.element(3, operator);
    let code = model.element(1, operator.scalar(0, 4));
    let code = code.scalar(0, 1).max(code.scalar(3, 4));
    let (inputs, _) = operator.vector(1).expect("inputs");
    let tensor = graph.element(0, number(file, inputs + 4, 4));
    let (start, length) =
        model.element(4, tensor.scalar(2, 4)).vector(0).expect("constant weights");
    let zero_point = tensor
        .table(4)
        .and_then(|quantisation| quantisation.vector(3))
        .filter(|(_, count)| *count > 0)
        .map_or(0, |(at, _)| number(file, at, 2) as u16 as i16);
    WeightValues::Known {
        bytes: &file[start..start + length],
        sign: if tensor.scalar(1, 1) == INT8 { WeightSign::Signed } else { WeightSign::Unsigned },
        layout: if code == DEPTHWISE_CONV_2D { WeightLayout::Hwo } else { WeightLayout::Ohwi },
        zero_point,
    }
}

/// Vela's operations with the weights of the file; those of a mean are ones.
fn with_weights<'f>(rows: &[Golden], file: &'f [u8]) -> Vec<NpuOperation<'f>> {
    rows.iter()
        .map(|row| {
            let mut operation: NpuOperation<'f> = row.operation.clone();
            if let Some(weights) = &mut operation.weights {
                let sums = operation.kind == OperationKind::Depthwise
                    && operation.ofm.element.bits() == 32;
                weights.values = match row.tflite_operator {
                    Some(operator) if !sums => weights_of(file, operator as usize),
                    Some(_) | None => WeightValues::Uniform { value: 1 },
                };
            }
            operation
        })
        .collect()
}

/// Calls `check` with every network on every size.
fn each_network(check: impl Fn(&str, &[usize], &[Golden], &[NpuOperation<'_>], &str)) {
    let Some(shared) = shared_dir() else { return };
    let totals = std::fs::read_to_string(shared.join("golden/vela-5.2.0/totals.csv"))
        .expect("Vela's totals");
    for (table, name, file, after_cpu) in NETWORKS {
        let table = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/vela-5.2.0")
            .join(format!("{table}.csv"));
        let rows = parse(&std::fs::read_to_string(table).expect("a table")).expect("golden rows");
        let file = std::fs::read(shared.join("models").join(format!("{file}.tflite")))
            .expect("a model file");
        for rows in rows.chunk_by(|a, b| a.macs == b.macs) {
            check(name, after_cpu, rows, &with_weights(rows, &file), &totals);
        }
    }
}

#[test]
fn every_encoded_size_is_velas_to_the_byte() {
    each_network(|name, _, rows, operations, _| {
        let config = Config::ethos_u55(rows[0].macs).expect("a size");
        for (row, operation) in rows.iter().zip(operations) {
            let encoder = Encoder::new(operation, &row.block, WeightEncoding::Exact, &config)
                .expect("sound weights");
            if let Some(encoder) = encoder {
                let ours = encoder.encode(&row.depths);
                let at = format!("{name} on U55-{}, operator {:?}", row.macs, row.tflite_operator);
                assert_eq!(ours.weights(), row.weight_bytes, "{at}");
                assert!(row.buffers[0] == 0 || ours.double_buffer()[0] == row.buffers[0], "{at}");
            }
        }
    });
}

#[test]
fn every_operation_and_every_total_is_velas() {
    each_network(|name, after_cpu, rows, operations, totals| {
        let weights = operations.iter().filter_map(|operation| operation.weights.as_ref());
        let large = weights.map(|weights| weights.shape.elements()).sum::<u64>() > 1 << 20;
        let exact = Options {
            encoding: WeightEncoding::Exact,
            after_cpu: after_cpu.to_vec(),
            ..Options::default()
        };
        for (preset, system) in [
            (SystemPreset::DeepEmbedded, "Ethos_U55_Deep_Embedded"),
            (SystemPreset::HighEndEmbedded, "Ethos_U55_High_End_Embedded"),
        ] {
            for (mode, memory) in
                [(MemoryMode::SharedSram, "Shared_Sram"), (MemoryMode::SramOnly, "Sram_Only")]
            {
                let tabled =
                    (preset, mode) == (SystemPreset::HighEndEmbedded, MemoryMode::SharedSram);
                // Large networks take seconds to encode: one size of them will do elsewhere.
                if large && !tabled && rows[0].macs != 128 {
                    continue;
                }
                let key = format!("{name},ethos-u55-{},{system},{memory},,", rows[0].macs);
                let line = totals.lines().find(|line| line.starts_with(&key));
                let vela: u64 = line
                    .and_then(|line| line.split(',').nth(5)?.parse().ok())
                    .unwrap_or_else(|| panic!("no total for {key}"));
                let config = Config::ethos_u55(rows[0].macs).expect("a size");
                let config = config.with_memories(preset.memories(mode));
                let ours = schedule(operations, &config, &exact).expect("scheduled");
                assert_eq!(ours.total.get(), vela, "{key}");
                // The tables hold the operations of one of the systems.
                if tabled {
                    for (row, one) in rows.iter().zip(&ours.operations) {
                        assert_eq!(one.weights.depths, row.depths, "{key}");
                        assert_eq!(one.weights.buffering, row.buffering, "{key}");
                        assert_eq!(one.npu.get(), row.npu, "{key}");
                        assert_eq!(one.total.get(), row.total, "{key}");
                        let ports = one.ports.map(|port| port.cycles.get());
                        assert_eq!(ports, row.ports, "{key}");
                    }
                }
            }
        }
    });
}

#[test]
fn totals_by_distribution_are_within_six_per_cent() {
    each_network(|name, after_cpu, rows, operations, _| {
        let config = Config::ethos_u55(rows[0].macs).expect("a size");
        let quick = Options {
            encoding: WeightEncoding::Histogram,
            after_cpu: after_cpu.to_vec(),
            ..Options::default()
        };
        let ours = schedule(operations, &config, &quick).expect("scheduled").total.as_f64();
        let vela: u64 = rows.iter().map(|row| row.total).sum();
        let error = ours / vela as f64 - 1.0;
        assert!(error.abs() < 0.06, "{name} on U55-{}: {:+.2} %", rows[0].macs, error * 100.0);
    });
}
