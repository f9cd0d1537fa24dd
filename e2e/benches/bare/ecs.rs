//! What `ext-discovery-ecs` is measured against: the AWS SDK, the two calls that an unchanged
//! discovery of up to 100 tasks makes, and nothing else.
//!
//! ```text
//! bare-ecs CLUSTER
//! ```
//! Fails if there are no tasks.

use aws_config::BehaviorVersion;
use aws_sdk_ecs::{
    Client, Error,
    types::{DesiredStatus, TaskField},
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cluster = std::env::args().nth(1).unwrap_or_default();
    match tasks(&cluster).await {
        Ok(1..) => ExitCode::SUCCESS,
        Ok(0) | Err(_) => ExitCode::FAILURE,
    }
}

async fn tasks(cluster: &str) -> Result<usize, Error> {
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(https);
    let client = Client::new(&loader.load().await);
    let list = client.list_tasks().cluster(cluster).max_results(100);
    let listed = list.desired_status(DesiredStatus::Running).send().await?;
    let describe = client.describe_tasks().cluster(cluster);
    let describe = describe.set_tasks(listed.task_arns);
    let described = describe.include(TaskField::Tags).send().await?;
    Ok(described.tasks().len())
}
