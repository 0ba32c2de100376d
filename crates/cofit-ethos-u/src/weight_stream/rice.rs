//! Sizes of Golomb-Rice coded sections, with the parameter changes that the encoder makes.
//!
//! The encoder walks the indices once and keeps the running cost of every parameter; it starts a
//! new slice where another parameter has become cheaper by more than a slice header. Within a
//! slice the stream comes in chunks whose number follows from the sum of the unary parts, so that
//! the size has a closed form. Source: Vela 5.2.0, `dependencies/mlw_codec/source/mlw_encode.cpp`
//! `search_grc_params`, `ml_encode_section`, `encode_slice`; `ml_ethosu_encode.cpp`.

use crate::weight_stream::STREAM_ALIGNMENT;
use crate::weight_stream::palette::{Frequencies, Palette, VALUES, position};

/// Weights per section; each section has its own palette.
pub const SECTION_WEIGHTS: usize = 128 * 1024;
/// Slice lengths have 15 bits.
pub const SLICE_WEIGHTS: usize = (1 << 15) - 1;
/// Bits of a slice header without palette: ZDIV, SLICELEN, WDIV, WTRUNC, NEWPAL.
pub const SLICE_HEADER_BITS: u64 = 3 + 15 + 3 + 1 + 1;
const END_MARK_BITS: u64 = 3;
/// What the encoder takes a change of parameters to cost, in bits.
const CHANGE_BITS: i32 = 40;
/// Positions of the unary part in a chunk.
const CHUNK: u64 = 12;

/// How indices are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Quotient in unary, remainder of that many bits.
    Full(u32),
    /// Quotient up to 2, in at most two bits.
    Short(u32),
    /// The index as it is.
    Raw,
}

/// The codes for weights in the encoder's order, which decides ties.
pub const WEIGHT_CODES: [Code; 13] = [
    Code::Full(0),
    Code::Full(1),
    Code::Full(2),
    Code::Full(3),
    Code::Full(4),
    Code::Full(5),
    Code::Short(0),
    Code::Short(1),
    Code::Short(2),
    Code::Short(3),
    Code::Short(4),
    Code::Short(5),
    Code::Raw,
];
/// Remainder bits of the codes for zero runs.
pub const RUN_DIVISORS: [u32; 4] = [0, 1, 2, 3];

impl Code {
    /// Bits of an index, or none where the code cannot express it.
    pub const fn bits(self, index: u32, raw_bits: u32) -> Option<u32> {
        match self {
            Self::Full(div) if index >> div <= 31 => Some((index >> div) + 1 + div),
            Self::Short(div) if index >> div == 0 => Some(1 + div),
            Self::Short(div) if index >> div <= 2 => Some(2 + div),
            Self::Full(_) | Self::Short(_) => None,
            Self::Raw => Some(raw_bits),
        }
    }

    /// What the encoder weighs the raw code at; where it is not to be had, more than is ever paid.
    const fn raw_cost(raw_bits: u32) -> i32 {
        if raw_bits > 0 { raw_bits as i32 } else { 100 }
    }
}

/// Bytes of the stream of one depth slice.
pub fn stream_bytes(weights: &[i16]) -> u64 {
    let bits: u64 = weights.chunks(SECTION_WEIGHTS).map(section_bits).sum();
    (bits + END_MARK_BITS).div_ceil(8).next_multiple_of(STREAM_ALIGNMENT)
}

/// Positions at which slices end, with the code of each.
type Cuts = Vec<(usize, usize)>;

