//! What a person should know about a template before it is used.

use super::{
    select::TemplateSet,
    shape::{self, Shape},
};
use crate::document::templates::Templates;
use crate::mustache::{
    PARTIAL_SUFFIX,
    fault::{Place, Places, TemplateFault, TemplateFaults},
    purpose::is_per_listener,
    syntax::{self, Kind, Name, Piece},
};
use std::{collections::BTreeSet, fmt};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The template cannot be used.
    Error,
    /// It can be, but will hardly do what its author meant.
    Warning,
}

/// Something about a template that its author should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, and where.
    pub fault: TemplateFault,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.write_where(out)?;
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(out, " {severity}: {}", self.fault.message)
    }
}

/// Checks one template of a mesh by itself: its syntax, and whether the context has what it names.
///
/// The name is its purpose: a tag in it puts a listener on top of the context, and one that ends in
/// `.mustache` may be contained anywhere, so it can name any field there is.
pub fn lint(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    match syntax::read(name, text) {
        Err(TemplateFaults(faults)) => {
            findings.extend(faults.into_iter().map(|fault| Finding {
                severity: Severity::Error,
                fault,
            }));
        }
        Ok(pieces) => {
            let mut places = Places::of(text);
            let mut messages = Names::around(name).check(&pieces);
            if let Some(quoting) = Quoting::of(name) {
                messages.extend(quoting.check(name, &pieces));
                messages.sort_unstable();
            }
            for (at, message) in messages {
                let place = Some(places.at(at));
                findings.push(warning(name, place, message));
            }
        }
    }
    if is_per_listener(name)
        && let Ok(pieces) = syntax::read(name, name)
    {
        for (_, message) in Names::around(name).check(&pieces) {
            findings.push(warning(name, None, format!("in the file name, {message}")));
        }
    }
    findings
}

/// Checks every template of a document, and whether there are the partials that they contain: each
/// finding with the JSON pointer of its template.
pub fn lint_all(templates: &Templates) -> Vec<(String, Finding)> {
    let gateway = templates.gateway_templates.iter();
    let service = templates.service_templates.iter();
    let gateway: Vec<_> = gateway
        .map(|item| (&*item.purpose, &*item.template))
        .collect();
    let service: Vec<_> = service
        .map(|item| (&*item.purpose, &*item.template))
        .collect();
    let mut findings = Vec::new();
    for (kind, items) in [("gateway", gateway), ("service", service)] {
        let purposes: BTreeSet<&str> = items.iter().map(|(purpose, _)| *purpose).collect();
        let has = |name: &str| {
            purposes.contains(name) || purposes.contains(&*[name, PARTIAL_SUFFIX].concat())
        };
        for (index, (purpose, text)) in items.into_iter().enumerate() {
            let found = lint(purpose, text)
                .into_iter()
                .chain(missing_partials(purpose, text, has));
            let pointer = format!("/{kind}-templates/{index}/template");
            findings.extend(found.map(|finding| (pointer.clone(), finding)));
        }
    }
    findings
}

/// The partials that a template contains and that are not there.
fn missing_partials(purpose: &str, text: &str, has: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut places = Places::of(text);
    let mut findings = Vec::new();
    for piece in syntax::read(purpose, text).into_iter().flatten() {
        if let Kind::Partial { name, .. } = piece.kind
            && !has(name)
        {
            let place = Some(places.at(piece.at));
            let message = format!("no template is named {name:?}, so it is written as nothing");
            findings.push(warning(purpose, place, message));
        }
    }
    findings
}

impl TemplateSet {
    /// What [`lint`] finds in the set's templates, and partials that the set does not have.
    pub fn warnings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (purpose, text) in &self.texts {
            findings.extend(lint(purpose, text));
            let has = |name: &str| self.partials.get(name).is_some();
            findings.extend(missing_partials(purpose, text, has));
        }
        findings
    }
}

fn warning(template: &str, place: Option<Place>, message: String) -> Finding {
    Finding {
        severity: Severity::Warning,
        fault: TemplateFault {
            template: template.to_owned(),
            place,
            message,
        },
    }
}

