//! `password/change/`: a new password for the caller's own account.

use axum::http::StatusCode;
use domain::user::{Account, Names};

use crate::{
    answer::{Answer, Handled},
    call::Call,
    caller::{inactive, session_ended},
    command::ChangeError,
    form::{Secret, password::PasswordChange},
    password::{self, Seat},
};
use store::clock;

pub(crate) async fn change(call: Call) -> Handled {
    let mut change = PasswordChange::read(&call.fields()?, call.app.config.old_password_required);
    let (seat, account) = (call.seat()?, account(&call).await?);
    if let Some(old) = change.old()
        && !is_own_password(&call, &account, (&seat, old)).await?
    {
        change.old_is_wrong();
    }
    let password = accepted(&account, |known| change.finish()?.accept(&password::check, known))?;
    let (user, proof) = call.proof()?;
    call.count_change("change", call.app.config.limits.change).await?;
    let changed = call.app.accounts.change_password(&call.context(), (user, proof), (&seat, &password)).await;
    let position = changed.map_err(|error| match error {
        ChangeError::Disabled => inactive(call.app.config.tokens),
        ChangeError::SessionEnded => session_ended(call.app.config.tokens),
        ChangeError::Failed(failure) => Answer::from(failure),
    })?;
    call.app.refuse_older(user, clock::now()).await?;
    Ok(call.positioned(Answer::detail(StatusCode::OK, "New password has been saved."), position))
}

/// The caller's account.
pub(super) async fn account(call: &Call) -> Result<Account, Answer> {
    let account = call.app.accounts.account(call.caller()?.user).await?;
    account.filter(|account| account.active).ok_or_else(|| inactive(call.app.config.tokens))
}

/// Whether this is the caller's password; guesses are counted.
pub(super) async fn is_own_password(
    call: &Call,
    account: &Account,
    password: (&Seat, &Secret),
) -> Result<bool, Answer> {
    let whom = call.caller()?.user.to_string();
    call.count("password check", &whom, call.app.config.limits.password_check).await?;
    let right = call.app.accounts.is_password_of(account, password).await?;
    if right {
        call.forget_attempts("password check", &whom).await?;
    }
    Ok(right)
}

/// Lets `judge` compare a new password with what is known of its owner.
pub(super) fn accepted<T>(account: &Account, judge: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    let nameless = Names::default();
    let names = account.names.get().unwrap_or(&nameless);
    let email = account.email.as_ref().and_then(|address| address.email.get());
    judge(&[
        ("username", &names.username),
        ("first name", &names.first_name),
        ("last name", &names.last_name),
        ("email address", email.map_or("", String::as_str)),
    ])
}
