//! Which operators become one step, in which order.

use cofit_vocab::diagnostic::card;
use cofit_vocab::{Bytes, OperatorKind};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::class::OperatorClass;
use super::operator_rule::{FusedActivation, PaddingMode};
use crate::Sourced;
use crate::decode::{CardValue, Context, nearest};
use crate::node::Node;
use crate::table::{card_table, card_words};

card_words! {
    /// Who fuses.
    pub enum FusedBy, "a fuser" {
        /// The vendor's compiler.
        Compiler = "compiler";
        /// The exporter from the training framework.
        Exporter = "exporter";
        /// The kernel itself computes both.
        Kernel = "kernel";
        /// One layer of the hardware.
        Hardware = "hardware";
        /// The user, by hand.
        User = "user";
    }

    /// What a fusion spares.
    pub enum Saving, "a saving" {
        /// Storing the map between the operators.
        Store = "store";
        /// Loading it again.
        Load = "load";
        /// A kernel call.
        Call = "call";
    }

    /// What must have happened to the model before.
    pub enum Prerequisite, "a prerequisite" {
        /// Batch normalisation was folded before quantisation.
        FoldedBatchNormalization = "bn_folded_before_quant";
    }
}

card_table! {
    /// Operators that become one step. Rules are tried in the order of the card.
    pub struct Fusion {
        /// The name of the rule in messages.
        id: String, required;
        /// Kinds or classes of operators in the order of the data, `?` after those that may be
        /// absent.
        pattern: Vec<PatternItem>, required;
        /// The engine that runs the step. Left out: any.
        engine: String, optional;
        /// When the rule applies.
        when: FusionConditions, default(FusionConditions::default());
        /// What must have happened to the model before.
        prerequisite: Prerequisite, optional;
        /// Who fuses.
        by: FusedBy, default(FusedBy::Compiler);
        /// What the fusion spares and costs.
        effect: FusionEffect, default(FusionEffect::default());
    }

    /// When a fusion applies.
    pub struct FusionConditions {
        /// Whether each inner tensor must have a single consumer.
        single_consumer: bool, default(true);
        /// Padding modes that the window operator may have.
        padding: Vec<PaddingMode>, optional;
        /// Whether the window operator must add no padding of its own.
        no_padding: bool, default(false);
        /// Whether a depthwise convolution is excluded.
        not_depthwise: bool, default(false);
        /// Whether the first operator must not apply an activation already.
        no_activation_before: bool, default(false);
        /// Activations that may follow.
        activation: Vec<FusedActivation>, optional;
        /// Whether explicit padding must be at most half of the kernel on each side.
        pad_within_half_kernel: bool, default(false);
    }

    /// What a fusion spares and costs.
    pub struct FusionEffect {
        /// What it spares.
        saves: Vec<Saving>, default(Vec::new());
        /// Look-up table that it occupies.
        lut: Sourced<Bytes>, optional;
    }
}

impl Default for FusionConditions {
    fn default() -> Self {
        Self {
            single_consumer: true,
            padding: None,
            no_padding: false,
            not_depthwise: false,
            no_activation_before: false,
            activation: None,
            pad_within_half_kernel: false,
        }
    }
}

impl Default for FusionEffect {
    fn default() -> Self {
        Self { saves: vec![Saving::Store, Saving::Load, Saving::Call], lut: None }
    }
}

/// One place of a fusion pattern: `"conv2d"`, `"pooling?"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternItem {
    /// What stands there.
    pub matcher: Matcher,
    /// Whether it may be absent.
    pub presence: PatternPresence,
}

/// What stands at a place of a fusion pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// An operator of the kind.
    Kind(OperatorKind),
    /// An operator of the class.
    Class(OperatorClass),
}

/// Whether an operator of a pattern must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternPresence {
    /// It must.
    Required,
    /// It may be absent.
    Optional,
}

impl PatternItem {
    /// Whether an operator of `kind` may stand here.
    pub fn matches(self, kind: OperatorKind) -> bool {
        match self.matcher {
            Matcher::Kind(wanted) => wanted == kind,
            Matcher::Class(class) => class == OperatorClass::of(kind),
        }
    }
}

impl std::fmt::Display for PatternItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.matcher {
            Matcher::Kind(kind) => f.write_str(kind.name())?,
            Matcher::Class(class) => f.write_str(class.name())?,
        }
        match self.presence {
            PatternPresence::Required => Ok(()),
            PatternPresence::Optional => f.write_str("?"),
        }
    }
}

impl Serialize for PatternItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl CardValue for PatternItem {
    fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(node, context)?;
        let (word, presence) = match text.strip_suffix('?') {
            Some(word) => (word, PatternPresence::Optional),
            None => (text.as_str(), PatternPresence::Required),
        };
        let class = OperatorClass::ALL.iter().find(|(name, _)| *name == word);
        let matcher = match (word.parse(), class) {
            (Ok(kind), _) => Matcher::Kind(kind),
            (Err(_), Some((_, class))) => Matcher::Class(*class),
            (Err(_), None) => {
                let kinds = OperatorKind::ALL.iter().map(|kind| kind.name());
                let classes = OperatorClass::ALL.iter().map(|(name, _)| *name);
                let help = nearest(word, kinds.chain(classes)).map_or_else(
                    || card::UNKNOWN_OPERATOR.cure.to_owned(),
                    |near| format!("did you mean \"{near}\"?"),
                );
                let message = format!("\"{word}\" is no operator kind and no class of operators");
                context.error_with_help(&card::UNKNOWN_OPERATOR, message, node.token, help);
                return None;
            }
        };
        Some(Self { matcher, presence })
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An operator kind or class; a `?` after it means that it may be absent",
            "type": "string",
            "pattern": "^[a-z0-9_]+\\??$",
        })
    }

    fn name() -> String {
        "PatternItem".to_owned()
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}