/// The values around a tag, as far as they can be known, innermost last.
struct Names(Vec<&'static Shape>);

impl Names {
    fn around(purpose: &str) -> Self {
        let shapes = shape::shapes();
        Self(if purpose.ends_with(PARTIAL_SUFFIX) {
            vec![&shapes.anywhere]
        } else if is_per_listener(purpose) {
            vec![&shapes.root, &shapes.listener]
        } else {
            vec![&shapes.root]
        })
    }

    fn check(&mut self, pieces: &[Piece<'_>]) -> Vec<(usize, String)> {
        let mut messages = Vec::new();
        for piece in pieces {
            match &piece.kind {
                Kind::Text(_) | Kind::Partial { .. } => {}
                Kind::Close => drop(self.0.pop()),
                Kind::Value { name, .. } => match self.find(name) {
                    None => messages.push((piece.at, unknown(name))),
                    Some(Shape::List(_)) => {
                        messages.push((piece.at, format!("\"{name}\" is a list: use a section")));
                    }
                    Some(Shape::Record(_) | Shape::Free) => {
                        messages.push((piece.at, format!("\"{name}\" is an object: name a field")));
                    }
                    Some(Shape::Scalar | Shape::Text | Shape::Unknown) => {}
                },
                Kind::Open { name, inverted } => {
                    let found = self.find(name);
                    if found.is_none() {
                        messages.push((piece.at, unknown(name)));
                    }
                    self.0.push(match found {
                        _ if *inverted => &Shape::Scalar,
                        Some(Shape::List(item)) => item,
                        Some(other) => other,
                        // One warning is enough for a section whose items are not known.
                        None => &Shape::Unknown,
                    });
                }
            }
        }
        messages
    }

    fn find(&self, name: &Name) -> Option<&'static Shape> {
        match name {
            Name::Current => self.0.last().copied(),
            Name::Path { first, rest } => {
                let mut around = self.0.iter().rev();
                let found = around.find_map(|shape| shape.field(first))?;
                rest.iter().try_fold(found, |shape, part| shape.field(part))
            }
        }
    }
}

/// How a file's form quotes texts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Json,
    Yaml,
}

impl Quoting {
    fn of(purpose: &str) -> Option<Self> {
        let file = purpose.strip_suffix(PARTIAL_SUFFIX).unwrap_or(purpose);
        match file.rsplit_once('.').map(|(_, form)| form) {
            Some("json") => Some(Self::Json),
            Some("yaml" | "yml") => Some(Self::Yaml),
            _ => None,
        }
    }

    /// Text values that stand outside quotes, where a value could end and more could follow.
    fn check(self, purpose: &str, pieces: &[Piece<'_>]) -> Vec<(usize, String)> {
        let mut names = Names::around(purpose);
        let (mut messages, mut is_quoted) = (Vec::new(), false);
        for piece in pieces {
            match &piece.kind {
                Kind::Text(text) => is_quoted = self.is_quoted_after(text, is_quoted),
                Kind::Value { name, .. } => {
                    if !is_quoted && names.find(name).is_some_and(Shape::is_text) {
                        let message = format!(
                            "\"{name}\" is text and stands outside double quotes, so its value can \
                             be more than a value"
                        );
                        messages.push((piece.at, message));
                    }
                }
                Kind::Open { .. } | Kind::Close => drop(names.check(std::slice::from_ref(piece))),
                Kind::Partial { .. } => {}
            }
        }
        messages
    }

    fn is_quoted_after(self, text: &str, mut is_quoted: bool) -> bool {
        let mut is_escaped = false;
        for line in text.split_inclusive('\n') {
            // A comment of YAML holds no values; what is in one may have single quotes of any number.
            let is_comment = self == Self::Yaml && !is_quoted && line.trim_start().starts_with('#');
            for character in line.chars().filter(|_| !is_comment) {
                match character {
                    _ if is_escaped => is_escaped = false,
                    '\\' if is_quoted => is_escaped = true,
                    '"' => is_quoted = !is_quoted,
                    _ => {}
                }
            }
        }
        is_quoted
    }
}

fn unknown(name: &Name) -> String {
    format!("the context has no \"{name}\" here, so it is written as nothing")
}
