use super::*;
use nightjar_core::envoy::Files;
use std::os::unix::fs::PermissionsExt as _;

struct Scene {
    folder: tempfile::TempDir,
    previous: Previous,
}

impl Scene {
    fn new(keep: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let previous = Previous::new(folder.path().join("envoy.previous"), keep);
        fs::create_dir(folder.path().join("envoy")).unwrap();
        Self { folder, previous }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Builds a configuration of these files, and puts them in the place of others.
    fn roll_out(&mut self, items: &[(&str, &str)]) {
        let bootstrap = ("envoy.json", "{}");
        let files = items.iter().chain([&bootstrap]);
        let files: Files = files
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        let built = Configuration::read(files, "envoy.json", "/c", None).unwrap();
        self.previous.built(&built);
        // What nothing names has no role; these stand for files of clusters.
        for (name, _) in items {
            self.previous.names.insert((*name).to_owned(), true);
        }
        for (name, text) in items {
            let path = self.path("envoy").join(name);
            if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
                continue;
            }
            self.previous.replaced(name, &path);
            let unfinished = self.path("unfinished");
            fs::write(&unfinished, text).unwrap();
            fs::rename(unfinished, path).unwrap();
        }
    }

    /// Every file that is kept, with its text.
    fn kept(&self) -> Vec<(String, String)> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), root, found);
                } else {
                    let name = entry
                        .path()
                        .strip_prefix(root)
                        .unwrap()
                        .display()
                        .to_string();
                    found.push((name, fs::read_to_string(entry.path()).unwrap()));
                }
            }
        }
        let root = self.path("envoy.previous");
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found.sort();
        found
    }
}

