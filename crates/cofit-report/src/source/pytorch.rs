//! A program as a PyTorch module.
//!
//! PyTorch's convolutions take channels before height and width. Maps are kept so from one layer to the
//! next, and turned where the model flattens, transposes or multiplies matrices: a weight of the model's
//! dense layers has its place in the module's.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cofit_ir::{Extent2d, TensorId};

use super::program::{Call, Function, Operand, Pairing, Program, Sliding, Step};
use super::{class_name, float, tuple};

/// The module as a Python file.
pub fn write(program: &Program) -> String {
    let mut writer = Writer { program, first: BTreeSet::new() };
    for &input in &program.inputs {
        if program.shape(input).len() == 4 {
            writer.first.insert(input);
        }
    }
    let mut layers = String::new();
    let mut named = BTreeSet::new();
    let mut body = String::new();
    let mut group = "";
    for step in &program.steps {
        for line in constructors(program, step) {
            if named.insert(line.clone()) {
                let _ = writeln!(layers, "        {line}");
            }
        }
        if step.group != group {
            group = &step.group;
            if !group.is_empty() {
                let _ = writeln!(body, "        # {group}");
            }
        }
        let expression = writer.expression(step);
        let shape = writer.shape(step.result);
        let variable = program.variable(step.result);
        let _ = writeln!(body, "        {variable} = {expression}  # {shape}");
    }
    let class = class_name(&program.name);
    let inputs: Vec<&str> = program.inputs.iter().map(|&id| program.variable(id)).collect();
    let outputs: Vec<&str> = program.outputs.iter().map(|&id| program.variable(id)).collect();
    let shapes: Vec<String> = program.inputs.iter().map(|&id| writer.shape(id)).collect();
    format!(
        "\"\"\"{name}: {about}\n\n\
         {parameters} parameters. Maps have their channels before height and width.\n\"\"\"\n\n\
         import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n\
         INPUT_SHAPES = [{shapes}]\n\n\n\
         class {class}(nn.Module):\n    def __init__(self):\n        super().__init__()\n{layers}\n    \
         def forward(self, {inputs}):\n{body}        return {outputs}\n\n\n\
         def build():\n    return {class}()\n\n\n\
         if __name__ == \"__main__\":\n    model = build()\n    \
         results = model(*[torch.zeros(shape) for shape in INPUT_SHAPES])\n    \
         results = results if isinstance(results, tuple) else (results,)\n    \
         print(sum(p.numel() for p in model.parameters() if p.requires_grad), \"parameters\")\n    \
         print(*[tuple(result.shape) for result in results])\n",
        name = program.name,
        about = if program.description.is_empty() { "a network" } else { &program.description },
        parameters = program.parameters,
        shapes = shapes.join(", "),
        inputs = inputs.join(", "),
        outputs = outputs.join(", "),
    )
}

/// The layers and arrays of a statement.
fn constructors(program: &Program, step: &Step) -> Vec<String> {
    let pair = |extent: Extent2d| tuple(&[extent.height, extent.width]);
    let no_bias = |has_bias: bool| if has_bias { "" } else { ", bias=False" };
    let name = &step.name;
    let mut lines = Vec::new();
    match &step.call {
        Call::Conv { depth, channels, groups, sliding, has_bias } => {
            let window = &sliding.window;
            let mut text =
                format!("self.{name} = nn.Conv2d({depth}, {channels}, {}", pair(window.kernel));
            if window.stride != Extent2d::ONE {
                let _ = write!(text, ", stride={}", pair(window.stride));
            }
            if let Some(even) = even(sliding).filter(|even| *even != [0, 0]) {
                let _ = write!(text, ", padding={}", tuple(&even));
            }
            if window.dilation != Extent2d::ONE {
                let _ = write!(text, ", dilation={}", pair(window.dilation));
            }
            if *groups != 1 {
                let _ = write!(text, ", groups={groups}");
            }
            lines.push(format!("{text}{})", no_bias(*has_bias)));
        }
        Call::TransposeConv { depth, channels, sliding, input, output, has_bias } => {
            let window = &sliding.window;
            let lack = |input: u32, output: u32, kernel: u32, stride: u32| {
                let whole =
                    u64::from(input.saturating_sub(1)) * u64::from(stride) + u64::from(kernel);
                u64::from(output).saturating_sub(whole)
            };
            let (kernel, stride) = (window.kernel, window.stride);
            let lacking = [
                lack(input.height, output.height, kernel.height, stride.height),
                lack(input.width, output.width, kernel.width, stride.width),
            ];
            let mut text = format!(
                "self.{name} = nn.ConvTranspose2d({depth}, {channels}, {}, stride={}",
                pair(kernel),
                pair(stride)
            );
            if lacking != [0, 0] {
                let _ = write!(text, ", output_padding={}", tuple(&lacking));
            }
            lines.push(format!("{text}{})", no_bias(*has_bias)));
        }
        Call::Dense { depth, units, has_bias, .. } => {
            lines.push(format!("self.{name} = nn.Linear({depth}, {units}{})", no_bias(*has_bias)));
        }
        Call::BatchNorm { channels, epsilon } => {
            let kind = if program.shape(step.result).len() == 4 { "2d" } else { "1d" };
            let epsilon = float(*epsilon);
            lines.push(format!("self.{name} = nn.BatchNorm{kind}({channels}, eps={epsilon})"));
        }
        Call::Gru { depth, cells } => {
            lines.push(format!("self.{name} = nn.GRU({depth}, {cells}, batch_first=True)"));
        }
        Call::Lstm { depth, cells } => {
            lines.push(format!("self.{name} = nn.LSTM({depth}, {cells}, batch_first=True)"));
            // PyTorch adds two biases for each gate where the model has one.
            lines.push(format!("self.{name}.bias_hh_l0.requires_grad_(False).zero_()"));
        }
        Call::Pool { .. }
        | Call::Function(_)
        | Call::Pairing(_)
        | Call::Softmax(_)
        | Call::Concatenation(_)
        | Call::Reshape(_)
        | Call::Transpose(_)
        | Call::Pad(_)
        | Call::Resize { .. }
        | Call::Reduce { .. }
        | Call::MatMul(..)
        | Call::Slice(_)
        | Call::Identity => {}
    }
    for operand in &step.operands {
        if let Operand::Learned(name, shape) = operand {
            lines.push(format!("self.{name} = nn.Parameter(torch.ones{})", tuple(shape)));
        }
    }
    lines
}

