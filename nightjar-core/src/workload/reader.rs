//! Reader of one workload's settings: its warnings, and its ports.

use super::{
    port_choice::PortChoice,
    settings::{Settings, Sourced},
    warning::{Warning, Warnings},
};

pub(super) const ROUTE_PORT: &str = "NJ_ROUTE_PORT";

/// One workload's settings, and the list of what is wrong with them.
pub(super) struct WorkloadReader<'a> {
    pub(super) settings: &'a Settings,
    pub(super) workload_id: &'a str,
    pub(super) warnings: &'a mut Warnings,
}

impl WorkloadReader<'_> {
    pub(super) fn warn<T: ToString>(
        &mut self,
        found: &Sourced<T>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let warning = Warning::about(self.workload_id, found, reason).with_remedy(remedy);
        self.warnings.push(warning);
    }

    /// A port; `what` says what becomes of what needs it.
    pub(super) fn port(
        &mut self,
        found: &Sourced<&str>,
        what: &str,
    ) -> Option<Sourced<PortChoice>> {
        match found.value.parse() {
            Ok(port) => Some(found.with(port)),
            Err(reason) => {
                self.warn(
                    found,
                    format!("{reason}; {what}"),
                    "write 3000, container-name:3000 or bound-ip:3000",
                );
                None
            }
        }
    }
}
