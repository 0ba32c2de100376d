//! Streaming below the tensor against the best published planners.

use std::fmt::Write as _;
use std::path::Path;

use cofit_exec::{Network as Executable, Options, probe};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Verified;
use cofit_stream::{Front, Network, Point, Question, Side, by_macs, front, lower_bound, verify};

use super::Section;

/// A network with what has to be reached on it without computing anything twice, int8, the input not
/// counted.
struct Bar {
    name: &'static str,
    sketch: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    /// Most KiB.
    kib: f64,
    /// What layer by layer takes, and patches of MCUNetV2's kind, from `docs/memory.md`.
    others: &'static str,
}

const BARS: &[Bar] = &[
    Bar {
        name: "MobileNetV2-1.0 @224",
        sketch: "mobilenet_v2",
        parameters: &[],
        kib: 126.0,
        others: "196 (+9.3 % MACs)",
    },
    Bar {
        name: "MobileNetV2-0.35 @144",
        sketch: "mobilenet_v2",
        parameters: &[("width", "0.35"), ("resolution", "144")],
        kib: 27.0,
        others: "71 (+9.9 %)",
    },
    Bar {
        name: "MobileNetV1-0.25 @96, visual wake words",
        sketch: "mobilenet_v1",
        parameters: &[],
        kib: 13.9,
        others: "24.2 (+6.8 %)",
    },
    Bar { name: "ResNet-8", sketch: "resnet8", parameters: &[], kib: 14.1, others: "32 (+3.4 %)" },
    Bar { name: "DS-CNN", sketch: "ds_cnn", parameters: &[], kib: 5.4, others: "15.6 (0 %)" },
];

/// A network of msf-CNN's sweep (TinyPART/msf-CNN, `analysis_optimization.py`): bytes that it reaches
/// at factors of the multiply-accumulates, input and output not counted.
struct Sweep {
    name: &'static str,
    sketch: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    points: &'static [(f64, u64)],
}

const SWEEPS: &[Sweep] = &[
    Sweep {
        name: "MBV2-w0.35",
        sketch: "mobilenet_v2_unrounded",
        parameters: &[],
        points: &[(1.10, 67_905), (1.30, 21_288), (1.38, 15_340), (1.68, 7_887)],
    },
    Sweep {
        name: "VWW-5fps",
        sketch: "mcunet_vww_5fps",
        parameters: &[("shortcut", "none"), ("head", "false")],
        points: &[(1.04, 32_792), (1.30, 17_760), (1.35, 13_376), (1.96, 12_000)],
    },
    Sweep {
        name: "320KB",
        sketch: "mcunet_320kb",
        parameters: &[("shortcut", "none"), ("head", "false")],
        points: &[(1.04, 190_096), (1.45, 94_184), (2.02, 62_880), (2.69, 42_643)],
    },
];

/// A sketch with seeded weights, its stages, and a way to run it.
struct Subject {
    model: Verified,
    stages: Network,
}

impl Subject {
    fn of(workspace: &Path, sketch: &str, parameters: &[(&str, &str)]) -> Result<Self, String> {
        let path = workspace.join("examples/sketches").join(format!("{sketch}.toml"));
        let text = std::fs::read_to_string(&path).map_err(|fault| format!("{sketch}: {fault}"))?;
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let options = SketchOptions {
            parameters: parameters.iter().map(owned).collect(),
            weights: Weights::Random { seed: 1 },
        };
        let model = expand(&text, sketch, &options).map_err(|found| format!("{found:?}"))?;
        let model = Verified::new(model).map_err(|found| format!("{found:?}"))?;
        let stages = Network::of(model.main_graph());
        Ok(Self { model, stages })
    }

    fn front(&self, question: Question) -> Result<Front, String> {
        let front = front(self.model.main_graph(), &self.stages, question, &by_macs);
        for point in &front.points {
            verify(&self.stages, &point.schedule).map_err(|breach| breach.to_string())?;
        }
        Ok(front)
    }

    /// Runs a point in an arena of its size and compares the results with those of whole layers.
    fn execute(&self, point: &Point) -> Result<(), String> {
        let network = Executable::prepare(&self.model, &Options::default())
            .map_err(|found| format!("{found:?}"))?;
        let inputs = probe::inputs(self.model.main_graph(), 0);
        let inputs: Option<Vec<_>> = inputs.into_iter().collect();
        let inputs = inputs.ok_or("an input has a type without kernels")?;
        let whole = network.run(&mut network.state(), &inputs, &mut ());
        let whole = whole.map_err(|found| format!("{found:?}"))?.unwrap_or_default();
        let streamed = network
            .run_in_arena(&mut network.state(), &inputs, &self.stages, &point.schedule, &mut ())
            .map_err(|found| format!("{found:?}"))?;
        let (streamed, account) = streamed.ok_or("the run was ended")?;
        if streamed != whole {
            return Err("the results differ".to_owned());
        }
        if account.highest > point.schedule.arena {
            return Err("the arena is exceeded".to_owned());
        }
        Ok(())
    }
}

