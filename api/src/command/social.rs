//! People whom a provider of identities vouches for: let in, signed up or linked by an address. Who somebody is there was
//! found out before; here it is only the pair of provider and subject that counts, never an address by itself.

mod linked;
mod names;
#[cfg(test)]
mod tests;

use domain::{
    KeyId, Private, SessionId, Time, User, UserId,
    claim::{Plan, Seen},
    mail::Purpose,
    name::{NameKind, canonical_email, social_name},
    session::{Client, Live, RevocationReason},
    user::{self, Account, Command, Grounds, Identity, Registration},
};
use serde::{Deserialize, Serialize};
use store::{Context, Position, StoreError, StreamId, clock};

use super::{Accounts, Failure, Held, contradiction, insist};
use crate::config::Verification;
pub use linked::{ConnectError, UnlinkError};

/// Somebody as a provider knows him.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The provider's name in the settings.
    pub provider: String,
    /// How the provider calls him, for good.
    pub subject: String,
    /// His address there, well formed.
    pub email: Option<String>,
    /// Whether the provider has verified it, and is trusted to.
    pub email_verified: bool,
    pub username: Option<String>,
    pub first_name: String,
    pub last_name: String,
}

/// Somebody who was let in, and his new session.
pub struct SocialLogin {
    pub user: UserId,
    pub account: Account,
    pub session: (SessionId, Live),
    pub position: Position,
}

#[derive(Debug, thiserror::Error)]
pub enum SocialError {
    /// Nobody is told whether that account is verified, disabled, or whose it is.
    #[error("somebody has the address already")]
    EmailTaken,
    #[error("the user is disabled")]
    Disabled,
    /// Where he was let in for the first time, he exists now and was sent a link; without an address there is none to send,
    /// and he does not.
    #[error("the address must be verified first")]
    Unverified,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Lets in whoever the account there is linked to; signs him up where it is nobody.
    pub async fn social_login(
        &self,
        context: &Context,
        person: &Person,
        client: &Client,
    ) -> Result<SocialLogin, SocialError> {
        insist(|| self.try_social_login(context, person, client)).await
    }

    async fn try_social_login(
        &self,
        context: &Context,
        person: &Person,
        client: &Client,
    ) -> Result<SocialLogin, SocialError> {
        let login = match self.linked_to(person).await? {
            Some(held) => {
                let account = held.loaded.state.account().cloned().ok_or(SocialError::Disabled)?;
                self.let_in(context, (held.user, account), person, client).await?
            }
            None => self.link_or_sign_up(context, person, client).await?,
        };
        self.unless_disconnected(context, login, person).await
    }

    async fn link_or_sign_up(
        &self,
        context: &Context,
        person: &Person,
        client: &Client,
    ) -> Result<SocialLogin, SocialError> {
        if let Some(owner) = self.owner_of_address(person).await? {
            return self.link_by_address(context, owner, person, client).await;
        }
        match self.sign_up(context, person, client).await {
            // Perhaps by himself, a moment ago.
            Err(SocialError::EmailTaken) if self.linked_to(person).await?.is_some() => {
                Err(under_way().into())
            }
            outcome => outcome,
        }
    }

    /// Ends the session again whose account was disconnected since it was decided to let him in: whoever disconnected it looked for
    /// the sessions to end before this one was there.
    async fn unless_disconnected(
        &self,
        context: &Context,
        login: SocialLogin,
        person: &Person,
    ) -> Result<SocialLogin, SocialError> {
        let (link, now) = (link_of(&login.account, person), self.standing(login.user).await?);
        let linked = now.state.account().map(|account| account.linked.as_slice()).unwrap_or_default();
        if linked.iter().any(|linked| Some(linked.account.id) == link) {
            return Ok(login);
        }
        self.revoke(context, login.session.0, RevocationReason::Ended).await?;
        Err(under_way().into())
    }

    /// Whom the account there lets in.
    async fn linked_to(&self, person: &Person) -> Result<Option<Held>, StoreError> {
        self.holder(NameKind::Social, &social_name(&person.provider, &person.subject)).await
    }

    /// Who has verified the address here that the provider vouches for.
    async fn owner_of_address(&self, person: &Person) -> Result<Option<(UserId, Seen<User>)>, StoreError> {
        match person.email.as_ref().filter(|_| person.email_verified) {
            Some(email) => {
                let held = self.holder_of_email(email).await?;
                let sure = |account: &Account| account.email.as_ref().is_some_and(|address| address.verified);
                let held = held.filter(|held| held.loaded.state.account().is_some_and(sure));
                Ok(held.map(|held| (held.user, held.loaded.into())))
            }
            None => Ok(None),
        }
    }

    async fn let_in(
        &self,
        context: &Context,
        (user, account): (UserId, Account),
        person: &Person,
        client: &Client,
    ) -> Result<SocialLogin, SocialError> {
        self.may_come_in(&account)?;
        let link = link_of(&account, person);
        let opened = self.start_session(context, (user, account.epoch), (client, link)).await?;
        Ok(SocialLogin { user, account, session: (opened.id, opened.live), position: opened.position })
    }

