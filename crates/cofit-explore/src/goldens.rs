//! Totals of whole networks beside those that Vela estimates for them.
//!
//! A table of Vela's totals has one row for every network, accelerator, preset and memory mode.
//! Each row that the catalogue can express is compared with the same network compiled and
//! simulated here: cycles of one inference and the height of the arena.

use cofit_chip::{Card, Chip, Selection};
use cofit_compile::ethos_u::{WeightEncoding, within};
use cofit_ir::Verified;
use cofit_sim::Cause;
use cofit_vocab::diagnostic::npu::BAD_GOLDEN;
use cofit_vocab::{Bytes, Cycles, Diagnostic, Diagnostics, Place};
use cranelift_entity::EntityRef;

use crate::evaluate;
use crate::verdict::Budget;

/// Networks of the golden tables, and the files that they were made from, relative to the folder
/// of models. Source: the README beside the tables.
pub const NETWORKS: &[(&str, &str)] = &[
    ("mlperf_ad01_int8", "mlperf_tiny/ad01_int8.tflite"),
    ("mlperf_ic_resnet8_int8", "mlperf_tiny/pretrainedResnet_quant.tflite"),
    ("mlperf_kws_dscnn_int8", "mlperf_tiny/kws_ref_model.tflite"),
    ("mlperf_sww_int8", "mlperf_tiny/str_ww_ref_model.tflite"),
    ("mlperf_vww96_int8", "mlperf_tiny/vww_96_int8.tflite"),
    ("mobilenet_v1_0.25_128_uint8", "coral_test_data/mobilenet_v1_0.25_128_quant.tflite"),
    ("mobilenet_v1_0.5_160_uint8", "coral_test_data/mobilenet_v1_0.5_160_quant.tflite"),
    ("mobilenet_v2_1.0_224_int8", "coral_test_data/tf2_mobilenet_v2_1.0_224_ptq.tflite"),
    ("mobilenet_v2_1.0_224_uint8", "coral_test_data/mobilenet_v2_1.0_224_quant.tflite"),
    ("tflm_micro_speech_int8", "microflow_rs/speech.tflite"),
    ("tflm_person_detect_int8", "mcufit_bench/person_detect.tflite"),
    ("mcunet_vww_int8", "tinyengine/vww.tflite"),
];

/// Vela's arenas are whole multiples of its default alignment (Vela 5.2.0, option
/// `--cpu-tensor-alignment`).
const ARENA_UNIT: u64 = 16;

/// A preset of the system with a memory mode, as Vela names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// `Ethos_U55_High_End_Embedded` with `Shared_Sram`.
    HighEndSharedSram,
    /// `Ethos_U55_High_End_Embedded` with `Sram_Only`.
    HighEndSramOnly,
    /// `Ethos_U55_Deep_Embedded` with `Shared_Sram`.
    DeepSharedSram,
    /// `Ethos_U55_Deep_Embedded` with `Sram_Only`.
    DeepSramOnly,
    /// `Ethos_U65_Embedded` with `Shared_Sram`.
    U65EmbeddedSharedSram,
    /// `Ethos_U65_Embedded` with `Sram_Only`.
    U65EmbeddedSramOnly,
    /// `Ethos_U65_Mid_End` with `Dedicated_Sram_256KB`.
    U65MidEndDedicated256,
    /// `Ethos_U65_High_End` with `Dedicated_Sram_384KB`.
    U65HighEndDedicated384,
    /// `Ethos_U65_Client_Server` with `Dedicated_Sram_384KB`: what Vela takes for an Ethos-U65
    /// where nothing is asked for (5.2.0, `ethosu/vela/architecture_features.py`).
    U65ClientServerDedicated384,
    /// `Ethos_U85_SYS_Flash_High` with `Shared_Sram`.
    U85FlashHighSharedSram,
    /// `Ethos_U85_SYS_Flash_High` with `Sram_Only`.
    U85FlashHighSramOnly,
    /// `Ethos_U85_SYS_DRAM_Mid` with `Dedicated_Sram_384KB`.
    U85DramMidDedicated384,
}

