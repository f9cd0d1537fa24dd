//! Secrets that Envoy reads by SDS from files of their own, watched while it runs.
//!
//! Such a file may be replaced at any moment and by anybody. Envoy takes the new one up by itself, or
//! refuses it and goes on with the one before, which nobody would learn but from its statistics.

use crate::{
    ack::{self, Counters, Versions},
    admin::{Admin, AdminError},
};
use nightjar_core::envoy::{FileRole, Secret};
use std::{
    fmt, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How often Envoy is asked. It looks through all of its counters for that.
const PAUSE: Duration = Duration::from_secs(3);

/// The path of what Envoy counts of secrets, and of when it took one last.
const COUNTERS: &str = "/stats?filter=%28%5E%7C%5C.%29sds%5C..*%5C.%28update_success%7Cupdate_rejected%7C\
                        update_failure%7Cupdate_time%7Ckey_rotation_failed%29$";
/// The most that is read of a file to tell it from others.
const LARGEST_FILE: u64 = 4 << 20;

/// A secret of which Envoy refused the newest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretTrouble {
    pub(crate) secret: Secret,
    pub(crate) left: Left,
}

/// What a refusal leaves Envoy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// The secret before.
    Old,
    /// Nothing: it never had one.
    Nothing,
    /// Nothing: the process before had one.
    Lost,
}

/// What a look at the secrets gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SecretReport {
    pub(crate) troubles: Vec<SecretTrouble>,
    /// Whether Envoy has a secret of each name.
    pub(crate) has_all: bool,
}

impl fmt::Display for SecretTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Secret {
            name,
            path,
            named_by,
            ..
        } = &self.secret;
        write!(
            f,
            "envoy refused secret {name:?} of {named_by} from {path}, and "
        )?;
        f.write_str(match self.left {
            Left::Old => "uses the one before",
            Left::Nothing | Left::Lost => "has none: connections that need it fail",
        })
    }
}

/// What is known of the secrets of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    secrets: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    secret: Secret,
    role: FileRole,
    /// Counts at the last look: taken, refused, not renewed.
    counts: [u64; 3],
    /// Whether Envoy has told a version of it.
    had_version: bool,
    /// What Envoy is left with, if the newest is refused.
    refusal: Option<Left>,
    /// A hash of the file that was refused: when Envoy reads the same again, it counts it as taken.
    refused: Option<u64>,
}

/// A file as it is at a look.
#[derive(Debug, Clone, Copy)]
struct Seen {
    hash: u64,
    /// When it was put there, in milliseconds since 1970.
    since: u64,
}

impl Watch {
    /// Watches these from now on, and keeps what is known of those among them.
    pub(crate) fn follow(&mut self, secrets: Vec<Secret>) {
        let mut before = std::mem::take(&mut self.secrets);
        let known = |secret: Secret| {
            let at = before.iter().position(|known| known.secret == secret);
            at.map_or_else(|| Known::new(secret), |at| before.swap_remove(at))
        };
        self.secrets = secrets.into_iter().map(known).collect();
    }

    /// Judges by what Envoy counts now.
    ///
    /// `see` looks at a file, `None` if it cannot be read.
    fn look(
        &mut self,
        versions: &Versions,
        counters: &Counters,
        see: impl Fn(&str) -> Option<Seen>,
    ) -> SecretReport {
        for known in &mut self.secrets {
            known.look(versions, counters, &see);
        }
        let troubles = self.secrets.iter().filter_map(|known| {
            Some(SecretTrouble {
                secret: known.secret.clone(),
                left: known.refusal?,
            })
        });
        SecretReport {
            troubles: troubles.collect(),
            has_all: self
                .secrets
                .iter()
                .all(|known| known.counts.first() > Some(&0)),
        }
    }
}

impl Known {
    fn new(secret: Secret) -> Self {
        Self {
            role: FileRole::Secrets(secret.name.clone()),
            secret,
            counts: [0; 3],
            had_version: false,
            refusal: None,
            refused: None,
        }
    }

    fn look(
        &mut self,
        versions: &Versions,
        counters: &Counters,
        see: impl Fn(&str) -> Option<Seen>,
    ) {
        let total = |counter| ack::total(&self.role, counter, counters);
        let counts = [
            total("update_success"),
            total("update_rejected") + total("update_failure"),
            total("key_rotation_failed"),
        ];
        let taken_at = total("update_time");
        let mut before = std::mem::replace(&mut self.counts, counts);
        if counts.iter().zip(&before).any(|(now, before)| now < before) {
            // Another process counts.
            before = [0; 3];
            (self.refusal, self.refused) = (None, None);
        }
        let mut rose = counts.iter().zip(&before).map(|(now, before)| now > before);
        let mut rose = || rose.next().unwrap_or_default();
        let (taken, refused, not_renewed) = (rose(), rose(), rose());
        let version = versions.of(&self.role);
        let has_version = version.is_some_and(|version| !version.is_empty());
        if taken || refused {
            let file = see(&self.secret.path);
            let is_last = |file: Seen| taken_at >= file.since;
            if refused && !(taken && file.is_some_and(is_last)) {
                self.refused = file.map(|file| file.hash);
                // A process that took over counts on from what the one before had counted.
                self.refusal = Some(match counts {
                    [0, ..] if self.had_version => Left::Lost,
                    [0, ..] => Left::Nothing,
                    _ if self.had_version && !has_version => Left::Lost,
                    _ => Left::Old,
                });
            } else if self.refusal.is_none() || file.map(|file| file.hash) != self.refused {
                self.refusal = None;
            }
        }
        self.had_version |= has_version;
        if not_renewed {
            tracing::warn!(
                "envoy could not renew secret {:?} from the files that {} names, and uses the ones before",
                self.secret.name,
                self.secret.path
            );
        }
    }
}

