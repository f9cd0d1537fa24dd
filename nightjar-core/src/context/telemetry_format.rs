//! The forms of properties that say where telemetry goes, and their parts.

use crate::document::{
    discovery_map::{HostName, Port},
    proxy_input::Trace,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A collector of spans, taken apart.
pub(super) fn collector(value: &str) -> Option<Trace> {
    let (kind, address) = value.split_once("://")?;
    let mut trace = Trace::default();
    match kind {
        "otlp" => trace.is_otlp = true,
        "zipkin" => trace.is_zipkin = true,
        "datadog" => trace.is_datadog = true,
        "xray" => {
            // Envoy sends datagrams to addresses alone.
            let address = ip_and_port(address)?;
            trace.is_xray = true;
            (trace.host, trace.port) = (address.ip().to_string(), address.port());
            return Some(trace);
        }
        _ => return None,
    }
    trace.is_collector_cluster = true;
    (trace.host, trace.port) = host_and_port(address)?;
    trace.host_is_name = trace.host.parse::<IpAddr>().is_err();
    Some(trace)
}

/// An IP address and a port; `localhost` is 127.0.0.1.
pub(super) fn ip_and_port(value: &str) -> Option<SocketAddr> {
    let (host, port) = host_and_port(value)?;
    let host = if host.eq_ignore_ascii_case("localhost") {
        Ipv4Addr::LOCALHOST.into()
    } else {
        host.parse().ok()?
    };
    Some(SocketAddr::new(host, port))
}

/// A host without brackets, and a port.
fn host_and_port(value: &str) -> Option<(String, u16)> {
    let (host, port) = value.rsplit_once(':')?;
    let port: Port = port.parse().ok()?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().ok()?.to_string(),
        None => host.parse::<HostName>().ok()?.to_string(),
    };
    Some((host, port.get()))
}

/// Whether each `%` of an access log's format begins or ends a command, or is doubled. Which commands
/// there are is Envoy's to say.
pub(super) fn is_log_format(value: &str) -> bool {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('%') {
        rest = match after.strip_prefix('%') {
            Some(after) => after,
            None => match after_command(after) {
                Some(after) => after,
                None => return false,
            },
        };
    }
    !value.trim().is_empty() && !value.chars().any(char::is_control)
}

/// What follows a command: a name, perhaps with arguments in brackets, perhaps a length.
fn after_command(text: &str) -> Option<&str> {
    let is_name =
        |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    let rest = text.trim_start_matches(is_name);
    if rest.len() == text.len() {
        return None;
    }
    match rest.strip_prefix('(') {
        // The first `)` that can end the command does, as for Envoy: others belong to the arguments.
        Some(arguments) => arguments
            .match_indices(')')
            .find_map(|(at, _)| after_arguments(arguments.get(at + 1..)?)),
        None => after_arguments(rest),
    }
}

/// What follows the end of a command: perhaps a length, and `%`.
fn after_arguments(text: &str) -> Option<&str> {
    let rest = match text.strip_prefix(':') {
        Some(length) => {
            let rest = length.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if rest.len() == length.len() {
                return None;
            }
            rest
        }
        None => text,
    };
    rest.strip_prefix('%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::ValueFormat;

    #[test]
    fn a_collector_is_taken_apart() {
        let parts = |value: &str| {
            let trace = collector(value)?;
            let kinds = [
                trace.is_otlp,
                trace.is_zipkin,
                trace.is_datadog,
                trace.is_xray,
            ];
            assert_eq!(kinds.iter().filter(|is| **is).count(), 1, "{value}");
            assert_eq!(trace.is_collector_cluster, !trace.is_xray, "{value}");
            Some((trace.host, trace.port, trace.host_is_name))
        };
        let is = |host: &str, port, is_name| Some((host.to_owned(), port, is_name));
        for (value, expected) in [
            ("otlp://otel.test:4317", is("otel.test", 4317, true)),
            ("zipkin://10.0.0.1:9411", is("10.0.0.1", 9411, false)),
            ("datadog://[::1]:8126", is("::1", 8126, false)),
            ("xray://localhost:2000", is("127.0.0.1", 2000, false)),
            ("xray://[fd00::1]:2000", is("fd00::1", 2000, false)),
            // Envoy does not look up the name of an X-Ray daemon.
            ("xray://xray.test:2000", None),
            ("otlp://otel.test", None),
            ("otlp://otel.test:0", None),
            ("otlp://otel.test:4317/v1", None),
            ("otlp://user@otel.test:4317", None),
            ("otlp://::1:4317", None),
            ("jaeger://10.0.0.1:1", None),
            ("OTLP://10.0.0.1:1", None),
            ("10.0.0.1:1", None),
            ("", None),
        ] {
            assert_eq!(parts(value), expected, "{value}");
        }
    }

    #[test]
    fn an_address_of_datagrams_is_no_name() {
        let text = |value: &str| ip_and_port(value).map(|address| address.to_string());
        for (value, expected) in [
            ("127.0.0.1:8125", Some("127.0.0.1:8125")),
            ("LocalHost:8125", Some("127.0.0.1:8125")),
            ("[0::1]:8125", Some("[::1]:8125")),
            ("statsd.test:8125", None),
            ("127.0.0.1", None),
            ("127.0.0.1:65536", None),
        ] {
            assert_eq!(text(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_log_format_has_whole_commands() {
        for good in [
            "%RESPONSE_CODE%",
            "a %REQ(X-A?:PATH):20% 100%% \"b\"",
            "%START_TIME(%Y-%m)%",
            "%START_TIME(%s(%f))%:%PROTOCOL%",
            "%CEL(request.headers['x'])%",
            "%CEL(string(request.id)):5% %PROTOCOL%",
            "no command",
        ] {
            assert!(is_log_format(good), "{good}");
        }
        for bad in [
            "",
            " ",
            "100%",
            "%REQ(X-A%",
            "%CEL(string(x)",
            "%CEL(string(x)%%",
            "%REQ(a))b% 100%",
            "%REQ(a)%b)%",
            "%REQ(a):%",
            "%req(a)%",
            "%A:%",
            "% A%",
            "a\nb",
            "%()%",
        ] {
            assert!(!is_log_format(bad), "{bad}");
        }
    }

    fn check(format: ValueFormat, cases: &[(&str, &str)]) {
        for (value, expected) in cases {
            let normalised = format.normalise(value);
            assert_eq!(normalised.as_deref().unwrap_or("-"), *expected, "{value}");
        }
    }

    #[test]
    fn words_of_the_proxy_are_written_in_lower_case() {
        check(
            ValueFormat::HealthCheckProtocol,
            &[("gRPC", "grpc"), ("tcp", "tcp"), ("http2", "-"), ("", "-")],
        );
        check(
            ValueFormat::AccessLog,
            &[("JSON", "json"), ("none", "none"), ("off", "-")],
        );
        check(
            ValueFormat::AccessLogFormat,
            &[("%PROTOCOL%\n", "%PROTOCOL%"), ("50%", "-"), ("\n", "-")],
        );
        check(
            ValueFormat::WholePercent,
            &[("0", "0"), ("100", "100"), ("101", "-"), ("1.5", "-")],
        );
        check(
            ValueFormat::Port,
            &[("09102", "9102"), ("0", "-"), ("65536", "-"), ("x", "-")],
        );
    }
}
