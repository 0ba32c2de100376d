//! The card that `chips new` starts with.

/// A commented card with the three facts that suffice, and hints at what to add next.
pub fn new_card_template(id: &str) -> String {
    // Quotes and escapes of TOML, so that any id gives a card that parses.
    let id = toml::Value::String(id.to_owned());
    format!(
        r#"# A chip card. `cofit chips lint FILE` says what is missing, `cofit chips show FILE` what is known.
# The first three tables are enough to run everything; whatever else is left out is assumed, and
# every result lists its assumptions.
#
# Figures may carry their source:  size = {{ v = "256 KiB", src = "datasheet", conf = "P" }}
# or say that nobody knows:        peak_macs_per_cycle = {{ unknown = true, assume = 16, why = "..." }}
schema = 1

[target]
id = {id}
# name = "Acme N1"
# kind = "mcu+npu"            # mcu, npu, mcu+npu, dsp, sbc, soc
# host = "cpu"                # the engine that runs what no other takes

# [sources.datasheet]
# title = "N1 datasheet, revision C"

# The first fact: memory. One table per region; the preferred first.
[[memory]]
id = "sram"
size = "256 KiB"
# max_contiguous = "128 KiB"  # the largest block that one buffer can have
# holds = ["act", "weight"]   # act, weight, bias, code, lut, runtime; empty: nothing
# reserve = {{ rtos = "8 KiB" }}
# bandwidth = "1.6 GB/s"      # or bytes_per_cycle = 8

[[engine]]
id = "npu"
# peak_macs_per_cycle = 64

# The second fact: widths of weights and activations, in bits.
precision = [{{ w = 8, a = 8 }}]

# The third fact: operators. An empty list allows nothing. Limits go into a table:
#   {{ kinds = ["conv2d"], kernel = {{ set = ["1x1", "3x3"] }}, input_channels = [1, 1024] }}
operators = ["conv2d", "depthwise_conv2d", "fully_connected", "average_pool2d", "max_pool2d", "relu"]

# [engine.timing]             # left out: a roofline with assumed parameters
# model = "roofline"          # ethos_u, max7800x, kpu_k210, ne16, mac_array, simd, roofline
# utilisation = 0.5

# [[operating_point]]
# id = "nominal"
# npu = "200 MHz"
"#
    )
}

#[cfg(test)]
mod tests {
    use crate::{Card, Selection};

    #[test]
    fn the_template_resolves_whatever_the_id() {
        for id in ["acme-n1", "with \"quotes\"", "back\\slash", ""] {
            let text = super::new_card_template(id);
            let card = Card::parse(&text, "new.toml", &|_| None).expect("the template is a card");
            let chip = card.resolve(&Selection::default()).expect("the template is complete");
            assert_eq!(chip.id(), id);
            assert!(!chip.assumptions.is_empty(), "what is left out is listed");
        }
    }
}
