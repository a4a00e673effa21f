//! The first words of a server: where it is, what to try, where mails go, what to back up.

use std::{fmt::Write as _, io::Write as _, net::SocketAddr};

use crate::settings::{Links, Outbox, Settings};

/// Prints the banner, and last the one line that programs wait for.
pub(super) fn greet(settings: &Settings, links: &Links, bound: SocketAddr, new_master_key: bool) {
    let text = text(settings, links, bound, new_master_key);
    // Nobody may be listening to stdout; the server serves all the same.
    _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn text(settings: &Settings, links: &Links, bound: SocketAddr, new_master_key: bool) -> String {
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
    line(format_args!("Everything is kept in {}.", settings.data_dir.display()));
    if new_master_key {
        let key = settings.vault.master_key_file.display();
        line(format_args!(
            "A master key was made: back up {key}, apart from the databases. Nothing can replace it."
        ));
    }
    line(format_args!("Try it:"));
    line(format_args!(
        "  curl {}{}/registration/ -d username=ada -d email=ada@example.org \
         -d 'password1=correct horse battery' -d 'password2=correct horse battery'",
        links.public_url, settings.api.base_path
    ));
    line(format_args!("listening on http://{bound}"));
    text
}
