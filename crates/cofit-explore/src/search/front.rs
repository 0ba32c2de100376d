//! Pareto dominance, and the points that nothing dominates.

/// Whether `one` is nowhere worse than `other`, and better somewhere. Less is better.
pub fn dominates(one: &[f64], other: &[f64]) -> bool {
    let mut is_better = false;
    for (one, other) in one.iter().zip(other) {
        if one > other {
            return false;
        }
        is_better |= one < other;
    }
    is_better
}

/// Points that nothing dominates, as they come.
#[derive(Clone, Debug, Default)]
pub struct Front {
    members: Vec<(usize, Vec<f64>)>,
}

impl Front {
    /// Takes point number `at` if no member is as good everywhere, and drops the members that it
    /// dominates. Whether it was taken.
    pub fn offer(&mut self, at: usize, values: Vec<f64>) -> bool {
        let is_beaten = |own: &(usize, Vec<f64>)| own.1 == values || dominates(&own.1, &values);
        if self.members.iter().any(is_beaten) {
            return false;
        }
        self.members.retain(|own| !dominates(&values, &own.1));
        self.members.push((at, values));
        true
    }

    /// The numbers of the points.
    pub fn members(&self) -> impl Iterator<Item = usize> + use<'_> {
        self.members.iter().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unbeaten_stay() {
        let mut front = Front::default();
        let offered =
            [[3.0, 3.0], [1.0, 5.0], [3.0, 3.0], [2.0, 2.0], [4.0, 4.0], [5.0, 1.0], [1.0, 6.0]];
        for (at, values) in offered.iter().enumerate() {
            front.offer(at, values.to_vec());
        }
        assert_eq!(front.members().collect::<Vec<_>>(), [1, 3, 5]);
    }
}
