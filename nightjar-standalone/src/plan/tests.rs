use super::*;
use crate::sample::{Mesh, names, rds, routed};
use proptest::prelude::*;

/// An Envoy that may lag behind what is written: each file with all the texts that it may have.
struct Envoy {
    known: KnownFiles,
    running: Running,
    held: BTreeMap<String, Vec<Option<Arc<File>>>>,
    /// Files that a phase wrote whose end nobody heard of, as the rollout keeps them.
    writes_in_flight: BTreeSet<String>,
}

/// Where a way is left.
#[derive(Debug, Clone, Copy)]
enum Leave {
    /// Before a step.
    Before,
    /// In the middle of one: some files are written, and no word comes of any.
    After(usize),
    /// It is refused, and Envoy keeps what it had.
    Refused,
}

impl Envoy {
    /// One that has started with a configuration, and was asked for it or not.
    fn started(mesh: &Mesh, is_sure: bool) -> Self {
        let configuration = mesh.read();
        let files = || {
            let files = configuration.iter();
            files.filter(|file| file.role() != Some(&FileRole::Bootstrap))
        };
        let known = |file: &Arc<File>| {
            if is_sure {
                KnownFile::Confirmed(Arc::clone(file))
            } else {
                KnownFile::Unconfirmed(vec![Arc::clone(file)])
            }
        };
        Self {
            known: files()
                .map(|file| (file.name().to_owned(), known(file)))
                .collect(),
            held: files()
                .map(|file| (file.name().to_owned(), vec![Some(Arc::clone(file))]))
                .collect(),
            running: Running::with(&configuration),
            writes_in_flight: BTreeSet::new(),
        }
    }

    fn write(&mut self, file: &Arc<File>) {
        self.writes_in_flight.insert(file.name().to_owned());
        let mut texts = match self.known.remove(file.name()) {
            Some(KnownFile::Confirmed(old)) => vec![old],
            Some(KnownFile::Unconfirmed(old)) => old,
            None => Vec::new(),
        };
        texts.retain(|old| old.hash() != file.hash());
        texts.push(Arc::clone(file));
        let known = KnownFile::Unconfirmed(texts);
        self.known.insert(file.name().to_owned(), known);
    }

    fn publish(&mut self, file: &Arc<File>) {
        let is_read = match file.role() {
            Some(FileRole::Routes(name)) => self.listeners().contains(name),
            _ => true,
        };
        let held = self.held.entry(file.name().to_owned());
        let held = held.or_insert_with(|| vec![None]);
        if !is_read {
            held.clear();
        }
        held.push(Some(Arc::clone(file)));
        self.keeps_the_law();
    }

    fn acknowledge(&mut self, file: &Arc<File>) {
        let name = file.name().to_owned();
        self.writes_in_flight.remove(&name);
        self.held.insert(name.clone(), vec![Some(Arc::clone(file))]);
        self.known
            .insert(name, KnownFile::Confirmed(Arc::clone(file)));
        self.keeps_the_law();
    }

    /// What a refusal leaves is known as the rollout keeps it.
    fn refuse(&mut self, file: &Arc<File>) {
        self.writes_in_flight.remove(file.name());
        if let Some(KnownFile::Unconfirmed(texts)) = self.known.get_mut(file.name())
            && texts.len() > 1
        {
            texts.retain(|text| text.hash() != file.hash());
        }
    }

    /// A new process takes over, which reads what stands on the disk.
    fn restart(&mut self, bootstrap: Arc<File>, wanted: &Configuration) {
        self.running = Running {
            bootstrap,
            ..Running::with(wanted)
        };
        for held in self.held.values_mut() {
            held.drain(..held.len() - 1);
        }
        // It is asked for what it has; what was written last is not what it may have read.
        let writes_in_flight = &self.writes_in_flight;
        let known = self.known.iter_mut();
        for (name, known) in known.filter(|(name, _)| !writes_in_flight.contains(*name)) {
            let Some(last) = known.texts().last().cloned() else {
                continue;
            };
            let has_it = matches!(self.held.get(name).map(Vec::as_slice),
                Some([Some(held)]) if held.hash() == last.hash());
            *known = if has_it {
                KnownFile::Confirmed(last)
            } else {
                KnownFile::Unconfirmed(vec![last])
            };
        }
        self.keeps_the_law();
    }

