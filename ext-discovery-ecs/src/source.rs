//! Settings, and one run from the first call to the map.

use crate::{
    aws::Aws,
    error::DiscoveryError,
    model::{self, Rules},
    resources::Task,
};
use nightjar_aws::Session;
use nightjar_core::{
    document::discovery_map::DiscoveryMap,
    env::{Reader, Setting},
    extension::{About, ActionError, Cache, DiscoveryMapSource, FetchOutcome},
    workload::Warnings,
};
use std::{collections::BTreeSet, path::PathBuf, time::Duration};

const NAME: &str = env!("CARGO_PKG_NAME");

pub(crate) const AWS_CLUSTERS: Setting = Setting::with_default(
    "NJ_DMECS_AWS_CLUSTERS",
    "default",
    "the names or ARNs of the ECS clusters whose tasks make the mesh, separated by commas",
);
pub(crate) const REQUIRED_TAG: Setting = Setting::optional(
    "NJ_DMECS_REQUIRED_TAG",
    "no tag is needed",
    "a tag that a task needs to be in the mesh",
);
pub(crate) const REQUIRED_TAG_VALUE: Setting = Setting::optional(
    "NJ_DMECS_REQUIRED_TAG_VALUE",
    "any value will do",
    "the value that NJ_DMECS_REQUIRED_TAG needs to have",
);
pub(crate) const TASKDEF_CACHE_SECONDS: Setting = Setting::with_default(
    "NJ_DMECS_TASKDEF_CACHE_SECONDS",
    "60",
    "how long a task definition is not asked for again; its tags may change, nothing else of it does",
);
pub(crate) const INCLUDE_UNHEALTHY: Setting = Setting::with_default(
    "NJ_DMECS_INCLUDE_UNHEALTHY",
    "false",
    "whether tasks whose health check fails stay in the mesh",
);
pub(crate) const TEMP_DIR: Setting = Setting::optional(
    "NJ_TEMP_DIR",
    "nothing is kept from one run to the next",
    "the folder below which task definitions, addresses of instances and the last map's tasks are kept; \
     the program that starts this one sets it",
);

/// The discovery map from the tasks of ECS clusters.
pub(crate) struct EcsTasks {
    clusters: Vec<String>,
    rules: Rules,
    definition_age: Duration,
    folder: Option<PathBuf>,
}

impl DiscoveryMapSource for EcsTasks {
    const ABOUT: About = About {
        name: NAME,
        version: env!("CARGO_PKG_VERSION"),
        summary: "the discovery map from the tags and environment of Amazon ECS tasks",
        settings: &[
            AWS_CLUSTERS,
            REQUIRED_TAG,
            REQUIRED_TAG_VALUE,
            TASKDEF_CACHE_SECONDS,
            INCLUDE_UNHEALTHY,
            TEMP_DIR,
        ],
    };

    fn from_settings(reader: &mut Reader<'_>) -> Self {
        let tag = reader.optional(&REQUIRED_TAG, Reader::text);
        let value = reader.optional(&REQUIRED_TAG_VALUE, Reader::text);
        if tag.is_none() && value.is_some() {
            let reason = format!("means nothing without {}", REQUIRED_TAG.name);
            reader.reject(&REQUIRED_TAG_VALUE, reason);
        }
        let folder = reader.optional(&TEMP_DIR, Reader::path);
        Self {
            clusters: reader.checked(&AWS_CLUSTERS, clusters),
            rules: Rules {
                required_tag: tag.map(|tag| (tag, value)),
                include_unhealthy: reader.boolean(&INCLUDE_UNHEALTHY),
            },
            definition_age: reader.seconds_or_zero(&TASKDEF_CACHE_SECONDS),
            folder: folder.map(|folder| folder.join(NAME)),
        }
    }

