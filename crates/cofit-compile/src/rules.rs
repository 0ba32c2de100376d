//! Whether an engine's rules accept a layer, and if not, which limit it breaks.

use cofit_chip::{
    Engine, Fallback, FusedActivation, Grouping, NumberKind, OperatorRule, PaddingMode,
    Precision as Pair, PrecisionMode, Requirement, Span,
};
use cofit_ir::{Activation, Extent2d, Padding};
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Code, ElementType};

use crate::layer::Layer;
use crate::plan::Precision;

/// A limit that a layer breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The rule.
    pub code: &'static Code,
    /// What the layer has and what the engine allows.
    pub message: String,
    /// What the card says about the rule.
    pub why: Option<String>,
    /// What the card wants done, where the rule says something else than the engine.
    pub fallback: Option<Fallback>,
}

/// The first rule of `engine` that accepts `layer`, or the breach of the rule that comes closest.
///
/// # Errors
/// The engine does not run the layer.
pub fn accept<'a>(engine: &'a Engine, layer: &Layer) -> Result<&'a OperatorRule, Breach> {
    let mut closest: Option<Vec<Breach>> = None;
    for rule in engine.operators.for_kind(layer.kind) {
        let breaches = breaches(rule, layer);
        if breaches.is_empty() {
            return Ok(rule);
        }
        if closest.as_ref().is_none_or(|closest| breaches.len() < closest.len()) {
            closest = Some(breaches);
        }
    }
    Err(match closest.and_then(|breaches| breaches.into_iter().next()) {
        Some(breach) => breach,
        None => Breach {
            code: &code::OPERATOR_UNSUPPORTED,
            message: format!("{} is not among the operators of {}", layer.kind, engine.id),
            why: None,
            fallback: None,
        },
    })
}

