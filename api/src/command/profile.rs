//! A user's names. A new username is claimed before it is his, and the old one given back after.

use domain::{
    KeyId, Private, ReservationId, Time, UserId,
    claim::Plan,
    name::{NameKind, canonical_username},
    user::{self, Account, Command, Names, Proof, UpdateProfile},
};
use store::{Context, Position, StreamId, clock};

use super::{Accounts, Failure, insist};

/// New names; what is none stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileUpdate {
    pub username: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the user is disabled")]
    Disabled,
    #[error("the session that asks has ended")]
    SessionEnded,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Updates a user's names; where nothing changes, nothing is recorded.
    pub async fn update_profile(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        update: &ProfileUpdate,
    ) -> Result<Position, ProfileError> {
        insist(|| self.try_update_profile(context, (user, proof), update)).await
    }

    async fn try_update_profile(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        update: &ProfileUpdate,
    ) -> Result<Position, ProfileError> {
        let loaded = self.user(user).await?;
        let account = loaded.state.account().ok_or(ProfileError::SessionEnded)?;
        let old = account.names.get().cloned().unwrap_or_default();
        let names = Names {
            username: update.username.clone().unwrap_or_else(|| old.username.clone()),
            first_name: update.first_name.clone().unwrap_or_else(|| old.first_name.clone()),
            last_name: update.last_name.clone().unwrap_or_else(|| old.last_name.clone()),
        };
        let (mut plan, at) = (Plan::of(user, loaded.clone().into()), clock::now());
        let claim = self.rename(&mut plan, account, (&old.username, &names.username), at).await?;
        let names = Private::new(KeyId::of_user(user), names);
        let command = Command::UpdateProfile(UpdateProfile { proof, names, claim, at });
        let events = plan.commit(command).map_err(|error| match error {
            user::Error::NameInUse => ProfileError::UsernameTaken,
            user::Error::Disabled => ProfileError::Disabled,
            _ => ProfileError::SessionEnded,
        })?;
        if events.is_empty() {
            return Ok(loaded.position);
        }
        Ok(self.carry_out(context, &plan, vec![]).await?)
    }

    /// Plans to take the new name for the old one; nothing where both are one.
    async fn rename(
        &self,
        plan: &mut Plan<StreamId>,
        account: &Account,
        (old, new): (&str, &str),
        at: Time,
    ) -> Result<Option<ReservationId>, ProfileError> {
        if canonical_username(old) == canonical_username(new) {
            return Ok(None);
        }
        let own_email = account.email.as_ref().and_then(|address| address.email.get());
        if self.is_foreign_address(new, own_email.map_or("", String::as_str)).await? {
            return Err(ProfileError::UsernameTaken);
        }
        let taken = self.take(plan, (NameKind::Username, new), at).await?;
        let taken = taken.ok_or(ProfileError::UsernameTaken)?;
        self.release(plan, (NameKind::Username, old), account.username_claim).await?;
        Ok(Some(taken))
    }
}
