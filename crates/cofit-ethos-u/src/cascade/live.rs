//! Bytes alive during runs of stages.

use std::ops::Range;

use cofit_vocab::Bytes;

use crate::cascade::Network;

/// Sums of a network's values by where they begin and end.
#[derive(Debug)]
pub struct Live<'n, 'a> {
    network: &'n Network<'a>,
    /// Bytes of values that begin before each stage.
    begun: Vec<Bytes>,
    /// Bytes of values that end before each stage.
    ended: Vec<Bytes>,
}

impl<'n, 'a> Live<'n, 'a> {
    /// Sums up the values of a network.
    pub fn of(network: &'n Network<'a>) -> Self {
        let stages = network.stages.len();
        let (mut begun, mut ended) = (vec![Bytes::ZERO; stages + 1], vec![Bytes::ZERO; stages + 1]);
        for value in &network.values {
            if let Some(at) = begun.get_mut(value.first.saturating_add(1)) {
                *at += value.bytes;
            }
            if let Some(at) = ended.get_mut(value.last.saturating_add(1)) {
                *at += value.bytes;
            }
        }
        for at in 1..=stages {
            let (before, gone) = (begun[at - 1], ended[at - 1]);
            begun[at] += before;
            ended[at] += gone;
        }
        Self { network, begun, ended }
    }

    /// Bytes alive at any of the stages.
    pub fn during(&self, stages: Range<usize>) -> Bytes {
        self.begun[stages.end] - self.ended[stages.start]
    }

    /// Bytes alive while a stage runs by itself.
    pub fn alone(&self, stage: usize) -> Bytes {
        self.during(stage..stage + 1) - self.network.stages[stage].overwritten
    }
}
