use super::locate;
use crate::envoy::test_files::{cluster, eds_cluster, endpoints, file, files, read};

#[test]
fn a_reason_is_told_with_its_place() {
    let mut files = files(&[cluster("a", &[1]), eds_cluster("b", "svc")]);
    files.insert("eds-svc.json".to_owned(), file([endpoints("svc", &[70])]));
    let configuration = read(files);
    let unknown = |inner: &str| {
        format!(
            "Protobuf message (type envoy.config.bootstrap.v3.Bootstrap reason \
             INVALID_ARGUMENT: {inner}) has unknown fields"
        )
    };
    let failed = "embedded message failed validation | caused by";
    for (reason, words) in [
        (
            unknown("unknown enum value: '/c/rds-8080.json'"),
            "lds.json, listener \"in\", line 29: unknown enum value: '/c/rds-8080.json'",
        ),
        (
            unknown(
                "invalid JSON in envoy.config.bootstrap.v3.Bootstrap @ \
                 static_resources.clusters[0]: message envoy.config.cluster.v3.Cluster, near \
                 1:66 (offset 65): no such field: 'load_assignment'",
            ),
            "cds.json, cluster \"a\", line 5: no such field: 'load_assignment' in \
             envoy.config.cluster.v3.Cluster",
        ),
        (
            unknown(
                "invalid JSON in envoy.config.bootstrap.v3.Bootstrap @ \
                 static_resources.clusters[1].load_assignment: message x.Y, near 1:66: bad",
            ),
            "eds-svc.json, endpoints of \"svc\", line 3: bad in x.Y",
        ),
        (
            format!(
                "Proto constraint validation failed (BootstrapValidationError.StaticResources: \
                 {failed} StaticResourcesValidationError.Listeners[0]: {failed} \
                 ListenerValidationError.Address: too long)"
            ),
            "lds.json, listener \"in\", line 3: Proto constraint validation failed \
             (ListenerValidationError.Address: too long)",
        ),
        (
            "route: unknown cluster 'a'".to_owned(),
            "route: unknown cluster 'a'",
        ),
        (
            "no IP address: in. Consider 'svc'".to_owned(),
            "lds.json, listener \"in\", line 34: no IP address: in. Consider 'svc'",
        ),
        (
            "it is unwell, near 1:64 (offset 63): because (near 1:2) of near things".to_owned(),
            "it is unwell: because of near things",
        ),
    ] {
        assert_eq!(locate(&reason, &configuration), words);
    }
}
