//! One page in a browser that runs for it alone, driven by the DevTools protocol over a pipe.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Browser;

/// On a machine that does much else a browser starts slowly.
const PATIENCE: Duration = Duration::from_secs(120);
/// The browser listens on 3 and answers on 4; a child's can be set by a shell alone.
const SHELL: [&str; 3] = ["sh", "-c", "exec \"$0\" \"$@\" 3<&0 4>&1 >&2"];
/// As root, and without a graphics card. It has no business elsewhere: whatever it asks for goes to a proxy that nobody runs.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--proxy-server=127.0.0.1:9",
    "--remote-debugging-pipe",
];

/// A page that was opened. The browser ends with it.
pub struct Page {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    last: u64,
    /// What the browser told, in its order.
    events: VecDeque<Value>,
    // Dropped last.
    _profile: tempfile::TempDir,
}

impl Page {
    /// Opens a file and waits until it is there with all that it asks for.
    pub fn open(browser: &Browser, file: &Path) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut command = browser.command(&SHELL);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.path().display()));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(profile.path().join("stderr"))?)
            .spawn()
            .with_context(|| format!("cannot run {}", browser.program().display()))?;
        let (commands, answers) = (child.stdin.take().context("no pipe")?, child.stdout.take().context("no pipe")?);
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let (session, last, events) = (String::new(), 0, VecDeque::new());
        let mut page = Self { child, commands, messages, session, last, events, _profile: profile };
        page.navigate(file).with_context(|| page.last_words())?;
        Ok(page)
    }

    fn navigate(&mut self, file: &Path) -> Result<()> {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        self.session = text(&self.call("Target.attachToTarget", attach)?["sessionId"]);
        for domain in ["Page", "Network", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}))?;
        }
        let file = std::fs::canonicalize(file)?;
        self.events.clear();
        let opened = self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}))?;
        if opened["errorText"].is_string() {
            bail!("{}: {}", file.display(), opened["errorText"]);
        }
        let end = Instant::now() + PATIENCE;
        while self.told("Page.loadEventFired").is_empty() {
            let message = self.next(end)?;
            self.events.push_back(message);
        }
        Ok(())
    }

    /// As it looks with this media: `print`, or `screen` with `prefers-color-scheme: dark`.
    pub fn looks(&mut self, media: &str, scheme: &str) -> Result<()> {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"media": media, "features": features})).map(drop)
    }

    /// In a window of this width.
    pub fn is_wide(&mut self, width: u32) -> Result<()> {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", metrics).map(drop)
    }

    /// What an expression of JavaScript, which the page itself need not be allowed, says of it.
    pub fn tell(&mut self, expression: &str) -> Result<Value> {
        let answer = self.call("Runtime.evaluate", json!({"expression": expression, "returnByValue": true}))?;
        match answer.get("exceptionDetails") {
            Some(thrown) => bail!("{expression}: {thrown}"),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// A picture of what is in the window, as PNG in base64.
    pub fn picture(&mut self) -> Result<String> {
        Ok(text(&self.call("Page.captureScreenshot", json!({"format": "png"}))?["data"]))
    }

    /// The addresses of all that was asked for, the page itself first.
    pub fn requests(&self) -> Vec<String> {
        let of = |event: &&Value| text(&event["params"]["request"]["url"]);
        self.told("Network.requestWillBeSent").iter().map(of).collect()
    }

    /// What the browser complained of: errors of scripts, and what a policy of the page's refused.
    pub fn complaints(&self) -> Vec<String> {
        let thrown = self.told("Runtime.exceptionThrown").into_iter().map(|e| e["params"].to_string());
        let logged = self.told("Log.entryAdded").into_iter().map(|e| text(&e["params"]["entry"]["text"]));
        thrown.chain(logged).collect()
    }

    fn told(&self, method: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["method"] == method).collect()
    }

    fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).context("the browser has gone")?;
        let end = Instant::now() + PATIENCE;
        loop {
            let mut answer = self.next(end).with_context(|| method.to_owned())?;
            if answer["id"] != self.last {
                self.events.push_back(answer);
            } else if let Some(error) = answer.get("error") {
                bail!("{method}: {error}");
            } else {
                return Ok(answer["result"].take());
            }
        }
    }

    fn next(&self, end: Instant) -> Result<Value> {
        match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(message) => Ok(message),
            Err(RecvTimeoutError::Timeout) => bail!("the browser does not answer"),
            Err(RecvTimeoutError::Disconnected) => bail!("the browser has gone"),
        }
    }

    fn last_words(&self) -> String {
        let mut said = String::new();
        let log = std::fs::File::open(self._profile.path().join("stderr"));
        drop(log.map(|mut log| log.read_to_string(&mut said)));
        said
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_default().to_owned()
}
