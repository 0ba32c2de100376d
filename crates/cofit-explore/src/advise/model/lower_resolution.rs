//! `lower-resolution`: the input gets smaller, and every map with it.
//!
//! The resolution multiplier of MobileNets (A. G. Howard et al., 2017, section 3.4): three quarters
//! and half of the input's height and width, and of the length alone where the width is 1. Weights stay
//! what they are; they were trained on larger inputs. A network with a reshape to stated lengths or a
//! dense layer over the whole map bears no other resolution and says so.

use cofit_ir::{Graph, TensorId};

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, Weights, edit};

/// Resolutions that are tried, in quarters.
const QUARTERS: [u32; 2] = [3, 2];
/// Shortest axis that is made shorter.
const SHORTEST: u32 = 8;

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    let &[input] = graph.inputs.as_slice() else { return };
    let &[_, height, width, channels] = graph.tensors[input].shape.dimensions() else { return };
    for quarters in QUARTERS {
        let less = |length: u32| {
            let part = u64::from(length) * u64::from(quarters) / 4;
            if length < SHORTEST { length } else { part as u32 }
        };
        let (rows, columns) = (less(height), less(width));
        if (rows, columns) == (height, width) {
            continue;
        }
        let change = format!("input {height}x{width}x{channels} -> {rows}x{columns}x{channels}");
        let changed = shrink(graph, input, rows, columns).map(|changed| {
            Some(Candidate {
                kind: Kind::LowerResolution,
                place: graph.tensors[input].name.clone(),
                change,
                keeps: Keeps::Nothing(Weights::Kept),
                notes: vec!["weights were trained on larger inputs".to_owned()],
                edit: Edit::Model(edit::verified(&setting.model, changed)?),
            })
        });
        found.model(Kind::LowerResolution, changed);
    }
}

/// The graph for another height and width of its input.
fn shrink(graph: &Graph, input: TensorId, rows: u32, columns: u32) -> Result<Graph, String> {
    let mut changed = graph.clone();
    let lengths = changed.tensors[input].shape.dimensions_mut();
    (lengths[1], lengths[2]) = (rows, columns);
    edit::infer_again(&mut changed)?;
    for &output in &graph.outputs {
        // A result for every position is another task; one for the whole input is not.
        if changed.tensors[output].shape != graph.tensors[output].shape {
            let name = &graph.tensors[output].name;
            return Err(format!("the output {name} would have another shape"));
        }
    }
    Ok(changed)
}
