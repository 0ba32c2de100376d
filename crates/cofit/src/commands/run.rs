//! `cofit run`: arrays in, arrays out, to the bit.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cofit_exec::{Network, Observer, Options, Rounding, Slice, file_order};
use cofit_ir::{Graph, TensorId};
use cofit_report::run::{Computed, Run};
use cofit_vocab::Place;
use cofit_vocab::diagnostic::usage;

use super::emit;
use crate::args::{RoundingArg, RunArgs};
use crate::arrays::write_npy;
use crate::failure::Failure;
use crate::{Outcome, inputs, load, output};

/// Runs the command.
pub fn run(args: &RunArgs) -> Result<Outcome, Failure> {
    let model = load::model(&args.model.model, &args.model.reading)?;
    let rounding = rounding(args.rounding);
    let network = Network::prepare(&model, &Options { rounding, ..Options::default() })?;
    let graph = model.main_graph();
    let (buffers, described) = match args.random {
        Some(seed) => inputs::random(graph, seed)?,
        None => inputs::from_files(graph, &args.inputs)?,
    };
    let mut writer = Writer { graph, folder: args.output_dir.as_deref(), failure: None };
    writer.make_folder()?;
    let mut layers = Layers { writer: &mut writer, computed: Vec::new(), wanted: args.dump_layers };
    let results = network.run(&mut network.state(), &buffers, &mut layers)?;
    let tensors = layers.computed;
    if let Some(failure) = writer.failure.take() {
        return Err(failure);
    }
    let mut outputs = Vec::new();
    for (&id, result) in graph.outputs.iter().zip(results.iter().flatten()) {
        let known = tensors.iter().find(|one: &&Computed| one.index == index(graph, id));
        outputs.push(match known {
            Some(known) => known.clone(),
            None => writer.write(id, result.as_slice())?,
        });
    }
    let run = Run {
        model: model.model(),
        rounding: if rounding == Rounding::Double { "double" } else { "single" },
        inputs: described,
        outputs,
        tensors,
    };
    emit(
        &args.output,
        || run.text(output::rendering(&args.output)),
        || run.json_value(),
        || run.csv(),
        || run.markdown(),
    )?;
    Ok(Outcome::Holds)
}

/// The rounding that an option names.
pub(crate) const fn rounding(argument: RoundingArg) -> Rounding {
    match argument {
        RoundingArg::Double => Rounding::Double,
        RoundingArg::Single => Rounding::Single,
    }
}

/// The tensor's index in the source file, or in the model where there is no file.
pub(crate) fn index(graph: &Graph, id: TensorId) -> u32 {
    graph.tensors[id].origin.index.unwrap_or_else(|| id.as_u32())
}

/// Writes tensors to a folder, where there is one.
struct Writer<'a> {
    graph: &'a Graph,
    folder: Option<&'a Path>,
    /// Why writing stopped.
    failure: Option<Failure>,
}

impl Writer<'_> {
    fn make_folder(&self) -> Result<(), Failure> {
        let Some(folder) = self.folder else { return Ok(()) };
        fs::create_dir_all(folder).map_err(|error| {
            let place = Place::default().with_file(folder.display().to_string());
            Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), place)
        })
    }

    fn write(&self, id: TensorId, values: Slice<'_>) -> Result<Computed, Failure> {
        let tensor = &self.graph.tensors[id];
        let index = index(self.graph, id);
        let file = match self.folder {
            None => None,
            Some(folder) => {
                let path: PathBuf = folder.join(file_name(index, &tensor.name));
                let (shape, given) = file_order::to_file(tensor, &values.to_buffer());
                let bytes =
                    write_npy(tensor.element, &shape, given.as_slice()).map_err(|error| {
                        let place = Place::default().with_file(path.display().to_string());
                        Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), place)
                    })?;
                output::write_new(&path, &bytes)?;
                Some(path.display().to_string())
            }
        };
        Ok(Computed::new(index, tensor, values, file))
    }
}

/// `004_conv1_Relu.npy`: the index sorts, the name is for people.
fn file_name(index: u32, name: &str) -> String {
    const LONGEST: usize = 80;
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).take(LONGEST).collect();
    format!("{index:03}_{name}.npy")
}

/// Keeps what is wanted of every tensor on the way.
struct Layers<'a, 'b> {
    writer: &'a mut Writer<'b>,
    computed: Vec<Computed>,
    wanted: bool,
}

impl Observer for Layers<'_, '_> {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        if !self.wanted {
            return ControlFlow::Continue(());
        }
        match self.writer.write(id, values) {
            Ok(computed) => {
                self.computed.push(computed);
                ControlFlow::Continue(())
            }
            Err(failure) => {
                self.writer.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}
