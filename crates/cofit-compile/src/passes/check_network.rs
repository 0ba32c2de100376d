//! Checks the chip's limits on whole networks, and decides which layers stream.

use cofit_chip::{TilingMode, Timing};
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Diagnostic, Place};

use crate::context::Context;
use crate::layer::Extents;
use crate::layout;
use crate::plan::{Constraint, Placement, Plan, Refusal, StepId, StepSchedule};

/// Checks the number of layers and the pixels of every map.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    check_layers(plan, context);
    check_maps(plan, context);
}

/// Whether the steps of the first engine are more than its sequencer holds.
fn check_layers(plan: &mut Plan, context: &Context<'_>) {
    let Some(limit) = &context.chip.control.max_layers else { return };
    let host = context.host();
    let layers = plan
        .steps
        .values()
        .filter(|step| step.placement != Placement::View && Some(step.engine) != host)
        .count();
    if layers as u64 > u64::from(limit.value) {
        let message = format!("{layers} layers; the engine holds {}", limit.value);
        plan.refusals.push(Refusal {
            constraint: Constraint::Network,
            step: None,
            diagnostic: Diagnostic::error(&code::LAYER_LIMIT, message, Place::default()),
        });
    }
}

/// Whether every map fits its processors. Maps that do not may stream, but only an unbroken run
/// of layers from the first on, and only so many.
fn check_maps(plan: &mut Plan, context: &Context<'_>) {
    let mut streaming = 0u32;
    let mut is_prefix = true;
    let ids: Vec<StepId> = plan.steps.keys().collect();
    let host = context.host();
    for id in ids {
        let step = &plan.steps[id];
        // What is refused already need not be refused again, and does not stream.
        let is_native = step.placement == Placement::Native;
        if !is_native || Some(step.engine) == host {
            continue;
        }
        let engine = context.engine(step.engine);
        let limits = engine
            .layout
            .as_deref()
            .and_then(|id| context.chip.layout(id))
            .and_then(|layout| layout.max_pixels.as_ref());
        let Some(limits) = limits else { continue };
        let channels_per_pass = match &engine.timing {
            Timing::Max7800x(timing) => timing.channels_per_pass.value,
            Timing::EdgeTpu(_)
            | Timing::EthosU(_)
            | Timing::KpuK210(_)
            | Timing::Ne16(_)
            | Timing::MacArray(_)
            | Timing::Simd(_)
            | Timing::Roofline(_) => u32::MAX,
        };
        let Some(&input) = step.inputs.first() else { continue };
        let tensor = &plan.graph.tensors[input];
        let pixels = layout::pixels_per_channel(tensor, channels_per_pass);
        // An input of few channels can give each channel a memory of its own.
        let is_narrow =
            Extents::of(&tensor.shape).channels <= 16 && plan.graph.inputs.contains(&input);
        let limit = match (&limits.hwc, &limits.chw) {
            (_, Some(chw)) if is_narrow => chw,
            (Some(hwc), _) => hwc,
            (None, Some(chw)) => chw,
            (None, None) => continue,
        };
        if pixels <= u64::from(limit.value) {
            is_prefix = false;
            continue;
        }
        let most = match context.chip.tiling.mode {
            TilingMode::StreamingPrefix => context
                .chip
                .tiling
                .streaming_layers_max
                .as_ref()
                .map_or(u32::MAX, |most| most.value),
            TilingMode::Auto
            | TilingMode::NoneFail
            | TilingMode::HaloPatches
            | TilingMode::Spill => 0,
        };
        if is_prefix && streaming < most {
            streaming += 1;
            plan.steps[id].schedule = StepSchedule::Streaming;
            continue;
        }
        let streams = match (most, is_prefix) {
            (0, _) => String::new(),
            (_, false) => "; only the first layers may stream".to_owned(),
            (most, true) => format!("; at most {most} layers may stream"),
        };
        let message = format!(
            "a map of {} has {pixels} pixels a channel, and the engine takes {}{streams}",
            tensor.shape, limit.value,
        );
        let place = Place::operator(plan.graph.operator_name(step.main)).with_tensor(&tensor.name);
        plan.refusals.push(Refusal {
            constraint: Constraint::Memory,
            step: Some(id),
            diagnostic: Diagnostic::error(&code::MAP_EXCEEDED, message, place),
        });
    }
}
