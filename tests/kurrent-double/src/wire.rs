//! The messages and services, made from the files in `proto`.
#![expect(
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "nobody writes this by hand"
)]

tonic::include_proto!("wire");
