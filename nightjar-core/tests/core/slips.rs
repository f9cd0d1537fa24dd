//! Random slips in the names that people write: none is silent.
//!
//! `SLIPS=2000 cargo test -p nightjar-core --test core slips -- --nocapture` tries more and prints a
//! table of them.

use fastrand::Rng;
use nightjar_core::{
    context::properties::{DOCUMENTED_PROPERTIES, Target},
    daemon::misspelt_settings,
    document::{self, discovery_map::DiscoveryMap},
    env::{Env, Setting},
    review,
    workload::{Defaults, Settings, Source, Warnings, Workload},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many slips are tried unless `SLIPS` asks for more.
const TRIED: u32 = 400;

/// A map with every member that there is.
fn whole() -> Value {
    let port = |port: u16| json!({"ipv4": "127.0.0.1", "port": port});
    let shop = json!({
        "service": "shop", "color": "blue", "index": 1, "protocol": "HTTP1.1", "properties": {},
        "instances": [port(4000)], "routes": [route()],
        "namespace-egress": [{"namespace": "n2", "interface": port(4100)}],
    });
    json!({"schema-version": "v1", "document-version": "1", "namespaces": [
        {
            "namespace": "n1", "network-id": "n1", "properties": {},
            "gateways": {"prefer-gateway": false, "protocol": "HTTP1.1", "instances": [port(4200)]},
            "service-colors": [shop],
        },
        {"namespace": "n2", "network-id": "n2", "gateways": {"instances": []}, "service-colors": []},
    ]})
}

fn route() -> Value {
    json!({
        "path-match": {"match-type": "prefix", "value": "/shop/", "case-sensitive": true},
        "weight": 1,
        "headers": [{
            "header-name": "x", "match-type": "exact", "value": "1", "invert": false,
            "case-sensitive": true
        }],
        "query-parameters": [{
            "parameter-name": "q", "match-type": "exact", "value": "1", "case-sensitive": true
        }],
        "default-access": true, "namespace-access": [{"namespace": "n2", "access": false}],
        "properties": {},
    })
}

/// The objects of a value, by pointer, and the names of their members.
fn members(value: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (name, member) in object {
                found.push((pointer.to_owned(), name.clone()));
                members(member, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                members(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// One slip of the pen in a name, from a position on.
fn slip(random: &mut Rng, name: &str, from: usize) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let at = random.usize(from..letters.len());
    match random.u8(0..6) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        2 if at + 1 < letters.len() => letters.swap(at, at + 1),
        3 => letters[at] = random.alphabetic(),
        4 => letters.insert(at, random.lowercase()),
        _ => {
            for letter in &mut letters {
                *letter = match *letter {
                    '-' => '_',
                    '_' if from == 0 => '-',
                    other => other,
                };
            }
            letters.push('s');
        }
    }
    let slip: String = letters.into_iter().collect();
    // Equal letters change places, and another number is another route.
    let plain = |name: &str| {
        name.trim_end_matches(|letter: char| letter.is_ascii_digit())
            .to_owned()
    };
    if plain(&slip) == plain(name) {
        self::slip(random, name, from)
    } else {
        slip
    }
}

/// What is said of a map.
fn said_of(map: &Value) -> Vec<String> {
    let (read, unknown) = document::inspect::<DiscoveryMap>(map.to_string().as_bytes());
    let mut said: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    match read {
        Ok(map) => said.extend(review::discovery_map(&map).iter().map(ToString::to_string)),
        Err(error) => said.extend(error.faults.iter().map(ToString::to_string)),
    }
    said
}

/// What is said of a workload's settings.
fn said_of_workload(settings: &[(String, String)]) -> Vec<String> {
    let mut declared = Settings::new();
    declared.add(&Source::new("task tag"), settings.iter().cloned());
    let mut warnings = Warnings::new();
    let defaults = Defaults::default();
    let _ = Workload::read(&declared, &defaults, "task", &mut warnings);
    warnings.iter().map(ToString::to_string).collect()
}

const WORKLOAD: [(&str, &str); 10] = [
    ("NJ_PROXY_MODE", "SERVICE"),
    ("NJ_NAMESPACE", "n1"),
    ("NJ_SERVICE", "shop"),
    ("NJ_COLOR", "blue"),
    ("NJ_PROTOCOL", "HTTP2"),
    ("NJ_ROUTE_1", "!/shop/"),
    ("NJ_ROUTE_WEIGHT_1", "5"),
    ("NJ_ROUTE_PORT_1", "3000"),
    ("NJ_NAMESPACE_PORT_1", "n2:3001"),
    ("NJ_PROP_CONNECT_TIMEOUT", "5s"),
];

const OWN: [Setting; 4] = [
    Setting::required("NJ_LISTEN_PORT", ""),
    Setting::required("REFRESH_TIME", ""),
    Setting::required("NJ_STATUS_ADDRESS", ""),
    Setting::required("NJ_EXTENSION_TIMEOUT", ""),
];

/// What one slip was in, the slip, and what was said.
type Trial = (&'static str, String, Vec<String>);

fn in_a_map(random: &mut Rng) -> Trial {
    let mut map = whole();
    let mut all = Vec::new();
    members(&map, "", &mut all);
    let (pointer, name) = random.choice(all).unwrap();
    let slip = slip(random, &name, 0);
    let object = map.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
    let value = object.remove(&name).unwrap();
    object.entry(slip.clone()).or_insert(value);
    ("member of a map", slip, said_of(&map))
}

fn in_a_declared_route(random: &mut Rng) -> Trial {
    let mut route = route();
    let mut all = Vec::new();
    members(&route, "", &mut all);
    let (pointer, name) = random.choice(all).unwrap();
    let slip = slip(random, &name, 0);
    let object = route
        .pointer_mut(&pointer)
        .unwrap()
        .as_object_mut()
        .unwrap();
    let value = object.remove(&name).unwrap();
    object.entry(slip.clone()).or_insert(value);
    let mut settings = settings();
    settings.retain(|(name, _)| name != "NJ_ROUTE_1");
    settings.push(("NJ_ROUTE_1".to_owned(), route.to_string()));
    (
        "member of a declared route",
        slip,
        said_of_workload(&settings),
    )
}

fn in_a_property(random: &mut Rng) -> Trial {
    let property = random.choice(DOCUMENTED_PROPERTIES).unwrap();
    // What ends the name of a family is the user's own.
    let slip = match property.family() {
        Some(family) => slip(random, family.trim_end_matches('-'), 0) + "-x-team",
        None => slip(random, property.name, 0),
    };
    let places = [
        "/namespaces/0",
        "/namespaces/0/service-colors/0",
        "/namespaces/0/service-colors/0/routes/0",
    ];
    let mut map = whole();
    let place = random.choice(places).unwrap();
    map.pointer_mut(place).unwrap()["properties"][&slip] = json!("1");
    ("property", slip, said_of(&map))
}

fn on_a_wrong_level(random: &mut Rng) -> Trial {
    let of_no_route = |level| !matches!(level, Target::Route | Target::RouteMember);
    let misplaced: Vec<_> = DOCUMENTED_PROPERTIES
        .iter()
        .filter(|one| of_no_route(one.target))
        .collect();
    let name = random.choice(misplaced).unwrap().name.to_owned();
    let mut map = whole();
    let place = "/namespaces/0/service-colors/0/routes/0";
    map.pointer_mut(place).unwrap()["properties"][&name] = json!("1");
    (
        "property on a route that is none of a route",
        name,
        said_of(&map),
    )
}

fn settings() -> Vec<(String, String)> {
    let pairs = WORKLOAD.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn in_a_setting_of_a_workload(random: &mut Rng) -> Trial {
    let mut settings = settings();
    let index = random.usize(..settings.len());
    let slip = slip(random, &settings[index].0, 3).to_uppercase();
    let is_other = settings.iter().any(|(name, _)| *name == slip);
    if is_other {
        return in_a_setting_of_a_workload(random);
    }
    settings[index].0.clone_from(&slip);
    ("setting of a workload", slip, said_of_workload(&settings))
}

fn in_a_setting_of_a_proxy(random: &mut Rng) -> Trial {
    let property = [
        "NJ_PROXY_PROP_TRUSTED_HOPS",
        "NJ_PROXY_PROP_UNDERSCORE_HEADERS",
    ];
    let own = OWN
        .iter()
        .map(|setting| setting.name)
        .filter(|name| name.starts_with("NJ_"));
    let extension = [
        "NJ_DSS3_BUCKET",
        "NJ_DMECS_AWS_CLUSTERS",
        "NJ_DSLOCAL_DIR_TEMPLATES",
    ];
    let names: Vec<&str> = own.chain(property).chain(extension).collect();
    let name = random.choice(names).unwrap();
    let slip = slip(random, name, 3).to_uppercase();
    if slip == name {
        return in_a_setting_of_a_proxy(random);
    }
    let env = Env::from_pairs([(slip.clone(), "1")]);
    ("setting of a proxy", slip, misspelt_settings(&env, &OWN))
}

#[test]
fn no_slip_is_silent() {
    assert_eq!(said_of(&whole()), [""; 0]);
    assert_eq!(said_of_workload(&settings()), [""; 0]);
    let asked = Env::from_process();
    let asked = asked
        .get("SLIPS")
        .and_then(|count| count.to_str()?.parse().ok());
    let mut random = Rng::with_seed(1);
    let kinds = [
        in_a_map,
        in_a_declared_route,
        in_a_property,
        on_a_wrong_level,
        in_a_setting_of_a_workload,
        in_a_setting_of_a_proxy,
    ];
    let mut tally = BTreeMap::<&str, (u32, u32)>::new();
    let mut silent = Vec::new();
    for _ in 0..asked.unwrap_or(TRIED) {
        let (kind, slip, said) = random.choice(kinds).unwrap()(&mut random);
        let (tried, caught) = tally.entry(kind).or_default();
        *tried += 1;
        // A slip may have made another name that is right.
        let is_known = ["headers", "value"].contains(&slip.as_str());
        if is_known || said.iter().any(|line| line.contains(&slip)) {
            *caught += 1;
        } else {
            silent.push((kind, slip, said));
        }
    }
    println!("| slip in | tried | caught |\n|---|---|---|");
    for (kind, (tried, caught)) in tally {
        println!("| {kind} | {tried} | {caught} |");
    }
    assert!(silent.is_empty(), "{silent:#?}");
}