impl Setting {
    /// Every setting.
    pub const ALL: [Self; 12] = [
        Self::HighEndSharedSram,
        Self::HighEndSramOnly,
        Self::DeepSharedSram,
        Self::DeepSramOnly,
        Self::U65EmbeddedSharedSram,
        Self::U65EmbeddedSramOnly,
        Self::U65MidEndDedicated256,
        Self::U65HighEndDedicated384,
        Self::U65ClientServerDedicated384,
        Self::U85FlashHighSharedSram,
        Self::U85FlashHighSramOnly,
        Self::U85DramMidDedicated384,
    ];

    /// Vela's names of the preset and the memory mode.
    pub const fn vela_names(self) -> (&'static str, &'static str) {
        match self {
            Self::HighEndSharedSram => ("Ethos_U55_High_End_Embedded", "Shared_Sram"),
            Self::HighEndSramOnly => ("Ethos_U55_High_End_Embedded", "Sram_Only"),
            Self::DeepSharedSram => ("Ethos_U55_Deep_Embedded", "Shared_Sram"),
            Self::DeepSramOnly => ("Ethos_U55_Deep_Embedded", "Sram_Only"),
            Self::U65EmbeddedSharedSram => ("Ethos_U65_Embedded", "Shared_Sram"),
            Self::U65EmbeddedSramOnly => ("Ethos_U65_Embedded", "Sram_Only"),
            Self::U65MidEndDedicated256 => ("Ethos_U65_Mid_End", "Dedicated_Sram_256KB"),
            Self::U65HighEndDedicated384 => ("Ethos_U65_High_End", "Dedicated_Sram_384KB"),
            Self::U65ClientServerDedicated384 => {
                ("Ethos_U65_Client_Server", "Dedicated_Sram_384KB")
            }
            Self::U85FlashHighSharedSram => ("Ethos_U85_SYS_Flash_High", "Shared_Sram"),
            Self::U85FlashHighSramOnly => ("Ethos_U85_SYS_Flash_High", "Sram_Only"),
            Self::U85DramMidDedicated384 => ("Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB"),
        }
    }

    /// The setting of a row; none where the catalogue has no card for it, or where the row only
    /// repeats another under the name of a default.
    fn of(accelerator: &str, preset: &str, mode: &str) -> Option<Self> {
        if accelerator.starts_with("ethos-u65-") && preset == "internal-default" {
            return Some(Self::U65ClientServerDedicated384);
        }
        Self::ALL.into_iter().find(|setting| setting.vela_names() == (preset, mode))
    }

    /// Whether feature maps live in external memory, with the SRAM as a cache.
    pub const fn is_dedicated(self) -> bool {
        match self {
            Self::HighEndSharedSram
            | Self::HighEndSramOnly
            | Self::DeepSharedSram
            | Self::DeepSramOnly
            | Self::U65EmbeddedSharedSram
            | Self::U65EmbeddedSramOnly
            | Self::U85FlashHighSharedSram
            | Self::U85FlashHighSramOnly => false,
            Self::U65MidEndDedicated256
            | Self::U65HighEndDedicated384
            | Self::U65ClientServerDedicated384
            | Self::U85DramMidDedicated384 => true,
        }
    }

    /// What the catalogue's cards call the preset and the memory mode.
    pub fn selection(self) -> Selection {
        let (point, runtime) = match self {
            Self::HighEndSharedSram => ("high-end-embedded", "vela"),
            Self::HighEndSramOnly => ("high-end-embedded", "vela-sram-only"),
            Self::DeepSharedSram => ("deep-embedded", "vela"),
            Self::DeepSramOnly => ("deep-embedded", "vela-sram-only"),
            Self::U65EmbeddedSharedSram => ("embedded", "vela"),
            Self::U65EmbeddedSramOnly => ("embedded", "vela-sram-only"),
            Self::U65MidEndDedicated256 => ("mid-end", "vela-dedicated-256kb"),
            Self::U65HighEndDedicated384 => ("high-end", "vela-dedicated-384kb"),
            Self::U65ClientServerDedicated384 => ("client-server", "vela-dedicated-384kb"),
            Self::U85FlashHighSharedSram => ("sys-flash-high", "vela"),
            Self::U85FlashHighSramOnly => ("sys-flash-high", "vela-sram-only"),
            Self::U85DramMidDedicated384 => ("sys-dram-mid", "vela-dedicated-384kb"),
        };
        Selection {
            operating_point: Some(point.to_owned()),
            runtime: Some(runtime.to_owned()),
            ..Selection::default()
        }
    }
}

