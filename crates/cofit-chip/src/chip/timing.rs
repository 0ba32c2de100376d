//! Named timing models with their parameters. The models themselves are code elsewhere.

pub mod edge_tpu;
pub mod ethos_u;
pub mod kpu_k210;
pub mod mac_array;
pub mod max7800x;
pub mod ne16;
pub mod roofline;
pub mod simd;
pub mod tiles;

use cofit_vocab::diagnostic::card;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use self::edge_tpu::EdgeTpuTiming;
use self::ethos_u::EthosUTiming;
use self::kpu_k210::KpuK210Timing;
use self::mac_array::MacArrayTiming;
use self::max7800x::Max7800xTiming;
use self::ne16::Ne16Timing;
use self::roofline::RooflineTiming;
use self::simd::SimdTiming;
use crate::decode::{CardValue, Context, word};
use crate::node::Node;

macro_rules! timing_models {
    ($($(#[doc = $doc:literal])* $variant:ident($type:ty) = $word:literal;)*) => {
        /// The timing model of an engine and its parameters. A card writes them in one table,
        /// with the model's name under `model`.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "model")]
        pub enum Timing {
            $($(#[doc = $doc])* #[serde(rename = $word)] $variant(Box<$type>),)*
        }

        #[derive(Clone, Copy)]
        enum Model {
            $($variant,)*
        }

        impl Timing {
            const MODELS: &[(&str, Model)] = &[$(($word, Model::$variant),)*];

            /// The name of the model in cards and reports.
            pub const fn model(&self) -> &'static str {
                match self { $(Self::$variant(_) => $word,)* }
            }
        }

        impl CardValue for Timing {
            fn decode(node: &Node, context: &mut Context<'_>) -> Option<Self> {
                let Some(table) = node.table() else {
                    context.wrong_type(node, "a table with the name of a timing model");
                    return None;
                };
                let Some(entry) = table.get("model") else {
                    context.error(&card::MISSING_KEY, "`model` is missing", node.token);
                    return None;
                };
                let model = context.within("model", |context| {
                    word(&entry.node, Self::MODELS, "a timing model", context)
                })?;
                match model {
                    $(Model::$variant => {
                        <$type>::decode(node, context).map(|timing| Self::$variant(Box::new(timing)))
                    })*
                }
            }

            fn schema(generator: &mut SchemaGenerator) -> Schema {
                let models = [$(
                    json_schema!({
                        "allOf": [
                            <$type as CardValue>::schema(generator).to_value(),
                            { "properties": { "model": { "const": $word } } },
                        ]
                    }).to_value(),
                )*];
                json_schema!({ "oneOf": models })
            }

            fn name() -> String {
                "Timing".to_owned()
            }

            fn in_words(&self) -> String {
                self.model().to_owned()
            }
        }
    };
}

timing_models! {
    /// Google's Edge TPU: a cache for weights, one partition, a link to the host.
    EdgeTpu(EdgeTpuTiming) = "edge_tpu";
    /// Arm Ethos-U: blocks, traversals, output unit, DMA.
    EthosU(EthosUTiming) = "ethos_u";
    /// Analog Devices MAX7800x: the vendor's layer formula.
    Max7800x(Max7800xTiming) = "max7800x";
    /// Kendryte K210 KPU: rows, weight stream.
    KpuK210(KpuK210Timing) = "kpu_k210";
    /// PULP NE16: tiles of the output, passes over channels, bits of weights.
    Ne16(Ne16Timing) = "ne16";
    /// Any other array: unrolled dimensions, buffer, port.
    MacArray(MacArrayTiming) = "mac_array";
    /// A CPU or DSP with a kernel library: costs by operator class.
    Simd(SimdTiming) = "simd";
    /// The fallback: the larger of arithmetic and traffic.
    Roofline(RooflineTiming) = "roofline";
}

impl Timing {
    /// The model of an engine whose card names none.
    pub(crate) fn unstated(context: &mut Context<'_>) -> Self {
        Self::Roofline(Box::new(context.within("timing", RooflineTiming::unstated)))
    }
}
