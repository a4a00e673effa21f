//! Accounts at providers of identities: who may link one, who may not, and which way in must stay.

use super::{
    BORN, CHANGED_EMAIL, Command, DISABLED, EMAIL_CLAIM, Event, FOREIGN_CLAIM, HERE, KeyId, NEW_EMAIL, NOW,
    OLD_EMAIL, PENDING_CLAIM, PK, Private, Proof, Registration, ReservationId, SocialAccount, THERE, User,
    Uuid, VERIFIED, account, asked_for_new_email, lost, password_changed, password_reset, proof, registered,
    registered_verified, registration,
};
use crate::{
    given::given,
    user::{Error, Grounds, Identity, Unlink, tests::password},
};

const GOOGLE: ReservationId = ReservationId(Uuid::from_u128(20));
const GITHUB: ReservationId = ReservationId(Uuid::from_u128(21));

fn identity(provider: &str, claim: ReservationId) -> Identity {
    let subject = Private::new(KeyId::of_user(PK), "1001".to_owned());
    Identity { provider: provider.to_owned(), subject, claim }
}

fn linked(id: u32, provider: &str, claim: ReservationId) -> Event {
    let Identity { provider, subject, claim } = identity(provider, claim);
    Event::SocialAccountLinked(SocialAccount { id, provider, subject, claim, at: NOW })
}

const fn unlinked(id: u32) -> Event {
    Event::SocialAccountUnlinked { id, at: NOW }
}

pub(super) fn connect(proof: Proof) -> Command {
    Command::LinkSocialAccount { by: Grounds::Session(proof), identity: identity("google", GOOGLE), at: NOW }
}

fn vouched(address: &str) -> Command {
    let by = Grounds::Address(address.to_owned());
    Command::LinkSocialAccount { by, identity: identity("google", GOOGLE), at: NOW }
}

pub(super) fn unlink(id: u32, offered: &[&str]) -> Command {
    let offered = offered.iter().map(|provider| (*provider).to_owned()).collect();
    let unlink = Unlink { proof: proof(0), id, offered, by_address_alone: false, at: NOW };
    Command::UnlinkSocialAccount(unlink)
}

fn reset() -> Command {
    Command::ResetPassword { epoch: 0, password: password(2), at: NOW }
}

/// Somebody without a password.
fn signed_up(email_verified: bool) -> [Event; 2] {
    let birth = Registration { password: None, email_verified, ..registration() };
    [Event::UserRegistered(birth), linked(1, "google", GOOGLE)]
}

#[test]
fn whoever_signs_up_is_born_with_his_first_link() {
    let birth = Registration { password: None, ..registration() };
    let first = SocialAccount::first(identity("google", GOOGLE), BORN);
    given::<User>([])
        .when(Command::SignUp(Box::new(birth.clone()), identity("google", GOOGLE)))
        .then([Event::UserRegistered(birth), Event::SocialAccountLinked(first)]);
}

#[test]
fn nobody_signs_up_twice_or_behind_a_fence() {
    let sign_up = || Command::SignUp(Box::new(registration()), identity("google", GOOGLE));
    given::<User>([registered()]).when(sign_up()).refused(&Error::AlreadyRegistered);
    given::<User>([super::ABANDONED]).when(sign_up()).refused(&Error::Abandoned);
}

#[test]
fn a_user_links_accounts_from_a_session_that_lives() {
    given::<User>([registered()]).when(connect(proof(0))).then([linked(1, "google", GOOGLE)]);
    given::<User>([registered(), password_changed(Some(THERE))])
        .when(connect(proof(0)))
        .refused(&Error::SessionEnded);
    given::<User>([registered(), DISABLED]).when(connect(proof(0))).refused(&Error::Disabled);
    let kept = [registered(), password_changed(Some(HERE))];
    given::<User>(kept).when(connect(proof(0))).then([linked(1, "google", GOOGLE)]);
}

#[test]
fn an_id_is_never_given_to_another_account() {
    let history = [registered(), linked(1, "google", GOOGLE), linked(2, "github", GITHUB), unlinked(2)];
    given::<User>(history).when(connect(proof(0))).then([linked(3, "google", GOOGLE)]);
}

