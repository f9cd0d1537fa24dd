//! Who may answer a request: the rules, written a second time and in the plainest way.

use super::maps::Group;
use regex::Regex;
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathKind {
    Exact,
    Regex,
    Prefix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Exact,
    Prefix,
    Suffix,
    Regex,
    Present,
}

/// What a route asks of a header or a query parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) value: &'static str,
    pub(super) is_inverted: bool,
    pub(super) is_case_sensitive: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) kind: PathKind,
    pub(super) path: String,
    pub(super) is_case_sensitive: bool,
    pub(super) headers: Vec<Condition>,
    pub(super) queries: Vec<Condition>,
    pub(super) weight: u8,
    pub(super) default_access: bool,
    pub(super) access: Vec<(&'static str, bool)>,
}

/// A request whose path is in its plain form.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) path: String,
    /// The values of the header `x`, each in a header line of its own.
    pub(super) headers: Vec<&'static str>,
    /// The values of the query parameter `q`.
    pub(super) queries: Vec<&'static str>,
}

/// Whose eyes a namespace is seen with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// The namespace's own.
    Inside,
    /// A gateway's.
    Gateway,
    /// Those of another namespace.
    From(&'static str),
    /// Those of another namespace that calls by way of the gateways, which do not know who calls.
    Through(&'static str),
}

/// What may become of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Disposition {
    /// 404 by the proxy: there is nothing, or nothing for this caller.
    NotFound,
    /// 503 by the proxy: all who could answer are scaled to zero.
    Nobody,
    /// Answered by this backend.
    By(String),
}

impl View {
    fn may_reach(self, route: &Route) -> bool {
        match self {
            Self::Inside => true,
            Self::Gateway => route.default_access,
            Self::From(namespace) | Self::Through(namespace) => {
                let mut said = route.access.iter().filter(|(name, _)| *name == namespace);
                said.next()
                    .map_or(route.default_access, |(_, access)| *access)
            }
        }
    }

    /// What may become of a request to the groups of one namespace. This is more than one thing
    /// where a route has several backends, or where the rules leave open which route comes first:
    /// that of two with the same path and as many conditions.
    pub(super) fn dispositions(self, groups: &[Group], request: &Request) -> BTreeSet<Disposition> {
        let offers = || {
            groups
                .iter()
                .flat_map(|group| group.routes.iter().map(move |route| (group, route)))
        };
        let is_through = matches!(self, Self::Through(_));
        let matching: Vec<_> = offers()
            .filter(|(_, route)| route.matches(request))
            .filter(|(_, route)| !is_through || route.default_access)
            .collect();
        let by_gateway = || Self::Gateway.dispositions(groups, request);
        let Some(first) = matching.iter().map(|(_, route)| route.rank()).min() else {
            return if is_through {
                by_gateway()
            } else {
                BTreeSet::from([Disposition::NotFound])
            };
        };
        let mut dispositions = BTreeSet::new();
        for (_, chosen) in matching.iter().filter(|(_, route)| route.rank() == first) {
            let equal = || matching.iter().filter(|(_, route)| route.is_equal(chosen));
            if is_through {
                let is_open = equal().all(|(_, route)| self.may_reach(route));
                let closed = || BTreeSet::from([Disposition::NotFound]);
                dispositions.extend(if is_open { by_gateway() } else { closed() });
                continue;
            }
            let reachable: Vec<_> = equal().filter(|(_, route)| self.may_reach(route)).collect();
            let awake = reachable
                .iter()
                .filter(|(group, route)| group.port.is_some() && route.weight > 0);
            let awake: Vec<_> = awake
                .map(|(group, _)| Disposition::By(group.member()))
                .collect();
            match (reachable.is_empty(), awake.is_empty()) {
                (true, _) => drop(dispositions.insert(Disposition::NotFound)),
                (false, true) => drop(dispositions.insert(Disposition::Nobody)),
                (false, false) => dispositions.extend(awake),
            }
        }
        dispositions
    }
}

impl Route {
    /// The order in which routes are tried: exact, then regular expressions, then prefixes; longer
    /// ones first; then those that ask more.
    fn rank(&self) -> impl Ord + use<> {
        let length = if self.kind == PathKind::Exact {
            0
        } else {
            self.path.len()
        };
        (
            self.kind,
            Reverse(length),
            !self.is_case_sensitive,
            self.folded_path(),
            Reverse(self.headers.len()),
            Reverse(self.queries.len()),
        )
    }

    /// Upper and lower case are one where they do not matter, save in regular expressions.
    fn folded_path(&self) -> String {
        if self.is_case_sensitive || self.kind == PathKind::Regex {
            self.path.clone()
        } else {
            self.path.to_ascii_lowercase()
        }
    }

