//! Orders on a log that appends to one stream at a time, where the process dies, or is beaten, at each append in turn:
//! whatever is left, no name has two users, nobody has half of his names, and a minute later what nobody holds is free;
//! at once where nothing went wrong.

use std::collections::BTreeSet;

use domain::{
    KeyId, Private, SessionId,
    claim::{UNDER_WAY, Write},
    user::{Command, PasswordHash, Proof, Registration},
};
use tempfile::TempDir;

use super::*;
use crate::{
    command::{
        NewUser, ProfileUpdate,
        house::{self, Fault, Faulty},
    },
    password::Secret,
};

const EVE: UserId = UserId(1);
const DAN: UserId = UserId(2);
const PROOF: Proof = Proof { session: SessionId(1), epoch: 0 };
const NAMES: [(NameKind, &str); 7] = [
    (NameKind::Username, "eve"),
    (NameKind::Email, "eve@example.org"),
    (NameKind::Username, "dan"),
    (NameKind::Email, "dan@example.org"),
    (NameKind::Username, "ann"),
    (NameKind::Email, "ann@example.org"),
    (NameKind::Email, "old@example.org"),
];

/// Eve and Dan, and a log that can fail.
struct House {
    _folder: TempDir,
    log: Faulty,
    accounts: Accounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Register,
    /// The same, when the names were claimed by one who died two minutes ago.
    TakeOver,
    Rename,
    AskForEmail,
    /// The same, when another address was asked for before.
    AskForAnotherEmail,
    VerifyEmail,
}

fn context() -> Context {
    Context::of("test")
}

impl House {
    async fn new() -> Self {
        let log = Faulty::default();
        let (folder, accounts) = house::accounts_on(&log).await;
        let house = Self { _folder: folder, log, accounts };
        for (user, name) in [(EVE, "eve"), (DAN, "dan")] {
            house.register_at(user, name, clock::now()).await;
        }
        house
    }

    /// What a registration plans that is given at another time than now.
    async fn registration_at(&self, user: UserId, name: &str, at: Time) -> Option<Plan<StreamId>> {
        let (mut plan, email) = (Plan::of(user, Seen::default()), format!("{name}@example.org"));
        let username_claim = self.accounts.take(&mut plan, (NameKind::Username, name), at).await.unwrap()?;
        let email_claim = self.accounts.take(&mut plan, (NameKind::Email, &email), at).await.unwrap()?;
        let names = domain::user::Names { username: name.to_owned(), ..Default::default() };
        let key = KeyId::of_user(user);
        let registration = Registration {
            names: Private::new(key.clone(), names),
            email: Some(Private::new(key.clone(), email)),
            password: Some(Private::new(key, PasswordHash("none".to_owned()))),
            username_claim,
            email_claim: Some(email_claim),
            email_verified: false,
            at,
        };
        plan.commit(Command::Register(Box::new(registration))).unwrap();
        Some(plan)
    }

    async fn register_at(&self, user: UserId, name: &str, at: Time) {
        let plan = self.registration_at(user, name, at).await.expect("the names are free");
        self.accounts.carry_out(&context(), &plan, vec![]).await.unwrap();
    }

    /// Someone claims Ann's names two minutes ago, and dies.
    async fn leave_claims_behind(&self) {
        let at = Time(clock::now().0 - 120_000_000);
        let plan = self.registration_at(UserId(3), "ann", at).await.unwrap();
        let claims = plan.writes().iter().filter(|write| matches!(write, Write::Claim { .. }));
        let claims = claims.map(|write| Change::try_from(write).unwrap()).collect();
        self.accounts.journal.append(&context(), claims).await.unwrap();
    }

    async fn prepare(&self, order: Order) {
        match order {
            Order::TakeOver => self.leave_claims_behind().await,
            Order::AskForAnotherEmail => assert!(self.ask_for(EVE, NAMES[6].1).await.is_ok()),
            Order::VerifyEmail => assert!(self.give(Order::AskForEmail).await.is_ok()),
            Order::Register | Order::Rename | Order::AskForEmail => {}
        }
    }

    /// Gives an order for Ann's names, and answers who has them now, or how it failed.
    async fn give(&self, order: Order) -> Result<UserId, String> {
        let ann = "ann@example.org";
        match order {
            Order::Register | Order::TakeOver => self.register("ann", ann).await,
            Order::Rename => self.rename(EVE, "ann").await,
            Order::AskForEmail | Order::AskForAnotherEmail => self.ask_for(EVE, ann).await,
            Order::VerifyEmail => {
                let link = house::verification_link(&self.accounts.macs, EVE, ann);
                let verified = self.accounts.verify_email(&context(), &link).await;
                verified.map(|_| EVE).map_err(|error| chain(&error))
            }
        }
    }

    async fn register(&self, username: &str, email: &str) -> Result<UserId, String> {
        let new = NewUser {
            username: username.to_owned(),
            email: email.to_owned(),
            password: Secret::new("correct horse battery".to_owned()),
            email_verified: false,
            client: None,
        };
        let seat = self.accounts.enter("test").unwrap();
        let registered = self.accounts.register(&context(), &seat, &new).await;
        registered.map(|registered| registered.user).map_err(|error| chain(&error))
    }

