//! What ARCHITECTURE.md promises of the workspace's shape, held against the workspace itself.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in the functions that tests share too"
)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared crates, from the core outwards: each may name only those before it.
const LAYERS: [&str; 4] = ["mapping", "connectors", "engine", "platform"];

/// A package of the workspace.
struct Member {
    /// Its directory, relative to the workspace: `functions/api`.
    directory: String,
    /// What it names in its manifest, tests and build scripts counted.
    dependencies: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn members() -> BTreeMap<String, Member> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .current_dir(root())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata failed");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let root = Path::new(metadata["workspace_root"].as_str().unwrap());
    let members: BTreeMap<String, Member> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| member(package, root))
        .collect();
    assert!(members.len() > LAYERS.len(), "few packages were found");
    members
}

fn member(package: &Value, root: &Path) -> (String, Member) {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let directory = manifest.parent().unwrap().strip_prefix(root).unwrap();
    let dependencies = package["dependencies"].as_array().unwrap();
    let member = Member {
        directory: directory.to_str().unwrap().replace('\\', "/"),
        dependencies: dependencies
            .iter()
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect(),
    };
    (package["name"].as_str().unwrap().to_owned(), member)
}

/// The packages of `functions/`.
fn functions(members: &BTreeMap<String, Member>) -> BTreeSet<String> {
    members
        .iter()
        .filter(|(_, member)| member.directory.starts_with("functions/"))
        .map(|(name, _)| name.clone())
        .collect()
}

fn manifest() -> toml::Table {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    text.parse().unwrap()
}

#[test]
fn what_ships_depends_on_what_lies_further_in_and_on_nothing_else_of_ours() {
    let members = members();
    let functions = functions(&members);
    let is_ours = |name: &&String| members.contains_key(*name);
    for (name, member) in &members {
        let layer = LAYERS.iter().position(|layer| layer == name);
        let allowed = match layer {
            Some(layer) => {
                assert_eq!(member.directory, format!("shared/{name}"));
                &LAYERS[..layer]
            }
            None if functions.contains(name) => &LAYERS[..],
            None => {
                assert!(
                    member.directory.starts_with("tests/"),
                    "{name} is of no known kind"
                );
                continue;
            }
        };
        for dependency in member.dependencies.iter().filter(is_ours) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} may not depend on {dependency}"
            );
        }
    }
    for layer in LAYERS {
        assert!(members.contains_key(layer), "shared/{layer} is missing");
    }
}

#[test]
fn only_platform_and_the_functions_name_the_platform() {
    let members = members();
    let functions = functions(&members);
    for (name, member) in &members {
        let may = name == "platform"
            || functions.contains(name)
            || member.directory.starts_with("tests/local-host/fixtures/");
        assert!(
            may || !member.dependencies.contains("spin-sdk"),
            "{name} may not depend on spin-sdk"
        );
    }
}

#[test]
fn every_function_is_a_component_and_every_component_a_function() {
    let functions = functions(&members());
    assert!(!functions.is_empty(), "functions/ has no packages");
    let manifest = manifest();
    let components = manifest["component"].as_table().unwrap();
    let ids: BTreeSet<String> = components.keys().cloned().collect();
    assert_eq!(ids, functions);
    for (id, component) in components {
        let file = format!("{}.wasm", id.replace('-', "_"));
        let source = component["source"].as_str().unwrap();
        assert_eq!(source.rsplit('/').next(), Some(file.as_str()));
        let build = component["build"].as_table().unwrap();
        let command = build["command"].as_str().unwrap();
        assert!(
            command.contains(&format!("-p {id} ")),
            "{id} is not built by its own command"
        );
        let watched: BTreeSet<&str> = build["watch"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(toml::Value::as_str)
            .collect();
        let own = format!("functions/{id}/**/*.rs");
        for needed in [own.as_str(), "shared/**/*.rs", "Cargo.toml"] {
            assert!(watched.contains(needed), "{id} does not watch {needed}");
        }
    }
}

#[test]
fn every_component_has_a_trigger() {
    let manifest = manifest();
    let triggered: BTreeSet<&str> = manifest["trigger"]
        .as_table()
        .unwrap()
        .values()
        .filter_map(toml::Value::as_array)
        .flatten()
        .filter_map(|trigger| trigger["component"].as_str())
        .collect();
    let components = manifest["component"].as_table().unwrap();
    let ids: BTreeSet<&str> = components.keys().map(String::as_str).collect();
    assert_eq!(triggered, ids);
}
