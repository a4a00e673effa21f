//! The binary: reads the command line and the settings, and does what was asked. Errors are told here, once, in words.

mod backends;
mod command_line;
mod file_lock;
mod master_key;
mod operate;
mod orders;
mod rebuild_lock;
mod serve;
mod settings;
mod signing_keys;
mod table;

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    panic,
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use command_line::{Command, CommandLine};
use mimalloc::MiMalloc;
use operate::OperateError;
use serve::ServeError;
use settings::{Format, SettingsErrors};
use store::chain;
use tokio::runtime::{Builder, Runtime};
use tracing::Level;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

/// Requests and folds live on many small allocations, made and freed on different threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Bytes of log lines that are written at once.
const BUFFER: usize = 64 * 1024;

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
            // Without a terminal the exit code has to do.
            _ = writeln!(io::stderr(), "stele: {}", chain(&error));
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
            let _lines = log_to_stderr(settings.output.format, settings.output.level);
            Ok(runtime()?.block_on(serve::serve(settings, &asked.roles))?)
        }
        Command::Operate(operation) => {
            let settings = settings::from_process(config)?;
            let _lines = log_to_stderr(settings.output.format, Level::WARN);
            Ok(runtime()?.block_on(operate::operate(&settings, operation))?)
        }
    }
}

fn runtime() -> Result<Runtime, Failed> {
    Builder::new_multi_thread().enable_all().build().map_err(Failed::Runtime)
}

/// Lines are written by a thread of their own, many at once, so that no request waits for whoever reads them. What waits is
/// written when the answer of this is dropped.
fn log_to_stderr(format: Format, level: Level) -> WorkerGuard {
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(false).finish(BufWriter::with_capacity(BUFFER, io::stderr()));
    let lines = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_writer(writer);
    match format {
        Format::Text => lines.with_ansi(io::stderr().is_terminal()).init(),
        Format::Json => lines.json().init(),
    }
    // What a panic says may hold what was being worked on: a password, for instance.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug: the program contradicted itself");
    }));
    guard
}