fn question(inputs: Side, outputs: Side, may_recompute: bool) -> Question {
    Question { inputs, outputs, may_recompute }
}

/// The smallest point whose multiply-accumulates are at most so many times those of the network.
fn within(front: &Front, factor: f64) -> Option<&Point> {
    let limit = front.whole.macs as f64 * factor;
    let fitting = front.points.iter().filter(|point| point.effort().macs as f64 <= limit);
    fitting.min_by_key(|point| point.schedule.arena)
}

fn kib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0)
}

pub fn section(workspace: &Path) -> Result<Section, String> {
    let mut section = Section::default();
    zero_recompute(workspace, &mut section)?;
    sweeps(workspace, &mut section)?;
    Ok(section)
}

/// Fewest bytes without computing anything twice.
fn zero_recompute(workspace: &Path, section: &mut Section) -> Result<(), String> {
    section.text.push_str(
        "### Without computing anything twice\n\nint8, KiB of the arena, outputs counted, the input not (in brackets: counted). Every figure is that\n\
         of a layout that was executed in an arena of this size and gave the results of whole layers.\n\n\
         | network | MMACs | layer by layer | patches (MCUNetV2's kind) | rows | fewest | bound | has to be |\n|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for bar in BARS {
        let subject = Subject::of(workspace, bar.sketch, bar.parameters)?;
        let mut cells: Vec<String> = Vec::new();
        let mut least = [0, 0];
        let mut whole = [0, 0];
        let mut rows = 0;
        for (at, inputs) in [Side::Outside, Side::Arena].into_iter().enumerate() {
            let front = subject.front(question(inputs, Side::Arena, false))?;
            let smallest = front.points.first().ok_or("there is no way to run it")?;
            subject.execute(smallest).map_err(|fault| format!("{}: {fault}", bar.name))?;
            least[at] = smallest.schedule.arena.get();
            whole[at] = front.points.last().map_or(0, |point| point.schedule.arena.get());
            if inputs == Side::Outside {
                let by_rows = front.points.iter().find(|point| {
                    let pieces = point.schedule.groups.iter().map(|group| group.pieces);
                    pieces.into_iter().all(|it| !matches!(it, cofit_stream::Pieces::Pixels(_)))
                });
                if let Some(point) = by_rows {
                    subject.execute(point).map_err(|fault| format!("{}: {fault}", bar.name))?;
                    rows = point.schedule.arena.get();
                }
            }
        }
        let bound = lower_bound(&subject.stages, question(Side::Outside, Side::Arena, false)).bytes;
        cells.push(bar.name.to_owned());
        cells.push(format!("{:.1}", subject.stages.macs().get() as f64 / 1e6));
        cells.push(format!("{} [{}]", kib(whole[0]), kib(whole[1])));
        cells.push(bar.others.to_owned());
        cells.push(kib(rows));
        cells.push(format!("**{}** [{}]", kib(least[0]), kib(least[1])));
        cells.push(kib(bound));
        cells.push(format!("≤ {}", bar.kib));
        let _ = writeln!(section.text, "| {} |", cells.join(" | "));
        if least[0] as f64 > bar.kib * 1024.0 {
            section.faults.push(format!("{}: {} KiB is over {}", bar.name, kib(least[0]), bar.kib));
        }
    }
    Ok(())
}

/// Fewer bytes than msf-CNN at each of its factors.
fn sweeps(workspace: &Path, section: &mut Section) -> Result<(), String> {
    section.text.push_str(
        "\n### With recomputation, against msf-CNN\n\nIts own layer lists and accounting: no residual additions, channels not rounded, input and output not\n\
         counted; bytes at a factor of the network's multiply-accumulates. Executed as above.\n\n\
         | network | factor at most | msf-CNN | ours | at the factor |\n|---|---:|---:|---:|---:|\n",
    );
    for sweep in SWEEPS {
        let subject = Subject::of(workspace, sweep.sketch, sweep.parameters)?;
        let front = subject.front(question(Side::Outside, Side::Outside, true))?;
        for &(factor, theirs) in sweep.points {
            let point = within(&front, factor).ok_or("there is no way to run it")?;
            subject.execute(point).map_err(|fault| format!("{}: {fault}", sweep.name))?;
            let ours = point.schedule.arena.get();
            let at = point.effort().macs as f64 / front.whole.macs as f64;
            let _ = writeln!(
                section.text,
                "| {} | {factor:.2} | {theirs} | **{ours}** | {at:.3} |",
                sweep.name
            );
            if ours >= theirs {
                section
                    .faults
                    .push(format!("{} at {factor}: {ours} is not below {theirs}", sweep.name));
            }
        }
    }
    Ok(())
}
