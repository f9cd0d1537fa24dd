//! What is said about values, in the same words by the schema's faults and by the rules'.

use super::fault::shown;

pub(super) fn not_a_name(text: &str) -> String {
    format!(
        "{} is not a name: 1 to 128 letters, digits, dots, underscores and hyphens",
        shown(text)
    )
}

pub(super) fn not_a_hostname(text: &str) -> String {
    format!("{} is not a DNS name", shown(text))
}

pub(super) fn not_a_weight(value: &impl ToString) -> String {
    format!("{} is not from 1 to 32767", value.to_string())
}

pub(super) fn not_a_port(value: &impl ToString) -> String {
    format!("{} is not from 1 to 65535", value.to_string())
}

pub(super) fn empty() -> String {
    "is empty".to_owned()
}