    async fn rename(&self, user: UserId, to: &str) -> Result<UserId, String> {
        let update = ProfileUpdate { username: Some(to.to_owned()), ..ProfileUpdate::default() };
        let renamed = self.accounts.update_profile(&context(), (user, PROOF), &update).await;
        renamed.map(|_| user).map_err(|error| chain(&error))
    }

    async fn ask_for(&self, user: UserId, email: &str) -> Result<UserId, String> {
        let asked = self.accounts.request_email_change(&context(), (user, PROOF), email).await;
        asked.map(|_| user).map_err(|error| chain(&error))
    }

    async fn holder_of(&self, (kind, name): (NameKind, &str)) -> Option<UserId> {
        self.accounts.holder(kind, name).await.unwrap().map(|held| held.user)
    }

    /// Every account holds each name that it uses, so that no two use one.
    async fn names_are_held(&self) {
        let events = self.accounts.journal.log().read_all(Position::BEGINNING, 10_000).await.unwrap();
        let streams: BTreeSet<StreamId> = events.into_iter().map(|recorded| recorded.stream).collect();
        for stream in streams.iter().filter(|stream| stream.kind() == "user") {
            let user: UserId = stream.key().parse().unwrap();
            let Some(account) = self.accounts.account(user).await.unwrap() else { continue };
            let username = &account.names.get().unwrap().username;
            assert_eq!(self.holder_of((NameKind::Username, username)).await, Some(user), "{username}");
            let email = account.email.iter().map(|address| &address.email);
            for email in email.chain(account.pending_email.iter().map(|pending| &pending.email)) {
                let email = email.get().unwrap();
                assert_eq!(self.holder_of((NameKind::Email, email)).await, Some(user), "{email}");
            }
        }
    }

    /// At this time, exactly what nobody holds can be taken; and who takes Ann's names then has both.
    async fn all_else_is_free_at(&self, at: Time) {
        for name in NAMES {
            let mut plan = Plan::of(UserId(8), Seen::default());
            let can_be_taken = self.accounts.take(&mut plan, name, at).await.unwrap().is_some();
            assert_eq!(can_be_taken, self.holder_of(name).await.is_none(), "{name:?}");
        }
        if let Some(plan) = self.registration_at(UserId(9), "ann", at).await {
            self.accounts.carry_out(&context(), &plan, vec![]).await.unwrap();
            self.names_are_held().await;
        }
    }
}

/// One order with a fault at the append of this number; whether there was such an append.
async fn try_with(order: Order, fault: Fault, append: usize) -> bool {
    let house = House::new().await;
    house.prepare(order).await;
    house.log.fail_at(append, fault);
    let outcome = house.give(order).await;
    let met = house.log.recover();
    let what = format!("{order:?}, {fault:?} at append {append}: {outcome:?}");
    println!("{what}");
    assert_eq!(outcome.is_err(), met && fault != Fault::Beaten, "{what}");
    house.names_are_held().await;
    if let Ok(user) = outcome {
        let name = match order {
            Order::Register | Order::TakeOver | Order::Rename => NAMES[4],
            Order::AskForEmail | Order::AskForAnotherEmail | Order::VerifyEmail => NAMES[5],
        };
        assert_eq!(house.holder_of(name).await, Some(user), "{what}");
    }
    let now = clock::now();
    house.all_else_is_free_at(if met { now + UNDER_WAY } else { now }).await;
    met
}

#[tokio::test]
async fn an_order_may_die_or_be_beaten_at_any_append() {
    let orders = [
        Order::Register,
        Order::TakeOver,
        Order::Rename,
        Order::AskForEmail,
        Order::AskForAnotherEmail,
        Order::VerifyEmail,
    ];
    for order in orders {
        for fault in [Fault::DiesBefore, Fault::DiesAfter, Fault::Beaten] {
            let mut append = 0;
            while try_with(order, fault, append).await {
                append += 1;
            }
            assert!(append >= 2, "{order:?} appends only {append} times");
        }
    }
}

#[tokio::test]
async fn those_who_want_one_name_at_once_make_one_holder() {
    for _ in 0..20 {
        let house = House::new().await;
        let (one, other) = ("one@example.org", "other@example.org");
        let all = tokio::join!(
            house.register("ann", one),
            house.rename(EVE, "ann"),
            house.rename(DAN, "ann"),
            house.rename(EVE, "ann"),
            house.register("ann", other),
        );
        let told: BTreeSet<UserId> = <[_; 5]>::from(all).into_iter().flatten().collect();
        let holder: BTreeSet<UserId> = house.holder_of(NAMES[4]).await.into_iter().collect();
        assert_eq!(told, holder);
        house.names_are_held().await;
        house.all_else_is_free_at(clock::now() + UNDER_WAY).await;
    }
}

#[tokio::test]
async fn what_was_claimed_is_given_back_when_someone_else_was_first() {
    let (house, now) = (House::new().await, clock::now());
    let plan = house.registration_at(UserId(4), "ann", now).await.unwrap();
    house.log.fail_at(1, Fault::Beaten);
    let outcome = house.accounts.carry_out(&context(), &plan, vec![]).await;
    assert!(matches!(outcome, Err(StoreError::Conflict { .. })), "{outcome:?}");
    assert!(house.log.recover());
    house.register_at(UserId(5), "ann", now).await;
    house.names_are_held().await;
}
