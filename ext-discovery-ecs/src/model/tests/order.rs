//! The order in which AWS tells things means nothing.

use super::{Cluster, container, declared, definition, on_host, overridden, pairs, task};
use crate::resources::{Health, NetworkMode, Task, TaskDefinition};
use nightjar_core::document::discovery_map::DiscoveryMap;
use proptest::prelude::*;

const PATHS: [&str; 8] = ["/a/", "!/b", "{bad", "/c", "+/d/", "!b", "/x/../é", ""];
const PORTS: [&str; 6] = ["80", "app:81", "side:80", "10.0.0.9:80", "99", ""];

/// Picks one of a few words.
fn word(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    (0..words.len()).prop_map(|index| words[index])
}

prop_compose! {
    fn tags()(
        mode in word(&["SERVICE", "gateway", "bridge", "SERVICE"]),
        namespace in word(&["n1", "n2"]),
        color in word(&["blue", "green", "bad color"]),
        path in word(&PATHS),
        port in word(&PORTS),
        weight in word(&["1", "0", "7", "", "heavy"]),
        property in word(&["", "1s", "2s"]),
    ) -> Vec<(&'static str, &'static str)> {
        vec![
            ("NJ_PROXY_MODE", mode),
            ("NJ_NAMESPACE", namespace),
            ("NJ_SERVICE", "shop"),
            ("NJ_COLOR", color),
            ("NJ_ROUTE_1", path),
            ("NJ_ROUTE_PORT_1", port),
            ("NJ_ROUTE_WEIGHT_1", weight),
            ("NJ_PROP_TIMEOUT", property),
            ("NJ_NAMESPACE_PORT_1", "other:3001"),
        ]
    }
}

prop_compose! {
    fn any_task()(
        tags in tags(),
        host_port in 1..4_u16,
        ip in word(&["0.0.0.0", "::", "10.0.0.9"]),
        overrides in word(&PATHS),
        is_ill in any::<bool>(),
        revision in 1..4_usize,
    ) -> (usize, Task) {
        let containers = vec![
            container("app", &[(ip, 80, host_port), ("0.0.0.0", 81, host_port + 10)]),
            container("side", &[("0.0.0.0", 80, host_port + 20)]),
        ];
        let mut task = overridden(task("", containers, &tags), "side", &[("NJ_ROUTE_2", overrides)]);
        task = overridden(task, "app", &[("NJ_ROUTE_3", "/e/")]);
        task.health = if is_ill { Health::Unhealthy } else { Health::Unknown };
        (revision, task)
    }
}

fn cluster(tasks: &[(usize, Task)]) -> Cluster {
    let mut cluster = on_host();
    for revision in 1..4 {
        let containers = vec![
            declared("app", &[80, 81], &[("NJ_ROUTE_4", "/f/")]),
            declared("side", &[80], &[]),
        ];
        let definition = TaskDefinition {
            tags: pairs(&[("NJ_ROUTE_5", ["/g/", "/h/", "{"][revision - 1])]),
            ..definition(&format!("shop:{revision}"), NetworkMode::Bridge, containers)
        };
        let of_revision = tasks
            .iter()
            .enumerate()
            .filter(|(_, (of, _))| *of == revision);
        let named = of_revision.map(|(number, (_, task))| Task {
            arn: format!("task/{number}"),
            ..task.clone()
        });
        cluster = cluster.with(definition, named);
    }
    cluster
}

fn bytes(map: &DiscoveryMap) -> String {
    serde_json::to_string(map).expect("a map is always JSON")
}

proptest! {
    #[test]
    fn the_same_tasks_in_any_order_give_the_same_bytes(
        tasks in prop::collection::vec(any_task(), 1..12),
        seed in any::<u64>(),
    ) {
        let cluster = cluster(&tasks);
        let (map, warnings) = cluster.map();
        prop_assert!(nightjar_core::document::read::<DiscoveryMap>(bytes(&map).as_bytes()).is_ok());

        let mut shuffled = cluster.clone();
        let mut state = seed | 1;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 33
        };
        shuffled.tasks.sort_by_cached_key(|_| random());
        for task in &mut shuffled.tasks {
            task.tags.sort_by_cached_key(|_| random());
            task.overrides.sort_by_cached_key(|_| random());
            task.containers.sort_by_cached_key(|_| random());
            for container in &mut task.containers {
                container.bindings.sort_by_cached_key(|_| random());
            }
        }
        let (again, warned_again) = shuffled.map();
        prop_assert_eq!(bytes(&map), bytes(&again));
        prop_assert_eq!(warnings, warned_again);
    }
}
