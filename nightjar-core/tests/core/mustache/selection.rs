//! Which template of a mesh is for which proxy.

use nightjar_core::{
    document::{
        SchemaVersion,
        discovery_map::Name,
        templates::{GatewayTemplate, Purpose, ServiceTemplate, Templates},
    },
    template::TemplateSet,
};

/// Templates from `namespace/service/color purpose`, `*` for any, whose text is that line.
pub(super) fn document(services: &[&str], gateways: &[&str]) -> Templates {
    let part = |text: &str| (text != "*").then(|| text.parse().unwrap());
    let split = |line: &str| -> (Vec<Option<Name>>, Purpose) {
        let (who, purpose) = line.split_once(' ').unwrap();
        (who.split('/').map(part).collect(), purpose.parse().unwrap())
    };
    Templates {
        schema_version: SchemaVersion::V1,
        document_version: "1".parse().unwrap(),
        gateway_templates: gateways
            .iter()
            .map(|line| {
                let (who, purpose) = split(line);
                let namespace = who[0].clone();
                let template = (*line).to_owned();
                GatewayTemplate {
                    namespace,
                    purpose,
                    template,
                }
            })
            .collect(),
        service_templates: services
            .iter()
            .map(|line| {
                let (who, purpose) = split(line);
                ServiceTemplate {
                    namespace: who[0].clone(),
                    service: who[1].clone(),
                    color: who[2].clone(),
                    purpose,
                    template: (*line).to_owned(),
                }
            })
            .collect(),
    }
}

fn chosen(services: &[&str]) -> Vec<String> {
    let document = document(services, &[]);
    let set = TemplateSet::select_service(&document, "n", "s", "c").unwrap();
    let input = super::files::input(&["local"], 1);
    set.render(&input).unwrap().into_values().collect()
}

#[test]
fn namespace_counts_before_service_before_color() {
    let from_best_to_worst = [
        "n/s/c p", "n/s/* p", "n/*/c p", "n/*/* p", "*/s/c p", "*/s/* p", "*/*/c p", "*/*/* p",
    ];
    for best in 0..from_best_to_worst.len() {
        let mut offered = from_best_to_worst[best..].to_vec();
        assert_eq!(chosen(&offered), [from_best_to_worst[best]]);
        offered.reverse();
        assert_eq!(chosen(&offered), [from_best_to_worst[best]]);
    }
}

#[test]
fn what_names_another_never_matches() {
    assert_eq!(
        chosen(&[
            "m/s/c p", "n/t/c p", "n/s/d p", "*/*/* p", "m/*/* q", "*/t/* r", "*/*/d s"
        ]),
        ["*/*/* p"]
    );
}

#[test]
fn each_purpose_is_chosen_for_itself() {
    assert_eq!(
        chosen(&["*/*/* a", "n/s/c b", "*/*/* b", "*/s/* c"]),
        ["*/*/* a", "n/s/c b", "*/s/* c"]
    );
}

#[test]
fn gateways_have_templates_of_their_own() {
    let document = document(&["*/*/* s"], &["* a", "n a", "m b", "* c"]);
    let set = TemplateSet::select_gateway(&document, "n").unwrap();
    assert_eq!(set.purposes().collect::<Vec<_>>(), ["a", "c"]);
    let mut input = super::files::input(&["gateway"], 1);
    (input.is_gateway, input.namespace) = (true, "n".to_owned());
    let files = TemplateSet::for_proxy(&document, &input)
        .unwrap()
        .render(&input)
        .unwrap();
    assert_eq!(files.into_values().collect::<Vec<_>>(), ["n a", "* c"]);
    (input.is_gateway, input.is_service) = (false, true);
    let files = TemplateSet::for_proxy(&document, &input)
        .unwrap()
        .render(&input)
        .unwrap();
    assert_eq!(files.into_values().collect::<Vec<_>>(), ["*/*/* s"]);
}

fn service_faults(document: &Templates) -> String {
    match TemplateSet::select_service(document, "n", "s", "c") {
        Ok(_) => String::new(),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn two_templates_for_the_same_proxies_are_a_fault() {
    assert_eq!(
        service_faults(&document(
            &["*/s/* p", "*/*/* q", "*/s/* p", "*/*/* q"],
            &[]
        )),
        "p: /service-templates/0 and /service-templates/2 have the same purpose and are for the same proxies\n\
         q: /service-templates/1 and /service-templates/3 have the same purpose and are for the same proxies"
    );
    // Neither is chosen here, so this proxy has nothing to complain about.
    let hidden = document(&["*/*/* p", "*/*/* p", "n/*/* p"], &[]);
    assert_eq!(service_faults(&hidden), "");
}

#[test]
fn every_fault_of_every_chosen_template_is_listed() {
    let mut document = document(&["*/*/* p", "m/*/* p", "*/*/* q"], &[]);
    for (template, text) in document
        .service_templates
        .iter_mut()
        .zip(["{{x", "{{y", "b{{#c}}"])
    {
        text.clone_into(&mut template.template);
    }
    assert_eq!(
        service_faults(&document),
        "p:1:1: tag is not closed with }}\n\
         q:1:2: section \"c\" is never closed"
    );
}
