//! Where an instance listens.

use crate::discovery_cache::Instance;
use nightjar_core::document::discovery_map::{Host, HostPort, Port};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const IPV4: &str = "AWS_INSTANCE_IPV4";
const IPV6: &str = "AWS_INSTANCE_IPV6";
const CNAME: &str = "AWS_INSTANCE_CNAME";
const PORT: &str = "AWS_INSTANCE_PORT";

const LOCALHOST: &str = "localhost";

/// The attributes that tell.
pub(crate) const ATTRIBUTES: [&str; 4] = [IPV4, IPV6, CNAME, PORT];

const REGISTER: &str = "register it with AWS_INSTANCE_IPV4, AWS_INSTANCE_IPV6 or \
                        AWS_INSTANCE_CNAME, and with AWS_INSTANCE_PORT unless NJ_ROUTE_PORT is set";
const REACHABLE: &str = "register an address that other machines reach, or set \
                         NJ_DMCM_ALLOW_LOOPBACK=true for a mesh on one machine";

/// Why it is not known where an instance listens, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unplaced {
    pub(crate) reason: String,
    pub(crate) remedy: &'static str,
}

impl From<String> for Unplaced {
    fn from(reason: String) -> Self {
        let remedy = REGISTER;
        Self { reason, remedy }
    }
}

/// Where an instance listens, at `port` or else at its own.
pub(crate) fn place(
    instance: &Instance,
    port: Option<Port>,
    allow_loopback: bool,
) -> Result<HostPort, Unplaced> {
    let (name, host) = host(instance)?;
    if let Some((kind, is_loopback)) = unreachable(&host)
        && !(is_loopback && allow_loopback)
    {
        let host = match host {
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
            Host::Name(name) => name.to_string(),
        };
        return Err(Unplaced {
            reason: format!("its {name} is {host}, {kind}, which no other machine reaches"),
            remedy: REACHABLE,
        });
    }
    let port = match port {
        Some(port) => port,
        None => own_port(instance)?,
    };
    Ok(HostPort { host, port })
}

/// The attribute that holds the address, and the address.
fn host(instance: &Instance) -> Result<(&'static str, Host), String> {
    let get = |name| instance.attributes.get(name).map(|value| value.trim());
    if let Some(text) = get(IPV4) {
        let ip: Result<Ipv4Addr, _> = text.parse();
        let ip = ip.map_err(|_| wrong(IPV4, text, "an IPv4 address"))?;
        return Ok((IPV4, Host::Ipv4(ip)));
    }
    if let Some(text) = get(IPV6) {
        let ip: Result<Ipv6Addr, _> = text.parse();
        let ip = ip.map_err(|_| wrong(IPV6, text, "an IPv6 address"))?;
        return Ok((IPV6, Host::Ipv6(ip)));
    }
    let text = get(CNAME).ok_or_else(|| format!("it has neither {IPV4}, {IPV6} nor {CNAME}"))?;
    let name = text.parse().ok().filter(|_| !ends_in_number(text));
    let name = name.ok_or_else(|| wrong(CNAME, text, "a DNS name"))?;
    Ok((CNAME, Host::Name(name)))
}

/// Resolvers take `127.1` or `0x7f000001` for an address, and no domain ends in a number.
fn ends_in_number(name: &str) -> bool {
    let last = name.trim_end_matches('.').rsplit('.').next();
    let last = last.unwrap_or_default().to_ascii_lowercase();
    let is_hexadecimal = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit())
}

