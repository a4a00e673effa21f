//! What gives orders about users, put together from the settings: for the server and for commands alike.

use std::{io, num::NonZeroUsize, sync::Arc};

use api::{
    command::Accounts,
    config::Config,
    password::{HashPool, PoolLimits},
};

use crate::{backends::Backends, settings::Settings};

#[derive(Debug, thiserror::Error)]
#[error("the threads that hash passwords can't be started")]
pub(crate) struct OrdersError(#[source] io::Error);

/// What gives orders, for the server and for commands.
pub(crate) fn accounts(
    settings: &Settings,
    backends: &Backends,
    config: Arc<Config>,
) -> Result<Accounts, OrdersError> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let limits = PoolLimits {
        threads: settings.hash.threads(cores),
        queue: settings.hash.queue,
        deadline: settings.hash.deadline,
    };
    let hashes = HashPool::start(limits).map_err(OrdersError)?;
    Ok(Accounts::new(backends.journal.clone(), Arc::clone(&backends.macs), hashes, config))
}

/// What the api needs to know of the settings.
pub(crate) fn config(settings: &Settings) -> Config {
    let (api, auth) = (&settings.api, &settings.auth);
    Config {
        base_path: api.base_path.clone(),
        tokens: auth.tokens,
        login: auth.login_methods,
        email_verification: auth.email_verification,
        old_password_required: auth.old_password_required,
        logout_on_get: auth.logout_on_get,
        logout_on_password_change: auth.logout_on_password_change,
        verify_ttl: auth.verify_ttl,
        reset_ttl: auth.reset_ttl,
        pk: auth.pk,
        jwt: settings.jwt.rules.clone(),
        cookies: settings.jwt.cookies.clone(),
        limits: settings.limits.clone(),
        max_silence: settings.revocation.max_silence,
    }
}
