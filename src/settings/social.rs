//! Which providers of identities let people in. One is on when its client id is set; those of OpenID Connect have names that
//! the operator chooses. Must not show a secret.

use ::api::{
    form::Secret,
    social::{Kind, ProviderConfig},
};

use super::{
    error::{Conflict, ValueError},
    given::Raw,
    link::ReturnUrl,
    reader::Reader,
    value::{Value, not, quoted},
};

/// Below it, each section is a provider of OpenID Connect.
pub(super) const OPENID: &str = "social.oidc";
/// Shown where nobody has named one.
const EXAMPLE: &str = "example";

/// What is known of a provider without any setting.
struct Known {
    name: &'static str,
    kind: Kind,
    api_url: &'static str,
    /// None where there are no codes, and no browser is sent anywhere.
    codes: Option<KnownCodes>,
}

struct KnownCodes {
    scopes: &'static [&'static str],
    auth_url: &'static str,
    token_url: &'static str,
}

const KNOWN: [Known; 4] = [
    Known {
        name: "facebook",
        kind: Kind::Facebook,
        api_url: "https://graph.facebook.com/v24.0",
        codes: Some(KnownCodes {
            scopes: &["email"],
            auth_url: "https://www.facebook.com/v24.0/dialog/oauth",
            token_url: "https://graph.facebook.com/v24.0/oauth/access_token",
        }),
    },
    Known {
        name: "google",
        kind: Kind::Google,
        api_url: "https://www.googleapis.com",
        codes: Some(KnownCodes {
            scopes: &["openid", "email", "profile"],
            auth_url: "https://accounts.google.com/o/oauth2/v2/auth",
            token_url: "https://oauth2.googleapis.com/token",
        }),
    },
    Known {
        name: "github",
        kind: Kind::GitHub,
        api_url: "https://api.github.com",
        codes: Some(KnownCodes {
            scopes: &["user:email"],
            auth_url: "https://github.com/login/oauth/authorize",
            token_url: "https://github.com/login/oauth/access_token",
        }),
    },
    Known { name: "twitter", kind: Kind::Twitter, api_url: "https://api.x.com", codes: None },
];

#[derive(Debug)]
pub(crate) struct Social {
    /// The front end's page at which a browser's login ends; without one browsers are sent nowhere.
    pub(crate) return_url: Option<String>,
    /// Those that are on.
    pub(crate) providers: Vec<ProviderConfig>,
}

impl Social {
    pub(super) fn read(from: &mut Reader) -> Self {
        let return_url = from.optional(
            "social.return_url",
            "Your front end's page at which a browser's login by a provider ends; the result is put behind it.",
        );
        Self { return_url: return_url.map(|ReturnUrl(url)| url), providers: providers(from) }
    }
}

fn providers(from: &mut Reader) -> Vec<ProviderConfig> {
    let mut on: Vec<_> = KNOWN.iter().filter_map(|known| of_known(from, known)).collect();
    let mut names = from.sections_below(OPENID);
    if names.is_empty() {
        names.push(EXAMPLE.to_owned());
    }
    on.extend(names.iter().filter_map(|name| of_openid(from, name)));
    on
}

fn of_known(from: &mut Reader, known: &Known) -> Option<ProviderConfig> {
    let section = Section(format!("social.{}", known.name));
    let client = section.client(from);
    let codes = known.codes.as_ref().map(|known| section.known_codes(from, known)).unwrap_or_default();
    let Url(api_url) = from.get(section.name("api_url"), Url(known.api_url.to_owned()), API_URL);
    let client = section.complete(from, client, Secrecy::Needed)?;
    Some(provider((known.name, known.kind.clone()), client, codes, Some(api_url)))
}

fn of_openid(from: &mut Reader, name: &str) -> Option<ProviderConfig> {
    let section = Section(format!("{OPENID}.{name}"));
    let client = section.client(from);
    let issuer: Option<Issuer> = from.optional(section.name("issuer"), ISSUER);
    let (callback_urls, scopes) = section.codes(from, &["openid", "email", "profile"]);
    let mut url = |key, about| from.optional(section.name(key), about).map(|Url(url)| url);
    let api_url =
        url("api_url", "Another host that may be asked, where the issuer publishes its keys, for example.");
    let auth_url = url("auth_url", "Where browsers are sent, in place of what the issuer says.");
    let token_url = url("token_url", "Where codes are exchanged, in place of what the issuer says.");
    let codes = Codes { callback_urls, scopes, auth_url, token_url };
    let client = section.complete(from, client, Secrecy::Optional)?;
    if KNOWN.iter().any(|known| known.name == name) || !is_name(name) {
        from.refuse(&[section.name("client_id")], Conflict::ProviderName(name.to_owned()));
    }
    let (client_id, issuer_name) = (section.name("client_id"), section.name("issuer"));
    if issuer.is_none() {
        from.refuse(
            &[client_id, issuer_name],
            Conflict::Incomplete { given: client_id, missing: issuer_name },
        );
    }
    let issuer = issuer.map(|Issuer(issuer)| issuer).unwrap_or_default();
    Some(provider((name, Kind::OpenId { issuer }), client, codes, api_url))
}

