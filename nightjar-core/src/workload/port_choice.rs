//! Choices of a port, and their forms.

use crate::document::discovery_map::Port;
use std::{fmt, net::IpAddr, str::FromStr};

/// Which of a workload's ports is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortChoice {
    /// `3000`: the container port, of whichever container has it.
    Port(Port),
    /// `app:3000`: the port of one container.
    OfContainer {
        /// The container's name.
        container: String,
        /// The container port.
        port: Port,
    },
    /// `10.0.0.1:3000`, `[fd00::1]:3000` or `fd00::1:3000`: a port that is bound to one address.
    OfAddress {
        /// The address.
        ip: IpAddr,
        /// The container port.
        port: Port,
    },
}

impl PortChoice {
    /// The port's number.
    pub fn port(&self) -> Port {
        match self {
            Self::Port(port) | Self::OfContainer { port, .. } | Self::OfAddress { port, .. } => {
                *port
            }
        }
    }
}

impl FromStr for PortChoice {
    type Err = &'static str;

    /// Tags hold no brackets, so the last colon always comes before the port.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (place, port) = match text.rsplit_once(':') {
            Some((place, port)) => (Some(place), port),
            None => (None, text),
        };
        let port = port
            .parse()
            .map_err(|_| "does not name a port from 1 to 65535")?;
        let Some(place) = place else {
            return Ok(Self::Port(port));
        };
        let bare = place
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Ok(ip) = bare.unwrap_or(place).parse() {
            Ok(Self::OfAddress { ip, port })
        } else if is_container(place) {
            let container = place.to_owned();
            Ok(Self::OfContainer { container, port })
        } else {
            Err("has neither a container name nor an IP address before the port")
        }
    }
}

impl fmt::Display for PortChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "{port}"),
            Self::OfContainer { container, port } => write!(f, "{container}:{port}"),
            Self::OfAddress { ip, port } => {
                write!(f, "{}", std::net::SocketAddr::new(*ip, port.get()))
            }
        }
    }
}

fn is_container(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(is_known)
}