/// Vela's figures of one network on one accelerator.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The network, as [`NETWORKS`] names it.
    pub network: String,
    /// The card's id.
    pub chip: String,
    /// Preset and memory mode.
    pub setting: Setting,
    /// Cycles of one inference. Operators that Vela leaves to the CPU count as nothing.
    pub cycles: Cycles,
    /// Height of the arena.
    pub sram: Bytes,
    /// Operators that Vela leaves to the CPU.
    pub cpu_operators: u32,
}

/// One network here and in Vela.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Cycles here, without those of operators on the host.
    pub cycles: Cycles,
    /// Cycles of operators on the host.
    pub host_cycles: Cycles,
    /// Vela's cycles.
    pub vela_cycles: Cycles,
    /// Height of the activations and weight buffers here, in whole units of Vela's arena.
    pub sram: Bytes,
    /// Vela's height.
    pub vela_sram: Bytes,
}

impl Comparison {
    /// Relative error of the cycles.
    pub fn error(&self) -> f64 {
        self.cycles.as_f64() / self.vela_cycles.as_f64().max(1.0) - 1.0
    }

    /// Relative difference of the arenas.
    pub fn sram_difference(&self) -> f64 {
        self.sram.as_f64() / self.vela_sram.as_f64().max(1.0) - 1.0
    }
}

/// What Vela was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Its default: cycles, whatever the SRAM.
    Performance,
    /// `--optimise Size`: the least SRAM that its cascades reach.
    Size,
    /// `--arena-cache-size`: cycles, in about that much SRAM.
    ArenaSize,
}

impl Strategy {
    /// Whether a table's column `extra` asks for the strategy.
    fn is(self, extra: &str) -> bool {
        match self {
            Self::Performance => extra.is_empty(),
            Self::Size => extra == "--optimise Size",
            Self::ArenaSize => extra.starts_with("--arena-cache-size "),
        }
    }
}

/// The rows of a table of totals that the catalogue's cards express: all with Vela's default
/// optimisation and a preset that no other row repeats.
///
/// # Errors
/// A column is missing or holds no number.
pub fn parse(table: &str) -> Result<Vec<Row>, Diagnostics> {
    parse_for(table, Strategy::Performance)
}

/// The rows of a strategy, as [`parse`] reads them.
///
/// # Errors
/// As [`parse`].
pub fn parse_for(table: &str, strategy: Strategy) -> Result<Vec<Row>, Diagnostics> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let mut rows = Vec::new();
    for (number, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| {
            let at = header.iter().position(|column| *column == name);
            at.and_then(|at| cells.get(at).copied())
                .ok_or_else(|| bad(format!("row {} has no {name}", number + 2)))
        };
        let wrong = |name: &str| bad(format!("row {}: {name} is no number", number + 2));
        let preset = (cell("system_config")?, cell("memory_mode")?);
        let chip = cell("accel")?;
        let setting = Setting::of(chip, preset.0, preset.1);
        let Some(setting) = setting else { continue };
        if !strategy.is(cell("extra")?) {
            continue;
        }
        let kib: f64 = cell("sram_kb")?.parse().map_err(|_| wrong("sram_kb"))?;
        rows.push(Row {
            network: cell("model")?.to_owned(),
            chip: chip.to_owned(),
            setting,
            cycles: Cycles(cell("total_cycles")?.parse().map_err(|_| wrong("total_cycles"))?),
            sram: Bytes((kib * 1024.0).round() as u64),
            cpu_operators: cell("cpu_ops")?.parse().map_err(|_| wrong("cpu_ops"))?,
        });
    }
    Ok(rows)
}

/// The chip of a row.
///
/// # Errors
/// The catalogue has no such card, or the card does not resolve.
pub fn chip(row: &Row) -> Result<Chip, Diagnostics> {
    let card = Card::from_catalogue(&row.chip)
        .ok_or_else(|| bad(format!("the catalogue has no {}", row.chip)))?;
    card.and_then(|card| card.resolve(&row.setting.selection()))
        .map_err(|rejected| rejected.diagnostics)
}

