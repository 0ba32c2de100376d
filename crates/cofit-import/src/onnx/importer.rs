//! The model under construction: values by name, and who reads them.

mod arrangements;
mod constants;
mod finish;
mod operators;

use std::collections::HashMap;
use std::rc::Rc;

use cofit_ir::{AxisOrder, Graph, OperatorId, Quantisation, Shape, TensorId, ops};
use cofit_vocab::ElementType;
use cofit_vocab::diagnostic::onnx as code;

use super::constant::Constant;
use super::node::Node;
use super::refusal::{Imported, Refusal};
use super::view::{Reading, View};

/// A value of the file.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Known when the model is read, but for its elements perhaps.
    Constant(Rc<Constant>),
    /// Computed or fed at run time.
    Activation(View),
    /// What a refused node would have made; what reads it is passed over.
    Refused,
}

/// The model under construction.
pub(crate) struct Importer {
    /// The graph.
    pub graph: Graph,
    /// How often each name is read, graph outputs included.
    pub uses: HashMap<String, u32>,
    /// In integer mode, the quantisation of the node's result.
    pub target: Option<Target>,
    /// Weights that the node's import quantised anew.
    pub remarks: Vec<String>,
    values: HashMap<String, Value>,
    /// For each tensor, the reads of names that show it.
    readers: HashMap<TensorId, u32>,
    producers: HashMap<TensorId, OperatorId>,
    /// Constants that were stored, by what they were made of.
    stored: HashMap<(u32, String), TensorId>,
    /// Tensors that were rearranged or dequantised, by what they were made of.
    arranged: HashMap<(TensorId, Vec<usize>, Shape), TensorId>,
    dequantised: HashMap<TensorId, TensorId>,
    constants: u32,
    /// Bytes that constants may still be copied to.
    budget: u64,
    /// The node that is being imported.
    index: Option<u32>,
}

/// What an operator in integer mode writes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// Element type.
    pub element: ElementType,
    /// Scale and zero point.
    pub quantisation: Quantisation,
}

impl Importer {
    /// An empty model. Constants may be copied to `budget` bytes in sum.
    pub fn new(name: &str, budget: u64) -> Self {
        Self {
            graph: Graph { name: name.to_owned(), ..Graph::default() },
            uses: HashMap::new(),
            target: None,
            remarks: Vec::new(),
            values: HashMap::new(),
            readers: HashMap::new(),
            producers: HashMap::new(),
            stored: HashMap::new(),
            arranged: HashMap::new(),
            dequantised: HashMap::new(),
            constants: 0,
            budget,
            index: None,
        }
    }

    /// Notes which node the next operators come from.
    pub fn begin(&mut self, node: &Node<'_>) {
        self.index = u32::try_from(node.index).ok();
        self.target = None;
    }

