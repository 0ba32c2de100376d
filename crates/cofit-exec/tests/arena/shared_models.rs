//! Real networks, layer by layer and in groups by rows, pixels and strips.
