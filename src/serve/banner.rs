//! The first words of a server: where it is, what to try, where mails go, what to back up.

use std::{fmt::Write as _, net::SocketAddr};

use crate::{
    backends::Backends,
    master_key,
    output::Terminal,
    settings::{Links, Outbox, Role, Roles, Settings},
};

/// Prints what a person wants to know at the start.
pub(super) fn greet(
    terminal: &Terminal,
    settings: &Settings,
    links: &Links,
    (roles, backends): (&Roles, &Backends),
) {
    terminal.say(text(settings, links, (roles, backends)).trim_end());
}

/// Prints the one line that programs wait for: requests are taken.
pub(super) fn listening(terminal: &Terminal, bound: SocketAddr) {
    terminal.say(&format!("listening on http://{bound}"));
}

/// That the server has ended as it should.
pub(super) fn farewell(terminal: &Terminal) {
    terminal.say("stopped");
}

fn text(settings: &Settings, links: &Links, (roles, backends): (&Roles, &Backends)) -> String {
    let mut text = String::new();
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        _ = text.write_fmt(format_args!("{words}\n"));
    };
    let (version, base) = (env!("CARGO_PKG_VERSION"), &settings.api.base_path);
    if roles.take(Role::Api) {
        line(format_args!("Stele {version} serves {}{base}", links.public_url));
    } else {
        line(format_args!("Stele {version} serves nothing but /health/, as it has not the role api."));
    }
    for (role, why) in roles.without_work(&settings.bus) {
        line(format_args!("It has nothing to do as {role}: {why}."));
    }
    if roles.take(Role::Mailer) {
        match &settings.mail.outbox {
            Outbox::Files(mails) => {
                line(format_args!("Mails go to {}, and their links show up here.", mails.display()));
            }
            Outbox::Smtp(url) => line(format_args!("Mails go to {url}.")),
        }
    }
    places(settings, &mut line);
    if let Some(nats) = settings.bus.nats() {
        line(format_args!("Events go to {}.", nats.servers));
    }
    if settings.store.is_shared() {
        line(format_args!("Other processes know this one as {}.", backends.desk.node()));
    }
    if backends.new_master_key {
        line(format_args!("{}", master_key::advice(settings)));
    }
    if roles.take(Role::Api) {
        line(format_args!("Try it:"));
        line(format_args!(
            "  curl {}{base}/registration/ -d username=ada -d email=ada@example.org \
             -d 'password1=correct horse battery' -d 'password2=correct horse battery'",
            links.public_url
        ));
    }
    text
}

/// Where everything is kept.
fn places(settings: &Settings, line: &mut impl FnMut(std::fmt::Arguments<'_>)) {
    let store = &settings.store;
    if store.log.file().is_none() {
        line(format_args!("Events are kept in {}.", store.log));
    }
    for (what, url) in [("Read models", store.views.url()), ("Keys", store.vault.url())] {
        if let Some(url) = url {
            line(format_args!("{what} are kept in {url}."));
        }
    }
    let rest = if store.is_shared() { "All else" } else { "Everything" };
    line(format_args!("{rest} is kept in {}.", settings.data_dir.display()));
}
