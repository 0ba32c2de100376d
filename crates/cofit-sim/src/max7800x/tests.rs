//! The vendor's own counts as data, and what must hold for any layer.

use proptest::prelude::*;

use super::*;

const fn conv(kernel: u16, padding: u16, output_channels: u16) -> Operator {
    Operator::Convolution {
        kernel: Extent::square(kernel),
        padding: Extent::square(padding),
        output_channels,
    }
}

const fn layer(channels: u16, rows: u16, columns: u16, pool: Pool, operator: Operator) -> Layer {
    let mut layer = Layer::new(Extent::new(rows, columns), channels, operator);
    layer.pool = pool;
    layer
}

const fn join(mut layer: Layer, operands: u16, passes: u16, order: JoinOrder) -> Layer {
    layer.operands = operands;
    layer.passes = passes;
    layer.order = order;
    layer
}

const NONE: Pool = Pool::NONE;
const PASS: Operator = Operator::Passthrough { time_slots: 1 };

/// Networks of one layer with the count that analogdevicesinc/ai8x-synthesis:
/// izer/test/test_cycles.py asserts, the start cycle included, in its order.
const GOLDEN: &[(&str, Layer, u64)] = &[
    ("kmax_bmax_dmax-64x20x20", layer(64, 20, 20, Pool::square(2, 2), conv(3, 2, 16)), 3049),
    ("pool-16x16s4-3x65x65", layer(3, 65, 65, Pool::square(16, 4), conv(3, 1, 32)), 49010),
    ("cifar-3x32x32 pad 1", layer(3, 32, 32, NONE, conv(3, 1, 64)), 67981),
    ("cifar-3x32x32 pad 0", layer(3, 32, 32, NONE, conv(3, 0, 64)), 59773),
    ("cifar-3x32x32 pool", layer(3, 32, 32, Pool::square(2, 2), conv(3, 0, 64)), 13885),
    ("widein-128x8x8 pool", layer(128, 8, 8, Pool::square(2, 2), conv(3, 1, 16)), 773),
    ("widein-128x8x8 pad 1", layer(128, 8, 8, NONE, conv(3, 1, 16)), 2485),
    ("widein-128x8x8 pad 0", layer(128, 8, 8, NONE, conv(3, 0, 16)), 1437),
    ("mnist-extrasmall-1x28x28", layer(1, 28, 28, NONE, conv(3, 1, 8)), 8189),
    ("eltwise-add-4x12x12", join(layer(4, 12, 12, NONE, PASS), 2, 1, JoinOrder::PoolFirst), 721),
    (
        "upscale-3x7x9",
        layer(
            3,
            7,
            9,
            NONE,
            Operator::TransposedConvolution {
                kernel: Extent::square(3),
                padding: Extent::square(1),
                output_channels: 64,
            },
        ),
        16837,
    ),
    ("mlpflatten192to10-12x4x4", layer(12, 4, 4, NONE, conv(1, 0, 10)), 193),
    (
        "eltwise-add-multipass-4x12x12",
        join(layer(4, 12, 12, NONE, PASS), 2, 2, JoinOrder::PoolFirst),
        1441,
    ),
    ("widein-q4-79x11x11", layer(79, 11, 11, NONE, conv(3, 0, 1)), 687),
    (
        "eltwise-poolafter-8x17x17",
        join(
            layer(8, 17, 17, Pool::square(2, 2), Operator::Passthrough { time_slots: 2 }),
            2,
            1,
            JoinOrder::JoinFirst,
        ),
        705,
    ),
    ("mlpflatten768to10-12x8x8", Layer::fully_connected(Extent::square(8), 12, 10), 770),
    ("singlebyte-hwc-1x1x1", layer(1, 1, 1, NONE, conv(3, 1, 1)), 29),
    ("mlpflatten12to17-12x1x1", Layer::fully_connected(Extent::square(1), 12, 17), 20),
    ("conv1d-dilation7-5x31x7", layer(5, 31, 7, NONE, conv(3, 1, 11)), 3062),
];

