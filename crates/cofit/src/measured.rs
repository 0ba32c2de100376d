//! Measured rows with the networks and chips that they are of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cofit_calibrate::hierarchy::Setting;
use cofit_calibrate::leave_out::same_networks;
use cofit_calibrate::network::{in_floats, signature};
use cofit_calibrate::pool::{Sample, trust};
use cofit_calibrate::rows::{self, Level, Row};
use cofit_chip::{Chip, Selection, catalogue};
use cofit_compile::compile;
use cofit_ir::Model;
use cofit_ir::verify::Verified;
use cofit_sim::terms::Terms;
use cofit_sim::{Profile, simulate};

use crate::args::ReadingArgs;
use crate::failure::Failure;
use crate::load;

/// Why a row takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It names no card, or one that is not in the catalogue.
    NoCard,
    /// Its runtime is not on the card.
    NoRuntime,
    /// Its network is neither a file nor a known one.
    NoModel,
    /// It is no time of a whole network.
    NoTime,
    /// The network does not compile for the chip.
    NoPlan,
}

/// A row of a whole network, simulated.
pub struct Measured {
    /// The row.
    pub row: Row,
    /// The row as the pool takes it; its network is an index that twins share.
    pub sample: Sample,
    /// The simulation with the card as it is.
    pub profile: Profile,
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
    known: BTreeMap<(String, bool), Option<Verified>>,
}

impl Networks {
    /// Networks whose files lie under `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), known: BTreeMap::new() }
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

    fn find(&self, row: &Row) -> Option<Verified> {
        let path = self.folder.join(row.model_file.as_ref()?);
        let reading = ReadingArgs { parameters: Vec::new(), seed: None, dimensions: Vec::new() };
        let model = load::model(&path, &reading).ok()?;
        if row.is_float() { Verified::new(in_floats(model.model())).ok() } else { Some(model) }
    }
}

/// Reads rows and simulates each of a whole network.
///
/// # Errors
/// The file of rows cannot be read.
pub fn read(path: &Path, networks: &mut Networks) -> Result<Measurements, Failure> {
    let text = String::from_utf8_lossy(&load::read(path, rows::MAX_BYTES as u64)?).into_owned();
    let (_, list, messages) = rows::read(&text, &path.display().to_string())?;
    load::warn(&messages);
    let mut chips = Chips::default();
    let mut plans: BTreeMap<(String, String, String, bool), Option<(Terms, Profile)>> =
        BTreeMap::new();
    let mut measurements = Measurements::default();
    let mut signatures = Vec::new();
    for row in list {
        match one(&row, networks, &mut chips, &mut plans) {
            Ok((sample, profile, model)) => {
                signatures.push(signature(&model));
                measurements.rows.push(Measured { row, sample, profile });
            }
            Err(reason) => *measurements.others.entry(reason).or_default() += 1,
        }
    }
    for (measured, network) in measurements.rows.iter_mut().zip(same_networks(&signatures)) {
        measured.sample.network = network;
    }
    Ok(measurements)
}

type Plans = BTreeMap<(String, String, String, bool), Option<(Terms, Profile)>>;

fn one(
    row: &Row,
    networks: &mut Networks,
    chips: &mut Chips,
    plans: &mut Plans,
) -> Result<(Sample, Profile, std::sync::Arc<Model>), Reason> {
    if row.level != Level::Model || (row.latency.is_none() && row.cycles.is_none()) {
        return Err(Reason::NoTime);
    }
    if catalogue::find(&row.card).is_none() {
        return Err(Reason::NoCard);
    }
    let chip = chips.of(&row.card, &row.runtime).ok_or(Reason::NoRuntime)?;
    let model = networks.of(row).ok_or(Reason::NoModel)?;
    let key = (row.network().to_owned(), row.card.clone(), row.runtime.clone(), row.is_float());
    let plan = plans.entry(key).or_insert_with(|| {
        let compiled = compile(model.model(), chip, &mut ());
        (!compiled.mistakes.has_errors())
            .then(|| (Terms::of(&compiled.plan, chip), simulate(&compiled.plan, chip)))
    });
    let (terms, profile) = plan.clone().ok_or(Reason::NoPlan)?;
    let clock = row.clock.or_else(|| chip.reference_clock().map(|clock| clock.value));
    let cycles = clock.and_then(|clock| row.cycles_at(clock)).ok_or(Reason::NoTime)?;
    let sample = Sample {
        setting: setting(chip, &row.release),
        network: 0,
        cycles,
        width: trust(row),
        terms,
    };
    Ok((sample, profile, std::sync::Arc::clone(model.model())))
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

/// Cards of the catalogue, each resolved once a runtime.
#[derive(Default)]
struct Chips {
    known: BTreeMap<(String, String), Option<Chip>>,
}

impl Chips {
    fn of(&mut self, card: &str, runtime: &str) -> Option<&Chip> {
        self.known
            .entry((card.to_owned(), runtime.to_owned()))
            .or_insert_with(|| {
                let card = load::card(card).ok()?;
                let selection =
                    Selection { runtime: Some(runtime.to_owned()), ..Selection::default() };
                card.resolve(&selection).ok()
            })
            .as_ref()
    }
}
