//! Accounts at providers that a user who is logged in links to his own, and takes away again. Who he is there was found out before.

use domain::{
    Time, UserId,
    claim::Plan,
    mail::Purpose,
    name::{NameKind, social_name},
    user::{self, Account, Command, Grounds, Proof, Unlink},
};
use store::{Change, Context, Position, StoreError, StreamId, clock};

use super::{Person, link_of, planned, under_way};
use crate::{
    command::{Accounts, Failure, insist},
    config::LoginMethods,
};

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the account there lets somebody else in")]
    ForeignAccount,
    #[error("the user is disabled")]
    Disabled,
    #[error("the session that asks has ended")]
    SessionEnded,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl ConnectError {
    const fn of(error: user::Error) -> Self {
        match error {
            user::Error::Disabled => Self::Disabled,
            _ => Self::SessionEnded,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum UnlinkError {
    #[error("the user has no such linked account")]
    NotLinked,
    #[error("there is no other way in")]
    LastWayIn,
    #[error("the user is disabled")]
    Disabled,
    #[error("the session that asks has ended")]
    SessionEnded,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Links the account there to the user who asks for it, and tells him; once linked, it stays so.
    pub async fn connect(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        person: &Person,
    ) -> Result<(Account, Position), ConnectError> {
        insist(|| self.try_connect(context, (user, proof), person)).await
    }

    async fn try_connect(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        person: &Person,
    ) -> Result<(Account, Position), ConnectError> {
        let (loaded, at) = (self.user(user).await?, clock::now());
        let account = loaded.state.account().ok_or(ConnectError::SessionEnded)?;
        // Whoever is linked already decides nothing that could judge it.
        account.check(proof).map_err(ConnectError::of)?;
        if link_of(account, person).is_some() {
            return Ok((account.clone(), loaded.position));
        }
        let mut plan = Plan::of(user, loaded.clone().into());
        let identity = self.claimed(&mut plan, (user, person), at).await?;
        let Some(identity) = identity else {
            let own = self.linked_to(person).await?.is_some_and(|held| held.user == user);
            return Err(if own { under_way().into() } else { ConnectError::ForeignAccount });
        };
        let by = Grounds::Session(proof);
        plan.commit(Command::LinkSocialAccount { by, identity, at }).map_err(ConnectError::of)?;
        let account = planned(&plan, user)?;
        let notice = Vec::from_iter(Self::notice(Purpose::SocialAccountLinked, (user, &account), at)?);
        let position = self.carry_out(context, &plan, notice).await?;
        Ok((account, position))
    }

    /// Takes a linked account away, unless nothing else lets the user in. `offered` are the providers that there are.
    pub async fn unlink(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        id: u32,
        offered: &[String],
    ) -> Result<Position, UnlinkError> {
        insist(|| self.try_unlink(context, (user, proof), id, offered)).await
    }

    async fn try_unlink(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        id: u32,
        offered: &[String],
    ) -> Result<Position, UnlinkError> {
        let (loaded, at) = (self.user(user).await?, clock::now());
        let account = loaded.state.account().ok_or(UnlinkError::SessionEnded)?;
        let mut plan = Plan::of(user, loaded.clone().into());
        let by_address_alone = self.config.login == LoginMethods::Email;
        let unlink = Unlink { proof, id, offered: offered.to_vec(), by_address_alone, at };
        let events = plan.commit(Command::UnlinkSocialAccount(unlink)).map_err(|error| match error {
            user::Error::NotLinked => UnlinkError::NotLinked,
            user::Error::LastWayIn => UnlinkError::LastWayIn,
            user::Error::Disabled => UnlinkError::Disabled,
            _ => UnlinkError::SessionEnded,
        })?;
        let notice = Vec::from_iter(self.release_unlinked(&mut plan, (user, account), &events, at).await?);
        Ok(self.carry_out(context, &plan, notice).await?)
    }

    /// Plans to give back the claims on those accounts that these events unlink. Answers the mail that tells of it, if any is.
    pub(in crate::command) async fn release_unlinked(
        &self,
        plan: &mut Plan<StreamId>,
        (user, account): (UserId, &Account),
        events: &[user::Event],
        at: Time,
    ) -> Result<Option<Change>, StoreError> {
        let mut notice = None;
        for event in events {
            let user::Event::SocialAccountUnlinked { id, .. } = event else { continue };
            notice = Self::notice(Purpose::SocialAccountUnlinked, (user, account), at)?;
            let gone = account.linked.iter().map(|linked| &linked.account).find(|account| account.id == *id);
            if let Some((gone, subject)) = gone.and_then(|gone| Some((gone, gone.subject.get()?))) {
                let name = social_name(&gone.provider, subject);
                self.release(plan, (NameKind::Social, &name), gone.claim).await?;
            }
        }
        Ok(notice)
    }
}