    /// Links the account there to that of the same address here, where both sides have verified it, and tells him.
    async fn link_by_address(
        &self,
        context: &Context,
        (user, seen): (UserId, Seen<User>),
        person: &Person,
        client: &Client,
    ) -> Result<SocialLogin, SocialError> {
        let (mut plan, at) = (Plan::of(user, seen), clock::now());
        let address = person.email.as_deref().map(canonical_email).unwrap_or_default();
        let identity = self.claimed(&mut plan, (user, person), at).await?.ok_or_else(under_way)?;
        let by = Grounds::Address(address);
        plan.commit(Command::LinkSocialAccount { by, identity, at }).map_err(|error| match error {
            user::Error::Disabled => SocialError::Disabled,
            _ => SocialError::EmailTaken,
        })?;
        let account = planned(&plan, user)?;
        let mut others = Vec::from_iter(Self::notice(Purpose::SocialAccountLinked, (user, &account), at)?);
        let link = link_of(&account, person);
        let (id, live, change) = self.new_session((user, account.epoch), (client, link), at)?;
        others.push(change);
        let position = self.carry_out(context, &plan, others).await?;
        Ok(SocialLogin { user, account, session: (id, live), position })
    }

    async fn sign_up(
        &self,
        context: &Context,
        person: &Person,
        client: &Client,
    ) -> Result<SocialLogin, SocialError> {
        let mandatory = self.config.email_verification == Verification::Mandatory;
        if person.email.is_none() && mandatory {
            return Err(SocialError::Unverified);
        }
        let (user, at) = (self.new_pk().await?, clock::now());
        let mut plan = Plan::of(user, Seen::default());
        let identity = self.claimed(&mut plan, (user, person), at).await?.ok_or_else(under_way)?;
        let registration = self.registration(&mut plan, (user, person), at).await?;
        let command = Command::SignUp(Box::new(registration), identity);
        plan.commit(command).map_err(|error| contradiction(&StreamId::user(user), error))?;
        let account = planned(&plan, user)?;
        let mut others = Vec::from_iter(self.first_mail(user, &account, at)?);
        if let Err(kept_out) = self.may_come_in(&account) {
            self.carry_out(context, &plan, others).await?;
            return Err(kept_out);
        }
        let link = link_of(&account, person);
        let session = self.first_session((user, client, link), at, &mut others)?;
        let position = self.carry_out(context, &plan, others).await?;
        Ok(SocialLogin { user, account, session, position })
    }

    async fn registration(
        &self,
        plan: &mut Plan<StreamId>,
        (user, person): (UserId, &Person),
        at: Time,
    ) -> Result<Registration, SocialError> {
        let email_claim = match &person.email {
            Some(email) => {
                let taken = self.take(plan, (NameKind::Email, email), at).await?;
                Some(taken.ok_or(SocialError::EmailTaken)?)
            }
            None => None,
        };
        let (username, username_claim) = self.take_username(plan, person, at).await?;
        let key = KeyId::of_user(user);
        let (first_name, last_name) = (person.first_name.clone(), person.last_name.clone());
        Ok(Registration {
            names: Private::new(key.clone(), user::Names { username, first_name, last_name }),
            email: person.email.clone().map(|email| Private::new(key, email)),
            password: None,
            username_claim,
            email_claim,
            email_verified: person.email_verified && email_claim.is_some(),
            at,
        })
    }

    fn may_come_in(&self, account: &Account) -> Result<(), SocialError> {
        if !account.active {
            return Err(SocialError::Disabled);
        }
        let verified = account.email.as_ref().is_some_and(|address| address.verified);
        match self.config.email_verification {
            Verification::Mandatory if !verified => Err(SocialError::Unverified),
            Verification::Mandatory | Verification::Optional | Verification::None => Ok(()),
        }
    }

    /// Plans to take the account there for a user; none where it is somebody's by right, or may be about to.
    async fn claimed(
        &self,
        plan: &mut Plan<StreamId>,
        (user, person): (UserId, &Person),
        at: Time,
    ) -> Result<Option<Identity>, StoreError> {
        let name = social_name(&person.provider, &person.subject);
        let claim = self.take(plan, (NameKind::Social, &name), at).await?;
        Ok(claim.map(|claim| Identity {
            provider: person.provider.clone(),
            subject: Private::new(KeyId::of_user(user), person.subject.clone()),
            claim,
        }))
    }
}

/// Somebody else is changing what this was decided on: it is decided again, when that has come about.
fn under_way() -> StoreError {
    StoreError::Conflict { stream: StreamId::user(UserId::NOBODY) }
}

/// Which of the user's linked accounts is this person's.
fn link_of(account: &Account, person: &Person) -> Option<u32> {
    let mut linked = account.linked.iter().map(|linked| &linked.account);
    let own = linked
        .find(|linked| linked.provider == person.provider && linked.subject.get() == Some(&person.subject));
    own.map(|linked| linked.id)
}

fn planned(plan: &Plan<StreamId>, user: UserId) -> Result<Account, StoreError> {
    let account = plan.user().and_then(User::account).cloned();
    account.ok_or_else(|| contradiction(&StreamId::user(user), user::Error::NotRegistered))
}
