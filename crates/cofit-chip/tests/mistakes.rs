//! Every kind of mistake in a card, with the message that a person reads.

use cofit_chip::{Card, Selection};
use expect_test::{Expect, expect};

/// Reads `card` with a loader that knows `bases`, and compares the messages.
#[track_caller]
fn check_with(card: &str, bases: &[(&str, &str)], expected: Expect) {
    let loader = |name: &str| {
        let found = bases.iter().find(|(base, _)| *base == name);
        found.map(|(base, text)| ((*base).to_owned(), (*text).to_owned()))
    };
    let outcome = Card::parse(card, "card.toml", &loader)
        .and_then(|card| card.resolve(&Selection::default()));
    match outcome {
        Ok(chip) => expected.assert_eq(&format!("no mistake in {}\n", chip.id())),
        Err(rejected) => expected.assert_eq(&rejected.render()),
    }
}

#[track_caller]
fn check(card: &str, expected: Expect) {
    check_with(card, &[], expected);
}

/// The three facts, followed by `rest`.
fn three_facts(rest: &str) -> String {
    format!(
        r#"schema = 1
[target]
id = "acme-n1"
[[memory]]
id = "sram"
size = "256 KiB"
[[engine]]
id = "npu"
precision = [{{ w = 8, a = 8 }}]
operators = ["conv2d", "fully_connected", "relu"]
{rest}"#
    )
}

