//! Suggestions that change the model.

pub mod channel_multiple;
pub mod downsample_early;
pub mod fold_batch_normalization;
pub mod low_rank_dense;
pub mod lower_resolution;
pub mod narrow_width;
pub mod precision_per_layer;
pub mod separate_convolution;
pub mod split_dense;
pub mod stack_depthwise;
pub mod supported_activation;