/// Compiles and simulates `model`, the network of `row`, and puts it beside Vela's figures.
///
/// # Errors
/// As [`chip`] and [`evaluate`].
pub fn compare(model: &Verified, row: &Row) -> Result<Comparison, Diagnostics> {
    let chip = chip(row)?;
    let evaluation = evaluate(model, &chip, &Budget::default())?;
    let host_cycles = evaluation.profile.causes.get(Cause::Fallback);
    let arena = evaluation.plan.memories.iter().filter(|(id, _)| {
        let memory = &chip.memories[id.index()];
        chip.memories_of(&chip.engines[0], cofit_chip::Content::Activation)
            .first()
            .is_some_and(|first| first.id == memory.id)
    });
    Ok(Comparison {
        cycles: evaluation.profile.cycles - host_cycles,
        host_cycles,
        vela_cycles: row.cycles,
        sram: arena
            .map(|(_, used)| (used.activations + used.scratch).round_up_to(ARENA_UNIT))
            .sum(),
        vela_sram: row.sram,
    })
}

/// The schedules of fewest cycles in the SRAM that Vela needs for each of `rows`, laid out and
/// verified, beside Vela's figures. All rows are of the network `model`, one chip and one setting.
/// Weights are encoded as Vela does it, weight by weight.
///
/// # Errors
/// As [`chip`]; nothing fits the SRAM of a row; a plan breaks a rule of its own.
pub fn compare_within(model: &Verified, rows: &[&Row]) -> Result<Vec<Comparison>, Diagnostics> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let chip = chip(first)?;
    let limits: Vec<Bytes> = rows.iter().map(|row| row.sram).collect();
    let (points, mistakes) = within(model, &chip, WeightEncoding::Exact, &limits);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    rows.iter()
        .zip(points)
        .map(|(row, point)| {
            let point = point.ok_or_else(|| {
                bad(format!("no schedule of {} fits {}", row.network, row.sram.human()))
            })?;
            Ok(Comparison {
                cycles: point.cycles,
                host_cycles: Cycles::ZERO,
                vela_cycles: row.cycles,
                sram: point.bytes,
                vela_sram: row.sram,
            })
        })
        .collect()
}

fn bad(message: String) -> Diagnostics {
    Diagnostic::error(&BAD_GOLDEN, message, Place::default()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "model,accel,system_config,memory_mode,extra,total_cycles,sram_kb,cpu_ops";

    #[test]
    fn rows_that_the_catalogue_does_not_express_are_left_out() {
        let table = format!(
            "{HEADER}\n\
             a,ethos-u55-64,Ethos_U55_Deep_Embedded,Sram_Only,,12,1.500,3\n\
             a,ethos-u55-64,internal-default,internal-default,,12,1.5,0\n\
             a,ethos-u55-64,Ethos_U55_High_End_Embedded,Shared_Sram,--optimise Size,12,1.5,0\n\
             a,ethos-u85-128,Ethos_U85_SYS_DRAM_Mid,Shared_Sram,,12,1.5,0\n"
        );
        let rows = parse(&table).expect("a sound table");
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(row.setting, Setting::DeepSramOnly);
        assert_eq!((row.cycles, row.sram, row.cpu_operators), (Cycles(12), Bytes(1536), 3));
        let chip = chip(row).expect("in the catalogue");
        assert_eq!((chip.id(), chip.runtime.id.as_str()), ("ethos-u55-64", "vela-sram-only"));
    }

    #[test]
    fn a_table_without_its_columns_or_numbers_is_refused() {
        let message = |table: &str| {
            let found = parse(table).expect_err("a mistaken table");
            found.iter().map(|one| one.message.clone()).collect::<Vec<_>>()
        };
        assert_eq!(message("model\na"), ["row 2 has no system_config"]);
        let row = "a,ethos-u55-64,Ethos_U55_Deep_Embedded,Sram_Only,,many,1.5,0";
        assert_eq!(message(&format!("{HEADER}\n{row}")), ["row 2: total_cycles is no number"]);
    }
}
