//! Cuts the steps of an Ethos-U into operations, blocks and weight buffers, as Vela does.
//!
//! A layer can be one operation of the NPU or dozens (a softmax is about thirty). What each
//! operation is follows from shapes; in which layout a tensor lies follows from who sees it in
//! which shape. So steps are lowered twice: once to learn the shapes, once with the layouts.

use cofit_chip::{Chip, Content, Engine, EthosUTiming, Timing};
use cofit_ethos_u::lowering::{self, MeanOver, Rescaling, Visibility, tensor_format};
use cofit_ethos_u::memory::{Memories, MemoryMode, MemoryPort};
use cofit_ethos_u::operation::{
    Activation as NpuActivation, Element, ElementwiseOperator, FeatureMap, Format, Kernel,
    NpuOperation, OperationKind, Shape, WeightShape, Weights,
};
use cofit_ethos_u::weight_stream::{
    TYPICAL_BYTES_PER_WEIGHT, WeightLayout, WeightSign, WeightValues,
};
use cofit_ethos_u::{Config, Options, config::Block, schedule};
use cofit_ir::{Activation, Graph, Op, Tensor, TensorId, TensorRole};
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Bytes, Cycles, Diagnostic, ElementType, Hertz, OperatorKind, Place};

use crate::context::Context;
use crate::plan::{Constraint, EngineId, Placement, Plan, Refusal, Step, StepId, StepSchedule};
use crate::step_layer::StepLayer;
use crate::values::Values;

/// Schedules the steps of the chip's Ethos-U, if it has one.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let npu = context.engines().find_map(|(id, engine)| match &engine.timing {
        Timing::EthosU(timing) => Some((id, engine, timing)),
        Timing::Max7800x(_) | Timing::KpuK210(_) | Timing::Simd(_) | Timing::Roofline(_) => None,
    });
    let Some((id, engine, timing)) = npu else { return };
    let config = config(context.chip, engine, timing);
    turn_down(plan, context, id);
    let steps = native_steps(plan, id);
    let values = Values::of(plan);
    let formats = formats(plan, &steps, id, &values);
    for (tensors, _) in
        values.tensors.iter().zip(&formats).filter(|(_, format)| **format == Format::Nhwc)
    {
        plan.dense.extend(tensors.iter().copied());
    }
    let mut ranges: Vec<(StepId, u32, u32, Option<TensorId>)> = Vec::new();
    let mut after_cpu: Vec<usize> = Vec::new();
    let mut free: Vec<Bytes> = Vec::new();
    let scheduled = {
        let mut operations: Vec<NpuOperation<'_>> = Vec::new();
        let free_at = free_memory(plan, context, id, &values);
        for &step_id in &steps {
            let look = |tensor: TensorId| values.of[tensor].map_or(Format::Nhwc, |v| formats[v]);
            // The layout refuses nothing, so what was lowered once is lowered again.
            let Ok(list) = lower(&plan.graph, &plan.steps[step_id], &look) else { continue };
            let overwrites = overwritten(plan, step_id, &list, &values, &formats);
            if follows_host(plan, step_id, id) {
                after_cpu.push(operations.len());
            }
            ranges.push((step_id, operations.len() as u32, list.len() as u32, overwrites));
            free.resize(free.len() + list.len(), free_at[step_id.as_u32() as usize]);
            operations.extend(list);
        }
        let options = Options { free_sram: free, after_cpu, ..Options::default() };
        schedule(&operations, &config, &options)
    };
    for (step, first, count, overwrites) in ranges {
        plan.steps[step].schedule = StepSchedule::EthosU { first, count, overwrites };
    }
    match scheduled {
        Ok(scheduled) => plan.ethos_u = Some(scheduled),
        Err(diagnostic) => plan.refusals.push(Refusal {
            constraint: Constraint::Operators,
            step: steps.first().copied(),
            diagnostic: *diagnostic,
        }),
    }
}

/// The steps that the NPU runs.
fn native_steps(plan: &Plan, npu: EngineId) -> Vec<StepId> {
    plan.steps
        .iter()
        .filter(|(_, step)| step.engine == npu && step.placement == Placement::Native)
        .map(|(step, _)| step)
        .collect()
}

