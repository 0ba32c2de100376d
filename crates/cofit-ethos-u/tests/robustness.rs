//! No shape, however absurd, makes the model panic, hang or take memory; and what it says of
//! sensible shapes is consistent.

use cofit_ethos_u::config::Block;
use cofit_ethos_u::operation::WeightShape;
use cofit_ethos_u::{
    Activation, Config, Element, ElementwiseOperator, FeatureMap, Format, Generation, Kernel,
    MemoryMode, NpuOperation, OperationKind, Options, Role, Shape, SystemPreset, WeightValues,
    Weights, find_block, lowering, schedule, shram::Fitting,
};
use cofit_vocab::Bytes;
use proptest::prelude::*;

/// Any extent, with a taste for the small and the extreme.
fn extent() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 1u32..40, 2 => 1u32..2000, 1 => Just(0), 1 => any::<u32>()]
}

fn shape() -> impl Strategy<Value = Shape> {
    (1u32..3, extent(), extent(), extent()).prop_map(|(n, h, w, c)| Shape::new(n, h, w, c))
}

fn feature_map() -> impl Strategy<Value = FeatureMap> {
    let element = prop_oneof![Just(Element::Int8), Just(Element::Int16), Just(Element::Int32)];
    let format = prop_oneof![Just(Format::Nhwc), Just(Format::Nhcwb16)];
    (shape(), element, format).prop_map(|(shape, element, format)| FeatureMap {
        shape,
        element,
        format,
        role: Role::Arena,
    })
}

fn kernel() -> impl Strategy<Value = Kernel> {
    let pair = || (extent(), extent());
    (pair(), pair(), pair()).prop_map(|(size, stride, dilation)| Kernel { size, stride, dilation })
}

fn kind() -> impl Strategy<Value = OperationKind> {
    prop_oneof![
        Just(OperationKind::Convolution),
        Just(OperationKind::VectorProduct),
        Just(OperationKind::Depthwise),
        Just(OperationKind::MaxPool),
        Just(OperationKind::AveragePool),
        Just(OperationKind::ReduceSum),
        Just(OperationKind::Transpose),
        Just(OperationKind::Elementwise(ElementwiseOperator::Mul)),
        Just(OperationKind::Elementwise(ElementwiseOperator::Abs)),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let preset = prop_oneof![
        Just(SystemPreset::DeepEmbedded),
        Just(SystemPreset::HighEndEmbedded),
        Just(SystemPreset::FlashHigh)
    ];
    let mode = prop_oneof![
        Just(MemoryMode::SharedSram),
        Just(MemoryMode::SramOnly),
        Just(MemoryMode::DedicatedSram)
    ];
    let u55 = prop_oneof![Just(32u32), Just(64), Just(128), Just(256)]
        .prop_map(|macs| Config::ethos_u55(macs).expect("a size"));
    let u65 = Just(Config { cores: 2, ..Config::ethos_u55_256() });
    let u85 = prop_oneof![Just(128u32), Just(256), Just(512), Just(1024), Just(2048)]
        .prop_map(|macs| Config::ethos_u85(macs).expect("a size"));
    let machine = prop_oneof![2 => u55, 1 => u65, 2 => u85];
    (machine, preset, mode)
        .prop_map(|(machine, preset, mode)| machine.with_memories(preset.memories(mode)))
}

fn with_weights(operation: NpuOperation<'static>) -> NpuOperation<'static> {
    let one_input = operation.kind == OperationKind::Depthwise;
    let shape = WeightShape {
        o: operation.ofm.shape.c,
        h: operation.kernel.size.0,
        w: operation.kernel.size.1,
        i: if one_input { 1 } else { operation.ifm.shape.c },
    };
    let has = matches!(
        operation.kind,
        OperationKind::Convolution | OperationKind::VectorProduct | OperationKind::Depthwise
    );
    if !has {
        return operation;
    }
    let values = WeightValues::Assumed { bytes_per_weight: 0.9 };
    operation.with_weights(Weights { shape, values })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_operation_is_placed_or_refused(
        kind in kind(), ifm in feature_map(), ifm2 in feature_map(), ofm in feature_map(),
        kernel in kernel(), config in config(), free: u64,
    ) {
        let mut operation = NpuOperation::new(kind, ifm, ofm).with_kernel(kernel);
        if kind == OperationKind::Elementwise(ElementwiseOperator::Mul) {
            operation.ifm2 = Some(ifm2);
        }
        let operations = [with_weights(operation.clone()), with_weights(operation)];
        let options =
            Options { free_sram: vec![Bytes(free), Bytes(free)], ..Options::default() };
        if let Ok(plan) = schedule(&operations, &config, &options) {
            for one in &plan.operations {
                prop_assert!(one.total >= one.npu);
                prop_assert!(one.ports.iter().all(|port| one.total >= port.cycles));
                prop_assert!(one.staging_bytes().get() <= free);
                let depths = &one.weights.depths;
                prop_assert!(depths.windows(2).all(|ends| ends[0] < ends[1]));
            }
        }
    }

    #[test]
    fn any_operator_is_lowered_or_refused(
        ifm in feature_map(), ofm in feature_map(), kernel in kernel(), pads in any::<(u32, u32)>(),
    ) {
        let none = Activation::None;
        let padding = lowering::Padding { h: pads, w: pads, c: pads };
        let rescaling = lowering::Rescaling::Needed;
        let _ = lowering::softmax(&ifm, &ofm);
        let _ = lowering::average_pool(&ifm, &ofm, kernel, none);
        let _ = lowering::max_pool(&ifm, &ofm, kernel, none);
        let _ = lowering::quantize(&ifm, &ofm);
        let _ = lowering::leaky_relu(&ifm, &ofm, rescaling);
        let _ = lowering::pad(&ifm, &ofm, &padding);
        let _ = lowering::deepened(ifm.shape);
        for axes in [
            lowering::MeanOver::HeightAndWidth,
            lowering::MeanOver::Height,
            lowering::MeanOver::Width,
            lowering::MeanOver::Channels,
        ] {
            let _ = lowering::mean(&ifm, &ofm, axes);
        }
    }

    #[test]
    fn blocks_fit_and_are_whole_micro_blocks(
        h in 1u32..70, w in 1u32..70, c in 1u32..200, size in 1u32..9, config in config(),
    ) {
        let ifm = FeatureMap::activation(Shape::new(1, h, w, 24), Element::Int8);
        let ofm = FeatureMap::activation(Shape::new(1, h, w, c), Element::Int8);
        let operation = NpuOperation::new(OperationKind::Convolution, ifm, ofm)
            .with_kernel(Kernel::new((size, size), (1, 1)));
        let found = find_block(&operation, &config).expect("small windows always fit");
        let (block, micro) = (found.ofm_block, found.micro_block);
        prop_assert!(block.h.is_multiple_of(micro.h) && block.w.is_multiple_of(micro.w));
        prop_assert!(block.c.is_multiple_of(micro.c));
        match config.generation {
            Generation::Shared => {
                // Accumulators are held for the rows that exist only.
                let held = Block { h: block.h.min(h), ..block };
                prop_assert!(Fitting::new(&operation, &config).fits(held, found.ifm_block));
            }
            Generation::Separate(buffers) => {
                let accumulators = block.elements() * 4;
                prop_assert!(accumulators <= u64::from(buffers.accumulator_bytes));
            }
        }
    }
}
