//! Weights as few-bit integers.
//!
//! At 8 bits the largest weight of a channel sets its scale, as TFLite's converter has it. Below
//! that, cutting off the largest weights costs less than coarse steps for all others, and the scale
//! with the least squared error is searched. With one bit the least squared error has a closed form:
//! the scale is the mean magnitude (Rastegari et al., "XNOR-Net", 2016).

use crate::mapping::power_of_two_above;
use crate::scheme::{LayerScheme, WeightBits};

/// Scales tried between none of a channel's range and all of it.
const CANDIDATES: u32 = 200;

/// Powers of two tried below the one that holds every weight.
const EXPONENTS: i32 = 6;

/// Weights as integers with their scales.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedWeights {
    /// In the order of the reals.
    pub values: Vec<i8>,
    /// One for every channel, or one for all.
    pub scales: Vec<f32>,
}

/// Where the elements of an output channel lie in a weight tensor: `outer` blocks of `channels`
/// runs of `inner` elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelLayout {
    /// Number of output channels.
    pub channels: usize,
    /// Elements of one run.
    pub inner: usize,
}

impl ChannelLayout {
    /// For channels along `axis` of `shape`.
    pub fn along(shape: &[u32], axis: usize) -> Self {
        let inner: usize = shape.iter().skip(axis + 1).map(|&length| length as usize).product();
        Self { channels: shape.get(axis).map_or(1, |&length| length as usize), inner }
    }

    /// The channel of element `at`.
    pub fn channel(self, at: usize) -> usize {
        at / self.inner.max(1) % self.channels.max(1)
    }
}

/// Quantises `values` with the scheme of their layer.
///
/// `least_scale` gives, for every channel, the scale that its bias needs to fit its type; scales
/// are not below it.
pub fn quantise_weights(
    values: &[f32],
    layout: ChannelLayout,
    scheme: &LayerScheme,
    power_of_two: bool,
    least_scale: &dyn Fn(usize) -> f32,
) -> QuantisedWeights {
    let groups = if scheme.per_axis { layout.channels.max(1) } else { 1 };
    let group = |at: usize| if scheme.per_axis { layout.channel(at) } else { 0 };
    let mut members: Vec<Vec<f32>> = vec![Vec::new(); groups];
    for (at, &value) in values.iter().enumerate() {
        members[group(at)].push(if value.is_finite() { value } else { 0.0 });
    }
    let limits = scheme.limits();
    let found: Vec<Option<f32>> = members
        .iter()
        .map(|members| best_scale(members, scheme.weights, limits, power_of_two))
        .collect();
    // A channel of zeros takes the finest scale of the others, so that its bias stays fine.
    let finest = found.iter().flatten().copied().fold(f32::INFINITY, f32::min);
    let finest = if finest.is_finite() { finest } else { 1.0 };
    let scales: Vec<f32> = found
        .iter()
        .enumerate()
        .map(|(at, scale)| {
            let floor = if scheme.per_axis {
                least_scale(at)
            } else {
                (0..layout.channels).map(least_scale).fold(0.0, f32::max)
            };
            let scale = scale.unwrap_or(finest);
            match scale >= floor {
                true => scale,
                false if power_of_two => power_of_two_above(floor),
                false => floor,
            }
        })
        .collect();
    let quantised = values.iter().enumerate().map(|(at, &value)| {
        store(
            if value.is_finite() { value } else { 0.0 },
            scales[group(at)],
            scheme.weights,
            limits,
        )
    });
    QuantisedWeights { values: quantised.collect(), scales }
}

/// The integer for `value`.
fn store(value: f32, scale: f32, bits: WeightBits, [low, high]: [i64; 2]) -> i8 {
    match bits {
        WeightBits::One => {
            if value < 0.0 {
                -1
            } else {
                1
            }
        }
        WeightBits::Two | WeightBits::Four | WeightBits::Eight => {
            ((value / scale).round() as i64).clamp(low, high) as i8
        }
    }
}

