//! What is searched: axes with finitely many values each.

/// One thing that a search may vary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Its name: a parameter of the sketch, or `target`.
    pub name: String,
    /// Its values as the command line writes them; never empty, in order where there is one.
    pub values: Vec<String>,
    /// Whether neighbouring values are alike, as numbers are and words are not.
    pub is_ordered: bool,
    /// The position of the value that the sketch itself has.
    pub own: usize,
}

/// Most values that an axis of numbers is divided into.
const MOST_VALUES: usize = 4096;

/// Most whole numbers of an interval that become values each, where nobody states a step.
const WHOLE_STEPS: f64 = 1024.0;

/// Steps of an interval whose ends are not whole numbers and whose step nobody states.
const STEPS: usize = 16;

impl Axis {
    /// Words, or numbers without neighbours.
    pub fn choices(name: &str, values: Vec<String>, own: &str) -> Self {
        let own = values.iter().position(|value| value == own).unwrap_or(0);
        Self { name: name.to_owned(), values, is_ordered: false, own }
    }

    /// The numbers from `least` to `most`: every `step`-th, else every whole one where both ends and
    /// the sketch's own value are whole (about a thousand of more), else seventeen. The own value and the upper end are always
    /// among them.
    ///
    /// `None` where there would be no number or more than 4096.
    pub fn numbers(name: &str, least: f64, most: f64, step: Option<f64>, own: f64) -> Option<Self> {
        let is_whole = [least, most, own].iter().all(|number| number.fract() == 0.0);
        let range = most - least;
        let step = step.unwrap_or(match is_whole {
            true if range < WHOLE_STEPS => 1.0,
            true => (range / WHOLE_STEPS).ceil(),
            false => range / STEPS as f64,
        });
        if !(least <= most && least.is_finite() && most.is_finite()) {
            return None;
        }
        let count = if most > least {
            // A step of zero or below, or none at all, gives no number.
            let count = ((most - least) / step + 1e-9).floor() + 1.0;
            (step > 0.0 && count < MOST_VALUES as f64).then_some(count as usize)?
        } else {
            1
        };
        let mut numbers: Vec<f64> = (0..count).map(|at| tidy(least + step * at as f64)).collect();
        for extra in [own, most] {
            if (least..=most).contains(&extra) && !numbers.contains(&extra) {
                numbers.push(extra);
            }
        }
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        let at = numbers.iter().position(|number| *number == own).unwrap_or(numbers.len() / 2);
        let values = numbers.iter().map(f64::to_string).collect();
        Some(Self { name: name.to_owned(), values, is_ordered: true, own: at })
    }
}

/// A multiple of a step without the last digits that multiplication leaves.
fn tidy(number: f64) -> f64 {
    let rounded = (number * 1e9).round() / 1e9;
    if (rounded - number).abs() <= number.abs() * 1e-12 { rounded } else { number }
}

/// One value of every axis, by position.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Point(pub Vec<u32>);

/// All axes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// The axes, in the order in which points name their values.
    pub axes: Vec<Axis>,
}

impl Space {
    /// Points of the space.
    pub fn size(&self) -> u128 {
        self.axes.iter().fold(1, |size: u128, axis| size.saturating_mul(axis.values.len() as u128))
    }

    /// The point of the sketch's own values.
    pub fn own(&self) -> Point {
        Point(self.axes.iter().map(|axis| axis.own as u32).collect())
    }

    /// The axes with their values at a point.
    pub fn values<'a>(
        &'a self,
        point: &'a Point,
    ) -> impl Iterator<Item = (&'a Axis, &'a str)> + use<'a> {
        self.axes.iter().zip(&point.0).filter_map(|(axis, at)| {
            axis.values.get(*at as usize).map(|value| (axis, value.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(axis: Option<Axis>, expected: &str, own: usize) {
        let axis = axis.expect("an axis");
        assert_eq!((axis.values.join(" ").as_str(), axis.own), (expected, own));
    }

    #[test]
    fn whole_ends_give_whole_numbers() {
        check(Axis::numbers("n", 1.0, 5.0, None, 4.0), "1 2 3 4 5", 3);
        check(Axis::numbers("n", 8.0, 30.0, Some(8.0), 20.0), "8 16 20 24 30", 2);
        check(Axis::numbers("n", 3.0, 3.0, None, 3.0), "3", 0);
        let wide = Axis::numbers("n", 64.0, 65_536.0, None, 1024.0).expect("an axis");
        assert_eq!((wide.values[1].as_str(), wide.values.len()), ("128", 1024));
        assert_eq!(wide.values[wide.own], "1024");
    }

    #[test]
    fn fractions_are_divided_evenly() {
        check(Axis::numbers("w", 0.25, 0.5, Some(0.05), 0.3), "0.25 0.3 0.35 0.4 0.45 0.5", 1);
        assert_eq!(Axis::numbers("w", 0.25, 1.0, None, 0.5).expect("an axis").values.len(), 18);
    }

    #[test]
    fn what_has_no_numbers_is_no_axis() {
        for (least, most, step) in
            [(2.0, 1.0, None), (0.0, 1.0, Some(0.0)), (0.0, 1.0, Some(-1.0)), (0.0, 1e9, Some(1.0))]
        {
            assert_eq!(Axis::numbers("n", least, most, step, 1.0), None);
        }
        assert_eq!(Axis::numbers("n", 0.0, f64::NAN, None, 1.0), None);
        assert_eq!(Axis::numbers("n", 0.0, 1.0, Some(f64::NAN), 1.0), None);
    }
}
