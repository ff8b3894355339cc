//! Building the hook where Kea's headers are missing or of another release.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What a build says that must fail.
fn failing_build(include: &Path, target: &Path) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "kea-ffi", "--features", "kea", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("KEA_INCLUDE_DIR", include)
        .output()
        .unwrap();
    assert!(!output.status.success(), "the build succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn unusable_headers_are_named_with_the_way_out() {
    let scratch = tempfile::tempdir().unwrap();
    let (include, target) = (scratch.path().join("kea"), scratch.path().join("target"));

    let missing = failing_build(&include, &target);
    for part in
        [include.to_str().unwrap(), "apt-get install kea-dev", "KEA_INCLUDE_DIR", "without the `kea` feature"]
    {
        assert!(missing.contains(part), "'{part}' is not in: {missing}");
    }

    fs::create_dir_all(include.join("hooks")).unwrap();
    fs::write(include.join("hooks/hooks.h"), "const int KEA_HOOKS_VERSION = 20401;\n").unwrap();
    let other = failing_build(&include, &target);
    for part in [include.to_str().unwrap(), "hooks version 20401", "can be built for Kea 2.2.0", "kea-dev"] {
        assert!(other.contains(part), "'{part}' is not in: {other}");
    }
}
