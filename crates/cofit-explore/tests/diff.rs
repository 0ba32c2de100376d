//! Comparisons of random results: a result differs from itself in nothing, B against A is the negative
//! of A against B, and the changes of layers add up to those of the totals.

use cofit_explore::diff::{Change, Comparison, LayerState, ResultDocument};
use proptest::prelude::*;
use serde_json::{Value, json};

const CAUSES: [&str; 3] = ["compute", "weight_fetch", "stall"];
const OPERATORS: [&str; 4] = ["conv2d", "conv2d+max_pool2d", "add", "softmax"];

/// A layer before it is written: name, operator, origin, cycles by cause, bytes moved.
type Drawn = (u8, usize, u8, [u32; 3], u32);

fn layers() -> impl Strategy<Value = Vec<Drawn>> {
    let layer = (0..12u8, 0..OPERATORS.len(), 0..8u8, any::<[u32; 3]>(), any::<u32>());
    proptest::collection::vec(layer, 0..14)
}

fn figure(value: u64, unit: &str, spread: u64) -> Value {
    let (low, high) = (value.saturating_sub(value / 10 * spread), value + value / 10 * spread);
    json!({ "value": value, "unit": unit, "kind": "simulated", "low": low, "high": high })
}

/// A result of these layers as the contract has it.
fn written(layers: &[Drawn], sha256: &str, spread: u64) -> Value {
    let cycles = |causes: &[u32; 3]| causes.iter().map(|&one| u64::from(one)).sum::<u64>();
    let by_cause = |of: &dyn Fn(usize) -> u64| -> Value {
        let named = CAUSES.iter().enumerate();
        named.map(|(at, name)| ((*name).to_owned(), figure(of(at), "cycles", spread))).collect()
    };
    let traffic = |bytes: u64| {
        let moved = figure(bytes, "bytes", 0);
        json!({ "sram": { "read": moved, "written": moved } })
    };
    let total: u64 = layers.iter().map(|layer| cycles(&layer.3)).sum();
    let seconds = total as f64 * 1e-8;
    let listed: Vec<Value> = layers
        .iter()
        .map(|(name, op, origin, causes, bytes)| {
            json!({
                "name": format!("layer{name}"),
                "op": OPERATORS[*op],
                "origin": [origin],
                "engine": "cpu",
                "shape": [1, name],
                "macs": bytes / 2,
                "cycles": figure(cycles(causes), "cycles", spread),
                "causes": by_cause(&|at| causes[at].into()),
                "traffic": traffic((*bytes).into()),
                "peak_live": figure((*bytes).into(), "bytes", 0),
            })
        })
        .collect();
    let count = json!({ "value": 7, "unit": "1", "kind": "exact", "low": 7, "high": 7 });
    json!({
        "schema": "cofit/1",
        "tool": { "name": "cofit", "version": "1.2.3" },
        "model": {
            "name": "drawn", "sha256": sha256, "macs": count, "parameters": count,
            "inputs": [{ "shape": [1, 4] }], "outputs": [{ "shape": [1, 2] }],
        },
        "chip": {
            "id": "chip", "card_sha256": "00", "runtime": "library", "operating_point": "fast",
            "threads": 1, "clock_hz": 1e8,
        },
        "totals": {
            "cycles": figure(total, "cycles", spread),
            "latency": {
                "value": seconds, "unit": "s", "kind": "simulated", "low": seconds, "high": seconds,
            },
            "energy": { "unavailable": "the card states no energy" },
            "peak": { "sram": figure(layers.len() as u64, "bytes", 0) },
            "traffic": traffic(layers.iter().map(|layer| u64::from(layer.4)).sum()),
            "causes": by_cause(&|at| layers.iter().map(|layer| u64::from(layer.3[at])).sum()),
        },
        "layers": listed,
    })
}

fn document(layers: &[Drawn], sha256: &str, spread: u64) -> ResultDocument {
    let text = written(layers, sha256, spread).to_string();
    ResultDocument::read(text.as_bytes()).expect("a sound result")
}

/// The change of a figure that both sides know, to the last digit.
fn delta(change: &Change) -> i128 {
    change.delta.expect("both sides are known").value as i128
}

