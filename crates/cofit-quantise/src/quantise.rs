//! A float model to an integer model.

use std::collections::BTreeMap;

use cofit_exec::{Buffer, Network, Options};
use cofit_ir::{
    Graph, Model, Operator, OperatorId, Quantisation, Tensor, TensorId, TensorRole, Verified,
};
use cofit_vocab::diagnostic::{execution, quantisation as rules};
use cofit_vocab::{Bytes, Diagnostic, Diagnostics, ElementType, OperatorKind, Place};
use cranelift_entity::SecondaryMap;
use cranelift_entity::packed_option::ReservedValue;

use crate::calibration::constant_floats;
use crate::forms::{Builder, Form};
use crate::lstm;
use crate::mapping::Width;
use crate::operator_rules::{Treatment, WeightedOperands, has_sixteen_bits, treatment};
use crate::ranges::{Mappings, Modes};
use crate::scheme::{Border, WeightBits};
use crate::weights::{ChannelLayout, QuantisedWeights, quantise_weights};
use crate::{Calibration, LayerScheme, Method, Scheme};

/// Greatest stored bias in magnitude, so that the accumulator has room for the products.
const MOST_BIAS: f64 = (1_u64 << 30) as f64;

/// Why an operator stays in float.
const NO_WIDTH: &str = "there is no integer kernel of this width";

/// How a model is quantised, beside the scheme.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How statistics become ranges.
    pub method: Method,
    /// What is taken from the bias of a layer, by output channel and by the operator of the float
    /// model: [`bias_shifts`](crate::bias_correction::bias_shifts) measures it.
    pub bias_shifts: BTreeMap<OperatorId, Vec<f64>>,
    /// How the integer model is to be executed: it decides which operators have kernels.
    pub execution: Options,
}

impl Default for Settings {
    fn default() -> Self {
        Self { method: Method::MinMax, bias_shifts: BTreeMap::new(), execution: Options::default() }
    }
}

/// An integer model.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// The model. Tensors keep their names; conversions add `_int8`, `_int16`, `_float` or
    /// `_requantised`.
    pub model: Verified,
    /// Layers with weights that were quantised, in the order of the model.
    pub layers: Vec<QuantisedLayer>,
    /// Operators that stay in float and biases that were cut off.
    pub notes: Diagnostics,
}

/// A layer with weights.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedLayer {
    /// The name of its first result.
    pub name: String,
    /// What it is.
    pub kind: OperatorKind,
    /// What it was quantised to.
    pub scheme: LayerScheme,
    /// The operator of the float model.
    pub source: OperatorId,
    /// The operator of the integer model.
    pub operator: OperatorId,
    /// Bytes of its float weights and biases.
    pub float_bytes: Bytes,
    /// Bytes of its integer weights and biases.
    pub bytes: Bytes,
}

/// Quantises the main graph of a float model. Graphs that it calls stay as they are.
///
/// Operators without an integer kernel, or whose ranges are unknown, stay in float between
/// conversions, with a note.
///
/// # Errors
/// A model without float activations or with absent weights, a scheme for a layer that is not there,
/// and a model that cannot be executed.
pub fn quantise(
    model: &Verified,
    calibration: &Calibration,
    scheme: &Scheme,
    settings: &Settings,
) -> Result<Quantised, Diagnostics> {
    let graph = model.main_graph();
    check(graph, scheme)?;
    let mut notes = Diagnostics::new();
    let mut modes = modes(graph, calibration, scheme, &mut notes);
    // What the executor has no kernel for goes to float until it accepts the model; every round
    // takes at least one operator.
    loop {
        let mappings = Mappings::new(graph, &modes, calibration, settings.method, scheme);
        let mut build = Build {
            graph,
            mappings: &mappings,
            scheme,
            settings,
            builder: Builder::new(graph, &mappings),
            weights: BTreeMap::new(),
            sources: BTreeMap::new(),
            layers: Vec::new(),
            notes: notes.clone(),
        };
        build.run(&modes)?;
        let mut quantised = Model::clone(model.model());
        let Build { builder, sources, layers, notes: found, .. } = build;
        if let Some(main) = quantised.main_mut() {
            *main = builder.graph;
        }
        let verified = Verified::new(quantised)?;
        let refused = match Network::prepare(&verified, &settings.execution) {
            Ok(_) => return Ok(Quantised { model: verified, layers, notes: found }),
            Err(refused) => refused,
        };
        let mut is_any_new = false;
        for diagnostic in &refused {
            let source = diagnostic.place.operator.as_ref().and_then(|name| sources.get(name));
            if let Some(&source) = source
                && diagnostic.code == &execution::NO_KERNEL
                && modes[source].take().is_some()
            {
                is_any_new = true;
                notes.push(stays_float(graph, source, &diagnostic.message));
            }
        }
        if !is_any_new {
            return Err(refused);
        }
    }
}

