//! The arrangement in which a graph's input is best stored.
//!
//! An input that a convolution or pool reads is stored with channels innermost, also where
//! element-wise operators and transposes come first. The first such reader decides.

use std::collections::{HashMap, HashSet};

use super::proto::{GraphProto, NodeProto};
use super::view::{Arrangement, channels_innermost};

/// How many nodes between an input and its first convolution are looked through.
const MOST_STEPS: usize = 64;

/// The arrangement of the input `name` of `rank` axes; `None` where the file's own order is as
/// good.
pub(crate) fn of_input(
    graph: &GraphProto,
    readers: &HashMap<&str, Vec<usize>>,
    name: &str,
    rank: usize,
) -> Option<Arrangement> {
    if !(3..=4).contains(&rank) {
        return None;
    }
    // Names that show the input, each with the input's axis for every axis of its own.
    let mut shown: Vec<(&str, Vec<usize>)> = vec![(name, (0..rank).collect())];
    let mut seen = HashSet::new();
    let mut steps = 0;
    while let Some((name, axes)) = shown.pop() {
        let reading = readers.get(name).into_iter().flatten();
        for node in reading.filter_map(|&index| graph.node.get(index)) {
            steps += 1;
            if steps > MOST_STEPS {
                return None;
            }
            let is_first = node.input.first().is_some_and(|input| input == name);
            match role(node) {
                Role::Windowed if is_first => {
                    let order = channels_innermost(rank);
                    return Some(order.iter().map(|axis| axis.map(|axis| axes[axis])).collect());
                }
                Role::Transpose => {
                    if let Some(axes) = turned(node, &axes)
                        && let Some(output) = node.output.first()
                        && seen.insert(output.as_str())
                    {
                        shown.push((output, axes));
                    }
                }
                Role::Elementwise => {
                    for output in &node.output {
                        if seen.insert(output.as_str()) {
                            shown.push((output, axes.clone()));
                        }
                    }
                }
                Role::Windowed | Role::Other => {}
            }
        }
    }
    None
}

/// The axes after a transpose.
fn turned(node: &NodeProto, axes: &[usize]) -> Option<Vec<usize>> {
    let order = node.attribute.iter().find(|attribute| attribute.name == "perm");
    match order {
        None => Some(axes.iter().rev().copied().collect()),
        Some(order) if order.ints.len() == axes.len() => {
            let axis = |&axis: &i64| axes.get(usize::try_from(axis).ok()?).copied();
            order.ints.iter().map(axis).collect()
        }
        Some(_) => None,
    }
}

enum Role {
    /// Wants channels innermost.
    Windowed,
    /// Takes any arrangement.
    Elementwise,
    Transpose,
    Other,
}

fn role(node: &NodeProto) -> Role {
    match node.op_type.as_str() {
        "Conv"
        | "ConvTranspose"
        | "QLinearConv"
        | "ConvInteger"
        | "FusedConv"
        | "MaxPool"
        | "AveragePool"
        | "GlobalAveragePool"
        | "GlobalMaxPool"
        | "BatchNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "Resize"
        | "Upsample"
        | "DepthToSpace"
        | "SpaceToDepth"
        | "QLinearAveragePool"
        | "QLinearGlobalAveragePool" => Role::Windowed,
        "Add" | "Sub" | "Mul" | "Div" | "Relu" | "Clip" | "Cast" | "Identity" | "Dropout"
        | "QuantizeLinear" | "DequantizeLinear" | "Pad" | "Sigmoid" | "Tanh" | "LeakyRelu"
        | "Neg" | "Abs" | "Sqrt" | "Exp" | "Log" | "Pow" | "Slice" | "Split" | "Concat" | "Min"
        | "Max" | "PRelu" | "HardSwish" | "HardSigmoid" | "Elu" => Role::Elementwise,
        "Transpose" => Role::Transpose,
        _ => Role::Other,
    }
}
