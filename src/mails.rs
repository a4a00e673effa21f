//! What writes mails and where they go, put together from the settings: for the server and for commands alike.

use std::{fs, io, path::PathBuf, sync::Arc};

use workers::{
    Outbox, SmtpOutbox,
    letter::{Composer, ComposerError, LinkUrls, Sender},
    outbox::{
        FileOutbox, FolderError,
        smtp::{self, Site, SiteError},
    },
};

use crate::settings::{self, Links, Settings};

#[derive(Debug, thiserror::Error)]
pub(crate) enum MailsError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("mail.ca_file: {} can't be read", .path.display())]
    Authorities {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the mail server {url} can't be used")]
    Site {
        url: String,
        #[source]
        source: SiteError,
    },
    #[error(transparent)]
    Letters(#[from] ComposerError),
}

/// Where mails go. `tell` gets a line with the link for each that becomes a file.
pub(crate) async fn outbox(
    settings: &Settings,
    tell: impl Fn(&str) + Send + Sync + 'static,
) -> Result<Arc<dyn Outbox>, MailsError> {
    Ok(match &settings.mail.outbox {
        settings::Outbox::Files(folder) => Arc::new(FileOutbox::open(folder, tell).await?),
        settings::Outbox::Smtp(url) => Arc::new(server(settings, url)?),
    })
}

/// The mail server, which need not be there yet.
pub(crate) fn server(settings: &Settings, url: &smtp::Url) -> Result<SmtpOutbox, MailsError> {
    let mail = &settings.mail;
    let read = |path: &PathBuf| {
        fs::read(path).map_err(|source| MailsError::Authorities { path: path.clone(), source })
    };
    let authorities = mail.ca_file.as_ref().map(read).transpose()?;
    let (url, shown) = (url.clone(), url.to_string());
    let domain = mail.from.domain();
    let site = Site { url, allow_plaintext: mail.allow_plaintext, authorities, domain };
    SmtpOutbox::new(site).map_err(|source| MailsError::Site { url: shown, source })
}

/// What writes the mails.
pub(crate) fn composer(settings: &Settings, links: &Links) -> Result<Composer, MailsError> {
    let from = &settings.mail.from;
    let sender = Sender { name: from.name.clone(), address: from.address.clone() };
    let urls = LinkUrls { verify: links.verify_url.clone(), reset: links.reset_url.clone() };
    Ok(Composer::new(sender, urls, settings.mail.templates.as_deref())?)
}
