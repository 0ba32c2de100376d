//! What an operator's rules see of the graph: its operands and results, and nothing else.

use std::fmt;

use cofit_vocab::ElementType;

use crate::{Graph, Operator, Shape, Tensor};

/// An operator's tensors.
#[derive(Clone, Copy, Debug)]
pub struct Operands<'a> {
    graph: &'a Graph,
    operator: &'a Operator,
}

impl<'a> Operands<'a> {
    /// The tensors of `operator` in `graph`.
    pub const fn new(graph: &'a Graph, operator: &'a Operator) -> Self {
        Self { graph, operator }
    }

    /// Number of operands listed, missing optional ones included.
    pub fn count(&self) -> usize {
        self.operator.inputs.len()
    }

    /// Number of results.
    pub fn output_count(&self) -> usize {
        self.operator.outputs.len()
    }

    /// Operand `index`, if it is there.
    pub fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.operator.input(index).and_then(|id| self.graph.tensors.get(id))
    }

    /// Operand `index`.
    ///
    /// # Errors
    /// [`RuleError::MissingOperand`].
    pub fn input(&self, index: usize) -> Result<&'a Tensor, RuleError> {
        self.optional(index).ok_or(RuleError::MissingOperand { index })
    }

    /// Every operand that is there.
    pub fn inputs(&self) -> impl Iterator<Item = &'a Tensor> + use<'a> {
        let graph = self.graph;
        self.operator.inputs.iter().flatten().filter_map(move |&id| graph.tensors.get(id))
    }

    /// Result `index`, as the graph has it.
    pub fn output(&self, index: usize) -> Option<&'a Tensor> {
        self.operator.outputs.get(index).and_then(|&id| self.graph.tensors.get(id))
    }

    /// The integers of constant operand `index`; `None` where its values are unknown or computed,
    /// or where there are more than 256. Shapes, borders and axes are short, and a file may hand one
    /// long list to every operator.
    ///
    /// # Errors
    /// [`RuleError::MissingOperand`].
    pub fn integers(&self, index: usize) -> Result<Option<Vec<i64>>, RuleError> {
        const MOST: u64 = 256;
        let tensor = self.input(index)?;
        Ok(if tensor.shape.elements() <= MOST { tensor.integers() } else { None })
    }

    /// The first integer of constant operand `index`, for axes; `None` where it is unknown.
    ///
    /// # Errors
    /// [`RuleError::MissingOperand`].
    pub fn integer(&self, index: usize) -> Result<Option<i64>, RuleError> {
        Ok(self.integers(index)?.and_then(|values| values.first().copied()))
    }

    /// Checks that there are `count` results.
    ///
    /// # Errors
    /// [`RuleError::Mismatch`].
    pub fn expect_outputs(&self, count: u32) -> Result<(), RuleError> {
        if self.output_count() as u64 == u64::from(count) {
            return Ok(());
        }
        Err(RuleError::mismatch(format!(
            "{} results where the attribute says {count}",
            self.output_count()
        )))
    }

    /// Checks that operand `index`, if it is there, has `count` elements.
    ///
    /// # Errors
    /// [`RuleError::Mismatch`].
    pub fn expect_elements(&self, index: usize, count: u64) -> Result<(), RuleError> {
        match self.optional(index) {
            Some(tensor) if tensor.shape.elements() != count => Err(RuleError::mismatch(format!(
                "operand {index} has shape {} where {count} elements are needed",
                tensor.shape
            ))),
            Some(_) | None => Ok(()),
        }
    }

    /// Elements of the first result; 0 without one.
    pub fn output_elements(&self) -> u64 {
        self.output(0).map_or(0, |output| output.shape.elements())
    }
}

/// What the rules say about one result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFact {
    /// The element type, or `None` where the file decides.
    pub element: Option<ElementType>,
    /// The shape, or `None` where it depends on values that are not known.
    pub shape: Option<Shape>,
}

impl OutputFact {
    /// A known element type and shape.
    pub const fn new(element: ElementType, shape: Shape) -> Self {
        Self { element: Some(element), shape: Some(shape) }
    }

    /// A known shape; the file decides the element type.
    pub const fn shape(shape: Shape) -> Self {
        Self { element: None, shape: Some(shape) }
    }

    /// Nothing is known.
    pub const fn unknown() -> Self {
        Self { element: None, shape: None }
    }
}

