//! What daemons share.

use nightjar_core::{
    daemon::misspelt_settings,
    env::{Env, Setting},
};

const OWN: [Setting; 3] = [
    Setting::required("NJ_LISTEN_PORT", "where it listens"),
    Setting::optional("NJ_STATUS_PORT", "off", "where it tells its status"),
    Setting::with_default("REFRESH_TIME", "30", "how often it looks"),
];

#[test]
fn a_variable_that_is_near_a_setting_is_told() {
    for (variable, meant) in [
        ("NJ_LISTENPORT", Some("NJ_LISTEN_PORT")),
        ("NJ_LISTEN_PROT", Some("NJ_LISTEN_PORT")),
        ("NJ_REFRESH_TIME", Some("REFRESH_TIME")),
        ("NJ_DMECS_AWS_CLUSTER", Some("NJ_DMECS_AWS_CLUSTERS")),
        ("NJ_DSS3_BUKET", Some("NJ_DSS3_BUCKET")),
        (
            "NJ_PROXY_PROP_TRUSTED_HOP",
            Some("NJ_PROXY_PROP_TRUSTED_HOPS"),
        ),
        ("NJ_LISTEN_PORT", None),
        ("NJ_STORE_ACCEPT_INVALID", None),
        ("NJ_PROXY_PROP_TRUSTED_HOPS", None),
        // People's own, and other programs'.
        ("NJ_PROXY_PROP_TEAM", None),
        ("NJ_MINE", None),
        ("REFRESH_TIMES", None),
    ] {
        let env = Env::from_pairs([(variable, "1")]);
        let expected: Vec<String> = meant
            .map(|meant| {
                format!("{variable} is not a setting and is ignored; did you mean {meant}?")
            })
            .into_iter()
            .collect();
        assert_eq!(misspelt_settings(&env, &OWN), expected);
    }
}
