//! Asks for mails. A request is an event on a stream of its own; the mail worker does the rest.

use domain::{
    Aggregate, Mail, MailId, Private, Time, UserId,
    mail::{self, LinkTerms, Purpose, Request},
    user::Account,
};
use store::{Change, StoreError, StreamId, random};

use super::{Accounts, contradiction};

impl Accounts {
    /// A mail that tells a user something, if he has an address.
    pub(super) fn notice(
        purpose: Purpose,
        (user, account): (UserId, &Account),
        at: Time,
    ) -> Result<Option<Change>, StoreError> {
        account.email.as_ref().map(|held| request(purpose, (user, &held.email), None, at)).transpose()
    }

    /// A mail whose link opens something. The link dies with the user's epoch.
    pub(super) fn mail_with_link(
        &self,
        purpose: Purpose,
        (user, epoch): (UserId, u32),
        to: &Private<String>,
        at: Time,
    ) -> Result<Change, StoreError> {
        let life =
            if purpose == Purpose::ResetPassword { self.config.reset_ttl } else { self.config.verify_ttl };
        let key = self.macs.newest_link();
        let link = LinkTerms {
            // Links carry whole seconds.
            expires_at: Time::from_seconds((at + life).seconds()),
            epoch,
            key: key.id().to_owned(),
        };
        request(purpose, (user, to), Some(link), at)
    }
}

fn request(
    purpose: Purpose,
    (user, to): (UserId, &Private<String>),
    link: Option<LinkTerms>,
    at: Time,
) -> Result<Change, StoreError> {
    let stream = StreamId::mail(MailId(random::id()));
    let command = mail::Command::Request(Request { purpose, user, to: to.clone(), link, at });
    let events = Mail::Unrequested.decide(command).map_err(|error| contradiction(&stream, error))?;
    Change::of::<Mail>(stream, 0, &events)
}
