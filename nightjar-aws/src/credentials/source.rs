//! Source of the credentials, by the shared configuration files and the environment.

use aws_config::profile::{self, Profile};
use aws_runtime::env_config::{file::EnvConfigFiles, section::EnvConfigSections};
use aws_types::os_shim_internal::{Env, Fs};
use std::fmt;

/// How many profiles may refer to each other before this counts as a circle.
const MAX_PROFILES: usize = 20;

/// Where the credentials come from, as far as a message has to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CredentialSource {
    /// The profile in use.
    profile: String,
    /// The profile with the credentials that assume the roles, which is often the same.
    base_profile: String,
    pub(super) provider: Provider,
    /// The roles to assume, the one in the end first.
    roles: Vec<String>,
}

/// The provider of the first credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Provider {
    /// A session of IAM Identity Center.
    IdentityCenter,
    /// A session of `aws login`.
    ConsoleLogin,
    /// A credential process.
    Process,
    /// A token in a file, for a role.
    WebIdentity { token_file: String },
    /// Keys, a task's or instance's role, or nothing.
    Other,
}

impl CredentialSource {
    /// Reads this process's environment, and the files that it names.
    pub(super) async fn find() -> Self {
        Self::read(&Env::real(), &Fs::real()).await
    }

    /// Files that cannot be read count as missing: the SDK has reported them.
    async fn read(env: &Env, fs: &Fs) -> Self {
        let files = EnvConfigFiles::default();
        let profiles = profile::load(fs, env, &files, None).await;
        let mut source = Self::of(&profiles.unwrap_or_default());
        let get = |name| env.get(name).ok();
        if let (Provider::Other, Some(token_file), Some(role)) = (
            &source.provider,
            get("AWS_WEB_IDENTITY_TOKEN_FILE"),
            get("AWS_ROLE_ARN"),
        ) && source.roles.is_empty()
        {
            source.provider = Provider::WebIdentity { token_file };
            source.roles.push(role);
        }
        source
    }

    pub(super) fn new(profile: &str, provider: Provider, roles: Vec<String>) -> Self {
        Self {
            profile: profile.to_owned(),
            base_profile: profile.to_owned(),
            provider,
            roles,
        }
    }

    fn of(profiles: &EnvConfigSections) -> Self {
        let mut source = Self::new(profiles.selected_profile(), Provider::Other, Vec::new());
        for depth in 0..MAX_PROFILES {
            let Some(profile) = profiles.get_profile(&source.base_profile) else {
                break;
            };
            // Keys of a source count before all else of it.
            if depth > 0 && profile.get("aws_access_key_id").is_some() {
                break;
            }
            let role = profile.get("role_arn");
            source.roles.extend(role.map(ToOwned::to_owned));
            let next = profile.get("source_profile");
            let next = next.filter(|next| role.is_some() && *next != source.base_profile);
            let Some(next) = next else {
                source.provider = Provider::of(profile);
                break;
            };
            next.clone_into(&mut source.base_profile);
        }
        source
    }

    pub(super) fn has_roles(&self) -> bool {
        !self.roles.is_empty()
    }

    /// What to do about credentials that only the AWS CLI can read, if these are such.
    pub(super) fn cli_remedy(&self) -> Option<String> {
        let login = match self.provider {
            Provider::IdentityCenter => "aws sso login",
            Provider::ConsoleLogin => "aws login",
            Provider::Process | Provider::WebIdentity { .. } | Provider::Other => return None,
        };
        let Self {
            profile,
            base_profile,
            ..
        } = self;
        Some(format!(
            "run `{login} --profile {base_profile}`, and set AWS_PROFILE to another profile that has \
             `credential_process = aws configure export-credentials --profile {profile} --format \
             process`"
        ))
    }
}

impl Provider {
    /// In the order in which the SDK looks.
    fn of(profile: &Profile) -> Self {
        let has = |name| profile.get(name).is_some();
        let identity_center_keys = [
            "sso_account_id",
            "sso_region",
            "sso_role_name",
            "sso_start_url",
            "sso_session",
        ];
        if has("credential_source") {
            Self::Other
        } else if let Some(token_file) = profile.get("web_identity_token_file") {
            let token_file = token_file.to_owned();
            Self::WebIdentity { token_file }
        } else if identity_center_keys.into_iter().any(has) {
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

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            base_profile,
            roles,
            ..
        } = self;
        for role in roles {
            write!(f, "role {role} with ")?;
        }
        match &self.provider {
            Provider::IdentityCenter => write!(
                f,
                "the IAM Identity Center session of profile {base_profile}"
            ),
            Provider::ConsoleLogin => {
                write!(f, "the `aws login` session of profile {base_profile}")
            }
            Provider::Process => write!(f, "the credential process of profile {base_profile}"),
            Provider::WebIdentity { token_file } => write!(f, "the token in {token_file}"),
            Provider::Other if roles.is_empty() => f.write_str("a role"),
            Provider::Other => write!(f, "the credentials of profile {base_profile}"),
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

    /// How a profile in use is described, and what to do if only the AWS CLI can read it.
    fn described(selected: &str, config: &str, more: &[(&str, &str)]) -> (String, Option<String>) {
        let env = [("AWS_CONFIG_FILE", "/config"), ("AWS_PROFILE", selected)];
        let env = Env::from_slice(&[&env[..], more].concat());
        let fs = Fs::from_slice(&[("/config", config)]);
        let source = runtime().block_on(CredentialSource::read(&env, &fs));
        (source.to_string(), source.cli_remedy())
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
            ("sso", "the IAM Identity Center session of profile sso"),
            (
                "old-sso",
                "the IAM Identity Center session of profile old-sso",
            ),
            ("login", "the `aws login` session of profile login"),
            ("process", "the credential process of profile process"),
            (
                "admin",
                "role arn:aws:iam::1:role/admin with the IAM Identity Center session of profile sso",
            ),
            (
                "deep",
                "role arn:aws:iam::1:role/deep with role arn:aws:iam::1:role/admin with the IAM Identity \
                 Center session of profile sso",
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
            assert_eq!(described(profile, &config(), &[]).0, expected);
        }
    }

    #[test]
    fn what_only_the_cli_reads_has_its_commands() {
        let remedy = |profile| described(profile, &config(), &[]).1;
        let of = |login: &str, selected: &str| {
            Some(format!(
                "run `{login}`, and set AWS_PROFILE to another profile that has `credential_process = aws \
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
        assert_eq!(described("default", "", &env).0, expected);
    }
}
