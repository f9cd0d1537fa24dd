//! The real programs, from outside.

#[cfg(test)]
mod access;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod central;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod cloudformation;
#[cfg(test)]
mod cloudmap;
#[cfg(test)]
mod command;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod cookbook;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod ecs;
#[cfg(test)]
mod extensions;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod field;
#[cfg(test)]
mod injection;
#[cfg(test)]
mod input;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod misbehaviour;
#[cfg(test)]
mod moments;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rollout;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod sets;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod template_stores;
#[cfg(test)]
mod templates;