/// Leaves to the host what the machine model cannot lower, with the reason, or refuses it.
fn turn_down(plan: &mut Plan, context: &Context<'_>, npu: EngineId) {
    for id in native_steps(plan, npu) {
        let Err(mut reason) = lower(&plan.graph, &plan.steps[id], &|_| Format::Nhcwb16) else {
            continue;
        };
        let main = plan.steps[id].main;
        let place = Place::operator(plan.graph.operator_name(main));
        let kind = plan.graph.operators[main].kind();
        // The vendor's compiler may well lower it; the model here does not.
        let message =
            format!("{kind} is costed on the host: {} ({})", reason.message, reason.code.id);
        let note = Diagnostic::note(&code::FALLBACK, message, place.clone());
        if super::place::move_to_host(plan, context, id, note.with_help(reason.cure())) {
            continue;
        }
        reason.place = place;
        plan.steps[id].placement = Placement::Refused;
        plan.refusals.push(Refusal {
            constraint: Constraint::Operators,
            step: Some(id),
            diagnostic: *reason,
        });
    }
}

/// Whether the last step before `id` that runs anything runs elsewhere than on the NPU.
fn follows_host(plan: &Plan, id: StepId, npu: EngineId) -> bool {
    (0..id.as_u32())
        .rev()
        .map(|before| &plan.steps[StepId::from_u32(before)])
        .find(|step| step.placement != Placement::View)
        .is_some_and(|step| step.engine != npu)
}

