//! One way to run a schedule and compare.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use cofit_exec::{
    Account, Buffer, Network, Observer, Options, Piece, PieceObserver, Slice, State, probe,
};
use cofit_ir::{Graph, TensorId, Verified};
use cofit_stream::Schedule;

/// A model with what it computes operator by operator.
pub struct Reference {
    network: Network,
    inputs: Vec<Buffer>,
    tensors: BTreeMap<TensorId, Buffer>,
    outputs: Vec<Buffer>,
    /// State after that inference.
    state: State,
}

#[derive(Default)]
struct Keep(BTreeMap<TensorId, Buffer>);

impl Observer for Keep {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        self.0.insert(id, values.to_buffer());
        ControlFlow::Continue(())
    }
}

/// Compares pieces with whole tensors.
struct Compare<'a> {
    reference: &'a Reference,
    stages: &'a cofit_stream::Network,
    pieces: u64,
    difference: Option<String>,
}

impl PieceObserver for Compare<'_> {
    fn piece(&mut self, piece: &Piece<'_>) -> ControlFlow<()> {
        self.pieces += 1;
        let value = &self.stages.values[piece.value];
        let whole = self.reference.tensors[&value.tensors[0]].as_slice();
        let columns = value.grid.columns as usize;
        let pixel = whole.len() / (value.grid.rows as usize * columns);
        let expected: Vec<u8> = piece
            .rows
            .clone()
            .flat_map(|row| {
                piece.columns.clone().map(move |column| row as usize * columns + column as usize)
            })
            .flat_map(|at| {
                let channels = match &piece.channels {
                    Some(channels) => channels.start as usize..channels.end as usize,
                    None => 0..pixel,
                };
                whole.range(at * pixel + channels.start, at * pixel + channels.end).to_le_bytes()
            })
            .collect();
        if piece.elements.to_le_bytes() == expected {
            return ControlFlow::Continue(());
        }
        self.difference = Some(format!(
            "{} differs in rows {:?}, columns {:?} of {}",
            piece.stage, piece.rows, piece.columns, piece.value
        ));
        ControlFlow::Break(())
    }
}

impl Reference {
    /// Runs the model once on random inputs; `None` where it cannot be run.
    pub fn of(model: &Verified) -> Option<Self> {
        let network = Network::prepare(model, &Options::default()).ok()?;
        let inputs: Vec<Buffer> =
            probe::inputs(model.main_graph(), 7).into_iter().collect::<Option<_>>()?;
        let (mut keep, mut state) = (Keep::default(), network.state());
        let outputs = network.run(&mut state, &inputs, &mut keep).ok()??;
        Some(Self { network, inputs, tensors: keep.0, outputs, state })
    }

    /// The graph that runs.
    pub fn graph(&self) -> &Graph {
        self.network.model().main_graph()
    }

    /// Runs a schedule and compares every piece, every output and the state; says what differs or why
    /// it does not run.
    pub fn check(
        &self,
        stages: &cofit_stream::Network,
        schedule: &Schedule,
    ) -> Result<Account, String> {
        let mut compare = Compare { reference: self, stages, pieces: 0, difference: None };
        let mut state = self.network.state();
        let done =
            self.network.run_in_arena(&mut state, &self.inputs, stages, schedule, &mut compare);
        let done = done.map_err(|found| {
            let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
            texts.join("\n")
        })?;
        if let Some(difference) = compare.difference {
            return Err(difference);
        }
        let (outputs, account) = done.expect("only a difference ends a run");
        let bytes = |buffers: &[Buffer]| -> Vec<Vec<u8>> {
            buffers.iter().map(|buffer| buffer.as_slice().to_le_bytes()).collect()
        };
        if bytes(&outputs) != bytes(&self.outputs) {
            return Err("outputs differ".to_owned());
        }
        if state != self.state {
            return Err("the state after the run differs".to_owned());
        }
        if account.highest > schedule.arena {
            return Err(format!("{} were written of {}", account.highest, schedule.arena));
        }
        if compare.pieces == 0 && !stages.stages.is_empty() {
            return Err("no piece was compared".to_owned());
        }
        Ok(account)
    }
}
