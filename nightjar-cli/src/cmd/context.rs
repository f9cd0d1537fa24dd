//! `nightjar context`

use crate::{ExitStatus, output, proxy::Proxy};

/// Print what templates know of one proxy, as JSON
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  nightjar context --discovery-map map.json --mode gateway --namespace store --listen-port 8080")]
pub(crate) struct Context {
    #[command(flatten)]
    proxy: Proxy,
}

impl Context {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        output::json(&self.proxy.input()?)?;
        Ok(ExitStatus::Success)
    }
}