/// The input that a step's result may take the place of: each element of the result depends on the
/// same element of the input, nothing else reads the input, and both lie alike.
/// Source: Vela 5.2.0, `compiler/live_range.cpp` `ReusableIFM`.
fn overwritten(
    plan: &Plan,
    id: StepId,
    operations: &[NpuOperation<'_>],
    values: &Values,
    formats: &[Format],
) -> Option<TensorId> {
    let step = &plan.steps[id];
    let ([operation], &[result]) = (operations, step.outputs.as_slice()) else { return None };
    let is_one_to_one = match operation.kind {
        OperationKind::Elementwise(_) => true,
        OperationKind::MaxPool | OperationKind::AveragePool => operation.kernel.size == (1, 1),
        OperationKind::Convolution
        | OperationKind::VectorProduct
        | OperationKind::Depthwise
        | OperationKind::ReduceSum
        | OperationKind::Transpose => false,
    };
    let result_value = values.of[result]?;
    let is_free = |tensor: TensorId| -> Option<bool> {
        let value = values.of[tensor]?;
        let (from, to) = (&plan.graph.tensors[tensor], &plan.graph.tensors[result]);
        let readers = plan
            .steps
            .values()
            .filter(|step| step.inputs.iter().any(|&input| values.of[input] == Some(value)))
            .count();
        Some(
            value != result_value
                && readers == 1
                && !values.is_live_out(&plan.graph, value)
                && from.role != TensorRole::Variable
                && to.role != TensorRole::Variable
                && from.shape == to.shape
                && from.element == to.element
                && formats[value] == formats[result_value],
        )
    };
    step.inputs.iter().copied().find(|&input| is_one_to_one && is_free(input) == Some(true))
}

/// The machine that a card describes.
fn config(chip: &Chip, engine: &Engine, timing: &EthosUTiming) -> Config {
    let block = |extents: [u32; 3]| Block::new(extents[1], extents[0], extents[2]);
    let macs = timing.macs.value;
    // Pipeline depths are not on the card: they belong to the size of the array.
    let base = Config::ethos_u55(macs).unwrap_or_else(Config::ethos_u55_256);
    let granules = &timing.granules;
    Config {
        macs_per_cycle: macs,
        cores: timing.cores.value.max(1),
        ofm_micro_block: block(timing.ofm_micro_block.value),
        ifm_micro_block: block(timing.ifm_micro_block.value),
        ofm_block_max: block(timing.max_block.value),
        sub_kernel_max: (timing.sub_kernel.value[1], timing.sub_kernel.value[0]),
        shram: cofit_ethos_u::config::Shram {
            banks: timing.shram_banks.value,
            bank_bytes: u32::try_from(timing.bank_size.value.get()).unwrap_or(u32::MAX),
            output_banks: timing.reserved_output_banks.value,
            end_banks: timing.reserved_end_banks.value,
            table_bytes: u32::try_from(timing.lut_size.value.get()).unwrap_or(u32::MAX),
            granules: cofit_ethos_u::config::Granules {
                ifm8: granules.ifm8,
                ifm16: granules.ifm16,
                elementwise8: granules.ifm8_elementwise,
                elementwise16: granules.ifm16_elementwise,
                ifm32: granules.ifm32,
                accumulator32: granules.acc32,
                accumulator40: granules.acc40,
            },
        },
        output: cofit_ethos_u::config::OutputCycles {
            unary32: timing.output_cycles.elementwise32_unary,
            binary32: timing.output_cycles.elementwise32_binary,
            multiply32: timing.output_cycles.mul32,
            multiply: timing.output_cycles.mul_or_acc40,
            add: timing.output_cycles.add,
            max_pool: timing.output_cycles.max_pool,
            other: timing.output_cycles.other,
            with_table: timing.activation_cycles.lut,
            with_clamp: timing.activation_cycles.relu,
        },
        memories: memories(chip, engine),
        ..base
    }
}

/// The memory ports: the arena's behind the first, the constants' behind the second.
fn memories(chip: &Chip, engine: &Engine) -> Memories {
    let arena = chip.memories_of(engine, Content::Activation).first().copied();
    let constants = chip.memories_of(engine, Content::Weight).first().copied();
    let port = |memory: Option<&cofit_chip::Memory>| {
        let latency = |figure: Option<&cofit_chip::Sourced<Cycles>>| {
            figure.map_or(Cycles::ZERO, |figure| figure.value)
        };
        MemoryPort {
            bytes_per_cycle: memory
                .and_then(|memory| chip.bytes_per_cycle(memory))
                .map_or(8.0, |rate| rate as f32),
            read_latency: latency(memory.and_then(|memory| memory.read_latency.as_ref())),
            write_latency: latency(memory.and_then(|memory| memory.write_latency.as_ref())),
            burst_bytes: memory
                .and_then(|memory| memory.burst.as_ref())
                .and_then(|burst| u32::try_from(burst.value.get()).ok())
                .unwrap_or(32),
        }
    };
    let is_shared = arena.map(|memory| &memory.id) == constants.map(|memory| &memory.id);
    Memories {
        clock: chip.clock(engine.clock_domain()).map_or(Hertz(500e6), |clock| clock.value),
        ports: [port(arena), port(constants)],
        mode: if is_shared { MemoryMode::SramOnly } else { MemoryMode::SharedSram },
    }
}

/// The layout of every value: bricks where only the NPU touches it and all see the same width and
/// channels.
fn formats(plan: &Plan, steps: &[StepId], npu: EngineId, values: &Values) -> Vec<Format> {
    let mut seen: Vec<Vec<Shape>> = vec![Vec::new(); values.tensors.len()];
    let mut is_external: Vec<bool> = (0..values.tensors.len())
        .map(|value| {
            values.is_live_in(&plan.graph, value) || values.is_live_out(&plan.graph, value)
        })
        .collect();
    for step in plan.steps.values() {
        if step.engine == npu || step.placement == Placement::View {
            continue;
        }
        for &tensor in step.inputs.iter().chain(&step.outputs) {
            if let Some(value) = values.of[tensor] {
                is_external[value] = true;
            }
        }
    }
    for &id in steps {
        let step = &plan.steps[id];
        let Ok(operations) = lower(&plan.graph, step, &|_| Format::Nhcwb16) else { continue };
        let (Some(first), Some(last)) = (operations.first(), operations.last()) else { continue };
        let maps = [Some(first.ifm), first.ifm2];
        for (&tensor, map) in step.inputs.iter().zip(maps) {
            if let (Some(value), Some(map)) = (values.of[tensor], map) {
                seen[value].push(map.shape);
            }
        }
        if let Some(value) = step.outputs.first().and_then(|&tensor| values.of[tensor]) {
            seen[value].push(last.ofm.shape);
        }
    }
    seen.iter()
        .zip(&is_external)
        .map(|(shapes, &is_external)| {
            let visibility = if is_external { Visibility::External } else { Visibility::Internal };
            tensor_format(visibility, shapes)
        })
        .collect()
}

/// Bytes of the arena's memory that live activations leave free, for every step.
fn free_memory(plan: &Plan, context: &Context<'_>, npu: EngineId, values: &Values) -> Vec<Bytes> {
    let bytes = super::allocate::value_bytes(plan, context, values);
    let available = context
        .chip
        .memories_of(context.engine(npu), Content::Activation)
        .first()
        .map_or(Bytes::MAX, |memory| memory.usable(context.operators));
    let mut first = vec![usize::MAX; bytes.len()];
    let mut last = vec![0usize; bytes.len()];
    let end = plan.steps.len().saturating_sub(1);
    for (id, step) in &plan.steps {
        let at = id.as_u32() as usize;
        for &tensor in step.inputs.iter().chain(&step.outputs) {
            if let Some(value) = values.of[tensor] {
                first[value] = first[value].min(at);
                last[value] = last[value].max(at);
            }
        }
    }
    let mut change = vec![(Bytes::ZERO, Bytes::ZERO); plan.steps.len() + 1];
    for value in 0..bytes.len() {
        if first[value] == usize::MAX {
            continue;
        }
        let from = if values.is_live_in(&plan.graph, value) { 0 } else { first[value] };
        let to = if values.is_live_out(&plan.graph, value) { end } else { last[value] };
        change[from].0 += bytes[value];
        change[to + 1].1 += bytes[value];
    }
    let mut live = Bytes::ZERO;
    change
        .iter()
        .map(|&(born, dead)| {
            live = live - dead + born;
            available - live
        })
        .collect()
}

type Lowered<'a> = lowering::Lowered<'a>;

/// The operations of one step. `format` gives the layout of a tensor.
fn lower<'a>(graph: &'a Graph, step: &Step, format: &dyn Fn(TensorId) -> Format) -> Lowered<'a> {
    let layer = StepLayer::of(graph, step);
    let operator = &graph.operators[step.main];
    let map = |tensor: TensorId| -> Result<FeatureMap, Box<Diagnostic>> {
        feature_map(&graph.tensors[tensor], format(tensor))
    };
    let operand = |index: usize| -> Result<FeatureMap, Box<Diagnostic>> {
        let id = operator.input(index).ok_or_else(|| refuse("an operand is missing"))?;
        if graph.tensors[id].is_constant() {
            let tensor = &graph.tensors[id];
            Ok(FeatureMap::constant(shape(tensor)?, element(tensor.element)?))
        } else {
            map(id)
        }
    };
    // A fused pad reads the pad's own input; a fused function writes the function's own result.
    let input = || step.inputs.first().map_or_else(|| operand(0), |&tensor| map(tensor));
    let output = step.outputs.first().copied().or_else(|| operator.outputs.first().copied());
    let ofm = map(output.ok_or_else(|| refuse("the operator has no result"))?)?;
    let activation = match layer.function {
        Some(OperatorKind::Logistic | OperatorKind::Tanh) => NpuActivation::Curve,
        Some(_) => NpuActivation::FusedTable,
        None => activation(layer.main.activation),
    };
    let kernel = Kernel {
        size: (layer.main.kernel.height, layer.main.kernel.width),
        stride: (layer.main.stride.height, layer.main.stride.width),
        dilation: (layer.main.dilation.height, layer.main.dilation.width),
    };
    let weights = || -> Result<Weights<'a>, Box<Diagnostic>> {
        let id = layer.main.weights.ok_or_else(|| refuse("the operator has no weights"))?;
        weights(&graph.tensors[id], operator.kind())
    };
    let table = |curve| {
        let ifm = input()?;
        lowering::activation(&ifm, &ofm, curve)
    };
    match &operator.op {
        Op::Conv2d(_) => lowering::convolution(&input()?, &ofm, kernel, weights()?, activation),
        Op::DepthwiseConv2d(_) => {
            lowering::depthwise(&input()?, &ofm, kernel, weights()?, activation)
        }
        Op::TransposeConv2d(_) => {
            // The input is spread out with zeros between its elements and convolved at stride one.
            let ifm = map(step.inputs.first().copied().ok_or_else(|| refuse("no input"))?)?;
            let spread =
                FeatureMap { shape: Shape { h: ofm.shape.h, w: ofm.shape.w, ..ifm.shape }, ..ifm };
            lowering::convolution(
                &spread,
                &ofm,
                Kernel::new(kernel.size, (1, 1)),
                weights()?,
                activation,
            )
        }
        Op::FullyConnected(_) => lowering::fully_connected(&input()?, &ofm, weights()?, activation),
        Op::AveragePool2d(_) => lowering::average_pool(&input()?, &ofm, kernel, activation),
        Op::MaxPool2d(_) => lowering::max_pool(&input()?, &ofm, kernel, activation),
        Op::Add(_) => {
            binary(ElementwiseOperator::Add, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Sub(_) => {
            binary(ElementwiseOperator::Sub, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Mul(_) => {
            binary(ElementwiseOperator::Mul, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Minimum(_) => {
            binary(ElementwiseOperator::Minimum, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Maximum(_) => {
            binary(ElementwiseOperator::Maximum, &operand(0)?, &operand(1)?, &ofm, activation)
        }
        Op::Relu(_) | Op::Relu6(_) | Op::ReluN1To1(_) => table(NpuActivation::Clamp),
        Op::Logistic(_) | Op::Tanh(_) | Op::HardSwish(_) => table(NpuActivation::FusedTable),
        Op::LeakyRelu(_) => {
            let ids = [operator.input(0), operator.outputs.first().copied()];
            let mapping =
                |id: Option<TensorId>| id.and_then(|id| graph.tensors[id].quantisation.as_ref());
            let is_same = match (mapping(ids[0]), mapping(ids[1])) {
                (Some(a), Some(b)) => a.same_mapping(b),
                _ => true,
            };
            let rescaling = if is_same { Rescaling::Unneeded } else { Rescaling::Needed };
            lowering::leaky_relu(&input()?, &ofm, rescaling)
        }
        Op::Prelu(_) => {
            // A product with the slopes where negative, and the choice between both.
            let ifm = input()?;
            let slopes = operand(1)?;
            let mut operations = lowering::binary(
                ElementwiseOperator::Mul,
                &ifm,
                &slopes,
                &ofm,
                NpuActivation::None,
            )?;
            operations.extend(lowering::binary(
                ElementwiseOperator::Maximum,
                &ifm,
                &ofm,
                &ofm,
                activation,
            )?);
            Ok(operations)
        }
        Op::Softmax(_) => lowering::softmax(&input()?, &ofm),
        Op::Mean(_) => lowering::mean(&input()?, &ofm, mean_axes(graph, step)?),
        Op::Quantize(_) => lowering::quantize(&input()?, &ofm),
        Op::Pad(_) => {
            let ifm = input()?;
            let [top, bottom, left, right] = super::fuse::pad_amounts(graph, step.main)
                .ok_or_else(|| refuse("a pad of batch or channels, or of unknown amounts"))?;
            let padding = lowering::Padding { h: (top, bottom), w: (left, right), c: (0, 0) };
            lowering::pad(&ifm, &ofm, &padding)
        }
        Op::Concatenation(_) | Op::Pack(_) => {
            let mut operations = Vec::new();
            for &tensor in &step.inputs {
                let ifm = map(tensor)?;
                let part = FeatureMap { shape: ifm.shape, ..ofm };
                operations.extend(lowering::copy(&ifm, &part)?);
            }
            Ok(operations)
        }
        Op::Slice(_) | Op::Split(_) | Op::SplitV(_) | Op::StridedSlice(_) | Op::Unpack(_) => {
            let ifm = input()?;
            let mut operations = Vec::new();
            for &tensor in &operator.outputs {
                let part = map(tensor)?;
                let slice = FeatureMap { shape: part.shape, ..ifm };
                operations.extend(lowering::copy(&slice, &part)?);
            }
            Ok(operations)
        }
        Op::Transpose(_) => lowering::transpose(&input()?, &ofm),
        Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_) => lowering::copy(&input()?, &ofm),
        Op::ResizeBilinear(_) | Op::ResizeNearestNeighbor(_) => {
            // One pass over the result with a window of two by two; Vela doubles step by step.
            lowering::average_pool(&input()?, &ofm, Kernel::new((2, 2), (1, 1)), activation)
        }
        Op::ArgMax(_)
        | Op::AssignVariable(_)
        | Op::BatchMatMul(_)
        | Op::BatchNormalization(_)
        | Op::CallOnce(_)
        | Op::Cast(_)
        | Op::Custom(_)
        | Op::Dequantize(_)
        | Op::Gather(_)
        | Op::ReadVariable(_)
        | Op::ReduceMax(_)
        | Op::Shape(_)
        | Op::Sum(_)
        | Op::Svdf(_)
        | Op::UnidirectionalSequenceLstm(_)
        | Op::VarHandle(_)
        | Op::While(_) => {
            Err(refuse(&format!("{} on the NPU is not modelled yet", operator.kind())))
        }
    }
}

fn binary<'a>(
    operator: ElementwiseOperator,
    a: &FeatureMap,
    b: &FeatureMap,
    ofm: &FeatureMap,
    activation: NpuActivation,
) -> Lowered<'a> {
    lowering::binary(operator, a, b, ofm, activation)
}

fn refuse(why: &str) -> Box<Diagnostic> {
    let code = &cofit_vocab::diagnostic::npu::NOT_LOWERABLE;
    Box::new(Diagnostic::error(code, why, Place::default()))
}

const fn activation(activation: Activation) -> NpuActivation {
    match activation {
        Activation::None => NpuActivation::None,
        Activation::Relu | Activation::ReluN1To1 | Activation::Relu6 => NpuActivation::Clamp,
        Activation::Tanh | Activation::SignBit => NpuActivation::Curve,
    }
}

fn feature_map(tensor: &Tensor, format: Format) -> Result<FeatureMap, Box<Diagnostic>> {
    let (shape, element) = (shape(tensor)?, element(tensor.element)?);
    Ok(match format {
        Format::Nhcwb16 => FeatureMap::activation(shape, element),
        Format::Nhwc => FeatureMap::linear(shape, element),
    })
}

fn shape(tensor: &Tensor) -> Result<Shape, Box<Diagnostic>> {
    let [n, h, w, c] =
        tensor.shape.as_nhwc().ok_or_else(|| refuse("a tensor of more than four axes"))?;
    // Of two axes the outer one counts vectors, which lie side by side.
    Ok(Shape::new(n, h, w, c))
}

fn element(element: ElementType) -> Result<Element, Box<Diagnostic>> {
    match element {
        ElementType::Int8 => Ok(Element::Int8),
        ElementType::UInt8 => Ok(Element::UInt8),
        ElementType::Int16 => Ok(Element::Int16),
        ElementType::Int32 => Ok(Element::Int32),
        ElementType::Bool
        | ElementType::Int1
        | ElementType::Int2
        | ElementType::Int4
        | ElementType::UInt16
        | ElementType::UInt32
        | ElementType::Int64
        | ElementType::Float16
        | ElementType::Float32
        | ElementType::Float64 => Err(refuse(&format!("elements of type {element}"))),
    }
}

/// The weights of a layer, with their values where the model has them.
fn weights<'a>(tensor: &'a Tensor, kind: OperatorKind) -> Result<Weights<'a>, Box<Diagnostic>> {
    let length = |axis: usize| tensor.shape.get(axis).unwrap_or(1);
    let is_depthwise = kind == OperatorKind::DepthwiseConv2d;
    let shape = match tensor.shape.rank() {
        2 => WeightShape { o: length(0), h: 1, w: 1, i: length(1) },
        4 if is_depthwise => WeightShape { o: length(3), h: length(1), w: length(2), i: 1 },
        4 => WeightShape { o: length(0), h: length(1), w: length(2), i: length(3) },
        _ => return Err(refuse("weights that are neither a matrix nor of four axes")),
    };
    let sign = match tensor.element {
        ElementType::UInt8 => WeightSign::Unsigned,
        _ => WeightSign::Signed,
    };
    let zero_point = tensor
        .quantisation
        .as_ref()
        .and_then(|quantisation| quantisation.at(0))
        .map_or(0, |(_, zero)| i16::try_from(zero).unwrap_or(0));
    let values = match tensor.data() {
        Some(bytes) if tensor.element.bits() == 8 => WeightValues::Known {
            bytes,
            sign,
            layout: if is_depthwise { WeightLayout::Hwo } else { WeightLayout::Ohwi },
            zero_point,
        },
        _ => WeightValues::Assumed { bytes_per_weight: TYPICAL_BYTES_PER_WEIGHT },
    };
    Ok(Weights { shape, values })
}

/// The axes of a mean, as the NPU can take it.
fn mean_axes(graph: &Graph, step: &Step) -> Result<MeanOver, Box<Diagnostic>> {
    let operator = &graph.operators[step.main];
    let axes = operator.input(1).and_then(|id| graph.tensors[id].integers());
    let rank = operator.input(0).map_or(4, |id| graph.tensors[id].shape.rank());
    let axes = axes.ok_or_else(|| refuse("a mean over axes that are not known"))?;
    let mut resolved: Vec<usize> = Vec::new();
    for axis in axes {
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        // Counted from the innermost, so that missing outer axes do not matter.
        let from_end = usize::try_from(rank as i64 - 1 - axis)
            .map_err(|_| refuse("a mean over an axis that is not there"))?;
        resolved.push(from_end);
    }
    resolved.sort_unstable();
    match resolved.as_slice() {
        [1, 2] => Ok(MeanOver::HeightAndWidth),
        [2] => Ok(MeanOver::Height),
        [1] => Ok(MeanOver::Width),
        [0] => Ok(MeanOver::Channels),
        _ => Err(refuse("a mean over these axes together")),
    }
}
