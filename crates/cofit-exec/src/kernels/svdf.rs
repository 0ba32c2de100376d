//! `svdf`: singular-value-decomposition filter with state.
//!
//! Each frame is projected onto filters; the state holds each filter's projections of the last
//! frames, oldest first, which the time weights sum. Source of the integer equations: TFLM,
//! `kernels/svdf_common.cc`. They have no activation of their own: int8 results end at the ends of
//! their type, and a rectifier is the zero point at the lower one. The state's zero point, which
//! converters leave at 0, is added to the saturated projection, and the sum wraps.

use cofit_ir::ops::Svdf;
use cofit_ir::{Activation, TensorRole};
use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::buffer::Element;
use crate::call::{Call, Fault, Kernel};
use crate::site::{Refusal, Site};

/// The state's position among the operands.
const STATE: usize = 4;

/// Lengths of axes.
#[derive(Clone, Copy, Debug)]
struct Layout {
    inputs: usize,
    filters: usize,
    memory: usize,
    rank: usize,
}

/// Chooses the arithmetic by the element types of input and state.
pub(crate) fn prepare(site: &Site<'_>, op: &Svdf) -> Result<Kernel, Refusal> {
    let layout = Layout {
        inputs: site.input(1)?.shape.last() as usize,
        filters: site.input(1)?.shape.get(0).unwrap_or(0) as usize,
        memory: site.input(2)?.shape.last() as usize,
        rank: op.rank as usize,
    };
    let state = site.input(STATE)?;
    if state.role != TensorRole::Variable {
        return Err(site.refuse(
            format!("`{}` is state and no variable", state.name),
            "export the model with the state as a variable tensor",
        ));
    }
    // A filter without memory would have no place for the newest frame.
    if layout.memory == 0 || layout.filters == 0 || layout.rank == 0 {
        return Err(site.refuse("it has no filters or no memory", "check the exporter"));
    }
    let of = |index: usize| site.input(index).map(|tensor| tensor.element);
    use ElementType::{Float32, Int8, Int16};
    match (of(0)?, of(1)?, of(2)?, state.element, site.output(0)?.element) {
        (Float32, Float32, Float32, Float32, Float32) => in_floats(site, op, layout),
        (Int8, Int8, Int16, Int16, Int8) => in_integers::<i16>(site, layout, |x, zero| {
            x.clamp(-32768, 32767).wrapping_add(zero) as i16
        }),
        (Int8, Int8, Int8, Int8, Int8) => {
            in_integers::<i8>(site, layout, |x, zero| x.clamp(-128, 127).wrapping_add(zero) as i8)
        }
        (Float32, Int8, ..) => Err(site.refuse(
            "float32 inputs with int8 weights have no exact result",
            "quantise the activations too, or leave the weights in float32",
        )),
        _ => Err(site.unsupported()),
    }
}

impl Layout {
    /// Moves every row of the state on by a frame and puts `project(filter, frame)` at its end. Then
    /// writes, for every unit, `finish(unit, sum)` of the rows' sums, each `weigh(filter, row)`, from
    /// `first(unit)` on.
    fn run<T: Element, S: Element, A: Copy>(
        self,
        call: &mut Call<'_>,
        project: impl Fn(usize, &[T]) -> S,
        first: impl Fn(usize) -> A,
        weigh: impl Fn(usize, &[S]) -> A,
        add: impl Fn(A, A) -> A,
        finish: impl Fn(A) -> T,
    ) -> Result<(), Fault> {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        let state = call.variables.get::<S>(STATE)?;
        let units = self.filters / self.rank.max(1);
        let states = state.chunks_exact_mut(self.filters * self.memory);
        for (batch, (state, output)) in states.zip(output.chunks_exact_mut(units)).enumerate() {
            let frame = input.get(batch * self.inputs..(batch + 1) * self.inputs);
            let frame = frame.ok_or_else(|| Fault::new("the input is shorter than its shape"))?;
            for (filter, row) in state.chunks_exact_mut(self.memory).enumerate() {
                row.copy_within(1.., 0);
                if let Some(newest) = row.last_mut() {
                    *newest = project(filter, frame);
                }
            }
            let mut rows = state.chunks_exact(self.memory).enumerate();
            for (unit, to) in output.iter_mut().enumerate() {
                let sum = rows
                    .by_ref()
                    .take(self.rank)
                    .fold(first(unit), |sum, (filter, row)| add(sum, weigh(filter, row)));
                *to = finish(sum);
            }
        }
        Ok(())
    }
}

fn in_floats(site: &Site<'_>, op: &Svdf, layout: Layout) -> Result<Kernel, Refusal> {
    let (feature, time) = (site.fixed::<f32>(1)?, site.fixed::<f32>(2)?);
    let bias = site.optional(3).map(|_| site.fixed::<f32>(3)).transpose()?;
    let activation: fn(f32) -> f32 = match op.activation {
        Activation::None => |x| x,
        Activation::Relu => |x| x.max(0.0),
        Activation::ReluN1To1 => |x| x.clamp(-1.0, 1.0),
        Activation::Relu6 => |x| x.clamp(0.0, 6.0),
        Activation::Tanh => f32::tanh,
        Activation::SignBit => |x| f32::from(u8::from(x.is_sign_negative())),
    };
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
    Ok(Box::new(move |call| {
        layout.run::<f32, f32, f32>(
            call,
            |filter, frame| product(&feature[filter * layout.inputs..], frame),
            |unit| bias.as_ref().map_or(0.0, |bias| bias[unit]),
            |filter, row| product(&time[filter * layout.memory..], row),
            |a, b| a + b,
            activation,
        )
    }))
}

fn in_integers<S: Element + Into<i32>>(
    site: &Site<'_>,
    layout: Layout,
    store: fn(i32, i32) -> S,
) -> Result<Kernel, Refusal> {
    let affine = |index: usize| site.affine(site.input(index)?);
    let (input, state, output) = (affine(0)?, affine(STATE)?, site.affine(site.output(0)?)?);
    let (feature_scale, time_scale) = (affine(1)?.scale, affine(2)?.scale);
    let feature = site.fixed::<i8>(1)?;
    let time = site.fixed::<S>(2)?;
    let bias = site.optional(3).map(|_| site.fixed::<i32>(3)).transpose()?;
    // Both factors are computed in float32 before they become fixed-point numbers.
    let inward = Multiplier::new(f64::from(input.scale * feature_scale / state.scale));
    let outward = Multiplier::new(f64::from(state.scale * time_scale / output.scale));
    let rounding = site.rounding;
    Ok(Box::new(move |call| {
        layout.run::<i8, S, i32>(
            call,
            |filter, frame| {
                let weights = &feature[filter * layout.inputs..];
                let sum = weights.iter().zip(frame).fold(0_i32, |sum, (&weight, &value)| {
                    let value = i32::from(value).wrapping_sub(input.zero_point);
                    sum.wrapping_add(i32::from(weight).wrapping_mul(value))
                });
                store(inward.apply(sum, rounding), state.zero_point)
            },
            |unit| bias.as_ref().map_or(0, |bias| bias[unit]),
            |filter, row| {
                let weights = &time[filter * layout.memory..];
                weights.iter().zip(row).fold(0_i32, |sum, (&weight, &value)| {
                    let value = value.into().wrapping_sub(state.zero_point);
                    sum.wrapping_add(weight.into().wrapping_mul(value))
                })
            },
            i32::wrapping_add,
            |sum| {
                let scaled = outward.apply(sum, rounding).wrapping_add(output.zero_point);
                scaled.clamp(-128, 127) as i8
            },
        )
    }))
}
