//! Functions of one real variable on quantised integers, as tables made at preparation.

use cofit_vocab::ElementType;

use crate::buffer::Element;
use crate::call::Kernel;
use crate::elementwise::map;
use crate::integer::Integer;
use crate::site::{Affine, Refusal, Site};

/// An 8-bit type, by which a table of 256 entries can be indexed.
pub(crate) trait Byte: Integer {
    /// The bits of the value.
    fn index(self) -> usize;
}

impl Byte for i8 {
    fn index(self) -> usize {
        usize::from(self as u8)
    }
}

impl Byte for u8 {
    fn index(self) -> usize {
        usize::from(self)
    }
}

/// The kernel that looks every element up in a table of `entry` of every stored value.
pub(crate) fn bytes<T: Byte, R: Element>(
    site: &Site<'_>,
    entry: impl Fn(i32) -> R,
) -> Result<Kernel, Refusal> {
    let mut table = [R::default(); 256];
    for stored in T::LOWEST..=T::HIGHEST {
        table[T::saturate(stored).index()] = entry(stored);
    }
    map(site, move |x: T| table[x.index()])
}

/// How int16 operands are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// One by one, rounded to nearest.
    Each,
    /// By a table of segments, as LiteRT does.
    Segments,
}

/// The kernel of `function` on float32 as it is, on int8 and uint8 by a table, and on int16.
pub(crate) fn by_real(
    site: &Site<'_>,
    words: Words,
    function: impl Fn(f32) -> f32 + Send + Sync + 'static,
) -> Result<Kernel, Refusal> {
    match (site.elements()?, words) {
        ((ElementType::Float32, ElementType::Float32), _) => map(site, function),
        ((ElementType::Int8, ElementType::Int8), _) => bytes_by_real::<i8>(site, function),
        ((ElementType::UInt8, ElementType::UInt8), _) => bytes_by_real::<u8>(site, function),
        ((ElementType::Int16, ElementType::Int16), Words::Each) => {
            each_by_real::<i16>(site, function)
        }
        ((ElementType::Int16, ElementType::Int16), Words::Segments) => {
            let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
            let table = Segments::new(from, to, function);
            map(site, move |x: i16| table.at(x))
        }
        _ => Err(site.unsupported()),
    }
}

/// The kernel that computes `function` on the reals that 8-bit integers stand for.
///
/// The steps and their precision are those of `LUTPopulate` in TensorFlow Lite
/// (`kernels/internal/common.h`): the product with the scale, the function and the product with the
/// inverse of the result's scale are rounded to single precision one by one, then to nearest with
/// ties away from zero.
pub(crate) fn bytes_by_real<T: Byte>(
    site: &Site<'_>,
    function: impl Fn(f32) -> f32,
) -> Result<Kernel, Refusal> {
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    let inverse = 1.0 / to.scale;
    bytes::<T, T>(site, |stored| {
        let real = from.scale * stored.wrapping_sub(from.zero_point) as f32;
        let steps = (function(real) * inverse).round();
        T::saturate((steps + to.zero_point as f32) as i32)
    })
}

/// The kernel that computes `function` on the reals that integers stand for, one by one: dequantised,
/// computed, and quantised to nearest with ties away from zero.
pub(crate) fn each_by_real<T: Integer>(
    site: &Site<'_>,
    function: impl Fn(f32) -> f32 + Send + Sync + 'static,
) -> Result<Kernel, Refusal> {
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    map(site, move |stored: T| {
        let real = from.scale * stored.widen().wrapping_sub(from.zero_point) as f32;
        T::saturate(quantise(function(real), to))
    })
}

/// The integer nearest to a real, ties away from zero, saturated to 32 bits.
pub(crate) fn quantise(real: f32, to: Affine) -> i32 {
    ((real / to.scale).round() as i32).saturating_add(to.zero_point)
}

/// A table of a function on all int16 values: 512 segments between which lines are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segments(Vec<i16>);

impl Segments {
    /// The table of `function` between integers of `from` and `to`.
    ///
    /// Each entry is lowered by half of what the line misses at the middle of its segment, as in
    /// `LUTPopulate` for int16 of TensorFlow Lite (`kernels/internal/common.h`); all arithmetic is in
    /// single precision.
    pub fn new(from: Affine, to: Affine, function: impl Fn(f32) -> f32) -> Self {
        const COUNT: u16 = 512;
        let ends = |of: Affine| {
            let end = |stored: i16| of.scale * i32::from(stored).wrapping_sub(of.zero_point) as f32;
            (end(i16::MIN), end(i16::MAX))
        };
        let ((first, last), (lowest, highest)) = (ends(from), ends(to));
        let step = (last - first) / f32::from(COUNT);
        let half_step = step / 2.0;
        let inverse = 65536.0 / (highest - lowest);
        let fit = |steps: f32| steps.clamp(-32768.0, 32767.0) as i16;
        let mut table: Vec<i16> = (0..COUNT)
            .map(|segment| {
                let at = first + f32::from(segment) * step;
                let (here, middle) = (function(at), function(at + half_step));
                let next = function(first + f32::from(segment + 1) * step);
                let sample = (here * inverse).round();
                let drawn = ((next * inverse + sample) / 2.0).round();
                let missed = drawn - (middle * inverse).round();
                fit(sample - (missed / 2.0).round())
            })
            .collect();
        table.push(fit((function(last) * inverse).round()));
        Self(table)
    }

    /// The value on the line of `x`'s segment.
    #[inline]
    pub fn at(&self, x: i16) -> i16 {
        let segment = (256 + (x >> 7)) as usize;
        let (base, next) = (self.0[segment], self.0[segment + 1]);
        // The reference keeps the slope in 16 bits.
        let slope = i32::from(next.wrapping_sub(base));
        let rise = (slope * i32::from(x & 0x7f) + 64) >> 7;
        base.wrapping_add(rise as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_follow_a_line_exactly_and_a_curve_closely() {
        let unit = Affine { scale: 1.0 / 32768.0, zero_point: 0 };
        let same = Segments::new(unit, unit, |x| x);
        assert!((i16::MIN..=i16::MAX).all(|x| same.at(x).abs_diff(x) <= 1));
        let square = Segments::new(unit, unit, |x| x * x);
        let worst = (i16::MIN..=i16::MAX)
            .map(|x| {
                let exact = (f64::from(x) / 32768.0).powi(2) * 32768.0;
                (f64::from(square.at(x)) - exact.min(32767.0)).abs()
            })
            .fold(0.0, f64::max);
        assert!(worst < 2.0, "{worst}");
    }
}
