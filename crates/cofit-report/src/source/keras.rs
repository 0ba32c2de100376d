//! A program as a functional model of Keras 3.
//!
//! Keras has channels innermost, as the model does, so shapes are the model's.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cofit_ir::{Extent2d, Padding};

use super::program::{Call, Function, Operand, Pairing, Program, Sliding, Step};
use super::{float, tuple};

/// A layer of a single array, for which Keras has none.
const LEARNED: &str = "class Learned(layers.Layer):\n    \
    \"\"\"An array that training finds, added to its input or multiplied with it.\"\"\"\n\n    \
    def __init__(self, shape, function, **kwargs):\n        \
    super().__init__(**kwargs)\n        \
    self.function = function\n        \
    self.array = self.add_weight(shape=shape, initializer=\"ones\", name=\"array\")\n\n    \
    def call(self, x):\n        return self.function(x, self.array)\n\n\n";

/// The model as a Python file.
pub fn write(program: &Program) -> String {
    let (mut made, mut body) = (BTreeSet::new(), String::new());
    let mut group = "";
    let repeated = repeated(program);
    for step in &program.steps {
        if step.group != group {
            group = &step.group;
            if !group.is_empty() {
                let _ = writeln!(body, "    # {group}");
            }
        }
        let mut layer = layer(program, step);
        if repeated.contains(step.name.as_str()) {
            // A layer that is called again is made once.
            if let Some(made_layer) = layer.take() {
                if made.insert(step.name.clone()) {
                    let _ = writeln!(body, "    {} = {made_layer}", variable(&step.name));
                }
                layer = Some(variable(&step.name));
            }
        }
        let expression = expression(program, step, layer);
        let variable = program.variable(step.result);
        let shape = tuple(program.shape(step.result));
        let _ = writeln!(body, "    {variable} = {expression}  # {shape}");
    }
    let inputs: Vec<String> = program
        .inputs
        .iter()
        .map(|&id| {
            let (variable, shape) = (program.variable(id), tuple(program.shape(id)));
            format!("    {variable} = keras.Input(batch_shape={shape}, name=\"{variable}\")\n")
        })
        .collect();
    let names = |ids: &[_]| {
        let list: Vec<&str> = ids.iter().map(|&id| program.variable(id)).collect();
        list.join(", ")
    };
    let has_learned = program
        .steps
        .iter()
        .flat_map(|step| &step.operands)
        .any(|operand| matches!(operand, Operand::Learned(..)));
    format!(
        "\"\"\"{name}: {about}\n\n{parameters} parameters.\n\"\"\"\n\n\
         import keras\nfrom keras import layers, ops\n\n\n{learned}\
         def build():\n{inputs}{body}    \
         return keras.Model([{ins}], [{outs}], name=\"{name}\")\n\n\n\
         if __name__ == \"__main__\":\n    build().summary()\n",
        name = program.name,
        about = if program.description.is_empty() { "a network" } else { &program.description },
        parameters = program.parameters,
        learned = if has_learned { LEARNED } else { "" },
        inputs = inputs.concat(),
        ins = names(&program.inputs),
        outs = names(&program.outputs),
    )
}

/// The variable of a layer that is called more than once.
fn variable(name: &str) -> String {
    format!("{name}_layer")
}

/// Layers that more than one statement calls.
fn repeated(program: &Program) -> BTreeSet<&str> {
    let (mut once, mut again) = (BTreeSet::new(), BTreeSet::new());
    for step in program.steps.iter().filter(|step| !step.name.is_empty()) {
        if !once.insert(step.name.as_str()) {
            again.insert(step.name.as_str());
        }
    }
    again
}

/// What a layer of a window is made with: `same` where that is the model's word, and otherwise nothing,
/// for a border of numbers is a layer before.
fn padding(sliding: &Sliding) -> &'static str {
    match sliding.padding {
        Padding::Same => ", padding=\"same\"",
        Padding::Valid | Padding::Explicit { .. } => "",
    }
}

