//! The operators of `ai.onnx.ml` that exporters of scikit-learn write for linear models.

use cofit_ir::{Op, Shape, ops};
use cofit_vocab::ElementType;
use cofit_vocab::diagnostic::onnx as code;

use crate::onnx::constant::Constant;
use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{Reading, View};

use super::activation::softmax_of;
use super::elementwise::{Side, combine, of_sides};
use super::movement::keeping;
use super::reduction::over;
use super::{dense, elementwise};

/// An operator of the set.
pub(super) fn import(importer: &mut Importer, node: &Node<'_>) -> Imported {
    match node.kind() {
        "LinearRegressor" => regressor(importer, node),
        "LinearClassifier" => classifier(importer, node),
        "Scaler" => scaler(importer, node),
        "Normalizer" => normalizer(importer, node),
        "ArrayFeatureExtractor" => super::selection::features(importer, node),
        "Cast" => elementwise::cast(importer, node),
        kind => {
            let kind = &kind[..kind.floor_char_boundary(100)];
            let refusal =
                Refusal::new(&code::UNSUPPORTED_OPERATOR, format!("ai.onnx.ml.{kind} is not read"));
            Err(match kind {
                "ZipMap" => refusal.with_help(
                    "Export with skl2onnx and options={'zipmap': False}, so that probabilities \
                     stay a tensor.",
                ),
                "TreeEnsembleClassifier" | "TreeEnsembleRegressor" | "TreeEnsemble" => refusal
                    .with_help(
                        "Trees are not made of tensor operators; emlearn or m2cgen turn them into \
                         C directly.",
                    ),
                _ => refusal.with_help("Linear models, scalers and normalisers are read."),
            })
        }
    }
}

/// The input times coefficients `[outputs, features]` plus intercepts.
fn linear(importer: &mut Importer, node: &Node<'_>, outputs: u32, name: &str) -> Imported<View> {
    let input = importer.view(node, 0)?;
    let coefficients = node.floats("coefficients").unwrap_or_default();
    let input = match input.rank() {
        2 => input,
        1 => super::movement::reshaped(importer, &input, &Shape::new(&[1, input.length(0)]))?,
        rank => return Err(Refusal::node(format!("an input of {rank} axes"))),
    };
    let features = input.length(1);
    let expected = u64::from(outputs) * u64::from(features);
    if outputs == 0 || coefficients.len() as u64 != expected {
        return Err(Refusal::node(format!(
            "{} coefficients of {outputs} outputs and {features} features",
            coefficients.len()
        )));
    }
    let shape = Shape::new(&[outputs, features]);
    let weights = Constant::of_floats(coefficients, shape);
    let weights = importer.adopt(Constant { name: format!("{name}/coefficients"), ..weights });
    let intercepts = node.floats("intercepts").unwrap_or_default();
    let bias = match intercepts.len() {
        0 => None,
        count if count as u64 == u64::from(outputs) => {
            let bias = Constant::of_floats(intercepts, Shape::new(&[outputs]));
            Some(importer.adopt(Constant { name: format!("{name}/intercepts"), ..bias }))
        }
        count => return Err(Refusal::node(format!("{count} intercepts of {outputs} outputs"))),
    };
    dense::dense(importer, name, &input, &weights, true, bias.as_ref())
}

fn post_transform(
    importer: &mut Importer,
    node: &Node<'_>,
    view: View,
    name: &str,
) -> Imported<View> {
    match node.string("post_transform").unwrap_or("NONE") {
        "NONE" => Ok(view),
        "LOGISTIC" => keeping(importer, &view, ops::Logistic::default(), name),
        "SOFTMAX" => softmax_of(importer, &view, 1, name),
        other => Err(Refusal::form(format!("attribute `post_transform` is `{other}`"))),
    }
}

fn regressor(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let targets = u32::try_from(node.int("targets", 1)).unwrap_or(0);
    let view = linear(importer, node, targets, node.result())?;
    let view = post_transform(importer, node, view, &format!("{}/transformed", node.result()))?;
    importer.bind_result(node, 0, view);
    Ok(())
}

