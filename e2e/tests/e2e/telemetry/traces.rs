//! One trace over gateway, sidecar and service, for each kind of collector.
//!
//! A request goes through a gateway to the service `front`, which calls the service `back` through its
//! sidecar with the headers that it got, as an app does that passes a trace on.

use super::{gateway, json_line, mesh, plan, service};
use e2e::{
    collector::Collector,
    eventually,
    mesh::{Backend, Plan, Proxy},
    oldest_envoy,
};
use serde_json::{Value, json};
use std::path::Path;

const ONE: &str = "5d3c8a3e-0b51-4b2f-8f39-3f5a0f6a7c11";
const MORE: &str = "0f9d1c55-7a44-4e0a-9a53-9f0f2f1c2b22";
/// A query that nobody who sees spans may see.
const QUERY: &str = "?token=hunter2";

/// Gateway and sidecar that send their spans to one collector.
struct Traced {
    gateway: Proxy,
    sidecar: Proxy,
    _services: [Backend; 2],
}

/// The headers of a trace, as the services got them.
struct Headers {
    at_front: Value,
    at_back: Value,
}

impl Traced {
    fn start(collector: &str, envoy: Option<&Path>, percent: &str) -> Self {
        let services = ["front", "back"].map(|name| Backend::start(name, "blue"));
        let entries = services.each_ref().map(|backend| backend.port);
        let entries = [service("front", entries[0]), service("back", entries[1])];
        let properties = json!({"trace-percent": percent, "access-log": "json"});
        let map = mesh(&entries, &properties);
        let own = |plan: Plan| {
            let plan = plan.env("NJ_PROXY_PROP_TRACE_TO", collector);
            match envoy {
                Some(envoy) => plan.env("ENVOY_EXEC", envoy.display()),
                None => plan,
            }
        };
        let (gateway, sidecar) = (gateway(&map), Plan::sidecar("n1", "front", "blue", &map));
        let (gateway, sidecar) = (own(gateway).launch(), own(plan(sidecar)).launch());
        gateway.wait_ready();
        sidecar.wait_ready();
        Self {
            gateway,
            sidecar,
            _services: services,
        }
    }

    /// One request through both, whose trace goes on in the headers of these names. Envoy draws lots by
    /// the id, so that has to be a UUID.
    fn request(&self, id: &str, passed_on: &[&str]) -> Headers {
        let echoed = |answer: e2e::http::Answer| {
            let echo: Value = serde_json::from_str(&answer.body).unwrap();
            echo["headers"].clone()
        };
        let id = ("x-request-id", id);
        let at_front = echoed(self.gateway.get_with(&format!("/front/echo{QUERY}"), &[id]));
        let passed_on: Vec<(&str, &str)> = passed_on
            .iter()
            .filter_map(|name| Some((*name, at_front[*name].as_str()?)))
            .chain([id])
            .collect();
        let at_back = echoed(
            self.sidecar
                .get_with(&format!("/back/echo{QUERY}"), &passed_on),
        );
        // An app may have its own use for the id.
        assert_eq!(
            [&at_front, &at_back].map(|at| &at["x-request-id"]),
            [id.1; 2]
        );
        Headers { at_front, at_back }
    }

    /// The id of the trace in the access logs of both.
    fn logged(&self, id: &str) -> [String; 2] {
        [&self.gateway, &self.sidecar].map(|proxy| {
            let line = json_line(proxy, id);
            line["trace_id"].as_str().unwrap_or_default().to_owned()
        })
    }
}

