//! Properties of routes that do not do what they say, and what is told of them.

use super::{gateway, map, namespace, route, service_color, warnings, with};
use serde_json::{Value, json};

const SHOP: &str = "namespace `n1`, service-color `shop/blue`, index 3000";

fn says(properties: &Value) -> Value {
    json!({ "properties": properties })
}

/// A service-color `shop/<color>` with one route `/shop/`.
fn member(color: &str, weight: u16, properties: &Value) -> Value {
    let shared = with(says(properties), &json!({ "weight": weight }));
    service_color("shop", color, &[route("/shop/", &shared)], &json!({}))
}

/// What the gateway of these is warned of; `copy/blue` takes copies.
fn told(service_colors: &[Value], namespace_says: &Value) -> Vec<String> {
    let idle = route("/copy/", &json!({ "weight": 0 }));
    let copy = service_color("copy", "blue", &[idle], &json!({}));
    let all = [service_colors, &[copy]].concat();
    let map = map(&[with(namespace("n1", &all), &says(namespace_says))]);
    warnings(&map, &gateway())
}

/// The same of routes of `shop/blue`.
fn told_of(routes: &[Value]) -> Vec<String> {
    told(
        &[service_color("shop", "blue", routes, &json!({}))],
        &json!({}),
    )
}

/// The same of one route `/shop/`.
fn told_of_one(properties: &Value) -> Vec<String> {
    told(&[member("blue", 1, properties)], &json!({}))
}

#[test]
fn what_a_canary_alone_says_for_all_is_told() {
    let none = json!({});
    for (name, value) in [
        ("abort-status", "500"),
        ("redirect-to", "https:"),
        ("rate-limit", "1/h"),
        ("delay", "1s"),
        ("mirror-to", "copy/blue"),
    ] {
        let says = json!({ name: value });
        let alone = [member("blue", 99, &none), member("canary", 1, &says)];
        let expected = format!(
            "namespace `n1`: property `{name}` of `shop/canary`, which has weight 1 on route `/shop/`, holds for all of its \
             requests: `shop/blue`, which has weight 99, does not set it; set it there too, or give `shop/canary` a route \
             with a condition"
        );
        assert_eq!(told(&alone, &none), [expected]);
        // Both say it, the greater one does, the namespace does, or neither is greater.
        for (members, namespace_says) in [
            (
                [member("blue", 99, &says), member("canary", 1, &says)],
                &none,
            ),
            (
                [member("blue", 99, &says), member("canary", 1, &none)],
                &none,
            ),
            (
                [member("blue", 99, &none), member("canary", 1, &says)],
                &says,
            ),
            (
                [member("blue", 1, &none), member("canary", 1, &says)],
                &none,
            ),
        ] {
            assert_eq!(told(&members, namespace_says), [""; 0], "{name}");
        }
    }
    // What fills in is no surprise.
    let retries = json!({ "num-retries": "3" });
    let members = [member("blue", 99, &none), member("canary", 1, &retries)];
    assert_eq!(told(&members, &none), [""; 0]);
}

#[test]
fn a_share_that_a_canary_alone_sets_is_told_where_what_it_is_of_is_another_s() {
    let none = json!({});
    for (share, partner, value) in [
        ("abort-percent", "abort-status", "500"),
        ("delay-percent", "delay", "1s"),
        ("mirror-percent", "mirror-to", "copy/blue"),
    ] {
        let (rule, tenth) = (json!({ partner: value }), json!({ share: "10" }));
        let (whole, both) = (
            json!({ share: "100" }),
            json!({ partner: value, share: "10" }),
        );
        let told = |blue: &Value, canary: &Value, namespace_says: &Value| {
            let members = [member("blue", 99, blue), member("canary", 1, canary)];
            told(&members, namespace_says)
        };
        let of_all = format!(
            "namespace `n1`: property `{share}` of `shop/canary`, which has weight 1 on route `/shop/`, holds for all of its \
             requests: `shop/blue`, which has weight 99, does not set it; set it there too, or give `shop/canary` a route \
             with a condition"
        );
        assert_eq!(told(&rule, &tenth, &none), [&*of_all]);
        assert_eq!(told(&none, &tenth, &rule), [&*of_all]);
        // What each of them says differs, or the share belongs to what is told already.
        let differ = told(&both, &json!({ share: "20" }), &none);
        assert!(differ[0].contains("different values"), "{differ:?}");
        let alone = told(&none, &both, &none);
        assert_eq!(alone, [of_all.replace(share, partner)]);
        // The canary's own rule does not count, and its share does.
        let other = if share == "delay-percent" {
            "2s"
        } else {
            value
        };
        let canary = json!({ partner: other, share: "10" });
        let warned = told(&rule, &canary, &none);
        assert!(warned.contains(&of_all), "{warned:?}");
        // All requests, as without it; said by all; for nothing, which is told otherwise.
        assert_eq!(told(&rule, &whole, &none), [""; 0]);
        assert_eq!(told(&rule, &tenth, &tenth), [""; 0]);
        assert_eq!(told(&both, &tenth, &none), [""; 0]);
        let useless = told(&none, &tenth, &none);
        assert_eq!(useless.len(), 1, "{useless:?}");
        assert!(useless[0].contains("has no effect"), "{useless:?}");
    }
}

