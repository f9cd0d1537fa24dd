//! Where EC2 is.
//!
//! Its rules are those of ECS, whose client knows all of AWS's partitions, with one exception: in
//! `GovCloud`, the usual endpoint is FIPS-compliant itself, and has no other beside it but for dual stack.

use crate::error::DiscoveryError;
use aws_sdk_ecs::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_types::{SdkConfig, region::Region, service_config::ServiceConfigKey};

/// Where EC2 is: as the settings say, or else by its rules.
pub(super) async fn endpoint(config: &SdkConfig) -> Result<String, DiscoveryError> {
    let key = ServiceConfigKey::builder()
        .service_id("EC2")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = key
        .ok()
        .and_then(|key| config.service_config()?.load_config(key));
    if let Some(url) = own.or_else(|| config.endpoint_url().map(ToOwned::to_owned)) {
        return Ok(url);
    }
    let region = config.region().map(Region::as_ref);
    let params = Params::builder()
        .set_region(region.map(ToOwned::to_owned))
        .set_use_fips(config.use_fips())
        .set_use_dual_stack(config.use_dual_stack())
        .build();
    let beside = match params {
        Ok(params) => DefaultResolver::new().resolve_endpoint(&params).await,
        Err(fault) => Err(fault.into()),
    };
    let beside = beside.map_err(DiscoveryError::NoEndpoint)?;
    let url = beside.url().replacen("://ecs", "://ec2", 1);
    let is_gov = region.is_some_and(|region| region.contains("us-gov-"));
    if is_gov && config.use_dual_stack() != Some(true) {
        return Ok(url.replacen("://ec2-fips.", "://ec2.", 1));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By botocore's rules: a region, then the endpoint as it is, with FIPS, with dual stack, with
    /// both. Written by `e2e/aws/ec2_endpoints.py`.
    const TABLE: &str = include_str!("../../../e2e/aws/ec2_endpoints.txt");

    #[tokio::test]
    async fn ec2_is_where_its_own_rules_say() -> Result<(), DiscoveryError> {
        assert!(TABLE.lines().count() > 50);
        for line in TABLE.lines() {
            let mut words = line.split(' ').map(ToOwned::to_owned);
            let region = words.next().unwrap_or_default();
            for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                let config = SdkConfig::builder()
                    .region(Region::new(region.clone()))
                    .use_fips(fips)
                    .use_dual_stack(dual_stack)
                    .build();
                let found = endpoint(&config).await.unwrap_or_else(|_| "-".to_owned());
                let way = format!("{region} FIPS {fips} dual stack {dual_stack}");
                assert_eq!(Some(found), words.next(), "{way}");
            }
        }
        let own = SdkConfig::builder().endpoint_url("http://10.0.0.1:5000");
        assert_eq!(endpoint(&own.build()).await?, "http://10.0.0.1:5000");
        Ok(())
    }
}
