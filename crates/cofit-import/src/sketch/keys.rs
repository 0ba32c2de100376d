//! The words of the form: kinds of layer, their keys, the top-level keys.
//!
//! These tables are what the reader accepts, what suggestions are made from, and what
//! `docs/sketch.md` is tested against.

/// How the value of a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A number or an expression.
    Number,
    /// A number or an expression, or a list of two: height and width.
    Extent,
    /// `true`, `false`, or an expression that is 0 for false.
    Flag,
    /// One of these words, or `$` and the name of a parameter that holds one.
    Word(&'static [&'static str]),
    /// `same`, `valid`, `causal`, a number, or a list of two or four of them.
    Border,
    /// The name of a result.
    Name,
    /// The name of a block, or `$` and the name of a parameter that holds one.
    Block,
    /// A list of names of results.
    Names,
    /// A list of numbers or expressions.
    Lengths,
    /// A table of values for a block's parameters.
    Bindings,
    /// A precision.
    Precision,
}

impl Form {
    /// What to write, for messages.
    pub fn wanted(self) -> String {
        match self {
            Self::Number => "a number or an expression in quotes".to_owned(),
            Self::Extent => "a number, an expression in quotes, or a list of two".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Border => {
                "\"same\", \"valid\", \"causal\", a number, or a list of two or four numbers"
                    .to_owned()
            }
            Self::Name => "a name in quotes".to_owned(),
            Self::Block => "the name of a block in quotes, or `$` and a parameter".to_owned(),
            Self::Names => "a list of names".to_owned(),
            Self::Lengths => "a list of numbers or expressions".to_owned(),
            Self::Bindings => "a table of parameters and values".to_owned(),
            Self::Precision => {
                "an element type, or a table with `weights` and `activations`".to_owned()
            }
        }
    }
}

/// What follows a layer's sum of products.
pub const ACTIVATIONS: &[&str] = &[
    "none",
    "relu",
    "relu6",
    "relu_n1_to_1",
    "leaky_relu",
    "hard_swish",
    "swish",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
];

/// How a block joins its input to its result.
pub const SHORTCUTS: &[&str] = &["auto", "identity", "projection", "none"];

/// What a recurrent layer hands on.
pub const RETURNED: &[&str] = &["last", "all"];

macro_rules! layer_keys {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $form:expr;)*) => {
        /// A key that describes a layer beside its kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum LayerKey {
            $($(#[doc = $doc])* $variant,)*
        }

        impl LayerKey {
            /// Every key.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word in the file.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How its value is written.
            pub const fn form(self) -> Form {
                match self { $(Self::$variant => $form,)* }
            }
        }
    };
}

layer_keys! {
    /// Height and width of the window; 3 by default.
    Kernel = "kernel", Form::Extent;
    /// Input positions from one output position to the next; 1 by default, and a pool's window.
    Stride = "stride", Form::Extent;
    /// Input positions from one tap to the next; 1 by default.
    Dilation = "dilation", Form::Extent;
    /// What surrounds the input; `same` by default, `valid` for pools.
    Padding = "padding", Form::Border;
    /// Groups of channels that are convolved apart; 1 by default.
    Groups = "groups", Form::Number;
    /// How many times an inverted residual widens its input; 6 by default.
    Expansion = "expansion", Form::Number;
    /// What follows the sum of products; `none` by default.
    Activation = "activation", Form::Word(ACTIVATIONS);
    /// Slope of the negative side of `leaky_relu`; 0.1 by default, as in Darknet.
    Slope = "slope", Form::Number;
    /// Whether a bias is added; true by default, and false beside an operator of its own for
    /// batch normalisation.
    Bias = "bias", Form::Flag;
    /// Whether batch normalisation is an operator of its own; false by default, for it folds into
    /// weights and bias.
    BatchNorm = "batch_norm", Form::Flag;
    /// The activation of a squeeze-and-excitation's gate; `sigmoid` by default.
    Gate = "gate", Form::Word(ACTIVATIONS);
    /// How a block joins its input to its result; `auto` by default.
    Shortcut = "shortcut", Form::Word(SHORTCUTS);
    /// What a recurrent layer hands on: the state behind the last step, or those behind all; `last` by
    /// default.
    Returns = "returns", Form::Word(RETURNED);
    /// Values of a block's parameters.
    With = "with", Form::Bindings;
    /// Element types of this layer's weights and result.
    Precision = "precision", Form::Precision;
    /// The result to read instead of the preceding layer's.
    From = "from", Form::Name;
    /// A name for the result.
    As = "as", Form::Name;
    /// How many times the layer occurs in a row, 0 to leave it out; 1 by default.
    Repeat = "repeat", Form::Number;
}