    fn of(&self, role: &FileRole) -> impl Iterator<Item = &Vec<Option<Arc<File>>>> {
        let is_it = move |held: &&Vec<Option<Arc<File>>>| {
            held.iter()
                .flatten()
                .any(|file| file.role() == Some(role) && self.running.watches(file))
        };
        self.held.values().filter(is_it)
    }

    /// The clusters that it has for sure.
    fn clusters(&self) -> BTreeSet<String> {
        let mut sure: BTreeSet<String> = names(&self.running.bootstrap).into_iter().collect();
        for texts in self.of(&FileRole::Clusters) {
            let mut common: Option<BTreeSet<String>> = None;
            for text in texts {
                let these = text.as_deref().map(names).unwrap_or_default();
                let these = these.into_iter().collect();
                common = Some(match common {
                    None => these,
                    Some(common) => &common & &these,
                });
            }
            sure.extend(common.unwrap_or_default());
        }
        sure
    }

    /// The listeners that it may have.
    fn listeners(&self) -> BTreeSet<String> {
        let texts = self.of(&FileRole::Listeners).flatten().flatten();
        texts.flat_map(|file| names(file)).collect()
    }

    /// No route that may be in force leads to a cluster that may be missing.
    fn keeps_the_law(&self) {
        let clusters = self.clusters();
        for listener in self.listeners() {
            let texts = self.held.get(&rds(&listener));
            for text in texts.into_iter().flatten().flatten() {
                for cluster in routed(text) {
                    assert!(
                        clusters.contains(&cluster),
                        "routes of {listener} lead to {cluster}, and sure are {clusters:?}"
                    );
                }
            }
        }
    }

    /// Goes on until the target is reached, or until the way is left in this step.
    fn go(&mut self, wanted: &Configuration, mut leave: Option<(usize, Leave)>) {
        const LONGEST: usize = 8;
        for step in 0..LONGEST {
            let left = leave.take_if(|(at, _)| *at == step);
            if matches!(left, Some((_, Leave::Before))) {
                return;
            }
            match next(&self.known, &self.running, wanted) {
                Step::Done => return self.has(wanted),
                Step::Restart { bootstrap, .. } => self.restart(bootstrap, wanted),
                Step::Write(phase, files) => {
                    assert!(!files.is_empty());
                    if phase != Phase::Finish {
                        self.loses_no_endpoint(&files);
                    }
                    for file in &files {
                        self.write(file);
                    }
                    let written = match left {
                        Some((_, Leave::After(count))) => count.min(files.len()),
                        _ => files.len(),
                    };
                    files.iter().take(written).for_each(|it| self.publish(it));
                    match left {
                        Some((_, Leave::After(_))) => return,
                        Some((_, Leave::Refused)) => {
                            return files.iter().for_each(|file| self.refuse(file));
                        }
                        _ => files.iter().for_each(|file| self.acknowledge(file)),
                    }
                }
            }
        }
        panic!("not there after {LONGEST} steps");
    }

    fn has(&mut self, wanted: &Configuration) {
        for file in wanted.iter() {
            if file.role() == Some(&FileRole::Bootstrap) {
                assert_eq!(self.running.bootstrap.hash(), file.hash());
            } else {
                let held = &self.held[file.name()];
                assert!(
                    matches!(held.as_slice(), [Some(held)] if held.hash() == file.hash()),
                    "{}",
                    file.name()
                );
            }
        }
        let wants = |name: &String| wanted.get(name).is_some();
        self.known.retain(|name, _| wants(name));
        self.held.retain(|name, _| wants(name));
    }

    /// What has an endpoint for sure keeps one until the last phase. A file that an earlier process watched
    /// is read by nobody.
    fn loses_no_endpoint(&self, files: &[Arc<File>]) {
        let count = |file: &File, name: &str| {
            let mut resources = file.resources().iter();
            resources
                .find(|resource| resource.name() == name)
                .and_then(nightjar_core::envoy::Resource::endpoints)
        };
        for file in files.iter().filter(|file| self.running.watches(file)) {
            let Some(held) = self.held.get(file.name()) else {
                continue;
            };
            for resource in file.resources() {
                let had = held.iter().all(|text| {
                    let text = text.as_deref();
                    text.and_then(|text| count(text, resource.name())) > Some(0)
                });
                assert!(
                    !had || resource.endpoints() != Some(0),
                    "{} of {} loses its endpoints",
                    resource.name(),
                    file.name()
                );
            }
        }
    }
}

