//! Change of resolution: `resize_nearest_neighbor` and `resize_bilinear`.
//!
//! The format can place the elements of input and output against each other in more ways than
//! TFLite's kernels. Whether one of the kernels' ways is the same is decided by computing both for
//! every position. Nearest elements that no kernel takes are chosen by constant positions instead.

use cofit_ir::{Op, ops};

use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{View, channels_innermost};

use super::movement;
use super::selection::chosen;

/// The most positions along an axis that are compared.
const MOST_POSITIONS: u32 = 1 << 16;

/// How positions of output and input correspond: `coordinate_transformation_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mapping {
    HalfPixel,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    TfHalfPixelForNearest,
}

/// How a position between two elements is rounded: `nearest_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    PreferFloor,
    PreferCeil,
    Floor,
    Ceil,
}

/// One axis: its lengths before and after, and the factor between them.
#[derive(Clone, Copy, Debug)]
struct Axis {
    input: u32,
    output: u32,
    scale: f64,
}

impl Mapping {
    /// The input's position for the output's.
    fn position(self, axis: Axis, output: u32) -> f64 {
        let at = f64::from(output);
        match self {
            Self::HalfPixel => (at + 0.5) / axis.scale - 0.5,
            Self::PytorchHalfPixel if axis.output > 1 => (at + 0.5) / axis.scale - 0.5,
            Self::PytorchHalfPixel => 0.0,
            Self::AlignCorners if axis.output > 1 => {
                at * f64::from(axis.input.saturating_sub(1)) / f64::from(axis.output - 1)
            }
            Self::AlignCorners => 0.0,
            Self::Asymmetric => at / axis.scale,
            Self::TfHalfPixelForNearest => (at + 0.5) / axis.scale,
        }
    }
}

impl Rounding {
    fn round(self, position: f64) -> f64 {
        match self {
            Self::PreferFloor => (position - 0.5).ceil(),
            Self::PreferCeil => (position + 0.5).floor(),
            Self::Floor => position.floor(),
            Self::Ceil => position.ceil(),
        }
    }
}

/// The kernels' ways: corners aligned, centres at half elements.
const WAYS: [(bool, bool); 3] = [(false, false), (false, true), (true, false)];

/// The input's element that the nearest-neighbour kernel takes
/// (`tensorflow/lite/kernels/internal/reference/resize_nearest_neighbor.h`).
fn kernel_nearest(axis: Axis, output: u32, (align_corners, half_pixel): (bool, bool)) -> i64 {
    let scale = if align_corners && axis.output > 1 {
        axis.input.saturating_sub(1) as f32 / (axis.output - 1) as f32
    } else {
        axis.input as f32 / axis.output as f32
    };
    let offset = if half_pixel { 0.5 } else { 0.0 };
    let position = (output as f32 + offset) * scale;
    let element = if align_corners { position.round() } else { position.floor() };
    (element as i64).min(i64::from(axis.input) - 1)
}

/// The input's position that the bilinear kernel takes
/// (`tensorflow/lite/kernels/internal/reference/resize_bilinear.h`), held inside the input.
fn kernel_position(axis: Axis, output: u32, (align_corners, half_pixel): (bool, bool)) -> f64 {
    let last = f64::from(axis.input.saturating_sub(1));
    let scale = if align_corners && axis.output > 1 {
        last / f64::from(axis.output - 1)
    } else {
        f64::from(axis.input) / f64::from(axis.output)
    };
    let offset = if half_pixel { 0.5 } else { 0.0 };
    ((f64::from(output) + offset) * scale - offset).clamp(0.0, last)
}

/// The input's element for each of the output's along an axis.
fn positions(axis: Axis, mapping: Mapping, rounding: Rounding) -> Vec<i64> {
    let last = f64::from(axis.input) - 1.0;
    let element = |output| rounding.round(mapping.position(axis, output)).clamp(0.0, last) as i64;
    (0..axis.output).map(element).collect()
}

/// The kernel's way that takes the same elements along both axes.
fn nearest(axes: [Axis; 2], mapping: Mapping, rounding: Rounding) -> Option<(bool, bool)> {
    WAYS.into_iter().find(|&way| {
        axes.iter().all(|&axis| {
            let kernel = (0..axis.output).map(|output| kernel_nearest(axis, output, way));
            kernel.eq(positions(axis, mapping, rounding))
        })
    })
}