    fn is_equal(&self, other: &Self) -> bool {
        fn conditions(route: &Route) -> impl Iterator<Item = impl PartialEq> {
            let all = route.headers.iter().chain(&route.queries);
            all.map(Condition::identity)
        }
        let path = |route: &Self| (route.kind, route.is_case_sensitive, route.folded_path());
        path(self) == path(other) && conditions(self).eq(conditions(other))
    }

    fn matches(&self, request: &Request) -> bool {
        let (path, wanted) = (&request.path, &self.path);
        let is_path = match self.kind {
            PathKind::Regex => is_match(wanted, self.is_case_sensitive, path),
            PathKind::Exact if self.is_case_sensitive => path == wanted,
            PathKind::Exact => path.eq_ignore_ascii_case(wanted),
            PathKind::Prefix => {
                let (path, wanted) = (path.to_ascii_lowercase(), wanted.to_ascii_lowercase());
                path.starts_with(&wanted)
                    && (!self.is_case_sensitive || request.path.starts_with(&self.path))
            }
        };
        // Any of several header lines will do; of query parameters, the first counts.
        let header = |condition: &Condition| condition.holds(&request.headers);
        let query =
            |condition: &Condition| condition.holds(request.queries.get(..1).unwrap_or_default());
        is_path && self.headers.iter().all(header) && self.queries.iter().all(query)
    }

    pub(super) fn to_json(&self) -> Value {
        let access = self.access.iter();
        let access = access.map(|(name, access)| json!({"namespace": name, "access": access}));
        let headers = self.headers.iter().map(|condition| {
            let mut json = condition.to_json("header-name");
            json["invert"] = condition.is_inverted.into();
            json
        });
        let queries = self.queries.iter();
        let queries = queries.map(|condition| condition.to_json("parameter-name"));
        json!({
            "path-match": {
                "match-type": format!("{:?}", self.kind).to_lowercase(),
                "value": self.path,
                "case-sensitive": self.is_case_sensitive,
            },
            "weight": self.weight,
            "headers": headers.collect::<Vec<_>>(),
            "query-parameters": queries.collect::<Vec<_>>(),
            "default-access": self.default_access,
            "namespace-access": access.collect::<Vec<_>>(),
        })
    }
}

impl Condition {
    /// What two conditions share that mean the same.
    fn identity(&self) -> (&str, Kind, String, bool, bool) {
        let (value, is_case_sensitive) = match self.kind {
            Kind::Present => (String::new(), true),
            Kind::Regex => (self.value.to_owned(), self.is_case_sensitive),
            _ if self.is_case_sensitive => (self.value.to_owned(), true),
            _ => (self.value.to_ascii_lowercase(), false),
        };
        (
            self.name,
            self.kind,
            value,
            self.is_inverted,
            is_case_sensitive,
        )
    }

    fn holds(&self, given: &[&str]) -> bool {
        // An inverted condition holds for what is missing, as if that were empty.
        if given.is_empty() {
            return self.is_inverted && (self.kind == Kind::Present || !self.compare(""));
        }
        given.iter().any(|given| self.compare(given)) != self.is_inverted
    }

    fn compare(&self, given: &str) -> bool {
        let fold = |text: &str| {
            if self.is_case_sensitive {
                text.to_owned()
            } else {
                text.to_ascii_lowercase()
            }
        };
        let (folded, wanted) = (fold(given), fold(self.value));
        match self.kind {
            Kind::Exact => folded == wanted,
            Kind::Prefix => folded.starts_with(&wanted),
            Kind::Suffix => folded.ends_with(&wanted),
            Kind::Regex => is_match(self.value, self.is_case_sensitive, given),
            Kind::Present => true,
        }
    }

    fn to_json(&self, name: &str) -> Value {
        json!({
            name: self.name,
            "match-type": format!("{:?}", self.kind).to_lowercase(),
            "value": self.value,
            "case-sensitive": self.is_case_sensitive,
        })
    }
}

fn is_match(pattern: &str, is_case_sensitive: bool, text: &str) -> bool {
    thread_local! {
        /// Compiling costs far more than matching.
        static COMPILED: RefCell<BTreeMap<String, Regex>> = RefCell::default();
    }
    let flags = if is_case_sensitive { "" } else { "(?i)" };
    let whole = format!("^{flags}(?:{pattern})$");
    COMPILED.with_borrow_mut(|compiled| {
        let compiled = compiled.entry(whole);
        let whole = compiled.or_insert_with_key(|whole| Regex::new(whole).unwrap());
        whole.is_match(text)
    })
}
