//! The introduction: one test for each step, as its README tells it.

use crate::example::{Example, expect};
use e2e::{
    eventually,
    http::Connection,
    load::{Clients, Load},
};
use std::{collections::BTreeMap, net::SocketAddr, thread, time::Duration};

/// How many requests shares are counted over, and how far off they may be: more than five standard
/// deviations of a share of one third.
const SAMPLE: u32 = 600;
const TOLERANCE: f64 = 0.10;
/// What 01 may take from `up` to the first good answer, the images being there, in one of these tries:
/// whatever else the machine does can take longer than all of it.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
const TRIES: usize = 3;
/// Far longer than Envoy keeps lines of its access log to itself, as the compose files have it.
const FLUSHED: Duration = Duration::from_secs(1);

const CLIENTS: Clients = Clients {
    keep_alive: 4,
    one_shot: 2,
};

#[test]
fn step_00_the_shop_asks_the_stock() {
    let example = Example::up("simple-mesh/docker-compose-00.yaml", "/shop/forward/apples");
    example.expect("/shop/forward/apples", 200, "shop-blue", r#""12""#);
    expect(
        example.second,
        "/stock/key/apples",
        200,
        "stock-blue",
        r#""12""#,
    );
    example.assert_unprivileged();
}

#[test]
fn step_01_a_gateway_answers_within_seconds_and_hot_restarts() {
    let up = || {
        let example = Example::up("simple-mesh/docker-compose-01.yaml", "/stock/key/apples");
        println!(
            "01: first good answer {:.2?} after `up`",
            example.first_answer
        );
        example
    };
    let mut example = up();
    for _ in 1..TRIES {
        if example.first_answer >= FIRST_ANSWER {
            drop(example);
            example = up();
        }
    }
    assert!(
        example.first_answer < FIRST_ANSWER,
        "{:?}",
        example.first_answer
    );
    example.expect("/shop/who", 404, "", "");
    example.assert_unprivileged();

    changes(
        &example,
        "01-static-gateway/2-stock-and-shop.json",
        "/stock/who",
        || {
            example
                .get("/shop/forward/apples")?
                .by()
                .eq("shop-blue")
                .then_some(())
        },
    );
    let replaced = "envoy is replaced by a new process (epoch 1)";
    assert_eq!(example.told("store-gateway", replaced), 1);
}

#[test]
fn step_02_a_map_is_swapped_under_load() {
    let example = Example::up("simple-mesh/docker-compose-02.yaml", "/shop/forward/apples");
    example.assert_unprivileged();
    let shop = |status| {
        move |example: &Example| (example.get("/shop/who")?.status == status).then_some(())
    };
    for _ in 0..3 {
        changes(
            &example,
            "02-dynamic-configuration/2-shop-without-route.json",
            "/stock/who",
            || shop(404)(&example),
        );
        changes(
            &example,
            "02-dynamic-configuration/1-stock-and-shop.json",
            "/stock/who",
            || shop(200)(&example),
        );
    }
    assert_eq!(
        example.told("store-gateway", "envoy is live"),
        1,
        "one Envoy all along"
    );
}

#[test]
fn step_03_two_colors_share_by_weight() {
    let example = Example::up("simple-mesh/docker-compose-03.yaml", "/stock/who");
    example.assert_unprivileged();
    assert_shares(example.gateway, &[("stock-blue", 1)]);
    changes(
        &example,
        "03-two-colors/2-blue-and-green.json",
        "/stock/who",
        || {
            example
                .get("/stock/who")?
                .by()
                .eq("stock-green")
                .then_some(())
        },
    );
    assert_shares(example.gateway, &[("stock-blue", 1), ("stock-green", 2)]);
    let mut in_a_row = 0;
    changes(&example, "03-two-colors/3-green.json", "/stock/who", || {
        let green = example.get("/stock/who")?.by() == "stock-green";
        in_a_row = if green { in_a_row + 1 } else { 0 };
        (in_a_row == 40).then_some(())
    });
    assert_shares(example.gateway, &[("stock-green", 2)]);
}

#[test]
fn step_04_two_namespaces() {
    let example = Example::up("simple-mesh/docker-compose-04.yaml", "/shop/forward/vat");
    let bank = example.second;
    example.assert_unprivileged();
    assert_shares(example.gateway, &[("stock-blue", 1), ("stock-green", 2)]);
    // Private: the shop's sidecar has it, the gateway and the bank have not.
    example.expect("/shop/forward/cost", 200, "shop-blue", "0.30");
    example.expect("/stock/key/cost", 404, "", "");
    example.expect("/stock/x/..//key/cost", 404, "", "");
    expect(bank, "/rates/forward/apples", 200, "rates-blue", r#""12""#);
    expect(bank, "/rates/forward/cost", 404, "rates-blue", "");

    // Through the gateway that bank prefers, as its access log shows.
    let passed = || example.told("bank-gateway", "GET /rates/key/vat");
    thread::sleep(FLUSHED);
    let before = passed();
    for _ in 0..5 {
        example.expect("/shop/forward/vat", 200, "shop-blue", "21 %");
    }
    eventually("bank's gateway logs five requests", || {
        (passed() == before + 5).then_some(())
    });

    changes(
        &example,
        "04-two-namespaces/2-cost-is-public.json",
        "/shop/forward/vat",
        || (example.get("/stock/key/cost")?.status == 200).then_some(()),
    );
    let direct = || example.told("shop-blue-sidecar", "to=remote-bank-rates-blue-3000");
    changes(
        &example,
        "04-two-namespaces/3-bank-without-preference.json",
        "/shop/forward/vat",
        || (direct() > 0).then_some(()),
    );
    thread::sleep(FLUSHED);
    let (gateway, own) = (passed(), direct());
    example.expect("/shop/forward/vat", 200, "shop-blue", "21 %");
    eventually("the sidecar logs that it asked the rates", || {
        (direct() > own).then_some(())
    });
    assert_eq!(passed(), gateway, "it went around bank's gateway");
}

/// Saves another map under load until `follows` is seen, and fails if one request was lost.
fn changes(example: &Example, map: &str, path: &str, follows: impl FnMut() -> Option<()>) {
    let load = Load::start(example.gateway, path, CLIENTS);
    thread::sleep(Duration::from_millis(300));
    example.save_map(map);
    eventually(&format!("Envoy follows {map}"), follows);
    // Losses come with a change or shortly after, when the old is taken apart.
    thread::sleep(Duration::from_secs(1));
    let report = load.stop();
    println!(
        "{map}: {} requests, {} lost",
        report.sent,
        report.lost.len()
    );
    assert!(report.sent > 100, "{}", report.sent);
    assert_eq!(report.lost, Vec::<String>::new(), "of {}", report.sent);
}

/// Counts who answers `/stock/who`, and fails if the shares are far from the weights.
fn assert_shares(address: SocketAddr, weights: &[(&str, u32)]) {
    let mut connection = Connection::open(address).unwrap();
    let mut counted = BTreeMap::<String, u32>::new();
    for _ in 0..SAMPLE {
        let answer = connection.request("GET", "/stock/who", &[]).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        *counted.entry(answer.by().to_owned()).or_default() += 1;
    }
    let total: u32 = weights.iter().map(|(_, weight)| weight).sum();
    for (who, weight) in weights {
        let share = f64::from(*counted.get(*who).unwrap_or(&0)) / f64::from(SAMPLE);
        let expected = f64::from(*weight) / f64::from(total);
        println!("{who}: weight {weight} of {total} = {expected:.3}, observed {share:.3}");
        assert!((share - expected).abs() <= TOLERANCE, "{counted:?}");
    }
    assert_eq!(counted.len(), weights.len(), "{counted:?}");
}