/// The kernel's way that interpolates at the same positions along both axes.
fn linear(axes: [Axis; 2], mapping: Mapping) -> Option<(bool, bool)> {
    WAYS.into_iter().find(|&way| {
        axes.iter().all(|&axis| {
            (0..axis.output).all(|output| {
                let last = f64::from(axis.input) - 1.0;
                let position = mapping.position(axis, output).clamp(0.0, last);
                (position - kernel_position(axis, output, way)).abs() < 1e-4
            })
        })
    })
}

/// `Resize` and `Upsample`.
pub(super) fn import(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let is_nearest = node.string("mode").unwrap_or("nearest") == "nearest";
    let (view, reading) = if is_nearest {
        movement::moved(importer, node)?
    } else {
        let view = importer.view(node, 0)?;
        let reading = view.reading;
        (view, reading)
    };
    let rank = view.rank();
    let shape = view.shape();
    if !(3..=4).contains(&rank) {
        return Err(Refusal::form(format!("a resize of {rank} axes")));
    }
    let is_upsample = node.kind() == "Upsample";
    let is_early = is_upsample || node.version < 11;
    let (scales_at, sizes_at) = if is_early { (1, None) } else { (2, Some(3)) };
    let all: Vec<usize> = match node.ints("axes") {
        Some(axes) => {
            axes.iter().map(|&axis| movement::axis(axis, rank)).collect::<Imported<_>>()?
        }
        None => (0..rank).collect(),
    };
    let sizes = match sizes_at {
        Some(at) => importer.known_integers(node, at, "the sizes")?,
        None => None,
    };
    let scales = match node.floats("scales") {
        Some(scales) => Some(scales.iter().map(|&scale| f64::from(scale)).collect()),
        None => importer.known_reals(node, scales_at, "the scales")?,
    };
    let mut lengths: Vec<Axis> =
        shape.dimensions().iter().map(|&input| Axis { input, output: input, scale: 1.0 }).collect();
    match (sizes.filter(|sizes| !sizes.is_empty()), scales.filter(|scales| !scales.is_empty())) {
        (Some(sizes), _) if sizes.len() == all.len() => {
            if node.string("keep_aspect_ratio_policy").is_some_and(|policy| policy != "stretch") {
                return Err(Refusal::form("a resize that keeps the aspect ratio"));
            }
            for (&axis, &size) in all.iter().zip(&sizes) {
                let output = u32::try_from(size).ok().filter(|&output| output > 0);
                let output = output.ok_or_else(|| Refusal::node(format!("a size of {size}")))?;
                let scale = f64::from(output) / f64::from(shape[axis]);
                lengths[axis] = Axis { output, scale, ..lengths[axis] };
            }
        }
        (None, Some(scales)) if scales.len() == all.len() => {
            for (&axis, &scale) in all.iter().zip(&scales) {
                let output = (f64::from(shape[axis]) * scale).floor();
                if !scale.is_finite() || scale <= 0.0 || !(1.0..4e9).contains(&output) {
                    return Err(Refusal::node(format!("a scale of {scale}")));
                }
                lengths[axis] = Axis { output: output as u32, scale, ..lengths[axis] };
            }
        }
        _ => return Err(Refusal::node("neither scales nor sizes for every axis")),
    }
    if lengths[..2].iter().any(|axis| axis.input != axis.output) {
        return Err(Refusal::form("a resize of batch or channels"));
    }
    let unit = Axis { input: 1, output: 1, scale: 1.0 };
    let axes = match lengths[2..] {
        [width] => [unit, width],
        [height, width] => [height, width],
        _ => [unit; 2],
    };
    if axes.iter().any(|axis| axis.output > MOST_POSITIONS || axis.input == 0) {
        return Err(Refusal::form("a resize to so many positions"));
    }
    let way = kernel(node, axes, is_early)?;
    let order = channels_innermost(rank);
    let tensor = importer.arrange(&view, &order)?;
    let name = node.result();
    let made = match way {
        Way::Kernel(op) => {
            let size = axes.map(|axis| i64::from(axis.output));
            let size = importer.integers(&format!("{name}/size"), &size, &[2])?;
            importer.emit(op, &[tensor, size], name)?
        }
        Way::Positions([rows, columns]) => {
            let stays = |axis: Axis, at: &[i64]| at.iter().copied().eq(0..i64::from(axis.input));
            let mut made = tensor;
            if !stays(axes[0], &rows) {
                made = chosen(importer, made, 1, &rows, &format!("{name}/rows"))?;
            }
            if made == tensor || !stays(axes[1], &columns) {
                made = chosen(importer, made, 2, &columns, name)?;
            }
            made
        }
    };
    let result = View { reading, ..importer.result_view(made, &order, rank) };
    importer.bind_result(node, 0, result);
    Ok(())
}

