//! Preflight checks: problems of a start that Envoy's own validation does not see.

use crate::{
    config::{Config, STATS_PORT},
    inotify,
    machine::ValidationError,
};
use nightjar_core::{
    daemon::dir_lock,
    envoy::{Configuration, admin_interface},
};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
};

/// Envoy shares a port with any process that allows it, such as another proxy, and half of the requests would
/// go there unnoticed.
pub(crate) fn port_in_use(listen: SocketAddr) -> Option<String> {
    is_in_use(listen).then(|| {
        format!(
            "another process listens at {listen} (NJ_LISTEN_PORT), and envoy is not started\n\
             hint: give each proxy of a host a port of its own"
        )
    })
}

fn is_in_use(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

/// What a start with these settings and files would not get past, and Envoy's own check does not see.
///
/// A proxy that runs with these settings holds its ports itself, and its inotify instances.
pub(crate) fn problems(config: &Config, configuration: &Configuration) -> Vec<String> {
    let mut problems = Vec::new();
    let admin_port = config.admin.1;
    let message = |failure| match failure {
        ValidationError::Rejected(reason) | ValidationError::Unavailable(reason) => reason,
    };
    if dir_lock::is_owned(&config.config_dir) {
        problems.extend(misplaced_admin(configuration, admin_port).map(message));
        return problems;
    }
    let viewer = &config.proxy;
    problems.extend(port_in_use(SocketAddr::new(
        viewer.listen_address,
        viewer.listen_port,
    )));
    let admin = SocketAddr::new(config.admin.0, admin_port);
    let stats = viewer.stats_port();
    let stats = stats.map(|port| SocketAddr::new(viewer.listen_address, port));
    for (address, setting) in [
        (Some(admin), "NJ_ADMIN_PORT"),
        (config.daemon.status, "NJ_STATUS_PORT"),
        (stats, STATS_PORT),
    ] {
        if let Some(address) = address.filter(|address| is_in_use(*address)) {
            problems.push(format!("another process listens at {address} ({setting})"));
        }
    }
    problems.extend(find_problem(configuration, admin_port, &[]).map(message));
    problems
}

/// Whether Envoy's reason names a file that the configuration refers to and no template renders: it may be
/// added or repaired at any moment. What else begins with a slash, such as a route's path, does not count.
pub(crate) fn names_outside_file(
    reason: &str,
    configuration: &Configuration,
    config_dir: &str,
) -> bool {
    let secrets = configuration.outside_secrets();
    let is_end = |letter: char| letter.is_whitespace() || "'\"`,;:()".contains(letter);
    let mut paths = reason
        .split(is_end)
        .filter(|token| token.starts_with('/') && !Path::new(token).starts_with(config_dir));
    paths.any(|path| {
        secrets.iter().any(|secret| secret.path == path)
            || configuration
                .iter()
                .any(|file| is_filename(file.text(), path))
    })
}

/// Whether a text has a path as the value of a member `filename`.
fn is_filename(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let before = before
            .trim_end_matches(|letter: char| letter.is_whitespace() || "\"':".contains(letter));
        before.ends_with("filename")
    })
}

/// What Envoy's own check does not see, and a run trips over. What the processes `own` hold is theirs to
/// use again.
pub(crate) fn find_problem(
    configuration: &Configuration,
    admin_port: u16,
    own: &[u32],
) -> Option<ValidationError> {
    misplaced_admin(configuration, admin_port).or_else(|| {
        inotify::shortage(configuration.inotify_instances(), own).map(ValidationError::Unavailable)
    })
}

/// Nightjar asks Envoy at the admin port of the settings, and nowhere else.
fn misplaced_admin(configuration: &Configuration, admin_port: u16) -> Option<ValidationError> {
    let bootstrap = configuration.bootstrap();
    let message = match admin_interface(bootstrap) {
        Some((_, port)) if port == admin_port => return None,
        Some((_, port)) => format!("has its admin interface at port {port}"),
        None => "has no admin interface".to_owned(),
    };
    Some(ValidationError::Rejected(format!(
        "{} {message}, but nightjar queries Envoy at NJ_ADMIN_PORT={admin_port}\n\
         hint: give it `admin` with {{{{admin_address}}}} and {{{{admin_port}}}}",
        bootstrap.name()
    )))
}

/// Envoy's refusal, with the setting that it may mean: of an access log's format that it does not take,
/// Envoy names the command or says "format string", and names no setting.
pub(crate) fn with_log_format(refusal: String, log_format: Option<&String>) -> String {
    let is_meant = |format: &&String| {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let mut words = refusal.split(|letter: char| !is_name(letter));
        refusal.contains("Format string")
            || words.any(|word| commands(format).any(|command| command == word))
    };
    match log_format.filter(is_meant) {
        Some(format) => format!(
            "{refusal}\nhint: if this is about the access log, mend NJ_PROXY_PROP_ACCESS_LOG_FORMAT={format:?}"
        ),
        None => refusal,
    }
}