/// That spans name what was asked for, without its query.
fn assert_no_query(collector: &Collector, paths: [&str; 2]) {
    for path in paths {
        collector.wait_for(&[path.as_bytes()]);
    }
    for sent in collector.kept() {
        let text = String::from_utf8_lossy(&sent);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// The URLs of the requests, as most spans have them.
const URLS: [&str; 2] = ["http://mesh.test/front/echo", "http://mesh.test/back/echo"];

/// Lets both Envoys that the shipped templates have to suit send all spans to a collector of their own.
fn with_each_envoy(to: &str, collector: fn() -> Collector, test: impl Fn(&Traced, &Collector)) {
    for envoy in [None, Some(oldest_envoy())] {
        let collector = collector();
        let to = format!("{to}:{}", collector.port);
        test(&Traced::start(&to, envoy.as_deref(), "100"), &collector);
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn otlp() {
    with_each_envoy(
        "otlp://localhost",
        || Collector::grpc(&[]),
        |traced, collector| {
            let headers = traced.request(ONE, &["traceparent", "tracestate"]);
            let parts = |headers: &Value| -> Vec<String> {
                let text = headers["traceparent"].as_str().unwrap();
                text.split('-').map(str::to_owned).collect()
            };
            let (front, back) = (parts(&headers.at_front), parts(&headers.at_back));
            assert_eq!((&front[1], &*front[3]), (&back[1], "01"));
            assert_eq!(traced.logged(ONE), [front[1].clone(), front[1].clone()]);
            // Each sends the span that the service behind it sees, under its own name. The sidecar's hangs from
            // the gateway's.
            let [trace, of_gateway, of_sidecar] =
                [&front[1], &front[2], &back[2]].map(|id| bytes(id));
            collector.wait_for(&[b"gateway", &trace, &of_gateway]);
            collector.wait_for(&[b"front-blue", &trace, &of_sidecar, &of_gateway]);
            assert_no_query(collector, URLS);
        },
    );
}

#[test]
fn zipkin() {
    with_each_envoy(
        "zipkin://127.0.0.1",
        Collector::http,
        |traced, collector| {
            let passed_on = [
                "x-b3-traceid",
                "x-b3-spanid",
                "x-b3-parentspanid",
                "x-b3-sampled",
            ];
            let headers = traced.request(ONE, &passed_on);
            // Envoy sends five spans at once.
            for _ in 0..4 {
                traced.request(MORE, &[]);
            }
            let text = |headers: &Value, name: &str| headers[name].as_str().unwrap().to_owned();
            let trace = text(&headers.at_front, "x-b3-traceid");
            assert_eq!(text(&headers.at_back, "x-b3-traceid"), trace);
            assert_eq!(traced.logged(ONE), [trace.clone(), trace.clone()]);
            let span_of = |id: &str| {
                let span = eventually("the span", || {
                    let kept = collector.kept();
                    let mut spans = kept
                        .iter()
                        .flat_map(|sent| serde_json::from_slice::<Vec<Value>>(sent).unwrap());
                    spans.find(|span| span["id"] == id)
                });
                let name = span["localEndpoint"]["serviceName"].clone();
                (span["traceId"].clone(), span["parentId"].clone(), name)
            };
            let spans = [&headers.at_front, &headers.at_back].map(|at| text(at, "x-b3-spanid"));
            let of_gateway = span_of(&spans[0]);
            assert_eq!(of_gateway, (json!(trace), Value::Null, json!("gateway")));
            let of_sidecar = span_of(&spans[1]);
            assert_eq!(
                of_sidecar,
                (json!(trace), json!(spans[0]), json!("front-blue"))
            );
            assert_no_query(collector, URLS);
        },
    );
}

#[test]
fn datadog() {
    with_each_envoy(
        "datadog://127.0.0.1",
        Collector::http,
        |traced, collector| {
            let passed_on = [
                "x-datadog-trace-id",
                "x-datadog-parent-id",
                "x-datadog-sampling-priority",
                "x-datadog-tags",
            ];
            let headers = traced.request(ONE, &passed_on);
            let number = |headers: &Value, name: &str| -> u64 {
                headers[name].as_str().unwrap().parse().unwrap()
            };
            let trace = number(&headers.at_front, "x-datadog-trace-id");
            // Of what is to be kept. What is not has 0 or less.
            assert_eq!(number(&headers.at_front, "x-datadog-sampling-priority"), 1);
            assert_eq!(number(&headers.at_back, "x-datadog-trace-id"), trace);
            // MessagePack writes numbers of this size as 0xcf and eight bytes.
            let packed = |number: u64| [&[0xcf][..], &number.to_be_bytes()].concat();
            for (headers, name) in [
                (&headers.at_front, "gateway"),
                (&headers.at_back, "front-blue"),
            ] {
                let span = number(headers, "x-datadog-parent-id");
                collector.wait_for(&[name.as_bytes(), &packed(trace), &packed(span)]);
            }
            assert_no_query(collector, URLS);
        },
    );
}

/// Whatever an X-Ray daemon got: one segment a datagram, below a line of its own.
fn segments(collector: &Collector) -> Vec<Value> {
    let kept = collector.kept();
    let segments = kept.iter().map(|datagram| {
        let text = String::from_utf8_lossy(datagram);
        let (head, segment) = text.split_once('\n').unwrap();
        assert_eq!(head.replace(' ', ""), r#"{"format":"json","version":1}"#);
        serde_json::from_str(segment).unwrap()
    });
    segments.collect()
}

#[test]
fn xray() {
    with_each_envoy("xray://127.0.0.1", Collector::udp, |traced, collector| {
        let headers = traced.request(ONE, &["x-amzn-trace-id"]);
        let part = |headers: &Value, name: &str| {
            let text = headers["x-amzn-trace-id"].as_str().unwrap();
            let mut parts = text.split(';');
            let value = parts.find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
            value.unwrap().to_owned()
        };
        let trace = part(&headers.at_front, "Root");
        assert_eq!(part(&headers.at_back, "Root"), trace);
        assert_eq!(part(&headers.at_front, "Sampled"), "1");
        assert_eq!(traced.logged(ONE), [trace.clone(), trace.clone()]);
        let parents = [&headers.at_front, &headers.at_back].map(|at| part(at, "Parent"));
        let segment = |id: &str| {
            eventually("the segment", || {
                let all = segments(collector);
                all.into_iter().find(|segment| segment["id"] == id)
            })
        };
        let of_gateway = segment(&parents[0]);
        let seen = (&of_gateway["trace_id"], &of_gateway["name"]);
        assert_eq!(seen, (&json!(trace), &json!("gateway")));
        let of_sidecar = segment(&parents[1]);
        let seen = [
            &of_sidecar["trace_id"],
            &of_sidecar["name"],
            &of_sidecar["parent_id"],
        ];
        assert_eq!(
            seen,
            [&json!(trace), &json!("front-blue"), &json!(parents[0])]
        );
        // What comes first under a name stays there, so the path has its own.
        assert_no_query(collector, ["\"/front/echo\"", "\"/back/echo\""]);
    });
}

/// What says of a request that it is not traced, for each kind.
#[test]
fn nothing_is_sent_of_requests_that_are_not_sampled() {
    let (tcp, udp) = (Collector::http(), Collector::udp());
    for (to, header, value) in [
        (
            format!("zipkin://127.0.0.1:{}", tcp.port),
            "x-b3-sampled",
            "0",
        ),
        (
            format!("xray://127.0.0.1:{}", udp.port),
            "x-amzn-trace-id",
            "Sampled=0",
        ),
    ] {
        let traced = Traced::start(&to, None, "0");
        for _ in 0..6 {
            // A caller cannot ask for more.
            let asked = [("x-client-trace-id", "1"), ("x-envoy-force-trace", "1")];
            let answer = traced.gateway.get_with("/front/echo", &asked);
            let echo: Value = serde_json::from_str(&answer.body).unwrap();
            let told = echo["headers"][header].as_str().unwrap_or_default();
            assert!(told.contains(value), "{header}: {told:?}");
        }
        // Nothing waits to be sent in an Envoy that has ended.
        let Traced { mut gateway, .. } = traced;
        gateway.process().stop();
        assert_eq!((tcp.kept().len(), udp.kept().len()), (0, 0), "{to}");
    }
}

/// A collector that is not there costs no request, and holds back no proxy.
#[test]
fn a_collector_that_is_not_there_holds_nothing_back() {
    let traced = Traced::start("otlp://nowhere.invalid:4317", None, "100");
    let headers = traced.request(ONE, &["traceparent"]);
    assert!(headers.at_back["traceparent"].is_string());
    for proxy in [&traced.gateway, &traced.sidecar] {
        assert_eq!(proxy.ready(), Some((200, "ready\n".to_owned())));
    }
}
