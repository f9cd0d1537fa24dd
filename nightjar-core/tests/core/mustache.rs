//! Templates: the Mustache specification's own cases, and what Nightjar adds to them.

mod faults;
mod files;
mod layers;
mod limits;
mod lint;
mod selection;
mod spec;
