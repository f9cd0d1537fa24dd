use super::*;
use crate::fake::{FakeEnvoy, LOOPBACK};

#[test]
fn an_interface_that_binds_every_address_is_asked_at_loopback() {
    let any = [
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), "127.0.0.1:9901"),
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), "[::1]:9901"),
        (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), "10.0.0.1:9901"),
    ];
    for (address, asked) in any {
        assert_eq!(Admin::new(address, 9901).address.to_string(), asked);
    }
}

#[tokio::test]
async fn what_does_not_answer_is_told_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let envoy = FakeEnvoy::start(folder.path()).await;
    let admin = envoy.admin();
    envoy.script().bootstrap = "/c/envoy.json".to_owned();
    let info = admin.server_info().await.unwrap();
    assert!(info.is_live());
    assert_eq!(
        (info.restart_epoch, info.config_path.as_str()),
        (0, "/c/envoy.json")
    );
    envoy.script().status = Some(503);
    let start = format!(
        "envoy's admin interface at 127.0.0.1:{} does not answer ",
        envoy.port()
    );
    let error = admin.server_info().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{start}/server_info: status 503: not now")
    );
    drop(envoy);
    tokio::task::yield_now().await;
    let error = admin.dump("x").await.unwrap_err().to_string();
    assert!(error.contains("onnection refused"), "{error}");
}

#[tokio::test]
async fn an_interface_that_is_silent_or_says_nonsense_is_given_up() {
    let silent = std::net::TcpListener::bind((LOOPBACK, 0)).unwrap();
    let admin = Admin::new(LOOPBACK, silent.local_addr().unwrap().port());
    let error = admin.get_until("/stats", Instant::now()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("does not answer /stats: no answer in 0 s"),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let envoy = FakeEnvoy::start(folder.path()).await;
    let error = envoy.admin().json("/stats").await.unwrap_err();
    let start = format!("envoy's admin interface at 127.0.0.1:{} ", envoy.port());
    assert!(
        error.to_string().starts_with(&start),
        "an empty answer is not JSON: {error}"
    );
}
