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

    let read = || fs::read_to_string(&header).unwrap_or_default();
    // `make generate` sets this. A header that is touched lets all C++ be compiled again.
    if env::var_os("UPDATE_GENERATED").is_some() && read() != generated {
        fs::write(&header, &generated).unwrap();
    }
    let committed = read();
    assert_eq!(committed, generated, "run `make generate` and commit include/keahook/abi.h");
}
