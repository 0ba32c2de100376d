//! What a search asks, as the command line gives it and as a study keeps it.

use cofit_chip::Chip;
use cofit_vocab::Place;
use cofit_vocab::diagnostic::search as codes;
use serde::{Deserialize, Serialize};

use crate::args::{ObjectiveArg, ProxyArg, SearchArgs, TuningArgs};
use crate::failure::Failure;
use crate::load;

/// The largest sketch file that is read: the sketch form's own limit.
const SKETCH_LIMIT: u64 = 1 << 20;

/// A chip with its runtime and operating point, and the card that it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The chip as the command line names it.
    pub chip: String,
    /// The runtime.
    pub runtime: String,
    /// The operating point.
    pub operating_point: String,
    /// SHA-256 of the card.
    pub card_sha256: String,
}

/// Everything that decides what a search finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The version of cofit.
    pub version: String,
    /// The sketch's file as the command line names it.
    pub file: String,
    /// Its text.
    pub sketch: String,
    /// `--param`.
    pub parameters: Vec<String>,
    /// `--vary`.
    pub vary: Vec<String>,
    /// The targets.
    pub targets: Vec<Target>,
    /// The objectives' names.
    pub objectives: Vec<String>,
    /// Limits as they were written, by name.
    pub limits: Vec<(String, String)>,
    /// The proxy's name.
    pub proxy: Option<String>,
    /// Most points that are evaluated.
    pub evaluations: usize,
    /// Points of a generation.
    pub population: usize,
    /// Where the random numbers start.
    pub seed: u64,
}

impl Question {
    /// The question of a command line.
    ///
    /// # Errors
    /// A file cannot be read, or there is no such chip.
    pub fn new(args: &SearchArgs) -> Result<Self, Failure> {
        let path = args.sketch.clone().unwrap_or_default();
        let bytes = load::read(&path, SKETCH_LIMIT)?;
        let limits = [
            ("latency", args.max_latency.clone()),
            ("energy", args.max_energy.clone()),
            ("sram", args.max_sram.clone()),
            ("flash", args.max_flash.clone()),
            ("traffic", args.max_traffic.clone()),
            ("accuracy", args.min_accuracy.map(|least| least.to_string())),
        ];
        let mut objectives: Vec<String> =
            args.objectives.iter().map(|&one| objective(one).to_owned()).collect();
        objectives.dedup();
        if args.proxy.is_some() && !objectives.iter().any(|name| name == "accuracy") {
            objectives.push("accuracy".to_owned());
        }
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            file: path.display().to_string(),
            sketch: String::from_utf8_lossy(&bytes).into_owned(),
            parameters: args.parameters.clone(),
            vary: args.vary.clone(),
            targets: targets(args)?,
            objectives,
            limits: limits
                .into_iter()
                .filter_map(|(name, text)| Some((name.to_owned(), text?)))
                .collect(),
            proxy: args.proxy.map(|proxy| match proxy {
                ProxyArg::Parameters => "parameters".to_owned(),
                ProxyArg::Macs => "macs".to_owned(),
            }),
            evaluations: args.evaluations,
            population: args.population.clamp(2, 4096),
            seed: args.seed,
        })
    }

    /// The question of a study.
    ///
    /// # Errors
    /// The text is none, or of another version of cofit.
    pub fn parse(text: &str, file: &str) -> Result<Self, Failure> {
        let place = || Place::default().with_file(file.to_owned());
        let question: Self = serde_json::from_str(text)
            .map_err(|error| Failure::new(&codes::BROKEN_STUDY, error.to_string(), place()))?;
        if question.version != env!("CARGO_PKG_VERSION") {
            let message = format!("it was made by cofit {}", question.version);
            return Err(Failure::new(&codes::OTHER_QUESTION, message, place()));
        }
        Ok(question)
    }

    /// The text that a study keeps.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Refuses a study whose question is not this one.
    ///
    /// # Errors
    /// The first thing that differs.
    pub fn require(&self, stored: &Self, file: &str) -> Result<(), Failure> {
        let difference = [
            ("the sketch", self.sketch != stored.sketch),
            ("the parameters", self.parameters != stored.parameters || self.vary != stored.vary),
            ("the chips or their cards", self.targets != stored.targets),
            ("the objectives", self.objectives != stored.objectives),
            ("the limits", self.limits != stored.limits),
            ("the proxy", self.proxy != stored.proxy),
            ("the number of evaluations", self.evaluations != stored.evaluations),
            ("the population", self.population != stored.population),
            ("the seed", self.seed != stored.seed),
        ]
        .into_iter()
        .find_map(|(name, differs)| differs.then_some(name));
        match difference {
            None => Ok(()),
            Some(name) => {
                let message = format!("{name} of the study differ from those of this search");
                let place = Place::default().with_file(file.to_owned());
                Err(Failure::new(&codes::OTHER_QUESTION, message, place))
            }
        }
    }

    /// The chips of the targets.
    ///
    /// # Errors
    /// There is no such chip any more, or its card is another one.
    pub fn chips(&self) -> Result<Vec<Chip>, Failure> {
        let chip_of = |target: &Target| {
            let tuning = TuningArgs {
                runtime: Some(target.runtime.clone()),
                op_point: Some(target.operating_point.clone()),
                ..TuningArgs::default()
            };
            let chip = load::chip(&target.chip, &tuning)?;
            if chip.sha256 != target.card_sha256 {
                let message = format!("the card of `{}` is not the study's any more", target.chip);
                return Err(Failure::new(&codes::OTHER_QUESTION, message, Place::default()));
            }
            Ok(chip)
        };
        self.targets.iter().map(chip_of).collect()
    }
}

const fn objective(argument: ObjectiveArg) -> &'static str {
    match argument {
        ObjectiveArg::Latency => "latency",
        ObjectiveArg::Energy => "energy",
        ObjectiveArg::Sram => "sram",
        ObjectiveArg::Flash => "flash",
        ObjectiveArg::Traffic => "traffic",
        ObjectiveArg::Accuracy => "accuracy",
    }
}

/// Every chip with the runtimes and operating points that are asked for.
fn targets(args: &SearchArgs) -> Result<Vec<Target>, Failure> {
    let mut targets = Vec::new();
    for id in &args.chips {
        let default = load::chip(id, &TuningArgs::default())?;
        let runtimes = if args.all_runtimes && !default.runtimes.is_empty() {
            default.runtimes.clone()
        } else {
            vec![default.runtime.id.clone()]
        };
        let points = if args.all_op_points && !default.operating_points.is_empty() {
            default.operating_points.clone()
        } else {
            vec![default.operating_point.id.clone()]
        };
        for runtime in &runtimes {
            for point in &points {
                let tuning = TuningArgs {
                    runtime: Some(runtime.clone()),
                    op_point: Some(point.clone()),
                    ..TuningArgs::default()
                };
                let target = Target {
                    chip: id.clone(),
                    runtime: runtime.clone(),
                    operating_point: point.clone(),
                    card_sha256: load::chip(id, &tuning)?.sha256,
                };
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
        }
    }
    Ok(targets)
}
