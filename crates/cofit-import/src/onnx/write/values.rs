//! Values of the graph under their names in the file: order of axes, integers, constants.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use cofit_ir::{Graph, Quantisation, Tensor, TensorId};
use cofit_vocab::diagnostic::onnx as codes;
use cofit_vocab::{Code, Diagnostic, Diagnostics, Place};
use cranelift_entity::EntityRef;

use super::arrays::{element_type, floats, integers, tensor, turned};
use crate::onnx::proto::{AttributeProto, NodeProto, TensorProto, attribute_type};

/// From the model's order of a map's axes to the file's, and back.
pub(super) const TO_FIRST: [usize; 4] = [0, 3, 1, 2];
pub(super) const TO_LAST: [usize; 4] = [0, 2, 3, 1];

/// A file in the making.
pub(super) struct Writer<'a> {
    pub(super) graph: &'a Graph,
    pub(super) nodes: Vec<NodeProto>,
    pub(super) initializers: Vec<TensorProto>,
    pub(super) diagnostics: Diagnostics,
    /// Values that have their channels before height and width.
    pub(super) first: BTreeSet<TensorId>,
    /// Names of the integers of values that are quantised.
    pub(super) stored: BTreeMap<TensorId, String>,
    names: BTreeMap<TensorId, String>,
    taken: BTreeSet<String>,
    /// Names of values in the other order of axes.
    turned: BTreeMap<TensorId, String>,
    /// Names of constants, by tensor and by the order of axes.
    constants: BTreeMap<(TensorId, Vec<usize>, Vec<u32>), String>,
    /// The operator whose name parts of it take.
    pub(super) whole: String,
}

/// An attribute of whole numbers.
pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: values.to_vec(),
        r#type: attribute_type::INTS,
        ..AttributeProto::default()
    }
}

/// An attribute of one whole number.
pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i,
        r#type: attribute_type::INT,
        ..AttributeProto::default()
    }
}

/// An attribute of one float.
pub(super) fn real(name: &str, f: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        f,
        r#type: attribute_type::FLOAT,
        ..AttributeProto::default()
    }
}

/// An attribute of one word.
pub(super) fn word(name: &str, s: &'static str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        s: Bytes::from_static(s.as_bytes()),
        r#type: attribute_type::STRING,
        ..AttributeProto::default()
    }
}

/// Axes as attributes have them.
pub(super) fn order(axes: &[usize]) -> Vec<i64> {
    axes.iter().map(|&axis| axis as i64).collect()
}