#[test]
fn a_redirect_without_a_share_is_told() {
    let (none, moved) = (json!({}), json!({ "redirect-to": "https:" }));
    let useless = |reason: &str| {
        format!(
            "{SHOP}: property `redirect-to` of `shop/blue` has no effect on route `/shop/`, of whose requests it takes no \
             share: {reason}"
        )
    };
    let weightless = useless("its weight is 0; give it a weight of at least 1");
    assert_eq!(told(&[member("blue", 0, &moved)], &none), [weightless]);
    let empty = with(member("blue", 1, &moved), &json!({ "instances": [] }));
    let absent = useless("others have instances and it has none; set it for those too");
    let members = [empty.clone(), member("green", 1, &none)];
    assert_eq!(told(&members, &none), [absent]);
    assert_eq!(told(&[empty], &none), [""; 0]);
    // The namespace says it anyway.
    assert_eq!(told(&[member("blue", 0, &none)], &moved), [""; 0]);
}

#[test]
fn a_redirect_to_its_own_route_is_told() {
    let moved = |kind: &str, path: &str, to: &str| {
        let matched = json!({ "path-match": { "match-type": kind, "value": path } });
        route("", &with(matched, &says(&json!({ "redirect-to": to }))))
    };
    let endless = |path: &str, to: &str| {
        format!(
            "{SHOP}: property `redirect-to` leads from route `{path}` to `{to}`, which the same route takes, without end; \
             redirect to another path, or declare a route for that one"
        )
    };
    for (kind, path, to) in [
        ("prefix", "/shop/", "/shop/new/"),
        ("prefix", "/", "308 /new/"),
        ("exact", "/shop", "302 /shop"),
        ("regex", "/shop/.*", "/shop/new"),
    ] {
        let target = to.rsplit(' ').next().unwrap();
        assert_eq!(told_of(&[moved(kind, path, to)]), [endless(path, target)]);
    }
    for (kind, path, to) in [
        ("prefix", "/shop/", "/new/shop/"),
        ("prefix", "/shop/", "https://new.test/shop/"),
        ("exact", "/shop", "/shop/new"),
        ("regex", "/shop/[0-9]+", "/shop/new"),
    ] {
        assert_eq!(told_of(&[moved(kind, path, to)]), [""; 0], "{path} {to}");
    }
    // A narrower route takes it, or the method is another one.
    let routes = [moved("prefix", "/", "/new/"), route("/new/", &json!({}))];
    assert_eq!(told_of(&routes), [""; 0]);
    let post = json!({ "headers": [{ "header-name": ":method", "match-type": "exact", "value": "POST" }] });
    let seen = with(moved("exact", "/shop", "303 /shop"), &post);
    assert_eq!(told_of(&[seen]), [""; 0]);
    let kept = with(moved("exact", "/shop", "307 /shop"), &post);
    assert_eq!(told_of(&[kept]), [endless("/shop", "/shop")]);
}

#[test]
fn retries_that_are_not_done_are_told() {
    let useless = |name: &str| {
        format!(
            "{SHOP}: property `{name}` has no effect on route `/shop/`, whose `num-retries` is 0; remove one of them"
        )
    };
    for (properties, expected) in [
        (
            json!({ "retry-on": "5xx,retriable-status-codes" }),
            vec![format!(
                "{SHOP}: property `retry-on` names `retriable-status-codes` on route `/shop/`, which retries no status; \
                 set property `retry-statuses`"
            )],
        ),
        (
            json!({ "retry-on": "retriable-status-codes", "retry-statuses": "503" }),
            vec![],
        ),
        (
            json!({ "num-retries": "0", "retry-statuses": "503", "retry-back-off": "1s" }),
            vec![useless("retry-back-off"), useless("retry-statuses")],
        ),
        // A single try has this time too.
        (
            json!({ "num-retries": "0", "per-try-timeout": "1s" }),
            vec![],
        ),
    ] {
        assert_eq!(told_of_one(&properties), expected, "{properties}");
    }
    // A route that turns off what its namespace says.
    let off = member("blue", 1, &json!({ "num-retries": "0" }));
    assert_eq!(told(&[off], &json!({ "retry-statuses": "503" })), [""; 0]);
}

#[test]
fn tries_that_make_no_difference_are_told() {
    let place = format!("{SHOP}, route `/shop/`: property");
    for (properties, expected) in [
        (
            json!({ "retry-on": "5xx", "num-retries": "0" }),
            vec![format!(
                "{place} `retry-on` has no effect beside `num-retries` 0; remove one of them"
            )],
        ),
        (
            json!({ "per-try-timeout": "5s", "timeout": "5s" }),
            vec![format!(
                "{place} `per-try-timeout` 5s has no effect beside a `timeout` of 5s, which is not longer; make it shorter"
            )],
        ),
        (
            json!({ "per-try-timeout": "20s" }),
            vec![format!(
                "{SHOP}: property `per-try-timeout` 20s has no effect on route `/shop/`, whose `timeout` of 15s is not \
                 longer; make it shorter, or the time-out longer"
            )],
        ),
        (json!({ "per-try-timeout": "20s", "timeout": "0s" }), vec![]),
        (json!({ "per-try-timeout": "4s", "timeout": "5s" }), vec![]),
    ] {
        assert_eq!(told_of_one(&properties), expected, "{properties}");
    }
    let short = member("blue", 1, &json!({ "timeout": "1s", "num-retries": "0" }));
    let all = json!({ "per-try-timeout": "5s", "retry-on": "5xx" });
    assert_eq!(told(&[short], &all), [""; 0]);
}

