//! Who has which share of a route while service-colors move from one port to another.

use super::service;
use nightjar_core::{
    document::discovery_map::{DiscoveryMap, Host, HostPort, Port},
    workload::{DeclaredRoute, Mesh, Warnings},
};
use proptest::{collection::vec, prelude::*};
use std::{collections::BTreeMap, convert::Infallible};

/// Workloads of one revision of a service-color that serve one route alike.
#[derive(Debug, Clone)]
struct Crew {
    color: &'static str,
    revision: u64,
    /// Indexes and the weights there.
    on: Vec<(i64, u16)>,
    count: u8,
}

fn crew(color: &'static str, revision: u64, on: &[(i64, u16)], count: u8) -> Crew {
    let on = on.to_vec();
    Crew {
        color,
        revision,
        on,
        count,
    }
}

fn map(crews: &[Crew]) -> DiscoveryMap {
    let mut mesh = Mesh::new();
    for (number, crew) in crews.iter().enumerate() {
        for one in 0..crew.count.max(1) {
            let routes = crew.on.iter().enumerate();
            let settings: Vec<(String, String)> = routes
                .flat_map(|(number, (_, weight))| {
                    [
                        (format!("NJ_ROUTE_{number}"), "/who/".to_owned()),
                        (format!("NJ_ROUTE_WEIGHT_{number}"), weight.to_string()),
                    ]
                })
                .collect();
            let pairs: Vec<(&str, &str)> = settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let (mut service, _) = service(&pairs);
            service.color = crew.color.parse().unwrap();
            let index = |route: &DeclaredRoute, _: &mut Warnings| {
                let number = route.setting.trim_start_matches("NJ_ROUTE_");
                Ok(crew.on[number.parse::<usize>().unwrap()].0)
            };
            let located = service.locate(index, &mut Warnings::new());
            let Ok(groups) = located.listen(|index| {
                let instance = HostPort {
                    host: Host::Ipv4([10, 0, u8::try_from(number).unwrap(), one].into()),
                    port: Port::new(u16::try_from(*index).unwrap()).unwrap(),
                };
                let instances = (crew.count > 0).then_some(instance).into_iter().collect();
                Ok::<_, Infallible>((*index, instances))
            });
            let who = format!("task/{number}/{one}");
            mesh.service(&who, crew.revision, &service, groups);
        }
    }
    mesh.finish().0
}

/// The weights of the map by color and index.
fn weights(map: &DiscoveryMap) -> Vec<(String, u16)> {
    let entries = map.namespaces.iter().flat_map(|n| &n.service_colors);
    let weight = |entry: &nightjar_core::document::discovery_map::ServiceColor| {
        let weights = entry.routes.iter().map(|route| route.weight.get());
        let name = format!("{}-{}", entry.color, entry.index);
        weights
            .map(move |weight| (name.clone(), weight))
            .collect::<Vec<_>>()
    };
    entries.flat_map(weight).collect()
}

fn told(crews: &[Crew]) -> String {
    let weights = weights(&map(crews)).into_iter();
    let words: Vec<String> = weights
        .map(|(name, weight)| format!("{name}:{weight}"))
        .collect();
    words.join(" ")
}

#[test]
fn the_first_workload_on_a_new_port_gets_what_one_of_ten_gets() {
    for (weight, expected) in [
        (1, "blue-3000:9 blue-4000:1 green-3000:10"),
        (9, "blue-3000:81 blue-4000:9 green-3000:10"),
    ] {
        let told = told(&[
            crew("blue", 1, &[(3000, weight)], 9),
            crew("blue", 2, &[(4000, weight)], 1),
            crew("green", 1, &[(3000, 1)], 2),
        ]);
        assert_eq!(told, expected);
    }
    let alone = [
        crew("blue", 1, &[(3000, 1)], 5),
        crew("blue", 2, &[(4000, 1)], 5),
    ];
    assert_eq!(told(&alone), "blue-3000:1 blue-4000:1");
}

#[test]
fn several_colors_may_move_at_once_and_keep_what_they_have_of_each_other() {
    let told = told(&[
        crew("blue", 1, &[(3000, 2)], 2),
        crew("blue", 2, &[(4000, 2)], 1),
        crew("green", 1, &[(3000, 3)], 1),
        crew("green", 2, &[(4000, 3)], 4),
        crew("red", 1, &[(3000, 1)], 1),
    ]);
    let expected = "blue-3000:20 blue-4000:10 green-3000:9 green-4000:36 red-3000:15";
    assert_eq!(told, expected);
}

