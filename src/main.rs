//! The binary: reads the command line and the settings, and does what was asked. Errors are told here, once, in words.

mod backends;
mod command_line;
mod file_lock;
mod mails;
mod master_key;
mod operate;
mod orders;
mod output;
mod rebuild_lock;
mod serve;
mod settings;
mod signing_keys;
mod table;

use std::{io, path::Path, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use command_line::{Command, CommandLine};
use mimalloc::MiMalloc;
use operate::OperateError;
use output::Terminal;
use serve::ServeError;
use settings::SettingsErrors;
use store::chain;
use tokio::runtime::{Builder, Runtime};
use tracing::Level;

/// Requests and folds live on many small allocations, made and freed on different threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long threads that are stuck, in a file system for instance, keep a server that has stopped.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// Why the process ends without having done what was asked.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Settings(#[from] SettingsErrors),
    #[error("the process can't be set up")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Operate(#[from] OperateError),
}

fn main() -> ExitCode {
    let (config, command) = CommandLine::parse().into_parts();
    match run(config.as_deref(), command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::say_why(format!("stele: {}", chain(&error)));
            ExitCode::from(if let Failed::Operate(error) = error { error.exit_code() } else { 1 })
        }
    }
}

fn run(config: Option<&Path>, command: Command) -> Result<(), Failed> {
    match command {
        // Without the settings, because it is how a file that is in error gets replaced.
        Command::Init { force } => Ok(operate::init(config, force)?),
        Command::Serve(asked) => {
            let settings = Arc::new(settings::from_process(config)?);
            let _lines = output::log_to_stderr(settings.output.format, settings.output.level);
            let (terminal, _shown) = Terminal::open();
            let runtime = runtime()?;
            let served = runtime.block_on(serve::serve(settings, &asked.roles, &terminal));
            runtime.shutdown_timeout(LAST_STEPS);
            Ok(served?)
        }
        Command::Operate(operation) => {
            let settings = settings::from_process(config)?;
            let _lines = output::log_to_stderr(settings.output.format, Level::WARN);
            Ok(runtime()?.block_on(operate::operate(&settings, operation))?)
        }
    }
}

fn runtime() -> Result<Runtime, Failed> {
    Builder::new_multi_thread().enable_all().build().map_err(Failed::Runtime)
}
