//! Lines of the access log that the shipped templates have Envoy write, and what its flags mean.

use serde_json::Value;

/// What a line says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The port of the listener that took it, if the line says one.
    pub port: Option<u16>,
    /// The method.
    pub method: &'a str,
    /// The path, without its query.
    pub path: &'a str,
    /// What was answered.
    pub status: &'a str,
    /// Envoy's response flags.
    pub flags: Vec<&'a str>,
    /// The cluster that it was sent to, if it was.
    pub cluster: Option<&'a str>,
    /// The endpoint that it was sent to, if it was.
    pub endpoint: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// Reads a line.
    pub fn read(text: &'a str) -> Option<Self> {
        let (before, rest) = text.trim().split_once(" \"")?;
        let (request, rest) = rest.rsplit_once("\" ")?;
        let local = before.rsplit(' ').next()?;
        let port = local
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        let (method, target) = request.split_once(' ')?;
        let (path, _) = target.rsplit_once(' ')?;
        let mut words = rest.split(' ');
        let (status, flags) = (words.next()?, words.next()?);
        let sent = words.find_map(|word| word.strip_prefix("to="))?;
        let (cluster, endpoint) = sent.split_once('@').unwrap_or((sent, "-"));
        let known = |text: &'a str| (text != "-" && !text.is_empty()).then_some(text);
        Some(Self {
            port,
            method,
            path,
            status,
            flags: flags.split(',').filter(|flag| *flag != "-").collect(),
            cluster: known(cluster),
            endpoint: known(endpoint),
        })
    }
}

/// A line of the shipped access log in JSON, as the text that the shipped format makes of the same request.
pub fn text_of_json(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line.trim()).ok()?;
    let of = |name: &str| match line.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => "-".to_owned(),
    };
    line.get("path")?;
    let [caller, listener] = ["caller", "listener"].map(of);
    let [method, path, protocol] = ["method", "path", "protocol"].map(of);
    let [status, flags, duration] = ["status", "flags", "duration_ms"].map(of);
    let [bytes_in, bytes_out] = ["bytes_in", "bytes_out"].map(of);
    let [cluster, endpoint] = ["cluster", "endpoint"].map(of);
    Some(format!(
        "[{}] {caller} > {listener} \"{method} {path} {protocol}\" {status} {flags} {duration}ms \
         in={bytes_in} out={bytes_out} to={cluster}@{endpoint} id={}",
        of("time"),
        of("request_id"),
    ))
}

/// The response flags of Envoy, and what each says.
const FLAGS: [(&str, &str); 27] = [
    (
        "DC",
        "the caller closed the connection before the answer was complete",
    ),
    ("DF", "the name of the endpoint could not be resolved"),
    ("DI", "a delay was put in on purpose (fault injection)"),
    ("DPE", "the caller broke the rules of HTTP"),
    (
        "DT",
        "the request or its connection lasted longer than it may",
    ),
    ("FI", "the answer was put in on purpose (fault injection)"),
    ("IH", "a header that has to be strict has a wrong value"),
    ("LH", "the proxy's own health check failed"),
    ("LR", "the proxy itself reset the connection"),
    ("NC", "the route names a cluster that is not there"),
    ("NFCF", "the cluster could not be found on demand"),
    ("NR", "no route takes the request"),
    ("OM", "the proxy is overloaded, and shed the request"),
    ("DO", "the proxy is overloaded, and dropped the request"),
    ("RFCF", "the filters of the request could not be made"),
    ("RL", "a rate limit refused the request"),
    ("RLSE", "the rate limit service failed"),
    (
        "SI",
        "the caller or the endpoint was idle for too long in a stream",
    ),
    ("UAEX", "an authorization service refused the request"),
    (
        "UC",
        "the endpoint closed the connection before it had answered, as apps do with idle ones",
    ),
    (
        "UF",
        "no connection to the endpoint could be made: nothing listens there, or it is out of reach",
    ),
    (
        "UH",
        "the cluster has no healthy endpoint: none at all, or all are put aside",
    ),
    ("UMSDR", "the request lasted longer than its route lets it"),
    (
        "UO",
        "the cluster is at its limit of connections or requests (circuit breaker)",
    ),
    ("UPE", "the endpoint broke the rules of HTTP"),
    ("UR", "the endpoint reset the request"),
    (
        "URX",
        "the request was tried as often as its route lets it, and each try failed",
    ),
];

/// What a response flag says.
pub fn flag(name: &str) -> Option<&'static str> {
    if name == "UT" {
        return Some("the endpoint did not answer in the time that the route gives it");
    }
    let found = FLAGS.iter().find(|(known, _)| *known == name);
    found.map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_shipped_format_is_read() {
        let text = "[2026-11-26T21:12:05.016Z] 127.0.0.1:51184 > 127.0.0.1:28080 \"GET /b \\\"x\\\" HTTP/1.1\" \
                    503 URX,UF 38ms in=0 out=121 to=c-hello-green-3002@127.0.0.1:3002 id=ce8e3bd6\n";
        let line = Line::read(text).unwrap();
        assert_eq!(
            line,
            Line {
                port: Some(28080),
                method: "GET",
                path: "/b \\\"x\\\"",
                status: "503",
                flags: vec!["URX", "UF"],
                cluster: Some("c-hello-green-3002"),
                endpoint: Some("127.0.0.1:3002"),
            }
        );
        let text = "[x] 127.0.0.1:1 > [::1]:80 \"GET / HTTP/1.1\" 404 - 0ms in=0 out=0 to=-@- id=-";
        let line = Line::read(text).unwrap();
        assert_eq!(
            (line.port, line.flags, line.cluster),
            (Some(80), vec![], None)
        );
        assert_eq!(Line::read("GET / 200"), None);
    }

    #[test]
    fn a_line_in_json_says_the_same() {
        let line = r#"{"time":"2026-11-26T21:12:05.016Z","caller":"127.0.0.1:51184","listener":"127.0.0.1:28080","method":"GET",
            "path":"/b \"x\"","protocol":"HTTP/1.1","status":503,"flags":"URX,UF","duration_ms":38,"bytes_in":0,"bytes_out":121,
            "cluster":"c-hello-green-3002","endpoint":null,"request_id":"ce8e3bd6","trace_id":null}"#;
        let text = text_of_json(line).unwrap();
        let expected = "[2026-11-26T21:12:05.016Z] 127.0.0.1:51184 > 127.0.0.1:28080 \"GET /b \"x\" HTTP/1.1\" \
                        503 URX,UF 38ms in=0 out=121 to=c-hello-green-3002@- id=ce8e3bd6";
        assert_eq!(text, expected);
        let read = Line::read(&text).unwrap();
        assert_eq!((read.path, read.endpoint), ("/b \"x\"", None));
        for other in ["{}", "GET", "[1]", "{"] {
            assert_eq!(text_of_json(other), None, "{other}");
        }
    }

    #[test]
    fn every_flag_has_a_meaning() {
        assert!(FLAGS.iter().all(|(name, _)| flag(name).is_some()));
        assert!(flag("UT").is_some());
        assert_eq!(flag("XX"), None);
    }
}
