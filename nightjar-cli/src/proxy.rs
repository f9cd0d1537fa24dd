//! Which proxy a command is about.

#![expect(clippy::doc_markdown, reason = "help shows these comments as they are")]

use crate::{Usage, input, output};
use clap::{Args, ValueEnum, value_parser};
use nightjar_core::{
    context::{self, ProxyConfig, ProxyRole},
    document::{
        discovery_map::Name,
        proxy_input::{Properties, ProxyInput},
    },
    env::Env,
    proxy::{check_property, defaults, plain_dir},
    routing::Caller,
};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

/// The map and the proxy. The defaults are those of nightjar-standalone.
#[derive(Args)]
pub(crate) struct Proxy {
    /// The discovery map; - is standard input
    #[arg(long, value_name = "FILE")]
    discovery_map: PathBuf,
    /// What the proxy is (NJ_PROXY_MODE)
    #[arg(long, value_enum, ignore_case = true, default_value = defaults::MODE)]
    mode: Mode,
    /// The proxy's namespace (NJ_NAMESPACE)
    #[arg(long, value_name = "NAME")]
    namespace: Name,
    /// The service beside a sidecar (NJ_SERVICE)
    #[arg(long, value_name = "NAME", default_value = defaults::NAME)]
    service: Name,
    /// The color of that service (NJ_COLOR)
    #[arg(long, value_name = "NAME", default_value = defaults::NAME)]
    color: Name,
    /// The port of the local or gateway listener (NJ_LISTEN_PORT)
    #[arg(long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    listen_port: u16,
    /// The port of Envoy's admin interface; without it there is none (NJ_ADMIN_PORT)
    #[arg(long, value_name = "PORT", value_parser = value_parser!(u16).range(1..))]
    admin_port: Option<u16>,
    /// The address that the listeners bind (NJ_LISTEN_ADDRESS)
    #[arg(long, value_name = "IP", default_value = defaults::LISTEN_ADDRESS)]
    listen_address: IpAddr,
    /// The address of Envoy's admin interface (NJ_ADMIN_ADDRESS)
    #[arg(long, value_name = "IP", default_value = defaults::ADMIN_ADDRESS)]
    admin_address: IpAddr,
    // Not a comment of the documentation, where `<NAME>` would be HTML.
    #[arg(
        long = "property",
        value_name = "NAME=VALUE",
        help = "A property of the proxy itself (NJ_PROXY_PROP_<NAME>), such as trusted-hops=1"
    )]
    properties: Vec<String>,
    /// The folder that Envoy will read the files from (ENVOY_CONFIGURATION_DIR)
    #[arg(long, value_name = "DIR", default_value = defaults::CONFIG_DIR)]
    config_dir: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// A sidecar of one service-color
    Service,
    /// The entrance to a namespace
    Gateway,
}

impl Proxy {
    /// Where the map is.
    pub(crate) fn map(&self) -> &Path {
        &self.discovery_map
    }

    /// Who sends requests to the proxy: the service beside it, or anybody to a gateway.
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            namespace: self.namespace.to_string(),
            role: self.role(),
            to: None,
        }
    }

    fn role(&self) -> ProxyRole {
        match self.mode {
            Mode::Gateway => ProxyRole::Gateway,
            Mode::Service => ProxyRole::Service {
                service: self.service.to_string(),
                color: self.color.to_string(),
            },
        }
    }

    /// Makes the proxy's context, and tells what was left out of it.
    pub(crate) fn input(self) -> anyhow::Result<ProxyInput> {
        let viewer = self.viewer()?;
        let map = input::document(&self.discovery_map)?;
        let context = context::proxy_input(&map, &viewer)?;
        for warning in &context.warnings {
            output::warning(&warning.to_string());
        }
        Ok(context.input)
    }

    fn properties(&self) -> Result<Properties, Usage> {
        let pairs = self.properties.iter().map(|pair| {
            let usage = |reason: &str| Usage(format!("--property {pair:?} {reason}"));
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| usage("is not NAME=VALUE"))?;
            check_property(name, value)
                .map_err(|reason| usage(&format!("has a value that {reason}")))?;
            Ok((name.to_owned(), value.to_owned()))
        });
        pairs.collect()
    }

    fn viewer(&self) -> Result<ProxyConfig, Usage> {
        if self.admin_port == Some(self.listen_port) {
            let message = "--admin-port is the same as --listen-port";
            return Err(Usage(message.to_owned()));
        }
        let config_dir = Env::from_process().current_dir().join(&self.config_dir);
        let config_dir = plain_dir(&config_dir).ok_or_else(|| {
            Usage("--config-dir contains control characters or is not UTF-8".to_owned())
        })?;
        let viewer = ProxyConfig {
            role: self.role(),
            namespace: self.namespace.to_string(),
            listen_port: self.listen_port,
            listen_address: self.listen_address,
            admin_port: self.admin_port,
            admin_address: self.admin_address,
            status: None,
            properties: self.properties()?,
            config_dir,
        };
        check_stats_port(&viewer)?;
        Ok(viewer)
    }
}

/// A start would not get past these either.
fn check_stats_port(viewer: &ProxyConfig) -> Result<(), Usage> {
    let Some(port) = viewer.stats_port() else {
        return Ok(());
    };
    let usage = |reason: &str| Err(Usage(format!("--property \"stats-port={port}\" {reason}")));
    match viewer.admin_port {
        None => usage("needs --admin-port, from which the statistics come"),
        Some(admin) if admin == port => usage("is the same as --admin-port"),
        Some(_) if viewer.listen_port == port => usage("is the same as --listen-port"),
        Some(_) => Ok(()),
    }
}
