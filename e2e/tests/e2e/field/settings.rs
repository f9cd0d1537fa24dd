//! Variables that nobody knows, near one that somebody knows.

use e2e::{
    maps::shop,
    mesh::{Backend, Plan},
};

/// A variable, and the one that it may mean; and some that mean nothing of ours.
const SLIPS: [(&str, &str); 5] = [
    ("NJ_REFRESH_TIME", "REFRESH_TIME"),
    ("NJ_STATUS_PROT", "NJ_STATUS_PORT"),
    ("NJ_LISTEN_ADRESS", "NJ_LISTEN_ADDRESS"),
    ("NJ_VALIDAT", "NJ_VALIDATE"),
    // Of an extension that it runs.
    (
        "NJ_DSLOCAL_FILE_DISCOVERYMAP",
        "NJ_DSLOCAL_FILE_DISCOVERY_MAP",
    ),
];

const OTHERS: [&str; 3] = ["NJ_TRANSIT_TOKEN", "NJ_BUILD", "REFRESH_TIMES"];

#[test]
fn a_setting_near_a_known_one_is_warned_of_at_start() {
    let blue = Backend::start("shop", "blue");
    let mut plan = Plan::sidecar("n1", "shop", "blue", &shop("blue", blue.port));
    for (slip, _) in SLIPS {
        plan = plan.env(slip, "5");
    }
    for name in OTHERS {
        plan = plan.env(name, "5");
    }
    let proxy = plan.start();
    proxy.wait_refreshes(5);
    let lines = proxy.logged("WARN");
    let naming = |name: &str| {
        let is_named = |line: &&String| {
            let mut words = line.split(|letter: char| letter != '_' && !letter.is_alphanumeric());
            words.any(|word| word == name)
        };
        lines.iter().filter(is_named).collect::<Vec<_>>()
    };
    for (slip, known) in SLIPS {
        let told = naming(slip);
        assert_eq!(told.len(), 1, "{slip}: {lines:?}");
        assert_eq!(naming(known), told, "{slip}: {lines:?}");
    }
    for name in OTHERS {
        assert!(naming(name).is_empty(), "{name}: {lines:?}");
    }
    // It is served all the same, and what is set rightly says nothing.
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    let quiet = Plan::sidecar("n1", "shop", "blue", &shop("blue", blue.port)).start();
    let lines = quiet.logged("WARN");
    assert!(!lines.iter().any(|line| line.contains("NJ_")), "{lines:?}");
}

#[test]
fn a_root_property_near_a_known_one_is_warned_of_at_start() {
    let blue = Backend::start("shop", "blue");
    let proxy = Plan::sidecar("n1", "shop", "blue", &shop("blue", blue.port))
        .env("NJ_PROXY_PROP_TRUSTED_HOP", "1")
        // People's own, for templates of their own.
        .env("NJ_PROXY_PROP_TEAM", "shop")
        .start();
    let lines = proxy.logged("WARN");
    let of = |words: &[&str]| {
        let is_meant = |line: &&String| words.iter().all(|word| line.contains(word));
        lines.iter().filter(is_meant).count()
    };
    let told = of(&["NJ_PROXY_PROP_TRUSTED_HOP", "NJ_PROXY_PROP_TRUSTED_HOPS"]);
    assert_eq!((told, of(&["NJ_PROXY_PROP_TEAM"])), (1, 0), "{lines:?}");
}