/// Envoy removes headers before it sets any.
#[test]
fn a_header_that_one_color_removes_and_another_sets_is_told() {
    for (remove, set) in [
        ("request-header-remove", "request-header-set-x-team"),
        ("response-header-remove", "response-header-set-x-team"),
    ] {
        let (removes, sets) = (json!({ remove: "x-other,X-Team" }), json!({ set: "red" }));
        let members = [member("blue", 1, &removes), member("green", 9, &sets)];
        let expected = format!(
            "{SHOP}: property `{remove}` has no effect on header `x-team` of route `/shop/`, which `{set}` of another \
             service-color sets; remove one of them"
        );
        assert_eq!(told(&members, &json!({})), [expected]);
        let other = json!({ remove: "x-other" });
        let members = [member("blue", 1, &other), member("green", 9, &sets)];
        assert_eq!(told(&members, &json!({})), [""; 0]);
        // What a nearer level says takes the place of the other.
        let one = [member("blue", 1, &removes)];
        assert_eq!(told(&one, &sets), [""; 0]);
    }
}

#[test]
fn a_delay_that_the_idle_time_out_ends_is_told() {
    for (properties, delay, idle) in [
        (json!({ "delay": "5m" }), "300s", Some("300s")),
        (
            json!({ "delay": "2s", "idle-timeout": "1500ms" }),
            "2s",
            Some("1.5s"),
        ),
        (json!({ "delay": "1s", "idle-timeout": "2s" }), "1s", None),
        (
            json!({ "delay": "1h", "idle-timeout": "0s" }),
            "3600s",
            None,
        ),
    ] {
        let expected = idle.map(|idle| {
            format!(
                "{SHOP}: property `delay` {delay} on route `/shop/` is as long as the `idle-timeout` of {idle}, which ends the \
                 delayed requests, or longer; make the delay shorter, or the time-out longer"
            )
        });
        assert_eq!(told_of_one(&properties), Vec::from_iter(expected));
    }
}

#[test]
fn a_route_that_no_preflight_reaches_is_told() {
    let cors = says(&json!({ "cors-origins": "*" }));
    let asking = |name: &str, value: &str| {
        let header = json!({ "header-name": name, "match-type": "exact", "value": value });
        with(route("/app/", &cors), &json!({ "headers": [header] }))
    };
    let lost = |name: &str| {
        format!(
            "{SHOP}: property `cors-origins` on route `/app/` does not answer the preflight requests of browsers, which do \
             not meet its condition on `{name}`; declare a route without that condition, with `cors-origins` too"
        )
    };
    for (name, value, is_lost) in [
        ("x-version", "2", true),
        (":method", "PUT", true),
        (":method", "OPTIONS", false),
        ("host", "app.test", false),
        ("origin", "https://app.test", false),
    ] {
        let expected = is_lost.then(|| lost(name));
        assert_eq!(told_of(&[asking(name, value)]), Vec::from_iter(expected));
    }
    // The case of a method counts only where the condition says so.
    for (kind, value, case_sensitive, is_lost) in [
        ("prefix", "opt", false, false),
        ("prefix", "opt", true, true),
        ("suffix", "ions", false, false),
        ("suffix", "ions", true, true),
    ] {
        let header = json!({
            "header-name": ":method", "match-type": kind, "value": value,
            "case-sensitive": case_sensitive,
        });
        let asking = with(route("/app/", &cors), &json!({ "headers": [header] }));
        let expected = is_lost.then(|| lost(":method"));
        assert_eq!(told_of(&[asking]), Vec::from_iter(expected), "{kind}");
    }
    // A browser asks with the query, and without the headers of the request.
    let query = json!({ "query-parameters": [{ "parameter-name": "v", "match-type": "exact", "value": "2" }] });
    assert_eq!(told_of(&[with(route("/app/", &cors), &query)]), [""; 0]);
    let inverted = json!({ "headers": [
        { "header-name": "x-version", "match-type": "exact", "value": "2", "invert": true }
    ] });
    assert_eq!(told_of(&[with(route("/app/", &cors), &inverted)]), [""; 0]);
    // A wider route answers for it.
    let routes = [asking("x-version", "2"), route("/app/", &cors)];
    assert_eq!(told_of(&routes), [""; 0]);
    let routes = [asking("x-version", "2"), route("/app/", &json!({}))];
    assert_eq!(told_of(&routes), [lost("x-version")]);
}