fn owned(items: &[(&str, &str)]) -> Vec<(String, String)> {
    let items = items.iter();
    items
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

#[test]
fn a_map_is_kept_with_the_files_that_it_replaced() {
    let mut scene = Scene::new(5);
    scene.previous.map_came(b"one");
    scene.roll_out(&[("a.json", "1"), ("b.json", "1")]);
    scene.previous.map_came(b"two");
    scene.roll_out(&[("a.json", "2"), ("b.json", "1")]);
    // A rollout writes a file twice: what was in force before counts.
    scene
        .previous
        .replaced("a.json", &scene.path("envoy/a.json"));
    let expected = [
        ("0001/discovery-map.json", "one"),
        ("0002/discovery-map.json", "two"),
        ("0002/replaced/a.json", "1"),
    ];
    assert_eq!(scene.kept(), owned(&expected));
    let mode = fs::metadata(scene.path("envoy.previous/0001")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o700);
}

#[test]
fn other_templates_begin_an_entry_with_the_same_map() {
    let mut scene = Scene::new(5);
    scene.previous.map_came(b"one");
    scene.roll_out(&[("a.json", "1")]);
    scene.roll_out(&[("a.json", "2")]);
    // Built anew, and nothing is different.
    scene.roll_out(&[("a.json", "2")]);
    let expected = [
        ("0001/discovery-map.json", "one"),
        ("0002/discovery-map.json", "one"),
        ("0002/replaced/a.json", "1"),
    ];
    assert_eq!(scene.kept(), owned(&expected));
}

#[test]
fn a_restart_with_the_same_map_pushes_nothing_out() {
    let mut scene = Scene::new(2);
    for map in ["one", "two", "three"] {
        scene.previous.map_came(map.as_bytes());
    }
    let expected = owned(&[
        ("0002/discovery-map.json", "two"),
        ("0003/discovery-map.json", "three"),
    ]);
    assert_eq!(scene.kept(), expected);
    for _ in 0..5 {
        scene.previous = Previous::new(scene.path("envoy.previous"), 2);
        scene.previous.map_came(b"three");
        scene.roll_out(&[("a.json", "1")]);
    }
    assert_eq!(scene.kept(), expected);
}

#[test]
fn all_of_it_has_a_greatest_size_and_the_newest_stays() {
    let mut scene = Scene::new(5);
    scene.previous.max_bytes = 8;
    for map in ["11111", "222", "3333333333"] {
        scene.previous.map_came(map.as_bytes());
        scene.roll_out(&[]);
    }
    let expected = [("0003/discovery-map.json", "3333333333")];
    assert_eq!(scene.kept(), owned(&expected));
}

#[test]
fn keys_and_files_without_a_role_are_not_kept() {
    let mut scene = Scene::new(5);
    scene.previous.map_came(b"one");
    scene.roll_out(&[("keys.pem", "secret")]);
    scene.previous.names.insert("keys.pem".to_owned(), false);
    scene
        .previous
        .replaced("keys.pem", &scene.path("envoy/keys.pem"));
    scene
        .previous
        .replaced("unknown", &scene.path("envoy/keys.pem"));
    assert_eq!(scene.kept(), owned(&[("0001/discovery-map.json", "one")]));
    let unread = Configuration::read(
        Files::from([
            ("envoy.json".to_owned(), "{}".to_owned()),
            ("script.sh".to_owned(), String::new()),
        ]),
        "envoy.json",
        "/c",
        None,
    );
    scene.previous.built(&unread.unwrap());
    assert_eq!(scene.previous.names.get("script.sh"), Some(&false));
    assert_eq!(scene.previous.names.get("envoy.json"), Some(&true));
}

#[test]
fn nothing_is_kept_if_none_is_to_be_or_none_can_be() {
    let mut scene = Scene::new(0);
    scene.previous.map_came(b"one");
    scene.roll_out(&[("a.json", "1")]);
    scene.roll_out(&[("a.json", "2")]);
    assert!(!scene.path("envoy.previous").exists());

    fs::write(scene.path("envoy.previous"), "a file").unwrap();
    scene.previous = Previous::new(scene.path("envoy.previous"), 5);
    scene.previous.map_came(b"one");
    assert!(scene.previous.has_failed);
    scene.roll_out(&[("a.json", "3")]);
    assert_eq!(fs::read_to_string(scene.path("envoy/a.json")).unwrap(), "3");
}

#[test]
fn folders_of_others_are_left_alone() {
    let mut scene = Scene::new(1);
    for name in ["2019", "2020", "0001"] {
        let theirs = scene.path("envoy.previous").join(name);
        fs::create_dir_all(&theirs).unwrap();
        fs::write(theirs.join("report.txt"), name).unwrap();
    }
    for map in ["one", "two"] {
        scene.previous.map_came(map.as_bytes());
    }
    let expected = [
        ("0001/report.txt", "0001"),
        ("0003/discovery-map.json", "two"),
        ("2019/report.txt", "2019"),
        ("2020/report.txt", "2020"),
    ];
    assert_eq!(scene.kept(), owned(&expected));
}

#[test]
fn a_full_disk_costs_what_is_kept_and_nothing_else() {
    let mut scene = Scene::new(5);
    scene.previous.map_came(b"one");
    scene.previous.map_came(b"two");
    scene.previous.clear();
    assert_eq!(scene.kept(), []);
    scene.previous.map_came(b"three");
    assert_eq!(scene.kept(), owned(&[("0001/discovery-map.json", "three")]));
}

#[test]
fn a_file_that_cannot_be_kept_does_not_cost_the_map() {
    let mut scene = Scene::new(5);
    scene.previous.map_came(b"one");
    fs::write(scene.path("envoy.previous/0001/replaced"), "in the way").unwrap();
    fs::write(scene.path("envoy/a.json"), "0").unwrap();
    scene.roll_out(&[("a.json", "1")]);
    assert!(scene.previous.has_failed);
    let expected = [
        ("0001/discovery-map.json", "one"),
        ("0001/replaced", "in the way"),
    ];
    assert_eq!(scene.kept(), owned(&expected));
}
