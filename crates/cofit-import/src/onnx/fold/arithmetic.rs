//! Arithmetic on the elements of constants.

use std::rc::Rc;

use cofit_ir::Shape;
use cofit_vocab::ElementType;

use super::{MOST_COMPUTED, stretched};
use crate::onnx::constant::{self, Constant};
use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::operators::movement;
use crate::onnx::refusal::{Imported, Refusal};

/// Elements to compute with.
enum Numbers {
    Integers(Vec<i64>),
    Reals(Vec<f64>),
    Absent,
}

/// A constant's elements in another type.
pub(super) fn converted(constant: &Constant, element: ElementType) -> Constant {
    build(numbers(constant), element, constant.shape.clone())
}

fn numbers(constant: &Constant) -> Numbers {
    let Some(data) = &constant.data else { return Numbers::Absent };
    if constant.quantisation.is_none()
        && let Some(integers) = constant::integers(constant.element, data)
    {
        return Numbers::Integers(integers.collect());
    }
    match constant.reals(u64::MAX) {
        Some(reals) => Numbers::Reals(reals),
        None => Numbers::Absent,
    }
}

fn build(numbers: Numbers, element: ElementType, shape: Shape) -> Constant {
    let width = (element.bits() / 8) as usize;
    let integer = |value: i64| value.to_le_bytes().into_iter().take(width);
    let data: Option<Vec<u8>> = match (numbers, element) {
        (Numbers::Absent, _) => None,
        (Numbers::Integers(values), ElementType::Float32) => {
            Some(values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect())
        }
        (Numbers::Reals(values), ElementType::Float32) => {
            Some(values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect())
        }
        (Numbers::Integers(values), ElementType::Bool) => {
            Some(values.iter().map(|&value| u8::from(value != 0)).collect())
        }
        (Numbers::Reals(values), ElementType::Bool) => {
            Some(values.iter().map(|&value| u8::from(value != 0.0)).collect())
        }
        (Numbers::Integers(values), _) => {
            Some(values.iter().flat_map(|&value| integer(value)).collect())
        }
        (Numbers::Reals(values), _) => {
            Some(values.iter().flat_map(|&value| integer(value as i64)).collect())
        }
    };
    Constant::anonymous(element, shape, data.map(Into::into))
}

/// `Range`, where its bounds are known and it is short.
pub(super) fn range(operands: &[Option<Rc<Constant>>]) -> Option<Constant> {
    let [Some(start), Some(limit), Some(delta)] = operands else { return None };
    let element = start.element;
    let (start, limit, delta) = (start.scalar()?, limit.scalar()?, delta.scalar()?);
    let count = ((limit - start) / delta).ceil().max(0.0);
    if !count.is_finite() || count > constant::MOST_FOLDED as f64 {
        return None;
    }
    let values = (0..count as u32).map(|index| start + f64::from(index) * delta).collect();
    Some(build(Numbers::Reals(values), element, Shape::new(&[count as u32])))
}

/// Element-wise arithmetic and reductions.
pub(super) fn arithmetic(
    importer: &mut Importer,
    node: &Node<'_>,
    operands: &[Option<Rc<Constant>>],
) -> Imported<Option<Constant>> {
    let present: Option<Vec<&Rc<Constant>>> = operands.iter().map(Option::as_ref).collect();
    let Some(present) = present else { return Ok(None) };
    let kind = node.kind();
    let Some(&first) = present.first() else { return Ok(None) };
    if kind.starts_with("Reduce") {
        return reduce(importer, node, first);
    }
    let is_comparison = matches!(
        kind,
        "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "And" | "Or" | "Not"
    );
    let counts = match kind {
        "Neg" | "Sqrt" | "Abs" | "Floor" | "Ceil" | "Not" | "Reciprocal" | "Exp" | "Log" => 1..=1,
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Mod" | "Equal" | "Less" | "Greater"
        | "LessOrEqual" | "GreaterOrEqual" | "And" | "Or" => 2..=2,
        "Where" => 3..=3,
        "Min" | "Max" | "Sum" => 1..=usize::MAX,
        _ => return Ok(None),
    };
    if !counts.contains(&present.len()) {
        return Ok(None);
    }
    let mut shape = first.shape.clone();
    for operand in &present {
        shape = shape
            .broadcast(&operand.shape)
            .ok_or_else(|| Refusal::node("the operands' shapes do not broadcast"))?;
    }
    if shape.elements() > MOST_COMPUTED {
        return Ok(None);
    }
    importer.spend(shape.elements().saturating_mul(16 * present.len() as u64))?;
    let value = if kind == "Where" { present[1] } else { first };
    let element = match () {
        () if is_comparison => ElementType::Bool,
        () if value.quantisation.is_some() => ElementType::Float32,
        () => value.element,
    };
    let all: Vec<(Numbers, Vec<usize>)> = present
        .iter()
        .map(|operand| (numbers(operand), stretched(&operand.shape, &shape)))
        .collect();
    if all.iter().any(|(numbers, _)| matches!(numbers, Numbers::Absent)) {
        return Ok(Some(Constant::anonymous(element, shape, None)));
    }
    let is_integer = all.iter().all(|(numbers, _)| matches!(numbers, Numbers::Integers(_)));
    let count = shape.elements() as usize;
    let made = if is_integer && !matches!(kind, "Sqrt" | "Reciprocal" | "Exp" | "Log") {
        let mut results = Vec::with_capacity(count);
        for index in 0..count {
            let values: Vec<i64> = all
                .iter()
                .map(|(numbers, places)| match numbers {
                    Numbers::Integers(values) => values.get(places[index]).copied().unwrap_or(0),
                    Numbers::Reals(_) | Numbers::Absent => 0,
                })
                .collect();
            let Some(result) = integer(kind, &values) else {
                return Err(Refusal::node(format!("{kind} of {values:?}")));
            };
            results.push(result);
        }
        Numbers::Integers(results)
    } else {
        let mut results = Vec::with_capacity(count);
        for index in 0..count {
            let values: Vec<f64> = all
                .iter()
                .map(|(numbers, places)| match numbers {
                    Numbers::Integers(values) => {
                        values.get(places[index]).copied().unwrap_or(0) as f64
                    }
                    Numbers::Reals(values) => values.get(places[index]).copied().unwrap_or(0.0),
                    Numbers::Absent => 0.0,
                })
                .collect();
            results.push(real(kind, &values));
        }
        Numbers::Reals(results)
    };
    Ok(Some(build(made, element, shape)))
}

