//! A new password: changed by its owner, or reset by whoever holds the link that was mailed to him. Either ends sessions
//! by raising the user's epoch, in the same event.

use domain::{
    Time, UserId,
    claim::Plan,
    mail::Purpose,
    name::canonical_email,
    user::{self, Account, ChangePassword, Command, Proof},
};
use store::{Context, ExecuteError, Position, clock, link::Link};

use super::{Accounts, Failure, insist, sealed};
use crate::password::{Seat, Secret};

#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("the user is disabled")]
    Disabled,
    #[error("the session that asks has ended")]
    SessionEnded,
    #[error(transparent)]
    Failed(#[from] Failure),
}

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    #[error("the link does not fit, has expired or was used")]
    BadLink,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// Changes a password; all sessions end, but that of `proof` where the settings say so.
    pub async fn change_password(
        &self,
        context: &Context,
        (user, proof): (UserId, Proof),
        (seat, password): (&Seat, &Secret),
    ) -> Result<Position, ChangeError> {
        let hash = self.hash(seat, password).await?;
        let keep_session = !self.config.logout_on_password_change;
        let command = |_: &Account, at| {
            let password = sealed(user, &hash);
            Ok(Command::ChangePassword(ChangePassword { proof, password, keep_session, at }))
        };
        self.replace_password(context, user, Purpose::PasswordChanged, command).await.map_err(|error| {
            match error {
                ExecuteError::Refused(user::Error::Disabled | user::Error::NotRegistered) => {
                    ChangeError::Disabled
                }
                ExecuteError::Refused(_) => ChangeError::SessionEnded,
                ExecuteError::Store(error) => error.into(),
            }
        })
    }

    /// Asks for a reset mail. Whether the address is anyone's can't be told from the answer or from the time it takes.
    pub async fn request_reset(&self, context: &Context, email: &str) -> Result<(), Failure> {
        let held = self.holder_of_email(email).await?;
        let account = held.as_ref().and_then(|held| Some((held.user, held.loaded.state.account()?)));
        let known = account.filter(|(_, account)| account.active);
        match known.and_then(|(user, account)| Some((user, account, account.email.as_ref()?))) {
            Some((user, account, address)) => {
                let mail = self.mail_with_link(
                    Purpose::ResetPassword,
                    (user, account.epoch),
                    &address.email,
                    clock::now(),
                )?;
                self.journal.append(context, vec![mail]).await?;
            }
            None => self.journal.append_nothing().await?,
        }
        Ok(())
    }

    /// The user to whom a reset link was sent, if it still opens anything.
    pub async fn check_reset_link(&self, link: &Link) -> Result<Account, ResetError> {
        let account = self.account(link.user()).await?;
        account.filter(|account| self.opens(link, account)).ok_or(ResetError::BadLink)
    }

    fn opens(&self, link: &Link, account: &Account) -> bool {
        let key = self.macs.link(link.key_id());
        let email = account.email.as_ref().and_then(|address| address.email.get());
        account.active
            && key.zip(email).is_some_and(|(key, email)| {
                link.check(key, &canonical_email(email), account.epoch, clock::now().0).is_ok()
            })
    }

    /// Sets a new password by a reset link; all sessions end.
    pub async fn reset_password(
        &self,
        context: &Context,
        link: &Link,
        (seat, password): (&Seat, &Secret),
    ) -> Result<Position, ResetError> {
        let user = link.user();
        let hash = self.hash(seat, password).await?;
        let command = |account: &Account, at| {
            if !self.opens(link, account) {
                return Err(user::Error::LinkSpent);
            }
            Ok(Command::ResetPassword { epoch: account.epoch, password: sealed(user, &hash), at })
        };
        self.replace_password(context, user, Purpose::PasswordReset, command).await.map_err(|error| {
            match error {
                ExecuteError::Refused(_) => ResetError::BadLink,
                ExecuteError::Store(error) => error.into(),
            }
        })
    }

    /// Decides and appends the new password together with the mails that tell of it, then shreds the old hash. `command`
    /// is asked again on what the account has become when someone else wrote first.
    async fn replace_password(
        &self,
        context: &Context,
        user: UserId,
        notice: Purpose,
        command: impl Fn(&Account, Time) -> Result<Command, user::Error> + Send + Sync,
    ) -> Result<Position, ExecuteError<user::Error>> {
        insist(|| self.try_replace_password(context, user, notice, &command)).await
    }

    async fn try_replace_password(
        &self,
        context: &Context,
        user: UserId,
        notice: Purpose,
        command: &(impl Fn(&Account, Time) -> Result<Command, user::Error> + Send + Sync),
    ) -> Result<Position, ExecuteError<user::Error>> {
        let (loaded, at) = (self.user(user).await?, clock::now());
        let account = loaded.state.account().ok_or(ExecuteError::Refused(user::Error::NotRegistered))?;
        let mut plan = Plan::of(user, loaded.clone().into());
        let decided = command(account, at).and_then(|command| plan.commit(command));
        let events = decided.map_err(ExecuteError::Refused)?;
        let mut notices = Vec::from_iter(Self::notice(notice, (user, account), at)?);
        notices.extend(self.release_unlinked(&mut plan, (user, account), &events, at).await?);
        self.release_pending(&mut plan, account).await?;
        let position = self.carry_out(context, &plan, notices).await?;
        if let Some(replaced) = &account.password {
            self.shred(replaced).await;
        }
        Ok(position)
    }
}