/// Every limit of `rule` that `layer` breaks.
fn breaches(rule: &OperatorRule, layer: &Layer) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |code: &'static Code, message: String| {
        found.push(Breach { code, message, why: rule.why.clone(), fallback: rule.fallback });
    };

    // The extent of a kernel from its first tap to its last.
    let reach = Extent2d::new(
        layer.kernel.height.saturating_sub(1).saturating_mul(layer.dilation.height) + 1,
        layer.kernel.width.saturating_sub(1).saturating_mul(layer.dilation.width) + 1,
    );
    // A stride that is never taken has no effect.
    let stride = Extent2d::new(
        if layer.output.height == 1 { 1 } else { layer.stride.height },
        if layer.output.width == 1 { 1 } else { layer.stride.width },
    );
    let windows = [
        (&rule.dilated_kernel, reach, "dilated kernel", &code::KERNEL_LIMIT),
        (&rule.kernel, layer.kernel, "kernel", &code::KERNEL_LIMIT),
        (&rule.stride, stride, "stride", &code::STRIDE_LIMIT),
        (&rule.dilation, layer.dilation, "dilation", &code::DILATION_LIMIT),
    ];
    for (limit, extent, name, code) in windows {
        if let Some(limit) = limit
            && !limit.accepts(u64::from(extent.height), u64::from(extent.width))
        {
            breach(code, format!("{name} {extent}; allowed are {limit}"));
        }
    }

    let spans: [(&Option<Span>, u64, &str, &'static Code); 13] = [
        (&rule.input_channels, layer.input.channels.into(), "input channels", &code::CHANNEL_LIMIT),
        (
            &rule.output_channels,
            layer.output.channels.into(),
            "output channels",
            &code::CHANNEL_LIMIT,
        ),
        (&rule.height, layer.input.height.into(), "input height", &code::EXTENT_LIMIT),
        (&rule.width, layer.input.width.into(), "input width", &code::EXTENT_LIMIT),
        (&rule.output_height, layer.output.height.into(), "output height", &code::EXTENT_LIMIT),
        (&rule.output_width, layer.output.width.into(), "output width", &code::EXTENT_LIMIT),
        (&rule.pixels, layer.input.pixels(), "pixels", &code::EXTENT_LIMIT),
        (&rule.volume, layer.input.elements(), "elements of the input", &code::EXTENT_LIMIT),
        (&rule.dimension, layer.dimension.into(), "longest dimension", &code::EXTENT_LIMIT),
        (&rule.rank, layer.rank as u64, "number of dimensions", &code::EXTENT_LIMIT),
        (&rule.batch, layer.batch.into(), "batch", &code::EXTENT_LIMIT),
        (&rule.inputs, layer.activations.into(), "operands", &code::OPERAND_LIMIT),
        (&rule.depth_multiplier, layer.multiplier.into(), "depth multiplier", &code::CHANNEL_LIMIT),
    ];
    for (limit, value, name, code) in spans {
        if let Some(limit) = limit
            && !limit.contains(value)
        {
            breach(code, format!("{name} {value}; allowed is {limit}"));
        }
    }

    let multiples = [
        (rule.input_channels_multiple, layer.input.channels, "input channels"),
        (rule.output_channels_multiple, layer.output.channels, "output channels"),
    ];
    for (multiple, channels, name) in multiples {
        if let Some(multiple) = multiple
            && multiple > 0
            && !u64::from(channels).is_multiple_of(multiple)
        {
            breach(
                &code::CHANNEL_LIMIT,
                format!("{channels} {name}; allowed are multiples of {multiple}"),
            );
        }
    }

    if rule.depth_multiplier_needs_one_channel && layer.multiplier > 1 && layer.input.channels > 1 {
        breach(
            &code::CHANNEL_LIMIT,
            format!(
                "depth multiplier {} on {} input channels; allowed is one input channel",
                layer.multiplier, layer.input.channels
            ),
        );
    }

    if let Some(grouping) = rule.groups {
        let allowed = match grouping {
            Grouping::Any => true,
            Grouping::One => layer.groups == 1,
            Grouping::Channels => layer.groups == 1 || layer.groups == layer.input.channels,
        };
        if !allowed {
            breach(
                &code::GROUP_LIMIT,
                format!("{} groups over {} channels", layer.groups, layer.input.channels),
            );
        }
    }

    if let (Some(limit), Some(padding)) = (&rule.padding, layer.padding) {
        let amounts = padding.amounts;
        let sides = [amounts.top, amounts.bottom, amounts.left, amounts.right];
        let mode = match padding.mode {
            Padding::Same => PaddingMode::Same,
            Padding::Valid => PaddingMode::Valid,
            Padding::Explicit { .. } => PaddingMode::Explicit,
        };
        // A mode that adds nothing is as good as none.
        let is_empty = sides == [0; 4];
        if let Some(modes) = &limit.modes
            && !is_empty
            && !modes.contains(&mode)
        {
            breach(&code::PADDING_LIMIT, "this padding mode is not among those allowed".to_owned());
        }
        if let Some(most) = limit.max
            && sides.iter().any(|&side| u64::from(side) > most)
        {
            breach(
                &code::PADDING_LIMIT,
                format!(
                    "padding of {} at a side; allowed is up to {most}",
                    sides.iter().max().unwrap_or(&0)
                ),
            );
        }
        if limit.symmetric && (amounts.top != amounts.bottom || amounts.left != amounts.right) {
            breach(
                &code::PADDING_LIMIT,
                format!(
                    "padding of {} above, {} below, {} left and {} right; both sides must be alike",
                    amounts.top, amounts.bottom, amounts.left, amounts.right
                ),
            );
        }
    }

    if let Some(allowed) = &rule.activation
        && layer.activation != Activation::None
        && !fused(layer.activation).is_some_and(|activation| allowed.contains(&activation))
    {
        breach(&code::ACTIVATION_LIMIT, format!("activation {}", layer.activation.name()));
    }

    if let Some(factors) = &rule.scale {
        let is_allowed = |from: u32, to: u32| {
            from > 0 && to.is_multiple_of(from) && factors.contains(&(to / from))
        };
        if !is_allowed(layer.input.height, layer.output.height)
            || !is_allowed(layer.input.width, layer.output.width)
        {
            breach(
                &code::EXTENT_LIMIT,
                format!(
                    "a change from {}x{} to {}x{}; allowed factors are {factors:?}",
                    layer.input.height, layer.input.width, layer.output.height, layer.output.width
                ),
            );
        }
    }

    if let Some(elements) = &rule.elements
        && !elements.contains(&layer.element)
    {
        breach(&code::ELEMENT_LIMIT, format!("elements of type {}", layer.element));
    }

    if rule.constant_weights && layer.weights.is_some() && layer.constant_bytes.is_zero() {
        breach(&code::WEIGHTS_NOT_CONSTANT, "the weights are an activation".to_owned());
    }
    if rule.one_weight_scale && layer.weight_scales > 1 {
        let message = format!("the weights have {} scales; allowed is one", layer.weight_scales);
        breach(&code::WEIGHT_SCALES, message);
    }
    found
}

