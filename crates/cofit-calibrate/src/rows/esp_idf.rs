//! What a chip of Espressif says about itself in a serial monitor's log, whatever runs on it.
//!
//! `ESP-ROM:esp32s3-20210327` is the first line of the ROM's loader (not of the ESP32, which has
//! another), `cpu freq: 240000000 Hz` one of ESP-IDF's start, releases 4 and 5.

use cofit_vocab::Hertz;

use super::reading::{leading_number, name, positive};

/// The chip and its clock, as far as the log told them.
#[derive(Clone, Default)]
pub(super) struct Boot {
    /// The chip's name; empty where the log has none.
    pub(super) chip: String,
    /// The clock of the cores.
    pub(super) clock: Option<Hertz>,
}

impl Boot {
    /// Takes in a line of the log.
    pub(super) fn hear(&mut self, line: &str) {
        if let Some((_, chip)) = line.split_once("ESP-ROM:") {
            self.chip = name(chip.split('-').next().unwrap_or_default());
        }
        if let Some((_, rest)) = line.split_once("cpu freq: ") {
            let hertz = leading_number(rest).and_then(|(number, _)| positive(number));
            // No chip runs below a megahertz or above a hundred gigahertz.
            self.clock = hertz.filter(|hertz| (1e6..1e11).contains(hertz)).map(Hertz);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chip_and_clock_are_read() {
        let mut boot = Boot::default();
        for line in ["ESP-ROM:esp32p4-20230811\r", "I (212) cpu_start: cpu freq: 360000000 Hz", "x"]
        {
            boot.hear(line);
        }
        assert_eq!((boot.chip.as_str(), boot.clock), ("esp32p4", Some(Hertz(360e6))));
        boot.hear("cpu freq: 7 Hz");
        assert_eq!(boot.clock, None);
    }
}
