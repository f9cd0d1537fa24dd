//! Secrets that Envoy reads by SDS from files of their own, watched while it runs.
//!
//! Such a file may be replaced at any moment and by anybody. Envoy takes the new one up by itself, or
//! refuses it and goes on with the one before, which nobody would learn but from its statistics.

use crate::{
    ack::{self, Counters, Versions},
    admin::{Admin, AdminError},
};
use nightjar_core::envoy::{Role, Secret};
use std::{
    fmt, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How often Envoy is asked. It looks through all of its counters for that.
const PAUSE: Duration = Duration::from_secs(3);

/// The path of the counters of secrets.
const COUNTERS: &str = "/stats?type=Counters&filter=%28%5E%7C%5C.%29sds%5C..*%5C.%28update_success%7C\
                        update_rejected%7Cupdate_failure%7Ckey_rotation_failed%29$";

/// A secret of which Envoy refused the newest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretTrouble {
    pub(crate) secret: Secret,
    /// Whether Envoy has none at all; else it goes on with the one before.
    pub(crate) is_missing: bool,
}

impl SecretTrouble {
    /// Whether clients cannot connect for want of it.
    pub(crate) fn is_in_the_way(&self) -> bool {
        self.is_missing && !self.secret.is_of_cluster
    }
}

impl fmt::Display for SecretTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Secret {
            name,
            path,
            named_by,
            is_of_cluster,
        } = &self.secret;
        write!(
            f,
            "envoy refused secret {name:?} of {named_by} from {path}, and "
        )?;
        f.write_str(match (self.is_missing, is_of_cluster) {
            (false, _) => "uses the one before",
            (true, false) => "has none: no client can connect by TLS",
            (true, true) => "has none: no call of that cluster gets through",
        })
    }
}

/// What is known of the secrets of a configuration.
#[derive(Debug, Default)]
struct Watch {
    secrets: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    secret: Secret,
    role: Role,
    /// Counts at the last look: taken, refused, not renewed.
    counts: [u64; 3],
    /// Whether Envoy has told a version of it.
    had_version: bool,
    /// Whether the newest is refused, and if so, whether Envoy has none.
    is_missing: Option<bool>,
    /// A hash of the file that was refused: when Envoy reads the same again, it counts it as taken.
    refused: Option<u64>,
}

impl Watch {
    fn new(secrets: Vec<Secret>) -> Self {
        let known = |secret: Secret| Known {
            role: Role::Secrets(secret.name.clone()),
            secret,
            counts: [0; 3],
            had_version: false,
            is_missing: None,
            refused: None,
        };
        Self {
            secrets: secrets.into_iter().map(known).collect(),
        }
    }

    /// Judges by what Envoy counts now.
    ///
    /// `hash` gives a hash of a file, `None` if it cannot be read.
    fn look(
        &mut self,
        versions: &Versions,
        counters: &Counters,
        hash: impl Fn(&str) -> Option<u64>,
    ) -> Vec<SecretTrouble> {
        for known in &mut self.secrets {
            let file = hash(&known.secret.path);
            known.look(versions, counters, file);
        }
        let troubles = self.secrets.iter().filter_map(|known| {
            Some(SecretTrouble {
                secret: known.secret.clone(),
                is_missing: known.is_missing?,
            })
        });
        troubles.collect()
    }
}

impl Known {
    fn look(&mut self, versions: &Versions, counters: &Counters, file: Option<u64>) {
        let total = |counter| ack::total(&self.role, counter, counters);
        let refused = total("update_rejected") + total("update_failure");
        let counts = [
            total("update_success"),
            refused,
            total("key_rotation_failed"),
        ];
        let mut before = std::mem::replace(&mut self.counts, counts);
        if counts.iter().zip(&before).any(|(now, before)| now < before) {
            // Another process counts.
            before = [0; 3];
        }
        let mut rose = counts.iter().zip(&before).map(|(now, before)| now > before);
        let mut rose = || rose.next().unwrap_or_default();
        let (taken, refused, not_renewed) = (rose(), rose(), rose());
        let version = versions.of(&self.role);
        let has_version = version.is_some_and(|version| !version.is_empty());
        match (taken, refused) {
            (true, false) if self.is_missing.is_none() || file != self.refused => {
                self.is_missing = None;
            }
            // A process that took over counts on from what the one before had counted.
            (false, true) => {
                self.refused = file;
                self.is_missing =
                    Some(total("update_success") == 0 || (self.had_version && !has_version));
            }
            _ => {}
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

/// Watches the secrets of a configuration, and reports each change of what is amiss.
pub(crate) async fn watch(admin: Admin, secrets: Vec<Secret>, report: impl Fn(Vec<SecretTrouble>)) {
    let mut watch = Watch::new(secrets);
    let mut reported = Vec::new();
    loop {
        // An Envoy that starts, or is too busy to answer, is asked again.
        if let Ok((versions, counters)) = ask(&admin).await {
            let troubles = watch.look(&versions, &counters, hash_of_file);
            if troubles != reported {
                reported.clone_from(&troubles);
                report(troubles);
            }
        }
        sleep(PAUSE).await;
    }
}

fn hash_of_file(path: &str) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    fs::read(path).ok()?.hash(&mut hasher);
    Some(hasher.finish())
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

    struct Story(Watch, u64);

    impl Story {
        fn new() -> Self {
            Self(
                Watch::new(vec![Secret {
                    name: "own".to_owned(),
                    path: "/x/sds.json".to_owned(),
                    named_by: "lds.json".to_owned(),
                    is_of_cluster: false,
                }]),
                0,
            )
        }

        /// Another file is there.
        fn rotate(&mut self) {
            self.1 += 1;
        }

        fn look(&mut self, version: &str, taken: u64, refused: u64) -> Option<bool> {
            let versions = format!("sds.own.version_text: \"{version}\"\n");
            let counters = format!(
                "sds.own.update_success: {taken}\nsds.own.update_rejected: {refused}\nsds.other.update_rejected: 9\n"
            );
            let troubles = self.0.look(
                &Versions::read(&versions),
                &ack::read_counters(&counters),
                |_| Some(self.1),
            );
            troubles.first().map(|trouble| trouble.is_missing)
        }
    }

    #[test]
    fn a_secret_that_was_never_taken_is_missing() {
        let mut story = Story::new();
        assert_eq!(story.look("", 0, 0), None, "it is not read yet");
        assert_eq!(story.look("", 0, 1), Some(true));
        assert_eq!(story.look("", 0, 1), Some(true));
        story.rotate();
        assert_eq!(story.look("1", 1, 1), None);
    }

    #[test]
    fn a_refused_one_leaves_the_one_before() {
        let mut story = Story::new();
        assert_eq!(story.look("1", 1, 0), None);
        story.rotate();
        assert_eq!(story.look("1", 1, 1), Some(false));
        let why = "the same file again is no news, though Envoy counts it as taken";
        assert_eq!(story.look("2", 2, 1), Some(false), "{why}");
        story.rotate();
        let why = "it is not known which came last";
        assert_eq!(story.look("2", 3, 2), Some(false), "{why}");
        story.rotate();
        assert_eq!(story.look("2", 4, 2), None);
    }

    #[test]
    fn a_process_that_took_over_does_not_have_what_the_old_one_had() {
        let mut story = Story::new();
        assert_eq!(story.look("1", 1, 1), None);
        assert_eq!(story.look("", 1, 2), Some(true));
        assert_eq!(story.look("", 0, 1), Some(true), "it counts for itself");
        story.rotate();
        assert_eq!(story.look("2", 1, 1), None);
    }
}