#[test]
fn the_vendors_counts_are_met_exactly() {
    for (name, layer, expected) in GOLDEN {
        assert_eq!(network_cycles([layer]), Cycles(*expected), "{name}");
    }
}

#[test]
fn a_network_starts_once_and_runs_its_layers_in_turn() {
    let layers: Vec<Layer> = GOLDEN.iter().map(|(_, layer, _)| *layer).collect();
    let sum: u64 = GOLDEN.iter().map(|(_, _, cycles)| cycles - START_CYCLES.0).sum();
    assert_eq!(network_cycles(&layers), Cycles(sum + START_CYCLES.0));
    assert_eq!(network_cycles([]), START_CYCLES);
}

#[test]
fn streaming_takes_half_as_long_again() {
    let mut layer = GOLDEN[3].1;
    layer.arrival = Arrival::Streaming;
    // izer/latency.py rounds 1.5 times the layer's 59772 cycles up.
    assert_eq!(layer.cycles(), Cycles(89658));
}

/// izer/latency.py by hand: 4x4 input, 3x3 kernel, padding 1, two operands, kernel offset 5.
/// Pre-read is ((4+2-3+1)*1 + (4+2-3+1)*1 - 1*1)*5 = 35.
#[test]
fn layers_that_join_first_read_up_to_their_kernels() {
    let mut layer = join(layer(4, 4, 4, NONE, conv(3, 1, 4)), 2, 1, JoinOrder::JoinFirst);
    let without = layer.cycles();
    layer.kernel_offset = 5;
    assert_eq!(layer.cycles(), without + Cycles(35));
    layer.order = JoinOrder::PoolFirst;
    layer.kernel_offset = 0;
    let pool_first = layer.cycles();
    layer.kernel_offset = 5;
    assert_eq!(layer.cycles(), pool_first);
}

#[test]
fn channels_beyond_64_take_another_pass() {
    for (channels, expected) in [(1, 1), (64, 1), (65, 2), (128, 2), (1024, 16)] {
        assert_eq!(passes(channels), expected);
    }
}

fn extents() -> impl Strategy<Value = Extent> {
    (any::<u16>(), any::<u16>()).prop_map(|(rows, columns)| Extent { rows, columns })
}

fn layers() -> impl Strategy<Value = Layer> {
    let operator = (0..3, extents(), extents(), any::<u16>()).prop_map(
        |(kind, kernel, padding, output_channels)| match kind {
            0 => Operator::Convolution { kernel, padding, output_channels },
            1 => Operator::TransposedConvolution { kernel, padding, output_channels },
            _ => Operator::Passthrough { time_slots: output_channels },
        },
    );
    (extents(), any::<[u16; 3]>(), extents(), extents(), any::<[bool; 3]>(), operator).prop_map(
        |(input, [passes, operands, kernel_offset], window, stride, [a, b, c], operator)| Layer {
            input,
            passes,
            operands,
            pool: Pool { window, stride },
            order: if a { JoinOrder::PoolFirst } else { JoinOrder::JoinFirst },
            operator,
            flatten: if b { Flatten::Keep } else { Flatten::Flatten },
            arrival: if c { Arrival::InMemory } else { Arrival::Streaming },
            kernel_offset,
        },
    )
}

proptest! {
    /// Debug builds trap overflow, so that running through is the assertion.
    #[test]
    fn no_layer_overflows(layer in layers()) {
        let cycles = layer.cycles();
        prop_assert!(network_cycles([&layer, &layer]) >= cycles);
    }

    #[test]
    fn more_output_channels_never_take_less_time(
        side in 3_u16..64, channels in 1_u16..256, outputs in 2_u16..512,
    ) {
        let cycles = |outputs| layer(channels, side, side, NONE, conv(3, 1, outputs)).cycles();
        prop_assert!(cycles(outputs) < cycles(outputs + 1));
    }
}
