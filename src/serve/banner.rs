//! The first words of a server: where it is, what to try, where mails go, what to back up.

use std::{fmt::Write as _, net::SocketAddr};

use crate::{
    master_key,
    output::Terminal,
    settings::{Links, Outbox, Settings},
};

/// Prints what a person wants to know at the start.
pub(super) fn greet(terminal: &Terminal, settings: &Settings, links: &Links, new_master_key: bool) {
    terminal.say(text(settings, links, new_master_key).trim_end());
}

/// Prints the one line that programs wait for: requests are taken.
pub(super) fn listening(terminal: &Terminal, bound: SocketAddr) {
    terminal.say(&format!("listening on http://{bound}"));
}

/// That the server has ended as it should.
pub(super) fn farewell(terminal: &Terminal) {
    terminal.say("stopped");
}

fn text(settings: &Settings, links: &Links, new_master_key: bool) -> String {
    let Outbox::Files(mails) = &settings.mail.outbox;
    let mut text = String::new();
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        _ = text.write_fmt(format_args!("{words}\n"));
    };
    line(format_args!(
        "Stele {} serves {}{}",
        env!("CARGO_PKG_VERSION"),
        links.public_url,
        settings.api.base_path
    ));
    line(format_args!("Mails go to {}, and their links show up here.", mails.display()));
    let store = &settings.store;
    for (what, url) in
        [("Events", store.log.url()), ("Read models", store.views.url()), ("Keys", store.vault.url())]
    {
        if let Some(url) = url {
            line(format_args!("{what} are kept in {url}."));
        }
    }
    let rest = if settings.is_embedded() { "Everything" } else { "All else" };
    line(format_args!("{rest} is kept in {}.", settings.data_dir.display()));
    if new_master_key {
        line(format_args!("{}", master_key::advice(settings)));
    }
    line(format_args!("Try it:"));
    line(format_args!(
        "  curl {}{}/registration/ -d username=ada -d email=ada@example.org \
         -d 'password1=correct horse battery' -d 'password2=correct horse battery'",
        links.public_url, settings.api.base_path
    ));
    text
}
