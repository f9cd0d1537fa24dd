//! Lints: what the author of a template should know before it is used.

use super::{
    context_types::{ValueType, context_types},
    hook_check,
    layer::hook_without_suffix,
    select::TemplateSet,
    shipped::{BOOTSTRAP_HOOK, HOOKS},
};
use crate::document::templates::Templates;
use crate::mustache::{
    PARTIAL_SUFFIX,
    error::{Position, PositionFinder, TemplateError, TemplateErrors},
    purpose::is_per_listener,
    syntax::{self, TagName, Token, TokenKind},
};
use std::{collections::BTreeSet, fmt};

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The template cannot be used.
    Error,
    /// It can be, but will hardly do what its author meant.
    Warning,
}

/// Something about a template that its author should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, and where.
    pub error: TemplateError,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.write_position(out)?;
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(out, " {severity}: {}", self.error.message)
    }
}

/// What lies beneath the templates that are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseLayer {
    /// The shipped templates, with their hooks.
    Shipped,
    /// Nothing: a purpose that is the name of a hook is like any other.
    Nothing,
}

/// Checks one template of a mesh by itself: its syntax, and whether the context has what it names.
///
/// The name is its purpose: a tag in it puts a listener on top of the context, and one that ends in
/// `.mustache` may be contained anywhere, so it can name any field there is.
pub fn lint(name: &str, text: &str) -> Vec<Diagnostic> {
    lint_over(BaseLayer::Shipped, name, text)
}

fn lint_over(base: BaseLayer, name: &str, text: &str) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    match syntax::parse(name, text) {
        Err(TemplateErrors(errors)) => {
            diagnostics.extend(errors.into_iter().map(|error| Diagnostic {
                severity: Severity::Error,
                error,
            }));
        }
        Ok(tokens) => {
            let mut positions = PositionFinder::of(text);
            let mut messages = NameResolver::around(name).check(&tokens);
            if let Some(quoting) = Quoting::of(name, base) {
                messages.extend(quoting.check(name, &tokens));
                messages.sort_unstable();
            }
            for (at, message) in messages {
                let position = Some(positions.at(at));
                diagnostics.push(warning(name, position, message));
            }
        }
    }
    if base == BaseLayer::Shipped
        && let Some(message) = hook_without_suffix(name)
    {
        diagnostics.push(warning(name, None, message));
    }
    if is_per_listener(name)
        && let Ok(tokens) = syntax::parse(name, name)
    {
        for (_, message) in NameResolver::around(name).check(&tokens) {
            diagnostics.push(warning(name, None, format!("in the file name, {message}")));
        }
    }
    diagnostics
}

/// Checks every template of a document, whether there are the partials that they contain, whether a hook
/// breaks what it is in, and whether a file repeats a member: each finding with the JSON pointer of its template.
pub fn lint_all(templates: &Templates, base: BaseLayer) -> Vec<(String, Diagnostic)> {
    let gateway = templates.gateway_templates.iter();
    let service = templates.service_templates.iter();
    let gateway: Vec<_> = gateway
        .map(|item| (&*item.purpose, &*item.template))
        .collect();
    let service: Vec<_> = service
        .map(|item| (&*item.purpose, &*item.template))
        .collect();
    let mut diagnostics = Vec::new();
    for (kind, items) in [("gateway", gateway), ("service", service)] {
        let purposes: BTreeSet<&str> = items.iter().map(|(purpose, _)| *purpose).collect();
        let has = |name: &str| {
            purposes.contains(name) || purposes.contains(&*[name, PARTIAL_SUFFIX].concat())
        };
        for (index, (purpose, text)) in items.into_iter().enumerate() {
            let found = lint_over(base, purpose, text)
                .into_iter()
                .chain(missing_partials(base, purpose, text, has));
            let pointer = format!("/{kind}-templates/{index}/template");
            diagnostics.extend(found.map(|diagnostic| (pointer.clone(), diagnostic)));
        }
    }
    let of_hooks = match base {
        BaseLayer::Shipped => hook_check::errors(templates),
        BaseLayer::Nothing => Vec::new(),
    };
    diagnostics.extend(of_hooks.into_iter().map(|(pointer, error)| {
        let severity = Severity::Error;
        (pointer, Diagnostic { severity, error })
    }));
    let of_files = hook_check::warnings(templates).into_iter();
    diagnostics.extend(of_files.map(|(pointer, warning)| {
        let (severity, error) = (Severity::Warning, warning.error);
        (pointer, Diagnostic { severity, error })
    }));
    diagnostics
}

/// The partials that a template contains and that are not there.
fn missing_partials(
    base: BaseLayer,
    purpose: &str,
    text: &str,
    has: impl Fn(&str) -> bool,
) -> Vec<Diagnostic> {
    let mut positions = PositionFinder::of(text);
    let mut diagnostics = Vec::new();
    for token in syntax::parse(purpose, text).into_iter().flatten() {
        if let TokenKind::Partial { name, .. } = token.kind
            && !has(name)
            && !is_hook(base, name)
        {
            let position = Some(positions.at(token.at));
            let message =
                format!("no template is named {name:?}, so the partial renders as nothing");
            diagnostics.push(warning(purpose, position, message));
        }
    }
    diagnostics
}

