//! The repository, held to itself. It needs no program, no Envoy and no network.

#[cfg(test)]
mod cookbook;
#[cfg(test)]
mod modules;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod words;
