//! The C header of the seam must be what `cbindgen` makes of the Rust side now.

use std::path::Path;
use std::{env, fs};

#[test]
fn committed_header_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = root.join("include/keahook/abi.h");
    let mut generated = Vec::new();
    cbindgen::Builder::new()
        .with_src(root.join("ffi/src/inward/types.rs"))
        .with_src(root.join("ffi/src/inward/mod.rs"))
        .with_config(cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap())
        .generate()
        .unwrap()
        .write(&mut generated);
    let generated = String::from_utf8(generated).unwrap();

    // `make generate` sets this.
    if env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&header, &generated).unwrap();
    }
    let committed = fs::read_to_string(&header).unwrap_or_default();
    assert_eq!(committed, generated, "run `make generate` and commit include/keahook/abi.h");
}