/// Rows and columns on both sides, where the sides have as many.
fn even(sliding: &Sliding) -> Option<[u32; 2]> {
    let amounts = &sliding.amounts;
    let is_even = amounts.top == amounts.bottom && amounts.left == amounts.right;
    is_even.then_some([amounts.top, amounts.left])
}

/// The axis of a map with channels first.
fn moved(axis: usize) -> usize {
    [0, 2, 3, 1].get(axis).copied().unwrap_or(axis)
}

struct Writer<'a> {
    program: &'a Program,
    /// Values that have their channels before height and width.
    first: BTreeSet<TensorId>,
}

impl Writer<'_> {
    /// A value's shape as the module has it.
    fn shape(&self, id: TensorId) -> String {
        match *self.program.shape(id) {
            [n, h, w, c] if self.first.contains(&id) => tuple(&[n, c, h, w]),
            ref shape => tuple(shape),
        }
    }

    /// A value with channels first.
    fn map(&self, operand: &Operand) -> String {
        match operand {
            Operand::Value(id) if self.first.contains(id) => self.program.variable(*id).to_owned(),
            Operand::Value(id) => format!("{}.permute(0, 3, 1, 2)", self.program.variable(*id)),
            Operand::Number(number) => float(*number),
            Operand::Learned(name, shape) => match shape.len() {
                1 => format!("self.{name}[:, None, None]"),
                4 => format!("self.{name}.permute(0, 3, 1, 2)"),
                _ => format!("self.{name}"),
            },
        }
    }

    /// A value as the model has it.
    fn plain(&self, operand: &Operand) -> String {
        match operand {
            Operand::Value(id) if self.first.contains(id) => {
                format!("{}.permute(0, 2, 3, 1)", self.program.variable(*id))
            }
            Operand::Value(id) => self.program.variable(*id).to_owned(),
            Operand::Number(number) => float(*number),
            Operand::Learned(name, _) => format!("self.{name}"),
        }
    }

    /// Whether an operand has its channels first, or nothing to turn.
    fn is_first(&self, operand: &Operand) -> bool {
        match operand {
            Operand::Value(id) => self.first.contains(id),
            Operand::Number(_) => true,
            Operand::Learned(_, shape) => matches!(shape.len(), 0 | 1 | 4),
        }
    }

    /// Operands alike: all with channels first if they are maps and one of them has them so.
    fn alike(&mut self, step: &Step) -> (Vec<String>, bool) {
        let are_maps = self.program.shape(step.result).len() == 4
            && step.operands.iter().all(|operand| match operand {
                Operand::Value(id) => self.program.shape(*id).len() == 4,
                Operand::Number(_) | Operand::Learned(..) => self.is_first(operand),
            });
        let is_first = are_maps
            && step
                .operands
                .iter()
                .any(|operand| matches!(operand, Operand::Value(_)) && self.is_first(operand));
        if is_first {
            self.first.insert(step.result);
        }
        let read = |operand| if is_first { self.map(operand) } else { self.plain(operand) };
        (step.operands.iter().map(read).collect(), is_first)
    }

    /// The right side of a statement.
    fn expression(&mut self, step: &Step) -> String {
        let text = self.call(step);
        match step.then {
            Some(then) => function(then, &text),
            None => text,
        }
    }

    fn call(&mut self, step: &Step) -> String {
        let name = &step.name;
        let operand = step.operands.first().cloned().unwrap_or(Operand::Number(0.0));
        let operand = &operand;
        match &step.call {
            Call::Conv { sliding, .. } => {
                self.first.insert(step.result);
                let x = self.map(operand);
                match even(sliding) {
                    Some(_) => format!("self.{name}({x})"),
                    None => format!("self.{name}({})", padded(&x, sliding, "")),
                }
            }
            Call::TransposeConv { sliding, output, .. } => {
                self.first.insert(step.result);
                let (amounts, x) = (&sliding.amounts, self.map(operand));
                let text = format!("self.{name}({x})");
                if amounts.top + amounts.bottom + amounts.left + amounts.right == 0 {
                    return text;
                }
                let (rows, columns) = (amounts.top + output.height, amounts.left + output.width);
                format!("{text}[:, :, {}:{rows}, {}:{columns}]", amounts.top, amounts.left)
            }
            Call::Dense { depth, rows, .. } => {
                let x = self.plain(operand);
                match rows {
                    Some(rows) => format!("self.{name}({x}.reshape({rows}, {depth}))"),
                    None => format!("self.{name}({x})"),
                }
            }
            Call::BatchNorm { channels, .. } => {
                let shape = self.program.shape(step.result);
                if shape.len() == 4 {
                    self.first.insert(step.result);
                    return format!("self.{name}({})", self.map(operand));
                }
                let x = self.plain(operand);
                format!("self.{name}({x}.reshape(-1, {channels})).reshape{}", tuple(shape))
            }
            Call::Pool { is_largest, sliding } => {
                self.first.insert(step.result);
                let is_whole = match *operand {
                    Operand::Value(id) => {
                        let kernel = sliding.window.kernel;
                        let shape = self.program.shape(id);
                        shape.get(1..3) == Some(&[kernel.height, kernel.width])
                            && even(sliding) == Some([0, 0])
                    }
                    Operand::Number(_) | Operand::Learned(..) => false,
                };
                pooled(&self.map(operand), *is_largest, is_whole, sliding)
            }
            Call::Gru { .. } | Call::Lstm { .. } => {
                format!("self.{name}({})[0]", self.plain(operand))
            }
            Call::Function(what) => {
                let (operands, _) = self.alike(step);
                function(*what, &operands.concat())
            }
            Call::Pairing(what) => {
                let (operands, _) = self.alike(step);
                let [one, two] = operands.as_slice() else { return operands.concat() };
                match what {
                    Pairing::Add => format!("{one} + {two}"),
                    Pairing::Sub => format!("{one} - {two}"),
                    Pairing::Mul => format!("{one} * {two}"),
                    Pairing::Div => format!("{one} / {two}"),
                    Pairing::Maximum => format!("torch.maximum({one}, {two})"),
                    Pairing::Minimum => format!("torch.minimum({one}, {two})"),
                    Pairing::SquaredDifference => format!("torch.square({one} - {two})"),
                }
            }
            Call::Softmax(beta) => {
                let (operands, is_first) = self.alike(step);
                let x = operands.concat();
                let x = if *beta == 1.0 { x } else { format!("{} * {x}", float(*beta)) };
                format!("torch.softmax({x}, dim={})", if is_first { 1 } else { -1 })
            }
            Call::Concatenation(axis) => {
                let (operands, is_first) = self.alike(step);
                let axis = if is_first { moved(*axis) } else { *axis };
                format!("torch.cat(({},), dim={axis})", operands.join(", "))
            }
            Call::Reshape(shape) => {
                if let (&[1, _], Operand::Value(id)) = (shape.as_slice(), operand)
                    && matches!(self.program.shape(*id), [1, 1, 1, _])
                {
                    return format!("torch.flatten({}, 1)", self.program.variable(*id));
                }
                format!("{}.reshape{}", self.plain(operand), tuple(shape))
            }
            Call::Transpose(order) => format!("{}.permute{}", self.plain(operand), tuple(order)),
            Call::Pad(border) => {
                let (operands, is_first) = self.alike(step);
                let mut border = border.clone();
                if let (true, &[n, h, w, c]) = (is_first, border.as_slice()) {
                    border = vec![n, c, h, w];
                }
                // PyTorch counts axes from the last.
                let flat: Vec<i64> = border.iter().rev().flatten().copied().collect();
                format!("F.pad({}, {})", operands.concat(), tuple(&flat))
            }
            Call::Resize { size, is_bilinear } => {
                self.first.insert(step.result);
                let (x, size) = (self.map(operand), tuple(&[size.height, size.width]));
                let mode = if *is_bilinear { "bilinear" } else { "nearest" };
                format!("F.interpolate({x}, size={size}, mode=\"{mode}\")")
            }
            Call::Reduce { word, axes, keeps } => {
                // Greatest elements over several axes have a name of their own.
                let word = if *word == "max" { "amax" } else { word };
                let keeps_text = if *keeps { ", keepdim=True" } else { "" };
                if *keeps && self.is_first(operand) {
                    self.first.insert(step.result);
                    let axes: Vec<usize> = axes.iter().copied().map(moved).collect();
                    return format!(
                        "{}.{word}(dim={}{keeps_text})",
                        self.map(operand),
                        tuple(&axes)
                    );
                }
                format!("{}.{word}(dim={}{keeps_text})", self.plain(operand), tuple(axes))
            }
            Call::MatMul(first, second) => {
                let turned = |operand: &Operand, is_turned: bool| {
                    let text = self.plain(operand);
                    if is_turned { format!("{text}.transpose(-2, -1)") } else { text }
                };
                let other = step.operands.get(1).unwrap_or(operand);
                format!("{} @ {}", turned(operand, *first), turned(other, *second))
            }
            Call::Slice(ranges) => {
                let (operands, is_first) = self.alike(step);
                let mut ranges = ranges.clone();
                if let (true, &[n, h, w, c]) = (is_first, ranges.as_slice()) {
                    ranges = vec![n, c, h, w];
                }
                let ranges: Vec<String> =
                    ranges.iter().map(|[first, end]| format!("{first}:{end}")).collect();
                format!("{}[{}]", operands.concat(), ranges.join(", "))
            }
            Call::Identity => self.alike(step).0.concat(),
        }
    }
}

