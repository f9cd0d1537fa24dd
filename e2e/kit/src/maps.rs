//! Discovery maps in few words.

use serde_json::{Value, json};

/// A map of these namespaces.
pub fn map(namespaces: &[Value]) -> Value {
    json!({"schema-version": "v1", "document-version": "written by a test", "namespaces": namespaces})
}

/// A namespace without gateways.
pub fn namespace(name: &str, service_colors: &[Value]) -> Value {
    json!({
        "namespace": name, "network-id": name,
        "gateways": {"prefer-gateway": false, "protocol": "HTTP1.1", "instances": []},
        "service-colors": service_colors,
    })
}

/// A service-color on loopback ports, with index 1.
pub fn service_color(service: &str, color: &str, ports: &[u16], routes: &[Value]) -> Value {
    let instances: Vec<Value> = ports
        .iter()
        .map(|port| json!({"ipv4": "127.0.0.1", "port": port}))
        .collect();
    json!({
        "service": service, "color": color, "index": 1, "protocol": "HTTP1.1",
        "instances": instances, "routes": routes, "namespace-egress": [],
    })
}

/// A map with the namespace `n1`, in which one color of `shop` answers everything.
pub fn shop(color: &str, port: u16) -> Value {
    map(&[namespace(
        "n1",
        &[service_color("shop", color, &[port], &[prefix("/")])],
    )])
}

/// The same map with another service, whose host name nobody resolves.
pub fn with_nowhere(mut map: Value) -> Value {
    let nowhere = with(
        service_color("nowhere", "blue", &[], &[prefix("/nowhere")]),
        json!({"instances": [{"hostname": "nowhere.test", "port": 80}]}),
    );
    let list = map.pointer_mut("/namespaces/0/service-colors");
    list.and_then(Value::as_array_mut).unwrap().push(nowhere);
    map
}

/// A mesh of 20,000 instances: 2,000 service-colors of 10, of which all but the last are out of
/// reach. The last is `shop`, with one instance on this port.
pub fn large(port: u16) -> Value {
    let shop = service_color("shop", "blue", &[port], &[prefix("/who")]);
    crowded(2_000, 10, &[shop])
}

/// A mesh of so many service-colors with so many instances each that are out of reach; but the first
/// of `last` takes the place of the last, and the others follow.
pub fn crowded(colors: u16, instances: u8, last: &[Value]) -> Value {
    let color = |number: u16| {
        let address = |instance: u8| format!("10.{}.{}.{instance}", number / 250, number % 250);
        let instances: Vec<Value> = (0..instances)
            .map(|instance| json!({"ipv4": address(instance), "port": 8080}))
            .collect();
        let route = prefix(&format!("/service-{number}/"));
        let color = service_color(&format!("service-{number}"), "blue", &[], &[route]);
        with(color, json!({"instances": instances}))
    };
    let mut all: Vec<Value> = (1..colors).map(color).collect();
    all.extend_from_slice(last);
    map(&[namespace("n1", &all)])
}

/// A public route for a path prefix.
pub fn prefix(path: &str) -> Value {
    json!({
        "path-match": {"match-type": "prefix", "value": path},
        "weight": 1, "default-access": true, "namespace-access": [],
    })
}

/// The same route with other members, such as `{"weight": 5}`.
pub fn with(mut object: Value, members: Value) -> Value {
    if let (Some(object), Value::Object(members)) = (object.as_object_mut(), members) {
        object.extend(members);
    }
    object
}