/// How a resize is computed.
enum Way {
    /// By one operator.
    Kernel(Op),
    /// By choosing rows, then columns, where no operator takes the same elements.
    Positions([Vec<i64>; 2]),
}

/// The way that computes the same.
fn kernel(node: &Node<'_>, axes: [Axis; 2], is_early: bool) -> Imported<Way> {
    let default = if is_early { "asymmetric" } else { "half_pixel" };
    let stated = node.string("coordinate_transformation_mode").unwrap_or(default);
    let mapping = match stated {
        "half_pixel" => Mapping::HalfPixel,
        "pytorch_half_pixel" => Mapping::PytorchHalfPixel,
        "align_corners" => Mapping::AlignCorners,
        "asymmetric" => Mapping::Asymmetric,
        "tf_half_pixel_for_nn" => Mapping::TfHalfPixelForNearest,
        "half_pixel_symmetric"
            if axes
                .iter()
                .all(|axis| f64::from(axis.input) * axis.scale == f64::from(axis.output)) =>
        {
            Mapping::HalfPixel
        }
        other => {
            let message = format!("attribute `coordinate_transformation_mode` is `{other}`");
            return Err(Refusal::form(message));
        }
    };
    let refuse = || {
        Refusal::form(format!(
            "no kernel places elements as `{stated}` does from {}x{} to {}x{}",
            axes[0].input, axes[1].input, axes[0].output, axes[1].output
        ))
        .with_help("Resize by a whole factor, or export with half_pixel or align_corners.")
    };
    match node.string("mode").unwrap_or("nearest") {
        "nearest" => {
            let default = if is_early { "floor" } else { "round_prefer_floor" };
            let rounding = match node.string("nearest_mode").unwrap_or(default) {
                "round_prefer_floor" => Rounding::PreferFloor,
                "round_prefer_ceil" => Rounding::PreferCeil,
                "floor" => Rounding::Floor,
                "ceil" => Rounding::Ceil,
                other => {
                    return Err(Refusal::form(format!("attribute `nearest_mode` is `{other}`")));
                }
            };
            Ok(match nearest(axes, mapping, rounding) {
                Some((align_corners, half_pixel_centers)) => Way::Kernel(
                    ops::ResizeNearestNeighbor { align_corners, half_pixel_centers }.into(),
                ),
                None => Way::Positions(axes.map(|axis| positions(axis, mapping, rounding))),
            })
        }
        "linear" | "bilinear" => {
            if node.int("antialias", 0) != 0 {
                return Err(Refusal::form("a resize with antialias"));
            }
            let (align_corners, half_pixel_centers) = linear(axes, mapping).ok_or_else(refuse)?;
            Ok(Way::Kernel(ops::ResizeBilinear { align_corners, half_pixel_centers }.into()))
        }
        other => Err(Refusal::form(format!("attribute `mode` is `{other}`"))
            .with_help("Use nearest or linear interpolation.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(input: u32, output: u32) -> [Axis; 2] {
        [Axis { input, output, scale: f64::from(output) / f64::from(input) }; 2]
    }

    #[test]
    fn whole_factors_have_a_kernel() {
        assert_eq!(nearest(axes(4, 8), Mapping::Asymmetric, Rounding::Floor), Some((false, false)));
        assert!(nearest(axes(5, 15), Mapping::HalfPixel, Rounding::PreferFloor).is_some());
        assert_eq!(linear(axes(4, 8), Mapping::PytorchHalfPixel), Some((false, true)));
        assert_eq!(linear(axes(4, 8), Mapping::AlignCorners), Some((true, false)));
    }

    #[test]
    fn other_placements_are_refused() {
        assert_eq!(nearest(axes(4, 8), Mapping::Asymmetric, Rounding::Ceil), None);
        assert_eq!(linear(axes(4, 8), Mapping::TfHalfPixelForNearest), None);
    }
}
