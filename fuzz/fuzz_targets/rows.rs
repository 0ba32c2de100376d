//! The readers of measured rows: any text is read or refused, and every number is a measurement.

#![no_main]

use cofit_calibrate::rows;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    match rows::read(&text, "rows.txt") {
        Ok((_, rows, messages)) => {
            assert!(!rows.is_empty() && !messages.has_errors());
            for row in &rows {
                let cost = [row.latency.map(|latency| latency.get()), row.cycles];
                let energy = row.energy.map(|energy| energy.get());
                let clock = row.clock.map(|clock| clock.get());
                for value in cost.into_iter().chain([energy, clock]).flatten() {
                    assert!(value.is_finite() && value > 0.0);
                }
            }
        }
        Err(messages) => {
            assert!(messages.has_errors());
            for message in &messages {
                assert!(message.to_string().len() < 4096);
            }
        }
    }
});
