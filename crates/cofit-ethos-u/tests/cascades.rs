//! Operations of cascades against Vela 5.2.0 (`tests/data/vela-5.2.0-cascades`), and searches under a
//! limit of bytes on networks small enough to be worked out by hand.

use std::path::Path;

use cofit_ethos_u::cascade::search::Search;
use cofit_ethos_u::cascade::stripe::{Stripes, block_of};
use cofit_ethos_u::goldens::{Golden, compare, parse};
use cofit_ethos_u::{
    Config, Element, FeatureMap, Kernel, Network, NpuOperation, OperationKind, Options, Rows,
    Shape, Stage, Value, WeightEncoding, schedule,
};
use cofit_vocab::{Bytes, Cycles};

/// Every operation of a cascade, by network and size.
fn tables() -> Vec<Vec<Golden>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vela-5.2.0-cascades");
    let list = std::fs::read_dir(folder).expect("the golden tables are in the repository");
    let mut files: Vec<_> = list.map(|entry| entry.expect("readable folder").path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let rows = parse(&std::fs::read_to_string(&file).expect("readable table"));
        let rows = rows.unwrap_or_else(|fault| panic!("{file:?}: {fault}"));
        found.extend(rows.chunk_by(|a, b| a.macs == b.macs).map(<[Golden]>::to_vec));
    }
    assert!(found.iter().map(Vec::len).sum::<usize>() > 60, "tables were found");
    found
}

#[test]
fn a_stripes_block_is_velas() {
    for rows in tables() {
        let config = Config::ethos_u55(rows[0].macs).expect("a size");
        for row in &rows {
            let stripe = row.stripe.expect("only cascades are in these tables");
            let own = block_of(&row.operation, stripe, &config);
            assert_eq!(own, Some(row.block), "U55-{} {:?}", row.macs, row.operation);
        }
    }
}

#[test]
fn given_velas_block_an_operation_of_a_cascade_is_charged_as_a_whole_one() {
    for rows in tables() {
        let found = compare(&rows).expect("sound tables");
        assert_eq!(found.components, found.operations, "{:#?}", found.mismatches);
        for agreeing in [found.sram, found.flash, found.bytes] {
            assert_eq!(agreeing, found.known_slices, "{:#?}", found.mismatches);
        }
    }
}

#[test]
fn stripes_that_cut_blocks_cost_what_vela_leaves_out_and_others_no_more_than_velas() {
    let (mut cut, mut whole) = (0, 0);
    for rows in tables() {
        let config = Config::ethos_u55(rows[0].macs).expect("a size");
        let operations: Vec<_> = rows.iter().map(|row| row.operation.clone()).collect();
        let stripes = Stripes::new(&operations, &config, WeightEncoding::Exact);
        for (at, row) in rows.iter().enumerate() {
            let height = row.stripe.expect("only cascades are in these tables");
            let own = stripes.striped(at, height).expect("a block");
            let run = own.in_place.timing.compute.total.get();
            if height.is_multiple_of(row.block.ofm_block.h) {
                whole += 1;
                let velas = row.npu.max(row.ports[0]).max(row.ports[1]);
                if row.buffers == [0, 0] {
                    assert_eq!(own.in_place.timing.total(Cycles::ZERO).get(), velas);
                }
            } else if !matches!(row.operation.kind, OperationKind::Elementwise(_)) {
                // The elementwise unit works on elements and wastes no part of a block.
                cut += 1;
                assert!(run > row.npu, "U55-{} {:?}", row.macs, row.operation);
            }
        }
    }
    assert!(cut > 0 && whole > 0, "{cut} and {whole}");
}

/// Two layers over 8 x 8 pixels of 16 channels: a window of 3 x 3, and a pointwise pool behind.
fn pooled() -> (Vec<NpuOperation<'static>>, Vec<Value>) {
    let map = |h: u32| FeatureMap::activation(Shape::new(1, h, 8, 16), Element::Int8);
    let linear = |h: u32| FeatureMap::linear(Shape::new(1, h, 8, 16), Element::Int8);
    let pool = |from: FeatureMap, to: FeatureMap, kernel: Kernel| {
        NpuOperation::new(OperationKind::MaxPool, from, to).with_kernel(kernel)
    };
    let three = Kernel::new((3, 3), (1, 1));
    let operations = vec![
        pool(linear(8), map(8), Kernel::UNIT),
        pool(map(8), map(8), three),
        pool(map(8), linear(8), Kernel::UNIT),
    ];
    let value = |first: usize, last: usize, rolls: bool| Value {
        bytes: Bytes(8 * 8 * 16),
        first,
        last,
        rolls,
    };
    let values = vec![value(0, 0, false), value(0, 1, true), value(1, 2, true), value(2, 2, false)];
    (operations, values)
}

