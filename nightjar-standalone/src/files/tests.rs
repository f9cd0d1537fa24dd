use super::*;

/// A configuration of a bootstrap and these files.
fn files(items: &[(&str, &str)]) -> Configuration {
    let bootstrap = ("envoy.json", "{}");
    let files = items.iter().chain([&bootstrap]);
    let files = files.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Configuration::read(files.collect(), "envoy.json", "/c", None).unwrap()
}

fn listing(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn removes_what_it_made_before_a_restart_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("notes.txt"), "mine").unwrap();
    let mut folder = Folder::open(root.path()).unwrap();
    folder
        .replace_all(&files(&[("a.json", "1"), ("sub/b.json", "2")]))
        .unwrap();
    drop(folder);
    fs::write(root.path().join("c.json.nightjar-new"), "half").unwrap();
    let mut folder = Folder::open(root.path()).unwrap();
    folder.replace_all(&files(&[("a.json", "3")])).unwrap();
    assert_eq!(
        listing(root.path()),
        [
            MANIFEST,
            dir_lock::LOCK,
            "a.json",
            "envoy.json",
            "notes.txt"
        ]
    );
    assert_eq!(folder.text("a.json").as_deref(), Some("3"));
}

#[test]
fn a_file_makes_room_for_a_folder_of_its_name_and_back() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(root.path()).unwrap();
    for name in ["a", "a/b", "a"] {
        folder.replace_all(&files(&[(name, "1")])).unwrap();
        assert_eq!(folder.text(name).as_deref(), Some("1"));
    }
}

#[test]
fn a_folder_has_one_owner() {
    let root = tempfile::tempdir().unwrap();
    let _owner = Folder::open(root.path()).unwrap();
    assert!(matches!(
        Folder::open(root.path()),
        Err(FolderError::InUse(_))
    ));
}

#[test]
fn a_difference_is_told_file_by_file() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = Folder::open(root.path()).unwrap();
    let before = files(&[("a.json", "1\n"), ("gone.json", "2\n")]);
    folder.replace_all(&before).unwrap();
    let current = Folder::read_only(root.path());
    assert_eq!(difference(&current, &before), "nothing would change\n");
    let after = files(&[("a.json", "3\n"), ("new.json", "4\n")]);
    assert_eq!(
        difference(&current, &after),
        "changed: a.json\n@@ -1 +1 @@\n-1\n+3\n\
         removed: gone.json\n@@ -1 +0,0 @@\n-2\n\
         new: new.json\n@@ -0,0 +1 @@\n+4\n"
    );
}

#[test]
fn what_another_hand_does_is_seen_and_mended() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("config");
    let mut folder = Folder::open(&place).unwrap();
    let set = files(&[("a.json", "1"), ("b.json", "2")]);
    folder.replace_all(&set).unwrap();
    assert_eq!(folder.changed_by_others(), (Vec::new(), false));
    fs::remove_file(place.join("a.json")).unwrap();
    fs::write(place.join("b.json"), "mine").unwrap();
    let changed = vec!["a.json".to_owned(), "b.json".to_owned()];
    assert_eq!(folder.changed_by_others(), (changed, false));
    folder.replace_all(&set).unwrap();
    assert_eq!(folder.changed_by_others(), (Vec::new(), false));
    fs::remove_dir_all(&place).unwrap();
    assert!(folder.changed_by_others().1);
    folder.replace_all(&set).unwrap();
    assert_eq!(folder.changed_by_others(), (Vec::new(), false));
    assert_eq!(folder.text("b.json").as_deref(), Some("2"));
}

#[test]
fn what_cannot_be_written_is_told_with_its_path() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    let error = Folder::open(&root.path().join("file")).err().unwrap();
    let message = error.to_string();
    assert!(
        message.starts_with("cannot make the folder \""),
        "{message}"
    );
    let mut folder = Folder::open(root.path()).unwrap();
    folder.replace_all(&files(&[("a.json", "1")])).unwrap();
    fs::remove_file(root.path().join("a.json")).unwrap();
    fs::create_dir(root.path().join("a.json")).unwrap();
    let error = folder.replace_all(&files(&[])).err().unwrap();
    let message = error.to_string();
    assert!(message.starts_with("cannot remove \""), "{message}");
}

#[test]
fn a_staged_file_that_is_not_published_leaves_no_trace() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open(root.path()).unwrap();
    drop(folder.stage("a.json", "1").unwrap());
    assert_eq!(listing(root.path()), [dir_lock::LOCK]);
}
