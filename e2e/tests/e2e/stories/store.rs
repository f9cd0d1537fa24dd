//! Many read what one publishes.

use super::mesh::{Mesh, Network};
use e2e::{extension::Extension, maps::shop};
use std::thread;

const FETCHERS: u64 = 10;
const ROUNDS: u64 = 5;
const FETCH: [&str; 2] = ["--document=discovery-map", "--action=fetch"];
const COMMIT: [&str; 2] = ["--document=discovery-map", "--action=commit"];

/// What sidecars cost: one request each for a whole document, then one request without a body
/// each time they look, until there is another version.
#[test]
fn ten_readers_make_one_request_each_per_look_and_move_bytes_only_for_news() {
    let mesh = Mesh::begin(Network::Bridge);
    let store = || Extension::new("ext-store-s3").envs(mesh.store());
    let committed = store().give(&shop("blue", 3000), &COMMIT);
    assert_eq!((committed.code, committed.stderr.as_str()), (Some(0), ""));

    let readers: Vec<Extension> = (0..FETCHERS).map(|_| store()).collect();
    let everybody = |version: &str| -> Vec<_> {
        thread::scope(|scope| {
            let ask = |reader| scope.spawn(move || Extension::call_after(reader, version, &FETCH));
            let asked: Vec<_> = readers.iter().map(ask).collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        })
    };
    let news = |version: &str, color: &str| {
        mesh.aws.wire.forget();
        let endings = everybody(version);
        for ending in &endings {
            let document = ending.document.as_ref().unwrap();
            let service_color = &document["namespaces"][0]["service-colors"][0];
            assert_eq!(service_color["color"], color, "{ending:?}");
            assert_eq!(ending.version(), endings[0].version());
        }
        assert_eq!(mesh.aws.wire.count("s3:GetObject"), FETCHERS);
        assert_eq!(mesh.aws.wire.requests().len() as u64, FETCHERS);
        endings[0].version().to_owned()
    };

    let first = news("", "blue");
    mesh.aws.wire.forget();
    for _ in 0..ROUNDS {
        for ending in everybody(&first) {
            assert_eq!(ending.code, Some(30), "{ending:?}");
            assert_eq!(ending.document, None);
        }
    }
    let requests = mesh.aws.wire.requests();
    assert_eq!(requests.len() as u64, FETCHERS * ROUNDS);
    for request in requests {
        assert_eq!(
            (request.call.as_str(), request.status),
            ("s3:GetObject", Some(304))
        );
    }

    let committed = store().give(&shop("green", 3000), &COMMIT);
    assert_eq!(committed.code, Some(0), "{committed:?}");
    assert_ne!(news(&first, "green"), first);
}