#[test]
fn three_facts_are_enough() {
    check(
        &three_facts(""),
        expect![[r#"
        no mistake in acme-n1
    "#]],
    );
}

#[test]
fn syntax() {
    check(
        "schema = \n[target\nid = 1",
        expect![[r#"
            error[CF-CRD-001]: string values must be quoted, expected literal string
             --> card.toml:1:10
            1 | schema = 
              |          ^
              = help: Mend the token; text needs quotes, and a key may be given once per table.
            error[CF-CRD-001]: unclosed table, expected `]`
             --> card.toml:2:8
            2 | [target
              |        ^
              = help: Mend the token; text needs quotes, and a key may be given once per table.
        "#]],
    );
}

#[test]
fn a_misspelt_key_is_named_with_the_one_that_was_meant() {
    check(
        &three_facts("timeing = 3\n[tiling]\nmod = \"auto\""),
        expect![[r#"
        error[CF-CRD-002]: unknown key `timeing` in `engine.npu`
          --> card.toml:11:1
        11 | timeing = 3
           | ^^^^^^^
          = help: did you mean `timing`?
        error[CF-CRD-002]: unknown key `mod` in `tiling`
          --> card.toml:13:1
        13 | mod = "auto"
           | ^^^
          = help: did you mean `mode`?
    "#]],
    );
}

#[test]
fn every_mistake_is_reported_and_not_only_the_first() {
    check(
        r#"schema = 2
[target]
id = 7
[[memory]]
id = "sram"
size = "256 KB"
[[memory]]
id = "sram"
size = -1
tier = "srm"
[[engine]]
id = "npu"
precision = [{ w = 8 }]
operators = ["conv2", "relu"]
"#,
        expect![[r#"
            error[CF-CRD-017]: schema 2 is not known; this cofit reads 1
             --> card.toml:1:10
            1 | schema = 2
              |          ^
              = help: Write `schema = 1`, or use the cofit that the card was written for.
            error[CF-CRD-003]: expected text, found an integer
             --> card.toml:3:6
            3 | id = 7
              |      ^
              = help: Write the value in the form that the message names.
            error[CF-CRD-004]: `KB` is ambiguous: write kB for 1000 bytes or KiB for 1024
             --> card.toml:6:8
            6 | size = "256 KB"
              |        ^^^^^^^^
              = help: Write the number and a unit of the right kind. KB is refused because it is read as 1000 by some and 1024 by others: write kB or KiB.
            error[CF-CRD-008]: the id `sram` is used twice in `memory`
             --> card.toml:8:6
            8 | id = "sram"
              |      ^^^^^^
              = help: Give each entry an id of its own.
            error[CF-CRD-013]: a size cannot be -1
             --> card.toml:9:8
            9 | size = -1
              |        ^^
              = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
            error[CF-CRD-005]: "srm" is not a memory tier
              --> card.toml:10:8
            10 | tier = "srm"
               |        ^^^^^
              = help: did you mean "sram"?
            error[CF-CRD-009]: `a` is missing
              --> card.toml:13:14
            13 | precision = [{ w = 8 }]
               |              ^^^^^^^^^
              = help: Add the key.
            error[CF-CRD-006]: "conv2" is no operator kind
              --> card.toml:14:14
            14 | operators = ["conv2", "relu"]
               |              ^^^^^^^
              = help: did you mean "conv2d"?
        "#]],
    );
}

#[test]
fn wrong_types() {
    check(
        &three_facts(
            "count = \"two\"\nfallback = 3\n[tiling]\ndouble_buffer = 1\nlevels = \"sram\"",
        ),
        expect![[r#"
            error[CF-CRD-003]: expected a whole number, found text
              --> card.toml:11:9
            11 | count = "two"
               |         ^^^^^
              = help: Write the value in the form that the message names.
            error[CF-CRD-003]: expected a fallback, as text, found an integer
              --> card.toml:12:12
            12 | fallback = 3
               |            ^
              = help: Write the value in the form that the message names.
            error[CF-CRD-003]: expected true or false, found an integer
              --> card.toml:14:17
            14 | double_buffer = 1
               |                 ^
              = help: Write the value in the form that the message names.
            error[CF-CRD-003]: expected a list, found text
              --> card.toml:15:10
            15 | levels = "sram"
               |          ^^^^^^
              = help: Write the value in the form that the message names.
        "#]],
    );
}

#[test]
fn missing_keys() {
    check(
        "schema = 1\n[target]\n[[memory]]\nid = \"sram\"\n",
        expect![[r#"
            error[CF-CRD-009]: `engine` is missing
             --> card.toml:1:1
            1 | schema = 1
              | ^
              = help: Add the key.
            error[CF-CRD-009]: `id` is missing
             --> card.toml:2:1
            2 | [target]
              | ^^^^^^^^
              = help: Add the key.
            error[CF-CRD-009]: `size` is missing
             --> card.toml:3:1
            3 | [[memory]]
              | ^^^^^^^^^^
              = help: Add the key.
        "#]],
    );
}

#[test]
fn contradictions() {
    check(
        r#"schema = 1
[target]
id = "acme-n1"
host = "cpu0"
[[memory]]
id = "sram"
size = "256 KiB"
max_contiguous = "512 KiB"
reserve = { rtos = "200 KiB", stack = "100 KiB" }
bandwidth = "1 GB/s"
bytes_per_cycle = 4
[[memory]]
id = "flash"
size = 0
alignment = 3
[[engine]]
id = "npu"
layout = "rows"
peak_macs_per_cycle = 0
precision = [{ w = 8, a = 80 }]
operators = ["conv2d"]
"#,
        expect![[r#"
            error[CF-CRD-016]: no engine `cpu0`
             --> card.toml:4:8
            4 | host = "cpu0"
              |        ^^^^^^
              = help: the card declares npu
            error[CF-CRD-012]: a contiguous block of 512.0 KiB does not fit into sram of 256.0 KiB
             --> card.toml:8:18
            8 | max_contiguous = "512 KiB"
              |                  ^^^^^^^^^
              = help: Correct one of the two.
            error[CF-CRD-012]: the reserve of 300.0 KiB is larger than sram of 256.0 KiB
             --> card.toml:9:11
            9 | reserve = { rtos = "200 KiB", stack = "100 KiB" }
              |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: Correct one of the two.
            error[CF-CRD-012]: `bandwidth` and `bytes_per_cycle` are two ways to say one thing
              --> card.toml:11:19
            11 | bytes_per_cycle = 4
               |                   ^
              = help: Correct one of the two.
            error[CF-CRD-013]: `memory.flash.size` must be more than zero
              --> card.toml:14:8
            14 | size = 0
               |        ^
              = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
            error[CF-CRD-013]: an alignment of 3 B is no power of two up to 1 MiB
              --> card.toml:15:13
            15 | alignment = 3
               |             ^
              = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
            error[CF-CRD-016]: no layout `rows`
              --> card.toml:18:10
            18 | layout = "rows"
               |          ^^^^^^
              = help: the card declares no layout
            error[CF-CRD-013]: `engine.npu.peak_macs_per_cycle` must be more than zero
              --> card.toml:19:23
            19 | peak_macs_per_cycle = 0
               |                       ^
              = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
            error[CF-CRD-013]: 80 bits are not between 1 and 64
              --> card.toml:20:27
            20 | precision = [{ w = 8, a = 80 }]
               |                           ^^
              = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
        "#]],
    );
}

#[test]
fn sources_must_be_declared() {
    check(
        &three_facts(
            "peak_macs_per_cycle = { v = 64, src = \"datasheet\", conf = \"Z\" }\n\
             [sources.data_sheet]\ntitle = \"N1\"",
        ),
        expect![[r#"
            error[CF-CRD-007]: no source `datasheet` is declared
              --> card.toml:11:39
            11 | peak_macs_per_cycle = { v = 64, src = "datasheet", conf = "Z" }
               |                                       ^^^^^^^^^^^
              = help: did you mean "data_sheet"?
            error[CF-CRD-005]: "Z" is not a confidence
              --> card.toml:11:59
            11 | peak_macs_per_cycle = { v = 64, src = "datasheet", conf = "Z" }
               |                                                           ^^^
              = help: use one of P, S, D, U, article
        "#]],
    );
}

#[test]
fn an_unknown_figure_needs_a_value_to_assume_and_a_reason() {
    check(
        &three_facts("peak_macs_per_cycle = { unknown = true, assume = 64 }"),
        expect![[r#"
        error[CF-CRD-009]: `why` is missing
          --> card.toml:11:23
        11 | peak_macs_per_cycle = { unknown = true, assume = 64 }
           |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: Add the key.
    "#]],
    );
    check(
        &three_facts("peak_macs_per_cycle = { unknown = false, why = \"x\" }"),
        expect![[r#"
        error[CF-CRD-003]: a figure without `v` needs `unknown = true`
          --> card.toml:11:23
        11 | peak_macs_per_cycle = { unknown = false, why = "x" }
           |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: Write the value in the form that the message names.
    "#]],
    );
}

#[test]
fn numbers_that_are_none() {
    check(
        &three_facts("peak_macs_per_cycle = inf"),
        expect![[r#"
        error[CF-CRD-013]: the figure cannot be inf
          --> card.toml:11:23
        11 | peak_macs_per_cycle = inf
           |                       ^^^
          = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
    "#]],
    );
    check(
        &three_facts("peak_macs_per_cycle = nan"),
        expect![[r#"
        error[CF-CRD-013]: the figure cannot be NaN
          --> card.toml:11:23
        11 | peak_macs_per_cycle = nan
           |                       ^^^
          = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
    "#]],
    );
    check(
        &three_facts("peak_macs_per_cycle = 1979-05-27"),
        expect![[r#"
        error[CF-CRD-003]: expected a number, found a date or an oversized number
          --> card.toml:11:23
        11 | peak_macs_per_cycle = 1979-05-27
           |                       ^^^^^^^^^^
          = help: Write the value in the form that the message names.
    "#]],
    );
    check(
        &three_facts("count = 99999999999999999999"),
        expect![[r#"
        error[CF-CRD-003]: expected a whole number, found a date or an oversized number
          --> card.toml:11:9
        11 | count = 99999999999999999999
           |         ^^^^^^^^^^^^^^^^^^^^
          = help: Write the value in the form that the message names.
    "#]],
    );
}

#[test]
fn timing_models() {
    check(
        &three_facts("[engine.timing]\nmodel = \"rooflin\""),
        expect![[r#"
        error[CF-CRD-005]: "rooflin" is not a timing model
          --> card.toml:12:9
        12 | model = "rooflin"
           |         ^^^^^^^^^
          = help: did you mean "roofline"?
    "#]],
    );
    check(
        &three_facts("[engine.timing]\nutilisation = 0.5"),
        expect![[r#"
        error[CF-CRD-009]: `model` is missing
          --> card.toml:11:1
        11 | [engine.timing]
           | ^^^^^^^^^^^^^^^
          = help: Add the key.
    "#]],
    );
    check(
        &three_facts("[engine.timing]\nmodel = \"roofline\"\nutilisation = 1.5"),
        expect![[r#"
        error[CF-CRD-013]: 1.5 is more than the whole of the peak
          --> card.toml:13:15
        13 | utilisation = 1.5
           |               ^^^
          = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
    "#]],
    );
}

#[test]
fn bases_that_are_missing_or_circular() {
    check(
        "extends = \"max7800\"",
        expect![[r#"
        error[CF-CRD-010]: no card `max7800` in the catalogue or beside this one
         --> card.toml:1:11
        1 | extends = "max7800"
          |           ^^^^^^^^^
          = help: did you mean "max78000"?
    "#]],
    );
    check(
        "extends = \"../elsewhere.toml\"",
        expect![[r#"
        error[CF-CRD-010]: no card `../elsewhere.toml` in the catalogue or beside this one
         --> card.toml:1:11
        1 | extends = "../elsewhere.toml"
          |           ^^^^^^^^^^^^^^^^^^^
          = help: List the catalogue with `cofit chips list`, or give the path of a card ending in .toml.
    "#]],
    );
    check_with(
        "extends = \"b.toml\"",
        &[("b.toml", "extends = \"card.toml\""), ("card.toml", "extends = \"b.toml\"")],
        expect![[r#"
            error[CF-CRD-011]: the cards extend each other: card.toml -> b.toml -> card.toml
             --> b.toml:1:11
            1 | extends = "card.toml"
              |           ^^^^^^^^^^^
              = help: Break the chain at one of the cards that the message lists.
        "#]],
    );
}

#[test]
fn a_mistake_in_a_base_points_into_the_base() {
    check_with(
        "extends = \"base.toml\"\n[memory.sram]\nsize = \"1 KiB\"",
        &[("base.toml", &three_facts("colour = 1"))],
        expect![[r#"
            error[CF-CRD-002]: unknown key `colour` in `engine.npu`
              --> base.toml:11:1
            11 | colour = 1
               | ^^^^^^
              = help: the keys here are: id, name, kind, domain, count, peak_macs_per_cycle, layout, memories, precision, rounding, operators, fallback, flattens, handed_over, lut, timing
        "#]],
    );
}

#[test]
fn nesting_and_size_are_bounded() {
    let deep = format!("a = {}{}", "[".repeat(500), "]".repeat(500));
    let outcome = Card::parse(&deep, "card.toml", &|_| None);
    let rejected = outcome.expect_err("500 lists in each other are refused");
    assert_eq!(rejected.diagnostics.iter().next().map(|d| d.code.id), Some("CF-CRD-015"));

    let huge = "#".repeat(cofit_chip::MAX_CARD_BYTES + 1);
    let rejected = Card::parse(&huge, "card.toml", &|_| None).expect_err("too large");
    expect![[r#"
        error[CF-CRD-014]: 1048577 bytes; cards have at most 1048576
         --> card.toml
          = help: Check that the path names a card.
    "#]]
    .assert_eq(&rejected.render());

    let rejected =
        Card::parse_bytes(b"id = \"\xff\"", "card.toml", &|_| None).expect_err("not UTF-8");
    expect![[r#"
        error[CF-CRD-018]: byte 6 is not UTF-8
         --> card.toml
          = help: Save the file as UTF-8.
    "#]]
    .assert_eq(&rejected.render());
}

#[test]
fn fusion_patterns_take_kinds_and_classes() {
    check(
        &three_facts("[[fusion]]\nid = \"f\"\npattern = [\"pooling?\", \"conv2d\", \"rely\"]"),
        expect![[r#"
            error[CF-CRD-006]: "rely" is no operator kind and no class of operators
              --> card.toml:13:34
            13 | pattern = ["pooling?", "conv2d", "rely"]
               |                                  ^^^^^^
              = help: did you mean "relu"?
        "#]],
    );
}

#[test]
fn threads_caches_engines_and_classes() {
    let simd = |threads: &str| {
        three_facts(&format!("[engine.timing]\nmodel = \"simd\"\nthreads = {threads}\n"))
    };
    check(
        &simd("{ most = 2, default = 3, efficiency = 1.5 }"),
        expect![[r#"
        error[CF-CRD-013]: 3 of 2 threads: the most must be 1 to 1024, and the default 1 to the most
          --> card.toml:13:11
        13 | threads = { most = 2, default = 3, efficiency = 1.5 }
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
        error[CF-CRD-013]: 1.5 is more than the whole of the peak
          --> card.toml:13:49
        13 | threads = { most = 2, default = 3, efficiency = 1.5 }
           |                                                 ^^^
          = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
    "#]],
    );
    check(
        &simd("{ most = 4, efficiencies = { conv2d = 0.5 } }"),
        expect![[r#"
        error[CF-CRD-016]: no class of operators `conv2d`
          --> card.toml:13:49
        13 | threads = { most = 4, efficiencies = { conv2d = 0.5 } }
           |                                                 ^^^
          = help: the card declares convolution, pointwise, shallow, depthwise, transposed, dense, matrix_product, pooling, elementwise, clamp, nonlinear, exponential, reduction, movement, view, resampling, requantisation, recurrent, control
    "#]],
    );
    check(
        &three_facts(
            "[engine.timing]\nmodel = \"edge_tpu\"\ncache = \"8 MB\"\nto_device = \"0 MB/s\"\nfrom_device = \"1 MB/s\"\noutput_channels = 0\n",
        ),
        expect![[r#"
            error[CF-CRD-013]: `engine.npu.timing.to_device` must be more than zero
              --> card.toml:14:13
            14 | to_device = "0 MB/s"
               |             ^^^^^^^^
              = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
            error[CF-CRD-013]: `engine.npu.timing.output_channels` must be more than zero
              --> card.toml:16:19
            16 | output_channels = 0
               |                   ^
              = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
        "#]],
    );
    check(
        &three_facts("[[runtime]]\nid = \"one\"\nengines = [\"mpu\"]\n"),
        expect![[r#"
        error[CF-CRD-016]: no engine `mpu`
          --> card.toml:13:11
        13 | engines = ["mpu"]
           |           ^^^^^^^
          = help: did you mean "npu"?
    "#]],
    );
    check(
        &three_facts("[[runtime]]\nid = \"one\"\nengines = []\n"),
        expect![[r#"
        error[CF-CRD-013]: one runs on no engine
          --> card.toml:13:11
        13 | engines = []
           |           ^^
          = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
    "#]],
    );
    check(
        &three_facts(
            "[energy]\nmodel = \"cycle+mac+byte+static\"\nper_mac_of = { conv = \"1 pJ\" }\n",
        ),
        expect![[r#"
            error[CF-CRD-016]: no class of operators `conv`
              --> card.toml:13:23
            13 | per_mac_of = { conv = "1 pJ" }
               |                       ^^^^^^
              = help: the card declares convolution, pointwise, shallow, depthwise, transposed, dense, matrix_product, pooling, elementwise, clamp, nonlinear, exponential, reduction, movement, view, resampling, requantisation, recurrent, control
        "#]],
    );
    check(
        &three_facts("[weights]\nload = { cycles_per_byte = 1, clock = \"0 MHz\" }\n"),
        expect![[r#"
            error[CF-CRD-013]: `weights.load.clock` must be more than zero
              --> card.toml:12:39
            12 | load = { cycles_per_byte = 1, clock = "0 MHz" }
               |                                       ^^^^^^^
              = help: Correct the figure; if it is not known, write `{ unknown = true, assume = ..., why = "..." }`.
        "#]],
    );
}