/// `LinearClassifier`: result 0 is the label, result 1 the scores.
fn classifier(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let labels = node.ints("classlabels_ints").unwrap_or_default();
    let names = node.strings("classlabels_strings").unwrap_or_default();
    let wants_label = node.output(0).is_some_and(|name| importer.use_count(name) > 0);
    let counts_up = labels.iter().copied().eq(0..labels.len() as i64);
    if wants_label && (!names.is_empty() || !counts_up) {
        return Err(Refusal::form("labels that are not the numbers from 0 on").with_help(
            "Keep the scores and drop the label from the outputs, or train on labels 0, 1, 2, ...",
        ));
    }
    let classes = labels.len().max(names.len());
    let intercepts = node.floats("intercepts").map_or(0, <[f32]>::len);
    let outputs = u32::try_from(if intercepts > 0 { intercepts } else { classes }).unwrap_or(0);
    if outputs as usize != classes {
        return Err(Refusal::form("a binary classifier with one row of coefficients")
            .with_help("Export it with two rows, as current skl2onnx does."));
    }
    let name = node.output(1).unwrap_or(node.result()).to_owned();
    let scores = linear(importer, node, outputs, &format!("{name}/linear"))?;
    if wants_label && let Some(label) = node.output(0) {
        let (tensor, order) = importer.complete(&scores)?;
        let at = super::movement::place(&order, 1)?;
        let axis = importer.integers(&format!("{label}/axis"), &[at], &[])?;
        let op = ops::ArgMax { output: ElementType::Int64 };
        let made = importer.emit(op, &[tensor, axis], label)?;
        let order = super::movement::without(&order, &[1]);
        let view = View { reading: Reading::Plain, ..importer.result_view(made, &order, 1) };
        importer.bind_result(node, 0, view);
    }
    let scores = post_transform(importer, node, scores, &name)?;
    importer.bind_result(node, 1, scores);
    Ok(())
}

/// `Scaler`: `(x - offset) * scale`.
fn scaler(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let mut view = importer.view(node, 0)?;
    let name = node.result();
    let steps: [(&str, Op); 2] =
        [("offset", ops::Sub::default().into()), ("scale", ops::Mul::default().into())];
    for (attribute, op) in steps {
        let Some(values) = node.floats(attribute).filter(|values| !values.is_empty()) else {
            continue;
        };
        let shape = match values.len() {
            1 => Shape::scalar(),
            count => Shape::new(&[u32::try_from(count).unwrap_or(u32::MAX)]),
        };
        let constant = Constant::of_floats(values, shape);
        let constant = importer.adopt(Constant { name: format!("{name}/{attribute}"), ..constant });
        let last = if attribute == "scale" { name.to_owned() } else { format!("{name}/moved") };
        let side = Side::Constant(constant);
        view = of_sides(importer, op, &Side::Activation(view), &side, &last)?;
    }
    importer.bind_result(node, 0, view);
    Ok(())
}

/// `Normalizer`: every row over its length, sum or largest element.
fn normalizer(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let name = node.result();
    let axis = view.rank().checked_sub(1).ok_or_else(|| Refusal::node("a scalar"))?;
    let made = match node.string("norm").unwrap_or("MAX") {
        "L2" => {
            let tensor = importer.arrange(&view, &crate::onnx::view::in_order(view.rank()))?;
            let made = importer.emit(ops::L2Normalization::default(), &[tensor], name)?;
            importer.result_view(made, &crate::onnx::view::in_order(view.rank()), view.rank())
        }
        norm => {
            let op: Op = match norm {
                "L1" => ops::Sum { keep_dims: true }.into(),
                "MAX" => ops::ReduceMax { keep_dims: true }.into(),
                other => return Err(Refusal::form(format!("attribute `norm` is `{other}`"))),
            };
            let size = keeping(importer, &view, ops::Abs::default(), &format!("{name}/size"))?;
            let size = over(importer, &size, op, &[axis], true, &format!("{name}/norm"))?;
            combine(importer, ops::Div::default(), &view, &size, name)?
        }
    };
    importer.bind_result(node, 0, made);
    Ok(())
}