fn meshes(layouts: u16) -> impl Strategy<Value = Mesh> {
    let ports = proptest::collection::vec(1..4_u16, 0..3);
    let clusters = proptest::collection::btree_map("[a-e]", ports, 0..5);
    let picks = proptest::collection::vec(any::<proptest::sample::Index>(), 0..4);
    let side = proptest::option::of(picks.clone());
    let fixed = proptest::collection::btree_set("[st]", 0..2);
    (
        (clusters, any::<bool>(), picks, side),
        (0..2_u16, 0..layouts, fixed),
    )
        .prop_map(
            move |((clusters, eds, main, side), (node, layout, fixed))| {
                let fixed = if layouts > 1 { fixed } else { BTreeSet::new() };
                let all: Vec<String> = clusters.keys().chain(&fixed).cloned().collect();
                let pick = |picks: Vec<proptest::sample::Index>| {
                    let picks = picks.iter().filter(|_| !all.is_empty());
                    picks.map(|pick| pick.get(&all).clone()).collect()
                };
                let mut listeners = BTreeMap::from([("main".to_owned(), pick(main))]);
                if let Some(side) = side {
                    listeners.insert("side".to_owned(), pick(side));
                }
                Mesh {
                    clusters,
                    eds,
                    listeners,
                    node,
                    layout,
                    delay: 0,
                    fixed: fixed.into_iter().collect(),
                }
            },
        )
}

fn leaves() -> impl Strategy<Value = (usize, Leave)> {
    let how = prop_oneof![
        Just(Leave::Before),
        (0..4_usize).prop_map(Leave::After),
        Just(Leave::Refused)
    ];
    (0..5_usize, how)
}

proptest! {
    #[test]
    fn every_target_is_reached_and_no_route_leads_nowhere(
        from in meshes(1), to in meshes(1), is_sure in any::<bool>(),
    ) {
        Envoy::started(&from, is_sure).go(&to.read(), None);
    }

    #[test]
    fn an_aim_with_another_bootstrap_is_reached(
        from in meshes(2), to in meshes(2), is_sure in any::<bool>(),
    ) {
        Envoy::started(&from, is_sure).go(&to.read(), None);
    }

    #[test]
    fn the_target_may_change_at_any_moment(
        from in meshes(1),
        ways in proptest::collection::vec((meshes(1), leaves()), 1..4),
        to in meshes(1),
    ) {
        let mut envoy = Envoy::started(&from, true);
        for (target, leave) in ways {
            envoy.go(&target.read(), Some(leave));
        }
        envoy.go(&to.read(), None);
    }

    #[test]
    fn going_back_is_a_way_like_any_other(
        from in meshes(1), to in meshes(1), leave in leaves(),
    ) {
        let mut envoy = Envoy::started(&from, true);
        envoy.go(&to.read(), Some(leave));
        envoy.go(&from.read(), None);
    }

    #[test]
    fn with_another_bootstrap_the_target_may_change_as_well(
        from in meshes(2), over in meshes(2), to in meshes(2), leave in leaves(),
    ) {
        let mut envoy = Envoy::started(&from.with_one_listener(), true);
        envoy.go(&over.with_one_listener().read(), Some(leave));
        envoy.go(&to.with_one_listener().read(), None);
    }
}

proptest! {
    #[test]
    fn with_many_bootstraps_the_target_may_change_again_and_again(
        from in meshes(3),
        ways in proptest::collection::vec((meshes(3), leaves()), 1..5),
        to in meshes(3),
    ) {
        let mut envoy = Envoy::started(&from.with_one_listener(), true);
        for (target, leave) in ways {
            envoy.go(&target.with_one_listener().read(), Some(leave));
        }
        envoy.go(&to.with_one_listener().read(), None);
    }
}

