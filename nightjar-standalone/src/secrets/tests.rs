use super::{
    file::{FileState, FileSystem},
    *,
};

/// The files of a story, by path.
#[derive(Default)]
struct Disk(BTreeMap<&'static str, FileState>);

impl FileSystem for Disk {
    fn read_state(&self, path: &str) -> Option<FileState> {
        self.0.get(path).copied()
    }
}

const OWN: &str = "/x/sds.json";
const OTHER: &str = "/y/sds.json";

struct Story {
    watch: SecretWatch,
    disk: Disk,
    /// What Envoy counts beside what each look says.
    more: &'static str,
}

impl Story {
    fn new() -> Self {
        Self::of(vec![own()])
    }

    fn of(secrets: Vec<Secret>) -> Self {
        let mut watch = SecretWatch::default();
        let disk = secrets.iter().map(|secret| {
            let path = if secret.path == OWN { OWN } else { OTHER };
            let file = FileState {
                hash: 1,
                since: 10,
                named: 1,
            };
            (path, file)
        });
        let disk = Disk(disk.collect());
        watch.follow(secrets);
        Self {
            watch,
            disk,
            more: "",
        }
    }

    /// Another file is there.
    fn rotate(&mut self) {
        self.rotate_at(OWN);
    }

    fn rotate_at(&mut self, path: &'static str) {
        let file = self.disk.0.get_mut(path).unwrap();
        file.hash += 1;
        file.since += 10;
    }

    /// Another file is where the secret's file names one.
    fn rotate_named(&mut self) {
        self.disk.0.get_mut(OWN).unwrap().named += 1;
    }

    fn report(
        &mut self,
        version: &str,
        accepted: u64,
        rejected: u64,
        accepted_at: u64,
    ) -> SecretReport {
        let versions = format!("sds.own.version_text: \"{version}\"\n");
        let counters = format!(
            "sds.own.update_success: {accepted}\nsds.own.update_rejected: {rejected}\n\
             sds.own.update_time: {accepted_at}\nsds.other.update_rejected: 9\n{}",
            self.more
        );
        let (versions, counters) = (Versions::read(&versions), ack::read_counters(&counters));
        let report = self.watch.inspect(&versions, &counters, &self.disk);
        assert_eq!(report.has_all, accepted > 0);
        report
    }

    /// What Envoy is left with by these counts, where it took a secret last just now or at 0.
    fn inspect(
        &mut self,
        version: &str,
        accepted: u64,
        rejected: u64,
        accepted_at: u64,
    ) -> Option<Remaining> {
        let report = self.report(version, accepted, rejected, accepted_at);
        report.problems.first().map(|problem| problem.remaining)
    }

    /// The messages about the problems.
    fn messages(
        &mut self,
        version: &str,
        accepted: u64,
        rejected: u64,
        accepted_at: u64,
    ) -> Vec<String> {
        let report = self.report(version, accepted, rejected, accepted_at);
        report.problems.iter().map(ToString::to_string).collect()
    }

    /// What Envoy counts of keys and certificates that it could not use, and of those that it could.
    fn look_at_keys(&mut self, counts: &'static str) -> Vec<String> {
        self.more = counts;
        self.messages("1", 1, 0, 11)
    }
}

fn own() -> Secret {
    Secret {
        name: "own".to_owned(),
        path: OWN.to_owned(),
        named_by: "lds.json".to_owned(),
        is_of_cluster: false,
    }
}

#[test]
fn a_secret_that_was_never_taken_is_missing() {
    let mut story = Story::new();
    assert_eq!(story.inspect("", 0, 0, 0), None, "it is not read yet");
    assert_eq!(story.inspect("", 0, 1, 0), Some(Remaining::Nothing));
    assert_eq!(story.inspect("", 0, 1, 0), Some(Remaining::Nothing));
    story.rotate();
    assert_eq!(story.inspect("1", 1, 1, 21), None);
}

#[test]
fn a_refused_one_leaves_the_one_before() {
    let mut story = Story::new();
    assert_eq!(story.inspect("1", 1, 0, 11), None);
    story.rotate();
    assert_eq!(story.inspect("1", 1, 1, 11), Some(Remaining::Previous));
    let why = "the same file again is no news, though Envoy counts it as taken";
    assert_eq!(
        story.inspect("2", 2, 1, 31),
        Some(Remaining::Previous),
        "{why}"
    );
    story.rotate();
    let why = "a good one came, and then a bad one";
    assert_eq!(
        story.inspect("2", 3, 2, 29),
        Some(Remaining::Previous),
        "{why}"
    );
    story.rotate();
    let why = "a bad one came, and then a good one";
    assert_eq!(story.inspect("2", 4, 3, 41), None, "{why}");
}

#[test]
fn a_process_that_took_over_does_not_have_what_the_old_one_had() {
    let mut story = Story::new();
    assert_eq!(story.inspect("1", 1, 0, 11), None);
    story.rotate();
    assert_eq!(story.inspect("1", 1, 1, 11), Some(Remaining::Previous));
    assert_eq!(story.inspect("", 1, 2, 11), Some(Remaining::Lost));
    let why = "it counts for itself";
    assert_eq!(story.inspect("", 0, 1, 0), Some(Remaining::Lost), "{why}");
    let why = "what the file names was mended, and one more process came";
    assert_eq!(story.inspect("2", 1, 0, 51), None, "{why}");
}

#[test]
fn what_is_known_of_a_secret_outlives_a_change_of_others() {
    let mut story = Story::new();
    assert_eq!(story.inspect("1", 1, 0, 11), None);
    story.rotate();
    assert_eq!(story.inspect("1", 1, 1, 11), Some(Remaining::Previous));
    let another = Secret {
        name: "other".to_owned(),
        ..own()
    };
    story.watch.follow(vec![own(), another]);
    story.watch.follow(vec![own()]);
    assert_eq!(story.inspect("1", 1, 1, 11), Some(Remaining::Previous));
}

/// The secret of the same name in another file, which a cluster uses.
fn namesake() -> Secret {
    Secret {
        path: OTHER.to_owned(),
        named_by: "cds.json".to_owned(),
        is_of_cluster: true,
        ..own()
    }
}

#[test]
fn of_two_files_with_one_name_the_one_that_changed_is_refused() {
    let mut story = Story::of(vec![own(), namesake()]);
    assert_eq!(story.inspect("1", 2, 0, 11), None);
    story.rotate_at(OTHER);
    let message =
        "envoy refused secret \"own\" of cds.json from /y/sds.json, and uses the previous one";
    assert_eq!(story.messages("1", 2, 1, 11), [message]);
    story.rotate();
    let why = "the other file is taken, and this one is not mended";
    assert_eq!(story.messages("2", 3, 1, 21), [message], "{why}");
    story.rotate_at(OTHER);
    assert!(story.messages("3", 4, 1, 31).is_empty());
}

#[test]
fn of_two_files_that_changed_at_once_both_are_told() {
    let mut story = Story::of(vec![own(), namesake()]);
    let message = "envoy refused secret \"own\" of lds.json from /x/sds.json or /y/sds.json, and has none: \
                connections that need it fail";
    assert_eq!(story.messages("", 0, 1, 0), [message]);
    assert_eq!(
        shared_names(&[own(), namesake()]),
        [
            "secret \"own\" is in several files, which envoy counts together: /x/sds.json, /y/sds.json\n\
             hint: give each a name of its own, so that the refused one is certain"
        ]
    );
    assert!(shared_names(&[own(), own()]).is_empty());
}

const ONE_FAILED: &str = "sds.own.key_rotation_failed: 1\n";

#[test]
fn keys_that_envoy_cannot_use_are_told_until_others_are_there() {
    let mut story = Story::new();
    assert!(story.look_at_keys("").is_empty());
    story.rotate_named();
    let message = "envoy cannot use the files that /x/sds.json names for secret \"own\" of lds.json, and uses \
                the previous ones";
    assert_eq!(story.look_at_keys(ONE_FAILED), [message]);
    assert_eq!(story.look_at_keys(ONE_FAILED), [message]);
    story.rotate_named();
    assert!(story.look_at_keys(ONE_FAILED).is_empty(), "mended");
    story.rotate_named();
    assert_eq!(
        story.look_at_keys("sds.own.key_rotation_failed: 2\n"),
        [message]
    );
    story.rotate();
    story.more = "sds.own.key_rotation_failed: 2\n";
    let why = "another secret file came";
    assert!(story.messages("2", 2, 0, 41).is_empty(), "{why}");
}

#[test]
fn a_certificate_and_its_key_that_come_one_after_the_other_are_no_trouble() {
    let mut story = Story::new();
    assert!(story.look_at_keys("").is_empty());
    story.rotate_named();
    let counts = "sds.own.key_rotation_failed: 1\n\
                  listener.0.0.0.0_1.server_ssl_socket_factory.ssl_context_update_by_sds: 1\n";
    assert!(story.look_at_keys(counts).is_empty());
}
