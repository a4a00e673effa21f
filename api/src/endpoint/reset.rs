//! `password/reset/` and `password/reset/confirm/`: a new password for whoever reads the account's mail.

use axum::http::StatusCode;
use domain::name::canonical_email;
use store::{
    clock,
    link::{Link, parse_uid},
};

use super::password::accepted;
use crate::{
    answer::{Answer, Handled},
    call::Call,
    command::ResetError,
    form::{Fields, address::PasswordReset, password::PasswordResetConfirm},
    password,
};

pub(crate) async fn request(call: Call) -> Handled {
    let PasswordReset { email } = PasswordReset::parse(&call.fields()?)?;
    call.count("reset", &canonical_email(&email), call.app.config.limits.reset).await?;
    call.app.accounts.request_reset(&call.context(), &email).await?;
    call.await_beat().await;
    Ok(Answer::detail(StatusCode::OK, "Password reset e-mail has been sent."))
}

pub(crate) async fn confirm(call: Call) -> Handled {
    let fields = call.fields()?;
    confirm_with(&call, &fields).await
}

/// Ends a reset with the fields of a form, wherever it came from.
pub(super) async fn confirm_with(call: &Call, fields: &Fields) -> Handled {
    let PasswordResetConfirm { uid, token, new } = PasswordResetConfirm::parse(fields)?;
    call.count("link", "", call.app.config.limits.link).await?;
    let (seat, accounts) = (call.seat()?, &call.app.accounts);
    let user = parse_uid(&uid).ok_or_else(PasswordResetConfirm::unknown_uid)?;
    if accounts.account(user).await?.is_none() {
        return Err(PasswordResetConfirm::unknown_uid().into());
    }
    let link = Link::parse_reset(&uid, token.as_str()).ok_or_else(PasswordResetConfirm::bad_token)?;
    let account = accounts.check_reset_link(&link).await.map_err(refused)?;
    let password = accepted(&account, |known| new.accept(&password::check, known))?;
    let position =
        accounts.reset_password(&call.context(), &link, (&seat, &password)).await.map_err(refused)?;
    call.app.refuse_older(user, clock::now()).await?;
    let answer = Answer::detail(StatusCode::OK, "Password has been reset with the new password.");
    Ok(call.positioned(answer, position))
}

fn refused(error: ResetError) -> Answer {
    match error {
        ResetError::BadLink => PasswordResetConfirm::bad_token().into(),
        ResetError::Failed(failure) => failure.into(),
    }
}