/// The card's word for an activation inside an operator.
const fn fused(activation: Activation) -> Option<FusedActivation> {
    match activation {
        Activation::None => Some(FusedActivation::None),
        Activation::Relu => Some(FusedActivation::Relu),
        Activation::ReluN1To1 => Some(FusedActivation::ReluN1To1),
        Activation::Relu6 => Some(FusedActivation::Relu6),
        Activation::Tanh => Some(FusedActivation::Tanh),
        Activation::SignBit => None,
    }
}

/// How `engine` copes with the widths of `layer`.
///
/// # Errors
/// The engine has no such pair, or the pair needs something that the layer lacks.
pub fn precision(engine: &Engine, layer: &Layer) -> Result<Precision, Breach> {
    let is_float = layer.element.is_float();
    let number = if is_float { NumberKind::Float } else { NumberKind::Integer };
    let activation_bits = layer.element.bits();
    let weight_bits = layer.weight_element.map(ElementType::bits);
    let refuse =
        |code: &'static Code, message: String| Breach { code, message, why: None, fallback: None };
    let pair = engine
        .precision_for(layer.kind, weight_bits, activation_bits, number)
        .filter(|pair| pair.mode != PrecisionMode::Unsupported)
        .ok_or_else(|| {
            let widths = match (weight_bits, layer.weight_element) {
                (Some(_), Some(element)) => {
                    format!("{element} weights with {} activations", layer.element)
                }
                _ => format!("{} activations", layer.element),
            };
            refuse(
                &code::PRECISION_UNSUPPORTED,
                format!("{} takes no {widths}; it takes {}", engine.id, pairs(engine)),
            )
        })?;
    for requirement in &pair.requires {
        match requirement {
            Requirement::Bias if weight_bits.is_some() && layer.bias.is_none() => {
                return Err(refuse(
                    &code::REQUIREMENT_UNMET,
                    format!("{}-bit weights need a bias", pair.weight_bits),
                ));
            }
            // Which layer comes first is the network's business, not the layer's.
            Requirement::Bias | Requirement::WideFirstLayer => {}
        }
    }
    Ok(Precision {
        weight_bits,
        activation_bits,
        is_float,
        stored_weight_bits: weight_bits.map_or(0, |_| pair.bits_stored()),
        cycle_factor: pair.factor(layer.kind),
        weight_traffic_factor: pair.weight_traffic_factor.value,
        is_emulated: pair.mode == PrecisionMode::Emulated,
    })
}

/// The pairs that an engine takes, for messages.
fn pairs(engine: &Engine) -> String {
    let names: Vec<String> = engine
        .precision
        .iter()
        .filter(|pair| pair.mode != PrecisionMode::Unsupported)
        .map(pair_name)
        .collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// A pair as `w8a8`, or `f32` for floats.
pub fn pair_name(pair: &Pair) -> String {
    match pair.kind {
        NumberKind::Integer => format!("w{}a{}", pair.weight_bits, pair.activation_bits),
        NumberKind::Float => format!("f{}", pair.activation_bits),
    }
}
