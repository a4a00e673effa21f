//! What each endpoint of the API does, one file for each subject. Handlers read a form, give an order or ask a read model,
//! and put the outcome into the contract's words; every rule is elsewhere.

pub(crate) mod email;
pub(crate) mod health;
pub(crate) mod link_page;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod password;
pub(crate) mod registration;
pub(crate) mod reset;
pub(crate) mod sessions;
pub(crate) mod social;
pub(crate) mod social_flow;
pub(crate) mod token;
pub(crate) mod user;
