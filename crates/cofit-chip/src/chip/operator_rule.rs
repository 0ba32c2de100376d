//! Which operators an engine runs, within which limits.

use cofit_vocab::diagnostic::card;
use cofit_vocab::{ElementType, OperatorKind};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::Sourced;
use crate::decode::{CardValue, Context};
use crate::node::{Node, Value};
use crate::scalar::{Extent, Span};
use crate::table::{card_table, card_words};

card_words! {
    /// What happens to an operator that no rule accepts.
    pub enum Fallback, "a fallback" {
        /// The host engine runs it.
        Host = "host";
        /// The model is refused.
        Reject = "reject";
        /// The host engine runs it and everything after it.
        PartitionTail = "partition_tail";
    }

    /// How a window operator's borders are filled.
    pub enum PaddingMode, "a padding mode" {
        /// Outputs = inputs / stride, rounded up.
        Same = "same";
        /// No padding.
        Valid = "valid";
        /// Given amounts on each side.
        Explicit = "explicit";
    }

    /// Groups of a convolution.
    pub enum Grouping, "a grouping" {
        /// One group: a dense convolution.
        One = "one";
        /// As many groups as input channels: depthwise.
        Channels = "channels";
        /// Any number of groups.
        Any = "any";
    }

    /// A clamp or function that an operator applies to its own output.
    pub enum FusedActivation, "a fused activation" {
        /// None.
        None = "none";
        /// `max(x, 0)`.
        Relu = "relu";
        /// `min(max(x, 0), 6)`.
        Relu6 = "relu6";
        /// `min(max(x, -1), 1)`.
        ReluN1To1 = "relu_n1_to_1";
        /// Hyperbolic tangent.
        Tanh = "tanh";
        /// The logistic sigmoid.
        Logistic = "logistic";
        /// Absolute value.
        Abs = "abs";
    }

    /// How an operator that an engine lacks is rewritten into ones that it has.
    pub enum Lowering, "a lowering" {
        /// Space to batch and back.
        SpaceToBatch = "space_to_batch";
        /// Explicit padding before.
        Pad = "pad";
        /// Cutting the surplus off after.
        Crop = "crop";
        /// Dropping rows and columns after.
        StridedSlice = "strided_slice";
        /// A 1x1 convolution on a map of the least size.
        PointwiseConvolution = "pointwise_convolution";
        /// Multiplications and reductions.
        MulReduce = "mul_reduce";
        /// Zeros inserted between elements.
        ZeroInsertion = "zero_insertion";
    }
}

card_table! {
    /// Operators with their limits. A limit left out does not apply. An engine runs an operator
    /// when any of its rules for the kind accepts it.
    pub struct OperatorRule {
        /// The stable name of the rule in messages.
        id: String, optional;
        /// The operator kinds that the rule is for.
        kinds: Vec<OperatorKind>, required;
        /// Kernel or pooling window.
        kernel: WindowLimit, optional;
        /// Kernel with the gaps of its dilation.
        dilated_kernel: WindowLimit, optional;
        /// Strides.
        stride: WindowLimit, optional;
        /// Dilations.
        dilation: WindowLimit, optional;
        /// Groups of a convolution.
        groups: Grouping, optional;
        /// Padding.
        padding: PaddingLimit, optional;
        /// Input channels.
        input_channels: Span, optional;
        /// Output channels.
        output_channels: Span, optional;
        /// Input height.
        height: Span, optional;
        /// Input width.
        width: Span, optional;
        /// Output height.
        output_height: Span, optional;
        /// Output width.
        output_width: Span, optional;
        /// Elements of one input row and column together: height times width.
        pixels: Span, optional;
        /// Every dimension of every tensor.
        dimension: Span, optional;
        /// Number of dimensions.
        rank: Span, optional;
        /// Batch size.
        batch: Span, optional;
        /// Inputs of an operator that takes several.
        inputs: Span, optional;
        /// Elements of one input without the batch: height times width times channels.
        volume: Span, optional;
        /// Input channels must be a multiple of this.
        input_channels_multiple: u64, optional;
        /// Output channels must be a multiple of this.
        output_channels_multiple: u64, optional;
        /// Outputs per input channel of a depthwise convolution.
        depth_multiplier: Span, optional;
        /// Whether a depth multiplier above 1 needs a single input channel.
        depth_multiplier_needs_one_channel: bool, default(false);
        /// Whether the engine runs the operator only as part of another one's step, by a fusion
        /// rule, and never alone.
        fused_only: bool, default(false);
        /// Activations that the operator may apply to its own output.
        activation: Vec<FusedActivation>, optional;
        /// Weights must be constant.
        constant_weights: bool, default(false);
        /// Weights must have one scale for the whole tensor.
        one_weight_scale: bool, default(false);
        /// Greatest sum of absolute weights of one output channel.
        weight_sum: Sourced<u64>, optional;
        /// Element types of the first input.
        elements: Vec<ElementType>, optional;
        /// Scale factors of a change of resolution.
        scale: Vec<u32>, optional;
        /// Channels per pass; more channels take more passes.
        channels_per_pass: Sourced<u32>, optional;
        /// The rewriting through which the operator is accepted, at its cost.
        lower_to: Vec<Lowering>, default(Vec::new());
        /// What happens when a limit is exceeded. Left out: the engine's `fallback`.
        fallback: Fallback, optional;
        /// What to tell the user when a limit is exceeded, and why it exists.
        why: String, optional;
    }

    /// Limits of a window, stride or dilation.
    pub struct WindowLimit {
        /// The only extents allowed.
        set: Vec<Extent>, optional;
        /// Rows.
        height: Span, optional;
        /// Columns.
        width: Span, optional;
        /// Rows times columns.
        area: Span, optional;
    }

    /// Limits of padding.
    pub struct PaddingLimit {
        /// The modes allowed.
        modes: Vec<PaddingMode>, optional;
        /// Greatest padding on any side.
        max: u64, optional;
        /// Whether both sides must be padded alike.
        symmetric: bool, default(false);
    }
}

