//! Fitted coefficients as a card's overlay.
