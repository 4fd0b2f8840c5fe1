//! Takes the white space out of the OpenAPI document and compresses it, since every start of the
//! `api` component loads it. The file in the crate stays readable.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

const DOCUMENT: &str = "src/doors/api/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let document: serde_json::Value = serde_json::from_slice(&fs::read(DOCUMENT)?)?;
    let directory = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let compressed = miniz_oxide::deflate::compress_to_vec(document.to_string().as_bytes(), 10);
    fs::write(directory.join("openapi.deflate"), compressed)?;
    Ok(())
}
