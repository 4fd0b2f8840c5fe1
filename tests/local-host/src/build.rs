//! Building the components: one `cargo build` for all of them, to the WASI target.

mod progress;
mod toolchain;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use thiserror::Error;

pub use self::progress::Progress;

use self::progress::Display;
use crate::manifest::{Manifest, ManifestError};

/// The target of components.
pub const TARGET: &str = "wasm32-wasip2";
/// The profile whose output the manifest's `source` keys name: what ships.
pub const SHIPPED_PROFILE: &str = "component";

/// The components can't be built or found.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A built file isn't there.
    #[error("component {component:?} is not built: {} is missing", path.display())]
    Absent {
        /// The component's id.
        component: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// The compiler refused.
    #[error("cargo could not build the components; its messages are above")]
    Cargo,
    /// Cargo's description of the workspace can't be read.
    #[error("cargo metadata: {0}")]
    Metadata(String),
    /// The manifest is malformed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A component has no package of its name.
    #[error("component {0:?} has no package of that name in the workspace")]
    NoPackage(String),
    /// A program can't be started.
    #[error("can't run {program}: {error}. Rust with cargo is needed: https://rustup.rs")]
    Program {
        /// The program.
        program: String,
        /// The system's answer.
        error: std::io::Error,
    },
    /// The manifest's `source` isn't what this build makes.
    #[error(
        "component {component:?}: source is {written:?}, expected a path that ends with {expected:?}"
    )]
    Source {
        /// The component's id.
        component: String,
        /// As written.
        written: String,
        /// How it must end.
        expected: String,
    },
    /// The WASI target isn't installed and can't be.
    #[error(
        "the Rust target wasm32-wasip2 is not installed: run `rustup target add wasm32-wasip2`, or install your distribution's package of the Rust standard library for wasm32-wasip2{0}"
    )]
    Target(String),
}

/// Where the built components are.
#[derive(Clone, Debug)]
pub struct Artifacts {
    paths: BTreeMap<String, PathBuf>,
    cache: PathBuf,
}

impl Artifacts {
    /// Finds what an earlier build with `profile` left.
    pub fn locate(manifest: &Path, profile: &str) -> Result<Self, BuildError> {
        let plan = Plan::new(manifest, profile)?;
        plan.artifacts()
    }

    /// The `.wasm` file of a component.
    pub fn path(&self, component: &str) -> Option<&Path> {
        self.paths.get(component).map(PathBuf::as_path)
    }

    /// Where compiled machine code is kept from one start to the next.
    pub(crate) fn cache_directory(&self) -> &Path {
        &self.cache
    }
}

/// Builds every component of the manifest with one cargo invocation and finds the files. Installs the WASI
/// target through rustup where it is missing. Blocks until cargo is done.
pub fn components(
    manifest: &Path,
    profile: &str,
    progress: Progress,
) -> Result<Artifacts, BuildError> {
    let plan = Plan::new(manifest, profile)?;
    toolchain::ensure_target(&plan.directory)?;
    let display = Display::new(progress, plan.files.len() as u64);
    let mut command = Command::new(cargo());
    command
        .current_dir(&plan.directory)
        .args(["build", "--profile", profile, "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics"]);
    for component in plan.files.keys() {
        command.args(["--package", component]);
    }
    if progress != Progress::Lines {
        command.arg("--quiet");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| program("cargo", error))?;
    if let Some(messages) = child.stdout.take() {
        display.follow(messages);
    }
    let status = child.wait().map_err(|error| program("cargo", error))?;
    display.finish();
    if !status.success() {
        return Err(BuildError::Cargo);
    }
    plan.artifacts()
}

/// The cargo which runs us, if one does.
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn program(program: &str, error: std::io::Error) -> BuildError {
    BuildError::Program {
        program: program.to_owned(),
        error,
    }
}

/// What to build, from the manifest and from cargo's view of the workspace.
struct Plan {
    directory: PathBuf,
    metadata: Metadata,
    files: BTreeMap<String, String>,
    profile: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

impl Plan {
    fn new(manifest: &Path, profile: &str) -> Result<Self, BuildError> {
        let parsed = Manifest::load(manifest)?;
        let directory = match manifest.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let metadata = metadata(&directory)?;
        let mut files = BTreeMap::new();
        for (id, component) in &parsed.components {
            if !metadata.has_member(id) {
                return Err(BuildError::NoPackage(id.clone()));
            }
            let file = format!("{}.wasm", id.replace('-', "_"));
            let expected = format!("{TARGET}/{SHIPPED_PROFILE}/{file}");
            if !Path::new(&component.source).ends_with(&expected) {
                return Err(BuildError::Source {
                    component: id.clone(),
                    written: component.source.clone(),
                    expected,
                });
            }
            files.insert(id.clone(), file);
        }
        Ok(Self {
            directory,
            metadata,
            files,
            profile: profile.to_owned(),
        })
    }

    fn artifacts(&self) -> Result<Artifacts, BuildError> {
        // The dev profile is the one whose directory has another name.
        let folder = match self.profile.as_str() {
            "dev" => "debug",
            name => name,
        };
        let folder = self.metadata.target_directory.join(TARGET).join(folder);
        let mut paths = BTreeMap::new();
        for (id, file) in &self.files {
            let path = folder.join(file);
            if !path.is_file() {
                return Err(BuildError::Absent {
                    component: id.clone(),
                    path,
                });
            }
            paths.insert(id.clone(), path);
        }
        Ok(Artifacts {
            paths,
            cache: self.metadata.target_directory.join("local-host-cache"),
        })
    }
}

impl Metadata {
    fn has_member(&self, name: &str) -> bool {
        let mut named = self.packages.iter().filter(|package| package.name == name);
        named.any(|package| self.workspace_members.contains(&package.id))
    }
}

fn metadata(directory: &Path) -> Result<Metadata, BuildError> {
    let output = Command::new(cargo())
        .current_dir(directory)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .map_err(|error| program("cargo", error))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BuildError::Metadata(message));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| BuildError::Metadata(error.to_string()))
}
