//! NVDLA small against its simulated hardware, and arrays worked out by hand.

use cofit_shared::shared_dir;
use proptest::prelude::*;

use super::*;

/// NVDLA's smallest published configuration, as the card `nvdla-small` states it: the testbench's
/// memory takes a request of 8 bytes every other cycle.
const NVDLA_SMALL: Parameters = Parameters {
    unroll: Unroll { inputs: 8, outputs: 8, positions: 1, taps: 1, joined: false },
    dataflow: Dataflow::Weight,
    stripe: [8, 16],
    fold: 0,
    granule: 8,
    read_rate: 4.0,
    buffer: Bytes(128 * 1024),
    write_rate: 1.0,
    write_latency: 37,
    layer: 140,
};

const NVDLA_POOLING: Pooling = Pooling { elements_per_cycle: 1.0, layer: 100, group: 12 };

fn conv(input: [u32; 3], output: [u32; 3], kernel: [u32; 2]) -> Layer {
    Layer {
        input_height: input[0],
        input_width: input[1],
        inputs: input[2],
        height: output[0],
        width: output[1],
        outputs: output[2],
        kernel_height: kernel[0],
        kernel_width: kernel[1],
        stride: 1,
        dilation: 1,
        groups: 1,
        input_bytes: 1,
        weight_bits: 8,
    }
}

/// The numbers of `8x16x3` and the like.
fn extents(text: &str) -> Vec<u32> {
    text.split('x').filter_map(|length| length.parse().ok()).collect()
}

/// Cycles for one row of the file, whose names give width, height and channels of the input and
/// then of the kernel.
fn nvdla(fields: &[&str]) -> u64 {
    let mut parts = fields[0].split('_');
    let kind = parts.next().expect("a kind");
    let [width, height, channels] = extents(parts.next().expect("an input"))[..] else {
        panic!("{fields:?}")
    };
    let number = |at: usize| fields[at].parse::<u32>().expect("a number");
    if kind == "pdp" {
        // What a map cut into columns reads twice is pooled twice.
        let atoms = height * width * channels.div_ceil(8);
        let twice = if fields[0].contains("split") { number(6) - atoms } else { 0 };
        let one = NVDLA_SMALL.pooling(height, width, channels, &NVDLA_POOLING).get();
        return one + u64::from(twice) * 8;
    }
    let kernel = extents(parts.next().expect("a kernel"));
    let layer =
        conv([height, width, channels], [number(3), number(2), number(4)], [kernel[1], kernel[0]]);
    NVDLA_SMALL.cost(&layer).total().get()
}

/// The median and the largest error over all rows, and which rows those are.
#[test]
fn the_simulated_nvdla_takes_as_long() {
    let Some(shared) = shared_dir() else { return };
    let rows = std::fs::read_to_string(shared.join("golden/rtl/nvdla_small_rtl_cycles.csv"))
        .expect("the rows");
    let mut errors = Vec::new();
    for row in rows.lines().filter(|row| !row.starts_with(['#', 't'])) {
        let fields: Vec<&str> = row.split(',').collect();
        let simulated: f64 = fields[1].parse().expect("cycles");
        let error = (nvdla(&fields) as f64 / simulated - 1.0) * 100.0;
        errors.push(error.abs());
    }
    assert_eq!(errors.len(), 12);
    errors.sort_by(f64::total_cmp);
    let (median, worst) = (f64::midpoint(errors[5], errors[6]), errors[11]);
    assert!(median < 1.0 && worst < 4.0, "median {median:.2} %, worst {worst:.2} %");
}

/// Sixteen rows of input channels and taps by sixteen columns of output channels.
const SYSTOLIC: Parameters = Parameters {
    unroll: Unroll { inputs: 16, outputs: 16, positions: 1, taps: 1, joined: true },
    dataflow: Dataflow::Weight,
    stripe: [1, u32::MAX],
    fold: 46,
    granule: 1,
    read_rate: 16.0,
    buffer: Bytes(256 * 1024),
    write_rate: f64::INFINITY,
    write_latency: 0,
    layer: 0,
};

