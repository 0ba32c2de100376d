//! Measured rows with the networks and chips that they are of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cofit_calibrate::hierarchy::Setting;
use cofit_calibrate::leave_out::same_networks;
use cofit_calibrate::network::{in_floats, signature};
use cofit_calibrate::pool::{Sample, trust};
use cofit_calibrate::rows::{self, Level, Row};
use cofit_chip::{Card, Chip, OperatorClass, Selection, catalogue};
use cofit_compile::compile;
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Model;
use cofit_ir::verify::Verified;
use cofit_sim::terms::{Coefficient, Terms};
use cofit_sim::{Profile, simulate};
use cofit_vocab::Hertz;

use crate::failure::Failure;
use crate::layer_rows::{self, LayerName};
use crate::load;

/// Why a row takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It names no card, or one that is not in the catalogue.
    UnknownCard,
    /// Its runtime is not on the card.
    UnknownRuntime,
    /// Its network is neither a file nor a known one.
    UnknownModel,
    /// It has no time, or is of a kernel by itself.
    WithoutTime,
    /// Its layer is not one of the network's.
    UnknownLayer,
    /// The network does not compile for the chip.
    WithoutPlan,
}

impl Reason {
    /// The reason in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::UnknownCard => "no card of the catalogue",
            Self::UnknownRuntime => "a runtime that its card has not",
            Self::UnknownModel => "a network that is not known",
            Self::WithoutTime => "no time of a network or layer",
            Self::UnknownLayer => "a layer that its network has not",
            Self::WithoutPlan => "a network that does not compile for the chip",
        }
    }
}

/// A row of a network or of its layers, simulated.
pub struct Measured {
    /// The row.
    pub row: Row,
    /// The row as the pool takes it; its network is an index that twins share.
    pub sample: Sample,
    /// The clock of its cycles.
    pub clock: Hertz,
    /// The simulation with the card as it is.
    pub profile: Profile,
}

impl Measured {
    /// The class of the layer's operators, where the row is of a layer.
    pub fn class(&self) -> Option<String> {
        self.row.layer()?;
        self.sample.terms.terms.iter().find_map(|term| match &term.coefficient {
            Coefficient::Kernel { class, .. } => OperatorClass::ALL
                .iter()
                .find(|(_, one)| one == class)
                .map(|(word, _)| (*word).to_owned()),
            Coefficient::Inference | Coefficient::Operator | Coefficient::Access { .. } => None,
        })
    }
}

/// Rows with their networks and chips.
#[derive(Default)]
pub struct Measurements {
    /// Rows that take part.
    pub rows: Vec<Measured>,
    /// How many others there are, by reason.
    pub others: BTreeMap<Reason, usize>,
}

/// Where networks come from.
pub struct Networks {
    folder: PathBuf,
    files: BTreeMap<String, String>,
    otherwise: Option<Verified>,
    known: BTreeMap<(String, bool), Option<Verified>>,
}

impl Networks {
    /// Networks whose files lie under `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            files: BTreeMap::new(),
            otherwise: None,
            known: BTreeMap::new(),
        }
    }

    /// The network of rows that name none that is known.
    pub fn otherwise(&mut self, model: Verified) {
        self.otherwise = Some(model);
    }

    /// The network of a row, in the row's precision.
    fn of(&mut self, row: &Row) -> Option<Verified> {
        let key = (row.network().to_owned(), row.is_float());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let found = self.find(row);
        self.known.insert(key, found.clone());
        found
    }

    /// Rows of layers name the file of their network no more than once.
    fn remember_files(&mut self, rows: &[Row]) {
        for row in rows {
            if let Some(file) = &row.model_file {
                self.files.entry(row.network().to_owned()).or_insert_with(|| file.clone());
            }
        }
    }

    fn find(&self, row: &Row) -> Option<Verified> {
        let model = match self.files.get(row.network()) {
            Some(file) => load::model(&self.folder.join(file), &load::reading_as_is()).ok()?,
            None => {
                let Some(known) = cofit_zoo::find(row.network()) else {
                    return self.otherwise.clone();
                };
                let precision = if row.is_float() { "float32" } else { "int8" };
                let parameters = known.parameters_at(precision);
                let options = SketchOptions { parameters, weights: Weights::Absent };
                let model = expand(known.text, known.architecture, &options).ok()?;
                return Verified::new(model).ok();
            }
        };
        if row.is_float() { Verified::new(in_floats(model.model())).ok() } else { Some(model) }
    }
}

/// Reads rows of one chip, whatever card they name, and simulates each on it. Rows that name another
/// runtime are of no use to this one.
///
/// # Errors
/// The file of rows cannot be read.
pub fn read_for(
    path: &Path,
    networks: &mut Networks,
    chip: &Chip,
) -> Result<Measurements, Failure> {
    read_with(path, networks, |row| {
        let names_another = !row.runtime.is_empty()
            && row.runtime != chip.runtime.id
            && !chip.runtime.aliases.contains(&row.runtime);
        let is_elsewhere = !row.card.is_empty() && row.card != chip.target.id;
        if names_another {
            Err(Reason::UnknownRuntime)
        } else if is_elsewhere {
            Err(Reason::UnknownCard)
        } else {
            let mut chip = chip.clone();
            chip.threads = (row.threads > 1).then_some(row.threads).or(chip.threads);
            Ok(chip)
        }
    })
}

