//! Sizes of weight streams against the encoder of Vela 5.2.0 (`tests/data/weight_streams.csv`).

use cofit_ethos_u::weight_stream::order::Channels;
use cofit_ethos_u::weight_stream::{
    Encoder, WeightEncoding, WeightLayout, WeightSign, WeightValues, rice,
};
use cofit_ethos_u::{
    Config, Element, FeatureMap, Kernel, NpuOperation, OperationKind, Shape, Weights, find_block,
    operation::WeightShape,
};
use proptest::prelude::*;

/// The generator with which the table's streams were drawn (Knuth's MMIX constants).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }
}

/// A weight of one of seven kinds of stream.
fn weight(kind: u32, parameter: i32, index: usize, length: usize, bits: u32) -> i16 {
    let uniform = |most: i32| (bits % (2 * most + 1) as u32) as i32 - most;
    let drawn = match kind {
        0 => uniform(parameter),
        // Peaked at zero.
        1 => {
            let run = bits.trailing_ones().min(24);
            let run = if run == 24 { 60 } else { run } as i32;
            let magnitude = run * parameter + ((bits >> 24) % parameter as u32) as i32;
            if bits & 0x80_0000 != 0 { -magnitude } else { magnitude }
        }
        // Sparse.
        2 if ((bits % 100) as i32) < parameter => 0,
        2 => ((bits >> 8) % 31) as i32 - 15,
        // Few values.
        3 => (bits % parameter as u32) as i32 * 7 - 40,
        4 => parameter,
        // A change of scale half-way.
        5 => uniform(if index < length / 2 { 3 } else { parameter }),
        // Bursts between silence.
        6 if (index / 500).is_multiple_of(2) => {
            if bits.is_multiple_of(200) {
                (bits >> 28) as i32 - 8
            } else {
                0
            }
        }
        6 => uniform(parameter),
        _ => unreachable!("the table has seven kinds"),
    };
    drawn as i16
}

#[test]
fn sizes_are_velas_to_the_byte() {
    let table = include_str!("data/weight_streams.csv");
    let rows = table.lines().filter(|line| !line.starts_with('#')).skip(1);
    let mut compared = 0;
    for row in rows {
        let numbers: Vec<i64> =
            row.split(',').map(|cell| cell.parse().expect("a number")).collect();
        let [kind, parameter, length, bytes] = numbers[..] else { panic!("four cells in {row}") };
        let seed = kind * 1_000_003 + (parameter + 512) * 7919 + length;
        let mut draw = Draw(seed as u64);
        let stream: Vec<i16> = (0..length as usize)
            .map(|at| weight(kind as u32, parameter as i32, at, length as usize, draw.next()))
            .collect();
        assert_eq!(rice::stream_bytes(&stream) as i64, bytes, "{row}");
        compared += 1;
    }
    assert_eq!(compared, 280);
}

/// A pointwise convolution with the weights of a stream.
fn pointwise(bytes: &[u8], inputs: u32, outputs: u32) -> NpuOperation<'_> {
    let ifm = FeatureMap::activation(Shape::new(1, 4, 4, inputs), Element::Int8);
    let ofm = FeatureMap::activation(Shape::new(1, 4, 4, outputs), Element::Int8);
    NpuOperation::new(OperationKind::Convolution, ifm, ofm).with_kernel(Kernel::UNIT).with_weights(
        Weights {
            shape: WeightShape { o: outputs, h: 1, w: 1, i: inputs },
            values: WeightValues::Known {
                bytes,
                sign: WeightSign::Signed,
                layout: WeightLayout::Ohwi,
                zero_point: 0,
            },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Where neighbours are independent, the distribution alone gives the size within 6 %.
    #[test]
    fn the_estimate_is_near_the_exact_size(seed: u64, spread in 2i32..120, outputs in 3u32..9) {
        let (inputs, outputs) = (128, outputs * 16);
        let mut draw = Draw(seed);
        let bytes: Vec<u8> = (0..inputs * outputs)
            .map(|at| weight(0, spread, at as usize, 0, draw.next()) as i8 as u8)
            .collect();
        let operation = pointwise(&bytes, inputs, outputs);
        let config = Config::ethos_u55_128();
        let block = find_block(&operation, &config).expect("a block");
        let size = |encoding| {
            let encoder = Encoder::new(&operation, &block, encoding, &config);
            let encoder = encoder.expect("sound weights").expect("weights");
            encoder.encode(&[0, outputs]).weights() as f64
        };
        let (exact, estimate) = (size(WeightEncoding::Exact), size(WeightEncoding::Histogram));
        prop_assert!((estimate / exact - 1.0).abs() < 0.06, "{estimate} against {exact}");
    }

    /// However the depth is cut, every weight is encoded once, so slices cost at most their
    /// headers more than the whole.
    #[test]
    fn the_length_of_the_order_is_what_it_yields(
        outputs in 1u32..70, inputs in 1u32..50, macs in 0usize..4, cut in 0u32..70,
    ) {
        let bytes = vec![1u8; (inputs * outputs) as usize];
        let operation = pointwise(&bytes, inputs, outputs);
        let config = Config::ethos_u55([32, 64, 128, 256][macs]).expect("a size");
        let block = find_block(&operation, &config).expect("a block");
        let weights = operation.weights.expect("weights");
        let order = cofit_ethos_u::weight_stream::order::Order::new(
            &operation, weights.shape, &block, &config,
        );
        let cut = cut.min(outputs);
        let mut ones = 0;
        for (from, to) in [(0, cut), (cut, outputs)] {
            let channels = Channels { from, to, core: 0 };
            let stream = order.stream(&weights, channels);
            prop_assert_eq!(stream.len() as u64, order.length(channels));
            ones += stream.iter().filter(|weight| **weight == 1).count();
        }
        prop_assert_eq!(ones, bytes.len());
    }
}

#[test]
fn weights_that_do_not_match_their_shape_are_refused() {
    let operation = pointwise(&[1, 2, 3], 4, 4);
    let config = Config::ethos_u55_128();
    let block = find_block(&operation, &config).expect("a block");
    let fault = Encoder::new(&operation, &block, WeightEncoding::Exact, &config);
    assert_eq!(fault.expect_err("three of sixteen").code.id, "CF-NPU-004");
}
