//! Chromium without a window, told what to do through its debugging pipe (the Chrome `DevTools` Protocol), so that no port is open and
//! nothing needs to be installed beside it. Must not know what pages are about.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, time::timeout};

use super::wait_for;

const PATIENCE: Duration = Duration::from_mins(1);

/// It takes commands on descriptor 3 and answers on 4: what are standard input and output for us.
const ON_PIPES: &str = r#"exec "$@" 3<&0 4>&1 0</dev/null 1>&2"#;
/// Root has no sandbox, and a container may have hardly any shared memory.
const OPTIONS: [&str; 9] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
];

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

pub(crate) struct Browser {
    child: Child,
    commands: Mutex<ChildStdin>,
    waiting: Waiting,
    next: AtomicU64,
    _profile: TempDir,
}

/// A tab.
pub(crate) struct Page<'b> {
    browser: &'b Browser,
    session: String,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", ON_PIPES, "sh", "chromium"]).args(OPTIONS);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.env("HOME", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a shell");
        let commands = Mutex::new(child.stdin.take().unwrap());
        let (answers, waiting) = (child.stdout.take().unwrap(), Waiting::default());
        let told = Arc::clone(&waiting);
        thread::spawn(move || hear(answers, &told));
        Self { child, commands, waiting, next: AtomicU64::new(1), _profile: profile }
    }

    /// A tab of somebody who has no cookies yet.
    pub(crate) async fn stranger(&self) -> Page<'_> {
        let context = self.call("Target.createBrowserContext", json!({}), None).await;
        let wanted = json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        let target = self.call("Target.createTarget", wanted, None).await;
        let wanted = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", wanted, None).await;
        Page { browser: self, session: attached["sessionId"].as_str().expect("a session").to_owned() }
    }

    async fn call(&self, method: &str, parameters: Value, session: Option<&str>) -> Value {
        let answer = self.try_call(method, parameters, session).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    async fn try_call(&self, method: &str, parameters: Value, session: Option<&str>) -> Result<Value, Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, told) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, tell);
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        let message = format!("{command}\0");
        self.commands.lock().unwrap().write_all(message.as_bytes()).expect("Chromium listens");
        let answer = timeout(PATIENCE, told).await;
        let mut answer = answer.unwrap_or_else(|_| panic!("no answer to {method}")).expect("Chromium runs");
        match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["result"].take()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Passes on answers until there are none.
fn hear(answers: ChildStdout, waiting: &Waiting) {
    for message in BufReader::new(answers).split(0).map_while(Result::ok) {
        let Ok(message) = serde_json::from_slice::<Value>(&message) else { continue };
        let id = message["id"].as_u64();
        let asker = id.and_then(|id| waiting.lock().unwrap().remove(&id));
        // Nobody waits for what merely happens.
        asker.map(|asker| asker.send(message));
    }
    waiting.lock().unwrap().clear();
}

impl Page<'_> {
    /// Goes there as a person does who types it.
    pub(crate) async fn open(&self, url: &str) {
        // The page before it answers for a moment still.
        self.until("the page to leave", "window.left = true").await;
        let gone = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(gone["errorText"].is_null(), "{url}: {gone}");
        self.until("another page", "window.left ? null : true").await;
    }

    /// Presses what this selector finds, once it is there.
    pub(crate) async fn press(&self, selector: &str) {
        self.once(selector, "found.click()").await;
    }

    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        self.once(selector, &format!("found.value = {}", json!(text))).await;
    }

    /// Its text, once it is there and has any.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let script = format!("document.querySelector({})?.innerText", json!(selector));
        let text = self.until(&format!("{selector} has text"), &script).await;
        text.as_str().expect("a text").to_owned()
    }

    pub(crate) async fn url(&self) -> String {
        self.until("an address", "location.href").await.as_str().unwrap().to_owned()
    }

    /// What an expression comes to, once that is more than nothing.
    pub(crate) async fn until(&self, what: &str, script: &str) -> Value {
        wait_for(what, PATIENCE, async || {
            let wanted = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
            // A page that is being left answers with an error.
            let found = self.browser.try_call("Runtime.evaluate", wanted, Some(&self.session)).await.ok()?;
            let value = found["result"]["value"].clone();
            (found["exceptionDetails"].is_null() && !matches!(value, Value::Null | Value::Bool(false)))
                .then_some(value)
                .filter(|value| value != "")
        })
        .await
    }

    /// As it looks, as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        BASE64.decode(shot["data"].as_str().expect("a picture").as_bytes()).unwrap()
    }

    async fn once(&self, selector: &str, act: &str) {
        let script = format!(
            "(() => {{ const found = document.readyState === 'complete' && document.querySelector({}); \
             if (found) {{ {act} }} return !!found }})()",
            json!(selector)
        );
        self.until(&format!("{selector} is there"), &script).await;
    }

    async fn call(&self, method: &str, parameters: Value) -> Value {
        self.browser.call(method, parameters, Some(&self.session)).await
    }
}
