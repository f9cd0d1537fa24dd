use super::*;
use crate::envoy::test_files::{
    BOOTSTRAP, cluster, eds_cluster, endpoints, file, files, read, sds, secret,
};

#[test]
fn everything_is_in_it() {
    let mut plain_cluster = cluster("a", &[1]);
    plain_cluster["transport_socket"] = json!([sds("s", "/c/sds.json"), sds("s", "/x/s.json")]);
    let mut by_eds = eds_cluster("b", "svc");
    by_eds["transport_socket"] = json!([sds("s", "/c/sds.json"), sds("s", "/c/more/sds.json")]);
    let mut files = files(&[plain_cluster, by_eds]);
    let own = "static_resources: {secrets: [{name: own}], clusters: [{name: c}]}\nnode: {id: n}";
    files.insert("envoy.yaml".to_owned(), format!("{BOOTSTRAP}{own}"));
    files.insert("eds-svc.json".to_owned(), file([endpoints("svc", &[2])]));
    for name in ["sds.json", "more/sds.json"] {
        files.insert(name.to_owned(), file([secret("s")]));
    }
    files.insert("cert.pem".to_owned(), "a certificate".to_owned());
    let fixed: Value = serde_json::from_str(&static_bootstrap(&read(files), "/c", "/s")).unwrap();
    assert_eq!(fixed["node"], json!({"id": "n"}));
    assert_eq!(fixed["dynamic_resources"], json!({}));
    let fixed = &fixed["static_resources"];
    let sockets = |index: usize| &fixed["clusters"][index]["transport_socket"];
    assert_eq!(fixed["clusters"][0], json!({"name": "c"}));
    assert_eq!(sockets(1), &json!([{"name": "s"}, sds("s", "/x/s.json")]));
    let second = json!([{"name": "s"}, {"name": "s of more/sds.json"}]);
    assert_eq!(sockets(2), &second);
    assert_eq!(fixed["clusters"][2]["type"], "STATIC");
    let mut assignment = endpoints("svc", &[2]);
    assignment.as_object_mut().unwrap().remove("@type");
    assert_eq!(fixed["clusters"][2]["load_assignment"], assignment);
    assert_eq!(fixed["clusters"][2].get("eds_cluster_config"), None);
    let certificate = |name: &str| {
        json!({"name": name, "tls_certificate": {
            "certificate_chain": {"filename": "/s/cert.pem"},
            "private_key": {"filename": "/nowhere/key.pem"},
        }})
    };
    let secrets = [
        json!({"name": "own"}),
        certificate("s of more/sds.json"),
        certificate("s"),
    ];
    assert_eq!(fixed["secrets"], json!(secrets));
    let manager = &fixed["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    assert_eq!(manager["route_config"]["validate_clusters"], true);
    assert_eq!(manager.get("rds"), None);
}