fn section_bits(section: &[i16]) -> u64 {
    let palette = Palette::choose(&Frequencies::of(section));
    let (indices, runs) = split(section, &palette);
    let weight_cuts = cuts(&indices, |index| &WEIGHT_COSTS[usize::from(index) % VALUES], {
        Some(Code::raw_cost(palette.raw_bits))
    });
    let run_cuts = cuts(&runs, run_costs, None);

    let mut bits = palette.header_bits();
    let (mut at, mut weight_cut, mut run_cut) = (0, 0, 0);
    let mut first = true;
    while at < indices.len() || first {
        let length = |cuts: &Cuts, cut: usize| {
            cuts.get(cut).map_or(0, |(end, _)| (end - at.min(*end)).min(SLICE_WEIGHTS))
        };
        let weights = length(&weight_cuts, weight_cut);
        let zero_runs = length(&run_cuts, run_cut);
        let code = weight_cuts.get(weight_cut).map_or(0, |(_, code)| *code);
        bits += SLICE_HEADER_BITS;
        bits += slice_bits(&indices[at..at + weights], WEIGHT_CODES[code], palette.raw_bits);
        if palette.zero_runs && zero_runs > 0 {
            // A first slice has runs on both sides of its weights.
            let (from, count) = if first { (at, weights + 1) } else { (at + 1, weights) };
            let divisor = run_cuts.get(run_cut).map_or(0, |(_, code)| RUN_DIVISORS[*code]);
            bits += run_bits(&runs[from..(from + count).min(runs.len())], divisor);
        }
        at += match (zero_runs, weights) {
            (0, weights) => weights,
            (zero_runs, 0) => zero_runs,
            (zero_runs, weights) => zero_runs.min(weights),
        };
        first = false;
        weight_cut += usize::from(weight_cuts.get(weight_cut).is_some_and(|(end, _)| *end <= at));
        run_cut += usize::from(run_cuts.get(run_cut).is_some_and(|(end, _)| *end <= at));
    }
    bits
}

/// Palette indices, and the zero runs before, between and after them where zeroes travel apart.
fn split(section: &[i16], palette: &Palette) -> (Vec<u16>, Vec<u32>) {
    if !palette.zero_runs {
        return (section.iter().map(|&weight| palette.index[position(weight)]).collect(), vec![]);
    }
    let (mut indices, mut runs) = (Vec::new(), Vec::new());
    let mut run = 0u32;
    for (at, &weight) in section.iter().enumerate() {
        // A section of zeroes only must still code one of them as a weight.
        if weight == 0 && !(palette.only_zeros && at == 0) {
            run += 1;
        } else {
            runs.push(run);
            run = 0;
            indices.push(palette.index[position(weight)]);
        }
    }
    runs.push(run);
    (indices, runs)
}

fn slice_bits(indices: &[u16], code: Code, raw_bits: u32) -> u64 {
    let count = indices.len() as u64;
    let sum = |f: &dyn Fn(u32) -> u32| -> u64 {
        indices
            .chunks(1 << 12)
            .map(|part| u64::from(part.iter().map(|index| f(u32::from(*index))).sum::<u32>()))
            .sum()
    };
    match code {
        Code::Full(div) => {
            let unary = sum(&|index| (index >> div) / 2 + 1);
            let second = sum(&|index| (index >> div).div_ceil(2));
            unary.next_multiple_of(CHUNK) + second + count * u64::from(div)
        }
        Code::Short(div) => {
            let second = sum(&|index| u32::from(index >> div > 0));
            count.next_multiple_of(CHUNK) + second + count * u64::from(div)
        }
        Code::Raw => count * u64::from(raw_bits),
    }
}

/// Bits of zero runs coded with that divisor.
pub fn run_bits(runs: &[u32], divisor: u32) -> u64 {
    let chunk = if divisor < 3 { 12 } else { 8 };
    let unary: u64 = runs.iter().map(|run| u64::from(run >> divisor) + 1).sum();
    unary.next_multiple_of(chunk) + runs.len() as u64 * u64::from(divisor)
}

/// Stands for a code that cannot express an index.
const UNCODABLE: i32 = -1;
/// The codes before [`Code::Raw`], which every index can have and which costs the same for all.
const CODED: usize = WEIGHT_CODES.len() - 1;

/// Costs of every index under every code but raw.
static WEIGHT_COSTS: [[i32; CODED]; VALUES] = weight_costs();

const fn weight_costs() -> [[i32; CODED]; VALUES] {
    let mut rows = [[UNCODABLE; CODED]; VALUES];
    let mut index = 0;
    while index < VALUES {
        let mut lane = 0;
        while lane < CODED {
            if let Some(bits) = WEIGHT_CODES[lane].bits(index as u32, 0) {
                rows[index][lane] = bits as i32;
            }
            lane += 1;
        }
        index += 1;
    }
    rows
}