impl LayerKey {
    /// Keys of every kind of layer.
    pub const COMMON: &[Self] = &[Self::Precision, Self::From, Self::As, Self::Repeat];

    /// Keys that `[defaults]` may set for every convolution and block of convolutions.
    pub const DEFAULTS: &[Self] =
        &[Self::Padding, Self::Activation, Self::Slope, Self::Bias, Self::BatchNorm];
}

macro_rules! layer_kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $form:expr, [$($key:ident)*];)*) => {
        /// What a layer is. Its key's value is the most important number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum LayerKind {
            $($(#[doc = $doc])* $variant,)*
        }

        impl LayerKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word in the file.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How the value of the kind is written.
            pub const fn form(self) -> Form {
                match self { $(Self::$variant => $form,)* }
            }

            /// Its keys beside [`LayerKey::COMMON`].
            pub const fn keys(self) -> &'static [LayerKey] {
                match self { $(Self::$variant => &[$(LayerKey::$key,)*],)* }
            }
        }
    };
}

layer_kinds! {
    /// A convolution to so many channels.
    Conv = "conv", Form::Number,
        [Kernel Stride Dilation Padding Groups Activation Slope Bias BatchNorm];
    /// A depthwise convolution with so many results for each channel.
    Depthwise = "depthwise", Form::Number,
        [Kernel Stride Dilation Padding Activation Slope Bias BatchNorm];
    /// A depthwise convolution and a pointwise one to so many channels.
    Separable = "separable", Form::Number,
        [Kernel Stride Dilation Padding Activation Slope Bias BatchNorm];
    /// A MobileNetV2 block to so many channels.
    InvertedResidual = "inverted_residual", Form::Number,
        [Expansion Kernel Stride Dilation Padding Activation Slope Bias BatchNorm Shortcut];
    /// A ResNet block of two convolutions to so many channels.
    Residual = "residual", Form::Number,
        [Kernel Stride Dilation Padding Activation Slope Bias BatchNorm Shortcut];
    /// The largest element of a window of this size.
    MaxPool = "max_pool", Form::Extent, [Stride Padding];
    /// The average of a window of this size.
    AveragePool = "average_pool", Form::Extent, [Stride Padding];
    /// The average of each channel over all positions.
    GlobalAveragePool = "global_average_pool", Form::Flag, [];
    /// A transposed convolution to so many channels, which multiplies height and width by the stride.
    TransposeConv = "transpose_conv", Form::Number,
        [Kernel Stride Activation Slope Bias];
    /// A gate for each channel from the average of all, squeezed to so many in between.
    SqueezeExcite = "squeeze_excite", Form::Number, [Activation Slope Gate];
    /// A dense layer with so many results; reads its input flattened.
    Dense = "dense", Form::Number, [Activation Slope Bias];
    /// A gated recurrent unit of so many cells, written out step by step.
    Gru = "gru", Form::Number, [Returns];
    /// A long short-term memory of so many cells, written out step by step.
    Lstm = "lstm", Form::Number, [Returns];
    /// Self-attention of so many heads.
    Attention = "attention", Form::Number, [];
    /// Layer normalisation of the channels.
    LayerNorm = "layer_norm", Form::Flag, [];
    /// All elements along one axis.
    Flatten = "flatten", Form::Flag, [];
    /// Another shape over the same elements, without the batch.
    Reshape = "reshape", Form::Lengths, [];
    /// Normalised exponentials of the channels.
    Softmax = "softmax", Form::Flag, [];
    /// An activation by itself.
    Activate = "activate", Form::Word(ACTIVATIONS), [Slope];
    /// A border of zeros of this width.
    Pad = "pad", Form::Border, [];
    /// So many times the height and width, by the nearest neighbour.
    Upsample = "upsample", Form::Extent, [];
    /// Another height and width, by bilinear interpolation.
    Resize = "resize", Form::Extent, [];
    /// Some of the channels: the first, and how many.
    Slice = "slice", Form::Lengths, [];
    /// So many groups of channels dealt out in turn.
    Shuffle = "shuffle", Form::Number, [];
    /// The sum of named results.
    Add = "add", Form::Names, [Activation Slope];
    /// The product of named results, each stretched along axes of length 1.
    Multiply = "multiply", Form::Names, [Activation Slope];
    /// Named results joined along the channels.
    Concat = "concat", Form::Names, [];
    /// A block of the file's own.
    Use = "use", Form::Block, [With];
}