#[test]
fn an_address_links_only_where_both_sides_are_sure_of_it() {
    given::<User>([registered_verified()]).when(vouched(OLD_EMAIL)).then([linked(1, "google", GOOGLE)]);
    given::<User>([registered()]).when(vouched(OLD_EMAIL)).refused(&Error::Unverified);
    given::<User>([registered_verified()]).when(vouched(NEW_EMAIL)).refused(&Error::ForeignAddress);
    let merely_asked_for = [registered_verified(), asked_for_new_email()];
    given::<User>(merely_asked_for).when(vouched(NEW_EMAIL)).refused(&Error::ForeignAddress);
    given::<User>([registered_verified(), DISABLED]).when(vouched(OLD_EMAIL)).refused(&Error::Disabled);
}

#[test]
fn the_claim_of_a_link_counts_while_it_is_there_and_is_given_to_nobody() {
    let history = [registered(), linked(1, "google", GOOGLE)];
    assert!(account(&history).names_reservation(GOOGLE));
    let [born, link] = history;
    given::<User>([born.clone(), link.clone()])
        .when(super::claims::abandon(GOOGLE, NOW))
        .refused(&Error::NameInUse);
    assert!(!account(&[born, link, unlinked(1)]).names_reservation(GOOGLE));
}

#[test]
fn the_last_way_in_is_not_unlinked() {
    given::<User>(signed_up(true)).when(unlink(1, &["google", "github"])).refused(&Error::LastWayIn);
    let [born, first] = signed_up(true);
    let two = [born, first, linked(2, "github", GITHUB)];
    given::<User>(two.clone()).when(unlink(1, &["google", "github"])).then([unlinked(1)]);
    given::<User>(two).when(unlink(1, &["google"])).refused(&Error::LastWayIn);
    given::<User>([registered(), linked(1, "google", GOOGLE)]).when(unlink(1, &[])).then([unlinked(1)]);
}

#[test]
fn a_password_that_goes_with_an_address_alone_is_no_way_in_without_one() {
    let unlink = |by_address_alone| {
        let (proof, offered) = (proof(0), vec![]);
        Command::UnlinkSocialAccount(Unlink { proof, id: 1, offered, by_address_alone, at: NOW })
    };
    let birth = Registration { email: None, email_claim: None, ..registration() };
    let nameless = [Event::UserRegistered(birth), linked(1, "google", GOOGLE)];
    given::<User>(nameless.clone()).when(unlink(true)).refused(&Error::LastWayIn);
    given::<User>(nameless).when(unlink(false)).then([unlinked(1)]);
    given::<User>([registered(), linked(1, "google", GOOGLE)]).when(unlink(true)).then([unlinked(1)]);
}

#[test]
fn what_is_not_linked_is_not_unlinked() {
    given::<User>([registered()]).when(unlink(1, &[])).refused(&Error::NotLinked);
    let gone = [registered(), linked(1, "google", GOOGLE), unlinked(1)];
    given::<User>(gone).when(unlink(1, &[])).refused(&Error::NotLinked);
}

#[test]
fn a_reset_takes_away_what_was_linked_before_the_address_was_verified() {
    let before = [registered(), linked(1, "google", GOOGLE), VERIFIED, linked(2, "github", GITHUB)];
    given::<User>(before).when(reset()).then([password_reset(), unlinked(1)]);
    given::<User>(signed_up(false)).when(reset()).then([password_reset(), unlinked(1)]);
    given::<User>(signed_up(true)).when(reset()).then([password_reset()]);
}

#[test]
fn a_reset_takes_away_what_was_linked_under_another_address() {
    let history = [registered_verified(), linked(1, "google", GOOGLE), asked_for_new_email(), CHANGED_EMAIL];
    given::<User>(history.clone()).when(reset()).then([password_reset(), unlinked(1)]);
    assert_eq!(account(&history).linked.first().and_then(|linked| linked.under), Some(EMAIL_CLAIM));
    assert_eq!(account(&history).email.map(|address| address.claim), Some(PENDING_CLAIM));
}

#[test]
fn a_claim_that_goes_to_someone_else_leaves_links_alone() {
    let history = [registered(), linked(1, "google", GOOGLE), lost(FOREIGN_CLAIM), lost(EMAIL_CLAIM)];
    assert_eq!(account(&history).linked.len(), 1);
}