/// The layer of a statement that has one.
fn layer(program: &Program, step: &Step) -> Option<String> {
    let pair = |extent: Extent2d| tuple(&[extent.height, extent.width]);
    let no_bias = |has_bias: bool| if has_bias { "" } else { ", use_bias=False" };
    let name = &step.name;
    match &step.call {
        Call::Conv { depth, channels, groups, sliding, has_bias } => {
            let window = &sliding.window;
            let is_depthwise = *groups == *depth && *groups > 1;
            let mut text = if is_depthwise {
                format!("layers.DepthwiseConv2D({}", pair(window.kernel))
            } else {
                format!("layers.Conv2D({channels}, {}", pair(window.kernel))
            };
            if is_depthwise && channels != depth {
                let _ = write!(text, ", depth_multiplier={}", channels / (*depth).max(1));
            }
            if window.stride != Extent2d::ONE {
                let _ = write!(text, ", strides={}", pair(window.stride));
            }
            text.push_str(padding(sliding));
            if window.dilation != Extent2d::ONE {
                let _ = write!(text, ", dilation_rate={}", pair(window.dilation));
            }
            if !is_depthwise && *groups != 1 {
                let _ = write!(text, ", groups={groups}");
            }
            Some(format!("{text}{}, name=\"{name}\")", no_bias(*has_bias)))
        }
        Call::TransposeConv { channels, sliding, has_bias, .. } => Some(format!(
            "layers.Conv2DTranspose({channels}, {}, strides={}{}{}, name=\"{name}\")",
            pair(sliding.window.kernel),
            pair(sliding.window.stride),
            padding(sliding),
            no_bias(*has_bias)
        )),
        Call::Dense { units, has_bias, .. } => {
            Some(format!("layers.Dense({units}{}, name=\"{name}\")", no_bias(*has_bias)))
        }
        Call::BatchNorm { epsilon, .. } => {
            let epsilon = float(*epsilon);
            Some(format!("layers.BatchNormalization(epsilon={epsilon}, name=\"{name}\")"))
        }
        Call::Gru { cells, .. } => {
            Some(format!("layers.GRU({cells}, return_sequences=True, name=\"{name}\")"))
        }
        Call::Lstm { cells, .. } => {
            Some(format!("layers.LSTM({cells}, return_sequences=True, name=\"{name}\")"))
        }
        Call::Pool { is_largest, sliding } => {
            let window = &sliding.window;
            let kind = if *is_largest { "MaxPooling2D" } else { "AveragePooling2D" };
            let is_whole = step.operands.first().is_some_and(|operand| match operand {
                Operand::Value(id) => {
                    let kernel = [window.kernel.height, window.kernel.width];
                    program.shape(*id).get(1..3) == Some(&kernel)
                }
                Operand::Number(_) | Operand::Learned(..) => false,
            });
            if is_whole && !is_largest && sliding.padding == Padding::Valid {
                return Some("layers.GlobalAveragePooling2D(keepdims=True)".to_owned());
            }
            Some(format!(
                "layers.{kind}({}, strides={}{})",
                pair(window.kernel),
                pair(window.stride),
                padding(sliding)
            ))
        }
        Call::Resize { size, is_bilinear } => {
            let mode = if *is_bilinear { "bilinear" } else { "nearest" };
            let size = tuple(&[size.height, size.width]);
            let (rows, columns) = (size, mode);
            Some(format!(
                "layers.Resizing(*{rows}, interpolation=\"{columns}\", data_format=\"channels_last\")"
            ))
        }
        Call::Function(_)
        | Call::Pairing(_)
        | Call::Softmax(_)
        | Call::Concatenation(_)
        | Call::Reshape(_)
        | Call::Transpose(_)
        | Call::Pad(_)
        | Call::Reduce { .. }
        | Call::MatMul(..)
        | Call::Slice(_)
        | Call::Identity => None,
    }
}

/// The right side of a statement.
fn expression(program: &Program, step: &Step, layer: Option<String>) -> String {
    let text = call(program, step, layer);
    match step.then {
        Some(then) => function(then, &text),
        None => text,
    }
}

fn value(program: &Program, operand: &Operand) -> String {
    match operand {
        Operand::Value(id) => program.variable(*id).to_owned(),
        Operand::Number(number) => float(*number),
        Operand::Learned(name, _) => name.clone(),
    }
}