/// SCALE-Sim 3 without stalls counts from zero: folds * (positions + 2 * 16 + 16 - 2) - 1.
#[test]
fn a_systolic_array_takes_scale_sims_cycles() {
    for (layer, cycles) in [
        (conv([58, 58, 64], [56, 56, 64], [3, 3]), 458_207),
        (conv([14, 14, 96], [14, 14, 576], [1, 1]), 52_271),
        (conv([229, 229, 3], [112, 112, 64], [7, 7]), 503_599),
        (conv([9, 9, 512], [7, 7, 512], [3, 3]), 875_519),
        (conv([1, 1, 512], [1, 1, 1000], [1, 1]), 94_751),
    ] {
        let wide = Parameters { buffer: Bytes(1 << 30), ..SYSTOLIC };
        assert_eq!(wide.cost(&layer).array.get(), cycles + 1, "{layer:?}");
    }
}

/// A 4x4 map of 2 channels to 4 by one tap, on two by two multipliers, by hand.
///
/// - Weights stay: 1 step through inputs, 2 groups of outputs, each 16 positions and 3 cycles.
/// - Sums stay, two positions at once: 8 pairs of positions, 2 groups, 1 step each and 3 cycles.
/// - Inputs stay: 16 positions, 1 step, 2 groups stream and 3 cycles.
///
/// The port brings one byte a cycle: 32 of input and 8 of weights, in turns, so 40 before the
/// first group begins.
#[test]
fn dataflows_by_hand() {
    let layer = conv([4, 4, 2], [4, 4, 4], [1, 1]);
    let base = Parameters {
        unroll: Unroll { inputs: 2, outputs: 2, positions: 1, taps: 1, joined: false },
        fold: 3,
        granule: 1,
        read_rate: 1.0,
        buffer: Bytes(1024),
        layer: 5,
        ..SYSTOLIC
    };
    let total = |parameters: Parameters| {
        let cost = parameters.cost(&layer);
        (cost.array.get(), cost.total().get())
    };
    assert_eq!(total(base), (2 * 19, 40 + 38 + 5));
    let output = Parameters {
        dataflow: Dataflow::Output,
        unroll: Unroll { positions: 2, ..base.unroll },
        ..base
    };
    assert_eq!(total(output), (2 * 8 * 4, 40 + 64 + 5));
    assert_eq!(total(Parameters { dataflow: Dataflow::Input, ..base }), (16 * 5, 40 + 80 + 5));
    // Of 24 bytes of buffer, weights of two groups leave 16 for the input: two jobs of two rows.
    // Each reads 16 bytes of input and all 8 of weights, in turns, 24 cycles before it begins.
    let small = Parameters { buffer: Bytes(24), ..base };
    let cost = small.cost(&layer);
    assert_eq!((cost.jobs, cost.input, cost.weights), (2, Bytes(32), Bytes(16)));
    assert_eq!(cost.total().get(), 2 * (24 + 2 * 11) + 5);
    // Weights that arrive more slowly than they are used are waited for.
    let dense = conv([1, 1, 8], [1, 1, 8], [1, 1]);
    let cost = Parameters { fold: 0, ..base }.cost(&dense);
    // Four groups of 16 bytes: input of 8 is there after 16 cycles, when 8 bytes of weights are;
    // the groups begin at 24, 40, 56 and 72, each takes four steps.
    assert_eq!(cost.total().get(), 72 + 4 + 5);
}

proptest! {
    #[test]
    fn no_layer_takes_less_than_its_products(
        height in 1_u32..100, width in 1_u32..100, inputs in 1_u32..300, outputs in 1_u32..300,
        kernel in 1_u32..6,
    ) {
        let layer = conv(
            [height + kernel - 1, width + kernel - 1, inputs],
            [height, width, outputs],
            [kernel, kernel],
        );
        let macs = u64::from(height) * u64::from(width) * u64::from(inputs) * u64::from(outputs)
            * u64::from(kernel * kernel);
        for parameters in [NVDLA_SMALL, SYSTOLIC] {
            let unroll = parameters.unroll;
            prop_assert!(
                parameters.cost(&layer).array.get() >= macs / u64::from(unroll.inputs * unroll.outputs)
            );
        }
    }

    #[test]
    fn nothing_panics_on_any_layer(
        a: [u32; 3], b: [u32; 3], c: [u32; 2], stride: u32, dilation: u32, groups: u32,
    ) {
        let layer = Layer { stride, dilation, groups, ..conv(a, b, c) };
        for parameters in [NVDLA_SMALL, SYSTOLIC] {
            for dataflow in [Dataflow::Weight, Dataflow::Output, Dataflow::Input] {
                let _ = Parameters { dataflow, ..parameters }.cost(&layer).total();
            }
        }
    }
}