    /// Takes bytes from what constants may be copied to.
    pub fn spend(&mut self, bytes: u64) -> Imported {
        match self.budget.checked_sub(bytes) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => Err(Refusal::new(
                &code::TOO_MUCH_DATA,
                "constants are rearranged into many times the file's size",
            )),
        }
    }

    // Values.

    /// The value of a name, if it has one yet.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// How often a name is read.
    pub fn use_count(&self, name: &str) -> u32 {
        self.uses.get(name).copied().unwrap_or(0)
    }

    /// Gives a name its value.
    pub fn bind(&mut self, name: &str, value: Value) {
        if let Value::Activation(view) = &value {
            let uses = self.use_count(name);
            *self.readers.entry(view.tensor).or_default() += uses;
        }
        self.values.insert(name.to_owned(), value);
    }

    /// Gives the node's result `index` a value that was computed. Where that is a tensor which was
    /// there before, because the operator that writes it was changed, the node has read it.
    pub fn bind_result(&mut self, node: &Node<'_>, index: usize, view: View) {
        if let Some(name) = node.output(index) {
            self.note_axes(&view);
            if let Some(readers) = self.readers.get_mut(&view.tensor) {
                *readers = readers.saturating_sub(1);
            }
            self.bind(name, Value::Activation(view));
        }
    }

    /// Gives the node's first result another view of the tensor that its first operand shows.
    pub fn bind_view(&mut self, node: &Node<'_>, view: View) {
        if let Some(readers) = self.readers.get_mut(&view.tensor) {
            *readers = readers.saturating_sub(1);
        }
        if let Some(name) = node.output(0) {
            self.bind(name, Value::Activation(view));
        }
    }

    /// Gives the node's result `index` a constant.
    pub fn bind_constant(&mut self, node: &Node<'_>, index: usize, constant: Constant) {
        if let Some(name) = node.output(index) {
            let constant = self.adopt(Constant { name: name.to_owned(), ..constant });
            self.bind(name, Value::Constant(constant));
        }
    }

    /// Records on a view's tensor how its axes relate to the file's.
    fn note_axes(&mut self, view: &View) {
        let tensor = &mut self.graph.tensors[view.tensor];
        if let Some(order) = view.natural(&tensor.shape)
            && view.stored_shape(&order) == tensor.shape
            && let Some(order) = AxisOrder::new(&order, view.rank())
        {
            tensor.origin.axes = (!order.is_identity()).then_some(order);
        }
    }

    /// Makes a constant one of its own.
    pub fn adopt(&mut self, constant: Constant) -> Rc<Constant> {
        self.constants = self.constants.saturating_add(1);
        Rc::new(Constant { id: self.constants, ..constant })
    }

    /// The constant that operand `index` is; `None` where it is missing or computed.
    pub fn constant(&self, node: &Node<'_>, index: usize) -> Option<Rc<Constant>> {
        match self.values.get(node.input(index)?)? {
            Value::Constant(constant) => Some(Rc::clone(constant)),
            Value::Activation(_) | Value::Refused => None,
        }
    }

    /// The integers of an operand that must be known when the model is read; `None` where it is
    /// missing.
    ///
    /// # Errors
    /// It is computed, or its elements are absent.
    pub fn known_integers(
        &self,
        node: &Node<'_>,
        index: usize,
        what: &str,
    ) -> Imported<Option<Vec<i64>>> {
        if node.input(index).is_none() {
            return Ok(None);
        }
        let values = self.constant(node, index).and_then(|constant| constant.integers());
        values.map(Some).ok_or_else(|| {
            Refusal::dynamic(format!(
                "operand {index}, {what}, is not known when the model is read"
            ))
        })
    }

    /// The reals of an operand that must be known when the model is read; `None` where it is
    /// missing.
    ///
    /// # Errors
    /// It is computed, or its elements are absent.
    pub fn known_reals(
        &self,
        node: &Node<'_>,
        index: usize,
        what: &str,
    ) -> Imported<Option<Vec<f64>>> {
        if node.input(index).is_none() {
            return Ok(None);
        }
        let constant = self.constant(node, index);
        let values = constant.and_then(|constant| constant.reals(super::constant::MOST_FOLDED));
        values.map(Some).ok_or_else(|| {
            Refusal::dynamic(format!(
                "operand {index}, {what}, is not known when the model is read"
            ))
        })
    }

    /// The activation that operand `index` is; constants become tensors. In float mode integers
    /// that stand for reals are dequantised first.
    ///
    /// # Errors
    /// The operand is missing.
    pub fn view(&mut self, node: &Node<'_>, index: usize) -> Imported<View> {
        let name = node
            .input(index)
            .ok_or_else(|| Refusal::node(format!("operand {index} is missing")))?;
        let view = match self.values.get(name) {
            Some(Value::Activation(view)) => view.clone(),
            Some(Value::Constant(constant)) => {
                let constant = Rc::clone(constant);
                return self.constant_view(&constant);
            }
            Some(Value::Refused) | None => {
                return Err(Refusal::new(
                    &code::UNKNOWN_VALUE,
                    format!("nothing defines `{name}`"),
                ));
            }
        };
        self.plain(view)
    }

    /// The view as the current mode reads it.
    pub fn plain(&mut self, view: View) -> Imported<View> {
        match view.reading {
            Reading::Dequantised if self.target.is_none() => {
                let tensor = match self.dequantised.get(&view.tensor) {
                    Some(&tensor) => tensor,
                    None => {
                        let name = format!("{}/real", self.graph.tensors[view.tensor].name);
                        let real = self.emit(ops::Dequantize::default(), &[view.tensor], &name)?;
                        let axes = self.graph.tensors[view.tensor].origin.axes;
                        self.graph.tensors[real].origin.axes = axes;
                        self.dequantised.insert(view.tensor, real);
                        real
                    }
                };
                Ok(View { tensor, reading: Reading::Plain, ..view })
            }
            Reading::Shifted => Err(Refusal::form(
                "it computes with unsigned integers, which are stored with a sign",
            )),
            Reading::Plain | Reading::Dequantised => Ok(view),
        }
    }

    /// A constant as a tensor in the file's order.
    pub fn constant_view(&mut self, constant: &Rc<Constant>) -> Imported<View> {
        let order: Vec<usize> = (0..constant.shape.rank()).collect();
        let shape = constant.shape.clone();
        let tensor = self.store(constant, shape.dimensions(), &order, shape.clone())?;
        Ok(View::of(tensor, &shape))
    }
}

/// The quantisation of a bias: the product of the input's scale and each of the weights'.
pub(crate) fn bias_quantisation(input: &Quantisation, weights: &Quantisation) -> Quantisation {
    let scale = input.at(0).map_or(1.0, |(scale, _)| scale);
    let scales: Vec<f32> = weights.scales.iter().map(|step| step * scale).collect();
    match scales.as_slice() {
        &[scale] => Quantisation::per_tensor(scale, 0),
        scales => Quantisation::per_axis(0, scales),
    }
}
