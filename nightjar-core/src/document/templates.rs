//! Templates document: what a data store holds besides the discovery map.

use super::{
    SchemaVersion,
    text::{Name, Rule, Text, text},
};
use crate::mustache::purpose::check_purpose;
use crate::report::quoted;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, ops::Deref, str::FromStr};

text!(
    /// The file that a template makes: a relative path inside the configuration folder, itself a
    /// template.
    Purpose,
    PURPOSE
);

pub(super) const PURPOSE: Rule = Rule::new("purpose", |text| {
    check_purpose(text).map_err(|reason| {
        let shown = quoted(text);
        // Most reasons quote it themselves.
        if reason.contains(&shown) {
            reason
        } else {
            format!("{shown} {reason}")
        }
    })
});

/// Every template of the mesh, general and specialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Templates {
    /// Which edition of this schema the document follows.
    pub schema_version: SchemaVersion,
    /// An opaque string that differs whenever the content differs.
    pub document_version: Text,
    /// What gateways use.
    pub gateway_templates: Vec<GatewayTemplate>,
    /// What sidecars use.
    pub service_templates: Vec<ServiceTemplate>,
}

/// A template for gateways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GatewayTemplate {
    /// The only namespace it is for; `null` is any.
    pub namespace: Option<Name>,
    /// The file it makes: a relative path inside the configuration folder, itself a template.
    pub purpose: Purpose,
    /// The Mustache text.
    pub template: String,
}

/// A template for sidecars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ServiceTemplate {
    /// The only namespace it is for; `null` is any.
    pub namespace: Option<Name>,
    /// The only service it is for; `null` is any.
    pub service: Option<Name>,
    /// The only color it is for; `null` is any.
    pub color: Option<Name>,
    /// The file it makes: a relative path inside the configuration folder, itself a template.
    pub purpose: Purpose,
    /// The Mustache text.
    pub template: String,
}
