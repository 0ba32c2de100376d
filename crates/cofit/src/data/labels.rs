//! What samples are, or what a model should say of them.

use std::ops::Range;

use super::fit::reals;
use crate::arrays::Array;

/// One label for every sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Labels {
    /// Classes, counted from 0.
    Classes(Vec<u32>),
    /// Real numbers, as many for every sample.
    Values {
        /// Numbers of one sample.
        each: usize,
        /// Those of all samples, one after another.
        values: Vec<f32>,
    },
}

impl Labels {
    /// The labels of an array whose first axis is the samples.
    ///
    /// Whole numbers from 0 are classes, one a sample; rows that are 1 at one place and 0 elsewhere
    /// are the classes of those places; everything else is values.
    ///
    /// # Errors
    /// Another number of labels than samples.
    pub fn of(array: &Array, samples: usize) -> Result<Self, String> {
        let count = array.shape.first().copied().unwrap_or(1);
        if count != samples as u64 {
            return Err(format!("there are {count} labels and {samples} samples"));
        }
        let values: Vec<f64> = reals(array.values.as_slice()).collect();
        let each = values.len() / samples.max(1);
        let classes = match each {
            1 => values.iter().map(|&value| class(value)).collect(),
            _ => values.chunks(each.max(1)).map(one_hot).collect::<Option<Vec<u32>>>(),
        };
        Ok(match classes {
            Some(classes) => Self::Classes(classes),
            None => Self::Values {
                each,
                values: values.into_iter().map(|value| value as f32).collect(),
            },
        })
    }

    /// The classes of names: their places in the sorted list of different names, numbers sorted as
    /// numbers. Names that are all whole numbers from 0 are classes as they are.
    pub fn of_names(names: &[String]) -> Self {
        let numbers: Option<Vec<u32>> =
            names.iter().map(|name| name.parse::<f64>().ok().and_then(class)).collect();
        if let Some(classes) = numbers {
            return Self::Classes(classes);
        }
        let reals: Option<Vec<f32>> = names
            .iter()
            .map(|name| name.parse::<f32>().ok().filter(|value| value.is_finite()))
            .collect();
        if let Some(values) = reals {
            return Self::Values { each: 1, values };
        }
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let place = |name| sorted.binary_search(&name).unwrap_or_default() as u32;
        Self::Classes(names.iter().map(place).collect())
    }

    /// The labels of some of the samples.
    #[must_use]
    pub fn range(&self, samples: Range<usize>) -> Self {
        match self {
            Self::Classes(classes) => {
                Self::Classes(classes.get(samples).unwrap_or_default().to_vec())
            }
            Self::Values { each, values } => {
                let range = samples.start.saturating_mul(*each)..samples.end.saturating_mul(*each);
                Self::Values { each: *each, values: values.get(range).unwrap_or_default().to_vec() }
            }
        }
    }
}

/// A class, if the number is one.
fn class(value: f64) -> Option<u32> {
    (value.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(&value)).then_some(value as u32)
}

/// The place of the only 1 among zeros.
fn one_hot(row: &[f64]) -> Option<u32> {
    let at = row.iter().position(|&value| value == 1.0)?;
    let is_alone = row.iter().enumerate().all(|(other, &value)| other == at || value == 0.0);
    is_alone.then_some(at as u32)
}

#[cfg(test)]
mod tests {
    use cofit_exec::Buffer;

    use super::*;

    #[test]
    fn classes_are_whole_numbers_or_one_hot_rows() {
        let array = |shape: &[u64], values| Array { shape: shape.to_vec(), values };
        let of = |array: Array, samples| Labels::of(&array, samples);
        let classes = Ok(Labels::Classes(vec![2, 0]));
        assert_eq!(of(array(&[2], Buffer::U8(vec![2, 0])), 2), classes);
        assert_eq!(of(array(&[2, 1], Buffer::F32(vec![2.0, 0.0])), 2), classes);
        assert_eq!(of(array(&[2, 3], Buffer::I64(vec![0, 0, 1, 1, 0, 0])), 2), classes);
        let values = Labels::Values { each: 2, values: vec![0.5, 0.5, 1.0, 0.0] };
        let soft = array(&[2, 2], Buffer::F32(vec![0.5, 0.5, 1.0, 0.0]));
        assert_eq!(of(soft, 2), Ok(values.clone()));
        assert_eq!(values.range(1..2), Labels::Values { each: 2, values: vec![1.0, 0.0] });
        assert!(of(array(&[3], Buffer::U8(vec![1, 2, 3])), 2).is_err());
    }

    #[test]
    fn names_are_classes_in_sorted_order() {
        let of = |names: &[&str]| {
            Labels::of_names(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&["rose", "iris", "rose"]), Labels::Classes(vec![1, 0, 1]));
        assert_eq!(of(&["10", "2"]), Labels::Classes(vec![10, 2]));
        assert_eq!(of(&["0.5", "2"]), Labels::Values { each: 1, values: vec![0.5, 2.0] });
    }
}
