//! Command lines as they are typed, and what is understood.

use clap::{CommandFactory, error::ErrorKind};

use super::*;

fn parse(arguments: &str) -> Result<(Option<PathBuf>, Command), ErrorKind> {
    let words = ["stele"].into_iter().chain(arguments.split_whitespace());
    CommandLine::try_parse_from(words).map(CommandLine::into_parts).map_err(|error| error.kind())
}

fn command(arguments: &str) -> Command {
    parse(arguments).unwrap_or_else(|kind| panic!("{arguments}: {kind}")).1
}

#[test]
fn the_commands_are_well_formed() {
    CommandLine::command().debug_assert();
}

#[test]
fn without_a_command_it_serves_in_all_roles() {
    let all = || Command::Serve(Serve { roles: Vec::new() });
    assert_eq!(parse(""), Ok((None, all())));
    assert_eq!(parse("--config a.toml"), Ok((Some("a.toml".into()), all())));
    assert_eq!(parse("serve --config a.toml"), Ok((Some("a.toml".into()), all())));
}

#[test]
fn roles_are_a_list_with_commas_and_an_unknown_one_is_refused() {
    let roles = vec![Role::Api, Role::Sealer];
    assert_eq!(command("serve --roles api,sealer"), Command::Serve(Serve { roles }));
    assert_eq!(parse("serve --roles api,worker"), Err(ErrorKind::ValueValidation));
    let error = CommandLine::try_parse_from(["stele", "serve", "--roles", "worker"]).unwrap_err().to_string();
    assert!(error.contains("there is no role `worker`"), "{error}");
}

#[test]
fn a_password_never_stands_on_the_command_line() {
    let user = command("user create --username ann --email a@b.c --password-stdin --verified --json");
    let expected = NewUser {
        username: "ann".to_owned(),
        email: "a@b.c".to_owned(),
        password_stdin: true,
        verified: true,
        printed: Printed { json: true },
    };
    assert_eq!(user, Command::Operate(Operation::User(User::Create(expected))));
    assert_eq!(parse("user create --username ann --email a@b.c"), Err(ErrorKind::MissingRequiredArgument));
    assert_eq!(parse("user create --username ann --password x"), Err(ErrorKind::UnknownArgument));
    assert_eq!(parse("user create --password-stdin"), Err(ErrorKind::MissingRequiredArgument));
    assert_eq!(parse("user create --username ann --password-stdin"), Err(ErrorKind::MissingRequiredArgument));
}

#[test]
fn a_user_is_named_by_one_word() {
    let named = |name: &str| Named { name: name.to_owned(), printed: Printed::default() };
    assert_eq!(command("user show ann"), Command::Operate(Operation::User(User::Show(named("ann")))));
    assert_eq!(
        command("user disable a@b.c"),
        Command::Operate(Operation::User(User::Disable(named("a@b.c"))))
    );
    assert_eq!(command("user enable 42"), Command::Operate(Operation::User(User::Enable(named("42")))));
    assert_eq!(command("user list"), Command::Operate(Operation::User(User::List(Printed::default()))));
    assert_eq!(parse("user show"), Err(ErrorKind::MissingRequiredArgument));
    assert_eq!(parse("user show ann bob"), Err(ErrorKind::UnknownArgument));
}

#[test]
fn the_rest_of_the_commands_are_read() {
    let json = Printed { json: true };
    assert_eq!(command("init --force"), Command::Init { force: true });
    assert_eq!(command("migrate"), Command::Operate(Operation::Migrate));
    assert_eq!(command("keys list --json"), Command::Operate(Operation::Keys(Keys::List(json))));
    assert_eq!(command("keys rotate"), Command::Operate(Operation::Keys(Keys::Rotate(Printed::default()))));
    assert_eq!(command("doctor --json"), Command::Operate(Operation::Doctor(json)));
    let tail = Tail { from: Some("a-17".to_owned()), printed: Printed::default() };
    assert_eq!(command("log tail --from a-17"), Command::Operate(Operation::Log(Log::Tail(tail))));
    let between = Between { from: "sqlite:a".to_owned(), to: "postgres://b@c/d".to_owned(), printed: json };
    assert_eq!(
        command("log copy --from sqlite:a --to postgres://b@c/d --json"),
        Command::Operate(Operation::Log(Log::Copy(between)))
    );
    let between = Between { from: "a".to_owned(), to: "b".to_owned(), printed: Printed::default() };
    assert_eq!(
        command("vault copy --from a --to b"),
        Command::Operate(Operation::Vault(Vault::Copy(between)))
    );
    assert_eq!(parse("log copy --from sqlite:a"), Err(ErrorKind::MissingRequiredArgument));
    let check = Rebuild { check: true, printed: json, ..Rebuild::default() };
    assert_eq!(command("rebuild --check --json"), Command::Operate(Operation::Rebuild(check)));
    for two in ["--check --rollback", "--forget --check", "--rollback --forget"] {
        assert_eq!(parse(&format!("rebuild {two}")), Err(ErrorKind::ArgumentConflict));
    }
    let preview = MailPreview { kind: Purpose::ResetPassword, html: true, printed: Printed::default() };
    assert_eq!(
        command("mail preview reset-password --html"),
        Command::Operate(Operation::Mail(Mail::Preview(preview)))
    );
    assert_eq!(parse("mail preview advertisement"), Err(ErrorKind::ValueValidation));
    let list = MailList { failed: true, printed: json };
    assert_eq!(command("mail list --failed --json"), Command::Operate(Operation::Mail(Mail::List(list))));
    assert_eq!(command("park list --json"), Command::Operate(Operation::Park(Park::List(json))));
    let retry = Retry { stream: Some("user-7".to_owned()), printed: json };
    assert_eq!(command("park retry user-7 --json"), Command::Operate(Operation::Park(Park::Retry(retry))));
    let setup = Operation::Nats(Nats::Setup(Printed::default()));
    assert_eq!(command("nats setup"), Command::Operate(setup));
    let relay = Relay { from: "a-17".to_owned(), printed: json };
    assert_eq!(command("relay --from a-17 --json"), Command::Operate(Operation::Relay(relay)));
    assert_eq!(parse("relay"), Err(ErrorKind::MissingRequiredArgument));
    assert_eq!(parse("--version"), Err(ErrorKind::DisplayVersion));
}

#[test]
fn health_is_asked_for_ready_unless_for_live() {
    for (typed, live, json) in
        [("health", false, false), ("health --live", true, false), ("health --json", false, true)]
    {
        let asked = Health { live, printed: Printed { json } };
        assert_eq!(command(typed), Command::Operate(Operation::Health(asked)), "{typed}");
    }
    assert_eq!(command("nats key"), Command::Operate(Operation::Nats(Nats::Key(Printed::default()))));
}
