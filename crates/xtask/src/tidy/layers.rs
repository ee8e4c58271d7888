//! Who may depend on whom: the layers of our own crates, and the fences around a few foreign ones.
//!
//! Read from the manifests. What a crate needs only for its tests is free, but for the fences.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Finding;

/// Our crates from the lowest layer to the highest. A crate may use those of lower layers, and earlier ones of its own.
const LAYERS: &[&[&str]] = &[
    &["meridian-topology", "meridian-command", "meridian-resp", "meridian-rt"],
    &["meridian-script", "meridian-engine", "meridian-storage", "meridian-proto"],
    &["meridian-raft", "meridian-meta", "meridian-router"],
    &["meridian-node", "meridian-proxy"],
    &["meridian"],
    &["meridian-testkit", "meridian-tests-cluster", "meridian-tests-compat", "xtask"],
];

/// A foreign crate (or all with this prefix, before a `*`), who may name it, and why nobody else may.
struct Fence {
    dependency: &'static str,
    users: &'static [&'static str],
    reason: &'static str,
}

const FENCES: &[Fence] = &[
    Fence {
        dependency: "openraft*",
        users: &["meridian-raft"],
        reason: "its API changes with every release",
    },
    Fence {
        dependency: "tonic*",
        users: &[
            "meridian-proto",
            "meridian-rt",
            "meridian-raft",
            "meridian-node",
            "meridian-router",
            "meridian-meta",
            "meridian",
        ],
        reason: "the rest knows no transport",
    },
    Fence {
        dependency: "redis-protocol",
        users: &["meridian-resp"],
        reason: "its decoder needs the guards of resp",
    },
    Fence { dependency: "mlua", users: &["meridian-script"], reason: "scripts run in one sandbox" },
    Fence { dependency: "turmoil", users: &["meridian-rt"], reason: "rt is the door to simulation" },
    Fence {
        dependency: "redis",
        users: &["meridian-tests-cluster", "meridian-tests-compat"],
        reason: "a client to test with",
    },
];

/// Pairs of our own that the layers would allow.
const APART: &[(&str, &str, &str)] = &[
    ("meridian-proxy", "meridian-engine", "a proxy knows the keyspace only through the router"),
    ("meridian-router", "meridian-engine", "the router plans from the command table alone"),
    ("meridian-engine", "meridian-rt", "apply has no clock, no sockets, no disk"),
    ("meridian-engine", "meridian-resp", "the engine knows no wire protocol"),
    ("meridian-raft", "meridian-engine", "raft carries bytes"),
];

/// Crates without a runtime.
const SANS_IO: &[&str] =
    &["meridian-topology", "meridian-command", "meridian-resp", "meridian-script", "meridian-engine"];

/// Appends what the workspace's manifests break.
///
/// # Errors
/// If `metadata` is not what `cargo metadata` prints.
pub(super) fn check(metadata: &Value, findings: &mut Vec<Finding>) -> Result<()> {
    let packages = metadata["packages"].as_array().context("cargo metadata: no packages")?;
    for package in packages {
        let name = package["name"].as_str().context("cargo metadata: a package without a name")?;
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap_or(name));
        if rank(name).is_none() {
            findings.push(Finding::new(
                &manifest,
                0,
                format!("{name} has no place in the layers of xtask tidy"),
            ));
        }
        for dependency in package["dependencies"].as_array().context("cargo metadata: no dependencies")? {
            let to = dependency["name"].as_str().context("cargo metadata: a dependency without a name")?;
            let only_tests = dependency["kind"].as_str() == Some("dev");
            for what in broken(name, to, only_tests) {
                findings.push(Finding::new(&manifest, 0, what));
            }
        }
    }
    Ok(())
}

/// What is wrong with `from` naming `to`.
fn broken(from: &str, to: &str, only_tests: bool) -> Vec<String> {
    let mut found = Vec::new();
    for fence in FENCES {
        let names = fence
            .dependency
            .strip_suffix('*')
            .map_or(fence.dependency == to, |prefix| to.starts_with(prefix));
        if names && !fence.users.contains(&from) {
            found.push(format!("{from} may not name {to}: {}", fence.reason));
        }
    }
    if only_tests {
        return found;
    }
    if let (Some(user), Some(used)) = (rank(from), rank(to))
        && used >= user
    {
        found.push(format!("{from} may not use {to}: it is not below it"));
    }
    for (user, used, reason) in APART {
        if (*user, *used) == (from, to) {
            found.push(format!("{from} may not use {to}: {reason}"));
        }
    }
    if SANS_IO.contains(&from) && (to.starts_with("tokio") || to == "rand") {
        found.push(format!("{from} may not use {to}: it is a pure library"));
    }
    found
}

/// Where a crate of ours stands, counted from below.
fn rank(name: &str) -> Option<usize> {
    LAYERS.iter().flat_map(|layer| layer.iter()).position(|other| *other == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_point_down() {
        assert!(broken("meridian-raft", "meridian-storage", false).is_empty());
        assert_eq!(broken("meridian-storage", "meridian-raft", false).len(), 1);
        assert_eq!(broken("meridian-node", "meridian-node", false).len(), 1);
        assert_eq!(broken("meridian-proxy", "meridian-engine", false).len(), 1);
    }

    #[test]
    fn fences_hold_for_tests_too() {
        assert_eq!(broken("meridian-node", "openraft-rt", true).len(), 1);
        assert!(broken("meridian-raft", "openraft", false).is_empty());
        assert!(broken("meridian-engine", "tokio", true).is_empty());
        assert_eq!(broken("meridian-engine", "tokio", false).len(), 1);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let metadata = serde_json::json!({"packages": [{"name": "new", "manifest_path": "Cargo.toml", "dependencies": []}]});
        let mut findings = Vec::new();
        check(&metadata, &mut findings).expect("well formed");
        assert_eq!(findings.len(), 1);
    }
}
