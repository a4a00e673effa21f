//! `POST registration/` and what follows it: `verify-email/` and `resend-email/`.

use axum::http::{Method, StatusCode};
use domain::name::{NameKind, canonical_email};
use serde_json::json;
use store::link::Link;

use crate::{
    answer::{Answer, Handled},
    call::{Call, wrong_method},
    command::{EmailError, NewUser, RegisterError},
    config::Verification,
    form::{
        FieldErrors,
        address::{ResendEmail, VerifyEmail},
        registration::{Draft, EMAIL_TAKEN, Registration, USERNAME_TAKEN},
        route::Endpoint,
    },
    grant::account_details,
    password,
};

pub(crate) async fn register(call: Call) -> Handled {
    let draft = Draft::read(&call.fields()?, &password::check);
    call.count("registration", "", call.app.config.limits.registration).await?;
    let seat = call.seat()?;
    let Registration { username, email, password } = look_up(&call, draft).await?.finish(&password::check)?;
    let mandatory = call.app.config.email_verification == Verification::Mandatory;
    let client = (!mandatory).then(|| call.client());
    let new = NewUser { username, email, password, email_verified: false, client };
    let registered =
        call.app.accounts.register(&call.context(), &seat, &new).await.map_err(|error| match error {
            RegisterError::UsernameTaken => FieldErrors::one("username", USERNAME_TAKEN).into(),
            RegisterError::EmailTaken => FieldErrors::one("email", EMAIL_TAKEN).into(),
            RegisterError::Failed(failure) => Answer::from(failure),
        })?;
    let answer = match &registered.session {
        Some((id, live)) => {
            let details = account_details(registered.user, &registered.account);
            call.app.welcome(StatusCode::CREATED, (*id, live), details)?
        }
        None => Answer::detail(StatusCode::CREATED, "Verification e-mail sent."),
    };
    Ok(call.positioned(answer, registered.position))
}

/// Marks the names that can't be had, so that they are told beside all other faults.
async fn look_up(call: &Call, mut draft: Draft) -> Result<Draft, Answer> {
    let accounts = &call.app.accounts;
    let own_email = draft.email().unwrap_or_default().to_owned();
    if let Some(username) = draft.username().map(str::to_owned) {
        let taken = accounts.is_taken(NameKind::Username, &username).await?
            || accounts.is_foreign_address(&username, &own_email).await?;
        if taken {
            draft.username_is_taken();
        }
    }
    if draft.email().is_some() && accounts.is_taken(NameKind::Email, &own_email).await? {
        draft.email_is_taken();
    }
    Ok(draft)
}

/// HEAD is offered and refused all the same, as the contract has it.
pub(crate) async fn verify_email(call: Call) -> Handled {
    if call.method != Method::POST {
        return Err(wrong_method(Endpoint::VERIFY_EMAIL, &call.method));
    }
    let VerifyEmail { key } = VerifyEmail::parse(&call.fields()?)?;
    let link = Link::parse_verify_email(key.as_str()).ok_or_else(Answer::not_found)?;
    call.count("link", "", call.app.config.limits.link).await?;
    match call.app.accounts.verify_email(&call.context(), &link).await {
        Ok(position) => Ok(call.positioned(Answer::detail(StatusCode::OK, "ok"), position)),
        Err(EmailError::Failed(failure)) => Err(failure.into()),
        Err(EmailError::BadLink | EmailError::Taken | EmailError::Disabled | EmailError::SessionEnded) => {
            Err(Answer::not_found())
        }
    }
}

pub(crate) async fn resend_email(call: Call) -> Handled {
    let ResendEmail { email } = ResendEmail::parse(&call.fields()?)?;
    call.count("resend", &canonical_email(&email), call.app.config.limits.resend).await?;
    call.app.accounts.resend_verification(&call.context(), &email).await?;
    call.await_beat().await;
    Ok(Answer::ok(json!({ "detail": "ok" })))
}