impl<'a> Writer<'a> {
    pub(super) fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            nodes: Vec::new(),
            initializers: Vec::new(),
            diagnostics: Diagnostics::new(),
            first: BTreeSet::new(),
            stored: BTreeMap::new(),
            names: BTreeMap::new(),
            taken: BTreeSet::new(),
            turned: BTreeMap::new(),
            constants: BTreeMap::new(),
            whole: String::new(),
        }
    }

    pub(super) fn error(&mut self, code: &'static Code, message: &str, tensor: &Tensor) {
        let place = Place::tensor(tensor.name.clone());
        self.diagnostics.push(Diagnostic::error(code, message, place));
    }

    /// A name like `name` that nothing else has.
    pub(super) fn fresh(&mut self, name: &str) -> String {
        let plain = if name.is_empty() { "value" } else { name };
        let mut candidate = plain.to_owned();
        let mut number = 1u64;
        while !self.taken.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{plain}.{number}");
        }
        candidate
    }

    /// The name of a value as the operators on floats read it.
    pub(super) fn name(&mut self, id: TensorId) -> String {
        if let Some(name) = self.names.get(&id) {
            return name.clone();
        }
        let own = &self.graph.tensors[id].name;
        let own = if own.is_empty() { format!("t{}", id.index()) } else { own.clone() };
        let name = self.fresh(&own);
        self.names.insert(id, name.clone());
        name
    }

    /// A value's lengths in the file.
    pub(super) fn lengths(&self, id: TensorId) -> Vec<u32> {
        let lengths = self.graph.tensors[id].shape.dimensions();
        match *lengths {
            [n, h, w, c] if self.first.contains(&id) => vec![n, c, h, w],
            _ => lengths.to_vec(),
        }
    }

    /// Adds a node with one result of this name.
    pub(super) fn node(
        &mut self,
        op_type: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<AttributeProto>,
    ) {
        let name = format!("{}/{}{}", self.whole, op_type, self.nodes.len());
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            name,
            op_type: op_type.to_owned(),
            attribute,
            domain: String::new(),
        });
    }

    /// Adds a node whose result has a name of its own; the name.
    pub(super) fn between(
        &mut self,
        op_type: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) -> String {
        let name = self.fresh(&format!("{}/{}", self.whole, op_type.to_lowercase()));
        self.node(op_type, inputs, &name, attribute);
        name
    }

    /// Adds a list of whole numbers.
    pub(super) fn list(&mut self, what: &str, values: &[i64]) -> String {
        let name = self.fresh(&format!("{}/{what}", self.whole));
        self.initializers.push(integers(name.clone(), values));
        name
    }

    /// Adds a float.
    pub(super) fn number(&mut self, what: &str, value: f32) -> String {
        let name = self.fresh(&format!("{}/{what}", self.whole));
        self.initializers.push(floats(name.clone(), &[], &[value]));
        name
    }

    /// The name of a value with its channels first, or last.
    fn arranged(&mut self, id: TensorId, is_first: bool) -> String {
        let name = self.name(id);
        if self.graph.tensors[id].shape.rank() != 4 || self.first.contains(&id) == is_first {
            return name;
        }
        if let Some(known) = self.turned.get(&id) {
            return known.clone();
        }
        let perm = order(if is_first { &TO_FIRST } else { &TO_LAST });
        let turned = self.fresh(&format!("{name}/turned"));
        self.node("Transpose", &[&name], &turned, vec![ints("perm", &perm)]);
        self.turned.insert(id, turned.clone());
        turned
    }

    /// The name of an operand, constants included, with channels first.
    pub(super) fn map(&mut self, id: TensorId) -> Option<String> {
        let tensor = &self.graph.tensors[id];
        if !tensor.is_constant() {
            return Some(self.arranged(id, true));
        }
        match *tensor.shape.dimensions() {
            [_, _, _, _] => self.constant(id, &TO_FIRST, None),
            [channels] => self.constant(id, &[0], Some(&[channels, 1, 1])),
            [] => self.constant(id, &[], None),
            _ => None,
        }
    }

    /// The name of an operand, constants included, as the model has it.
    pub(super) fn plain(&mut self, id: TensorId) -> Option<String> {
        let tensor = &self.graph.tensors[id];
        if !tensor.is_constant() {
            return Some(self.arranged(id, false));
        }
        let axes: Vec<usize> = (0..tensor.shape.rank()).collect();
        self.constant(id, &axes, None)
    }

    /// The name of a constant as floats, with its axes in `axes` and of the lengths `lengths` where they
    /// are not those.
    pub(super) fn constant(
        &mut self,
        id: TensorId,
        axes: &[usize],
        lengths: Option<&[u32]>,
    ) -> Option<String> {
        let tensor = &self.graph.tensors[id];
        let own = tensor.shape.dimensions();
        let dims: Vec<u32> = match lengths {
            Some(lengths) => lengths.to_vec(),
            None => axes.iter().map(|&axis| own.get(axis).copied()).collect::<Option<_>>()?,
        };
        let key = (id, axes.to_vec(), dims.clone());
        if let Some(known) = self.constants.get(&key) {
            return Some(known.clone());
        }
        let Some(elem_type) = element_type(tensor.element) else {
            let message =
                format!("ONNX files of cofit have no constants of type {}", tensor.element);
            self.error(&codes::WRITE_UNSUPPORTED, &message, tensor);
            return Some(String::new());
        };
        let Some(data) = tensor.data() else {
            self.error(&codes::WRITE_ABSENT_WEIGHTS, "the constant's values are not known", tensor);
            return Some(String::new());
        };
        let width = (tensor.element.bits() / 8) as usize;
        let is_turned = !axes.iter().copied().eq(0..own.len());
        let data = match is_turned {
            true => Bytes::from(turned(data, width, own, axes)?),
            false => data.clone(),
        };
        let name = self.name(id);
        let name = if self.constants.keys().any(|(known, _, _)| *known == id) {
            self.fresh(&name)
        } else {
            name
        };
        self.constants.insert(key, name.clone());
        match &tensor.quantisation {
            Some(quantisation) if quantisation.is_quantised() && !tensor.element.is_float() => {
                let stored = self.fresh(&format!("{name}/stored"));
                self.initializers.push(tensor_proto(stored.clone(), elem_type, &dims, data));
                // The scales' axis goes where its axis went; a single one stays.
                let axis = axes.iter().position(|&axis| axis == quantisation.axis as usize);
                self.scaled(
                    "DequantizeLinear",
                    &stored,
                    tensor,
                    quantisation,
                    axis.unwrap_or(0),
                    &name,
                );
            }
            Some(_) | None => {
                self.initializers.push(tensor_proto(name.clone(), elem_type, &dims, data))
            }
        }
        Some(name)
    }

    /// From integers named `stored` to the value `name`.
    pub(super) fn dequantise(&mut self, stored: &str, id: TensorId, name: &str) {
        let tensor = &self.graph.tensors[id];
        if let Some(quantisation) = &tensor.quantisation {
            self.scaled("DequantizeLinear", stored, tensor, quantisation, 0, name);
        }
    }

    /// A node with a scale and a zero point.
    fn scaled(
        &mut self,
        op_type: &str,
        input: &str,
        tensor: &Tensor,
        quantisation: &Quantisation,
        axis: usize,
        output: &str,
    ) {
        let is_list = quantisation.scales.len() > 1;
        let count = u32::try_from(quantisation.scales.len()).unwrap_or(u32::MAX);
        let dims: &[u32] = if is_list { &[count] } else { &[] };
        let scale = self.fresh(&format!("{output}/scale"));
        self.initializers.push(floats(scale.clone(), dims, &quantisation.scales));
        let zero_point = self.fresh(&format!("{output}/zero_point"));
        let width = (tensor.element.bits() / 8) as usize;
        let zeros: Vec<u8> = (0..quantisation.scales.len())
            .flat_map(|at| {
                let zero = quantisation.at(at).map_or(0, |(_, zero)| zero);
                zero.to_le_bytes().into_iter().take(width)
            })
            .collect();
        let elem_type = element_type(tensor.element).unwrap_or_default();
        self.initializers.push(tensor_proto(zero_point.clone(), elem_type, dims, zeros.into()));
        let attributes = if is_list { vec![int("axis", axis as i64)] } else { Vec::new() };
        self.node(op_type, &[input, &scale, &zero_point], output, attributes);
    }

    /// Takes the floats named `computed` as the value `id`: rounded to its integers where it has some.
    pub(super) fn settle(&mut self, computed: &str, id: TensorId) {
        let tensor = &self.graph.tensors[id];
        let name = self.name(id);
        match &tensor.quantisation {
            Some(quantisation) if !tensor.element.is_float() => {
                if element_type(tensor.element).is_none() {
                    let message =
                        format!("ONNX files of cofit have no values of type {}", tensor.element);
                    self.error(&codes::WRITE_UNSUPPORTED, &message, tensor);
                    return;
                }
                let stored = self.fresh(&format!("{name}/stored"));
                self.scaled("QuantizeLinear", computed, tensor, quantisation, 0, &stored);
                self.dequantise(&stored, id, &name);
                self.stored.insert(id, stored);
            }
            Some(_) | None => self.node("Identity", &[computed], &name, Vec::new()),
        }
    }
}

/// A constant of these bytes.
fn tensor_proto(name: String, elem_type: i32, dims: &[u32], data: Bytes) -> TensorProto {
    tensor(name, elem_type, dims, data)
}
