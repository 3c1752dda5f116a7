//! Lets programs that link DuckDB, here and in `session` and `tests`, find the prebuilt library
//! without `LD_LIBRARY_PATH`; nothing to do when DuckDB is built in.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=../executor/build.rs");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    let Some(dir) = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from) else { return };
    let dir = if dir.is_absolute() {
        dir
    } else {
        // A relative folder is meant from the workspace, where `.cargo/config.toml` lies.
        let here = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        here.join("..").join(dir)
    };
    let dir = dir.canonicalize().unwrap_or(dir);
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", dir.display());
}
