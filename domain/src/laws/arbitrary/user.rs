//! Generated events and commands of a user.

use proptest::prelude::*;
use uuid::Uuid;

use super::{address, epoch, private, reservation, session_id, span, time};
use crate::{
    KeyId, Private, UserId,
    user::{
        ChangePassword, Command, Event, Grounds, Identity, Names, PasswordHash, Proof, Registration,
        SocialAccount, Unlink, UpdateProfile, User,
    },
};

fn names() -> impl Strategy<Value = Names> {
    let usernames = vec!["ada", "ADA", "bob", ""];
    let first_names = vec!["Ada", "Augusta"];
    let parts = (prop::sample::select(usernames), prop::sample::select(first_names));
    parts.prop_map(|(username, first_name)| Names {
        username: username.into(),
        first_name: first_name.into(),
        last_name: String::new(),
    })
}

fn password_key() -> impl Strategy<Value = KeyId> {
    (0_u128..4).prop_map(|unique| KeyId::of_password(UserId(1), Uuid::from_u128(unique)))
}

fn password() -> impl Strategy<Value = Private<PasswordHash>> {
    password_key().prop_map(|key| Private::new(key, PasswordHash("$hash$".into())))
}

pub(in crate::laws) fn some_password() -> Private<PasswordHash> {
    Private::new(KeyId::of_password(UserId(1), Uuid::from_u128(9)), PasswordHash("$hash$".into()))
}

fn registration() -> impl Strategy<Value = Registration> {
    let parts = (
        private(names()),
        prop::option::weighted(0.9, private(address())),
        prop::option::weighted(0.8, password()),
        (reservation(), prop::option::weighted(0.9, reservation())),
        any::<bool>(),
        time(),
    );
    parts.prop_map(|(names, email, password, claims, email_verified, at)| Registration {
        names,
        email,
        password,
        username_claim: claims.0,
        email_claim: claims.1,
        email_verified,
        at,
    })
}

fn provider() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["google", "github"]).prop_map(str::to_owned)
}

fn identity() -> impl Strategy<Value = Identity> {
    (provider(), private(address()), reservation()).prop_map(|(provider, subject, claim)| Identity {
        provider,
        subject,
        claim,
    })
}

fn link() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 0_u32..4, 1 => Just(u32::MAX)]
}

fn linked() -> impl Strategy<Value = Event> {
    (link(), identity(), time()).prop_map(|(id, Identity { provider, subject, claim }, at)| {
        Event::SocialAccountLinked(SocialAccount { id, provider, subject, claim, at })
    })
}

fn proof() -> impl Strategy<Value = Proof> {
    (session_id(), epoch()).prop_map(|(session, epoch)| Proof { session, epoch })
}

pub(in crate::laws) fn born() -> impl Strategy<Value = Event> {
    registration().prop_map(Event::UserRegistered)
}

/// What may befall a user after his birth.
pub(in crate::laws) fn later_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (reservation(), time()).prop_map(|(reservation, at)| Event::ClaimAbandoned { reservation, at }),
        time().prop_map(|at| Event::EmailVerified { at }),
        (private(address()), reservation(), time())
            .prop_map(|(email, reservation, at)| { Event::EmailChangeRequested { email, reservation, at } }),
        time().prop_map(|at| Event::EmailChanged { at }),
        (password(), prop::option::of(session_id()), time())
            .prop_map(|(password, kept, at)| Event::PasswordChanged { password, kept, at }),
        (password(), time()).prop_map(|(password, at)| Event::PasswordReset { password, at }),
        (password(), time()).prop_map(|(password, at)| Event::PasswordRehashed { password, at }),
        (private(names()), prop::option::of(reservation()), time())
            .prop_map(|(names, username_claim, at)| { Event::ProfileUpdated { names, username_claim, at } }),
        linked(),
        (link(), time()).prop_map(|(id, at)| Event::SocialAccountUnlinked { id, at }),
        time().prop_map(|at| Event::UserDisabled { at }),
        time().prop_map(|at| Event::UserEnabled { at }),
    ]
}

pub(in crate::laws) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => born(),
        1 => time().prop_map(|at| Event::RegistrationAbandoned { at }),
        10 => later_event(),
    ]
}

/// A user that was born, and to whom things happened.
pub(in crate::laws) fn registered() -> impl Strategy<Value = User> {
    (born(), prop::collection::vec(later_event(), 0..10)).prop_map(|(born, later)| {
        let history: Vec<Event> = std::iter::once(born).chain(later).collect();
        crate::fold::<User>(&history)
    })
}

fn born_or_not() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => registration().prop_map(|registration| Command::Register(Box::new(registration))),
        2 => (registration(), identity())
            .prop_map(|(registration, identity)| Command::SignUp(Box::new(registration), identity)),
        1 => time().prop_map(|at| Command::AbandonRegistration { at }),
    ]
}

fn about_names() -> impl Strategy<Value = Command> {
    prop_oneof![
        (reservation(), span(), time()).prop_map(|(reservation, verify_ttl, at)| Command::AbandonClaim {
            reservation,
            verify_ttl,
            at
        }),
        (address(), time()).prop_map(|(address, at)| Command::VerifyEmail { address, at }),
        (proof(), private(address()), reservation(), time()).prop_map(|(proof, email, reservation, at)| {
            Command::RequestEmailChange { proof, email, reservation, at }
        }),
        (proof(), private(names()), prop::option::of(reservation()), time()).prop_map(
            |(proof, names, claim, at)| { Command::UpdateProfile(UpdateProfile { proof, names, claim, at }) }
        ),
    ]
}

fn about_passwords() -> impl Strategy<Value = Command> {
    prop_oneof![
        (proof(), password(), any::<bool>(), time()).prop_map(|(proof, password, keep_session, at)| {
            Command::ChangePassword(ChangePassword { proof, password, keep_session, at })
        }),
        (epoch(), password(), time()).prop_map(|(epoch, password, at)| Command::ResetPassword {
            epoch,
            password,
            at
        }),
        (password_key(), password(), time()).prop_map(|(replaces, password, at)| Command::RehashPassword {
            replaces,
            password,
            at
        }),
    ]
}

fn about_links() -> impl Strategy<Value = Command> {
    let grounds = prop_oneof![proof().prop_map(Grounds::Session), address().prop_map(Grounds::Address)];
    let offered = prop::collection::vec(provider(), 0..2);
    prop_oneof![
        (grounds, identity(), time()).prop_map(|(by, identity, at)| Command::LinkSocialAccount {
            by,
            identity,
            at
        }),
        (proof(), link(), offered, any::<bool>(), time()).prop_map(
            |(proof, id, offered, by_address_alone, at)| Command::UnlinkSocialAccount(Unlink {
                proof,
                id,
                offered,
                by_address_alone,
                at
            })
        ),
    ]
}

fn about_standing() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => time().prop_map(|at| Command::Disable { at }),
        2 => time().prop_map(|at| Command::Enable { at }),
    ]
}

pub(in crate::laws) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => born_or_not(),
        5 => about_names(),
        4 => about_passwords(),
        3 => about_links(),
        3 => about_standing(),
    ]
}