/// Integer arithmetic; `None` where it has no result.
fn integer(kind: &str, values: &[i64]) -> Option<i64> {
    let b = values.get(1).copied().unwrap_or(0);
    let a = values[0];
    Some(match kind {
        "Neg" => a.checked_neg()?,
        "Abs" => a.checked_abs()?,
        "Floor" | "Ceil" => a,
        "Not" => i64::from(a == 0),
        "Add" => a.checked_add(b)?,
        "Sub" => a.checked_sub(b)?,
        "Mul" => a.checked_mul(b)?,
        "Div" => a.checked_div(b)?,
        "Mod" => a.checked_rem_euclid(b)?,
        "Pow" => a.checked_pow(u32::try_from(b).ok()?)?,
        "Equal" => i64::from(a == b),
        "Less" => i64::from(a < b),
        "Greater" => i64::from(a > b),
        "LessOrEqual" => i64::from(a <= b),
        "GreaterOrEqual" => i64::from(a >= b),
        "And" => i64::from(a != 0 && b != 0),
        "Or" => i64::from(a != 0 || b != 0),
        "Where" if a != 0 => b,
        "Where" => *values.get(2)?,
        "Min" => *values.iter().min()?,
        "Max" => *values.iter().max()?,
        "Sum" => values.iter().try_fold(0i64, |sum, &value| sum.checked_add(value))?,
        _ => return None,
    })
}

/// Real arithmetic.
fn real(kind: &str, values: &[f64]) -> f64 {
    let a = values[0];
    let b = values.get(1).copied().unwrap_or(0.0);
    let truth = |truth: bool| f64::from(u8::from(truth));
    match kind {
        "Neg" => -a,
        "Abs" => a.abs(),
        "Sqrt" => a.sqrt(),
        "Floor" => a.floor(),
        "Ceil" => a.ceil(),
        "Reciprocal" => 1.0 / a,
        "Exp" => a.exp(),
        "Log" => a.ln(),
        "Not" => truth(a == 0.0),
        "Add" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Mod" => a % b,
        "Pow" => a.powf(b),
        "Equal" => truth(a == b),
        "Less" => truth(a < b),
        "Greater" => truth(a > b),
        "LessOrEqual" => truth(a <= b),
        "GreaterOrEqual" => truth(a >= b),
        "And" => truth(a != 0.0 && b != 0.0),
        "Or" => truth(a != 0.0 || b != 0.0),
        "Where" if a != 0.0 => b,
        "Where" => values.get(2).copied().unwrap_or(0.0),
        "Min" => values.iter().copied().fold(a, f64::min),
        "Max" => values.iter().copied().fold(a, f64::max),
        _ => values.iter().sum(),
    }
}

/// Reductions of short constants to one element.
fn reduce(importer: &Importer, node: &Node<'_>, from: &Rc<Constant>) -> Imported<Option<Constant>> {
    let axes = movement::reduced_axes(importer, node, from.shape.rank())?;
    let Some(values) = from.reals(constant::MOST_FOLDED) else { return Ok(None) };
    if axes.len() != from.shape.rank() {
        return Ok(None);
    }
    let result = match node.kind() {
        "ReduceProd" => values.iter().product(),
        "ReduceSum" => values.iter().sum(),
        "ReduceMax" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => values.iter().copied().fold(f64::INFINITY, f64::min),
        _ => return Ok(None),
    };
    let shape = match node.int("keepdims", 1) {
        0 => Shape::scalar(),
        _ => from.shape.dimensions().iter().map(|_| 1).collect(),
    };
    Ok(Some(build(Numbers::Reals(vec![result]), from.element, shape)))
}