/// Whether there is anything to quantise, and everything that the scheme names.
fn check(graph: &Graph, scheme: &Scheme) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    let is_float = graph.operators.values().any(|operator| {
        operator.outputs.iter().any(|&id| graph.tensors[id].element == ElementType::Float32)
    });
    if !is_float {
        let message = "no operator of the model computes in float32";
        found.push(Diagnostic::error(&rules::NOT_FLOAT, message, Place::default()));
    }
    for name in scheme.layers.keys() {
        if !graph.operators.keys().any(|id| graph.operator_name(id) == *name) {
            let message = format!("no layer is called `{name}`");
            let place = Place::operator(name.clone());
            found.push(Diagnostic::error(&rules::UNKNOWN_LAYER, message, place));
        }
    }
    for (id, operator) in &graph.operators {
        if let Treatment::Weighted(operands) = treatment(&operator.op)
            && let Some(weights) = operator.input(operands.weights)
            && graph.tensors[weights].is_constant()
            && graph.tensors[weights].data().is_none()
        {
            let message = "the weights are absent";
            let place = Place::operator(graph.operator_name(id));
            found.push(Diagnostic::error(&rules::NOT_FLOAT, message, place));
        }
    }
    if found.has_errors() { Err(found) } else { Ok(()) }
}

fn stays_float(graph: &Graph, id: OperatorId, why: &str) -> Diagnostic {
    let message = format!("{} stays in float: {why}", graph.operators[id].kind());
    Diagnostic::note(&rules::STAYS_FLOAT, message, Place::operator(graph.operator_name(id)))
}

/// At which width every operator runs, as far as its kind, its constants and the measured ranges
/// say.
fn modes(
    graph: &Graph,
    calibration: &Calibration,
    scheme: &Scheme,
    notes: &mut Diagnostics,
) -> Modes {
    let mut modes: Modes = SecondaryMap::new();
    for (id, operator) in &graph.operators {
        let is_data = |id: TensorId| graph.tensors[id].element == ElementType::Float32;
        let data: Vec<TensorId> = operator
            .inputs
            .iter()
            .flatten()
            .chain(&operator.outputs)
            .copied()
            .filter(|&id| is_data(id))
            .collect();
        if data.is_empty() {
            continue;
        }
        let width = scheme.of(&graph.operator_name(id)).activations;
        let refusal = match treatment(&operator.op) {
            Treatment::Float => Some("there is no integer kernel"),
            Treatment::Lstm if lstm::refusal(graph, operator).is_some() => {
                lstm::refusal(graph, operator)
            }
            Treatment::Fixed(fixed) if fixed.at(width).is_none() => Some(NO_WIDTH),
            _ if width == Width::Sixteen && !has_sixteen_bits(&operator.op) => Some(NO_WIDTH),
            Treatment::Weighted(operands) if !has_constants(graph, operator, operands) => {
                Some("its weights are no constants")
            }
            Treatment::Weighted(_)
            | Treatment::Own
            | Treatment::Shared
            | Treatment::Fixed(_)
            | Treatment::Lstm => {
                let is_known = |&id: &TensorId| {
                    let tensor = &graph.tensors[id];
                    tensor.data().is_some()
                        || tensor.role == TensorRole::Variable
                        || calibration.statistics(id).is_some()
                };
                match data.iter().all(is_known) {
                    true => None,
                    false => Some("the range of one of its tensors was not measured"),
                }
            }
        };
        match refusal {
            None => modes[id] = Some(width),
            Some(why) => notes.push(stays_float(graph, id, why)),
        }
    }
    modes
}

