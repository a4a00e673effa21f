//! What can be asked of the binary on its command line. Parses and explains; must not do any of it.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use domain::mail::Purpose;

use crate::settings::Role;

/// An event-sourced authentication backend that speaks the dj-rest-auth contract.
///
/// Without a command it serves. Settings come from stele.toml and from the environment; `stele init` writes a
/// file that explains them all.
#[derive(Debug, Parser)]
#[command(name = "stele", version)]
pub(crate) struct CommandLine {
    /// The settings file. Without it, stele.toml is read where there is one.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

impl CommandLine {
    /// The settings file and what to do: serve, unless something else is asked for.
    pub(crate) fn into_parts(self) -> (Option<PathBuf>, Command) {
        let serve = Command::Serve(Serve { roles: Vec::new() });
        (self.config, self.command.unwrap_or(serve))
    }
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Take requests and do all work behind them. The default.
    Serve(Serve),
    /// Write stele.toml (or the file of --config): every setting, explained, with its default.
    Init {
        /// Overwrite the file if there is one.
        #[arg(long)]
        force: bool,
    },
    #[command(flatten)]
    Operate(Operation),
}

/// What needs the databases, whether or not a server runs on them.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Operation {
    /// Bring the databases to the version of this binary, close the log's streams to others where it is on KurrentDB, and stop.
    Migrate,
    /// Create, show and disable users.
    #[command(subcommand)]
    User(User),
    /// The keys that sign tokens.
    #[command(subcommand)]
    Keys(Keys),
    /// The event log.
    #[command(subcommand)]
    Log(Log),
    /// The keys that open what is sealed in the log.
    #[command(subcommand)]
    Vault(Vault),
    /// Mails: whether they arrive, how they look, which were not sent, and another try.
    #[command(subcommand)]
    Mail(Mail),
    /// Users and sessions that wait at an event which the read models can't take.
    #[command(subcommand)]
    Park(Park),
    /// Make the read models anew from the log, beside the live ones, and put them in their place at once.
    Rebuild(Rebuild),
    /// What Stele keeps on NATS: a stream of events, two consumers and a bucket.
    #[command(subcommand)]
    Nats(Nats),
    /// Have events published on NATS once more.
    Relay(Relay),
    /// Check settings, databases and keys, and say what is wrong.
    Doctor(Printed),
    /// Ask the process that serves at api.listen how it is. Exit code 1 if it is not ready, or not there.
    Health(Health),
}

#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Health {
    /// Only whether it answers, whatever its databases do.
    #[arg(long)]
    pub(crate) live: bool,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct Serve {
    /// The work of this process, separated by commas: api, projector, relay, mailer, revoker, sealer. Default:
    /// all.
    #[arg(long, value_delimiter = ',', value_name = "ROLE,…")]
    pub(crate) roles: Vec<Role>,
}

/// How a command prints what it found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct Printed {
    /// Print JSON instead of text for people.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum User {
    /// Register a user. The password is the first line of standard input, so that it shows in no list of
    /// processes.
    Create(NewUser),
    /// Show one user.
    Show(Named),
    /// List all users.
    List(Printed),
    /// Keep a user from logging in, and end all of his sessions. Done means durable.
    Disable(Named),
    /// Let a disabled user log in again. Done means durable.
    Enable(Named),
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct NewUser {
    #[arg(long)]
    pub(crate) username: String,
    /// The e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: String,
    /// Read the password from standard input.
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
    /// Take the address as verified and send no mail.
    #[arg(long)]
    pub(crate) verified: bool,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct Named {
    /// A username, an e-mail address or a pk. Exit code 2 if it fits several users.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Keys {
    /// List the keys: which one signs, and which are published until their last token is dead.
    List(Printed),
    /// Make a new key that signs from now on. Tokens of the old one stay good until they expire.
    Rotate(Printed),
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Park {
    /// List the users and sessions that wait at an event which the read models can't take, and why.
    List(Printed),
    /// Try them again, after a mend. Exit code 1 if one still waits.
    Retry(Retry),
}

#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Retry {
    /// Only this stream, such as user-7. Default: all.
    pub(crate) stream: Option<String>,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Mail {
    /// Send a test mail the way that all mails go.
    Test(MailTest),
    /// Print the mails of one kind, with a link that opens nothing.
    Preview(MailPreview),
    /// List the mails that wait to be sent or, with --failed, those that were given up.
    List(MailList),
    /// Try a mail again that was given up, while its link lives.
    Retry(MailRetry),
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct MailTest {
    /// The e-mail address that it goes to.
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct MailPreview {
    /// verify-email, reset-password, password-changed, password-reset, email-change-requested, social-account-linked or
    /// social-account-unlinked.
    #[arg(value_parser = purpose)]
    pub(crate) kind: Purpose,
    /// The HTML in place of the plain text.
    #[arg(long)]
    pub(crate) html: bool,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct MailList {
    /// Those that were given up, and why.
    #[arg(long)]
    pub(crate) failed: bool,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct MailRetry {
    /// As the list shows it.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

fn purpose(text: &str) -> Result<Purpose, String> {
    let known = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == text);
    let kinds = || Purpose::ALL.map(Purpose::as_str).join(", ");
    known.ok_or_else(|| format!("kinds are {}", kinds()))
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Log {
    /// Print events as they are recorded, without what is sealed in them.
    Tail(Tail),
    /// Make the log at one URL the same as the one at another, and compare them. Given again, it goes on where it was stopped.
    /// Exit code 3 if the two are not the same in the end.
    Copy(Between),
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Vault {
    /// Make the vault at one URL the same as the one at another, while nobody uses either, and compare them. Exit code 3 if the
    /// two are not the same in the end.
    Copy(Between),
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct Tail {
    /// Begin after this position. Default: the end of the log.
    #[arg(long, value_name = "POSITION")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Nats {
    /// Make what is missing of it, and say what is there and otherwise than it should be. Exit code 1 if there is anything.
    Setup(Printed),
    /// Print a new nkey: the seed, which is secret and whose file bus.credentials names, and the public key, by which the server
    /// knows whoever has the seed.
    Key(Printed),
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct Relay {
    /// Begin after this position. The relay goes on from there, as soon as one runs, up to the end of the log; subscribers know by
    /// their ids what they have had.
    #[arg(long, value_name = "POSITION")]
    pub(crate) from: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct Between {
    /// Where it is, as the settings have it: sqlite:PATH, `postgres://USER@HOST/DATABASE` or, of a log, `esdb://HOST:PORT`. A password
    /// for PostgreSQL is best left to ~/.pgpass, as others can see command lines.
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,
    /// Where it goes: what is there must be empty, or a copy that was not finished.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Rebuild {
    /// Only say whether the live read models are what the log says, and change nothing. Exit code 3 if they are
    /// not.
    #[arg(long)]
    pub(crate) check: bool,
    /// Go back to the read models that were live before the last rebuild, brought up to date. A second time
    /// undoes the first.
    #[arg(long, conflicts_with = "check")]
    pub(crate) rollback: bool,
    /// Remove the read models that --rollback would go back to, at once. A server does so a week after the rebuild.
    #[arg(long, conflicts_with_all = ["check", "rollback"])]
    pub(crate) forget: bool,
    #[command(flatten)]
    pub(crate) printed: Printed,
}
