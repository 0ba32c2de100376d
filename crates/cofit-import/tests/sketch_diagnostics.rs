//! What is said of mistakes in sketches: the rule, the token underlined, the sentence.

use cofit_import::sketch::{SketchOptions, Weights, expand};
use expect_test::{Expect, expect};

fn options(parameters: &[(&str, &str)]) -> SketchOptions {
    SketchOptions {
        parameters: parameters.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
        weights: Weights::Absent,
    }
}

fn complaints(source: &str, options: &SketchOptions) -> String {
    let Err(complaints) = expand(source, "net.toml", options) else {
        return "no complaint\n".to_owned();
    };
    assert!(complaints.has_errors());
    let mut text = String::new();
    for complaint in &complaints {
        assert_eq!(complaint.place.file.as_deref(), Some("net.toml"));
        let token = match complaint.place.span {
            Some((start, end)) => source.get(start..end).expect("a span within the text"),
            None => "",
        };
        text.push_str(&format!("{} [{token}] {}\n", complaint.code.id, complaint.message));
        if let Some(help) = &complaint.help {
            text.push_str(&format!("    {help}\n"));
        }
    }
    text
}

#[track_caller]
fn check(source: &str, expected: &Expect) {
    expected.assert_eq(&complaints(source, &options(&[])));
}

/// A sketch of these layers over a small image.
#[track_caller]
fn check_layers(layers: &str, expected: &Expect) {
    check(
        &format!("sketch = 1\ninput = [16, 16, 3]\n[parameters]\nwidth = 0.35\n{layers}"),
        expected,
    );
}