/// Reads rows and simulates each on the card that it names.
///
/// # Errors
/// The file of rows cannot be read.
pub fn read(path: &Path, networks: &mut Networks) -> Result<Measurements, Failure> {
    let mut chips = Chips::default();
    read_with(path, networks, |row| {
        if catalogue::find(&row.card).is_none() {
            return Err(Reason::UnknownCard);
        }
        chips.of(&row.card, &row.runtime, row.threads).cloned().ok_or(Reason::UnknownRuntime)
    })
}

fn read_with(
    path: &Path,
    networks: &mut Networks,
    mut chip: impl FnMut(&Row) -> Result<Chip, Reason>,
) -> Result<Measurements, Failure> {
    let text = String::from_utf8_lossy(&load::read(path, rows::MAX_BYTES as u64)?).into_owned();
    let (_, list, messages) = rows::read(&text, &path.display().to_string())?;
    load::warn(&messages);
    networks.remember_files(&list);
    let mut plans = Plans::new();
    let shifts = shifts(&list, networks);
    let mut measurements = Measurements::default();
    let mut signatures = Vec::new();
    for row in list {
        match chip(&row).and_then(|chip| one(&row, networks, &chip, &mut plans, &shifts)) {
            Ok((sample, clock, profile, model)) => {
                signatures.push(signature(&model));
                measurements.rows.push(Measured { row, sample, clock, profile });
            }
            Err(reason) => *measurements.others.entry(reason).or_default() += 1,
        }
    }
    for (measured, network) in measurements.rows.iter_mut().zip(same_networks(&signatures)) {
        measured.sample.network = network;
    }
    Ok(measurements)
}

/// How far the operators' numbers in rows of layers are from the model's, by network and release.
type Shifts = BTreeMap<(String, String), Option<i64>>;

fn shifts(rows: &[Row], networks: &mut Networks) -> Shifts {
    let mut shifts = Shifts::new();
    for row in rows.iter().filter(|row| row.layer().is_some()) {
        let key = (row.network().to_owned(), row.release.clone());
        if shifts.contains_key(&key) {
            continue;
        }
        let Some(model) = networks.of(row) else { continue };
        let Some(graph) = model.model().main() else { continue };
        let same = |other: &&Row| other.network() == key.0 && other.release == key.1;
        let shift = layer_rows::shift(rows.iter().filter(same), graph);
        shifts.insert(key, shift);
    }
    shifts
}

/// Plans by model or layer, card, runtime, threads and whether it is in floats.
type Plans = BTreeMap<(String, String, String, u32, bool), Result<(Terms, Profile), Reason>>;

fn one(
    row: &Row,
    networks: &mut Networks,
    chip: &Chip,
    plans: &mut Plans,
    shifts: &Shifts,
) -> Result<(Sample, Hertz, Profile, Arc<Model>), Reason> {
    if row.level == Level::Kernel || (row.latency.is_none() && row.cycles.is_none()) {
        return Err(Reason::WithoutTime);
    }
    let model = networks.of(row).ok_or(Reason::UnknownModel)?;
    // Releases may number the operators of a network differently.
    let part = match row.layer() {
        Some(_) => format!("{} {}", row.model, row.release),
        None => row.model.clone(),
    };
    let key = (part, row.card.clone(), row.runtime.clone(), row.threads, row.is_float());
    let plan = plans.entry(key).or_insert_with(|| {
        let compiled = compile(model.model(), chip, &mut ());
        if compiled.mistakes.has_errors() {
            return Err(Reason::WithoutPlan);
        }
        let plan = compiled.plan;
        let terms = match row.layer() {
            None => Terms::of(&plan, chip),
            Some(layer) => {
                let key = (row.network().to_owned(), row.release.clone());
                let shift = shifts.get(&key).copied().flatten().ok_or(Reason::UnknownLayer)?;
                let name = LayerName::of(layer).ok_or(Reason::UnknownLayer)?;
                Terms::of_steps(&plan, chip, |step| name.is_step(&plan, step, shift))
            }
        };
        if row.layer().is_some() && terms.terms.is_empty() {
            return Err(Reason::UnknownLayer);
        }
        Ok((terms, simulate(&plan, chip)))
    });
    let (terms, profile) = plan.clone()?;
    let clock = row.clock.or_else(|| chip.reference_clock().map(|clock| clock.value));
    let clock = clock.ok_or(Reason::WithoutTime)?;
    let cycles = row.cycles_at(clock).ok_or(Reason::WithoutTime)?;
    let sample = Sample {
        setting: setting(chip, &row.release),
        network: 0,
        cycles,
        width: trust(row),
        terms,
    };
    Ok((sample, clock, profile, Arc::clone(model.model())))
}

/// What a row of `release` on `chip` shares with others.
pub fn setting(chip: &Chip, release: &str) -> Setting {
    let runtime = &chip.runtime;
    Setting {
        library: runtime.library.clone().unwrap_or_else(|| runtime.id.clone()),
        release: release.to_owned(),
        core: chip.target.core.clone().unwrap_or_else(|| chip.target.id.clone()),
        card: chip.target.id.clone(),
    }
}

/// Cards of the catalogue without what was fitted to them, each resolved once a runtime.
#[derive(Default)]
struct Chips {
    known: BTreeMap<(String, String, u32), Option<Chip>>,
}

impl Chips {
    fn of(&mut self, card: &str, runtime: &str, threads: u32) -> Option<&Chip> {
        self.known
            .entry((card.to_owned(), runtime.to_owned(), threads))
            .or_insert_with(|| {
                let card = Card::from_catalogue_unfitted(card)?.ok()?;
                let selection = Selection {
                    runtime: Some(runtime.to_owned()),
                    threads: Some(threads),
                    ..Selection::default()
                };
                card.resolve(&selection).ok()
            })
            .as_ref()
    }
}
