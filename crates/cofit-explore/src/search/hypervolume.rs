//! The volume that a front dominates, up to a reference point: one number for how far a search came
//! (E. Zitzler, L. Thiele, 1998). Computed by slicing along one objective after the other.

/// Most slices that are computed; a front that takes more has no stated volume.
const MOST_SLICES: u64 = 100_000;

/// The volume between points and `reference` in which less is better. Points beyond the reference add
/// nothing. `None` where it would take too long.
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> Option<f64> {
    let inside: Vec<&[f64]> = points
        .iter()
        .map(Vec::as_slice)
        .filter(|point| {
            point.len() == reference.len()
                && point.iter().zip(reference).all(|(own, most)| own <= most)
        })
        .collect();
    let mut slices = 0;
    volume(&inside, reference, &mut slices)
}

fn volume(points: &[&[f64]], reference: &[f64], slices: &mut u64) -> Option<f64> {
    let Some((&most, rest)) = reference.split_last() else { return Some(0.0) };
    let last = rest.len();
    if last == 0 {
        let least = points.iter().map(|point| point[0]).fold(most, f64::min);
        return Some(most - least);
    }
    let mut sorted = points.to_vec();
    sorted.sort_by(|one, other| one[last].total_cmp(&other[last]));
    let mut sum = 0.0;
    for (at, point) in sorted.iter().enumerate() {
        *slices += 1;
        if *slices > MOST_SLICES {
            return None;
        }
        let upper = sorted.get(at + 1).map_or(most, |next| next[last]);
        let thickness = upper - point[last];
        if thickness > 0.0 {
            sum += thickness * volume(&sorted[..=at], rest, slices)?;
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_counted_once() {
        let points = vec![vec![0.0, 0.5], vec![0.5, 0.0]];
        assert_eq!(hypervolume(&points, &[1.0, 1.0]), Some(0.75));
        // The third point lies in what the others dominate, the fourth beyond the reference.
        let more = vec![points[0].clone(), points[1].clone(), vec![0.5, 0.5], vec![0.0, 2.0]];
        assert_eq!(hypervolume(&more, &[1.0, 1.0]), Some(0.75));
        let cube = vec![vec![0.5, 0.0, 0.0], vec![0.0, 0.5, 0.5]];
        assert_eq!(hypervolume(&cube, &[1.0, 1.0, 1.0]), Some(0.5 + 0.25 - 0.125));
        assert_eq!(hypervolume(&[], &[1.0, 1.0]), Some(0.0));
    }
}
