//! Plays one sequence against a server and holds every answer to the model. What went wrong is told as a story.

mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::call::{Answer, Call, Name, SPELLINGS};
use super::draw::{Draw, addresses};
use super::model::{State, Told, explain};
use crate::support::{About, Caller, Post, Reply, Seed, Tokens, has_mailed, number_in, together};

/// One server, on which many sequences are played at once.
pub(super) struct Stage {
    pub(super) api: Caller,
    pub(super) post: Post,
    pub(super) has_refresh: bool,
    /// How many sequences began here: none meets the names of another.
    pub(super) begun: AtomicUsize,
}

/// What was called and answered, and what no order of the calls explains.
pub(super) type Story = String;

struct Play<'a> {
    stage: &'a Stage,
    sequence: usize,
    calls: usize,
    tokens: BTreeMap<usize, Vec<Tokens>>,
    /// Those in which the server may be.
    states: BTreeSet<State>,
    /// Where the newest event stands that an answer told of.
    position: Option<String>,
    story: Story,
}

impl Stage {
    /// Plays these steps of the sequence that the seed makes.
    pub(super) async fn play(&self, seed: Seed, steps: &[u64]) -> Result<(), Story> {
        let sequence = self.begun.fetch_add(1, Ordering::Relaxed);
        let states = BTreeSet::from([State::default()]);
        let (tokens, story) = (BTreeMap::new(), Story::new());
        let mut play = Play { stage: self, sequence, calls: 0, tokens, states, position: None, story };
        match play.run(seed, steps).await {
            Ok(()) => Ok(()),
            Err(why) => Err(format!("{}{why}", play.story)),
        }
    }
}