/// Costs of a zero run under every divisor. Runs end with their section, so costs fit.
fn run_costs(run: u32) -> [i32; RUN_DIVISORS.len()] {
    RUN_DIVISORS.map(|div| ((run >> div) + 1 + div) as i32)
}

/// The state of the search: what coding everything so far would have cost under each code.
struct Race<const N: usize> {
    cost: [i32; N],
    /// -1 where the code could express the last index, else 0.
    coded: [i32; N],
    /// Position behind the last index that the code could not express.
    reset: [i32; N],
    /// The raw code runs beside the others: its cost per index, and its sum.
    raw: Option<(i32, i32)>,
}

impl<const N: usize> Race<N> {
    /// Takes the next index; codes that could not express the one before start at `active`.
    fn advance(&mut self, bits: &[i32; N], active: i32, at: i32) {
        let lanes = self.cost.iter_mut().zip(&mut self.coded).zip(&mut self.reset).zip(bits);
        for (((cost, coded), reset), bits) in lanes {
            let can = -i32::from(*bits != UNCODABLE);
            let base = (*cost & *coded) | (active & !*coded);
            let without = *cost + CHANGE_BITS;
            *cost = ((base + bits) & can) | (without & !can);
            *reset = (*reset & can) | ((at + 1) & !can);
            *coded = can;
        }
        if let Some((bits, sum)) = &mut self.raw {
            *sum += *bits;
        }
    }

    /// Whether any code that can express the index costs less than `limit`.
    fn any_below(&self, limit: i32) -> bool {
        let mut any = 0;
        for (cost, coded) in self.cost.iter().zip(&self.coded) {
            any |= -i32::from(*cost < limit) & coded;
        }
        any != 0 || self.raw.is_some_and(|(_, sum)| sum < limit)
    }

    /// The cheapest code that can express the index; the first among equals.
    fn best(&self) -> (usize, i32) {
        let (mut best, mut cost) = (0, i32::MAX);
        for (lane, (sum, coded)) in self.cost.iter().zip(&self.coded).enumerate() {
            if *coded != 0 && *sum < cost {
                (best, cost) = (lane, *sum);
            }
        }
        match self.raw {
            Some((_, sum)) if sum < cost => (N, sum),
            Some(_) | None => (best, cost),
        }
    }

    fn cost_of(&self, code: usize) -> i32 {
        self.cost.get(code).copied().unwrap_or(self.raw.map_or(i32::MAX, |(_, sum)| sum))
    }

    fn reset_of(&self, code: usize) -> i32 {
        self.reset.get(code).copied().unwrap_or(0)
    }

    fn can(&self, code: usize) -> bool {
        self.coded.get(code).is_none_or(|coded| *coded != 0)
    }
}

/// The encoder's greedy choice of slices: where they end and which code each has.
fn cuts<T: Copy, const N: usize, R: std::borrow::Borrow<[i32; N]>>(
    values: &[T],
    costs: impl Fn(T) -> R,
    raw: Option<i32>,
) -> Cuts {
    let mut found = Cuts::new();
    let mut race =
        Race::<N> { cost: [0; N], coded: [0; N], reset: [0; N], raw: raw.map(|bits| (bits, 0)) };
    let mut active: Option<usize> = None;
    let mut active_cost = 0;
    for (at, &value) in values.iter().enumerate() {
        race.advance(costs(value).borrow(), active_cost, at as i32);
        let now = match active {
            None => race.best().0,
            Some(now) if race.can(now) && !race.any_below(active_cost - CHANGE_BITS) => now,
            Some(now) => {
                let (best, cost) = race.best();
                if race.can(now) && (best == now || cost + CHANGE_BITS >= active_cost) {
                    now
                } else {
                    // Where the better code was better all along, the slice is its own.
                    let better =
                        cost < race.cost_of(now) && race.reset_of(best) <= race.reset_of(now);
                    if !better {
                        found.push((at, now));
                    }
                    best
                }
            }
        };
        active = Some(now);
        active_cost = race.cost_of(now);
    }
    if let Some(now) = active
        && found.last().is_none_or(|(_, code)| *code != now)
    {
        found.push((values.len(), now));
    }
    if let Some(last) = found.last_mut() {
        last.0 = values.len();
    }
    found
}