impl WindowLimit {
    /// Whether `height` x `width` is allowed.
    pub fn accepts(&self, height: u64, width: u64) -> bool {
        self.set.as_ref().is_none_or(|set| set.contains(&Extent { height, width }))
            && self.height.is_none_or(|span| span.contains(height))
            && self.width.is_none_or(|span| span.contains(width))
            && self.area.is_none_or(|span| span.contains(height.saturating_mul(width)))
    }
}

impl std::fmt::Display for WindowLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if let Some(set) = &self.set {
            let set: Vec<String> = set.iter().map(Extent::to_string).collect();
            parts.push(set.join(" or "));
        }
        for (what, span) in [("height", self.height), ("width", self.width), ("area", self.area)] {
            parts.extend(span.map(|span| format!("{what} {span}")));
        }
        f.write_str(&parts.join(", "))
    }
}

impl OperatorRule {
    /// A rule without limits.
    fn unlimited(kinds: Vec<OperatorKind>) -> Self {
        Self {
            id: None,
            kinds,
            kernel: None,
            dilated_kernel: None,
            stride: None,
            dilation: None,
            groups: None,
            padding: None,
            input_channels: None,
            output_channels: None,
            height: None,
            width: None,
            output_height: None,
            output_width: None,
            pixels: None,
            dimension: None,
            rank: None,
            batch: None,
            inputs: None,
            volume: None,
            input_channels_multiple: None,
            output_channels_multiple: None,
            depth_multiplier: None,
            depth_multiplier_needs_one_channel: false,
            fused_only: false,
            activation: None,
            constant_weights: false,
            one_weight_scale: false,
            weight_sum: None,
            elements: None,
            scale: None,
            channels_per_pass: None,
            lower_to: Vec::new(),
            fallback: None,
            why: None,
        }
    }

    /// The name of the rule in messages: its id, or its first kind.
    pub fn label(&self) -> &str {
        match (&self.id, self.kinds.first()) {
            (Some(id), _) => id,
            (None, Some(kind)) => kind.name(),
            (None, None) => "empty",
        }
    }
}

/// The operators of an engine: a list of names, of tables with limits, or of both.
/// An empty list allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OperatorRules(pub Vec<OperatorRule>);

impl OperatorRules {
    /// The rules for `kind`, in the order of the card.
    pub fn for_kind(&self, kind: OperatorKind) -> impl Iterator<Item = &OperatorRule> {
        self.0.iter().filter(move |rule| rule.kinds.contains(&kind))
    }

    /// Whether any rule is for `kind`, whatever its limits.
    pub fn mentions(&self, kind: OperatorKind) -> bool {
        self.for_kind(kind).next().is_some()
    }

    /// The kinds that any rule is for, sorted.
    pub fn kinds(&self) -> Vec<OperatorKind> {
        let mut kinds: Vec<OperatorKind> =
            self.0.iter().flat_map(|rule| rule.kinds.iter().copied()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Whether no operator is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|rule| rule.kinds.is_empty())
    }
}

impl CardValue for OperatorRules {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let Some(items) = node.array() else {
            context.wrong_type(node, "a list of operator kinds, or of tables with limits");
            return None;
        };
        let mut unlimited = Vec::new();
        let mut rules = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let segment = item.id().map_or_else(|| index.to_string(), str::to_owned);
            context.within(&segment, |context| match &item.value {
                Value::Table(_) => rules.extend(OperatorRule::decode(item, context)),
                Value::Integer(_)
                | Value::Unfit(_)
                | Value::Float(_)
                | Value::Boolean(_)
                | Value::String(_)
                | Value::Array(_) => unlimited.extend(OperatorKind::decode(item, context)),
            });
        }
        let mut ids: Vec<&str> = Vec::new();
        for item in items {
            let Some(id) = item.id() else { continue };
            if ids.contains(&id) {
                let message = format!("the rule `{id}` is declared twice");
                context.error(&card::DUPLICATE_ID, message, item.token);
            }
            ids.push(id);
        }
        if !unlimited.is_empty() {
            rules.insert(0, OperatorRule::unlimited(unlimited));
        }
        Some(Self(rules))
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let kind = OperatorKind::schema(generator).to_value();
        let rule = OperatorRule::schema(generator).to_value();
        json_schema!({ "type": "array", "items": { "anyOf": [kind, rule] } })
    }

    fn name() -> String {
        "OperatorRules".to_owned()
    }

    fn in_words(&self) -> String {
        let names: Vec<&str> = self.kinds().into_iter().map(OperatorKind::name).collect();
        names.join(", ")
    }
}
