//! Draws the calls of a step out of what is known at that point. The same dice and knowledge draw the same calls.

use std::collections::BTreeMap;

use super::call::{Call, Identity, Name, SPELLINGS};
use crate::support::{Dice, Tokens};

/// How many names of each kind a sequence fights for.
const NAMES: usize = 3;
/// Passwords that are ever set; one more is always wrong.
const PASSWORDS: usize = 2;

pub(super) struct Draw<'a> {
    pub(super) dice: Dice,
    /// All sessions that there ever were, with each token that was given.
    pub(super) tokens: &'a BTreeMap<usize, Vec<Tokens>>,
    /// How many verification and reset mails are known to have gone to each address.
    pub(super) mails: [(usize, usize); NAMES],
    pub(super) has_refresh: bool,
}

/// Which addresses there are.
pub(super) const fn addresses() -> std::ops::Range<usize> {
    0..NAMES
}

impl Draw<'_> {
    /// One call, or two or three for the same moment. The first two steps bring people into the world.
    pub(super) fn step(&mut self, step: u64) -> Vec<Call> {
        if let Ok(which @ 0..2) = usize::try_from(step) {
            return vec![self.registration(which, which)];
        }
        let size = [1, 1, 1, 2, 2, 3][self.dice.below(6)];
        let focus = self.dice.below(self.tokens.len().max(1));
        let mut calls: Vec<Call> = Vec::new();
        for _ in 0..size {
            let call = self.call(focus);
            // A list that is read while things happen may be of a moment in between.
            let between = size > 1 && matches!(call, Call::CountSessions { .. });
            if !between && calls.iter().all(|other| call.keeps_order_with(*other)) {
                calls.push(call);
            }
        }
        calls
    }

    fn call(&mut self, focus: usize) -> Call {
        let (Some((session, generation)), Some((other, _))) = (self.session(focus), self.session(focus))
        else {
            return self.anonymous();
        };
        match self.dice.below(24) {
            0..4 if self.has_refresh => Call::Refresh { session, generation },
            0..6 => Call::LogOut { session, generation },
            6..8 => Call::ChangePassword { session, to: self.dice.below(PASSWORDS) },
            8..10 => Call::Rename { session, to: self.name() },
            10..14 => {
                let (to, password) = (self.name(), self.dice.below(PASSWORDS));
                Call::ChangeEmail { session, to, password }
            }
            14 => Call::EndOthers { session },
            15 if self.has_refresh => Call::EndOne { session, other },
            16 => Call::ShowUser { session },
            17 => Call::CountSessions { session },
            _ => self.anonymous(),
        }
    }

    fn anonymous(&mut self) -> Call {
        let email = self.name();
        let (verifications, resets) = self.mails[email.which];
        // One of the two newest links of its kind: mostly those before are dead.
        let mail = |mails: usize, dice: &mut Dice| mails - 1 - dice.below(mails.min(2));
        match self.dice.below(16) {
            0..2 => {
                let username = self.dice.below(NAMES);
                self.registration(username, email.which)
            }
            2..5 => self.login(email),
            5..10 if verifications > 0 => {
                Call::VerifyEmail { email, mail: mail(verifications, &mut self.dice) }
            }
            10..13 if resets > 0 => {
                let to = self.dice.below(PASSWORDS);
                Call::Reset { email, mail: mail(resets, &mut self.dice), to }
            }
            13 => Call::AskForVerification { email },
            _ => Call::AskForReset { email },
        }
    }

    fn registration(&mut self, username: usize, email: usize) -> Call {
        let spelled = |which, dice: &mut Dice| Name { which, spelling: dice.below(SPELLINGS) };
        Call::Register {
            username: spelled(username, &mut self.dice),
            email: spelled(email, &mut self.dice),
            password: self.dice.below(PASSWORDS),
        }
    }

    fn login(&mut self, email: Name) -> Call {
        let by =
            if self.dice.below(2) == 0 { Identity::Email(email) } else { Identity::Username(self.name()) };
        Call::LogIn { by, password: self.dice.below(PASSWORDS * 4 + 1) % (PASSWORDS + 1) }
    }

    fn name(&mut self) -> Name {
        Name { which: self.dice.below(NAMES), spelling: self.dice.below(SPELLINGS) }
    }

    /// Mostly the one that the step is about, and one of its tokens, mostly the newest.
    fn session(&mut self, focus: usize) -> Option<(usize, usize)> {
        let chosen = if self.dice.below(3) == 0 { self.dice.below(self.tokens.len().max(1)) } else { focus };
        let (session, tokens) = self.tokens.iter().nth(chosen)?;
        let newest = tokens.len() - 1;
        let generation = if self.dice.below(4) == 0 { newest.saturating_sub(1) } else { newest };
        Some((*session, generation))
    }
}