/// Watches secrets, and reports the first look and each change.
pub(crate) async fn watch(admin: Admin, watch: Arc<Mutex<Watch>>, report: impl Fn(SecretReport)) {
    let mut reported = None;
    loop {
        // An Envoy that starts, or is too busy to answer, is asked again.
        if let Ok((versions, counters)) = ask(&admin).await {
            let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            let looked = watch.look(&versions, &counters, see);
            if reported.as_ref() != Some(&looked) {
                reported = Some(looked.clone());
                report(looked);
            }
        }
        sleep(PAUSE).await;
    }
}

fn see(path: &str) -> Option<Seen> {
    // A pipe would hold the program up.
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST_FILE {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    fs::read(path).ok()?.hash(&mut hasher);
    let since = metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000;
    Some(Seen {
        hash: hasher.finish(),
        since: u64::try_from(since).ok()?,
    })
}

async fn ask(admin: &Admin) -> Result<(Versions, Counters), AdminError> {
    let deadline = Instant::now() + PAUSE;
    let versions = admin.get_until(ack::VERSIONS, deadline).await?;
    let counters = admin.get_until(COUNTERS, deadline).await?;
    Ok((Versions::read(&versions), ack::read_counters(&counters)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Story {
        watch: Watch,
        file: Seen,
    }

    impl Story {
        fn new() -> Self {
            let mut watch = Watch::default();
            watch.follow(vec![own()]);
            let file = Seen { hash: 1, since: 10 };
            Self { watch, file }
        }

        /// Another file is there.
        fn rotate(&mut self) {
            self.file.hash += 1;
            self.file.since += 10;
        }

        /// What Envoy is left with by these counts, where it took a secret last just now or at 0.
        fn look(&mut self, version: &str, taken: u64, refused: u64, taken_at: u64) -> Option<Left> {
            let versions = format!("sds.own.version_text: \"{version}\"\n");
            let counters = format!(
                "sds.own.update_success: {taken}\nsds.own.update_rejected: {refused}\n\
                 sds.own.update_time: {taken_at}\nsds.other.update_rejected: 9\n"
            );
            let (versions, counters) = (Versions::read(&versions), ack::read_counters(&counters));
            let report = self.watch.look(&versions, &counters, |_| Some(self.file));
            assert_eq!(report.has_all, taken > 0);
            report.troubles.first().map(|trouble| trouble.left)
        }
    }

    fn own() -> Secret {
        Secret {
            name: "own".to_owned(),
            path: "/x/sds.json".to_owned(),
            named_by: "lds.json".to_owned(),
            is_of_cluster: false,
        }
    }

    #[test]
    fn a_secret_that_was_never_taken_is_missing() {
        let mut story = Story::new();
        assert_eq!(story.look("", 0, 0, 0), None, "it is not read yet");
        assert_eq!(story.look("", 0, 1, 0), Some(Left::Nothing));
        assert_eq!(story.look("", 0, 1, 0), Some(Left::Nothing));
        story.rotate();
        assert_eq!(story.look("1", 1, 1, 21), None);
    }

    #[test]
    fn a_refused_one_leaves_the_one_before() {
        let mut story = Story::new();
        assert_eq!(story.look("1", 1, 0, 11), None);
        story.rotate();
        assert_eq!(story.look("1", 1, 1, 11), Some(Left::Old));
        let why = "the same file again is no news, though Envoy counts it as taken";
        assert_eq!(story.look("2", 2, 1, 31), Some(Left::Old), "{why}");
        story.rotate();
        let why = "a good one came, and then a bad one";
        assert_eq!(story.look("2", 3, 2, 29), Some(Left::Old), "{why}");
        story.rotate();
        let why = "a bad one came, and then a good one";
        assert_eq!(story.look("2", 4, 3, 41), None, "{why}");
    }

    #[test]
    fn a_process_that_took_over_does_not_have_what_the_old_one_had() {
        let mut story = Story::new();
        assert_eq!(story.look("1", 1, 0, 11), None);
        story.rotate();
        assert_eq!(story.look("1", 1, 1, 11), Some(Left::Old));
        assert_eq!(story.look("", 1, 2, 11), Some(Left::Lost));
        let why = "it counts for itself";
        assert_eq!(story.look("", 0, 1, 0), Some(Left::Lost), "{why}");
        let why = "what the file names was mended, and one more process came";
        assert_eq!(story.look("2", 1, 0, 51), None, "{why}");
    }

    #[test]
    fn what_is_known_of_a_secret_outlives_a_change_of_others() {
        let mut story = Story::new();
        assert_eq!(story.look("1", 1, 0, 11), None);
        story.rotate();
        assert_eq!(story.look("1", 1, 1, 11), Some(Left::Old));
        let another = Secret {
            name: "other".to_owned(),
            ..own()
        };
        story.watch.follow(vec![own(), another]);
        story.watch.follow(vec![own()]);
        assert_eq!(story.look("1", 1, 1, 11), Some(Left::Old));
    }
}