    fn discover(&self, previous: Option<&str>) -> Result<FetchOutcome, ActionError> {
        let session = Session::open(NAME).map_err(DiscoveryError::from)?;
        let mut aws = Aws::new(
            session.config(),
            self.folder.as_deref(),
            self.definition_age,
            &format!("{:?}", self.rules.required_tag),
        );
        let region = session.config().region().map(AsRef::as_ref);
        let clusters = distinct(&self.clusters, region.unwrap_or_default());
        let (map, warnings) = session.block_on(self.ask(&clusters, &mut aws))?;
        aws.sweep();
        let is_unchanged = previous == Some(&*map.document_version);
        let endpoint = session.config().endpoint_url().unwrap_or_default();
        // Programs that share a folder may be asked for different maps.
        let asked = format!("{endpoint} {region:?} {clusters:?} {:?}", self.rules);
        Cache::open(self.folder.as_deref(), "warnings").warn_once(&asked, &warnings.messages());
        if is_unchanged {
            return Ok(FetchOutcome::Unchanged);
        }
        let mut json = serde_json::to_vec(&map).map_err(DiscoveryError::Encode)?;
        json.push(b'\n');
        Ok(FetchOutcome::New(json))
    }
}

impl EcsTasks {
    /// Asks AWS, and puts the map together. Any call that fails ends it.
    async fn ask(
        &self,
        clusters: &[String],
        aws: &mut Aws<'_>,
    ) -> Result<(DiscoveryMap, Warnings), DiscoveryError> {
        let by_cluster = aws.tasks(clusters).await?;
        let tasks: Vec<(&str, &Task)> = by_cluster
            .iter()
            .flat_map(|(cluster, tasks)| tasks.iter().map(move |task| (cluster.as_str(), task)))
            .filter(|(_, task)| self.rules.admit(task))
            .collect();
        let arns: BTreeSet<&str> = tasks
            .iter()
            .map(|(_, task)| task.definition.as_str())
            .collect();
        let mut warnings = Warnings::new();
        let definitions = aws.definitions(arns, &mut warnings).await?;
        let mesh_tasks = model::mesh_tasks(tasks, &definitions, &self.rules, &mut warnings);
        let instances = aws.instances(&model::needed_instances(&mesh_tasks)).await?;
        let (map, of_map) = model::map(&mesh_tasks, &instances);
        warnings.append(of_map);
        let tasks = mesh_tasks.iter();
        aws.keep_tasks(tasks.map(|mesh_task| (mesh_task.cluster, mesh_task.task.arn.as_str())));
        let listed: usize = by_cluster.iter().map(|(_, tasks)| tasks.len()).sum();
        tracing::debug!(
            "{listed} tasks run, {} of them in the mesh, of {} task definitions, on {} instances",
            mesh_tasks.len(),
            definitions.len(),
            instances.len()
        );
        Ok((map, warnings))
    }
}

fn clusters(text: &str) -> Result<Vec<String>, String> {
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let names: BTreeSet<String> = names.map(ToOwned::to_owned).collect();
    if names.is_empty() {
        return Err("names no cluster".to_owned());
    }
    Ok(names.into_iter().collect())
}

/// The clusters without the names of those that are there by their ARNs too. A name alone is that of
/// a cluster in the own region.
fn distinct(clusters: &[String], region: &str) -> Vec<String> {
    let named_by = |arn: &String| {
        let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':').skip(2);
        let (of, name) = (parts.next()?, parts.nth(1)?.strip_prefix("cluster/")?);
        (of == region).then(|| name.to_owned())
    };
    let by_arn: BTreeSet<String> = clusters.iter().filter_map(named_by).collect();
    let names = clusters.iter().filter(|name| !by_arn.contains(*name));
    names.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_asked_once_whatever_it_is_called() {
        let arn = |region: &str, name: &str| format!("arn:aws:ecs:{region}:1:cluster/{name}");
        let asked = |text: &str| {
            let clusters = clusters(text).unwrap_or_default();
            distinct(&clusters, "eu-west-1").join(" ")
        };
        let (here, there) = (arn("eu-west-1", "mesh"), arn("us-east-1", "mesh"));
        assert_eq!(asked("mesh,mesh , other"), "mesh other");
        assert_eq!(asked(&format!("mesh,{here},{here}")), here);
        assert_eq!(asked(&format!("mesh,{there}")), format!("{there} mesh"));
        assert_eq!(asked(&format!("other,{here}")), format!("{here} other"));
    }
}
