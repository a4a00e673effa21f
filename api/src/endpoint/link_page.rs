//! The pages behind the links in mails: opening one changes nothing, its form gives the same orders as the API does.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value as Json, json};
use std::time::Duration;
use store::link::Link;

use super::{registration::verify_email, reset::confirm_with};
use crate::{
    answer::Answer,
    app::App,
    call::{Call, admit},
    command::ResetError,
    form::{Fields, password::MISMATCH, route::Endpoint, value::Value},
    pages::{self, Outcome},
};

/// Says at once whether the link still works; looking spends nothing.
pub(crate) async fn verify_form(State(app): State<App>, request: Request) -> Response {
    let key = in_query(&request, "key");
    let Some(link) = Link::parse_verify_email(&key) else {
        return pages::outcome(Outcome::VerifyLinkDead);
    };
    match app.accounts.check_verification_link(&link).await {
        Ok(true) => pages::verify_email(&key),
        Ok(false) => pages::outcome(Outcome::VerifyLinkDead),
        Err(error) => pages::outcome(unsuccessful(&error.into(), Outcome::VerifyLinkDead)),
    }
}

pub(crate) async fn verify(State(app): State<App>, request: Request) -> Response {
    pages::outcome(match verified(app, request).await {
        Ok(()) => Outcome::EmailVerified,
        Err(answer) => unsuccessful(&answer, Outcome::VerifyLinkDead),
    })
}

async fn verified(app: App, request: Request) -> Result<(), Answer> {
    let call = admit(app, Endpoint::PAGE, request).await?;
    verify_email(call).await.map(drop)
}

/// Says at once whether the link still works; looking spends nothing.
pub(crate) async fn reset_form(State(app): State<App>, request: Request) -> Response {
    let (uid, token) = (in_query(&request, "uid"), in_query(&request, "token"));
    let Some(link) = Link::parse_reset(&uid, &token) else {
        return pages::outcome(Outcome::ResetLinkDead);
    };
    match app.accounts.check_reset_link(&link).await {
        Ok(_) => pages::reset_password(&uid, &token),
        Err(ResetError::BadLink) => pages::outcome(Outcome::ResetLinkDead),
        Err(ResetError::Failed(failure)) => {
            pages::outcome(unsuccessful(&failure.into(), Outcome::ResetLinkDead))
        }
    }
}

pub(crate) async fn reset(State(app): State<App>, request: Request) -> Response {
    let read = async {
        let call = admit(app, Endpoint::PAGE, request).await?;
        let fields = call.fields()?;
        Ok::<(Call, Fields), Answer>((call, fields))
    };
    let (call, fields) = match read.await {
        Ok(read) => read,
        Err(answer) => return pages::outcome(unsuccessful(&answer, Outcome::ResetLinkDead)),
    };
    let Err(answer) = confirm_with(&call, &fields).await else {
        return pages::outcome(Outcome::PasswordSet);
    };
    let faults = answer.body();
    let about_link = faults.get("uid").is_some() || faults.get("token").is_some();
    if answer.status() != StatusCode::BAD_REQUEST || about_link {
        return pages::outcome(unsuccessful(&answer, Outcome::ResetLinkDead));
    }
    pages::reset_password_again(&text(&fields, "uid"), &text(&fields, "token"), &beside_their_field(faults))
}

/// The contract tells every fault of a password under the field that repeats it; on a page it stands beside the first.
fn beside_their_field(faults: &Json) -> Json {
    let of_password = faults.get("new_password2").filter(|list| **list != json!([MISMATCH]));
    match of_password.filter(|_| faults.get("new_password1").is_none()) {
        Some(list) => json!({ "new_password1": list }),
        None => faults.clone(),
    }
}

/// What to show for an answer that is no success; `dead` where the link itself is at fault.
fn unsuccessful(answer: &Answer, dead: Outcome) -> Outcome {
    let retry_after = Duration::from_secs(answer.retry_after().unwrap_or(1));
    match answer.status() {
        StatusCode::TOO_MANY_REQUESTS => Outcome::TooManyAttempts { retry_after },
        status if status.is_server_error() => Outcome::TryLater { retry_after },
        _ => dead,
    }
}

pub(super) fn in_query(request: &Request, name: &str) -> String {
    let query = request.uri().query().unwrap_or_default();
    let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn text(fields: &Fields, name: &str) -> String {
    match fields.get(name) {
        Some(Value::Text(value)) => value.text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_password_stands_beside_it_and_a_mismatch_beside_its_repetition() {
        let mismatch = json!({ "new_password2": [MISMATCH] });
        assert_eq!(beside_their_field(&mismatch), mismatch);
        let weak = json!({ "new_password2": ["This password is too common."] });
        assert_eq!(beside_their_field(&weak), json!({ "new_password1": ["This password is too common."] }));
        let blank = json!({ "new_password1": ["blank"], "new_password2": ["blank"] });
        assert_eq!(beside_their_field(&blank), blank);
    }
}
