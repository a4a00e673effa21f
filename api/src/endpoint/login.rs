//! `POST login/`: a name and a password for a session.

use axum::http::StatusCode;
use domain::name::{canonical, kind_of_typed};

use crate::{
    answer::Handled,
    call::Call,
    command::{Credentials, LoginError},
    config::{LoginMethods, Verification},
    form::{
        FieldErrors,
        errors::NON_FIELD,
        login::{BAD_CREDENTIALS, Login, LoginName, UNVERIFIED},
    },
    grant::account_details,
};

pub(crate) async fn login(call: Call) -> Handled {
    let methods = call.app.config.login;
    let Login { name, password } = Login::parse(&call.fields()?, methods)?;
    let (LoginName::Username(text) | LoginName::Email(text)) = &name;
    let typed = canonical(kind_of_typed(text), text);
    let (accounts, context) = (&call.app.accounts, call.context());
    call.count_network().await?;
    let seat = call.seat()?;
    let held = accounts.find(&credentials(name, methods)).await?;
    // All names of one account count as one.
    let whom = held.as_ref().map_or_else(|| format!("typed:{typed}"), |held| format!("user:{}", held.user));
    call.count_target("login", &whom, call.app.config.limits.login).await?;

    let user =
        match accounts.authenticate(&context, &call.app.attempts, held.as_ref(), (&seat, &password)).await {
            Ok(user) => user,
            Err(LoginError::Refused | LoginError::Disabled) => {
                call.await_beat().await;
                return Err(FieldErrors::one(NON_FIELD, BAD_CREDENTIALS).into());
            }
            Err(LoginError::Failed(failure)) => return Err(failure.into()),
        };
    let verified = user.account.email.as_ref().is_some_and(|address| address.verified);
    if call.app.config.email_verification == Verification::Mandatory && !verified {
        return Err(FieldErrors::one(NON_FIELD, UNVERIFIED).into());
    }
    let opened =
        accounts.start_session(&context, (user.user, user.account.epoch), (&call.client(), None)).await?;
    call.forget_attempts("login", &whom).await?;
    let details = account_details(user.user, &user.account);
    let answer = call.app.welcome(StatusCode::OK, (opened.id, &opened.live), details)?;
    Ok(call.positioned(answer, opened.position))
}

fn credentials(name: LoginName, methods: LoginMethods) -> Credentials {
    match name {
        LoginName::Email(email) => Credentials::Email(email),
        LoginName::Username(text) if methods == LoginMethods::Both => Credentials::Either(text),
        LoginName::Username(name) => Credentials::Username(name),
    }
}
