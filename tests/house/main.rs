//! The house rules, held by tests that read the source as text: who may use whom, in which order things run, that pages tell the truth.
//!
//! Nothing here knows what the code does. A rule that fails names the file, the line and the rule.

mod layers;
mod order;
mod pages;
mod printed;
mod source;
mod style;