/// Whether the second change is the negative of the first, intervals included.
fn is_negative(one: &Change, other: &Change) -> bool {
    let (Some(one_delta), Some(other_delta)) = (one.delta, other.delta) else {
        return one.delta.is_none() && other.delta.is_none();
    };
    (one.a, one.b) == (other.b, other.a)
        && (one_delta.value, one_delta.low, one_delta.high)
            == (-other_delta.value, -other_delta.high, -other_delta.low)
        && one.is_told_apart() == other.is_told_apart()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_result_differs_from_itself_in_nothing(layers in layers(), spread in 0..3u64) {
        for hash in ["", "same"] {
            let it = document(&layers, hash, spread);
            let comparison = Comparison::of(&it, &it);
            prop_assert!(comparison.is_empty(), "{:?}", comparison.layers);
            prop_assert!(comparison.issues.is_empty(), "{:?}", comparison.issues);
            prop_assert!(comparison.regressions(0.0).is_empty());
        }
    }

    #[test]
    fn turned_round_every_change_is_the_negative(
        a in layers(), b in layers(), spread in 0..3u64, is_one_model in any::<bool>(),
    ) {
        let other = if is_one_model { "one" } else { "other" };
        let (a, b) = (document(&a, "one", spread), document(&b, other, 1));
        let (there, back) = (Comparison::of(&a, &b), Comparison::of(&b, &a));
        let (totals, reverse) = (there.totals.expect("totals"), back.totals.expect("totals"));
        prop_assert!(is_negative(&totals.cycles, &reverse.cycles));
        prop_assert!(is_negative(&totals.latency, &reverse.latency));
        prop_assert!(is_negative(&totals.energy, &reverse.energy));
        let mut rows = there.layers.expect("layers");
        let mut turned = back.layers.expect("layers");
        rows.sort_by_key(|row| (row.a.clone(), row.b.clone()));
        turned.sort_by_key(|row| (row.b.clone(), row.a.clone()));
        prop_assert_eq!(rows.len(), turned.len());
        for (row, turned) in rows.iter().zip(&turned) {
            prop_assert_eq!((&row.a, &row.b), (&turned.b, &turned.a));
            prop_assert!(is_negative(&row.cycles, &turned.cycles));
            for ((name, one), (other_name, other)) in row.causes.iter().zip(&turned.causes) {
                prop_assert_eq!(name, other_name);
                prop_assert!(is_negative(one, other));
            }
        }
    }

    #[test]
    fn changes_of_layers_add_up_and_every_layer_stands_once(
        a in layers(), b in layers(), is_one_model in any::<bool>(),
    ) {
        let other = if is_one_model { "one" } else { "other" };
        let (lengths, b) = ((a.len(), b.len()), document(&b, other, 0));
        let a = document(&a, "one", 0);
        let comparison = Comparison::of(&a, &b);
        let (totals, rows) = (comparison.totals.expect("totals"), comparison.layers.expect("layers"));
        let cycles: i128 = rows.iter().map(|row| delta(&row.cycles)).sum();
        prop_assert_eq!(cycles, delta(&totals.cycles));
        for (at, (name, total)) in totals.causes.iter().enumerate() {
            let sum: i128 = rows.iter().map(|row| delta(&row.causes[at].1)).sum();
            prop_assert_eq!(sum, delta(total), "{}", name);
        }
        for (at, (name, total)) in totals.read.iter().enumerate() {
            let sum: i128 = rows.iter().map(|row| delta(&row.read[at].1)).sum();
            prop_assert_eq!(sum, delta(total), "{}", name);
        }
        for (count, side) in [
            (lengths.0, rows.iter().flat_map(|row| row.a.clone()).collect::<Vec<_>>()),
            (lengths.1, rows.iter().flat_map(|row| row.b.clone()).collect()),
        ] {
            let mut side = side;
            side.sort_unstable();
            prop_assert_eq!(side, (0..count).collect::<Vec<_>>());
        }
    }

    /// Nothing that is written in place of a byte, or left out, makes reading panic.
    #[test]
    fn damaged_results_are_refused_or_read(
        layers in layers(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut text = written(&layers, "", 1).to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(read) = ResultDocument::read(&text) {
            let sound = document(&layers, "", 1);
            let comparison = Comparison::of(&sound, &read);
            prop_assert!(comparison.totals.is_some() || comparison.is_blocked());
        }
        prop_assert!(ResultDocument::read(&text[..at]).is_err());
    }
}

/// A layer that one side fuses stands beside the two of the other.
#[test]
fn fused_layers_stand_beside_their_parts() {
    let mut fused = written(&[(0, 1, 0, [30, 0, 0], 8), (2, 3, 2, [5, 0, 0], 8)], "one", 0);
    fused["layers"][0]["origin"] = json!([0, 1]);
    let fused = ResultDocument::read(fused.to_string().as_bytes()).expect("sound");
    let parts = [(0, 0, 0, [20, 0, 0], 8), (1, 2, 1, [25, 0, 0], 8), (2, 3, 2, [5, 0, 0], 8)];
    let parts = document(&parts, "one", 0);
    let comparison = Comparison::of(&fused, &parts);
    let rows = comparison.layers.expect("layers");
    assert_eq!((rows[0].a.clone(), rows[0].b.clone()), (vec![0], vec![0, 1]));
    assert_eq!((rows[0].state, delta(&rows[0].cycles)), (LayerState::Changed, 15));
    assert_eq!(rows[1].state, LayerState::Same);
}

/// Another exporter's names do not keep layers apart, and an inserted one moves nothing.
#[test]
fn renamed_layers_are_matched_by_their_order() {
    let a = [(0, 0, 0, [20, 0, 0], 8), (1, 2, 1, [25, 0, 0], 8), (2, 3, 2, [5, 0, 0], 8)];
    let b = [(5, 0, 0, [20, 0, 0], 8), (6, 0, 1, [9, 0, 0], 8), (7, 2, 2, [25, 0, 0], 8)];
    let (a, b) = (document(&a, "one", 0), document(&b, "other", 0));
    let rows = Comparison::of(&a, &b).layers.expect("layers");
    let pairs: Vec<_> = rows.iter().map(|row| (row.a.as_slice(), row.b.as_slice())).collect();
    assert_eq!(pairs, [(&[0][..], &[0][..]), (&[], &[1]), (&[1], &[2]), (&[2], &[])]);
}

/// A change inside what both intervals share may be an error of either.
#[test]
fn changes_inside_the_shared_interval_are_not_told_apart() {
    let near = [
        document(&[(0, 0, 0, [100, 0, 0], 8)], "", 2),
        document(&[(0, 0, 0, [110, 0, 0], 8)], "", 2),
    ];
    let far = document(&[(0, 0, 0, [300, 0, 0], 8)], "", 2);
    let told = |a: &ResultDocument, b: &ResultDocument| {
        Comparison::of(a, b).totals.expect("totals").cycles.is_told_apart()
    };
    assert!(!told(&near[0], &near[1]));
    assert!(told(&near[0], &far));
}

/// A result that was edited does not add up, and is refused by the field at fault.
#[test]
fn results_that_do_not_add_up_are_refused() {
    let sound = written(&[(0, 0, 0, [100, 7, 0], 8)], "", 0);
    for (pointer, value, code, place) in [
        ("/layers/0/causes/compute/value", json!(99), "CF-DIF-003", "layers[0].causes"),
        ("/totals/cycles/low", json!(108), "CF-DIF-003", "totals.cycles"),
        ("/totals/cycles/value", json!(1.5), "CF-DIF-003", "totals.cycles"),
        ("/totals/cycles/unit", json!("bytes"), "CF-DIF-003", "totals.cycles"),
        ("/totals/causes", Value::Null, "CF-DIF-002", "totals.causes"),
        ("/chip/id", Value::Null, "CF-DIF-002", "chip.id"),
        ("/totals", Value::Null, "CF-DIF-001", ""),
        ("/schema", json!("other/1"), "CF-DIF-001", ""),
    ] {
        let mut damaged = sound.clone();
        *damaged.pointer_mut(pointer).expect("a field") = value;
        let refused = ResultDocument::read(damaged.to_string().as_bytes()).expect_err(pointer);
        let found = (refused.code.id, refused.place.key.as_deref().unwrap_or_default());
        // An interval that leaves its value out is found before the sums are.
        assert_eq!(found, (code, place), "{pointer}");
    }
}

/// Lists and files have bounds, and depth costs nothing.
#[test]
fn large_results_are_refused() {
    let deep = format!("{{\"schema\":\"cofit/1\",\"other\":{}", "[".repeat(100_000));
    let long =
        format!("{{\"schema\":\"cofit/1\",\"assumptions\":[{}{{}}]}}", "{},".repeat(1 << 16));
    let large = " ".repeat((16 << 20) + 1);
    for text in [deep, long, large] {
        let refused = ResultDocument::read(text.as_bytes()).expect_err("it is too large");
        let expected = if text.ends_with('[') { "CF-DIF-001" } else { "CF-DIF-004" };
        assert_eq!(refused.code.id, expected, "{refused}");
    }
}