/// Operands that an operator's definition does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// A required operand is not there.
    MissingOperand {
        /// Its position.
        index: usize,
    },
    /// An operand has the wrong number of axes.
    Rank {
        /// Its position.
        index: usize,
        /// What the definition asks for.
        expected: &'static str,
        /// What it has.
        shape: Shape,
    },
    /// Operands or attributes that do not go together.
    Mismatch(String),
}

impl RuleError {
    /// Operands or attributes that do not go together, in one sentence. A message that a hostile
    /// file made long is cut.
    pub fn mismatch(message: impl Into<String>) -> Self {
        const LONGEST: usize = 400;
        let mut message = message.into();
        if message.len() > LONGEST {
            message.truncate(message.floor_char_boundary(LONGEST));
            message.push_str(" ...");
            message.shrink_to_fit();
        }
        Self::Mismatch(message)
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingOperand { index } => write!(f, "operand {index} is missing"),
            Self::Rank { index, expected, shape } => {
                write!(f, "operand {index} has shape {shape} where {expected} is needed")
            }
            Self::Mismatch(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for RuleError {}

/// The result of a binary element-wise operator: the first operand's type, the broadcast shape.
pub(crate) fn elementwise(operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
    let (a, b) = (operands.input(0)?, operands.input(1)?);
    let shape = a.shape.broadcast(&b.shape).ok_or_else(|| {
        RuleError::mismatch(format!("shapes {} and {} do not broadcast", a.shape, b.shape))
    })?;
    Ok(vec![OutputFact::new(a.element, shape)])
}

/// The result of a unary element-wise operator: the operand's type and shape.
pub(crate) fn unary(operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
    let input = operands.input(0)?;
    Ok(vec![OutputFact::new(input.element, input.shape.clone())])
}

/// The result of comparing two operands: truth values in the broadcast shape.
pub(crate) fn comparison(operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
    let mut facts = elementwise(operands)?;
    facts.iter_mut().for_each(|fact| fact.element = Some(ElementType::Bool));
    Ok(facts)
}

/// The result of combining the truth values of the first `count` operands, one or two.
pub(crate) fn logical(operands: &Operands<'_>, count: usize) -> Result<Vec<OutputFact>, RuleError> {
    (0..count).try_for_each(|index| expect_truth(operands, index))?;
    if count == 1 { unary(operands) } else { elementwise(operands) }
}

/// Checks that operand `index` holds truth values.
pub(crate) fn expect_truth(operands: &Operands<'_>, index: usize) -> Result<(), RuleError> {
    match operands.input(index)?.element {
        ElementType::Bool => Ok(()),
        element => Err(RuleError::mismatch(format!(
            "operand {index} has {element} elements where bool is needed"
        ))),
    }
}

/// The shape whose axis lengths are `lengths`.
pub(crate) fn shape_of(lengths: &[i64]) -> Result<Shape, RuleError> {
    let shape = lengths.iter().map(|&length| u32::try_from(length).ok()).collect::<Option<Shape>>();
    shape
        .filter(|_| lengths.len() <= Shape::MAX_RANK)
        .ok_or_else(|| RuleError::mismatch(format!("{lengths:?} is no shape")))
}

/// The axis of `shape` that `axis` names, where negative values count from the end.
pub(crate) fn axis_of(shape: &Shape, axis: i64) -> Result<usize, RuleError> {
    shape
        .resolve_axis(axis)
        .ok_or_else(|| RuleError::mismatch(format!("shape {shape} has no axis {axis}")))
}

/// `shape` without axis `axis`.
pub(crate) fn without_axis(shape: &Shape, axis: usize) -> Shape {
    let lengths = shape.dimensions().iter().enumerate();
    lengths.filter(|&(other, _)| other != axis).map(|(_, &length)| length).collect()
}

/// `shape` with one more axis of `length`, which stands at `axis` of the result.
pub(crate) fn with_axis(shape: &Shape, axis: i64, length: u32) -> Result<Shape, RuleError> {
    let mut lengths = shape.dimensions().to_vec();
    lengths.push(length);
    let axis = Shape::new(&lengths).resolve_axis(axis).ok_or_else(|| {
        RuleError::mismatch(format!("shape {shape} cannot take an axis at {axis}"))
    })?;
    lengths[axis..].rotate_right(1);
    Ok(lengths.into_iter().collect())
}