/// The network of [`pooled`].
fn network() -> Network<'static> {
    let (operations, values) = pooled();
    let stage = |at: usize| Stage {
        operations: at..at + 1,
        rows: Some(Rows { from: at, to: at + 1, top: u32::from(at == 1) }),
        ..Stage::default()
    };
    Network { operations, stages: (0..3).map(stage).collect(), values }
}

#[test]
fn without_a_limit_the_schedule_is_no_slower_than_layer_by_layer() {
    let config = Config::ethos_u55_128();
    let network = network();
    let whole = schedule(&network.operations, &config, &Options::default()).expect("scheduled");
    let search = Search::new(&network, &config, WeightEncoding::Exact).expect("sound");
    let point = search.within(Bytes::MAX).expect("a schedule");
    assert!(point.schedule.total <= whole.total);
}

#[test]
fn a_limit_is_kept_and_more_bytes_never_cost_cycles() {
    let config = Config::ethos_u55_128();
    let network = network();
    let search = Search::new(&network, &config, WeightEncoding::Exact).expect("sound");
    let mut before: Option<Cycles> = None;
    for limit in (0..=3072).step_by(16) {
        let Some(point) = search.within(Bytes(limit)) else {
            assert!(before.is_none(), "what fits fits in more");
            continue;
        };
        assert!(point.bytes <= Bytes(limit), "{} in {limit}", point.bytes.get());
        assert!(before.is_none_or(|before| point.schedule.total <= before), "in {limit}");
        before = Some(point.schedule.total);
    }
    assert!(before.is_some(), "the whole layers take 2,048 bytes");
}

#[test]
fn the_least_bytes_are_those_of_rows_one_by_one() {
    // Layer by layer 2 x 1,024 bytes. All three in one cascade, row by row, take the input and the
    // output whole, 2,048, and more. Two layers in a cascade and one by itself: the first two take
    // 1,024 in, 1,024 out and 3 rows of 128 between. So nothing is below two whole maps.
    let config = Config::ethos_u55_128();
    let network = network();
    let search = Search::new(&network, &config, WeightEncoding::Exact).expect("sound");
    assert!(search.within(Bytes(2047)).is_none());
    assert!(search.within(Bytes(2048)).is_some());
    assert_eq!(search.front().len(), 1);
    assert_eq!(search.least().map(|least| least.bytes), Some(Bytes(2048)));
}

#[test]
fn a_wide_map_between_two_narrow_ones_rolls() {
    // Between maps of 1,024 bytes one of 4,096: layer by layer 5,120 bytes. In stripes of one row
    // it takes 512 bytes a row, of which a pointwise layer needs one and a window of 3 x 3 three.
    let config = Config::ethos_u55_128();
    let mut network = network();
    let wide = Shape::new(1, 8, 8, 64);
    network.operations[0] = NpuOperation::new(
        OperationKind::AveragePool,
        network.operations[0].ifm,
        FeatureMap::activation(wide, Element::Int8),
    );
    network.operations[1].ifm.shape = wide;
    network.values[1].bytes = Bytes(4096);
    let search = Search::new(&network, &config, WeightEncoding::Exact).expect("sound");
    let front = search.front();
    let (first, last) = (&front[0], &front[front.len() - 1]);
    assert!(first.schedule.total <= last.schedule.total && first.bytes >= last.bytes);
    let [cascade] = last.schedule.cascades.as_slice() else { panic!("{last:?}") };
    assert_eq!((cascade.first, cascade.last), (0, 1));
    assert_eq!(cascade.stripes, [1, 1]);
    assert_eq!((cascade.rolling[0].rows, cascade.rolling[0].bytes), (3, Bytes(3 * 512)));
    assert_eq!(last.bytes, Bytes(1024 + 3 * 512 + 1024));
}
