//! `stele user …`: creates, shows, lists, disables and enables users. Names are looked up in the log, so that what was
//! just done is seen.

use std::io;

use api::{
    command::{Accounts, NewUser as Registration, RegisterError},
    form::{self, errors::NON_FIELD, registration::Draft},
    password,
};
use domain::{
    Time, UserId,
    user::{Account, Names},
};
use projections::{UserRow, users};
use serde_json::{Value, json};
use store::{Context, ExecuteError, Executed, clock};

use super::{OperateError, Site, say, say_json, with_users};
use crate::{
    command_line::{Named, NewUser, Printed},
    settings::Settings,
    table::{Table, human_time},
};

/// How events name whoever uses the command line.
const ACTOR: &str = "operator";
const PAGE: u32 = 1000;

/// What is shown of a user.
struct Shown {
    pk: UserId,
    names: Names,
    email: Option<String>,
    verified: bool,
    active: bool,
    registered_at: Time,
}

pub(super) async fn show(site: &Site<'_>, Named { name, printed }: Named) -> Result<(), OperateError> {
    let (pk, account) = find(&site.accounts()?, &name).await?;
    tell(&Shown::of(pk, &account), printed)
}

pub(super) async fn disable(site: &Site<'_>, Named { name, printed }: Named) -> Result<(), OperateError> {
    let accounts = site.accounts()?;
    let (pk, _) = find(&accounts, &name).await?;
    done(site, pk, accounts.disable(&Context::of(ACTOR), pk).await, printed).await
}

pub(super) async fn enable(site: &Site<'_>, Named { name, printed }: Named) -> Result<(), OperateError> {
    let accounts = site.accounts()?;
    let (pk, _) = find(&accounts, &name).await?;
    done(site, pk, accounts.enable(&Context::of(ACTOR), pk).await, printed).await
}

pub(super) async fn list(settings: &Settings, printed: Printed) -> Result<(), OperateError> {
    let site = with_users(settings).await?;
    let mut all = Vec::new();
    let mut last = UserId(0);
    loop {
        let page = users::list(site.backends.desk.views(), last, PAGE).await?;
        let Some(end) = page.last() else { break };
        last = end.pk;
        all.extend(page.into_iter().map(Shown::from));
    }
    if printed.json {
        return say_json(&all.iter().map(Shown::to_json).collect());
    }
    let table = all.iter().fold(Table::new(HEADERS), |table, user| table.row(user.cells()));
    say(&table.to_string())
}

pub(super) async fn create(site: &Site<'_>, new: NewUser) -> Result<(), OperateError> {
    let mut password = String::new();
    io::stdin().read_line(&mut password).map_err(OperateError::NoPassword)?;
    let password = password.trim_end_matches(['\n', '\r']);
    if password.trim().is_empty() {
        return Err(OperateError::Refused(
            "the first line of standard input, the password, is empty".to_owned(),
        ));
    }
    let body = json!({
        "username": new.username, "email": new.email, "password1": password, "password2": password,
    });
    let read = form::read(Some("application/json"), body.to_string().as_bytes());
    let fields = read.map_err(|refusal| OperateError::Refused(refusal.to_string()))?;
    let draft = Draft::read(&fields, &password::check).finish(&password::check);
    let draft = draft.map_err(|errors| OperateError::Refused(sentences(&errors.to_json())))?;
    let registration = Registration {
        username: draft.username,
        email: draft.email,
        password: draft.password,
        email_verified: new.verified,
        client: None,
    };
    let accounts = site.accounts()?;
    let seat = accounts.enter(ACTOR).map_err(|busy| OperateError::Failed(busy.into()))?;
    let registered = accounts.register(&Context::of(ACTOR), &seat, &registration).await;
    let registered = registered.map_err(|error| match error {
        RegisterError::Failed(failure) => OperateError::Failed(failure),
        taken @ (RegisterError::UsernameTaken | RegisterError::EmailTaken) => {
            OperateError::Refused(taken.to_string())
        }
    })?;
    tell(&Shown::of(registered.user, &registered.account), new.printed)
}

async fn find(accounts: &Accounts, name: &str) -> Result<(UserId, Account), OperateError> {
    let mut found = accounts.named(name).await?;
    match (found.pop(), found.is_empty()) {
        (Some(user), true) => Ok(user),
        (Some((pk, _)), false) => {
            let others = found.iter().map(|(pk, _)| *pk).chain([pk]);
            let pks = others.map(|pk| pk.to_string()).collect::<Vec<_>>().join(", ");
            Err(OperateError::SeveralUsers { name: name.to_owned(), pks })
        }
        (None, _) => Err(OperateError::NoUser(name.to_owned())),
    }
}

/// Shows the user after a change that is durable and that the running server has heard of.
async fn done(
    site: &Site<'_>,
    pk: UserId,
    outcome: Result<Executed<domain::User>, ExecuteError<domain::user::Error>>,
    printed: Printed,
) -> Result<(), OperateError> {
    let executed = outcome.map_err(|error| match error {
        ExecuteError::Refused(reason) => OperateError::Refused(reason.to_string()),
        ExecuteError::Store(error) => OperateError::Log(error),
    })?;
    site.heard(executed.position).await?;
    match executed.state.account() {
        Some(account) => tell(&Shown::of(pk, account), printed),
        None => Err(OperateError::NoUser(pk.to_string())),
    }
}

fn tell(user: &Shown, printed: Printed) -> Result<(), OperateError> {
    if printed.json {
        return say_json(&user.to_json());
    }
    say(&Table::new(HEADERS).row(user.cells()).to_string())
}

/// `{field: [sentence, …]}` as `field: sentence sentence; …`.
fn sentences(errors: &Value) -> String {
    let fields = errors.as_object().into_iter().flatten();
    let told = fields.filter(|(field, _)| *field != "password2").map(|(field, list)| {
        let field = if field == "password1" || field == NON_FIELD { "password" } else { field };
        let list: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        format!("{field}: {}", list.join(" "))
    });
    told.collect::<Vec<_>>().join("; ")
}

const HEADERS: [&str; 8] =
    ["PK", "USERNAME", "E-MAIL", "VERIFIED", "ACTIVE", "FIRST NAME", "LAST NAME", "REGISTERED (UTC)"];

impl Shown {
    fn of(pk: UserId, account: &Account) -> Self {
        let address = account.email.as_ref();
        Self {
            pk,
            names: account.names.get().cloned().unwrap_or_default(),
            email: address.and_then(|address| address.email.get().cloned()),
            verified: address.is_some_and(|address| address.verified),
            active: account.active,
            registered_at: account.registered_at,
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "pk": self.pk.0,
            "username": self.names.username,
            "email": self.email,
            "email_verified": self.verified,
            "active": self.active,
            "first_name": self.names.first_name,
            "last_name": self.names.last_name,
            "registered_at": clock::rfc3339(self.registered_at),
        })
    }

    fn cells(&self) -> [String; 8] {
        let yes_or_no = |fact: bool| if fact { "yes" } else { "no" }.to_owned();
        [
            self.pk.to_string(),
            self.names.username.clone(),
            self.email.clone().unwrap_or_default(),
            yes_or_no(self.verified),
            yes_or_no(self.active),
            self.names.first_name.clone(),
            self.names.last_name.clone(),
            human_time(self.registered_at),
        ]
    }
}

impl From<UserRow> for Shown {
    fn from(row: UserRow) -> Self {
        Self {
            pk: row.pk,
            names: Names { username: row.username, first_name: row.first_name, last_name: row.last_name },
            email: row.email,
            verified: row.email_verified,
            active: row.active,
            registered_at: row.registered_at,
        }
    }
}