/// The files of a layout that was left lack what routes lead to meanwhile.
#[test]
fn going_back_to_an_earlier_layout_takes_the_clusters_of_today_along() {
    let (from, over) = (
        Mesh::of(&["a"]),
        Mesh {
            layout: 1,
            ..Mesh::of(&["b"])
        },
    );
    let mut envoy = Envoy::started(&from, true);
    // A new process has come, and routes are written.
    envoy.go(&over.read(), Some((2, Leave::After(1))));
    envoy.go(&from.read(), None);
}

/// The file of a layout that was left holds endpoints that were refused, and is read by nobody.
#[test]
fn coming_back_to_a_layout_does_not_depend_on_what_was_refused_there() {
    let empty = |layout| Mesh {
        layout,
        ..Mesh::of(&[])
    };
    let with = |ports: &[u16]| Mesh {
        clusters: BTreeMap::from([("a".to_owned(), ports.to_vec())]),
        listeners: BTreeMap::from([("main".to_owned(), Vec::new())]),
        ..empty(2)
    };
    let mut envoy = Envoy::started(&empty(0), true);
    envoy.go(&with(&[]).read(), Some((2, Leave::Before)));
    envoy.go(&with(&[1]).read(), Some((0, Leave::Refused)));
    envoy.go(&empty(0).read(), Some((2, Leave::Before)));
    envoy.go(&empty(2).read(), None);
}

fn phases(from: &Mesh, to: &Mesh) -> Vec<String> {
    let mut envoy = Envoy::started(from, true);
    let wanted = to.read();
    let mut steps = Vec::new();
    loop {
        match next(&envoy.known, &envoy.running, &wanted) {
            Step::Done => return steps,
            Step::Write(phase, files) => {
                let names: Vec<&str> = files.iter().map(|file| file.name()).collect();
                steps.push(format!("{}: {}", phase.as_str(), names.join(" ")));
                for file in &files {
                    envoy.acknowledge(file);
                }
            }
            Step::Restart {
                bootstrap,
                blocking,
            } => {
                steps.push(format!("restart, blocking: {blocking}"));
                envoy.restart(bootstrap, &wanted);
            }
        }
    }
}

#[test]
fn clusters_come_first_and_go_last() {
    let (a, b) = (Mesh::of(&["a"]), Mesh::of(&["b"]));
    assert!(phases(&a, &a).is_empty());
    assert_eq!(
        phases(&a, &b),
        [
            "make: cds.json",
            "switch: rds-main.json",
            "finish: cds.json"
        ]
    );
    let (more, moved) = (
        Mesh::of(&["a", "b"]),
        Mesh {
            clusters: BTreeMap::from([("a".to_owned(), vec![2])]),
            ..a.clone()
        },
    );
    assert_eq!(
        phases(&a, &more),
        ["make: cds.json", "switch: rds-main.json"]
    );
    assert_eq!(
        phases(&more, &a),
        ["switch: rds-main.json", "finish: cds.json"]
    );
    assert_eq!(phases(&a, &moved), ["make: cds.json"]);
}

#[test]
fn a_bootstrap_leads_only_if_clusters_and_listeners_depend_on_it() {
    let (a, b) = (Mesh::of(&["a"]), Mesh::of(&["b"]));
    assert_eq!(
        phases(&a, &b.clone().node(1)),
        [
            "make: cds.json",
            "switch: rds-main.json",
            "finish: cds.json",
            "restart, blocking: false"
        ]
    );
    assert_eq!(
        phases(&a, &Mesh { layout: 1, ..b }),
        [
            "make: cds-1.json lds-1.json",
            "restart, blocking: true",
            "switch: rds-main.json",
            "finish: cds-1.json"
        ]
    );
}

#[test]
fn a_cluster_keeps_its_last_endpoints_until_routes_are_gone() {
    let a = Mesh::of(&["a"]);
    let empty = Mesh {
        clusters: BTreeMap::from([("a".to_owned(), Vec::new())]),
        ..a.clone()
    };
    assert_eq!(phases(&a, &empty), ["finish: cds.json"]);
    let by_eds = |mesh: Mesh| Mesh { eds: true, ..mesh };
    assert_eq!(
        phases(&by_eds(a.clone()), &by_eds(empty.clone())),
        ["finish: eds-a.json"]
    );
    assert_eq!(phases(&by_eds(empty), &by_eds(a)), ["make: eds-a.json"]);
}
