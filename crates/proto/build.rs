//! Compiles `/proto` with protox, so that no protoc is needed.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../proto");
    println!("cargo:rerun-if-changed=../../proto");
    let services = ["exec", "raft", "meta", "admin", "pubsub"];
    let files: Vec<_> = services
        .iter()
        .map(|service| root.join(format!("meridian/{service}/v1/{service}.proto")))
        .filter(|file| file.exists())
        .collect();
    let descriptors = protox::compile(files, [root])?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