/// `x` with the border of a window, of the number `value` if there is one.
fn padded(x: &str, sliding: &Sliding, value: &str) -> String {
    let amounts = &sliding.amounts;
    let border = tuple(&[amounts.left, amounts.right, amounts.top, amounts.bottom]);
    format!("F.pad({x}, {border}{value})")
}

fn pooled(x: &str, is_largest: bool, is_whole: bool, sliding: &Sliding) -> String {
    let (kernel, stride) = (sliding.window.kernel, sliding.window.stride);
    let sizes = format!(
        "{}, stride={}",
        tuple(&[kernel.height, kernel.width]),
        tuple(&[stride.height, stride.width])
    );
    match (is_largest, even(sliding)) {
        (false, _) if is_whole => format!("F.adaptive_avg_pool2d({x}, 1)"),
        (true, Some([0, 0])) => format!("F.max_pool2d({x}, {sizes})"),
        (true, Some(even)) => format!("F.max_pool2d({x}, {sizes}, padding={})", tuple(&even)),
        (true, None) => {
            format!("F.max_pool2d({}, {sizes})", padded(x, sliding, ", value=float(\"-inf\")"))
        }
        (false, Some([0, 0])) => format!("F.avg_pool2d({x}, {sizes})"),
        (false, Some(even)) => {
            let even = tuple(&even);
            format!("F.avg_pool2d({x}, {sizes}, padding={even}, count_include_pad=False)")
        }
        (false, None) => format!(
            "F.avg_pool2d({}, {sizes}) / F.avg_pool2d({}, {sizes})",
            padded(x, sliding, ""),
            padded(&format!("torch.ones_like({x})"), sliding, "")
        ),
    }
}

fn function(function: Function, x: &str) -> String {
    match function {
        Function::Relu => format!("F.relu({x})"),
        Function::Clip(0.0, 6.0) => format!("F.relu6({x})"),
        Function::Clip(least, most) => {
            format!("torch.clamp({x}, {}, {})", float(least), float(most))
        }
        Function::Tanh => format!("torch.tanh({x})"),
        Function::Sigmoid => format!("torch.sigmoid({x})"),
        Function::HardSwish => format!("F.hardswish({x})"),
        Function::LeakyRelu(slope) => format!("F.leaky_relu({x}, {})", float(slope)),
        Function::Elu => format!("F.elu({x})"),
        Function::Gelu(false) => format!("F.gelu({x})"),
        Function::Gelu(true) => format!("F.gelu({x}, approximate=\"tanh\")"),
        Function::Exp => format!("torch.exp({x})"),
        Function::Rsqrt => format!("torch.rsqrt({x})"),
        Function::Sqrt => format!("torch.sqrt({x})"),
        Function::Square => format!("torch.square({x})"),
        Function::Abs => format!("torch.abs({x})"),
        Function::Neg => format!("torch.neg({x})"),
    }
}
