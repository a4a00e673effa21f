//! The HTTP face of Stele: the contract's endpoints over the orders that change accounts and the read models that show
//! them. Knows neither settings files nor the environment; what it needs is put together by the binary.

mod answer;
pub mod app;
pub mod attempts;
mod call;
mod caller;
pub mod command;
pub mod config;
pub mod edge;
mod endpoint;
pub mod form;
mod grant;
pub mod pages;
pub mod password;
pub mod revocation;
pub mod router;
pub mod server;
pub mod social;
pub mod token;
