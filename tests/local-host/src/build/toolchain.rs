//! The WASI target of the Rust toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{BuildError, TARGET, program};

/// Sees that the toolchain of `directory` has the target; asks rustup for it where it has not.
pub(super) fn ensure_target(directory: &Path) -> Result<(), BuildError> {
    if is_installed(directory)? {
        return Ok(());
    }
    let rustup = Command::new("rustup")
        .current_dir(directory)
        .args(["target", "add", TARGET])
        .output();
    match rustup {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(BuildError::Target(format!(" (rustup says: {message})")))
        }
        Err(_) => Err(BuildError::Target(String::new())),
    }
}

fn is_installed(directory: &Path) -> Result<bool, BuildError> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(&rustc)
        .current_dir(directory)
        .args(["--print", "sysroot"])
        .output()
        .map_err(|error| program("rustc", error))?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(sysroot.join("lib/rustlib").join(TARGET).is_dir())
}
