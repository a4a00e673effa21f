//! The page on which a person logs in at a provider and lets an application know him, or does not (RFC 6749, section 4.1.1).

use super::{Grant, Kind, OUR_APP, PASSWORD_THERE, Person, Seen, message::Answer, world::World};

/// What an application asks for.
struct Request {
    redirect_uri: String,
    state: Option<String>,
    challenge: Option<String>,
    nonce: Option<String>,
}

pub(super) fn answer(world: &World, seen: &Seen) -> Answer {
    let request = match Request::of(world, &seen.query) {
        Ok(request) => request,
        // What can't be believed is not redirected to.
        Err(why) => return page(400, "This application asks for something that it may not", why),
    };
    if seen.method == "GET" {
        return log_in(world, 200, "");
    }
    let field = |name| seen.field(name).unwrap_or_default();
    if field("answer") == "deny" {
        return request.back(world, &denial(world.kind));
    }
    let person = by_login(world, &field("login")).filter(|_| field("password") == PASSWORD_THERE);
    let Some(person) = person else {
        return log_in(world, 401, "Name or password is wrong.");
    };
    let code = world.grant(request.granted_by(&person));
    request.back(world, &[("code", code.as_str())])
}

impl Request {
    fn of(world: &World, query: &[(String, String)]) -> Result<Self, &'static str> {
        let field = |name: &str| {
            let mut all = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
            all.next().filter(|_| all.next().is_none())
        };
        let redirect_uri = field("redirect_uri").unwrap_or_default();
        if field("client_id").as_deref() != Some(OUR_APP) {
            return Err("unknown client");
        }
        if !world.kept().callbacks.contains(&redirect_uri) {
            return Err("redirect_uri_mismatch");
        }
        if field("response_type").as_deref() != Some("code") {
            return Err("unsupported response_type");
        }
        let challenge = field("code_challenge");
        if challenge.is_some() && field("code_challenge_method").as_deref() != Some("S256") {
            return Err("unsupported code_challenge_method");
        }
        Ok(Self { redirect_uri, state: field("state"), challenge, nonce: field("nonce") })
    }

    fn granted_by(&self, person: &Person) -> Grant {
        Grant {
            challenge: self.challenge.clone(),
            nonce: self.nonce.clone(),
            ..Grant::of(person, &self.redirect_uri)
        }
    }

    fn back(&self, world: &World, fields: &[(&str, &str)]) -> Answer {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields);
        query.extend_pairs(self.state.iter().map(|state| ("state", state)));
        if world.kind == Kind::Oidc {
            query.append_pair("iss", &world.url);
        }
        let joint = if self.redirect_uri.contains('?') { '&' } else { '?' };
        Answer::redirect(303, &format!("{}{joint}{}", self.redirect_uri, query.finish()))
    }
}

fn by_login(world: &World, login: &str) -> Option<Person> {
    world.kept().people.values().find(|person| person.login == login).cloned()
}

/// What an application hears of somebody who does not want it to know him.
fn denial(kind: Kind) -> Vec<(&'static str, &'static str)> {
    let mut fields = vec![("error", "access_denied")];
    match kind {
        Kind::GitHub => {
            fields.push(("error_description", "The user has denied your application access."));
        }
        Kind::Facebook => {
            fields.push(("error_code", "200"));
            fields.push(("error_description", "Permissions error"));
            fields.push(("error_reason", "user_denied"));
        }
        Kind::Google | Kind::Twitter | Kind::Oidc => {}
    }
    fields
}

fn log_in(world: &World, status: u16, fault: &str) -> Answer {
    let form = format!(
        r#"<p role="alert">{fault}</p>
<form method="post">
<label>Name <input name="login" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button name="answer" value="allow">Log in and allow</button>
<button name="answer" value="deny" formnovalidate>Cancel</button>
</form>"#
    );
    page(status, &format!("Log in at {:?}", world.kind), &form)
}

fn page(status: u16, title: &str, body: &str) -> Answer {
    let head =
        format!("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>");
    Answer::html(status, format!("{head}\n<h1>{title}</h1>\n{body}\n"))
}
