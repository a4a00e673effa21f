//! The binary: reads the command line and the settings, and does what was asked. Errors are told here, once, in words.

mod backends;
mod command_line;
mod master_key;
mod serve;
mod settings;
mod signing_keys;
mod table;

use std::{io::Write, process::ExitCode, sync::Arc};

use clap::Parser;
use command_line::{Command, CommandLine};

fn main() -> ExitCode {
    let (config, command) = CommandLine::parse().into_parts();
    let settings = match settings::from_process(config.as_deref()) {
        Ok(settings) => Arc::new(settings),
        Err(_) => return ExitCode::FAILURE,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let Command::Serve(asked) = command else { return ExitCode::FAILURE };
    match runtime.block_on(serve::serve(settings, &asked.roles)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(std::io::stderr(), "{}", store::log::chain(&error));
            ExitCode::FAILURE
        }
    }
}
