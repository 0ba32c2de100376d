//! What no other interpreter can show: operands that decide at run time, definitions that only this
//! project has, and what is refused.

use cofit_exec::{Buffer, Network, Options};
use cofit_ir::{Verified, text};
use expect_test::{Expect, expect};

/// Runs the statements of a graph on `inputs`, and compares its outputs or why there are none.
fn check(statements: &str, inputs: &[Buffer], expected: &Expect) {
    let model = text::parse(&format!("model \"m\"\ngraph \"g\" {{\n{statements}\n}}\n"), None);
    let model = Verified::new(model.unwrap()).unwrap();
    let outcome = Network::prepare(&model, &Options::default())
        .and_then(|network| network.run(&mut network.state(), inputs, &mut ()));
    let printed = match outcome {
        Ok(outputs) => format!("{:?}", outputs.unwrap_or_default()),
        Err(found) => {
            let lines = found.iter().map(|diagnostic| {
                let help = diagnostic.help.as_deref().unwrap_or("");
                format!("{}: {} ({help})", diagnostic.code.id, diagnostic.message)
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&printed);
}

#[test]
fn boxes_may_begin_where_a_value_says() {
    let slice = "input x, b
        output y
        tensor x \"x\" int8[4]
        tensor b \"b\" int32[1]
        tensor s \"s\" int32[1] const [2]
        tensor y \"y\" int8[2]
        y = slice(x, b, s)";
    let x = || Buffer::I8(vec![5, 6, 7, 8]);
    check(slice, &[x(), Buffer::I32(vec![1])], &expect!["[I8([6, 7])]"]);
    check(
        slice,
        &[x(), Buffer::I32(vec![3])],
        &expect!["CF-EXE-003: the box of [2] at [3] in [4] is none of [2] ()"],
    );
    check(
        slice,
        &[x(), Buffer::I32(vec![-1])],
        &expect!["CF-EXE-003: the box of [2] at [-1] in [4] is none of [2] ()"],
    );
}

#[test]
fn indices_are_checked_when_they_are_known() {
    let gather = "input x, i
        output y
        tensor x \"x\" int8[2,2]
        tensor i \"i\" int32[2]
        tensor y \"y\" int8[2,2]
        y = gather(x, i) axis=1";
    let x = || Buffer::I8(vec![1, 2, 3, 4]);
    check(gather, &[x(), Buffer::I32(vec![1, 0])], &expect!["[I8([2, 1, 4, 3])]"]);
    check(
        gather,
        &[x(), Buffer::I32(vec![0, 2])],
        &expect!["CF-EXE-003: index 2 into an axis of 2 ()"],
    );
    check(
        gather,
        &[x(), Buffer::I32(vec![0, -1])],
        &expect!["CF-EXE-003: index -1 into an axis of 2 ()"],
    );
}

/// With weights of zero, gates are one half and candidates follow their bias: 1/2 * tanh(1) after
/// the first step, 3/4 * tanh(1) after the second one.
#[test]
fn a_gated_unit_moves_half_way() {
    let gru = "input x
        output y, l
        tensor x \"x\" float32[1,2,1]
        tensor w \"w\" float32[3,1] const [0,0,0]
        tensor r \"r\" float32[3,1] const [0,0,0]
        tensor b \"b\" float32[3] const [0,0,1]
        tensor y \"y\" float32[1,2,1]
        tensor l \"l\" float32[1,1]
        y, l = gru(x, w, r, b)";
    check(
        gru,
        &[Buffer::F32(vec![9.0, 9.0])],
        &expect!["[F32([0.3807971, 0.5711956]), F32([0.5711956])]"],
    );
}

#[test]
fn what_has_no_definition_is_refused() {
    let custom = "input x
        output y
        tensor x \"x\" int8[1]
        tensor y \"y\" int8[1]
        y = custom(x) code=\"TFLite_Detection_PostProcess\"";
    check(
        custom,
        &[],
        &expect![
            "CF-EXE-001: the custom operator `TFLite_Detection_PostProcess` has no public definition (convert the model with TensorFlow Lite's own operators, or run the part before it)"
        ],
    );
    let scales = "input x, z
        output y
        tensor x \"x\" int8[1] scale=0.5
        tensor z \"z\" int8[1] scale=0.25
        tensor y \"y\" int8[2] scale=0.5
        y = concatenation(x, z) axis=0";
    check(
        scales,
        &[],
        &expect![
            "CF-EXE-001: `z` has another scale than the result (quantise all operands and the result alike, or put a quantize before it)"
        ],
    );
    let gru = "input x
        output y
        tensor x \"x\" int8[1,2,1] scale=1.0
        tensor w \"w\" int8[3,1] scale=1.0 const [0,0,0]
        tensor r \"r\" int8[3,1] scale=1.0 const [0,0,0]
        tensor y \"y\" int8[1,2,1] scale=1.0
        y = gru(x, w, r)";
    check(
        gru,
        &[],
        &expect![
            "CF-EXE-001: a gated recurrent unit has no definition in integers (run it in float32, or train an LSTM layer, which has one)"
        ],
    );
    let lstm = "input x
        output y
        tensor x \"x\" int8[1,1,1] scale=0.1
        tensor w \"w\" int8[1,1] scale=0.1 const [1]
        tensor b \"b\" int32[1] scale=0.01 const [1]
        tensor h \"h\" int8[1,1] scale=0.01 variable
        tensor c \"c\" int16[1,1] scale=0.00048828125 variable
        tensor y \"y\" int8[1,1,1] scale=0.01
        y = unidirectional_sequence_lstm(x, _, w, w, w, _, w, w, w, _, _, _, _, b, b, b, _, _, h, c)";
    check(
        lstm,
        &[],
        &expect![
            "CF-EXE-001: a quantised memory with peepholes, projection, layer normalisation, coupled gates or diagonal weights has no kernel on microcontrollers (train a plain LSTM layer, or run the model in float32)"
        ],
    );
    let axis = "input x, a
        output y
        tensor x \"x\" int8[2,2] scale=1.0
        tensor a \"a\" int32[1]
        tensor y \"y\" int8[2] scale=1.0
        y = mean(x, a)";
    check(
        axis,
        &[],
        &expect![
            "CF-EXE-001: `a` is computed, and this kernel needs it fixed (export the model with static shapes)"
        ],
    );
}
