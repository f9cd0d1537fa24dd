//! Targets of redirects.

use super::{is_host, is_path_prefix};
use crate::document::{parse_digits, proxy_input::Redirect};

/// The statuses that redirect, with Envoy's words for them.
const STATUSES: [(u16, &str); 5] = [
    (301, "MOVED_PERMANENTLY"),
    (302, "FOUND"),
    (303, "SEE_OTHER"),
    (307, "TEMPORARY_REDIRECT"),
    (308, "PERMANENT_REDIRECT"),
];
/// The method stays, and no browser keeps it for good.
const DEFAULT_STATUS: u16 = 307;

/// A redirect, taken apart.
pub(in crate::context) fn redirect(value: &str) -> Option<Redirect> {
    let (status, target) = match value.split_once(' ') {
        Some((status, target)) => (parse_digits(status)?, target.trim_start()),
        None => (DEFAULT_STATUS, value),
    };
    let (status, response_code) = *STATUSES.iter().find(|(known, _)| *known == status)?;
    let mut redirect = Redirect {
        status,
        response_code: response_code.to_owned(),
        ..Redirect::default()
    };
    let (start, path) = target.split_at(path_start(target));
    if !start.is_empty() {
        let (scheme, rest) = start.split_once(':')?;
        if !["http", "https"].contains(&scheme) {
            return None;
        }
        redirect.has_scheme = true;
        scheme.clone_into(&mut redirect.scheme);
        if !rest.is_empty() || !path.is_empty() {
            let host = rest.strip_prefix("//").filter(|host| is_host(host))?;
            redirect.has_host = true;
            host.clone_into(&mut redirect.host);
        }
    }
    redirect.has_path = !path.is_empty();
    path.clone_into(&mut redirect.path);
    // Two slashes at the start are meant for a host.
    let is_path = is_path_prefix(path) && !path.starts_with("//");
    (is_path || (path.is_empty() && redirect.has_scheme)).then_some(redirect)
}

/// The same redirect for everything below a path that is declared without a slash at its end: what
/// takes the place of the path ends with one.
pub(crate) fn redirect_below(value: &str) -> String {
    let target = value.rfind(' ').map_or(0, |space| space + 1);
    let path = value
        .get(target..)
        .map_or("", |target| target.split_at(path_start(target)).1);
    if path.is_empty() || path.ends_with('/') {
        value.to_owned()
    } else {
        format!("{value}/")
    }
}

/// Where the path of a target begins, which is its end if it has none.
fn path_start(target: &str) -> usize {
    let authority = target.find("://").map_or(0, |scheme| scheme + "://".len());
    let path = target.get(authority..).and_then(|rest| rest.find('/'));
    path.map_or(target.len(), |path| authority + path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, scheme, host and path, `-` for what stays.
    fn parts(value: &str) -> Option<String> {
        let redirect = redirect(value)?;
        let part = |is_there: bool, text: String| if is_there { text } else { "-".to_owned() };
        Some(format!(
            "{} {} {} {}",
            redirect.status,
            part(redirect.has_scheme, redirect.scheme),
            part(redirect.has_host, redirect.host),
            part(redirect.has_path, redirect.path),
        ))
    }

    #[test]
    fn a_target_is_a_scheme_a_host_a_path_or_several_of_them() {
        for (value, expected) in [
            ("https:", "307 https - -"),
            ("308 https:", "308 https - -"),
            ("https://shop.example", "307 https shop.example -"),
            (
                "301 https://a.example:8443/x/",
                "301 https a.example:8443 /x/",
            ),
            ("http://[::1]:80/", "307 http [::1]:80 /"),
            ("/new/", "307 - - /new/"),
            ("302 /%ENVIRONMENT(HOME)%/", "302 - - /%ENVIRONMENT(HOME)%/"),
        ] {
            assert_eq!(parts(value).as_deref(), Some(expected), "{value}");
        }
        for value in [
            "",
            "307",
            "307 ",
            "304 /x",
            "+301 /x",
            "shop.example",
            "//shop.example/",
            "https:shop",
            "https:/x",
            "https://",
            "https:///x",
            "https://user@shop.example/",
            "https://a b/",
            "ftp://shop.example/",
            "javascript:",
            "/x?y",
            "/x#y",
            "/x\\y",
            "/x\"y z",
            "301 302 /x",
        ] {
            assert_eq!(parts(value), None, "{value}");
        }
    }

    #[test]
    fn below_a_path_its_replacement_ends_with_a_slash() {
        for (value, expected) in [
            ("/new", "/new/"),
            ("/new/", "/new/"),
            ("301 /new", "301 /new/"),
            ("https:", "https:"),
            ("https://shop.example", "https://shop.example"),
            ("308 https://shop.example/a", "308 https://shop.example/a/"),
        ] {
            assert_eq!(redirect_below(value), expected);
        }
    }
}
