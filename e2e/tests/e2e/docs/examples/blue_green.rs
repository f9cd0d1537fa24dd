//! ECS's own blue/green deployments, and what becomes of tags that ECS copies to tasks.

use super::{ECS, Mesh, Settings, answering, block, entries, settings};
use e2e::{
    eventually,
    mesh::{Backend, Proxy},
};

const PATH: &str = "/stock/who";
const TEST: [(&str, &str); 1] = [("x-test", "r42")];

/// The settings of a revision: those of the page, with another color and weight.
fn revision(color: &str, weight: &str) -> Settings {
    let mut settings = settings(&block(ECS, "sh green-revision"));
    settings.insert("NJ_COLOR".to_owned(), color.to_owned());
    settings.insert("NJ_ROUTE_WEIGHT_1".to_owned(), weight.to_owned());
    settings
}

/// Registers it with the weight as the only tag.
fn register(mesh: &Mesh, settings: Settings) -> String {
    let is_tag = |(name, _): &(String, String)| name == "NJ_ROUTE_WEIGHT_1";
    let (tags, environment) = settings.into_iter().partition(is_tag);
    mesh.register("stock", &tags, &environment)
}

/// The share of green, in percent.
fn share(proxy: &Proxy) -> usize {
    let green = |_: &usize| proxy.get(PATH).by() == "stock-green";
    (0..100).filter(green).count()
}

#[test]
fn green_is_tested_before_it_gets_requests_and_blue_takes_over_when_it_goes() {
    let mesh = Mesh::begin();
    let [blue, green] = ["blue", "green"].map(|color| Backend::start("stock", color));
    let blue_revision = register(&mesh, revision("r41", "1"));
    mesh.run(&blue_revision, &blue);
    let gateway = mesh.gateway();
    gateway.wait_for_answer(PATH, "stock-blue");

    // As the page has it: no share, and the tests get through.
    let page = settings(&block(ECS, "sh green-revision"));
    assert_eq!(page["NJ_ROUTE_WEIGHT_1"], "0");
    let green_revision = register(&mesh, page);
    let green_task = mesh.run(&green_revision, &green);
    eventually("green answers its tests", || {
        let answer = gateway.get_with(PATH, &TEST);
        (answer.by() == "stock-green").then_some(())
    });
    let only_blue = ["stock-blue".to_owned()].into();
    assert_eq!(answering(&gateway, PATH, &[], 100), only_blue);

    // The shift.
    mesh.tag_definition(&green_revision, "NJ_ROUTE_WEIGHT_1", "999");
    eventually("green has its share", || {
        (share(&gateway) > 90).then_some(())
    });

    // A rollback: green goes, and blue has its weight of 1.
    green_task.draining();
    eventually("blue answers alone", || {
        (share(&gateway) == 0).then_some(())
    });
    assert_eq!(answering(&gateway, PATH, &[], 100), only_blue);
}

#[test]
fn a_weight_of_0_in_a_revision_of_the_same_color_takes_the_share_of_both() {
    let mesh = Mesh::begin();
    let [blue, green] = ["blue", "green"].map(|color| Backend::start("stock", color));
    mesh.run(&register(&mesh, revision("live", "1")), &blue);
    let gateway = mesh.gateway();
    gateway.wait_for_answer(PATH, "stock-blue");
    mesh.run(&register(&mesh, revision("live", "0")), &green);
    gateway.wait_for_status(PATH, 503);
}

/// ECS copies the tags of a definition to a task that starts, with `propagateTags`.
#[test]
fn a_copied_tag_hides_the_tag_of_the_definition() {
    let mesh = Mesh::begin();
    let app = Backend::start("stock", "blue");
    let definition = register(&mesh, revision("r1", "3"));
    let copied = mesh
        .cluster
        .run(mesh.task(&definition, &app).tag("NJ_ROUTE_WEIGHT_1", "3"));
    let weight = || {
        let map = mesh.discover().document.unwrap();
        let routes = entries(&map, "stock")[0]["routes"].as_array().unwrap();
        let mut routes = routes.iter().filter(|route| route.get("headers").is_none());
        routes.next().unwrap()["weight"].clone()
    };
    mesh.tag_definition(&definition, "NJ_ROUTE_WEIGHT_1", "7");
    assert_eq!(weight(), 3);
    copied.tag("NJ_ROUTE_WEIGHT_1", "5");
    assert_eq!(weight(), 5);

    // A task without a copy goes by the definition.
    copied.stopped();
    mesh.run(&definition, &app);
    assert_eq!(weight(), 7);
}