/// The names of the commands in a format in which each `%` begins or ends one, or is doubled.
fn commands(format: &str) -> impl Iterator<Item = &str> {
    let between = format.split('%').skip(1).step_by(2);
    between
        .filter_map(|command| command.split(['(', ':']).next())
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_command_leads_to_the_setting_that_has_it() {
        let format = "100%% %REQ(X-A):3% %NO_SUCH% %%".to_owned();
        let told = |refusal: &str, format| {
            let told = with_log_format(refusal.to_owned(), format);
            assert!(told.starts_with(refusal));
            told.contains(
                "\nhint: if this is about the access log, mend NJ_PROXY_PROP_ACCESS_LOG_FORMAT=",
            )
        };
        assert!(told("Not supported field: NO_SUCH", Some(&format)));
        assert!(told("command 'REQ' is wrong", Some(&format)));
        let header = "Invalid header configuration. Format string contains invalid characters.";
        assert!(told(header, Some(&format)));
        assert!(!told("a listener REQUIRES a name; X, A, 3", Some(&format)));
        assert!(!told("Not supported field: NO_SUCH", None));
    }
    use crate::config::Need;
    use nightjar_core::env::Env;

    #[test]
    fn a_path_is_a_file_only_where_the_configuration_leads_to_one() {
        let bootstrap = r#"{"a": {"filename": "/certs/key.pem"}, "b": {"prefix": "/shop", "x": "/c/made.pem"}}"#;
        let files = [("envoy.json".to_owned(), bootstrap.to_owned())].into();
        let configuration = Configuration::read(files, "envoy.json", "/c", None).unwrap();
        for (reason, is_file) in [
            (
                "Failed to load incomplete private key from path: /certs/key.pem",
                true,
            ),
            ("invalid path: '/certs/key.pem'", true),
            ("missing ): /shop(", false),
            ("no such file: /c/made.pem", false),
            ("unknown enum value: 'NO_SUCH_POLICY'", false),
        ] {
            let judged = names_outside_file(reason, &configuration, "/c");
            assert_eq!(judged, is_file, "{reason}");
        }
    }

    fn with_admin(port: Option<u16>) -> Configuration {
        let admin = port.map_or(String::new(), |port| {
            format!(
                r#""admin": {{"address": {{"socket_address": {{"address": "127.0.0.1", "port_value": {port}}}}}}}"#
            )
        });
        let files = [("envoy.json".to_owned(), format!("{{{admin}}}"))].into();
        Configuration::read(files, "envoy.json", "/c", None).unwrap()
    }

    #[test]
    fn an_admin_interface_elsewhere_is_told_with_what_to_do() {
        assert_eq!(find_problem(&with_admin(Some(9901)), 9901, &[]), None);
        let asks = "but nightjar queries Envoy at NJ_ADMIN_PORT=9901\n\
                    hint: give it `admin` with {{admin_address}} and {{admin_port}}";
        for (port, message) in [
            (Some(9902), "has its admin interface at port 9902"),
            (None, "has no admin interface"),
        ] {
            let message = format!("envoy.json {message}, {asks}");
            let refused = ValidationError::Rejected(message);
            assert_eq!(find_problem(&with_admin(port), 9901, &[]), Some(refused));
        }
    }

    /// A proxy with these ports, in this folder.
    fn config(folder: &Path, ports: [u16; 4]) -> Config {
        let folder = folder.display().to_string();
        let ports = ports.map(|port| port.to_string());
        let [listen, admin, status, statistics] = &ports;
        let env = Env::from_pairs([
            ("NJ_LISTEN_PORT", listen.as_str()),
            ("NJ_LISTEN_ADDRESS", "127.0.0.1"),
            ("NJ_ADMIN_PORT", admin),
            ("NJ_STATUS_PORT", status),
            (STATS_PORT, statistics),
            ("DISCOVERY_MAP_EXEC", "/bin/sh"),
            ("ENVOY_CONFIGURATION_DIR", &folder),
        ]);
        Config::read(&env, Need::EnvoyIfThere).unwrap()
    }

    #[test]
    fn what_a_start_would_not_get_past_is_told_before() {
        let folder = tempfile::tempdir().unwrap();
        let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = held
            .each_ref()
            .map(|held| held.local_addr().unwrap().port());
        let [listen, admin, status, statistics] = ports;
        let config = config(folder.path(), ports);
        let message = problems(&config, &with_admin(None));
        let heads: Vec<&str> = message
            .iter()
            .map(|message| message.lines().next().unwrap())
            .collect();
        let refused = format!(
            "envoy.json has no admin interface, but nightjar queries Envoy at \
             NJ_ADMIN_PORT={admin}"
        );
        let ports = [
            format!(
                "another process listens at 127.0.0.1:{listen} (NJ_LISTEN_PORT), and envoy is not started"
            ),
            format!("another process listens at 127.0.0.1:{admin} (NJ_ADMIN_PORT)"),
            format!("another process listens at 127.0.0.1:{status} (NJ_STATUS_PORT)"),
            format!("another process listens at 127.0.0.1:{statistics} ({STATS_PORT})"),
        ];
        let mut wanted = ports.to_vec();
        wanted.push(refused.clone());
        assert_eq!(heads, wanted);
        // They are those of the proxy that runs.
        let _lock = dir_lock::acquire(folder.path()).unwrap().unwrap();
        let message = problems(&config, &with_admin(None));
        let heads: Vec<&str> = message
            .iter()
            .map(|message| message.lines().next().unwrap())
            .collect();
        assert_eq!(heads, [refused]);
        assert!(problems(&config, &with_admin(Some(admin))).is_empty());
    }
}
