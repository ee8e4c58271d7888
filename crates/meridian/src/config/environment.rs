//! Refuses environment variables that are misspelt settings.
//!
//! A variable with our prefix may well be somebody else's (tests have some, and orchestrators invent them), so one that
//! resembles no setting is left alone.

use super::ENVIRONMENT;
use crate::failure::Failure;

/// Names of variables for `start` that are no settings.
const OTHERS: [&str; 1] = ["config"];
/// Names shorter than this differ in one letter if they are misspelt, others in two.
const LONG: usize = 7;

/// Refuses the first of the variables that is nearly that of one of the settings `keys`.
pub(super) fn check(variables: impl Iterator<Item = String>, keys: &[String]) -> Result<(), Failure> {
    let known: Vec<&str> = keys.iter().map(String::as_str).chain(OTHERS).collect();
    let mut names: Vec<String> = variables.filter(|name| name.starts_with(ENVIRONMENT)).collect();
    names.sort_unstable();
    for name in names {
        let key = name[ENVIRONMENT.len()..].to_ascii_lowercase();
        if known.contains(&key.as_str()) {
            continue;
        }
        if let Some(meant) = meant(&key, &known) {
            let meant = meant.to_ascii_uppercase();
            return Err(Failure::usage(format!(
                "environment variable {name}: no such setting; did you mean `{ENVIRONMENT}{meant}`?"
            )));
        }
    }
    Ok(())
}

fn meant<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let differ = |candidate: &&str| strsim::osa_distance(key, candidate);
    let nearest = known.iter().copied().min_by_key(differ)?;
    let allowed = if key.len() < LONG { 1 } else { 2 };
    (differ(&nearest) <= allowed).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_refused_and_what_belongs_to_others_is_not() {
        let keys: Vec<String> = super::super::keys();
        let check =
            |name: &str| check([name.to_owned()].into_iter(), &keys).err().map(|error| error.to_string());
        for (wrong, right) in [
            ("MERIDIAN_CLIENT_LISEN", "MERIDIAN_CLIENT_LISTEN"),
            ("MERIDIAN_MAXCLIENTS", "MERIDIAN_MAX_CLIENTS"),
            ("MERIDIAN_REGOIN", "MERIDIAN_REGION"),
            ("MERIDIAN_LOGS", "MERIDIAN_LOG"),
            ("MERIDIAN_CONFG", "MERIDIAN_CONFIG"),
        ] {
            let said = check(wrong).unwrap_or_default();
            assert!(said.contains(wrong) && said.contains(&format!("`{right}`")), "{wrong}: {said}");
        }
        let others =
            ["BIN", "BLESS", "SEEDS", "PORT", "SERVICE_HOST", "PORT_6379_TCP_ADDR", "LISTEN", "CONFIG"];
        for name in others {
            assert_eq!(check(&format!("MERIDIAN_{name}")), None);
        }
        assert_eq!(check("MERIDIEN_LISTEN"), None);
    }
}
