//! `email/change/`: asks for another address. The password is asked for again, because whoever controls the address
//! controls the account (ASVS 7.5.1).

use axum::http::StatusCode;

use super::password::{account, is_own_password};
use crate::{
    answer::{Answer, Handled},
    call::Call,
    caller::{inactive, session_ended},
    command::EmailError,
    form::{FieldErrors, address::EmailChange, registration::EMAIL_TAKEN},
};

pub(crate) async fn change(call: Call) -> Handled {
    let mut change = EmailChange::read(&call.fields()?);
    let (seat, account) = (call.seat()?, account(&call).await?);
    if let Some(password) = change.password()
        && !is_own_password(&call, &account, (&seat, password)).await?
    {
        change.password_is_wrong();
    }
    let email = change.finish()?;
    call.count_change("change", call.app.config.limits.change).await?;
    if account.has_email(&email) {
        return Err(FieldErrors::one("email", "This is your e-mail address already.").into());
    }
    let asked = call.app.accounts.request_email_change(&call.context(), call.proof()?, &email).await;
    let position = asked.map_err(|error| match error {
        EmailError::Taken => FieldErrors::one("email", EMAIL_TAKEN).into(),
        EmailError::Disabled => inactive(call.app.config.tokens),
        EmailError::BadLink | EmailError::SessionEnded => session_ended(call.app.config.tokens),
        EmailError::Failed(failure) => Answer::from(failure),
    })?;
    Ok(call.positioned(Answer::detail(StatusCode::OK, "Verification e-mail sent."), position))
}