#[test]
fn without_a_move_weights_are_as_declared() {
    for (crews, expected) in [
        // One workload may serve a route on several ports, each with a weight.
        (
            vec![
                crew("blue", 1, &[(3000, 3), (4000, 1)], 4),
                crew("green", 1, &[(3000, 7)], 1),
            ],
            "blue-3000:3 blue-4000:1 green-3000:7",
        ),
        // The new ones take no requests yet, or only they do.
        (
            vec![
                crew("blue", 1, &[(3000, 3)], 4),
                crew("blue", 2, &[(4000, 3)], 0),
            ],
            "blue-3000:3 blue-4000:3",
        ),
        // No share is none.
        (
            vec![
                crew("blue", 1, &[(3000, 0)], 4),
                crew("blue", 2, &[(4000, 0)], 3),
            ],
            "blue-3000:0 blue-4000:0",
        ),
    ] {
        assert_eq!(told(&crews), expected);
    }
}

#[test]
fn a_route_on_several_ports_moves_as_a_whole() {
    let crews = [
        crew("blue", 1, &[(3000, 4)], 3),
        crew("blue", 2, &[(4000, 3), (5000, 1)], 1),
        crew("green", 1, &[(3000, 4)], 1),
    ];
    // Of 8 parts of 16 blue's workloads have 3, 3, 3 and 3: the last one 3 to 1.
    let expected = "blue-3000:12 blue-4000:3 blue-5000:1 green-3000:16";
    assert_eq!(told(&crews), expected);
}

fn crews() -> impl Strategy<Value = Vec<Crew>> {
    let weight = prop_oneof![0..20_u16, 0..=32767_u16];
    let index = prop_oneof![Just(3000_i64), Just(4000), Just(5000)];
    let color = prop_oneof![Just("blue"), Just("green"), Just("red")];
    let crew = (color, 1..3_u64, index, weight, 0..40_u8);
    let crew = crew.prop_map(|(color, revision, index, weight, count)| {
        self::crew(color, revision, &[(index, weight)], count)
    });
    vec(crew, 1..7)
}

proptest! {
    /// Workloads of one color and revision that say different things are another matter.
    #[test]
    fn shares_are_exact_to_one_part_in_a_thousand(crews in crews()) {
        let mut said = BTreeMap::<(&str, u64), u16>::new();
        let mut crews = crews;
        for crew in &mut crews {
            let (_, weight) = crew.on[0];
            crew.on[0].1 = *said.entry((crew.color, crew.revision)).or_insert(weight);
        }
        let newest = |color: &str| said.iter().filter(|((of, _), _)| *of == color).map(|(_, weight)| *weight).next_back();
        let serving = |color: &str| -> f64 {
            crews.iter().filter(|crew| crew.color == color).map(|crew| f64::from(crew.count)).sum()
        };
        let mut expected = BTreeMap::<String, f64>::new();
        for crew in &crews {
            let weight = f64::from(newest(crew.color).unwrap());
            let part = f64::from(crew.count) / serving(crew.color).max(1.0);
            *expected.entry(format!("{}-{}", crew.color, crew.on[0].0)).or_default() += weight * part;
        }
        let map = map(&crews);
        let entries = map.namespaces.iter().flat_map(|n| &n.service_colors);
        let able: Vec<String> = entries
            .filter(|entry| !entry.instances.is_empty())
            .map(|entry| format!("{}-{}", entry.color, entry.index))
            .collect();
        let found: BTreeMap<String, f64> = weights(&map)
            .into_iter()
            .filter(|(name, _)| able.contains(name))
            .map(|(name, weight)| (name, f64::from(weight)))
            .collect();
        let (all, wanted): (f64, f64) = (found.values().sum(), expected.values().sum());
        prop_assert_eq!(all > 0.0, wanted > 0.0);
        for (name, weight) in expected {
            let share = found.get(&name).copied().unwrap_or_default() / all.max(1.0);
            let right = weight / wanted.max(1.0);
            prop_assert!((share - right).abs() < 0.001, "{}: {} for {}", name, share, right);
        }
    }
}
