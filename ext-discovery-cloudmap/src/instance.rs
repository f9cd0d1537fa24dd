//! Where an instance listens.

use crate::known::Instance;
use nightjar_core::document::discovery_map::{Host, HostPort, Port};
use std::net::{Ipv4Addr, Ipv6Addr};

const IPV4: &str = "AWS_INSTANCE_IPV4";
const IPV6: &str = "AWS_INSTANCE_IPV6";
const CNAME: &str = "AWS_INSTANCE_CNAME";
const PORT: &str = "AWS_INSTANCE_PORT";

/// The attributes that tell.
pub(crate) const ATTRIBUTES: [&str; 4] = [IPV4, IPV6, CNAME, PORT];

/// Where an instance listens, at `port` or else at its own; or what is missing.
pub(crate) fn place(instance: &Instance, port: Option<Port>) -> Result<HostPort, String> {
    let host = host(instance)?;
    let port = match port {
        Some(port) => port,
        None => own_port(instance)?,
    };
    Ok(HostPort { host, port })
}

fn host(instance: &Instance) -> Result<Host, String> {
    let get = |name| instance.attributes.get(name).map(|value| value.trim());
    if let Some(text) = get(IPV4) {
        let ip: Result<Ipv4Addr, _> = text.parse();
        return ip
            .map(Host::Ipv4)
            .map_err(|_| wrong(IPV4, text, "an IPv4 address"));
    }
    if let Some(text) = get(IPV6) {
        let ip: Result<Ipv6Addr, _> = text.parse();
        return ip
            .map(Host::Ipv6)
            .map_err(|_| wrong(IPV6, text, "an IPv6 address"));
    }
    let name = get(CNAME).ok_or_else(|| format!("it has neither {IPV4}, {IPV6} nor {CNAME}"))?;
    name.parse()
        .map(Host::Name)
        .map_err(|_| wrong(CNAME, name, "a DNS name"))
}

fn own_port(instance: &Instance) -> Result<Port, String> {
    let text = instance.attributes.get(PORT).map(|text| text.trim());
    let text = text.ok_or_else(|| format!("it has no {PORT}"))?;
    text.parse()
        .map_err(|_| wrong(PORT, text, "a port from 1 to 65535"))
}

fn wrong(name: &str, text: &str, what: &str) -> String {
    format!("its {name} is {text:?}, which is not {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(attributes: &[(&str, &str)], port: Option<u16>) -> Result<String, String> {
        let attributes = attributes.iter();
        let instance = Instance {
            id: "i-1".to_owned(),
            is_healthy: true,
            attributes: attributes
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        place(&instance, port.and_then(Port::new))
            .map(|place| format!("{:?} {}", place.host, place.port))
    }

    #[test]
    fn an_address_comes_before_a_name() {
        let all = [
            (CNAME, "shop.internal"),
            (IPV6, "fd00::1"),
            (IPV4, " 10.0.0.1 "),
            (PORT, "80"),
        ];
        let found = |from: usize, to: usize| at(all.get(from..to).unwrap_or_default(), Some(1));
        assert_eq!(found(0, 4), Ok("Ipv4(10.0.0.1) 1".to_owned()));
        assert_eq!(found(0, 2), Ok("Ipv6(fd00::1) 1".to_owned()));
        assert_eq!(
            found(0, 1),
            Ok("Name(HostName(\"shop.internal\")) 1".to_owned())
        );
        assert_eq!(at(&all, None), Ok("Ipv4(10.0.0.1) 80".to_owned()));
        assert!(found(3, 4).is_err_and(|reason| reason.starts_with("it has neither")));
    }

    #[test]
    fn a_wrong_address_is_not_passed_over_for_another() {
        let wrong = at(&[(IPV4, "10.0.0.256"), (IPV6, "fd00::1")], Some(80));
        let reason = r#"its AWS_INSTANCE_IPV4 is "10.0.0.256", which is not an IPv4 address"#;
        assert_eq!(wrong, Err(reason.to_owned()));
        let wrong = at(&[(CNAME, "a b")], Some(80));
        let reason = r#"its AWS_INSTANCE_CNAME is "a b", which is not a DNS name"#;
        assert_eq!(wrong, Err(reason.to_owned()));
    }

    #[test]
    fn a_port_is_in_digits() {
        for port in ["", "0", "65536", "+80", "8 0", "http"] {
            assert!(
                at(&[(IPV4, "10.0.0.1"), (PORT, port)], None).is_err(),
                "{port}"
            );
        }
        assert!(at(&[(IPV4, "10.0.0.1")], None).is_err());
        assert!(at(&[(IPV4, "10.0.0.1"), (PORT, "65535")], None).is_ok());
    }
}
