//! The mails in the folder, read once each, and those that were delivered a second time.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Mail, Mailbox};

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    Verification,
    Reset,
    /// Something that was done, without a link: a password was changed or reset, another address asked for.
    Notice,
}

impl About {
    pub(crate) const ALL: [Self; 3] = [Self::Verification, Self::Reset, Self::Notice];

    fn of(mail: &Mail) -> Self {
        match (mail.verify_key(), mail.reset_link()) {
            (Some(_), _) => Self::Verification,
            (None, Some(_)) => Self::Reset,
            (None, None) => Self::Notice,
        }
    }
}

/// Shared by all who get mail.
#[derive(Clone)]
pub(crate) struct Post(Arc<Mutex<Sorted>>);

struct Sorted {
    mailbox: Mailbox,
    inodes: HashMap<PathBuf, u64>,
    /// By address in lower case and file.
    read: HashMap<String, BTreeMap<PathBuf, (About, Mail)>>,
}

impl Post {
    pub(crate) fn of(folder: &Path) -> Self {
        let mailbox = Mailbox::at(folder);
        Self(Arc::new(Mutex::new(Sorted { mailbox, inodes: HashMap::new(), read: HashMap::new() })))
    }

    /// How many mails about something went to an address.
    pub(crate) fn count(&self, about: About, to: &str) -> usize {
        self.sorted()
            .read
            .get(&to.to_lowercase())
            .map_or(0, |mails| mails.values().filter(|mail| mail.0 == about).count())
    }

    /// The reset links that went to an address, the oldest first.
    pub(crate) fn reset_links(&self, to: &str) -> Vec<(String, String)> {
        self.each(to, Mail::reset_link)
    }

    /// The keys of the verification links that went to an address, the oldest first.
    pub(crate) fn verify_keys(&self, to: &str) -> Vec<String> {
        self.each(to, Mail::verify_key)
    }

    fn each<T>(&self, to: &str, read: impl Fn(&Mail) -> Option<T>) -> Vec<T> {
        let sorted = self.sorted();
        let mails = sorted.read.get(&to.to_lowercase()).into_iter().flat_map(BTreeMap::values);
        let mut mails: Vec<&Mail> = mails.map(|(_, mail)| mail).collect();
        mails.sort_by_key(|mail| mail.position());
        mails.into_iter().filter_map(read).collect()
    }

    /// How many mails there are.
    pub(crate) fn len(&self) -> usize {
        self.sorted().inodes.len()
    }

    /// Reads what has come, and answers how many mails were delivered again since they were read: each must be the same
    /// to its last byte, Message-ID included.
    pub(crate) fn look(&self) -> usize {
        self.sorted().look()
    }

    fn sorted(&self) -> MutexGuard<'_, Sorted> {
        self.0.lock().unwrap()
    }
}

impl Sorted {
    fn look(&mut self) -> usize {
        let mut doubles = 0;
        for file in self.mailbox.files() {
            // One that is replaced at this moment is seen the next time.
            let Ok(inode) = fs::metadata(&file).map(|found| found.ino()) else { continue };
            if self.inodes.insert(file.clone(), inode) == Some(inode) {
                continue;
            }
            let mail = Mail::read(&file);
            let to = self.read.entry(mail.to.to_lowercase()).or_default();
            if let Some((_, before)) = to.get(&file) {
                assert_eq!(before.source, mail.source, "a second copy differs from the first");
                doubles += 1;
            }
            to.insert(file, (About::of(&mail), mail));
        }
        doubles
    }
}