/// Whether the templates beneath have a hook of this name.
fn is_hook(base: BaseLayer, name: &str) -> bool {
    match base {
        BaseLayer::Shipped => HOOKS.contains(&name),
        BaseLayer::Nothing => false,
    }
}

impl TemplateSet {
    /// What [`lint`] finds in the set's templates, and partials that the set does not have.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let base = match self.shipped.as_slice() {
            [] => BaseLayer::Nothing,
            _ => BaseLayer::Shipped,
        };
        let mut diagnostics = Vec::new();
        for (purpose, text) in &self.texts {
            diagnostics.extend(lint_over(base, purpose, text));
            let has = |name: &str| self.partials.get(name).is_some();
            diagnostics.extend(missing_partials(base, purpose, text, has));
        }
        diagnostics
    }
}

fn warning(template: &str, position: Option<Position>, message: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        error: TemplateError {
            template: template.to_owned(),
            position,
            message,
        },
    }
}

/// The values around a tag, as far as they can be known, innermost last.
struct NameResolver(Vec<&'static ValueType>);

impl NameResolver {
    fn around(purpose: &str) -> Self {
        let types = context_types();
        Self(if purpose.ends_with(PARTIAL_SUFFIX) {
            vec![&types.anywhere]
        } else if is_per_listener(purpose) {
            vec![&types.root, &types.listener]
        } else {
            vec![&types.root]
        })
    }

    fn check(&mut self, tokens: &[Token<'_>]) -> Vec<(usize, String)> {
        let mut messages = Vec::new();
        for token in tokens {
            match &token.kind {
                TokenKind::Text(_) | TokenKind::Partial { .. } => {}
                TokenKind::Close => drop(self.0.pop()),
                TokenKind::Value { name, .. } => match self.find(name) {
                    None => messages.push((token.at, unknown(name))),
                    Some(ValueType::List(_)) => {
                        messages.push((token.at, format!("\"{name}\" is a list: use a section")));
                    }
                    Some(ValueType::Record(_) | ValueType::AnyKeys) => {
                        messages.push((token.at, format!("\"{name}\" is an object: name a field")));
                    }
                    Some(ValueType::Scalar | ValueType::Text | ValueType::Unknown) => {}
                },
                TokenKind::Open { name, inverted } => {
                    let found = self.find(name);
                    if found.is_none() {
                        messages.push((token.at, unknown(name)));
                    }
                    self.0.push(match found {
                        _ if *inverted => &ValueType::Scalar,
                        Some(ValueType::List(item)) => item,
                        Some(other) => other,
                        // One warning is enough for a section whose items are not known.
                        None => &ValueType::Unknown,
                    });
                }
            }
        }
        messages
    }

    fn find(&self, name: &TagName) -> Option<&'static ValueType> {
        match name {
            TagName::Current => self.0.last().copied(),
            TagName::Path { first, rest } => {
                let mut around = self.0.iter().rev();
                let found = around.find_map(|value_type| value_type.field(first))?;
                rest.iter()
                    .try_fold(found, |value_type, part| value_type.field(part))
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
    fn of(purpose: &str, base: BaseLayer) -> Option<Self> {
        if is_hook(base, purpose) {
            let is_yaml = purpose == BOOTSTRAP_HOOK;
            return Some(if is_yaml { Self::Yaml } else { Self::Json });
        }
        let file = purpose.strip_suffix(PARTIAL_SUFFIX).unwrap_or(purpose);
        match file.rsplit_once('.').map(|(_, form)| form) {
            Some("json") => Some(Self::Json),
            Some("yaml" | "yml") => Some(Self::Yaml),
            _ => None,
        }
    }

    /// Text values that stand outside quotes, where a value could end and more could follow.
    fn check(self, purpose: &str, tokens: &[Token<'_>]) -> Vec<(usize, String)> {
        let mut names = NameResolver::around(purpose);
        let (mut messages, mut is_quoted) = (Vec::new(), false);
        for token in tokens {
            match &token.kind {
                TokenKind::Text(text) => is_quoted = self.is_quoted_after(text, is_quoted),
                TokenKind::Value { name, .. } => {
                    if !is_quoted && names.find(name).is_some_and(ValueType::is_text) {
                        let message = format!(
                            "\"{name}\" is text outside double quotes, so its value can add other \
                             content to the file"
                        );
                        messages.push((token.at, message));
                    }
                }
                TokenKind::Open { .. } | TokenKind::Close => {
                    drop(names.check(std::slice::from_ref(token)));
                }
                TokenKind::Partial { .. } => {}
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

fn unknown(name: &TagName) -> String {
    format!("the context has no \"{name}\" here, so it renders as nothing")
}
