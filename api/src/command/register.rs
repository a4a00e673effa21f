//! Registration: names, user, first mail and, where he may come in at once, first session, in this order.

use domain::{
    KeyId, Private, SessionId, Time, User, UserId,
    claim::{Plan, Seen},
    mail::Purpose,
    name::{NameKind, canonical_email, kind_of_typed},
    session::{Client, Live},
    user::{self, Account, Names, PasswordHash, Registration},
};
use store::{Change, Context, Position, StoreError, StreamId, clock};

use super::{Accounts, Failure, contradiction, insist, sealed};
use crate::{
    config::Verification,
    password::{Seat, Secret},
};

/// Who wants to be known.
pub struct NewUser {
    pub username: String,
    pub email: String,
    pub password: Secret,
    pub email_verified: bool,
    /// From where he is logged in at once; none where he is not.
    pub client: Option<Client>,
}

pub struct Registered {
    pub user: UserId,
    pub account: Account,
    pub session: Option<(SessionId, Live)>,
    pub position: Position,
}

#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("the username is taken")]
    UsernameTaken,
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Registers a user, or says which name is taken.
    pub async fn register(
        &self,
        context: &Context,
        seat: &Seat,
        new: &NewUser,
    ) -> Result<Registered, RegisterError> {
        let hash = self.hash(seat, &new.password).await?;
        insist(|| self.try_register(context, new, &hash)).await
    }

    async fn try_register(
        &self,
        context: &Context,
        new: &NewUser,
        hash: &PasswordHash,
    ) -> Result<Registered, RegisterError> {
        let (pk, at) = (self.new_pk().await?, clock::now());
        if self.is_foreign_address(&new.username, &new.email).await? {
            return Err(RegisterError::UsernameTaken);
        }
        let mut plan = Plan::of(pk, Seen::default());
        let username_claim = self.take(&mut plan, (NameKind::Username, &new.username), at).await?;
        let username_claim = username_claim.ok_or(RegisterError::UsernameTaken)?;
        let email_claim = self.take(&mut plan, (NameKind::Email, &new.email), at).await?;
        let email_claim = email_claim.ok_or(RegisterError::EmailTaken)?;
        let registration = Registration {
            names: Private::new(KeyId::of_user(pk), names(&new.username)),
            email: Some(Private::new(KeyId::of_user(pk), new.email.clone())),
            password: Some(sealed(pk, hash)),
            username_claim,
            email_claim: Some(email_claim),
            email_verified: new.email_verified,
            at,
        };
        let impossible = |error| contradiction(&StreamId::user(pk), error);
        plan.commit(user::Command::Register(Box::new(registration))).map_err(impossible)?;
        let account = plan.user().and_then(User::account).cloned();
        let account = account.ok_or_else(|| impossible(user::Error::NotRegistered))?;
        let mut others = Vec::from_iter(self.first_mail(pk, &account, at)?);
        let session = match &new.client {
            Some(client) => Some(self.first_session((pk, client, None), at, &mut others)?),
            None => None,
        };
        let position = self.carry_out(context, &plan, others).await?;
        Ok(Registered { user: pk, account, session, position })
    }

    /// Whether a username is an address that someone else holds: it must not become a way to be taken for him.
    pub async fn is_foreign_address(&self, username: &str, own_email: &str) -> Result<bool, StoreError> {
        if kind_of_typed(username) != NameKind::Email
            || canonical_email(username) == canonical_email(own_email)
        {
            return Ok(false);
        }
        Ok(self.holder(NameKind::Email, username).await?.is_some())
    }

    pub(super) fn first_mail(
        &self,
        pk: UserId,
        account: &Account,
        at: Time,
    ) -> Result<Option<Change>, StoreError> {
        let unverified = account.email.as_ref().filter(|address| !address.verified);
        match unverified {
            Some(address) if self.config.email_verification != Verification::None => {
                self.mail_with_link(Purpose::VerifyEmail, (pk, account.epoch), &address.email, at).map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The session that begins with a registration; by a linked account, if it names one.
    pub(super) fn first_session(
        &self,
        (pk, client, social): (UserId, &Client, Option<u32>),
        at: Time,
        others: &mut Vec<Change>,
    ) -> Result<(SessionId, Live), StoreError> {
        let (id, live, change) = self.new_session((pk, 0), (client, social), at)?;
        others.push(change);
        Ok((id, live))
    }
}

fn names(username: &str) -> Names {
    Names { username: username.to_owned(), ..Names::default() }
}
