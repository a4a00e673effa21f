//! Addresses: verified by the link that was mailed to them, asked for again, and exchanged for others.

use domain::{
    KeyId, Private, ReservationId, Time, UserId,
    claim::Plan,
    mail::Purpose,
    name::{NameKind, canonical_email},
    user::{self, Account, Command, Proof},
};
use store::{Change, Context, Position, StoreError, StreamId, clock, link::Link};

use super::{Accounts, Failure, insist};
use crate::config::Verification;

#[derive(Debug, thiserror::Error)]
pub enum EmailError {
    #[error("the link does not fit, has expired or was used")]
    BadLink,
    #[error("the address is taken")]
    Taken,
    #[error("the user is disabled")]
    Disabled,
    #[error("the session that asks has ended")]
    SessionEnded,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Takes the key of a verification link: verifies the address that it was sent to, or puts that one in the place of
    /// the old one where this was asked for.
    pub async fn verify_email(&self, context: &Context, link: &Link) -> Result<Position, EmailError> {
        insist(|| self.try_verify_email(context, link)).await
    }

    async fn try_verify_email(&self, context: &Context, link: &Link) -> Result<Position, EmailError> {
        let user = link.user();
        let loaded = self.user(user).await?;
        let account = loaded.state.account().ok_or(EmailError::BadLink)?;
        let address = self.address_of(link, account).ok_or(EmailError::BadLink)?;
        let mut plan = Plan::of(user, loaded.clone().into());
        let command = Command::VerifyEmail { address, at: clock::now() };
        let events = plan.commit(command).map_err(|_| EmailError::BadLink)?;
        if events.iter().any(|event| matches!(event, user::Event::EmailChanged { .. })) {
            self.release_replaced(&mut plan, account).await?;
        }
        Ok(self.carry_out(context, &plan, vec![]).await?)
    }

    /// Whether a verification link still opens anything.
    pub async fn check_verification_link(&self, link: &Link) -> Result<bool, StoreError> {
        let account = self.account(link.user()).await?;
        Ok(account.is_some_and(|account| self.address_of(link, &account).is_some()))
    }

    /// Which of the user's addresses the link was sent to, if it still lives.
    fn address_of(&self, link: &Link, account: &Account) -> Option<String> {
        let key = self.macs.link(link.key_id())?;
        let current = account.email.as_ref().map(|address| &address.email);
        let pending = account.pending_email.as_ref().map(|pending| &pending.email);
        let mut addresses =
            pending.into_iter().chain(current).filter_map(Private::get).map(|e| canonical_email(e));
        addresses.find(|address| link.check(key, address, account.epoch, clock::now().0).is_ok())
    }

    async fn release_replaced(&self, plan: &mut Plan<StreamId>, account: &Account) -> Result<(), StoreError> {
        self.release_address(plan, account.email.as_ref().map(|old| (&old.email, old.claim))).await
    }

    /// Mails the verification link once more, if the address is someone's and not yet verified. Tells nobody which.
    pub async fn resend_verification(&self, context: &Context, email: &str) -> Result<(), Failure> {
        let held = self.holder(NameKind::Email, email).await?;
        let mail = match held.as_ref().and_then(|held| Some((held.user, held.loaded.state.account()?))) {
            Some((user, account)) if self.config.email_verification != Verification::None => {
                self.verification_mail(user, account, email)?
            }
            Some(_) | None => None,
        };
        match mail {
            Some(mail) => self.journal.append(context, vec![mail]).await.map(drop)?,
            None => self.journal.append_nothing().await?,
        }
        Ok(())
    }

    fn verification_mail(
        &self,
        user: UserId,
        account: &Account,
        email: &str,
    ) -> Result<Option<Change>, StoreError> {
        let unverified =
            account.email.as_ref().filter(|address| !address.verified).map(|address| &address.email);
        let pending = account.pending_email.as_ref().map(|pending| &pending.email);
        let wanted = canonical_email(email);
        pending
            .into_iter()
            .chain(unverified)
            .find(|address| {
                account.active && address.get().is_some_and(|held| canonical_email(held) == wanted)
            })
            .map(|to| self.mail_with_link(Purpose::VerifyEmail, (user, account.epoch), to, clock::now()))
            .transpose()
    }

    /// Asks for another address: a link goes to the new one, a notice to the old one, and nothing changes until the
    /// link is opened.
    pub async fn request_email_change(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        email: &str,
    ) -> Result<Position, EmailError> {
        insist(|| self.try_request_email_change(context, (user, proof), email)).await
    }

    async fn try_request_email_change(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        email: &str,
    ) -> Result<Position, EmailError> {
        let at = clock::now();
        let loaded = self.user(user).await?;
        let account = loaded.state.account().ok_or(EmailError::SessionEnded)?;
        let mut plan = Plan::of(user, loaded.clone().into());
        let reservation = self.pending_claim(&mut plan, account, email, at).await?;
        let private = Private::new(KeyId::of_user(user), email.to_owned());
        let command = Command::RequestEmailChange { proof, email: private.clone(), reservation, at };
        plan.commit(command).map_err(|error| match error {
            user::Error::Disabled => EmailError::Disabled,
            _ => EmailError::SessionEnded,
        })?;
        let mut mails =
            vec![self.mail_with_link(Purpose::VerifyEmail, (user, account.epoch), &private, at)?];
        mails.extend(Self::notice(Purpose::EmailChangeRequested, (user, account), at)?);
        Ok(self.carry_out(context, &plan, mails).await?)
    }

    /// The reservation under which an address is asked for. Plans what it takes: nothing where the same one was asked for
    /// before, else the claim on it in exchange for that on the one before.
    async fn pending_claim(
        &self,
        plan: &mut Plan<StreamId>,
        account: &Account,
        email: &str,
        at: Time,
    ) -> Result<ReservationId, EmailError> {
        let pending = account.pending_email.as_ref();
        let same = pending.filter(|pending| {
            pending.email.get().is_some_and(|held| canonical_email(held) == canonical_email(email))
        });
        if let Some(pending) = same {
            return Ok(pending.claim);
        }
        let taken = self.take(plan, (NameKind::Email, email), at).await?.ok_or(EmailError::Taken)?;
        self.release_pending(plan, account).await?;
        Ok(taken)
    }

    /// Plans to give back the address that the user had asked for, if any.
    pub(super) async fn release_pending(
        &self,
        plan: &mut Plan<StreamId>,
        account: &Account,
    ) -> Result<(), StoreError> {
        let pending = account.pending_email.as_ref().map(|pending| (&pending.email, pending.claim));
        self.release_address(plan, pending).await
    }

    async fn release_address(
        &self,
        plan: &mut Plan<StreamId>,
        claimed: Option<(&Private<String>, ReservationId)>,
    ) -> Result<(), StoreError> {
        match claimed.and_then(|(email, claim)| Some((email.get()?, claim))) {
            Some((email, claim)) => self.release(plan, (NameKind::Email, email), claim).await,
            None => Ok(()),
        }
    }
}
