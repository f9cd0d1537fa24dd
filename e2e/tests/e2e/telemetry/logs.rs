//! The access log as JSON, in one's own format, and switched off.

use super::{gateway, json_line, mesh, service, wait_says};
use e2e::{
    eventually,
    mesh::{Backend, Plan},
    oldest_envoy,
};
use serde_json::{Value, json};

const KIND: &str = "NJ_PROXY_PROP_ACCESS_LOG";
const FORMAT: &str = "NJ_PROXY_PROP_ACCESS_LOG_FORMAT";

/// A line without what differs from run to run.
fn steady(mut line: Value) -> Value {
    let members = line.as_object_mut().unwrap();
    for name in ["time", "caller", "listener", "duration_ms", "endpoint"] {
        assert!(members.remove(name).is_some(), "{name} in {members:?}");
    }
    line
}

fn json_log_of(plan: impl Fn(Plan) -> Plan) {
    let shop = Backend::start("shop", "blue");
    let map = mesh(
        &[service("shop", shop.port)],
        &json!({"access-log": "json"}),
    );
    let proxy = plan(gateway(&map)).start();
    let line = |id: &str, path: &str| {
        proxy.get_with(path, &[("x-request-id", id)]);
        steady(json_line(&proxy, id))
    };
    let common = |id: &str, path: &str, answer: Value| {
        let mut line = json!({
            "namespace": "n1", "proxy": "gateway", "method": "GET", "host": "mesh.test",
            "protocol": "HTTP/1.1", "bytes_in": 0, "flags": "-", "trace_id": null,
            "request_id": id, "path": path,
        });
        let members = line.as_object_mut().unwrap();
        members.extend(answer.as_object().unwrap().clone());
        line
    };
    // The service itself does not take such quotes. A query may hold a secret, so no line has it.
    assert_eq!(
        line("served", "/shop/who?a=\"b\"&secret=7"),
        common(
            "served",
            "/shop/who",
            json!({
                "status": 400, "details": "via_upstream", "bytes_out": 0, "route": "/shop/",
                "denied_by": null, "cluster": "c-shop-blue-1",
            })
        )
    );
    // Nightjar closes this one, and nobody has the other.
    assert_eq!(
        line("denied", "/shop/secret/x"),
        common(
            "denied",
            "/shop/secret/x",
            json!({
                "status": 404, "details": "direct_response", "bytes_out": 0, "route": "/shop/secret/",
                "denied_by": "private route", "cluster": null,
            })
        )
    );
    assert_eq!(
        line("unknown", "/nowhere"),
        common(
            "unknown",
            "/nowhere",
            json!({
                "status": 404, "flags": "NR", "details": "route_not_found", "bytes_out": 0, "route": null,
                "denied_by": null, "cluster": null,
            })
        )
    );
}

#[test]
fn a_json_line_names_route_and_what_denied_it() {
    json_log_of(|plan| plan);
}

#[test]
fn a_json_line_of_the_oldest_envoy_is_the_same() {
    json_log_of(|plan| plan.env("ENVOY_EXEC", oldest_envoy().display()));
}

#[test]
fn a_line_is_what_the_format_makes_of_it() {
    let shop = Backend::start("shop", "blue");
    // The proxy's own format comes before what the map says.
    let map = mesh(
        &[service("shop", shop.port)],
        &json!({"access-log": "json"}),
    );
    let format = r#"MINE "%REQ(:METHOD)%" \ {{%PATH(WQ:ORIG_OR_PATH)%}} 100%% %REQ(X-LONG):3%"#;
    let proxy = gateway(&map).env(FORMAT, format).start();
    proxy.get_with("/shop/who?a=1", &[("x-long", "abcdef")]);
    let line = eventually("the access log", || {
        let log = proxy.log();
        let line = log.lines().find(|line| line.starts_with("MINE"));
        line.map(str::to_owned)
    });
    assert_eq!(line, r#"MINE "GET" \ {{/shop/who?a=1}} 100% abc"#);
}

#[test]
fn a_format_that_envoy_refuses_is_told_by_its_name() {
    let shop = Backend::start("shop", "blue");
    let map = mesh(&[service("shop", shop.port)], &json!({}));
    // It is not a command's form: a fault of the settings.
    let proxy = gateway(&map).env(FORMAT, "100%").prepare();
    let (code, _, told) = proxy.run(&["--once"]);
    assert_eq!((code, told.contains(FORMAT)), (Some(64), true), "{told}");
    // It is, and Envoy has no such command.
    let proxy = gateway(&map).env(FORMAT, "a %NO_SUCH_COMMAND% b").launch();
    wait_says(&proxy, 503, FORMAT);
}

#[test]
fn only_the_proxy_itself_can_silence_its_log() {
    let shop = Backend::start("shop", "blue");
    let map = mesh(
        &[service("shop", shop.port)],
        &json!({"access-log": "none"}),
    );
    let loud = gateway(&map).start();
    let silent = gateway(&map).env(KIND, "none").start();
    for proxy in [&loud, &silent] {
        proxy.get_with("/shop/who", &[("x-request-id", "asked")]);
    }
    let is_logged = |log: &str| log.lines().any(|line| line.ends_with("id=asked"));
    eventually("the access log", || is_logged(&loud.log()).then_some(()));
    assert!(
        loud.log()
            .contains("can be `none` only in a proxy's own environment")
    );
    // A stop writes what is left of a log.
    let mut silent = silent;
    silent.process().stop();
    assert!(!is_logged(&silent.log()), "{}", silent.log());
}
