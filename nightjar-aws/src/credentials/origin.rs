//! Where credentials were to come from, by the shared configuration files and the environment.

use aws_config::profile::{self, Profile};
use aws_runtime::env_config::{file::EnvConfigFiles, section::EnvConfigSections};
use aws_types::os_shim_internal::{Env, Fs};
use std::fmt;

/// How many profiles may refer to each other before it is taken for a circle.
const MOST_PROFILES: usize = 20;

/// Where credentials were to come from, as far as a message has to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The profile in use.
    selected: String,
    /// The profile whose credentials the roles are assumed with, which is often the same.
    base: String,
    pub(super) kind: Kind,
    /// The roles to assume, the one in the end first.
    roles: Vec<String>,
}

/// What gives the first credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A session of IAM Identity Center.
    IdentityCenter,
    /// A session of `aws login`.
    ConsoleLogin,
    /// A credential process.
    Process,
    /// A token in a file, for a role.
    WebIdentity { file: String },
    /// Keys, a task's or instance's role, or nothing.
    Other,
}

impl Origin {
    /// Reads this process's environment, and the files that it names.
    pub(super) async fn find() -> Self {
        Self::read(&Env::real(), &Fs::real()).await
    }

    /// Files that do not read are as good as none: the SDK has told of them.
    async fn read(env: &Env, fs: &Fs) -> Self {
        let files = EnvConfigFiles::default();
        let profiles = profile::load(fs, env, &files, None).await;
        let mut origin = Self::of(&profiles.unwrap_or_default());
        let get = |name| env.get(name).ok();
        if let (Kind::Other, Some(file), Some(role)) = (
            &origin.kind,
            get("AWS_WEB_IDENTITY_TOKEN_FILE"),
            get("AWS_ROLE_ARN"),
        ) && origin.roles.is_empty()
        {
            origin.kind = Kind::WebIdentity { file };
            origin.roles.push(role);
        }
        origin
    }

    pub(super) fn new(profile: &str, kind: Kind, roles: Vec<String>) -> Self {
        Self {
            selected: profile.to_owned(),
            base: profile.to_owned(),
            kind,
            roles,
        }
    }

    fn of(profiles: &EnvConfigSections) -> Self {
        let mut origin = Self::new(profiles.selected_profile(), Kind::Other, Vec::new());
        for depth in 0..MOST_PROFILES {
            let Some(profile) = profiles.get_profile(&origin.base) else {
                break;
            };
            // Keys of a source count before all else of it.
            if depth > 0 && profile.get("aws_access_key_id").is_some() {
                break;
            }
            let role = profile.get("role_arn");
            origin.roles.extend(role.map(ToOwned::to_owned));
            let source = profile.get("source_profile");
            let source = source.filter(|source| role.is_some() && *source != origin.base);
            let Some(source) = source else {
                origin.kind = Kind::of(profile);
                break;
            };
            source.clone_into(&mut origin.base);
        }
        origin
    }

    pub(super) fn has_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// How to get at credentials that only the AWS CLI reads, if these are such.
    pub(super) fn needs_the_cli(&self) -> Option<String> {
        let login = match self.kind {
            Kind::IdentityCenter => "aws sso login",
            Kind::ConsoleLogin => "aws login",
            Kind::Process | Kind::WebIdentity { .. } | Kind::Other => return None,
        };
        let Self { selected, base, .. } = self;
        Some(format!(
            "run `{login} --profile {base}`, and set AWS_PROFILE to another profile, with \
             `credential_process = aws configure export-credentials --profile {selected} --format \
             process`"
        ))
    }
}