impl LayerKind {
    /// Whether `[defaults]` counts for it.
    pub(crate) const fn takes_defaults(self) -> bool {
        match self {
            Self::Conv
            | Self::Depthwise
            | Self::Separable
            | Self::InvertedResidual
            | Self::Residual => true,
            Self::MaxPool
            | Self::AveragePool
            | Self::GlobalAveragePool
            | Self::TransposeConv
            | Self::SqueezeExcite
            | Self::Dense
            | Self::Gru
            | Self::Lstm
            | Self::Attention
            | Self::LayerNorm
            | Self::Flatten
            | Self::Reshape
            | Self::Softmax
            | Self::Activate
            | Self::Pad
            | Self::Upsample
            | Self::Resize
            | Self::Slice
            | Self::Shuffle
            | Self::Add
            | Self::Multiply
            | Self::Concat
            | Self::Use => false,
        }
    }

    /// Whether the kind has `key`.
    pub(crate) fn has(self, key: LayerKey) -> bool {
        self.keys().contains(&key) || LayerKey::COMMON.contains(&key)
    }
}

/// Keys of the file itself.
pub const TOP_KEYS: &[&str] = &[
    "sketch",
    "name",
    "input",
    "outputs",
    "precision",
    "parameters",
    "defaults",
    "block",
    "layer",
];

/// Keys of a parameter that is written as a table.
pub const PARAMETER_KEYS: &[&str] = &["value", "minimum", "maximum", "choices"];

/// Keys of a block.
pub const BLOCK_KEYS: &[&str] = &["parameters", "layer"];

/// Keys of a precision that is written as a table.
pub const PRECISION_KEYS: &[&str] = &["weights", "activations"];

/// Results that every layer may read by name: the preceding layer's, and the block's or the
/// model's input.
pub const RESERVED_RESULTS: &[&str] = &["previous", "input"];

/// The number of the repetition, from 0, in a repeated layer's expressions.
pub const REPETITION: &str = "index";

/// The word of `known` that `word` was perhaps meant to be: the nearest by letters, or one that
/// contains it or is contained in it.
pub(crate) fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    // A longer word is no slip of the pen, and comparing it would take time for nothing.
    if word.len() > 64 {
        return None;
    }
    let slip = known
        .clone()
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| distance * 3 <= candidate.len().max(3))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate);
    slip.or_else(|| {
        known.into_iter().find(|candidate| {
            let shorter = word.len().min(candidate.len());
            shorter >= 4 && (word.contains(candidate) || candidate.contains(word))
        })
    })
}

/// Changes, insertions, removals and swaps of neighbours from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let change = last[j] + usize::from(x != y);
            let mut least = change.min(last[j + 1] + 1).min(row[j] + 1);
            if j > 0 && previous == Some(y) && b[j - 1] == x {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = last;
        last = row;
        previous = Some(x);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_recognised() {
        let known = LayerKey::ALL.iter().map(|key| key.name());
        assert_eq!(nearest("kernal", known.clone()), Some("kernel"));
        assert_eq!(nearest("strides", known.clone()), Some("stride"));
        assert_eq!(nearest("batchnorm", known.clone()), Some("batch_norm"));
        assert_eq!(nearest("kenrel", known.clone()), Some("kernel"));
        assert_eq!(nearest("convolution", ["dense", "conv"]), Some("conv"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn no_word_is_both_a_kind_and_a_key() {
        for kind in LayerKind::ALL {
            assert!(LayerKey::ALL.iter().all(|key| key.name() != kind.name()), "{kind:?}");
        }
    }
}