/// What kind of address no other machine reaches this is, and whether it is a loopback address.
fn unreachable(host: &Host) -> Option<(&'static str, bool)> {
    let ip = match host {
        Host::Ipv4(ip) => IpAddr::V4(*ip),
        // An IPv4 address in IPv6's form is judged as what it stands for.
        Host::Ipv6(ip) => ip.to_canonical(),
        Host::Name(name) => {
            let name = name.to_string();
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let is_local = name == LOCALHOST || name.ends_with(".localhost");
            return is_local.then_some(("this machine's own name", true));
        }
    };
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    if ip.is_loopback() {
        Some(("a loopback address", true))
    } else if ip.is_unspecified() {
        Some(("the unspecified address", false))
    } else if is_link_local {
        Some(("a link-local address", false))
    } else if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some(("a multicast or broadcast address", false))
    } else {
        None
    }
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
    use std::collections::BTreeMap;

    fn at(attributes: &[(&str, &str)], port: Option<u16>) -> Result<String, String> {
        let attributes = attributes.iter();
        let instance = Instance {
            id: "i-1".to_owned(),
            is_healthy: true,
            attributes: attributes
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        place(&instance, port.and_then(Port::new), false)
            .map(|place| format!("{:?} {}", place.host, place.port))
            .map_err(|unplaced| unplaced.reason)
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
    #[test]
    fn what_no_other_machine_reaches_is_told() {
        let kind = |name: &str, value: &str| {
            let found = at(&[(name, value)], Some(80)).err()?;
            let kind = found.strip_suffix(", which no other machine reaches")?;
            Some(kind.rsplit(", ").next()?.to_owned())
        };
        let loopback = Some("a loopback address".to_owned());
        let unspecified = Some("the unspecified address".to_owned());
        let link_local = Some("a link-local address".to_owned());
        let multicast = Some("a multicast or broadcast address".to_owned());
        let own_name = Some("this machine's own name".to_owned());
        for (name, value, expected) in [
            (IPV4, "127.0.0.1", &loopback),
            (IPV4, "127.255.255.254", &loopback),
            (IPV6, "::1", &loopback),
            (IPV6, "::ffff:127.0.0.1", &loopback),
            (IPV4, "0.0.0.0", &unspecified),
            (IPV6, "::", &unspecified),
            (IPV6, "::ffff:0.0.0.0", &unspecified),
            (IPV4, "169.254.169.254", &link_local),
            (IPV6, "fe80::1", &link_local),
            (IPV6, "febf::1", &link_local),
            (IPV4, "224.0.0.1", &multicast),
            (IPV4, "255.255.255.255", &multicast),
            (IPV6, "ff02::1", &multicast),
            (CNAME, "localhost", &own_name),
            (CNAME, "LOCALHOST.", &own_name),
            (CNAME, "app.localhost", &own_name),
            (IPV4, "10.0.0.1", &None),
            (IPV4, "126.0.0.1", &None),
            (IPV6, "fec0::1", &None),
            (IPV6, "fd00::1", &None),
            (CNAME, "localhost.example.com", &None),
            (CNAME, "notlocalhost", &None),
        ] {
            assert_eq!(&kind(name, value), expected, "{name}={value}");
        }
    }

    #[test]
    fn a_name_is_not_an_address_in_disguise() {
        for name in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0",
            "0x7f000001",
            "app.0X7f",
            "a.1.",
        ] {
            let found = at(&[(CNAME, name)], Some(80));
            assert!(
                found.is_err_and(|reason| reason.ends_with("not a DNS name")),
                "{name}"
            );
        }
        for name in ["i-0", "app.0xg", "1.example"] {
            assert!(at(&[(CNAME, name)], Some(80)).is_ok(), "{name}");
        }
    }

    #[test]
    fn loopback_addresses_may_be_allowed_and_nothing_else() {
        let is_placed = |name: &str, value: &str| {
            let attributes = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            let instance = Instance {
                id: String::new(),
                is_healthy: true,
                attributes,
            };
            place(&instance, Port::new(80), true).is_ok()
        };
        for (name, value) in [(IPV4, "127.0.0.2"), (IPV6, "::1"), (CNAME, "localhost")] {
            assert!(is_placed(name, value), "{value}");
        }
        for (name, value) in [(IPV4, "0.0.0.0"), (IPV4, "169.254.1.1"), (IPV6, "ff02::1")] {
            assert!(!is_placed(name, value), "{value}");
        }
    }
}