fn provider(
    (name, kind): (&str, Kind),
    client: Client,
    codes: Codes,
    api_url: Option<String>,
) -> ProviderConfig {
    ProviderConfig {
        name: name.to_owned(),
        kind,
        client_id: client.id.unwrap_or_default(),
        client_secret: client.secret.map_or_else(|| Secret::new(String::new()), |SecretText(secret)| secret),
        scopes: codes.scopes,
        callback_urls: codes.callback_urls,
        trust_email: client.trust_email,
        api_url,
        auth_url: codes.auth_url,
        token_url: codes.token_url,
    }
}

/// What a path and an event can hold, and a variable of the environment can name.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    name.len() <= 40 && name.chars().all(plain) && !name.contains("__")
}

const API_URL: &str = "The provider's API; another one for a proxy, or for a provider on one's own premises.";
const AUTH_URL: &str = "Where browsers are sent to log in.";
const TOKEN_URL: &str = "Where codes are exchanged for tokens.";
const ISSUER: &str = "Who issues the tokens, letter by letter as they name him; what else there is to know is asked for there.";

/// As the provider knows Stele.
struct Client {
    id: Option<String>,
    secret: Option<SecretText>,
    trust_email: bool,
}

/// What codes need.
#[derive(Default)]
struct Codes {
    callback_urls: Vec<String>,
    scopes: Vec<String>,
    auth_url: Option<String>,
    token_url: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Needed,
    /// Some clients are public.
    Optional,
}

/// The settings of one provider, by the name of their section.
struct Section(String);

impl Section {
    /// Settings are read once and few, and their names live as long as the process.
    fn name(&self, key: &str) -> &'static str {
        format!("{}.{key}", self.0).leak()
    }

    fn client(&self, from: &mut Reader) -> Client {
        Client {
            id: from
                .optional(self.name("client_id"), "Stele's id at this provider, which is on when it is set."),
            secret: from.optional(self.name("client_secret"), "The secret that goes with it."),
            trust_email: from.get(
                self.name("trust_email"),
                false,
                "Whether an address is verified here because the provider says so.",
            ),
        }
    }

    /// Callback URLs and scopes.
    fn codes(&self, from: &mut Reader, scopes: &[&str]) -> (Vec<String>, Vec<String>) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let Texts(callback_urls) = from.get(
            self.name("callback_urls"),
            Texts(vec![]),
            "Where the provider may have sent a code; the first counts where a client names none.",
        );
        let Texts(scopes) =
            from.get(self.name("scopes"), Texts(scopes), "What a browser asks the provider for.");
        (callback_urls, scopes)
    }

    fn known_codes(&self, from: &mut Reader, known: &KnownCodes) -> Codes {
        let (callback_urls, scopes) = self.codes(from, known.scopes);
        let mut url =
            |key, default: &str, about| Some(from.get(self.name(key), Url(default.to_owned()), about).0);
        Codes {
            callback_urls,
            scopes,
            auth_url: url("auth_url", known.auth_url, AUTH_URL),
            token_url: url("token_url", known.token_url, TOKEN_URL),
        }
    }

    /// The client, if it is on; what is given while it is off is a mistake.
    fn complete(&self, from: &mut Reader, client: Client, secrecy: Secrecy) -> Option<Client> {
        let (id, secret) = (self.name("client_id"), self.name("client_secret"));
        if client.id.is_none() {
            if client.secret.is_some() {
                from.refuse(&[id, secret], Conflict::Incomplete { given: secret, missing: id });
            }
            return None;
        }
        if client.secret.is_none() && secrecy == Secrecy::Needed {
            from.refuse(&[id, secret], Conflict::Incomplete { given: id, missing: secret });
        }
        Some(client)
    }
}

struct Texts(Vec<String>);

impl Value for Texts {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let texts = raw.list()?;
        let usable =
            |text: &String| !text.is_empty() && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if texts.iter().all(usable) {
            Ok(Self(texts))
        } else {
            Err(ValueError::Wanted("a list of texts without blanks"))
        }
    }

    fn show(&self) -> String {
        let shown: Vec<String> = self.0.iter().map(|text| quoted(text)).collect();
        format!("[{}]", shown.join(", "))
    }
}

struct SecretText(Secret);

impl Value for SecretText {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        Ok(Self(Secret::new(raw.text()?.to_owned())))
    }

    fn show(&self) -> String {
        quoted("")
    }
}

/// Without a slash at the end.
struct Url(String);

impl Value for Url {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        let text = raw.text()?;
        let is_local = ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|local| {
            text.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        });
        let host = text.strip_prefix("https://").map(|rest| rest.split('/').next().unwrap_or_default());
        let is_https = host.is_some_and(|host| !host.is_empty());
        let plain = text.chars().all(|c| c.is_ascii_graphic() && !"@?#\\\"<>".contains(c));
        if plain && (is_https || is_local) {
            return Ok(Self(text.trim_end_matches('/').to_owned()));
        }
        Err(not(text, "an address such as https://api.example.com; http:// is for this machine alone"))
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

/// As its tokens spell it, with a slash at the end where they have one.
struct Issuer(String);

impl Value for Issuer {
    fn read(raw: &Raw) -> Result<Self, ValueError> {
        Url::read(raw)?;
        Ok(Self(raw.text()?.to_owned()))
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}
