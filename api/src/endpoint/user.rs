//! `user/`: shows and changes one's own account.

use axum::http::Method;
use domain::{
    name::{NameKind, canonical_username},
    user::Names,
};
use projections::UserRow;

use crate::{
    answer::{Answer, Handled},
    call::Call,
    caller::{inactive, session_ended},
    command::{ProfileError, ProfileUpdate},
    form::{
        FieldErrors,
        profile::{Extent, UserUpdate},
        registration::USERNAME_TAKEN,
    },
    grant::user_details,
};

pub(crate) async fn user(call: Call) -> Handled {
    let row = current(&call).await?;
    let extent = match call.method {
        Method::PUT => Extent::Whole,
        Method::PATCH => Extent::Part,
        _ => return Ok(shown(&call, &row)),
    };
    update(call, &row, extent).await
}

async fn update(call: Call, row: &UserRow, extent: Extent) -> Handled {
    let mut update = UserUpdate::read(&call.fields()?, extent);
    call.count_change("profile", call.app.config.limits.profile).await?;
    if let Some(username) = update.username.clone()
        && canonical_username(&username) != canonical_username(&row.username)
    {
        let accounts = &call.app.accounts;
        let own_email = row.email.as_deref().unwrap_or_default();
        let taken = accounts.is_taken(NameKind::Username, &username).await?
            || accounts.is_foreign_address(&username, own_email).await?;
        if taken {
            update.username_is_taken();
        }
    }
    let UserUpdate { username, first_name, last_name, .. } = update.finish()?;
    let update = ProfileUpdate { username, first_name, last_name };
    let position = call.app.accounts.update_profile(&call.context(), call.proof()?, &update).await;
    let position = position.map_err(|error| match error {
        ProfileError::UsernameTaken => FieldErrors::one("username", USERNAME_TAKEN).into(),
        ProfileError::Disabled => inactive(call.app.config.tokens),
        ProfileError::SessionEnded => session_ended(call.app.config.tokens),
        ProfileError::Failed(failure) => Answer::from(failure),
    })?;
    let row = current(&call).await?;
    Ok(call.positioned(shown(&call, &row), position))
}

async fn current(call: &Call) -> Result<UserRow, Answer> {
    let row = call.app.user(call.caller()?.user).await?;
    row.filter(|row| row.active).ok_or_else(|| inactive(call.app.config.tokens))
}

fn shown(call: &Call, row: &UserRow) -> Answer {
    let names = Names {
        username: row.username.clone(),
        first_name: row.first_name.clone(),
        last_name: row.last_name.clone(),
    };
    let details = user_details(row.pk, &names, row.email.as_deref());
    call.positioned(Answer::ok(details), row.position)
}
