//! The core as its callers see it.

#[cfg(test)]
mod context;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod extension;
#[cfg(test)]
mod injection;
#[cfg(test)]
mod mustache;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod slips;
#[cfg(test)]
mod workload;