/// The scale for one group of weights; `None` where all are zero.
fn best_scale(
    members: &[f32],
    bits: WeightBits,
    limits: [i64; 2],
    power_of_two: bool,
) -> Option<f32> {
    let magnitude = members.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    if magnitude == 0.0 || !(magnitude / limits[1] as f32).is_normal() {
        return None;
    }
    let error = |scale: f32| {
        members.iter().fold(0.0_f64, |sum, &value| {
            let back = f64::from(store(value, scale, bits, limits)) * f64::from(scale);
            sum + (f64::from(value) - back).powi(2)
        })
    };
    // Every weight fits at this scale. An uneven range such as -2 to 1 holds more on one side.
    let whole = magnitude / limits[1] as f32;
    if power_of_two {
        let most = power_of_two_above(whole);
        let candidates = (0..EXPONENTS).map(|shift| most * 2_f32.powi(-shift));
        return least_error(candidates, error);
    }
    match bits {
        WeightBits::Eight => Some(whole),
        WeightBits::One => {
            let sum: f64 = members.iter().map(|value| f64::from(value.abs())).sum();
            Some((sum / members.len() as f64) as f32)
        }
        WeightBits::Two | WeightBits::Four => {
            let share = |at: u32| whole * (at as f32 / CANDIDATES as f32);
            least_error((1..=CANDIDATES).rev().map(share), error)
        }
    }
}

/// The first candidate with the least error.
fn least_error(candidates: impl Iterator<Item = f32>, error: impl Fn(f32) -> f64) -> Option<f32> {
    let mut best: Option<(f64, f32)> = None;
    for scale in candidates.filter(|scale| scale.is_normal()) {
        let found = error(scale);
        if best.is_none_or(|(least, _)| found < least) {
            best = Some((found, scale));
        }
    }
    best.map(|(_, scale)| scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mapping::Width;

    fn quantised(values: &[f32], channels: usize, bits: WeightBits) -> QuantisedWeights {
        let layout = ChannelLayout { channels, inner: values.len() / channels };
        let scheme = LayerScheme::new(bits, Width::Eight);
        quantise_weights(values, layout, &scheme, false, &|_| 0.0)
    }

    #[test]
    fn eight_bits_reach_127_and_one_bit_takes_the_mean() {
        let eight = quantised(&[1.0, -2.0, 0.0, 4.0], 2, WeightBits::Eight);
        assert_eq!(eight.values, [64, -127, 0, 127]);
        assert_eq!(eight.scales, [2.0 / 127.0, 4.0 / 127.0]);
        let one = quantised(&[1.0, -2.0, 0.0, 4.0], 2, WeightBits::One);
        assert_eq!((one.values, one.scales), (vec![1, -1, 1, 1], vec![1.5, 2.0]));
    }

    #[test]
    fn an_outlier_is_cut_where_that_costs_less() {
        let mut values = vec![0.1_f32; 100];
        values[0] = 0.15;
        let four = quantised(&values, 1, WeightBits::Two);
        assert!((four.scales[0] - 0.1).abs() < 1e-2, "{:?}", four.scales);
    }

    #[test]
    fn a_channel_of_zeros_takes_the_finest_scale() {
        let found = quantised(&[1.0, 1.0, 0.0, 0.0], 2, WeightBits::Eight);
        assert_eq!(found.scales[1], found.scales[0]);
        assert_eq!(quantised(&[0.0; 4], 2, WeightBits::Eight).scales, [1.0, 1.0]);
    }

    #[test]
    fn depthwise_channels_lie_innermost() {
        let layout = ChannelLayout::along(&[1, 3, 3, 4], 3);
        assert_eq!((layout.channel(5), layout.channel(7)), (1, 3));
        let layout = ChannelLayout::along(&[4, 3, 3, 2], 0);
        assert_eq!((layout.channel(17), layout.channel(18)), (0, 1));
    }

    proptest! {
        #[test]
        fn weights_stay_within_limits_and_searched_scales_beat_the_whole_range(
            values in prop::collection::vec(-3.0_f32..3.0, 24),
            power in any::<bool>(),
        ) {
            let layout = ChannelLayout { channels: 3, inner: 8 };
            for bits in WeightBits::ALL {
                let scheme = LayerScheme::new(bits, Width::Eight);
                let found = quantise_weights(&values, layout, &scheme, power, &|_| 0.0);
                let [low, high] = scheme.limits();
                prop_assert!(found.values.iter().all(|&v| (low..=high).contains(&i64::from(v))));
                if power {
                    prop_assert!(found.scales.iter().all(|scale| scale.log2().fract() == 0.0));
                }
                let error = |scale_of: &dyn Fn(usize) -> f32| -> f64 {
                    values.iter().enumerate().map(|(at, &value)| {
                        let scale = scale_of(layout.channel(at));
                        let back = f32::from(store(value, scale, bits, scheme.limits())) * scale;
                        f64::from(value - back).powi(2)
                    }).sum()
                };
                let whole = |channel: usize| {
                    let most = values[channel * 8..][..8].iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                    let whole = most / high as f32;
                    if power { power_of_two_above(whole) } else { whole }
                };
                prop_assert!(error(&|c| found.scales[c]) <= error(&whole) * 1.000_001);
            }
        }
    }
}