fn call(program: &Program, step: &Step, layer: Option<String>) -> String {
    let operands: Vec<String> =
        step.operands.iter().map(|operand| value(program, operand)).collect();
    let x = operands.first().map_or("x", String::as_str);
    match &step.call {
        Call::Conv { sliding, .. } | Call::Pool { sliding, .. } => {
            let layer = layer.unwrap_or_default();
            match sliding.padding {
                Padding::Explicit { top, bottom, left, right } => format!(
                    "{layer}(ops.pad({x}, ((0, 0), ({top}, {bottom}), ({left}, {right}), (0, 0))))"
                ),
                Padding::Same | Padding::Valid => format!("{layer}({x})"),
            }
        }
        Call::TransposeConv { sliding, output, .. } => {
            let layer = layer.unwrap_or_default();
            match sliding.padding {
                Padding::Same | Padding::Valid => format!("{layer}({x})"),
                Padding::Explicit { top, left, .. } => {
                    let (rows, columns) = (top + output.height, left + output.width);
                    format!("{layer}({x})[:, {top}:{rows}, {left}:{columns}, :]")
                }
            }
        }
        Call::Dense { depth, rows: Some(rows), .. } => {
            format!("{}(ops.reshape({x}, ({rows}, {depth})))", layer.unwrap_or_default())
        }
        Call::Dense { .. }
        | Call::BatchNorm { .. }
        | Call::Gru { .. }
        | Call::Lstm { .. }
        | Call::Resize { .. } => format!("{}({x})", layer.unwrap_or_default()),
        Call::Function(what) => function(*what, x),
        Call::Pairing(what) => pairing(*what, step, &operands),
        Call::Softmax(beta) if *beta == 1.0 => format!("ops.softmax({x})"),
        Call::Softmax(beta) => format!("ops.softmax({} * {x})", float(*beta)),
        Call::Concatenation(axis) => {
            format!("ops.concatenate([{}], axis={axis})", operands.join(", "))
        }
        Call::Reshape(shape) => format!("ops.reshape({x}, {})", tuple(shape)),
        Call::Transpose(order) => format!("ops.transpose({x}, {})", tuple(order)),
        Call::Pad(border) => {
            let pairs: Vec<String> = border.iter().map(|pair| tuple(pair)).collect();
            format!("ops.pad({x}, {})", tuple(&pairs))
        }
        Call::Reduce { word, axes, keeps } => {
            let keeps = if *keeps { ", keepdims=True" } else { "" };
            format!("ops.{word}({x}, axis={}{keeps})", tuple(axes))
        }
        Call::MatMul(first, second) => {
            let turned = |text: &str, rank: usize, is_turned: bool| {
                if !is_turned {
                    return text.to_owned();
                }
                let mut order: Vec<usize> = (0..rank).collect();
                if rank >= 2 {
                    order.swap(rank - 1, rank - 2);
                }
                format!("ops.transpose({text}, {})", tuple(&order))
            };
            let rank = program.shape(step.result).len();
            let y = operands.get(1).map_or("x", String::as_str);
            format!("ops.matmul({}, {})", turned(x, rank, *first), turned(y, rank, *second))
        }
        Call::Slice(ranges) => {
            let ranges: Vec<String> =
                ranges.iter().map(|[first, end]| format!("{first}:{end}")).collect();
            format!("{x}[{}]", ranges.join(", "))
        }
        Call::Identity => x.to_owned(),
    }
}

fn pairing(pairing: Pairing, step: &Step, operands: &[String]) -> String {
    let word = match pairing {
        Pairing::Add => "add",
        Pairing::Sub => "subtract",
        Pairing::Mul => "multiply",
        Pairing::Div => "divide",
        Pairing::Maximum => "maximum",
        Pairing::Minimum => "minimum",
        Pairing::SquaredDifference => "subtract",
    };
    let text = match step.operands.as_slice() {
        [one, Operand::Learned(name, shape)] if !matches!(one, Operand::Learned(..)) => {
            let (shape, x) = (tuple(shape), operands.first().map_or("x", String::as_str));
            format!("Learned({shape}, ops.{word}, name=\"{name}\")({x})")
        }
        [Operand::Learned(name, shape), _] => {
            let (shape, x) = (tuple(shape), operands.last().map_or("x", String::as_str));
            format!("Learned({shape}, lambda x, y: ops.{word}(y, x), name=\"{name}\")({x})")
        }
        _ => format!("ops.{word}({})", operands.join(", ")),
    };
    match pairing {
        Pairing::SquaredDifference => format!("ops.square({text})"),
        Pairing::Add
        | Pairing::Sub
        | Pairing::Mul
        | Pairing::Div
        | Pairing::Maximum
        | Pairing::Minimum => text,
    }
}

fn function(function: Function, x: &str) -> String {
    match function {
        Function::Relu => format!("ops.relu({x})"),
        Function::Clip(0.0, 6.0) => format!("ops.relu6({x})"),
        Function::Clip(least, most) => format!("ops.clip({x}, {}, {})", float(least), float(most)),
        Function::Tanh => format!("ops.tanh({x})"),
        Function::Sigmoid => format!("ops.sigmoid({x})"),
        Function::HardSwish => format!("ops.hard_swish({x})"),
        Function::LeakyRelu(slope) => {
            format!("ops.leaky_relu({x}, negative_slope={})", float(slope))
        }
        Function::Elu => format!("ops.elu({x})"),
        Function::Gelu(is_approximate) => {
            let is_approximate = if is_approximate { "True" } else { "False" };
            format!("ops.gelu({x}, approximate={is_approximate})")
        }
        Function::Exp => format!("ops.exp({x})"),
        Function::Rsqrt => format!("ops.rsqrt({x})"),
        Function::Sqrt => format!("ops.sqrt({x})"),
        Function::Square => format!("ops.square({x})"),
        Function::Abs => format!("ops.absolute({x})"),
        Function::Neg => format!("ops.negative({x})"),
    }
}
