//! The colors that instances of one service tell apart.

use crate::{
    discovery_cache::{Instance, Instances},
    registry::Service,
};
use nightjar_core::{
    document::discovery_map::Name,
    workload::{Warning, Warnings},
};
use std::collections::BTreeMap;

/// How many colors one service may have. An attribute with more values, such as an address or a
/// task's id, is another one than was meant.
const MAX_COLORS: usize = 20;

/// A service's instances by the color that each names in an attribute. One that names none has the
/// service's own color, and so have all if no attribute is wanted.
///
/// All colors declare the same routes, and the own one is always among them, if need be without
/// instances: so no value of the attribute opens anything. Those of unhealthy instances count, so that a
/// color does not come and go with the health of its instances.
pub(crate) fn split<'a>(
    attribute: Option<&str>,
    service: &Service,
    instances: &'a Instances,
    own: &Name,
    warnings: &mut Warnings,
) -> BTreeMap<Name, Vec<&'a Instance>> {
    let all: Vec<&Instance> = instances.list.iter().collect();
    let undivided = |all| BTreeMap::from([(own.clone(), all)]);
    let Some(attribute) = attribute.filter(|_| !all.is_empty()) else {
        return undivided(all);
    };
    let mut warn = |reason: String, remedy: &str| {
        let warning = Warning::new(service.subject(), reason).with_remedy(remedy);
        warnings.push(warning);
    };
    let mut colors = BTreeMap::<Name, Vec<&Instance>>::new();
    for instance in &all {
        let text = instance.attributes.get(attribute).map(|text| text.trim());
        let color = match text.filter(|text| !text.is_empty()).map(str::parse) {
            None => own.clone(),
            Some(Ok(color)) => color,
            Some(Err(_)) => {
                warn(
                    format!(
                        "{attribute} of instance {:?} is {:?}, which is not a name; the instance \
                         counts as {own}",
                        instance.id,
                        text.unwrap_or_default()
                    ),
                    "give it 1 to 128 letters, digits, dots, underscores and hyphens",
                );
                own.clone()
            }
        };
        colors.entry(color).or_default().push(instance);
    }
    if colors.len() > MAX_COLORS {
        warn(
            format!(
                "its instances have {} different values of {attribute}, and {MAX_COLORS} are \
                 allowed; all count as {own}",
                colors.len()
            ),
            "set NJ_DMCM_COLOR_ATTRIBUTE to an attribute that is the same for all instances of a \
             color",
        );
        return undivided(all);
    }
    // Its private routes close their paths for everybody, whatever its instances are called.
    colors.entry(own.clone()).or_default();
    colors
}
