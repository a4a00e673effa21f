//! Turns the protocol's files into Rust: in Rust alone, as no `protoc` is needed to build anything here.

use std::error::Error;

const FILES: [&str; 3] = ["streams.proto", "server_features.proto", "kept.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let files = protox::compile(FILES, ["proto"])?;
    let mut messages = prost_build::Config::new();
    messages.bytes(["."]).extern_path(".event_store.client.Empty", "()").include_file("wire.rs");
    tonic_build::configure()
        .build_client(false)
        .build_transport(false)
        .compile_fds_with_config(messages, files)?;
    Ok(())
}