/// Whether weights and bias are float constants.
fn has_constants(graph: &Graph, operator: &Operator, operands: WeightedOperands) -> bool {
    let is_float_constant = |index: usize| {
        operator.input(index).map(|id| {
            let tensor = &graph.tensors[id];
            tensor.data().is_some() && tensor.element == ElementType::Float32
        })
    };
    is_float_constant(operands.weights) == Some(true)
        && is_float_constant(operands.bias) != Some(false)
}

/// One attempt at building the integer graph.
struct Build<'a> {
    graph: &'a Graph,
    mappings: &'a Mappings,
    scheme: &'a Scheme,
    settings: &'a Settings,
    builder: Builder<'a>,
    /// Weights that were made from each constant, for layers that share it.
    weights: BTreeMap<TensorId, Vec<(QuantisedWeights, WeightBits, TensorId)>>,
    /// The operator of the float model behind each name of the integer model.
    sources: BTreeMap<String, OperatorId>,
    layers: Vec<QuantisedLayer>,
    notes: Diagnostics,
}

impl Build<'_> {
    fn run(&mut self, modes: &Modes) -> Result<(), Diagnostics> {
        let border = match self.scheme.border {
            Border::Integer => Form::Integer(self.scheme.all.activations),
            Border::Float => Form::AsIs,
        };
        let border_of = |build: &Self, id: TensorId| match border {
            Form::Integer(width)
                if build.builder.is_data(id) && build.mappings.of(id, width).is_some() =>
            {
                border
            }
            Form::Integer(_) | Form::AsIs => Form::AsIs,
        };
        for &id in &self.graph.inputs {
            let form = border_of(self, id);
            let input = self.builder.declare(id, form);
            self.builder.graph.inputs.push(input);
        }
        for (id, operator) in &self.graph.operators {
            let outputs = match (modes[id], treatment(&operator.op)) {
                (Some(width), Treatment::Weighted(operands)) => {
                    self.weighted(id, operator, operands, width)?
                }
                (Some(width), Treatment::Lstm) => self.lstm(id, operator, width)?,
                (mode, _) => self.plain(operator, mode),
            };
            for output in outputs {
                self.sources.insert(self.builder.graph.tensors[output].name.clone(), id);
            }
        }
        for &id in &self.graph.outputs {
            let form = border_of(self, id);
            let output = self.builder.need(id, form);
            self.builder.graph.outputs.push(output);
        }
        Ok(())
    }

    /// Appends an operator whose operands only change their form; returns what it writes.
    fn plain(&mut self, operator: &Operator, mode: Option<Width>) -> Vec<TensorId> {
        let form = mode.map_or(Form::AsIs, Form::Integer);
        let inputs =
            operator.inputs.iter().map(|id| id.map(|id| self.builder.need(id, form))).collect();
        let mut conversions = Vec::new();
        let outputs: Vec<TensorId> = operator
            .outputs
            .iter()
            .map(|&id| {
                if let (Some(width), Treatment::Fixed(fixed)) = (mode, treatment(&operator.op))
                    && let Some(written) = self.mappings.differing(fixed, id, width)
                {
                    let (first, second) = self.builder.declare_fixed(id, width, written);
                    conversions.push((first, second));
                    return first;
                }
                self.builder.declare(id, if self.builder.is_data(id) { form } else { Form::AsIs })
            })
            .collect();
        let intermediates =
            operator.intermediates.iter().map(|&id| self.builder.need(id, Form::AsIs)).collect();
        self.builder.graph.operator(Operator {
            op: operator.op.clone(),
            inputs,
            outputs: outputs.iter().copied().collect(),
            intermediates,
            origin: operator.origin,
        });
        conversions.into_iter().for_each(|(from, to)| self.builder.convert(from, to));
        outputs
    }

    /// Appends a layer with constant weights; returns what it writes.
    fn weighted(
        &mut self,
        id: OperatorId,
        operator: &Operator,
        operands: WeightedOperands,
        width: Width,
    ) -> Result<Vec<TensorId>, Diagnostics> {
        let name = self.graph.operator_name(id);
        let incomplete = || {
            let message = "an operand is missing or has no range";
            let place = Place::operator(name.clone());
            Diagnostics::from(Diagnostic::error(&rules::NOT_FLOAT, message, place))
        };
        let form = Form::Integer(width);
        let input_id = operator.input(operands.input).ok_or_else(incomplete)?;
        let weights_id = operator.input(operands.weights).ok_or_else(incomplete)?;
        let bias_id = operator.input(operands.bias);
        let input_scale = self.mappings.of(input_id, width).ok_or_else(incomplete)?.scale;
        let weights = &self.graph.tensors[weights_id];
        let reals = constant_floats(weights).ok_or_else(incomplete)?;
        let bias = bias_id.and_then(|id| constant_floats(&self.graph.tensors[id]));

        let mut scheme = self.scheme.of(&name).clone();
        // TFLM's dense kernel takes 4-bit weights with one scale only, and refuses several.
        if operator.kind() == OperatorKind::FullyConnected && scheme.weights == WeightBits::Four {
            scheme.per_axis = false;
        }
        let layout = ChannelLayout::along(weights.shape.dimensions(), operands.axis);
        let bias_limit = self.bias_limit(width);
        let least = |channel: usize| {
            let bias = bias.as_ref().and_then(|bias| bias.get(channel)).copied().unwrap_or(0.0);
            bias_limit.map_or(0.0, |limit| {
                (f64::from(bias.abs()) / (f64::from(input_scale) * limit)) as f32
            })
        };
        let stored = quantise_weights(&reals, layout, &scheme, self.scheme.power_of_two, &least);
        let bias = self.corrected(id, bias);

        let made_weights = self.weights(weights_id, &scheme, &stored, operands.axis);
        let made_bias = bias.map(|bias| {
            let name = bias_id
                .map_or_else(|| format!("{name}_bias"), |id| self.graph.tensors[id].name.clone());
            let tensor = self.bias(name, &bias, input_scale, &stored.scales, width);
            self.builder.graph.tensor(tensor)
        });
        let tensors = &self.builder.graph.tensors;
        let bytes = [Some(made_weights), made_bias].into_iter().flatten();
        let float_bytes = [Some(weights_id), bias_id].into_iter().flatten();
        let mut layer = QuantisedLayer {
            kind: operator.kind(),
            scheme,
            source: id,
            operator: OperatorId::reserved_value(),
            float_bytes: float_bytes.map(|id| self.graph.tensors[id].bytes()).sum(),
            bytes: bytes.map(|id| tensors[id].bytes()).sum(),
            name,
        };

        let mut made = operator.clone();
        for (index, operand) in made.inputs.iter_mut().enumerate() {
            *operand = match *operand {
                _ if index == operands.weights => Some(made_weights),
                _ if index == operands.bias => made_bias,
                Some(id) => Some(self.builder.need(id, form)),
                None => None,
            };
        }
        if made.inputs.len() <= operands.bias && made_bias.is_some() {
            made.inputs.resize(operands.bias, None);
            made.inputs.push(made_bias);
        }
        made.outputs = operator.outputs.iter().map(|&id| self.builder.declare(id, form)).collect();
        let outputs = made.outputs.to_vec();
        layer.operator = self.builder.graph.operator(made);
        self.layers.push(layer);
        Ok(outputs)
    }

    /// Appends a long short-term memory; returns what it writes.
    fn lstm(
        &mut self,
        id: OperatorId,
        operator: &Operator,
        width: Width,
    ) -> Result<Vec<TensorId>, Diagnostics> {
        let name = self.graph.operator_name(id);
        let incomplete = || {
            let message = "an operand is missing or has no range";
            let place = Place::operator(name.clone());
            Diagnostics::from(Diagnostic::error(&rules::NOT_FLOAT, message, place))
        };
        let scheme = LayerScheme { per_axis: false, ..LayerScheme::new(WeightBits::Eight, width) };
        let input_id = operator.input(0).ok_or_else(incomplete)?;
        let &output_id = operator.outputs.first().ok_or_else(incomplete)?;
        let input_scale = self.mappings.of(input_id, width).ok_or_else(incomplete)?.scale;
        let output = self.mappings.of(output_id, width).ok_or_else(incomplete)?;
        let mut made = operator.clone();
        let mut layer = QuantisedLayer {
            name: name.clone(),
            kind: operator.kind(),
            scheme: scheme.clone(),
            source: id,
            operator: OperatorId::reserved_value(),
            float_bytes: Bytes::ZERO,
            bytes: Bytes::ZERO,
        };
        let mut scales = [1.0; lstm::WEIGHTS.len()];
        for (index, scale) in lstm::WEIGHTS.into_iter().zip(&mut scales) {
            let weights_id = operator.input(index).ok_or_else(incomplete)?;
            let reals = constant_floats(&self.graph.tensors[weights_id]).ok_or_else(incomplete)?;
            let layout = ChannelLayout { channels: 1, inner: reals.len() };
            let stored =
                quantise_weights(&reals, layout, &scheme, self.scheme.power_of_two, &|_| 0.0);
            *scale = stored.scales.first().copied().unwrap_or(1.0);
            let tensor = self.weights(weights_id, &scheme, &stored, 0);
            layer.float_bytes += self.graph.tensors[weights_id].bytes();
            layer.bytes += self.builder.graph.tensors[tensor].bytes();
            made.inputs[index] = Some(tensor);
        }
        for (index, scale) in lstm::BIASES.into_iter().zip(scales) {
            let bias_id = operator.input(index).ok_or_else(incomplete)?;
            let source = &self.graph.tensors[bias_id];
            let reals = constant_floats(source).ok_or_else(incomplete)?;
            let tensor = self.bias(source.name.clone(), &reals, input_scale, &[scale], width);
            layer.float_bytes += source.bytes();
            layer.bytes += tensor.bytes();
            made.inputs[index] = Some(self.builder.graph.tensor(tensor));
        }
        let cell = lstm::cell_mapping(self.graph, operator);
        for (index, element, mapping) in
            [(lstm::LAST_OUTPUT, width.element(), output), (lstm::CELL, ElementType::Int16, cell)]
        {
            let source = operator.input(index).ok_or_else(incomplete)?;
            let mut tensor = self.graph.tensors[source].clone();
            tensor.element = element;
            tensor.quantisation = Some(mapping.quantisation());
            made.inputs[index] = Some(self.builder.graph.tensor(tensor));
        }
        made.inputs[0] = Some(self.builder.need(input_id, Form::Integer(width)));
        made.intermediates.clear();
        // TFLM counts the optional operands at the end too.
        made.inputs.resize(lstm::OPERANDS, None);
        made.outputs = operator
            .outputs
            .iter()
            .map(|&id| self.builder.declare(id, Form::Integer(width)))
            .collect();
        let outputs = made.outputs.to_vec();
        layer.operator = self.builder.graph.operator(made);
        self.layers.push(layer);
        Ok(outputs)
    }

    /// The greatest stored bias, where the scale of the weights has to see to it.
    fn bias_limit(&self, width: Width) -> Option<f64> {
        match (self.scheme.bias_bits, width) {
            (Some(bits), _) => {
                let half = 2_f64.powi(bits.clamp(2, 30) as i32 - 1);
                Some((half - 1.0) * half)
            }
            (None, Width::Eight) => Some(MOST_BIAS),
            (None, Width::Sixteen) => None,
        }
    }

    /// The bias less what is to be taken from it.
    fn corrected(&self, id: OperatorId, bias: Option<Vec<f32>>) -> Option<Vec<f32>> {
        let Some(shift) = self.settings.bias_shifts.get(&id) else { return bias };
        let bias = bias.unwrap_or_else(|| vec![0.0; shift.len()]);
        Some(bias.iter().zip(shift).map(|(&bias, &shift)| bias - shift as f32).collect())
    }

    /// The tensor of quantised weights; one for all layers that quantise the same constant alike.
    fn weights(
        &mut self,
        id: TensorId,
        scheme: &LayerScheme,
        stored: &QuantisedWeights,
        axis: usize,
    ) -> TensorId {
        let known = self.weights.entry(id).or_default();
        let same = known.iter().find(|(other, bits, _)| other == stored && *bits == scheme.weights);
        if let Some(&(_, _, made)) = same {
            return made;
        }
        let source = &self.graph.tensors[id];
        let element = scheme.weights.element();
        let bytes = Buffer::I8(stored.values.clone()).to_packed(element).unwrap_or_default();
        let mut tensor =
            Tensor::constant(source.name.clone(), element, source.shape.clone(), bytes);
        tensor.quantisation = Some(match stored.scales.as_slice() {
            &[scale] => Quantisation::per_tensor(scale, 0),
            scales => Quantisation::per_axis(axis as u32, scales),
        });
        let made = self.builder.graph.tensor(tensor);
        known.push((stored.clone(), scheme.weights, made));
        made
    }

    /// The tensor of a quantised bias.
    fn bias(
        &mut self,
        name: String,
        bias: &[f32],
        input_scale: f32,
        scales: &[f32],
        width: Width,
    ) -> Tensor {
        let scale_at = |channel: usize| match scales {
            [one] => *one,
            many => many.get(channel).copied().unwrap_or(1.0),
        };
        // A narrow bias counts in larger steps.
        let (unit, most) = match self.scheme.bias_bits {
            Some(bits) => {
                let half = 2_f64.powi(bits.clamp(2, 30) as i32 - 1);
                (half, half - 1.0)
            }
            None => (1.0, if width == Width::Eight { f64::from(i32::MAX) } else { 2e18 }),
        };
        let mut is_cut = false;
        let stored: Vec<f64> = bias
            .iter()
            .enumerate()
            .map(|(channel, &bias)| {
                let step = f64::from(input_scale) * f64::from(scale_at(channel)) * unit;
                let steps = (f64::from(bias) / step).round();
                is_cut |= steps.abs() > most;
                steps.clamp(-most, most) * unit
            })
            .collect();
        if is_cut {
            let message = format!("`{name}` is larger than its type and was cut off");
            let place = Place::tensor(name.clone());
            self.notes.push(Diagnostic::warning(&rules::BIAS_CLIPPED, message, place));
        }
        let (element, buffer) = match width {
            Width::Eight => {
                (ElementType::Int32, Buffer::I32(stored.iter().map(|&v| v as i32).collect()))
            }
            Width::Sixteen => {
                (ElementType::Int64, Buffer::I64(stored.iter().map(|&v| v as i64).collect()))
            }
        };
        let bias_scales: Vec<f32> = scales.iter().map(|scale| input_scale * scale).collect();
        let quantisation = match bias_scales.as_slice() {
            &[scale] => Quantisation::per_tensor(scale, 0),
            scales => Quantisation::per_axis(0, scales),
        };
        let shape = cofit_ir::Shape::new(&[bias.len() as u32]);
        Tensor::constant(name, element, shape, buffer.as_slice().to_le_bytes())
            .quantised(quantisation)
    }
}
