//! What an operator decides about a user: whether he may come in.

use domain::{User, UserId, user};
use store::{Context, ExecuteError, Executed, StreamId, clock};

use super::Accounts;

type Outcome = Result<Executed<User>, ExecuteError<user::Error>>;

impl Accounts {
    /// Disables a user: his sessions end, and he can begin no other.
    pub async fn disable(&self, context: &Context, user: UserId) -> Outcome {
        let command = user::Command::Disable { at: clock::now() };
        self.journal.execute(context, &StreamId::user(user), command).await
    }

    /// Lets a disabled user come in again; his old sessions stay ended.
    pub async fn enable(&self, context: &Context, user: UserId) -> Outcome {
        let command = user::Command::Enable { at: clock::now() };
        self.journal.execute(context, &StreamId::user(user), command).await
    }
}