impl Play<'_> {
    async fn run(&mut self, seed: Seed, steps: &[u64]) -> Result<(), String> {
        for step in steps {
            let mails = addresses().map(|email| self.mails_to(email)).collect::<Vec<_>>();
            let dice = seed.dice(*step);
            let (tokens, has_refresh) = (&self.tokens, self.stage.has_refresh);
            let mails = mails.try_into().expect("one of each address");
            let calls = Draw { dice, tokens, mails, has_refresh }.step(*step);
            for call in &calls {
                self.has_come(*call).await?;
            }
            self.make(calls).await?;
        }
        self.make_each(self.last_look()).await?;
        self.has_all_mails().await
    }

    /// How many verification and reset mails went to an address for certain.
    fn mails_to(&self, email: usize) -> (usize, usize) {
        let least =
            |about| self.states.iter().map(|state| state.count(about, email)).min().unwrap_or_default();
        (least(About::Verification), least(About::Reset))
    }

    /// Every token that was ever given is tried, and every user looked at who can be.
    fn last_look(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        for (session, tokens) in &self.tokens {
            let session = *session;
            calls.extend([Call::ShowUser { session }, Call::CountSessions { session }]);
            if self.stage.has_refresh {
                calls.push(Call::VerifyAccess { session });
                let generations = 0..tokens.len();
                calls.extend(generations.map(|generation| Call::VerifyRefresh { session, generation }));
            }
        }
        calls
    }

    async fn make_each(&mut self, calls: Vec<Call>) -> Result<(), String> {
        for call in calls {
            self.make(vec![call]).await?;
        }
        Ok(())
    }

    /// Makes calls at the same moment; some order of them must explain the answers.
    async fn make(&mut self, calls: Vec<Call>) -> Result<(), String> {
        let requests: Vec<_> = calls.iter().map(|call| Reply::to(self.request(*call))).collect();
        let replies = together(requests).await;
        self.story.push_str(if calls.len() > 1 { "at once:\n" } else { "" });
        let mut told: Vec<Told> = Vec::new();
        for (call, reply) in calls.into_iter().zip(replies) {
            let (number, status, why) = (self.calls, reply.status, short(&reply));
            writeln!(self.story, "  {number}: {call:?} -> {status} {why}").unwrap();
            told.push((self.calls, call, self.answer(call, &reply)?));
            self.remember(call, &reply);
            self.calls += 1;
        }
        let explained = explain(&self.states, &told);
        if explained.is_empty() {
            return Err(format!("what the model allows was none of this; it was in {:#?}", self.states));
        }
        self.states = explained;
        Ok(())
    }

    fn remember(&mut self, call: Call, reply: &Reply) {
        let given = matches!(call, Call::Register { .. } | Call::LogIn { .. } | Call::Refresh { .. });
        if given && reply.status < 300 {
            let session = if let Call::Refresh { session, .. } = call { session } else { self.calls };
            self.tokens.entry(session).or_default().push(Tokens::of(reply));
        }
        if reply.position() > self.position.as_deref().map(number_in) {
            self.position = reply.header("stele-position").map(str::to_owned);
        }
    }

    fn answer(&self, call: Call, reply: &Reply) -> Result<Answer, String> {
        match (reply.status, call) {
            (200, Call::ShowUser { .. }) => {
                let (username, email) = (reply.at("/username"), reply.at("/email").to_lowercase());
                let names = addresses()
                    .flat_map(|which| (0..SPELLINGS).map(move |spelling| Name { which, spelling }));
                let username = names.clone().find(|name| name.username(self.sequence) == username);
                let email =
                    names.clone().find(|name| name.email(self.sequence) == email).map(|name| name.which);
                let user = username.zip(email).map(|(username, email)| Answer::User { username, email });
                user.ok_or_else(|| "these are nobody's names".to_owned())
            }
            (200, Call::CountSessions { .. }) => {
                Ok(Answer::Sessions(reply.json().as_array().map_or(0, Vec::len)))
            }
            (200 | 201 | 204, _) => Ok(Answer::Done),
            (400 | 401 | 404, _) => Ok(Answer::Refused),
            (status, _) => Err(format!("{status} is no answer to this")),
        }
    }

    /// Waits for the mail whose link a call takes.
    async fn has_come(&self, call: Call) -> Result<(), String> {
        let (about, email, mail) = match call {
            Call::Reset { email, mail, .. } => (About::Reset, email, mail),
            Call::VerifyEmail { email, mail } => (About::Verification, email, mail),
            _ => return Ok(()),
        };
        let is_here = || self.received(about, email.which) > mail;
        self.look()?;
        if !is_here() {
            has_mailed(&self.stage.api).await;
            self.look()?;
        }
        if is_here() { Ok(()) } else { Err(format!("the mail that {call:?} needs never came")) }
    }

    /// Reads what mails have come. No server dies here, so that none is sent twice.
    fn look(&self) -> Result<(), String> {
        match self.stage.post.look() {
            0 => Ok(()),
            doubles => Err(format!("{doubles} mails were sent a second time")),
        }
    }

    fn received(&self, about: About, email: usize) -> usize {
        self.stage.post.count(about, &Name { which: email, spelling: 0 }.email(self.sequence))
    }

    /// Whether each mail that was asked for was sent, in one of the states at least, and no other.
    async fn has_all_mails(&self) -> Result<(), String> {
        has_mailed(&self.stage.api).await;
        self.look()?;
        let boxes = || addresses().flat_map(|email| About::ALL.map(|about| (about, email)));
        let came: Vec<_> = boxes().map(|(about, email)| self.received(about, email)).collect();
        let asked = |state: &State| boxes().map(|(about, email)| state.count(about, email)).collect();
        let asked: Vec<Vec<_>> = self.states.iter().map(asked).collect();
        if asked.contains(&came) {
            return Ok(());
        }
        Err(format!("mails by address: {came:?} came, where these were asked for: {asked:?}"))
    }
}

/// Enough of a refusal to tell why.
fn short(reply: &Reply) -> &str {
    if reply.status < 300 { "" } else { reply.text.get(..reply.text.len().min(120)).unwrap_or_default() }
}