#[test]
fn the_file_itself() {
    check(
        "sketch = ",
        &expect![[r#"
        CF-SKT-001 [] string values must be quoted, expected literal string
    "#]],
    );
    check(
        "input = [1]\n",
        &expect![[r#"
        CF-SKT-002 [] the file does not state `sketch = 1`
    "#]],
    );
    check(
        "sketch = 2\n",
        &expect![[r#"
        CF-SKT-002 [2] the only version is `sketch = 1`
    "#]],
    );
    check(
        "sketch = 1\n",
        &expect![[r#"
        CF-SKT-004 [] the sketch has no `input`
        CF-SKT-004 [] the sketch has no `[[layer]]`
    "#]],
    );
    check(
        "sketch = 1\ninput = [1, 2, 3, 4]\nlayer = []\nlayers = 1\n",
        &expect![[r#"
        CF-SKT-003 [layers] a sketch has no key `layers`
            Did you mean `layer`?
        CF-SKT-005 [[1, 2, 3, 4]] `input` has 4 lengths where 1 to 3 are needed: [features], [length, channels] or [height, width, channels]
        CF-SKT-004 [[]] the list of layers is empty
    "#]],
    );
    check(
        "sketch = 1\nname = \"a b\"\ninput = [8]\n[[layer]]\ndense = 4\n",
        &expect![[r#"
        CF-SKT-016 ["a b"] `a b` cannot be a name: names have 1 to 48 letters, digits, `_`, `-` or `.`
    "#]],
    );
}

#[test]
fn keys_and_kinds() {
    check_layers(
        "[[layer]]\nconv = 8\nkernal = 3\n",
        &expect![[r#"
        CF-SKT-003 [kernal] a `conv` layer has no key `kernal`
            Did you mean `kernel`?
    "#]],
    );
    check_layers(
        "[[layer]]\nconvolution = 8\n",
        &expect![[r#"
            CF-SKT-003 [convolution] layer 1, which has no kind, has no key `convolution`
                Did you mean `conv`?
        "#]],
    );
    check_layers(
        "[[layer]]\nkernel = 3\n",
        &expect![[r#"
            CF-SKT-006 [[[layer]]] layer 1 has no kind
                Kinds are conv, depthwise, separable, inverted_residual, residual, max_pool, average_pool, global_average_pool, transpose_conv, squeeze_excite, dense, gru, lstm, attention, layer_norm, flatten, reshape, softmax, activate, pad, upsample, resize, slice, shuffle, add, multiply, concat, use.
        "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\ndense = 3\n",
        &expect![[r#"
        CF-SKT-006 [dense] layer 1 is both `conv` and `dense`
    "#]],
    );
    check_layers(
        "[[layer]]\nmax_pool = 2\ngroups = 2\n",
        &expect![[r#"
        CF-SKT-003 [groups] a `max_pool` layer has no key `groups`
            Known are stride, padding, precision, from, as, repeat.
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nactivation = \"rleu\"\n",
        &expect![[r#"
            CF-SKT-005 ["rleu"] `rleu` is no value of `activation`
                Did you mean `relu`?
        "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nkernel = [1, 2, 3]\n",
        &expect![[r#"
        CF-SKT-005 [[1, 2, 3]] `kernel` is a number, an expression in quotes, or a list of two
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = true\n",
        &expect![[r#"
        CF-SKT-005 [true] `conv` is a number or an expression in quotes
    "#]],
    );
    check_layers(
        "[defaults]\ngroups = 2\n[[layer]]\nconv = 8\n",
        &expect![[r#"
        CF-SKT-003 [groups] `[defaults]` has no key `groups`
            Known are padding, activation, slope, bias, batch_norm.
    "#]],
    );
}

#[test]
fn several_mistakes_are_reported_together() {
    check_layers(
        "[[layer]]\nconv = \"8 *\"\n[[layer]]\npool = 2\n[[layer]]\ndense = \"clases\"\n",
        &expect![[r#"
            CF-SKT-007 [*] the expression ends where a number, a parameter or a parenthesis is needed
            CF-SKT-003 [pool] layer 2, which has no kind, has no key `pool`
                Did you mean `max_pool`?
            CF-SKT-008 [clases] there is no parameter `clases`
                Declared are width.
        "#]],
    );
}

#[test]
fn expressions() {
    check_layers(
        "[[layer]]\nconv = \"32 * width\"\n",
        &expect![[r#"
        CF-SKT-011 ["32 * width"] `conv` is 11.2, which is not whole; round it with round8, floor, ceil or round
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = \"32 * widht\"\n",
        &expect![[r#"
            CF-SKT-008 [widht] there is no parameter `widht`
                Did you mean `width`?
        "#]],
    );
    check_layers(
        "[[layer]]\nconv = \"round7(3)\"\n",
        &expect![[r#"
        CF-SKT-007 [round7] there is no function `round7`; known are min, max, floor, ceil, round, round8, divisible
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = \"8 / (width - width)\"\n",
        &expect![[r#"
        CF-SKT-007 [/] division by zero
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 0\n",
        &expect![[r#"
        CF-SKT-011 [0] `conv` is 0, which is not between 1 and 65536
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = -8\n",
        &expect![[r#"
        CF-SKT-011 [-8] `conv` is -8, which is not between 1 and 65536
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 1e9\n",
        &expect![[r#"
        CF-SKT-011 [1e9] `conv` is 1000000000, which is not between 1 and 65536
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = nan\n",
        &expect![[r#"
        CF-SKT-005 [nan] `conv` is a number or an expression in quotes
    "#]],
    );
    // An escape moves what follows it, so the whole string is underlined.
    check_layers(
        "[[layer]]\nconv = \"32\\u0020* widht\"\n",
        &expect![[r#"
            CF-SKT-008 ["32\u0020* widht"] there is no parameter `widht`
                Did you mean `width`?
        "#]],
    );
}

#[test]
fn shapes() {
    check_layers(
        "[[layer]]\nconv = 8\n[[layer]]\nmax_pool = 32\n",
        &expect![[r#"
        CF-SKT-013 [max_pool] layer 2 (`max_pool`, line 8): a 32x32 kernel with dilation 1x1 does not fit into a 16x16 input
    "#]],
    );
    check_layers(
        "[[layer]]\nflatten = true\n[[layer]]\nconv = 8\n",
        &expect![[r#"
        CF-SKT-013 [conv] layer 2 (`conv`, line 8): operand 0 has shape [1,768] where [batch,height,width,channels] is needed
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\ngroups = 2\n",
        &expect![[r#"
        CF-SKT-013 [conv] layer 1 (`conv`, line 6): 3 input channels do not divide into 2 groups
    "#]],
    );
    check_layers(
        "[[layer]]\nreshape = [5, -1]\n",
        &expect![[r#"
        CF-SKT-013 [reshape] layer 1 (`reshape`, line 6): 768 elements do not reshape to [1, 5, -1]
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nas = \"a\"\n[[layer]]\nmax_pool = 2\n[[layer]]\nadd = [\"a\", \"previous\"]\n",
        &expect![[r#"
            CF-SKT-013 [add] layer 3 (`add`, line 11): shapes [1,16,16,8] and [1,8,8,8] do not broadcast
        "#]],
    );
    check_layers(
        "[[layer]]\nresidual = 8\nshortcut = \"identity\"\n",
        &expect![[r#"
        CF-SKT-014 ["identity"] layer 1 (`residual`, line 6): a shortcut of shape [1,16,16,3] cannot be added to a result of shape [1,16,16,8]
    "#]],
    );
    check_layers(
        "[[layer]]\ninverted_residual = 8\nexpansion = 0\n",
        &expect![[r#"
        CF-SKT-011 [0] layer 1 (`inverted_residual`, line 6): 3 channels widened 0 times are 0
    "#]],
    );
    check_layers(
        "[[layer]]\ninverted_residual = 8\nshortcut = \"projection\"\n",
        &expect![[r#"
        CF-SKT-014 [inverted_residual] layer 1 (`inverted_residual`, line 6): an inverted residual has no projection
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\npadding = \"causal\"\n",
        &expect![[r#"
        CF-SKT-005 ["causal"] `causal` padding needs an input of [length, channels]
    "#]],
    );
}

#[test]
fn names() {
    check_layers(
        "[[layer]]\nconv = 8\nas = \"stem\"\n[[layer]]\nconv = 8\nfrom = \"stam\"\n",
        &expect![[r#"
            CF-SKT-015 ["stam"] no earlier layer's result is named `stam`
                Did you mean `stem`?
        "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nas = \"a\"\n[[layer]]\nconv = 8\nas = \"a\"\n",
        &expect![[r#"
            CF-SKT-016 ["a"] the name `a` is taken
        "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nas = \"previous\"\n",
        &expect![[r#"
        CF-SKT-016 ["previous"] the name `previous` is taken
    "#]],
    );
    check_layers(
        "[[layer]]\nuse = \"fire\"\n",
        &expect![[r#"
        CF-SKT-015 ["fire"] there is no block `fire`
    "#]],
    );
    check_layers(
        "[[layer]]\nuse = \"a\"\nwith = { n = 1 }\n[[block.a.layer]]\nconv = 8\n",
        &expect![[r#"
            CF-SKT-008 [n] block `a` has no parameter `n`
        "#]],
    );
    check_layers(
        "[[layer]]\nuse = \"a\"\nwith = { n = \"x\" }\n[block.a.parameters]\nn = 8\n[[block.a.layer]]\nconv = \"n\"\n",
        &expect![[r#"
            CF-SKT-008 ["x"] there is no parameter `x`
        "#]],
    );
}

#[test]
fn limits() {
    check_layers(
        "[[layer]]\nactivate = \"none\"\nrepeat = 100001\n",
        &expect![[r#"
            CF-SKT-011 [100001] `repeat` is 100001, which is not between 0 and 100000
        "#]],
    );
    check_layers(
        "[[layer]]\nuse = \"a\"\nrepeat = 10000\n[[block.a.layer]]\nconv = 3\nrepeat = 10000\n",
        &expect![[r#"
            CF-SKT-012 [conv] the sketch expands to more than 100000 layers
        "#]],
    );
    check_layers(
        "[[layer]]\nuse = \"a\"\n[[block.a.layer]]\nuse = \"b\"\n[[block.b.layer]]\nuse = \"a\"\n",
        &expect![[r#"
            CF-SKT-018 ["a"] `a` stands in more than 4 blocks
        "#]],
    );
    check_layers(
        "[[layer]]\nconv = 65536\nrepeat = 2\n",
        &expect![[r#"
        CF-SKT-012 [conv] layer 1 (`conv`, line 6): a tensor of shape [65536,3,3,65536] has more than 4294967296 elements
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 65536\nkernel = 1\nbias = false\nrepeat = 32\ngroups = 1\n",
        &expect![[r#"
            CF-SKT-012 [conv] layer 1 (`conv`, line 6): all weights together have more than 1048576 output channels
        "#]],
    );
    check(
        "sketch = 1\ninput = [65536, 65536, 3]\n[[layer]]\nconv = 8\n",
        &expect![[r#"
        CF-SKT-012 [[65536, 65536, 3]] a tensor of shape [1,65536,65536,3] has more than 4294967296 elements
    "#]],
    );
}

#[test]
fn precisions() {
    check_layers(
        "[[layer]]\nconv = 8\nprecision = 3\n",
        &expect![[r#"
        CF-SKT-017 [3] no element type has 3 bits
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nprecision = \"int9\"\n",
        &expect![[r#"
        CF-SKT-017 ["int9"] `int9` is no element type
            Did you mean `int1`?
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nprecision = { weights = \"float32\" }\n",
        &expect![[r#"
        CF-SKT-017 ["float32"] int8 activations cannot be multiplied by float32 weights
    "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nprecision = { weigths = 4, activations = 2 }\n",
        &expect![[r#"
            CF-SKT-003 [weigths] a precision has no key `weigths`
                Did you mean `weights`?
        "#]],
    );
    check_layers(
        "[[layer]]\nconv = 8\nprecision = { activations = \"int2\" }\n",
        &expect![[r#"
        CF-SKT-017 ["int2"] activations cannot be int2
    "#]],
    );
}

#[test]
fn parameters() {
    let declared = "sketch = 1\ninput = [8]\n[parameters]\nwidth = { value = 1, minimum = 0.5, maximum = 2 }\nact = { value = \"relu\", choices = [\"relu\", \"none\"] }\n[[layer]]\ndense = \"4 * width\"\nactivation = \"$act\"\n";
    let with = |parameters: &[(&str, &str)], expected: Expect| {
        expected.assert_eq(&complaints(declared, &options(parameters)));
    };
    with(
        &[],
        expect![[r#"
        no complaint
    "#]],
    );
    with(
        &[("width", "2"), ("act", "none")],
        expect![[r#"
        no complaint
    "#]],
    );
    with(
        &[("widht", "2")],
        expect![[r#"
            CF-SKT-009 [] the sketch has no parameter `widht`
                Did you mean `width`?
        "#]],
    );
    with(
        &[("width", "3"), ("act", "tanh")],
        expect![[r#"
            CF-SKT-009 [] `width` is 3, which is above 2
            CF-SKT-009 [] `act` is tanh, which is none of relu, none
        "#]],
    );
    with(
        &[("width", "wide")],
        expect![[r#"
        CF-SKT-009 [] `wide` is no value of parameter `width`
    "#]],
    );
    with(
        &[("width", "1.1")],
        expect![[r#"
        CF-SKT-011 ["4 * width"] `dense` is 4.4, which is not whole; round it with round8, floor, ceil or round
    "#]],
    );

    let declare = |line: &str, expected: Expect| {
        let source =
            format!("sketch = 1\ninput = [8]\n[parameters]\n{line}\n[[layer]]\ndense = 4\n");
        expected.assert_eq(&complaints(&source, &options(&[])));
    };
    declare(
        "index = 1",
        expect![[r#"
        CF-SKT-010 [index] `index` cannot be the name of a parameter
    "#]],
    );
    declare(
        "w-h = 1",
        expect![[r#"
        CF-SKT-010 [w-h] `w-h` cannot be the name of a parameter
    "#]],
    );
    declare(
        "w = { value = 3, maximum = 2 }",
        expect![[r#"
            CF-SKT-010 [3] `w` is 3, which is above 2
        "#]],
    );
    declare(
        "w = { minimum = 3 }",
        expect![[r#"
        CF-SKT-004 [{ minimum = 3 }] parameter `w` has no `value`
    "#]],
    );
    declare(
        "w = { value = 1, choices = [1], minimum = 0 }",
        expect![[r#"
        CF-SKT-010 [[1]] `choices` of `w` is a list, and the only range
    "#]],
    );
    declare(
        "w = { value = 1, least = 0 }",
        expect![[r#"
        CF-SKT-003 [least] a parameter has no key `least`
            Known are value, minimum, maximum, choices.
    "#]],
    );
    declare(
        "w = [1]",
        expect![[r#"
        CF-SKT-010 [[1]] parameter `w` is no number, truth value or short word
    "#]],
    );
}
