//! Which operator a row of a layer is about.
//!
//! Rows number the operators of the file that was measured, `op12_conv_2d`. The file at hand may be
//! another export of the same network, with an operator more or less at its beginning; numbers alone
//! would then compare a layer with its neighbour. The names of all rows of a network together tell how
//! far the numbers are apart, and a row whose name does not fit its operator is of no layer.

use cofit_calibrate::rows::Row;
use cofit_compile::plan::{Plan, Step};
use cofit_ir::Graph;
use cofit_vocab::OperatorKind;

/// How far the numbers of rows and model may be apart.
const SHIFTS: [i64; 5] = [0, -1, 1, -2, 2];

/// What a row calls its layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerName {
    /// All operators of a kind: `op:CONV_2D`.
    Kind(String),
    /// One operator, by its place in the measured file: `op12_conv_2d`.
    Place(u32, String),
}

impl LayerName {
    /// The name in a row, in lower case and without underscores; `None` for any other form.
    pub fn of(text: &str) -> Option<Self> {
        let plain = |kind: &str| kind.to_ascii_lowercase().replace('_', "");
        if let Some(kind) = text.strip_prefix("op:") {
            return Some(Self::Kind(plain(kind)));
        }
        let rest = text.strip_prefix("op")?;
        let (place, kind) = rest.split_once('_').unwrap_or((rest, ""));
        Some(Self::Place(place.parse().ok()?, plain(kind)))
    }

    /// Whether a step of `plan` is the layer, where the rows' numbers are `shift` less than the
    /// model's.
    pub fn is_step(&self, plan: &Plan, step: &Step, shift: i64) -> bool {
        let operator = &plan.graph.operators[step.main];
        match self {
            Self::Kind(kind) => names(kind, operator.kind()),
            Self::Place(place, kind) => {
                operator.origin.index.map(i64::from) == Some(i64::from(*place) + shift)
                    && names(kind, operator.kind())
            }
        }
    }
}

/// Whether a row's word, in lower case and without underscores, names operators of `kind`: the whole
/// name or its beginning, as in `conv` and `depthwise`.
fn names(word: &str, kind: OperatorKind) -> bool {
    kind.name().replace('_', "").starts_with(word)
}

/// What to add to the numbers of `rows`, which are of one network, to get the model's: the least shift
/// at which every row that falls on an operator has its kind, and at least half of them fall on one.
/// `None` where there is none: the rows are of another network.
pub fn shift<'a>(rows: impl Iterator<Item = &'a Row>, graph: &Graph) -> Option<i64> {
    let mut places: Vec<(u32, String)> = rows
        .filter_map(|row| match LayerName::of(row.layer()?)? {
            LayerName::Place(place, kind) => Some((place, kind)),
            LayerName::Kind(_) => None,
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    let kind_at = |at: i64| {
        let operators = graph.operators.values();
        let mut found = operators.filter(|one| one.origin.index.map(i64::from) == Some(at));
        found.next().map(cofit_ir::Operator::kind)
    };
    SHIFTS.into_iter().find(|shift| {
        let kinds = places.iter().map(|(place, word)| (kind_at(i64::from(*place) + shift), word));
        let (mut met, mut wrong) = (0, 0);
        for (kind, word) in kinds {
            match kind {
                Some(kind) if names(word, kind) => met += 1,
                Some(_) => wrong += 1,
                None => {}
            }
        }
        wrong == 0 && met * 2 >= places.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kind: OperatorKind, is_named: bool) {
        let name = LayerName::of(text).expect("a layer's name");
        let (LayerName::Kind(word) | LayerName::Place(_, word)) = name;
        assert_eq!(names(&word, kind), is_named, "{text}");
    }

    #[test]
    fn words_of_rows_are_names_of_kinds_or_their_beginnings() {
        check("op:DEPTHWISE_CONV_2D", OperatorKind::DepthwiseConv2d, true);
        check("op02_depthwise", OperatorKind::DepthwiseConv2d, true);
        check("op03_conv", OperatorKind::Conv2d, true);
        check("op03_conv", OperatorKind::DepthwiseConv2d, false);
        check("op00_quantize", OperatorKind::Conv2d, false);
        check("op7", OperatorKind::Softmax, true);
        assert_eq!(LayerName::of("weight_load"), None);
    }
}
