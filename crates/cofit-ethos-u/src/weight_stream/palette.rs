//! The palette of a section: which weight values get short indices.
//!
//! Source: Vela 5.2.0, `dependencies/mlw_codec/source/mlw_encode.cpp` `update_palette`,
//! `create_palette`, `create_inverse_palette`.

/// Values -256..=255 by index; -256 does not occur.
pub const VALUES: usize = 512;
const ZERO: usize = 256;
/// Zero runs are worth their stream where zero is this often the most common other value.
const ZERO_DOMINANCE: u64 = 5;
const PALETTE_MAX: usize = 32;

/// What the palette is chosen from.
#[derive(Clone, Debug)]
pub struct Frequencies {
    /// Occurrences by value + 256.
    pub counts: [u64; VALUES],
    /// Zeroes that stand beside another zero.
    pub zeros_in_runs: u64,
}

impl Default for Frequencies {
    fn default() -> Self {
        Self { counts: [0; VALUES], zeros_in_runs: 0 }
    }
}

impl Frequencies {
    /// Counts the values of a section.
    pub fn of(section: &[i16]) -> Self {
        let mut found = Self::default();
        let mut run = 0u64;
        for &weight in section {
            found.counts[position(weight)] += 1;
            if weight == 0 {
                run += 1;
            } else {
                if run >= 2 {
                    found.zeros_in_runs += run;
                }
                run = 0;
            }
        }
        if run >= 2 {
            found.zeros_in_runs += run;
        }
        found
    }

    /// Occurrences of zero.
    pub const fn zeros(&self) -> u64 {
        self.counts[ZERO]
    }
}

/// Position of a weight in tables of [`VALUES`] entries.
pub fn position(weight: i16) -> usize {
    (i32::from(weight) + ZERO as i32).clamp(0, VALUES as i32 - 1) as usize
}

/// The palette of a section.
#[derive(Clone, Debug)]
pub struct Palette {
    /// Zeroes travel as run lengths, apart from the other weights.
    pub zero_runs: bool,
    /// There is nothing but zeroes.
    pub only_zeros: bool,
    /// Number of entries; 0 without a palette.
    pub size: u32,
    /// Bits per entry.
    pub entry_bits: u32,
    /// Bits of a weight in uncompressed mode; 0 where that mode is not to be had.
    pub raw_bits: u32,
    /// Index that a value is coded as, by value + 256.
    pub index: [u16; VALUES],
}

/// Order of values by magnitude: 0, then 1, -1, 2, -2 and so on (sign in the lowest bit).
fn zigzag(weight: i32) -> usize {
    (weight.unsigned_abs() as usize) << 1 | usize::from(weight < 0)
}

impl Palette {
    /// Chooses the palette.
    pub fn choose(found: &Frequencies) -> Self {
        let zeros = found.zeros();
        let rival = (0..VALUES).filter(|at| *at != ZERO).map(|at| found.counts[at]).max();
        let zero_runs = found.zeros_in_runs >= zeros / 2
            && zeros > ZERO_DOMINANCE.saturating_mul(rival.unwrap_or(0));

        // Frequency and zigzag code of every value that is coded.
        let mut coded: Vec<(u64, usize)> = (1..VALUES)
            .map(|at| (found.counts[at], zigzag(at as i32 - ZERO as i32)))
            .filter(|(count, code)| *count > 0 && !(zero_runs && *code == 0))
            .collect();
        let all: u64 = coded.iter().map(|(count, _)| count).sum();
        let largest = coded.iter().map(|(_, code)| *code).max().unwrap_or(0);
        let smallest = coded.iter().map(|(_, code)| *code).min().unwrap_or(0).min(31);
        let only_zeros = all == 0;
        // Most frequent first; among equals the larger code first.
        coded.sort_unstable_by(|a, b| b.cmp(a));

        let only_palette = !coded.is_empty() && coded.len() <= PALETTE_MAX;
        let most = if only_palette {
            PALETTE_MAX
        } else {
            match PALETTE_MAX.min(511 - largest.min(511)) {
                1 => 0,
                most => most,
            }
        };
        let entries: Vec<usize> = coded.iter().take(most).map(|(_, code)| *code).collect();
        let covered: u64 = coded.iter().take(most).map(|(count, _)| count).sum();
        // A palette of one entry does not exist; its second entry is never used.
        let size = if entries.len() == 1 { 2 } else { entries.len() };
        let useful = covered >= all / 2;
        let size = if useful { size } else { 0 };
        let widest = if useful { entries.iter().copied().max().unwrap_or(0) } else { largest };
        let mut entry_bits = 2;
        while (1usize << entry_bits) <= widest {
            entry_bits += 1;
        }
        let raw_bits = if only_palette {
            usize::BITS - (size.max(1) - 1).leading_zeros()
        } else if size == 0 {
            entry_bits
        } else {
            0
        };

        let mut index = [0u16; VALUES];
        for (at, slot) in index.iter_mut().enumerate().skip(1) {
            // Outside the palette zero is coded as its negative, code 1.
            let code = zigzag(at as i32 - ZERO as i32).max(1);
            let direct = (size + code).saturating_sub(smallest);
            *slot = direct.min(VALUES - 1) as u16;
        }
        if useful {
            for (at, code) in entries.iter().enumerate() {
                let magnitude = (code >> 1) as i32;
                let weight = if code & 1 == 1 { -magnitude } else { magnitude };
                index[(weight + ZERO as i32) as usize] = at as u16;
            }
            if entries.len() == 1 {
                index[ZERO] = 1;
            }
        }
        Self { zero_runs, only_zeros, size: size as u32, entry_bits, raw_bits, index }
    }

    /// Bits of the palette in the header of a section's first slice.
    pub const fn header_bits(&self) -> u64 {
        5 + 5 + 3 + self.size as u64 * self.entry_bits as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_fit_the_palette_whole() {
        let palette = Palette::choose(&Frequencies::of(&[1, 1, 1, -3, -3, 7]));
        assert_eq!((palette.size, palette.raw_bits, palette.zero_runs), (3, 2, false));
        assert_eq!(palette.index[position(1)], 0);
        assert_eq!(palette.index[position(-3)], 1);
    }

    #[test]
    fn dominant_zeros_travel_apart() {
        let mut weights = [0i16; 40];
        weights[10] = 5;
        weights[30] = -2;
        assert!(Palette::choose(&Frequencies::of(&weights)).zero_runs);
    }
}