impl Kind {
    /// In the order in which the SDK looks.
    fn of(profile: &Profile) -> Self {
        let has = |name| profile.get(name).is_some();
        let of_identity_center = [
            "sso_account_id",
            "sso_region",
            "sso_role_name",
            "sso_start_url",
            "sso_session",
        ];
        if has("credential_source") {
            Self::Other
        } else if let Some(file) = profile.get("web_identity_token_file") {
            let file = file.to_owned();
            Self::WebIdentity { file }
        } else if of_identity_center.into_iter().any(has) {
            Self::IdentityCenter
        } else if has("login_session") {
            Self::ConsoleLogin
        } else if has("credential_process") {
            Self::Process
        } else {
            Self::Other
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { base, roles, .. } = self;
        for role in roles {
            write!(f, "role {role} with ")?;
        }
        match &self.kind {
            Kind::IdentityCenter => write!(f, "profile {base} of IAM Identity Center"),
            Kind::ConsoleLogin => write!(f, "profile {base} of `aws login`"),
            Kind::Process => write!(f, "the credential process of profile {base}"),
            Kind::WebIdentity { file } => write!(f, "the token in {file}"),
            Kind::Other if roles.is_empty() => f.write_str("a role"),
            Kind::Other => write!(f, "the credentials of profile {base}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    /// What is said of a profile in use, and what to do if only the AWS CLI reads it.
    fn said(selected: &str, config: &str, more: &[(&str, &str)]) -> (String, Option<String>) {
        let env = [("AWS_CONFIG_FILE", "/config"), ("AWS_PROFILE", selected)];
        let env = Env::from_slice(&[&env[..], more].concat());
        let fs = Fs::from_slice(&[("/config", config)]);
        let origin = runtime().block_on(Origin::read(&env, &fs));
        (origin.to_string(), origin.needs_the_cli())
    }

    const CONFIG: &str = "
        [profile sso]
        sso_session = corp
        sso_account_id = 111122223333
        [profile old-sso]
        sso_start_url = https://x.awsapps.com/start
        [profile login]
        login_session = arn:aws:iam::111122223333:user/ann
        [profile process]
        credential_process = /bin/give --key SECRET
        [profile keys]
        aws_access_key_id = AKIAEXAMPLE
        aws_secret_access_key = SECRET
        credential_process = /bin/give
        [profile admin]
        role_arn = arn:aws:iam::1:role/admin
        source_profile = sso
        [profile deep]
        role_arn = arn:aws:iam::1:role/deep
        source_profile = admin
        [profile of-keys]
        role_arn = arn:aws:iam::1:role/k
        source_profile = keys
        [profile self]
        role_arn = arn:aws:iam::1:role/s
        source_profile = self
        credential_process = /bin/give
        [profile token]
        role_arn = arn:aws:iam::1:role/t
        web_identity_token_file = /var/token
        [profile circle]
        role_arn = arn:aws:iam::1:role/c
        source_profile = circle-2
        [profile circle-2]
        role_arn = arn:aws:iam::1:role/d
        source_profile = circle
    ";

    /// Without what would be continued lines.
    fn config() -> String {
        let lines = CONFIG.lines().map(str::trim_start);
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_profile_is_named_with_its_kind_and_roles() {
        for (profile, expected) in [
            ("sso", "profile sso of IAM Identity Center"),
            ("old-sso", "profile old-sso of IAM Identity Center"),
            ("login", "profile login of `aws login`"),
            ("process", "the credential process of profile process"),
            (
                "admin",
                "role arn:aws:iam::1:role/admin with profile sso of IAM Identity Center",
            ),
            (
                "deep",
                "role arn:aws:iam::1:role/deep with role arn:aws:iam::1:role/admin with profile sso of IAM \
                 Identity Center",
            ),
            (
                "of-keys",
                "role arn:aws:iam::1:role/k with the credentials of profile keys",
            ),
            (
                "self",
                "role arn:aws:iam::1:role/s with the credential process of profile self",
            ),
            (
                "token",
                "role arn:aws:iam::1:role/t with the token in /var/token",
            ),
        ] {
            assert_eq!(said(profile, &config(), &[]).0, expected);
        }
    }

    #[test]
    fn what_only_the_cli_reads_has_its_commands() {
        let remedy = |profile| said(profile, &config(), &[]).1;
        let of = |login: &str, selected: &str| {
            Some(format!(
                "run `{login}`, and set AWS_PROFILE to another profile, with `credential_process = aws \
                 configure export-credentials --profile {selected} --format process`"
            ))
        };
        assert_eq!(remedy("sso"), of("aws sso login --profile sso", "sso"));
        assert_eq!(remedy("admin"), of("aws sso login --profile sso", "admin"));
        assert_eq!(remedy("login"), of("aws login --profile login", "login"));
        for profile in [
            "process", "keys", "of-keys", "self", "token", "circle", "nobody",
        ] {
            assert_eq!(remedy(profile), None, "{profile}");
        }
    }

    #[test]
    fn a_web_identity_may_be_in_the_environment() {
        let env = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token"),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod"),
        ];
        let expected = "role arn:aws:iam::1:role/pod with the token in /var/token";
        assert_eq!(said("default", "", &env).0, expected);
    }
}
